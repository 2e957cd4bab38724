// Captures that were not filed. The service keeps them, so they are still there after a reload or a crash.
import { call, newKey } from './calls.js';
import { $, fill, make } from './elements.js';
import { attempt, tell } from './notices.js';
import { leftRows } from './left.js';
import { addPage, isInHand } from './pages.js';
import { imageOf } from './pictures.js';
import { seated } from './seat.js';
import { openViewer } from './viewer.js';
import { day, moment, pagesWord, word } from './words.js';

/** Those that wait longest come first. */
const SHOWN_MAX = 50;

let captures = [];
let areMore = false;
/** What other clerks left, by clerk. */
let left = [];
let round = 0;
/** A page's thumbnail is asked for once. */
const thumbnails = new Map();

/** Asks what waits. What was told before stays: nobody pressed a key for this. */
export async function loadTray() {
  round += 1;
  const mine = round;
  renderTray();
  try {
    const [answer, others] = await Promise.all([
      call('GET', '/v1/captures', { query: { state: 'unfiled', limit: SHOWN_MAX } }),
      seated() ? call('GET', '/v1/captures/left') : { clerks: [] },
    ]);
    if (mine !== round) return;
    left = others.clerks;
    captures = answer.captures;
    areMore = answer.next_cursor !== null;
    renderTray();
  } catch (failure) {
    tell(failure);
  }
}

/** Those of these captures that still wait, in this order. */
export function waitingOf(ids) {
  return ids.map((id) => captures.find((capture) => capture.id === id)).filter(Boolean);
}

export function focusTray() {
  const first = $('tray').querySelector('button');
  if (first) first.focus();
}

export function clearTray() {
  round += 1;
  captures = [];
  areMore = false;
  left = [];
  thumbnails.clear();
  renderTray();
}

export function renderTray() {
  const waiting = captures.filter((capture) => !isInHand(capture.id));
  $('tray-count').textContent = waiting.length > 0 ? pagesWord(areMore ? `${waiting.length}+` : waiting.length) : '';
  for (const id of thumbnails.keys()) if (!waiting.some((capture) => capture.id === id)) thumbnails.delete(id);
  const place = focused();
  fill($('tray'), ...(waiting.length > 0 ? waiting.map(item) : [make('li', { className: 'hint' }, word('tray_none'))]));
  if (place) focusAgain(place);
  if (!$('tray-left').contains(document.activeElement)) fill($('tray-left'), ...leftRows(left, loadTray));
}

/** Which capture's which button has the focus: the list may be drawn anew while a clerk walks through it by keyboard. */
function focused() {
  const { activeElement } = document;
  const row = $('tray').contains(activeElement) && activeElement.closest('li');
  return row ? { id: row.dataset.capture, button: buttonsOf(row).indexOf(activeElement) } : null;
}

function focusAgain({ id, button }) {
  const row = Array.from($('tray').children).find((one) => one.dataset.capture === id);
  const again = row && buttonsOf(row)[button];
  if (again) again.focus();
}

function buttonsOf(row) {
  return Array.from(row.querySelectorAll('button'));
}

function item(capture) {
  const path = `/v1/captures/${capture.id}/image`;
  if (!thumbnails.has(capture.id)) thumbnails.set(capture.id, imageOf(path, 'thumbnail', ''));
  const name = word('captured_at', { time: moment(capture.captured_at) });
  const look = make('button', { type: 'button', className: 'thumb', 'aria-label': word('look', { what: name }) },
    thumbnails.get(capture.id));
  look.addEventListener('click', () => openViewer(word('tray'), [path]));
  const add = make('button', { type: 'button' }, word('tray_take'));
  add.addEventListener('click', () => {
    addPage(capture);
    focusTray();
  });
  const expires = word('tray_expires', { date: day(capture.expires_at) });
  return make('li', { 'data-capture': capture.id }, look, make('p', null, name), make('p', { className: 'small' }, expires),
    make('p', { className: 'actions' }, add, discardButton(capture)));
}

/** Throwing a page away takes two presses. */
function discardButton(capture) {
  const button = make('button', { type: 'button' }, word('tray_discard'));
  let isSure = false;
  button.addEventListener('click', async () => {
    if (!isSure) {
      isSure = true;
      button.textContent = word('tray_sure');
      return;
    }
    button.disabled = true;
    await attempt(() => call('DELETE', `/v1/captures/${capture.id}`, { key: newKey() }));
    await loadTray();
    focusTray();
  });
  button.addEventListener('blur', () => {
    isSure = false;
    button.textContent = word('tray_discard');
  });
  return button;
}
