// What shapes there are: each with its fields, their types and bounds, and an example.
import { code, link, make, part, sample, table } from './elements.js';
import { inline, prose } from './prose.js';
import { word } from './words.js';

const BOUNDS = ['minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'pattern', 'default', 'format'];
const nameOf = (reference) => reference.split('/').pop();

/** What a `$ref` leads to. */
export function follow(document, one) {
  if (!one?.$ref) return one;
  return one.$ref.split('/').slice(1).reduce((at, name) => at[name], document);
}

/** The type in words, named shapes as links. */
export function typeOf(schema = {}) {
  if (schema.$ref) return [link(`schema-${nameOf(schema.$ref)}`, nameOf(schema.$ref))];
  const choice = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (choice) return choice.flatMap((one, at) => [at > 0 ? ' | ' : null, ...typeOf(one)]);
  if (schema.items) return ['[', ...typeOf(schema.items), ']', [schema.type].flat().includes('null') ? ' | null' : null];
  return [[schema.type ?? 'any'].flat().join(' | ')];
}

/** Its bounds: what is said of it beside its type. */
function boundsOf(schema) {
  const bounds = BOUNDS.filter((name) => name in schema && schema[name] !== null);
  const texts = bounds.map((name) => `${name} ${JSON.stringify(schema[name])}`);
  return texts.length > 0 ? [make('br'), make('span', { class: 'soft' }, texts.join(', '))] : [];
}

/** The type with its bounds, and the words it may be. */
export function typeWithBounds(schema) {
  const words = schema.enum ? [make('br'), ...schema.enum.flatMap((one) => [code(String(one)), ' '])] : [];
  return [...typeOf(schema), ...boundsOf(schema), ...words];
}

/** An example of a shape, where the document has one. */
export function exampleOf(document, schema) {
  const shape = follow(document, schema);
  return shape?.examples?.[0] ?? shape?.example;
}

function fieldsOf(schema) {
  const required = schema.required ?? [];
  const rows = Object.entries(schema.properties).map(([name, field]) => [
    [code(name), required.includes(name) ? make('span', { class: 'soft' }, ` ${word('required')}`) : null],
    typeWithBounds(field),
    inline((field.description ?? '').replaceAll('\n', ' ')),
  ]);
  return table([word('name'), word('type'), word('meaning')], rows);
}

/** Every shape of the document. */
export function schemas(document) {
  return Object.entries(document.components.schemas).map(([name, schema]) => {
    const example = exampleOf(document, schema);
    return part(`schema-${name}`, 'h3', code(name),
      ...prose(schema.description),
      schema.properties ? fieldsOf(schema) : make('p', {}, ...typeWithBounds(schema)),
      ...(example === undefined ? [] : [sample(example)]));
  });
}
