// Pages and programs that ask for a token: an administrator compares the code that they show, and says yes or no.
import { call, newKey } from './calls.js';
import { openDialog } from './dialogs.js';
import { $, facts, fill, make } from './elements.js';
import { tell } from './notices.js';
import { session } from './session.js';
import { word } from './words.js';

/** `null`: this token may not decide. */
let waiting = null;

export function beginPairing() {
  $('pairing-open').addEventListener('click', openPairing);
}

/** Asks what waits; a token that may not decide is shown nothing of it. */
export async function loadPairing() {
  if (!session.token) return;
  try {
    waiting = (await call('GET', '/v1/pairings')).pairings;
  } catch {
    waiting = null;
  }
  renderPairing();
}

export function clearPairing() {
  waiting = null;
  renderPairing();
}

export async function openPairing() {
  await loadPairing();
  if (waiting) openDialog('pairing');
}

export function renderPairing() {
  const count = waiting ? waiting.length : 0;
  $('pairing-open').hidden = count === 0;
  $('pairing-count').textContent = word('pairing_waits', { n: count });
  const none = make('p', { className: 'hint' }, word('pairing_none'));
  fill($('pairing-list'), ...(count === 0 ? [none] : waiting.map(item)));
}

function item(one) {
  const scopes = one.scopes.map((scope) => word(`scope_${scope.replace(':', '_')}`)).join(word('comma'));
  return make('li', null,
    make('p', { className: 'code' }, one.code),
    facts([[word('pairing_name'), one.name], [word('pairing_origin'), one.origin || word('pairing_program')], [word('pairing_scopes'), scopes]]),
    make('p', { className: 'actions' },
      make('button', { type: 'button', onclick: () => decide(one, true) }, word('pairing_accept')),
      make('button', { type: 'button', className: 'second', onclick: () => decide(one, false) }, word('pairing_refuse'))));
}

async function decide(one, accept) {
  const where = $('pairing-wrong');
  where.hidden = true;
  try {
    await call('POST', '/v1/pairings/decide', { body: { code: one.code, accept }, key: newKey() });
  } catch (failure) {
    tell(failure, where);
  }
  await loadPairing();
  if (waiting && waiting.length === 0 && where.hidden) $('pairing').close();
}
