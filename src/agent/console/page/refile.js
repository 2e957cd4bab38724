// Putting a paper right that was filed as the wrong kind, for the wrong case or for the wrong person: one key, for the paper
// that has the focus in the list, or else for the one that was filed last.
import { call, newKey } from './calls.js';
import { openDialog } from './dialogs.js';
import { $, fill, make } from './elements.js';
import { KINDS, kindName } from './kinds.js';
import { say, tell } from './notices.js';
import { person } from './person.js';
import { moment, pagesWord, word } from './words.js';

/** Why a paper is put right; the first one that fits is chosen by itself. */
const REASONS = ['refile_wrong_kind', 'refile_wrong_case', 'refile_wrong_person'];

/** What was filed last here, and for whom; and what is being put right. */
let last = null;
let paper = null;
let isSending = false;
let pending = { request: '', key: '' };
let chosen = () => null;
let onRefiled = () => {};

/** Begins; `focused` gives the paper of the list that has the focus, `done` is told what a paper became. */
export function beginRefile(focused, done) {
  chosen = focused;
  onRefiled = done;
  $('refile-form').addEventListener('submit', (event) => {
    event.preventDefault();
    send();
  });
  $('refile-close').addEventListener('click', () => $('refile').close());
  for (const id of ['refile-kind', 'refile-case', 'refile-person']) $(id).addEventListener('input', suggestReason);
}

/** Remembers what was filed, and for whom. */
export function filedLast(material) {
  last = { material, holder: person.holder };
}

export function forgetLast() {
  last = null;
  paper = null;
}

export function openRefile(material = chosen()) {
  paper = material ? { material, holder: person.holder } : last;
  if (!paper) {
    say($('result'), 'warn', word('refile_nothing'));
    return;
  }
  renderPaper();
  fill($('refile-wrong'));
  $('refile-wrong').hidden = true;
  openDialog('refile');
  $('refile-kind').focus();
}

function renderPaper() {
  const { material, holder } = paper;
  const kinds = KINDS.includes(material.kind) ? KINDS : [material.kind].concat(KINDS);
  $('refile-about').textContent = word('refile_paper', {
    kind: kindName(material.kind), pages: pagesWord(material.pages.length), time: moment(material.filed_at),
  });
  fill($('refile-kind'), ...kinds.map((kind) => make('option', { value: kind }, kindName(kind))));
  $('refile-kind').value = material.kind;
  $('refile-case').value = material.case || '';
  // Whoever is at the window now, where that is another than the paper was filed for.
  const isAnother = person.holder !== null && person.holder !== holder;
  $('refile-person').checked = false;
  $('refile-person').disabled = !isAnother;
  fill($('refile-reason'), ...REASONS.map((reason) => make('option', { value: reason }, word(reason))));
}

/** What differs from how it is filed. */
function changes() {
  const { material } = paper;
  const found = {};
  if ($('refile-kind').value !== material.kind) found.kind = $('refile-kind').value;
  const to = $('refile-case').value.trim();
  if (to && to !== (material.case || '')) found.case = to;
  if ($('refile-person').checked && person.holder) found.holders = [person.holder];
  return found;
}

function suggestReason() {
  const found = changes();
  const at = ['kind', 'case', 'holders'].findIndex((name) => name in found);
  if (at >= 0) $('refile-reason').value = REASONS[at];
}

async function send() {
  if (isSending) return;
  const found = changes();
  if (Object.keys(found).length === 0) {
    say($('refile-wrong'), 'warn', word('refile_same'));
    $('refile-wrong').hidden = false;
    return;
  }
  isSending = true;
  try {
    const body = { ...found, reason: word($('refile-reason').value) };
    const became = await call('POST', `/v1/materials/${paper.material.id}/refile`, { body, key: keyFor(body) });
    if (last && last.material.id === became.id) last = { material: became, holder: found.holders ? person.holder : last.holder };
    pending = { request: '', key: '' };
    $('refile').close();
    onRefiled(became);
    say($('result'), 'good', word('refiled', { kind: kindName(became.kind) }));
  } catch (failure) {
    $('refile-wrong').className = 'notice problem';
    tell(failure, $('refile-wrong'));
  }
  isSending = false;
}

/** One refiling under one key: asking again after a lost answer enters it once. */
function keyFor(body) {
  const request = JSON.stringify([paper.material.id, body]);
  if (pending.request !== request) pending = { request, key: newKey() };
  return pending.key;
}
