// The page for the clerk: one window's whole transaction, from the card to the filed paper. This file only connects the
// parts; each part keeps its own state and draws its own place.
import { $ } from './elements.js';
import { watch } from './events.js';
import { beginFiling, chooseAgain, chooseKind, file, forgetFiled, nextPaper, renderResult, syncChanged } from './filing.js';
import { forgetHand, takeUp } from './hand.js';
import {
  beginHistory, clearHistory, focusedPaper, historyChanged, historyGrew, renderHistory, showHistory,
} from './history.js';
import { beginKeys, renderKeys } from './keys.js';
import { beginNoCard, openNoCard } from './nocard.js';
import { attempt, forget, whenRefused, whenUnseated } from './notices.js';
import {
  aimAway, beginPages, capture, choose, clearPages, countPages, insertBeforeChosen, move, openChosen, pagesAgain, personChanged, renderPages,
  renderQuality, retakeChosen, takeOut,
} from './pages.js';
import { beginPairing, clearPairing, loadPairing, openPairing, renderPairing } from './pairing.js';
import { beginPerson, cardInserted, cardRemoved, endPerson, forgetPerson, readCard, renderPerson } from './person.js';
import { beginPreview, endPreview, outline, renderPreview, restartPreview, settled } from './preview.js';
import { beginRefile, filedLast, forgetLast, openRefile } from './refile.js';
import { beginSeat, endSeat, loadSeat, lockSeat, renderSeat, seatChanged, switchSeat } from './seat.js';
import { session } from './session.js';
import { askToken, beginSignin } from './signin.js';
import { beginSimulated, hideSimulated, loadSimulated, toggleSimulated } from './simulated.js';
import { beginStatus, clearStatus, connected, loadStatus, openStatus, refreshStatus, renderStatus } from './status.js';
import { clearTray, focusTray, loadTray, renderTray, waitingOf } from './tray.js';
import { beginViewer } from './viewer.js';
import { begin as beginWords, change as changeWords } from './words.js';

/** What no event tells of, such as the age of the last contact, is asked for so often. */
const STATUS_EVERY_MS = 30000;
/** Buttons of the bar that are for who is signed in. */
const WORKING = ['status-open', 'help-open', 'leave'];

let unwatch = null;
let statusTimer = 0;
/** Events may have been missed while nobody listened, the card's above all. */
let hasMissed = true;

beginWords();
beginPerson(atWindow, clearHistory);
beginPages(() => {
  if (countPages() > 0) nextPaper();
  loadTray();
});
beginFiling((material) => {
  filedLast(material);
  historyGrew();
  refreshStatus();
});
beginHistory();
beginNoCard();
beginRefile(focusedPaper, () => {
  // As it was filed it is no more.
  nextPaper();
  historyChanged();
  refreshStatus();
});
beginStatus((sync) => {
  syncChanged(sync);
  renderHistory();
});
beginPairing();
beginSimulated();
beginViewer();
beginKeys({
  ' ': capture, Enter: capture, f: file, 'Control+Enter': file, r: retakeChosen, i: insertBeforeChosen, o: () => openChosen(),
  Delete: takeOut, Escape: escape, ArrowLeft: () => choose(-1), ArrowRight: () => choose(1),
  'Shift+ArrowLeft': () => move(-1), 'Shift+ArrowRight': () => move(1), c: () => readCard(), w: openNoCard, e: endPerson,
  x: lockSeat, t: switchSeat, h: showHistory, g: () => openRefile(), u: focusTray, s: openStatus, p: openPairing, d: toggleSimulated, l: otherLanguage, k: () => $('kind').focus(),
  a: () => $('case').focus(), n: () => $('note').focus(),
  ...Object.fromEntries(Array.from('12345678', (digit) => [digit, () => chooseKind(Number(digit) - 1)])),
});
beginSignin(work);
beginSeat({ covered: pause, uncovered: goOn, changed: forgetPapers });
whenRefused((failure) => leave(failure));
whenUnseated(() => attempt(loadSeat));
$('language').addEventListener('click', otherLanguage);
$('leave').addEventListener('click', () => leave(null));
if (session.token) work();
else askToken(null);

/** Everything that a clerk with a token sees. */
async function work() {
  $('signin').hidden = true;
  $('work').hidden = false;
  for (const id of WORKING) $(id).hidden = false;
  renderAll();
  if (!(await attempt(loadStatus)) && !session.token) return;
  let isSeen = false;
  await attempt(async () => {
    isSeen = await loadSeat();
  });
  if (isSeen && !unwatch) goOn();
}

/** Works, or works again where it was covered. */
function goOn() {
  $('work').hidden = false;
  hasMissed = true;
  if (unwatch) unwatch();
  unwatch = watch(listeners());
  clearInterval(statusTimer);
  statusTimer = setInterval(refreshStatus, STATUS_EVERY_MS);
  beginPreview();
  loadSimulated();
}

/** The page is covered: nothing more comes onto it. */
function pause() {
  $('work').hidden = true;
  if (unwatch) unwatch();
  unwatch = null;
  clearInterval(statusTimer);
  endPreview();
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
}

function listeners() {
  return {
    opened() {
      connected(true);
      if (!hasMissed) return;
      hasMissed = false;
      resume();
      loadPairing();
      refreshStatus();
    },
    lost() {
      connected(false);
      restartPreview();
    },
    refused: leave,
    'card.inserted': cardInserted,
    'card.removed': cardRemoved,
    'device.lost': (device) => {
      restartPreview(device);
      refreshStatus();
    },
    'device.found': refreshStatus,
    'page.outline': outline,
    'page.settled': settled,
    'sync.progress': refreshStatus,
    'sync.rejected': refreshStatus,
    'capture.expiring': loadTray,
    'pairing.requested': loadPairing,
    'pairing.decided': loadPairing,
    'operator.signed_in': seatChanged,
    'operator.signed_out': seatChanged,
    'operator.locked': seatChanged,
  };
}

/** First what was in hand before a reload, so that the card decides whether it is the same person's. */
async function resume() {
  await loadTray();
  const kept = takeUp();
  if (kept) {
    chooseAgain(kept);
    pagesAgain(waitingOf(kept.captures || []), kept.owner || null);
  }
  readCard({ quiet: true });
}

/** Another person is at the window, or nobody: what was the last one's goes. */
function atWindow(holder, before) {
  personChanged(holder);
  // What was chosen before the first card came is for its holder.
  if (before !== null) forgetFiled();
}

/** Forgets the token and everyone's papers. */
function leave(failure) {
  pause();
  endSeat();
  session.end();
  hideSimulated();
  forgetPapers();
  for (const id of WORKING) $(id).hidden = true;
  clearStatus();
  clearPairing();
  askToken(failure);
}

/** Forgets what is on the page, for whoever comes next. */
function forgetPapers() {
  forgetPerson();
  clearPages();
  clearHistory();
  clearTray();
  forgetFiled();
  forgetLast();
  forgetHand();
  forget();
}

function escape() {
  aimAway();
  if (document.activeElement) document.activeElement.blur();
}

function otherLanguage() {
  changeWords();
  renderAll();
}

function renderAll() {
  const parts = [
    renderPerson, renderPreview, renderPages, renderQuality, renderResult, renderHistory, renderTray, renderStatus, renderSeat, renderPairing, renderKeys,
  ];
  for (const render of parts) render();
}
