// Finding by text: what does not hold every word that was typed is out of sight, in the reference and in the contents.
import { word } from './words.js';

const field = document.getElementById('search');

/** Shows what holds the words, or everything where none is typed. */
export function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = new Set();
  for (const article of document.querySelectorAll('main article')) {
    const text = article.textContent.toLowerCase();
    article.hidden = !words.every((one) => text.includes(one));
    if (!article.hidden) shown.add(`#${article.id}`);
  }
  for (const entry of document.querySelectorAll('nav li')) entry.hidden = !shown.has(entry.firstChild.getAttribute('href'));
  for (const section of document.querySelectorAll('main section, nav section')) {
    section.hidden = !section.querySelector('article:not([hidden]), li:not([hidden])');
  }
  document.getElementById('found').textContent = words.length > 0 ? word('found', { n: shown.size }) : '';
}

/** Listens to the field, and to the key that leads to it. */
export function beginSearch() {
  field.addEventListener('input', search);
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    field.value = '';
    search();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.altKey || event.metaKey || document.activeElement === field) return;
    event.preventDefault();
    field.focus();
  });
}

/** What is linked to is not left out of sight. */
export function reveal(id) {
  const article = document.getElementById(id);
  if (article?.hidden) {
    field.value = '';
    search();
  }
  return article;
}
