// Who works here: the token is pasted once and stays in this tab, the clerk's name goes with every call.
import { call, Failure } from './calls.js';
import { $, fill } from './elements.js';
import { tell } from './notices.js';
import { session } from './session.js';
import { word } from './words.js';

let onBegin = () => {};

/** Begins; `begun` is told when there is a token that does. */
export function beginSignin(begun) {
  onBegin = begun;
  $('signin-form').addEventListener('submit', (event) => {
    event.preventDefault();
    signIn();
  });
}

/** Asks for a token; with a failure, says why. */
export function askToken(failure) {
  $('work').hidden = true;
  $('signin').hidden = false;
  $('signin-wrong').hidden = true;
  fill($('signin-wrong'));
  $('token').value = '';
  if (failure) tell(failure, $('signin-wrong'));
  $('token').focus();
}

async function signIn() {
  const token = $('token').value.trim();
  // Nothing else can stand in a header.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    askToken(new Failure(0, { code: 'token_form', title: word('token_form'), remedy: word('token_form_remedy') }));
    return;
  }
  session.begin(token, $('operator-name').value.trim());
  try {
    await call('GET', '/v1/status');
  } catch (failure) {
    session.end();
    askToken(failure);
    return;
  }
  $('token').value = '';
  onBegin();
}
