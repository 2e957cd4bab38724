// Who is at the window: the card on the reader, and the dossier it opened.
import { call, newKey } from './calls.js';
import { $, facts, fill, make } from './elements.js';
import { attempt, forget, tell } from './notices.js';
import { fromBase64, show } from './pictures.js';
import { isKnown, word } from './words.js';

const MINUTE_MS = 60000;
/** A card that was just put down is found within this time. */
const CARD_WAIT_MS = 2000;
/** Of GB/T 2261.1; what else there is is shown as the card says it. */
const SEXES = { 1: 'male', 2: 'female' };
/** What the service answers for a dossier that is no longer open. */
const CLOSED = ['holder_expired', 'holder_unknown'];

/** `holder` is the open dossier; null: nobody's. */
export const person = { holder: null, card: null };

/** Where the card is, as the word that tells: on the reader, taken away, or never shown. */
let place = 'card_gone';
let isReading = false;
let round = 0;
let lifetime_ms = 0;
let closesAt = 0;
/** Whose dossier was open last; while a card is read nobody's is, and it may be the same person's again. */
let last = null;
let onChange = () => {};
let onForgotten = () => {};

/**
 * Begins; `changed` is told when another person is at the window, or nobody any more, and who it was before; `forgotten`
 * when what is shown of the person must go.
 */
export function beginPerson(changed, forgotten) {
  onChange = changed;
  onForgotten = forgotten;
  $('card-read').addEventListener('click', () => readCard());
  $('person-end').addEventListener('click', endPerson);
  setInterval(tick, MINUTE_MS / 4);
  renderPerson();
}

/** Reads the card. Until it is read nobody is at the window, so that nothing is filed for who was there before. */
export async function readCard({ quiet = false, wait_ms = 0 } = {}) {
  round += 1;
  const mine = round;
  if (!quiet) forget();
  forgetPerson();
  isReading = true;
  renderPerson();
  let failure = null;
  let card = null;
  try {
    card = await call('POST', '/v1/card/read', { body: { wait_ms } });
  } catch (thrown) {
    failure = thrown;
  }
  if (mine !== round) return;
  isReading = false;
  if (card) welcome(card);
  renderPerson();
  if (failure && !(quiet && failure.code === 'card_absent')) tell(failure);
}

/** Opens for filing only: anyone may be filed for, and nobody's dossier is seen without their card. */
export async function openWithoutCard(type, value) {
  const body = { subject: { type, value }, basis: 'none' };
  const opened = await call('POST', '/v1/holders', { body, key: newKey() });
  round += 1;
  isReading = false;
  forgetPerson();
  welcome({ ...opened, document_type: type, id_number: value }, 'card_none');
  renderPerson();
}

export function cardInserted() {
  return readCard({ wait_ms: CARD_WAIT_MS });
}

/** Whether what is on file of the person may be seen. */
export function maySee() {
  return person.card !== null && person.card.rights.includes('read');
}

/** The dossier outlives the card, until another card comes or the clerk has finished. */
export function cardRemoved() {
  if (place === 'card_there') place = 'card_gone';
  renderStanding();
}

/** The dossier was used: it stays open for as long again. */
export function usedDossier() {
  closesAt = Date.now() + lifetime_ms;
  renderStanding();
}

/** Does work that takes the open dossier. One that has closed meanwhile is nobody's any more. */
export async function withDossier(work) {
  try {
    const done = await work(person.holder);
    usedDossier();
    return done;
  } catch (failure) {
    if (CLOSED.includes(failure.code)) forgetPerson();
    throw failure;
  }
}

export async function endPerson() {
  const { holder } = person;
  round += 1;
  isReading = false;
  forgetPerson();
  change(null);
  if (!holder) return;
  await attempt(async () => {
    try {
      await call('DELETE', `/v1/holders/${holder}`, { key: newKey() });
    } catch (failure) {
      if (!CLOSED.includes(failure.code)) throw failure;
    }
  });
}

/** Shows nobody; whose pages are in hand is the pages' own affair. */
export function forgetPerson() {
  person.holder = null;
  person.card = null;
  renderPerson();
  onForgotten();
}

function change(holder) {
  const before = last;
  last = holder;
  // Of a card that opens no dossier nobody knows whether it is the same.
  if (holder === null || holder !== before) onChange(holder, before);
}

function welcome(card, where = 'card_there') {
  person.card = card;
  person.holder = card.holder;
  place = where;
  lifetime_ms = card.expires_at ? new Date(card.expires_at) - Date.now() : 0;
  closesAt = Date.now() + lifetime_ms;
  change(card.holder);
}

function tick() {
  if (!person.holder) return;
  if (Date.now() > closesAt) {
    forgetPerson();
    change(null);
    fill($('person'), make('p', { className: 'nobody' }, word('closed')));
    return;
  }
  renderStanding();
}

export function renderPerson() {
  renderStanding();
  $('person-end').disabled = person.card === null;
  if (person.card === null) {
    fill($('person'), make('p', { className: 'nobody' }, word(isReading ? 'reading' : 'nobody')));
    return;
  }
  fill($('person'), who(person.card), ...warnings(person.card), details(person.card));
}

function who(card) {
  const box = make('div', { className: 'who' },
    make('p', { className: 'name' }, card.name || card.name_en || word(place === 'card_none' ? 'nocard' : 'no_name')));
  if (card.photo) box.append(portrait(card.photo));
  if (card.name && card.name_en) box.append(make('p', null, card.name_en));
  box.append(make('p', { className: 'hint' }, word(card.document_type)));
  if (card.origin === 'simulated') box.append(make('p', null, make('span', { className: 'tag warn' }, word('is_simulated'))));
  return box;
}

function portrait(photo) {
  const image = make('img', { alt: word('portrait') });
  show(image, fromBase64(photo));
  return image;
}

function warnings(card) {
  return card.warnings.map((code) => make('p', { className: 'warn' }, `⚠ ${isKnown(code) ? word(code) : code}`));
}

function details(card) {
  const number = card.id_number ? make('span', { className: 'number' }, masked(card.id_number)) : null;
  return facts([
    [word('number'), number],
    [word('sex'), card.sex_code in SEXES ? word(SEXES[card.sex_code]) : card.sex],
    [word('ethnicity'), card.ethnicity],
    [word('nationality'), card.nationality],
    [word('born'), card.birth_date],
    [word('valid'), card.long_term ? word('long_term') : card.valid_until],
  ]);
}

/** Whoever stands at the window may see the screen: the middle of the number is not for them. */
function masked(number) {
  const open = number.length > 9 ? [6, 2] : [1, 0];
  return Array.from(number, (letter, at) => (at < open[0] || at >= number.length - open[1] ? letter : '*')).join('');
}

/** Apart from the rest, which is read out when it changes: this changes every minute. */
function renderStanding() {
  if (person.card === null) {
    fill($('standing'));
    return;
  }
  const minutes = Math.max(1, Math.round((closesAt - Date.now()) / MINUTE_MS));
  const open = person.holder ? word('closes_in', { minutes }) : word('no_holder');
  fill($('standing'), word(place), make('br'), open);
}
