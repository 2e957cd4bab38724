// What the page remembers, and for how long.

// The token is kept for this tab only (sessionStorage). localStorage would outlive the clerk's shift and show it to every
// later page of this address; a cookie would be sent by the browser itself, also when another site's page asks; in the
// address it would stand in the history. Closing the tab, or "sign out", forgets it.
const TOKEN = 'yidang.token';
const OPERATOR = 'yidang.operator';
const SEAT = 'yidang.seat';
// Habits, not secrets: these may stay.
const LANGUAGE = 'yidang.language';
const KEYS = 'yidang.keys';

export const session = {
  get token() {
    return read('sessionStorage', TOKEN);
  },
  get operator() {
    return read('sessionStorage', OPERATOR);
  },
  /** The session of the clerk who has signed in. */
  get seat() {
    return read('sessionStorage', SEAT);
  },
  set seat(seat) {
    if (seat) write('sessionStorage', SEAT, seat);
    else remove('sessionStorage', SEAT);
  },
  begin(token, operator) {
    write('sessionStorage', TOKEN, token);
    write('sessionStorage', OPERATOR, operator);
  },
  end() {
    remove('sessionStorage', TOKEN);
    remove('sessionStorage', OPERATOR);
    remove('sessionStorage', SEAT);
  },
};

export const habits = {
  get language() {
    return read('localStorage', LANGUAGE);
  },
  set language(language) {
    write('localStorage', LANGUAGE, language);
  },
  get singleKeys() {
    return read('localStorage', KEYS) !== 'off';
  },
  set singleKeys(on) {
    write('localStorage', KEYS, on ? 'on' : 'off');
  },
};

/** Where the browser gives no storage, the page remembers until it is reloaded. */
const memory = new Map();

function read(storage, name) {
  return stored(storage, (kept) => kept.getItem(name)) || memory.get(name) || '';
}

function write(storage, name, value) {
  if (stored(storage, (kept) => kept.setItem(name, value)) === null) memory.set(name, value);
}

function remove(storage, name) {
  memory.delete(name);
  stored(storage, (kept) => kept.removeItem(name));
}

function stored(storage, work) {
  try {
    return work(window[storage]);
  } catch {
    return null;
  }
}
