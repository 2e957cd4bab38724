// Every call: what it needs, what it takes, what it answers and how it can fail.
import { codesOf } from './codes.js';
import { code, link, make, part, sample, table } from './elements.js';
import { inline, prose } from './prose.js';
import { exampleOf, follow, typeOf, typeWithBounds } from './schemas.js';
import { word } from './words.js';

/** The calls of the document, one after the other. */
export function operationsOf(document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })));
}

function scopeOf(operation) {
  const security = operation.security ?? [];
  const scopes = security.flatMap((one) => Object.values(one).flat());
  const text = security.length === 0 ? [word('scope_none')] : scopes.length === 0 ? [word('scope_any')]
    : scopes.flatMap((scope, at) => [at > 0 ? ` ${word('or')} ` : null, code(scope)]);
  return make('p', {}, `${word('scope')}: `, ...text);
}

function parametersOf(document, operation) {
  const all = (operation.parameters ?? []).map((one) => follow(document, one));
  if (all.length === 0) return [];
  const rows = all.map((one) => [
    [code(one.name), one.required ? make('span', { class: 'soft' }, ` ${word('required')}`) : null],
    one.in, typeWithBounds(one.schema), inline((one.description ?? '').replaceAll('\n', ' ')),
  ]);
  return [make('h4', {}, word('parameters')), table([word('name'), word('place'), word('type'), word('meaning')], rows)];
}

/** A kind of content: its media type, its shape, and an example of it. */
function contentOf(document, [type, content]) {
  const named = Object.values(content.examples ?? {}).map((one) => follow(document, one).value);
  const example = content.example ?? named[0] ?? exampleOf(document, content.schema);
  return [
    make('p', {}, code(type), ' ', ...typeOf(content.schema)),
    ...(example === undefined ? [] : [sample(example)]),
  ];
}

function bodyOf(document, operation) {
  const body = operation.requestBody;
  if (!body) return [];
  const heading = body.required ? word('body') : `${word('body')} (${word('body_optional')})`;
  return [make('h4', {}, heading), ...Object.entries(body.content).flatMap((one) => contentOf(document, one))];
}

function answerOf(document, [status, response]) {
  const codes = codesOf(response);
  if (codes.length > 0) {
    return make('p', { class: 'refusal' }, make('strong', {}, status), ' ',
      ...codes.flatMap((name) => [link(`code-${name}`, code(name)), ' ']));
  }
  const content = Object.entries(response.content ?? {});
  return make('div', { class: 'answer' },
    make('p', {}, make('strong', {}, status), ' ', ...inline(response.description ?? ''), content.length > 0 ? null : ` (${word('no_content')})`),
    ...content.flatMap((one) => contentOf(document, one)));
}

/** One call. */
export function call(document, { path, method, operation }) {
  const heading = [make('span', { class: `method ${method.toLowerCase()}` }, method), ' ', code(path)];
  return part(operation.operationId, 'h3', heading,
    make('p', { class: 'soft' }, code(operation.operationId)),
    make('p', { class: 'strong' }, inline(operation.summary ?? '')),
    ...prose((operation.description ?? '').replace(/\n\nScope: [^\n]*$/, '')),
    scopeOf(operation),
    ...parametersOf(document, operation),
    ...bodyOf(document, operation),
    make('h4', {}, word('answers')),
    ...Object.entries(operation.responses).map((one) => answerOf(document, one)));
}
