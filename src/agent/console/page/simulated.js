// The simulated desk: hands for cards and papers. There only with simulated devices and a token with `admin`.
import { call, newKey } from './calls.js';
import { $, fill, make } from './elements.js';
import { attempt } from './notices.js';

/** A scene of a citizen who comes, lays two papers down and leaves. */
const CARD_AFTER_MS = 1500;
const PAPER_AFTER_MS = 4000;

let isThere = false;

export function beginSimulated() {
  const choice = (id) => $(id).value;
  on('simulated-insert', () => post('card', { insert: choice('simulated-cards') }));
  on('simulated-take', () => post('card', { insert: null }));
  on('simulated-lay', () => post('desk', { frame: choice('simulated-frames') }));
  on('simulated-clear', () => post('desk', { frame: null }));
  on('simulated-fault', () => {
    const [device, fault] = choice('simulated-faults').split(' ');
    // A call tries again once or twice of its own accord: three failures make it fail.
    return post('fault', { device, fault, times: 3 });
  });
  on('simulated-play', () => post('scenario', { steps: scene() }));
  on('simulated-reset', () => post('reset'));
  $('simulated-open').addEventListener('click', toggleSimulated);
}

/** Finds out whether there is a simulated desk for this token, and what can be put on it. */
export async function loadSimulated() {
  isThere = false;
  try {
    const names = await call('GET', '/v1/simulated/desk');
    const { faults } = await call('GET', '/v1/simulated/faults');
    options('simulated-cards', names.cards);
    options('simulated-frames', names.frames);
    options('simulated-faults', faults.flatMap(({ device, faults: known }) => known.map((fault) => `${device} ${fault}`)));
    isThere = true;
  } catch {
    // Real devices, or a token without `admin`: there is nothing to show.
    $('simulated').hidden = true;
  }
  $('simulated-open').hidden = !isThere;
}

export function toggleSimulated() {
  if (!isThere) return;
  $('simulated').hidden = !$('simulated').hidden;
  if (!$('simulated').hidden) $('simulated-cards').focus();
}

export function hideSimulated() {
  $('simulated').hidden = true;
  $('simulated-open').hidden = true;
  isThere = false;
}

function on(id, work) {
  $(id).addEventListener('click', () => attempt(work));
}

function post(what, body) {
  return call('POST', `/v1/simulated/${what}`, { body, key: newKey() });
}

function options(id, names) {
  fill($(id), ...names.map((name) => make('option', { value: name }, name)));
}

function scene() {
  const frames = Array.from($('simulated-frames').options, (option) => option.value).filter((name) => name !== 'bare-mat');
  const papers = frames.slice(0, 2).map((frame) => ({ after_ms: PAPER_AFTER_MS, frame }));
  const arrival = [{ remove_card: true }, { bare_mat: true }, { after_ms: CARD_AFTER_MS, card: $('simulated-cards').value }];
  return [...arrival, ...papers, { after_ms: PAPER_AFTER_MS, bare_mat: true }, { remove_card: true }];
}
