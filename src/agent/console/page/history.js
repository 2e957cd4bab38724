// What is on file of the person at the window. Every look goes into the ledger, so it is shown when the clerk asks for it,
// not with every card.
import { call } from './calls.js';
import { $, fill, make } from './elements.js';
import { safety } from './filing.js';
import { kindName } from './kinds.js';
import { attempt } from './notices.js';
import { maySee, withDossier } from './person.js';
import { imageOf } from './pictures.js';
import { openRefile } from './refile.js';
import { openViewer } from './viewer.js';
import { moment, pagesWord, word } from './words.js';

const AT_ONCE = 10;

let materials = [];
let next = null;
let repository = null;
let isShown = false;
let round = 0;
/** A material's thumbnail is asked for once. */
const thumbnails = new Map();

export function beginHistory() {
  $('history-load').addEventListener('click', showHistory);
  $('history-more').addEventListener('click', () => load(next));
}

export function showHistory() {
  return load(null);
}

/** A paper was filed: it is shown where the clerk is looking at the list already. */
export function historyGrew() {
  return isShown ? load(null) : undefined;
}

/** The paper of the list that has the focus. */
export function focusedPaper() {
  const row = document.activeElement && document.activeElement.closest('#history li');
  return (row && materials.find((material) => material.id === row.dataset.material)) || null;
}

/** A paper was put right: what is shown of it is not as it is. */
export function historyChanged() {
  return isShown ? load(null) : undefined;
}

export function clearHistory() {
  round += 1;
  materials = [];
  next = null;
  isShown = false;
  thumbnails.clear();
  renderHistory();
}

async function load(cursor) {
  if (!maySee()) return;
  round += 1;
  const mine = round;
  await attempt(async () => {
    const query = { scope: 'all', limit: AT_ONCE, cursor };
    const answer = await withDossier((holder) => call('GET', `/v1/holders/${holder}/materials`, { query }));
    // The person may have left meanwhile.
    if (mine !== round) return;
    materials = cursor ? materials.concat(answer.materials) : answer.materials;
    next = answer.next_cursor;
    repository = answer.repository;
    isShown = true;
    renderHistory();
  });
}

export function renderHistory() {
  $('history-load').disabled = !maySee();
  $('history-more').hidden = next === null;
  $('history-note').textContent = isShown ? sources() : word('history_recorded');
  if (!isShown) {
    fill($('history'));
    return;
  }
  fill($('history'), ...(materials.length > 0 ? materials.map(item) : [make('li', { className: 'hint' }, word('history_none'))]));
}

function sources() {
  if (repository === 'unreachable') return `⚠ ${word('history_away')}`;
  return repository === 'answered' ? word('history_all') : word('history_recorded');
}

function item(material) {
  const path = (page) => `/v1/materials/${material.id}/pages/${page.page}/image`;
  if (!thumbnails.has(material.id)) thumbnails.set(material.id, imageOf(path(material.pages[0]), 'thumbnail', ''));
  const name = kindName(material.kind);
  const look = make('button', { type: 'button', className: 'thumb', 'aria-label': word('look', { what: name }) },
    thumbnails.get(material.id));
  look.addEventListener('click', () => openViewer(name, material.pages.map(path)));
  const title = make('p', { className: 'kind' }, name, ' ',
    make('span', { className: 'small' }, pagesWord(material.pages.length)));
  const put = make('button', { type: 'button', 'aria-keyshortcuts': 'G' }, word('refile'), ' ', make('kbd', null, 'G'));
  put.addEventListener('click', () => openRefile(material));
  return make('li', { 'data-material': material.id }, look, title,
    make('p', { className: 'small' }, word('filed_at', { time: moment(material.filed_at), counter: material.counter })),
    make('div', { className: 'small' }, ...remarks(material)), make('p', { className: 'actions' }, put));
}

function remarks(material) {
  const line = (text, manner = '') => make('p', { className: manner }, text);
  const found = [];
  if (material.status !== 'current') found.push(line(`⚠ ${word(material.status)}`, 'warn'));
  if (material.duplicate_of) found.push(line(`⚠ ${word('duplicate_of')}`, 'warn'));
  if (material.case) found.push(line(`${word('case')} ${material.case}`));
  if (material.note) found.push(line(material.note));
  found.push(line(safety(material)));
  if (material.origin === 'simulated') found.push(line(word('is_simulated')));
  return found;
}
