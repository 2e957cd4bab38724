// What the clerk has in hand, kept for this tab so that a reload loses nothing: which captures, in which order and for which
// dossier, the kind and the case. No note and no name; signing out forgets it.
import { session } from './session.js';

const KEPT = 'yidang.hand';

let hand = {};
/** What was kept before the page was loaded, until it is taken up: before that nothing is written over it. */
let before = read();

/** What was kept, once; null: nothing. From then on what is in hand is kept. */
export function takeUp() {
  const kept = before;
  before = null;
  if (kept) hand = kept;
  return kept;
}

/** Keeps this of what is in hand, with what else is kept. */
export function keep(part) {
  if (before || !session.token) return;
  hand = { ...hand, ...part };
  store((kept) => kept.setItem(KEPT, JSON.stringify(hand)));
}

export function forgetHand() {
  before = null;
  hand = {};
  store((kept) => kept.removeItem(KEPT));
}

function read() {
  try {
    return JSON.parse(window.sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

/** Where the browser gives no storage, nothing outlives a reload. */
function store(work) {
  try {
    work(window.sessionStorage);
  } catch {
    // There is none.
  }
}
