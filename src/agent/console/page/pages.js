// The pages in hand: captured for the paper that is to be filed next, in their order.
import { call, newKey } from './calls.js';
import { $, fill, make } from './elements.js';
import { keep } from './hand.js';
import { attempt, say } from './notices.js';
import { person, withDossier } from './person.js';
import { imageOf } from './pictures.js';
import { tellQuality } from './quality.js';
import { openViewer } from './viewer.js';
import { pagesWord, word } from './words.js';

/** The captures in order, and for whom the first was made. */
let pages = [];
let owner = null;
let at = -1;
/** What the next capture does: null: comes last; `retake`: takes the chosen page's place; `insert`: goes before it. */
let aim = null;
let isCapturing = false;
let told = null;
let onChange = () => {};

/** Begins; `changed` is told when pages come and go. */
export function beginPages(changed) {
  onChange = changed;
  $('capture').addEventListener('click', capture);
  $('page-retake').addEventListener('click', () => aimAt('retake'));
  $('page-insert').addEventListener('click', () => aimAt('insert'));
  $('page-back').addEventListener('click', () => move(-1));
  $('page-on').addEventListener('click', () => move(1));
  $('page-remove').addEventListener('click', takeOut);
}

export const captureIds = () => pages.map((page) => page.id);
export const countPages = () => pages.length;
export const isInHand = (id) => pages.some((page) => page.id === id);

export async function capture() {
  if (isCapturing) return;
  isCapturing = true;
  renderPages();
  await attempt(async () => {
    const forWhom = person.holder;
    const taken = forWhom ? await withDossier((holder) => take(holder)) : await take(null);
    // Captured for one person, and another has come meanwhile: it waits in the tray.
    if (forWhom !== null && person.holder !== forWhom) return;
    await place(taken, forWhom);
  });
  isCapturing = false;
  renderPages();
  onChange();
}

function take(holder) {
  return call('POST', '/v1/captures', { body: holder ? { holder } : {}, key: newKey() });
}

async function place(taken, forWhom) {
  const replaced = aim === 'retake' ? pages[at] : null;
  const where = aim === null || at < 0 ? pages.length : at;
  pages.splice(where, replaced ? 1 : 0, taken);
  if (owner === null) owner = forWhom;
  aim = null;
  at = where;
  told = taken;
  renderQuality();
  if (replaced) await call('DELETE', `/v1/captures/${replaced.id}`, { key: newKey() });
}

/** Says how legible the capture is that was looked at last. */
export function renderQuality() {
  const n = pages.indexOf(told) + 1;
  if (n > 0) tellQuality($('quality'), told, n);
}

/** The pages that were in hand before a reload, those of them that still wait to be filed. */
export function pagesAgain(kept, ofWhom) {
  if (pages.length > 0 || kept.length === 0) return;
  pages = kept;
  owner = ofWhom;
  at = pages.length - 1;
  renderPages();
  onChange();
}

/** Takes a capture of the tray into the pages in hand. */
export function addPage(taken) {
  pages.push(taken);
  owner = owner || person.holder;
  at = pages.length - 1;
  renderPages();
  onChange();
}

function aimAt(wish) {
  if (at < 0) return;
  aim = aim === wish ? null : wish;
  renderPages();
}

/** Gives up retaking or inserting. */
export function aimAway() {
  aim = null;
  renderPages();
}

export function retakeChosen() {
  aimAt('retake');
}

export function insertBeforeChosen() {
  aimAt('insert');
}

export function choose(by) {
  if (pages.length === 0) return;
  at = Math.min(pages.length - 1, Math.max(0, at + by));
  told = pages[at];
  renderQuality();
  renderPages();
}

export function move(by) {
  const to = at + by;
  if (at < 0 || to < 0 || to >= pages.length) return;
  pages.splice(to, 0, pages.splice(at, 1)[0]);
  at = to;
  say($('quality'), '', word('moved', { n: to + 1 }));
  told = null;
  renderPages();
}

/** The page goes back into the tray: nothing is thrown away by one key. */
export function takeOut() {
  if (at < 0) return;
  pages.splice(at, 1);
  at = Math.min(at, pages.length - 1);
  aim = null;
  if (pages.length === 0) owner = null;
  say($('quality'), '', word('removed'));
  told = null;
  renderPages();
  onChange();
}

/** They are filed, or somebody else is at the window. */
export function clearPages() {
  pages = [];
  owner = null;
  at = -1;
  aim = null;
  told = null;
  fill($('quality'));
  renderPages();
  onChange();
}

/** Another person's pages are never filed for this one: they wait in the tray. */
export function personChanged(holder) {
  if (pages.length === 0) return;
  if (owner === null && holder !== null) {
    owner = holder;
  } else if (owner !== null && owner !== holder) {
    const asides = pagesWord(pages.length);
    clearPages();
    say($('quality'), 'warn', word('put_aside', { pages: asides }));
  }
}

export function openChosen(from = at) {
  if (from < 0) return;
  openViewer(word('pages'), pages.map((page) => `/v1/captures/${page.id}/image`), from);
}

export function renderPages() {
  keep({ captures: captureIds(), owner });
  $('capture').disabled = isCapturing;
  $('capture-word').textContent = captureWord();
  $('pages-count').textContent = pages.length > 0 ? pagesWord(pages.length) : '';
  for (const id of ['page-retake', 'page-insert', 'page-remove']) $(id).disabled = at < 0;
  $('page-retake').setAttribute('aria-pressed', String(aim === 'retake'));
  $('page-insert').setAttribute('aria-pressed', String(aim === 'insert'));
  $('page-back').disabled = at < 1;
  $('page-on').disabled = at < 0 || at >= pages.length - 1;
  const hadFocus = $('pages').contains(document.activeElement);
  const shown = pages.map(pageItem);
  fill($('pages'), ...(shown.length > 0 ? shown : [make('li', { className: 'nothing' }, word('pages_none'))]));
  if (at < 0) return;
  const chosen = $('pages').children[at].firstElementChild;
  chosen.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  if (hadFocus) chosen.focus();
}

function captureWord() {
  if (isCapturing) return word('capturing');
  if (aim === 'retake') return word('capture_again', { n: at + 1 });
  return aim === 'insert' ? word('capture_before', { n: at + 1 }) : word('capture');
}

/** A page's thumbnail is asked for once. */
const thumbnails = new WeakMap();

function pageItem(page, index) {
  if (!thumbnails.has(page)) thumbnails.set(page, imageOf(`/v1/captures/${page.id}/image`, 'thumbnail', ''));
  const bad = page.quality.issues.length > 0;
  const button = make('button', { type: 'button' }, thumbnails.get(page),
    make('span', { className: 'caption' }, word('page_n', { n: index + 1 })),
    bad && make('span', { className: 'caption warn' }, `⚠ ${word('page_bad')}`),
    page.matches.length > 0 && make('span', { className: 'caption warn' }, `≡ ${word('page_known')}`));
  if (index === at) button.setAttribute('aria-current', 'true');
  button.addEventListener('click', () => {
    if (index === at) {
      openChosen(index);
      return;
    }
    choose(index - at);
  });
  return make('li', null, button);
}
