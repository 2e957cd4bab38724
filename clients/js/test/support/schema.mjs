// Holds a value against a schema of the OpenAPI document: as much of JSON Schema as the document uses.

/** What is wrong with the value; empty where nothing is. */
export function faultsOf(document, schema, value, at = '') {
  if (schema.$ref) return faultsOf(document, document.components.schemas[schema.$ref.split('/').pop()], value, at);
  if (schema.oneOf) {
    const each = schema.oneOf.map((one) => faultsOf(document, one, value, at));
    return each.some((faults) => faults.length === 0) ? [] : each[0];
  }
  const types = [schema.type].flat();
  if (!types.some((type) => isA(type, value))) return [`${at}: ${JSON.stringify(value)} is no ${types.join(' or ')}`];
  if (value === null) return [];
  const faults = [];
  if (schema.enum && !schema.enum.includes(value)) faults.push(`${at}: ${value} is none of ${schema.enum}`);
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity)) faults.push(`${at}: length`);
    value.forEach((item, i) => faults.push(...faultsOf(document, schema.items, item, `${at}[${i}]`)));
  } else if (typeof value === 'object' && schema.properties) {
    for (const name of schema.required ?? []) if (!(name in value)) faults.push(`${at}.${name} is missing`);
    for (const [name, item] of Object.entries(value)) {
      const of = schema.properties[name];
      faults.push(...(of ? faultsOf(document, of, item, `${at}.${name}`) : [`${at}.${name} is not known`]));
    }
  }
  return faults;
}

function isA(type, value) {
  switch (type) {
    case 'null': return value === null;
    case 'array': return Array.isArray(value);
    case 'object': return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'integer': return Number.isInteger(value);
    default: return typeof value === type;
  }
}
