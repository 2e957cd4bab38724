// How the window stands: devices with what is wrong with them, and what the repository does not have yet.
import { call } from './calls.js';
import { openDialog } from './dialogs.js';
import { $, facts, fill, make } from './elements.js';
import { attempt } from './notices.js';
import { renderSeat } from './seat.js';
import { moment, word } from './words.js';

const MINUTE_MS = 60000;
/** What to do about a device, by what it is and how it stands. */
const ADVICE = {
  'card_reader absent': 'advice_card_reader_absent', 'camera absent': 'advice_camera_absent', denied: 'advice_denied',
};

let status = null;
let connection = 'connection_lost';
let onSync = () => {};

/** Begins; `synced` is told how the repository stands. */
export function beginStatus(synced) {
  onSync = synced;
  $('status-open').addEventListener('click', openStatus);
}

export async function openStatus() {
  await attempt(loadStatus);
  openDialog('status');
}

export async function loadStatus() {
  status = await call('GET', '/v1/status');
  onSync(status.sync);
  renderStatus();
}

/** What changes by itself is asked for quietly: if it fails, the chip says so. */
export async function refreshStatus() {
  try {
    await loadStatus();
  } catch {
    renderStatus();
  }
}

/** Nobody is signed in: nothing is told of the window. */
export function clearStatus() {
  status = null;
  for (const id of ['counter', 'operator', 'chips', 'status-body']) fill($(id));
}

export function connected(isOpen) {
  connection = isOpen ? 'connection_open' : 'connection_lost';
  renderStatus();
}

export function renderStatus() {
  if (!status) return;
  $('counter').textContent = word('at_counter', { counter: status.counter });
  renderSeat();
  const chips = connection === 'connection_open' ? [] : [chip('bad', '✗', word('service'), word(connection))];
  for (const type of ['card_reader', 'camera']) chips.push(deviceChip(type));
  chips.push(syncChip(status.sync));
  fill($('chips'), ...chips);
  fill($('status-body'), devicesTable(), make('h3', null, word('sync')), syncFacts(status.sync), aboutFacts());
}

/** A sign, then the words: the colour says nothing that they do not. */
function chip(manner, sign, name, text) {
  return make('li', { className: manner }, `${sign} ${name}${word('colon')}${text}`);
}

function deviceChip(type) {
  const device = status.devices.find((one) => one.type === type) || { state: 'absent' };
  const good = device.state === 'ready';
  return chip(good ? 'good' : 'bad', good ? '✓' : '✗', word(type), word(device.state));
}

function syncChip(sync) {
  if (sync.repository === 'none') return chip('', '–', word('sync'), word('sync_none'));
  const waits = sync.backlog_materials;
  const good = sync.repository === 'connected' && !sync.last_error;
  const said = good ? [] : [word(`sync_${sync.repository}`)];
  if (waits > 0) said.push(word('sync_short_waits', { n: waits }));
  else if (good) said.push(word('sync_short_done'));
  return chip(good ? 'good' : 'warn', good ? '✓' : '⚠', word('sync'), said.join(word('comma')));
}

function devicesTable() {
  const head = make('tr', null, ...['device', 'state', 'reason'].map((name) => make('th', { scope: 'col' }, word(name))));
  const rows = status.devices.map((device) => make('tr', null,
    make('td', null, `${word(device.type)} ${device.name || ''}`),
    make('td', { className: device.state === 'ready' ? 'good' : 'bad' }, `${device.state === 'ready' ? '✓' : '✗'} ${word(device.state)}`),
    make('td', null, ...reasonOf(device))));
  return make('table', null, make('thead', null, head), make('tbody', null, ...rows));
}

/** What to do in the clerk's words; what the driver says is English and for whoever looks after the device. */
function reasonOf({ type, state, reason }) {
  const advice = ADVICE[`${type} ${state}`] || ADVICE[state];
  const said = advice ? [make('p', null, word(advice))] : [];
  if (!reason) return said;
  const note = make('details', null, make('summary', null, word('technical')), make('p', { lang: 'en', className: 'small' }, reason));
  return said.concat(note);
}

function syncFacts(sync) {
  const size = (sync.backlog_bytes / 1e6).toFixed(1);
  const isSet = sync.repository !== 'none';
  return facts([
    [word('sync_repository'), word(`sync_${sync.repository}`)],
    [word('sync_backlog'), isSet && word('sync_backlog_is', { n: sync.backlog_materials, size })],
    [word('sync_contact'), isSet && (sync.last_contact_at ? ago(sync.last_contact_at) : word('sync_never'))],
    [word('sync_error'), sync.last_error],
  ]);
}

function aboutFacts() {
  const { materials, holders, unfiled } = status.archive;
  return facts([
    [word('archive'), word('archive_is', { materials, holders, unfiled })],
    [word('version'), status.version],
  ]);
}

function ago(instant) {
  const minutes = Math.floor((Date.now() - new Date(instant)) / MINUTE_MS);
  if (minutes < 1) return word('ago_now');
  if (minutes < 60) return word('ago_minutes', { n: minutes });
  return minutes < 24 * 60 ? word('ago_hours', { n: Math.floor(minutes / 60) }) : moment(instant);
}
