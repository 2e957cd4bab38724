// Writes src/schema.ts (types), src/operations.ts (every call's method and path) and src/problems.ts (what each code says)
// from the OpenAPI document that the daemon's own tests keep true. With --check it writes nothing and fails where what is checked in is not what it makes.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const HEAD = '// Made from fixtures/openapi.json by tools/generate.mjs (`npm run generate`); not to be edited.\n';
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The texts of the files, by path. */
export function generated(document) {
  return {
    [here('../src/schema.ts')]: HEAD + types(document),
    [here('../src/operations.ts')]: HEAD + operations(document),
    [here('../src/problems.ts')]: HEAD + problems(document),
  };
}

export function readDocument() {
  return JSON.parse(readFileSync(here('../../../fixtures/openapi.json'), 'utf8'));
}

/** Every call of the document: its name, what it is, its parameters by where they stand. */
export function callsOf(document) {
  const calls = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, call] of Object.entries(methods)) {
      const parameters = (call.parameters ?? []).map((p) =>
        p.$ref ? document.components.parameters[p.$ref.split('/').pop()] : p);
      calls.push({ name: call.operationId, method: method.toUpperCase(), path, parameters, call });
    }
  }
  return calls;
}

function types(document) {
  const parts = Object.entries(document.components.schemas).map(([name, schema]) => declaration(name, schema));
  for (const { name, parameters } of callsOf(document)) {
    const query = parameters.filter((p) => p.in === 'query');
    if (query.length === 0) continue;
    const fields = query.map((p) => field(p.name, { description: p.description, ...p.schema }, !p.required));
    const title = `${name[0].toUpperCase()}${name.slice(1)}Query`;
    parts.push(`/** What narrows \`${name}\` down. */\nexport interface ${title} {\n${fields.join('')}}\n`);
  }
  parts.push(eventTypes(document.components.schemas.Event));
  return `\n${parts.join('\n')}`;
}

/** The document names the known events in words only; they are read out of that sentence. */
function eventTypes(event) {
  const words = event.properties.type.description.match(/`[a-z]+\.[a-z_]+`/g) ?? [];
  const union = [...new Set(words)].map((word) => `'${word.slice(1, -1)}'`).join(' | ');
  return `/** The types of events that are known; more may come. */\nexport type EventType = ${union};\n`;
}

function operations(document) {
  const rows = callsOf(document).map(({ name, method, path }) => `  ${name}: ['${method}', '${path}'],\n`);
  return `
/** Method and path of every call, by its name. */
export const OPERATIONS = {
${rows.join('')}} as const;

/** The name of a call. */
export type OperationName = keyof typeof OPERATIONS;
`;
}

/** Both languages stand in the document's examples. */
function problems(document) {
  const quoted = (text) => `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`;
  const words = (zh, en) => `{\n      zh: ${quoted(zh)},\n      en: ${quoted(en)},\n    }`;
  const rows = Object.entries(document.components.examples).filter(([, e]) => e.value?.remedy).map(([code, e]) =>
    `  ${code}: {\n    status: ${e.value.status},\n    title: ${words(e.value.title, e.summary)},\n`
    + `    remedy: ${words(e.value.remedy, e.description)},\n  },\n`);
  return `
import type { ProblemCode } from './schema.js';
import type { Advice } from './words.js';

/** What each of the service's codes says, and its status. */
export const PROBLEMS: { [code in ProblemCode]: Advice & { status: number } } = {
${rows.join('')}};
`;
}

function declaration(name, schema) {
  if (schema.properties) {
    const required = new Set(schema.required ?? []);
    const fields = Object.entries(schema.properties).map(([key, of]) => field(key, of, !required.has(key)));
    return `${comment(schema.description, '')}export interface ${name} {\n${fields.join('')}}\n`;
  }
  return `${comment(schema.description, '')}export type ${name} = ${type(schema)};\n`;
}

function field(name, schema, optional) {
  return `${comment(schema.description, '  ')}  ${name}${optional ? '?' : ''}: ${type(schema)};\n`;
}

function type(schema) {
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.oneOf) return schema.oneOf.map(type).join(' | ');
  if (Array.isArray(schema.type)) return schema.type.map((one) => type({ ...schema, type: one })).join(' | ');
  if (schema.enum) return schema.enum.map((word) => (typeof word === 'string' ? `'${word}'` : word)).join(' | ');
  switch (schema.type) {
    case 'null': return 'null';
    case 'boolean': return 'boolean';
    case 'integer':
    case 'number': return 'number';
    case 'string': return schema.format === 'binary' ? 'Blob' : 'string';
    case 'object': return '{ [name: string]: any }';
    case 'array': return array(schema);
    default: throw new Error(`a schema of a kind that is not known here: ${JSON.stringify(schema)}`);
  }
}

function array(schema) {
  const item = type(schema.items);
  if (schema.minItems && schema.minItems === schema.maxItems) return `[${Array(schema.minItems).fill(item).join(', ')}]`;
  return item.includes('|') ? `(${item})[]` : `${item}[]`;
}

function comment(text, indent) {
  return text ? `${indent}/** ${text.replace(/\s+/g, ' ').replace(/\*\//g, '* /')} */\n` : '';
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of Object.entries(generated(readDocument()))) {
    if (!process.argv.includes('--check')) {
      writeFileSync(path, text);
    } else if (readFileSync(path, 'utf8') !== text) {
      console.error(`${path} is not what fixtures/openapi.json says; run: npm run generate`);
      process.exitCode = 1;
    }
  }
}
