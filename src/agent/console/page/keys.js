// One key for everything a clerk does often, and the sheet that lists them.
import { isDialogOpen, openDialog } from './dialogs.js';
import { $, fill, make } from './elements.js';
import { habits } from './session.js';
import { word } from './words.js';

const KEYS_SHOWN = [
  [['Space', 'Enter'], 'key_capture'], [['F'], 'key_file'], [['1', '…', '8'], 'key_kinds'], [['K'], 'key_kind'],
  [['A'], 'key_case'], [['N'], 'key_note'], [['←', '→'], 'key_select'], [['⇧←', '⇧→'], 'key_move'],
  [['O'], 'key_open'], [['R'], 'retake'], [['I'], 'insert'], [['Del'], 'remove'], [['Esc'], 'key_escape'],
  [['C'], 'read_card'], [['W'], 'key_nocard'], [['E'], 'end_person'], [['H'], 'key_history'], [['G'], 'key_refile'], [['U'], 'key_tray'], [['S'], 'status'], [['P'], 'key_pairing'], [['X'], 'key_lock'], [['T'], 'key_switch'],
  [['D'], 'key_simulated'], [['L'], 'key_language'], [['?'], 'help'],
];

/** Begins; `actions` has a function for each key, named as the browser names the key. */
export function beginKeys(actions) {
  $('help-open').addEventListener('click', openHelp);
  $('keys-on').checked = habits.singleKeys;
  $('keys-on').addEventListener('change', () => {
    habits.singleKeys = $('keys-on').checked;
  });
  leaveNoFocus();
  document.addEventListener('keydown', (event) => {
    const action = actionOf(event, { ...actions, '?': openHelp, '？': openHelp });
    if (!action) return;
    event.preventDefault();
    action();
  });
}

function actionOf(event, actions) {
  if (event.defaultPrevented || event.isComposing || $('work').hidden || isDialogOpen()) return null;
  if (event.ctrlKey && event.key === 'Enter') return actions['Control+Enter'];
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  // Enter leaves a field and files nothing: scanners of barcodes end with it.
  if (isField(event.target)) return ['Escape', 'Enter'].includes(event.key) ? () => event.target.blur() : null;
  if (event.repeat && !event.key.startsWith('Arrow')) return null;
  // A button that has the focus is pressed by these keys, as everywhere.
  if ((event.key === ' ' || event.key === 'Enter') && isPressed(event.target)) return null;
  if (event.key.startsWith('Arrow') && event.target.type === 'radio') return null;
  if (!habits.singleKeys && event.key !== 'Escape') return null;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return actions[event.shiftKey && name.startsWith('Arrow') ? `Shift+${name}` : name];
}

/** A button that was clicked with the mouse is not to take the next space for itself. */
function leaveNoFocus() {
  document.addEventListener('pointerup', () => setTimeout(() => {
    const { activeElement } = document;
    if ($('work').contains(activeElement) && !isField(activeElement)) activeElement.blur();
  }));
}

function isField(element) {
  if (element.tagName === 'SELECT') return true;
  return element.tagName === 'INPUT' && !['radio', 'checkbox'].includes(element.type);
}

function isPressed(element) {
  return ['BUTTON', 'A', 'INPUT'].includes(element.tagName);
}

export function openHelp() {
  renderKeys();
  openDialog('help');
}

export function renderKeys() {
  fill($('keys'), ...KEYS_SHOWN.flatMap(([keys, about]) => {
    const term = make('dt');
    for (const key of keys) term.append(make('kbd', null, key), ' ');
    return [term, make('dd', null, word(about))];
  }));
}
