// What the page remembers, and for how long.

// The token is kept for this tab only (sessionStorage). localStorage would outlive the clerk's shift and show it to every
// later page of this address; a cookie would be sent by the browser itself, also when another site's page asks; in the
// address it would stand in the history. Closing the tab, or "sign out", forgets it.
const TOKEN = 'yidang.token';
const OPERATOR = 'yidang.operator';
// Habits, not secrets: these may stay.
const LANGUAGE = 'yidang.language';
const KEYS = 'yidang.keys';

export const session = {
  get token() {
    return read(sessionStorage, TOKEN);
  },
  get operator() {
    return read(sessionStorage, OPERATOR);
  },
  begin(token, operator) {
    write(sessionStorage, TOKEN, token);
    write(sessionStorage, OPERATOR, operator);
  },
  end() {
    sessionStorage.removeItem(TOKEN);
    sessionStorage.removeItem(OPERATOR);
  },
};

export const habits = {
  get language() {
    return read(localStorage, LANGUAGE);
  },
  set language(language) {
    write(localStorage, LANGUAGE, language);
  },
  get singleKeys() {
    return read(localStorage, KEYS) !== 'off';
  },
  set singleKeys(on) {
    write(localStorage, KEYS, on ? 'on' : 'off');
  },
};

function read(storage, name) {
  return storage.getItem(name) || '';
}

function write(storage, name, value) {
  storage.setItem(name, value);
}
