// Elements of what they hold; texts stay texts.
import { word } from './words.js';

/** An element; `given` are attributes, `inside` texts and elements, of which nothing is left out. */
export function make(name, given = {}, ...inside) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(given)) if (value !== undefined) element.setAttribute(key, value);
  element.append(...inside.flat().filter((one) => one !== null && one !== undefined));
  return element;
}

export const link = (to, ...inside) => make('a', { href: `#${to}` }, ...inside);
export const code = (text) => make('code', {}, text);

/** A part that can be linked to and found; it says its name first. */
export function part(id, level, heading, ...inside) {
  const anchor = make('a', { href: `#${id}`, class: 'anchor', 'aria-label': word('link_to', { name: id }) }, '#');
  return make('article', { id, tabindex: '-1' }, make(level, {}, heading, ' ', anchor), ...inside);
}

/** A table with a row of headings; rows are lists of what stands in their cells. */
export function table(headings, rows) {
  const head = make('tr', {}, headings.map((text) => make('th', { scope: 'col' }, text)));
  const body = rows.map((cells) => make('tr', {}, cells.map((cell) => make('td', {}, ...[cell].flat()))));
  return make('div', { class: 'table', tabindex: '0', role: 'region', 'aria-label': headings.join(', ') },
    make('table', {}, make('thead', {}, head), make('tbody', {}, body)));
}

/** An example, whole. */
export function sample(value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return make('pre', { tabindex: '0', role: 'region', 'aria-label': word('example') }, code(text));
}
