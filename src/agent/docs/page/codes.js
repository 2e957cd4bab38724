// Every code that an answer can have: in both languages, with what to do and which calls can answer it.
import { code, link, make, part } from './elements.js';
import { inline } from './prose.js';
import { word } from './words.js';

/** The calls that can answer each code. */
function callsByCode(operations) {
  const found = new Map();
  for (const { operation } of operations) {
    for (const response of Object.values(operation.responses)) {
      for (const name of codesOf(response)) found.set(name, [...(found.get(name) ?? []), operation.operationId]);
    }
  }
  return found;
}

/** The codes that a response can bring. */
export function codesOf(response) {
  return Object.keys(response.content?.['application/problem+json']?.examples ?? {});
}

function inLanguage(lang, title, remedy) {
  return make('div', { lang, class: 'told' }, make('p', { class: 'strong' }, inline(title)), make('p', {}, inline(remedy)));
}

/** All codes. */
export function codes(document, operations) {
  const calls = callsByCode(operations);
  return Object.entries(document.components.examples).filter(([, example]) => example.value?.code).map(([name, example]) => {
    const by = (calls.get(name) ?? []).flatMap((id) => [link(id, id), ' ']);
    return part(`code-${name}`, 'h3', [code(name), ' ', make('span', { class: 'soft' }, String(example.value.status))],
      inLanguage('zh-CN', example.value.title, example.value.remedy),
      inLanguage('en', example.summary, example.description),
      make('p', {}, by.length > 0 ? `${word('answered_by')}: ` : word('answered_by_any'), ...by));
  });
}
