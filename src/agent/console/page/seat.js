// Which clerk sits here. While nobody does, or the one who does has locked the page, everything of the citizen is out of
// the document, and only the form to sign in is there.
import { call, newKey } from './calls.js';
import { $, fill, stow, unstow } from './elements.js';
import { tell } from './notices.js';
import { session } from './session.js';
import { word } from './words.js';

/** How often it is looked whether anyone still works here. */
const LOOK_EVERY_MS = 1000;

/** What the window wants of clerks, as it said; null before it has. */
let rules = null;
/** The clerk who sits here; null: nobody has signed in. */
let clerk = null;
let isCovered = false;
let lastTouch = Date.now();
/** Ticks while a PIN is not looked at after wrong ones. */
let waiting = 0;
let heard = { covered() {}, uncovered() {}, changed() {} };

/**
 * Begins. `covered` is told before the page is taken away, `uncovered` when it is back, and `changed` between the two when
 * another clerk has sat down, for whom there must be nothing of the one before.
 */
export function beginSeat(listeners) {
  heard = listeners;
  $('seat-form').addEventListener('submit', (event) => {
    event.preventDefault();
    sitDown();
  });
  $('seat-lock').addEventListener('click', lockSeat);
  $('seat-switch').addEventListener('click', switchSeat);
  for (const touch of ['keydown', 'pointerdown', 'pointermove']) {
    document.addEventListener(touch, () => { lastTouch = Date.now(); }, { capture: true, passive: true });
  }
  setInterval(lockUnused, LOOK_EVERY_MS);
}

/** Asks how it stands, and covers or uncovers the page. Whether it is to be seen. */
export async function loadSeat() {
  if (!session.token) return false;
  rules = await call('GET', '/v1/operator/session');
  const open = rules.session && rules.session.state === 'open';
  if (rules.session) clerk = rules.session.operator;
  else session.seat = '';
  if (open && isCovered) uncover();
  if (!open && (rules.session || clerk !== null || rules.required === 'session')) cover(rules.session !== null);
  renderSeat();
  return !isCovered;
}

/** Another program may have signed a clerk in or out on this token, or the service has locked it. */
export function seatChanged() {
  if (session.seat && !isCovered) loadSeat().catch(() => {});
}

/** Locks: the same clerk goes on with the PIN. */
export async function lockSeat() {
  if (!session.seat || isCovered) return;
  cover(true);
  try {
    await call('POST', '/v1/operator/session/lock', { body: {}, key: newKey() });
  } catch (failure) {
    // It is covered all the same; one that is gone is no longer to be locked.
    if (failure.code !== 'operator_required') tell(failure, $('seat-wrong'));
  }
}

/** Makes room for another clerk; the one who sits here may come back until another has. */
export async function switchSeat() {
  if (!canSignIn() || isCovered) return;
  const locking = lockSeat();
  cover(true);
  $('seat-operator').value = '';
  $('seat-operator').focus();
  await locking;
}

/** Signs the clerk out; nobody waits for it. */
export function endSeat() {
  if (session.seat) call('DELETE', '/v1/operator/session', { key: newKey() }).catch(() => {});
  session.seat = '';
  clerk = null;
  rules = null;
  if (isCovered) {
    isCovered = false;
    unstow();
  }
  $('seat').hidden = true;
  renderSeat();
}

/** The clerk who has signed in; empty where nobody has. */
export function seated() {
  return session.seat && clerk !== null ? clerk : '';
}

export function renderSeat() {
  const here = seated();
  $('seat-lock').hidden = !here || isCovered;
  $('seat-switch').hidden = !canSignIn() || isCovered;
  $('operator').textContent = here ? word('operator_is', { operator: here })
    : session.operator ? word('operator_is', { operator: session.operator }) : '';
  $('seat-about').textContent = clerk === null ? word('seat_nobody') : word('seat_locked', { operator: clerk });
}

function canSignIn() {
  return rules !== null && (rules.pins || rules.session !== null);
}

function lockUnused() {
  if (session.seat && rules && !isCovered && Date.now() - lastTouch >= rules.idle_lock_ms) lockSeat();
}

/** Takes the page away. `isKnown`: somebody sits here, and is asked for the PIN alone. */
function cover(isKnown) {
  if (!isCovered) {
    heard.covered();
    isCovered = true;
    stow();
    $('seat').hidden = false;
    $('seat-wrong').hidden = true;
    $('seat-pin').value = '';
  }
  endCountDown();
  $('seat-operator').value = isKnown && clerk !== null ? clerk : session.operator;
  $($('seat-operator').value ? 'seat-pin' : 'seat-operator').focus();
  renderSeat();
}

function uncover() {
  isCovered = false;
  $('seat').hidden = true;
  unstow();
  lastTouch = Date.now();
  heard.uncovered();
  renderSeat();
}

/** Says how long to wait yet, second by second; until then the PIN would not be looked at. */
function countDown(seconds) {
  endCountDown();
  const end = Date.now() + seconds * 1000;
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left <= 0) {
      endCountDown();
      $('seat-wrong').hidden = true;
      return;
    }
    $('seat-wait').textContent = word('seat_wait', { n: left });
  };
  $('seat-begin').disabled = true;
  $('seat-wait').hidden = false;
  tick();
  waiting = setInterval(tick, 250);
}

function endCountDown() {
  clearInterval(waiting);
  $('seat-wait').hidden = true;
  $('seat-begin').disabled = false;
}

async function sitDown() {
  const body = { operator: $('seat-operator').value.trim(), pin: $('seat-pin').value };
  $('seat-pin').value = '';
  let seat;
  try {
    seat = await call('POST', '/v1/operator/session', { body, key: newKey() });
  } catch (failure) {
    tell(failure, $('seat-wrong'));
    if (failure.code === 'pin_wait') countDown(failure.retryAfterS);
    $('seat-pin').focus();
    return;
  }
  endCountDown();
  fill($('seat-wrong'));
  const isOther = seat.session !== session.seat;
  session.seat = seat.session;
  clerk = seat.operator;
  if (rules) rules.session = seat;
  if (isOther) heard.changed();
  uncover();
}
