// What kind of paper it is, and filing it for the person at the window.
import { call, newKey } from './calls.js';
import { $, all, fill, make } from './elements.js';
import { keep } from './hand.js';
import { KINDS, kindName } from './kinds.js';
import { forget, say, tell } from './notices.js';
import { captureIds, clearPages, countPages } from './pages.js';
import { person, withDossier } from './person.js';
import { pagesWord, word } from './words.js';

let isFiling = false;
/** One filing under one key, so that asking again after a lost answer files nothing twice. */
let pending = { request: '', key: '' };
let filed = null;
/** Whether the repository has all that lies here; null: there is none. */
let isAllSent = null;
let onFiled = () => {};

/** Begins; `done` is told when a paper has been filed. */
export function beginFiling(done) {
  onFiled = done;
  $('filing-form').addEventListener('submit', (event) => {
    event.preventDefault();
    file();
  });
  $('kind').addEventListener('input', () => {
    if ($('kind').value.trim()) check(null);
    keepChoice();
  });
  $('case').addEventListener('input', keepChoice);
  fill($('kinds'), ...KINDS.map(kindChoice));
}

function kindChoice(kind, index) {
  const radio = make('input', { type: 'radio', name: 'kind', value: kind });
  radio.addEventListener('change', () => {
    $('kind').value = '';
    keepChoice();
  });
  return make('label', null, radio,
    make('span', null, make('span', { 'data-word': kind }, word(kind)), ' ', make('kbd', null, String(index + 1))));
}

export function chooseKind(index) {
  check(KINDS[index]);
  $('kind').value = '';
  keepChoice();
}

/** A reload does not lose what was chosen. */
function keepChoice() {
  keep({ kind: chosenKind(), case: $('case').value });
}

/** What was chosen before a reload. */
export function chooseAgain({ kind = '', case: number = '' }) {
  $('case').value = number;
  check(kind);
  $('kind').value = KINDS.includes(kind) ? '' : kind;
}

function check(kind) {
  for (const radio of all('[name=kind]')) radio.checked = radio.value === kind;
}

function chosenKind() {
  const radio = all('[name=kind]:checked')[0];
  return $('kind').value.trim() || (radio ? radio.value : '');
}

export async function file() {
  if (isFiling) return;
  const missing = whatIsMissing();
  if (missing) {
    filed = null;
    say($('result'), 'warn', word(missing));
    return;
  }
  isFiling = true;
  forget();
  say($('result'), '', word('filing_now'));
  $('file').disabled = true;
  try {
    const body = request();
    const material = await withDossier(() => call('POST', '/v1/materials', { body, key: keyFor(body) }));
    filed = material;
    pending = { request: '', key: '' };
    clearPages();
    check(null);
    for (const id of ['kind', 'note']) $(id).value = '';
    keepChoice();
    // The next key is one for the page again.
    document.activeElement.blur();
    renderResult();
    onFiled(material);
  } catch (failure) {
    filed = null;
    fill($('result'));
    tell(failure);
  }
  isFiling = false;
  $('file').disabled = false;
}

function whatIsMissing() {
  if (!person.holder) return 'need_person';
  if (countPages() === 0) return 'need_pages';
  return chosenKind() ? null : 'need_kind';
}

function request() {
  return {
    holders: [person.holder], kind: chosenKind(), captures: captureIds(),
    case: $('case').value.trim() || null, note: $('note').value.trim() || null,
  };
}

function keyFor(body) {
  const written = JSON.stringify(body);
  if (pending.request !== written) pending = { request: written, key: newKey() };
  return pending.key;
}

/** A new page is in hand: what was filed last must not be taken for it. */
export function nextPaper() {
  filed = null;
  fill($('result'));
}

/** What was filed last is another person's affair now. */
export function forgetFiled() {
  filed = null;
  fill($('result'));
  for (const id of ['kind', 'note', 'case']) $(id).value = '';
  check(null);
  keepChoice();
}

/** How the repository stands: with nothing to be sent, what was filed is there too. */
export function syncChanged(sync) {
  isAllSent = sync.repository === 'none' ? null : sync.backlog_materials === 0;
  if (filed) renderResult();
}

/** Where a material is safe, in words. */
export function safety(material) {
  if (material.safe_at === 'repository' || isAllSent) return word('repository');
  return word(isAllSent === null ? 'this_pc' : 'this_pc_waits');
}

export function renderResult() {
  if (!filed) return;
  const name = kindName(filed.kind);
  const title = filed.duplicate ? word('filed_duplicate') : word('filed', { kind: name, pages: pagesWord(filed.pages.length) });
  say($('result'), 'good', make('b', null, title),
    filed.duplicate_of && !filed.duplicate ? make('p', { className: 'warn' }, `⚠ ${word('duplicate_of')}`) : null,
    make('p', null, safety(filed)));
}
