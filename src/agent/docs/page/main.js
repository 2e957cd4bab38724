// The reference, rendered from the service's own document. This file only puts the parts together.
import { call, operationsOf } from './calls.js';
import { codes } from './codes.js';
import { link, make, part } from './elements.js';
import { prose } from './prose.js';
import { schemas } from './schemas.js';
import { beginSearch, reveal, search } from './search.js';
import { change, speak, word } from './words.js';

const contents = document.getElementById('contents');
const reference = document.getElementById('reference');
let api = null;

/** A heading with its parts, and the same in the contents. */
function add(id, title, about, articles) {
  reference.append(make('section', { 'aria-labelledby': id }, make('h2', { id }, title), ...about, ...articles));
  const entries = articles.map((one) => make('li', {}, link(one.id, one.dataset.entry ?? one.id.replace(/^(schema|code)-/, ''))));
  contents.append(make('section', {}, make('h2', {}, link(id, title)), make('ul', {}, entries)));
}

function render() {
  speak();
  if (api === null) return;
  document.getElementById('version').textContent = api.info.version;
  contents.replaceChildren();
  reference.replaceChildren();
  add('service-about', word('about'), [], [part('about', 'h3', api.info.title, ...prose(api.info.description))]);
  const operations = operationsOf(api);
  for (const { name, description } of api.tags) {
    const mine = operations.filter(({ operation }) => operation.tags[0] === name);
    add(`tag-${name}`, name, prose(description), mine.map((one) => call(api, one)));
  }
  add('codes', word('codes'), [make('p', {}, word('codes_about'))], codes(api, operations));
  add('schemas', word('schemas'), [], schemas(api));
  search();
}

/** To where the address says, also when it says so before anything is there. */
function go() {
  const id = decodeURIComponent(location.hash.slice(1));
  const there = id && (reveal(id) ?? document.getElementById(id));
  if (!there) return;
  there.scrollIntoView();
  there.focus({ preventScroll: true });
}

document.getElementById('language').addEventListener('click', () => {
  change();
  render();
});
window.addEventListener('hashchange', go);
beginSearch();
speak();
try {
  const response = await fetch('/v1/openapi.json');
  api = await response.json();
  render();
  document.body.dataset.ready = 'yes';
  go();
} catch (error) {
  const wrong = document.getElementById('wrong');
  wrong.textContent = word('unreachable');
  wrong.hidden = false;
  console.error(error);
}
