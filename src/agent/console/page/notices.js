// Telling the clerk: what went wrong and what to do about it, and what came of an action.
import { $, fill, make } from './elements.js';
import { session } from './session.js';
import { word } from './words.js';

let onRefused = () => {};
let onUnseated = () => {};

/** What to do when the token does not do any more. */
export function whenRefused(then) {
  onRefused = then;
}

/** What to do when a call wants a clerk to sign in. */
export function whenUnseated(then) {
  onUnseated = then;
}

/** Does the work; a failure is told in place of the one before. Whether it went well. */
export async function attempt(work) {
  try {
    forget();
    await work();
    return true;
  } catch (failure) {
    tell(failure);
    return false;
  }
}

export function forget() {
  $('wrong').hidden = true;
  fill($('wrong'));
}

/** Tells of a failure. What is no failure of a call is a mistake of this page, for the browser's log. */
export function tell(failure, where = $('wrong')) {
  if (!failure.code) throw failure;
  if (session.token && failure.status === 401 && failure.code.startsWith('token_')) {
    onRefused(failure);
    return;
  }
  if (session.token && ['operator_required', 'operator_locked'].includes(failure.code) && where === $('wrong')) {
    onUnseated();
    return;
  }
  fill(where, make('b', null, failure.title), make('span', null, failure.remedy),
    failure.detail ? make('p', { className: 'small' }, `${word('detail')}${failure.detail}`) : null);
  where.hidden = false;
}

/** Says what came of something, in this colour; the words say it too. */
export function say(where, manner, ...children) {
  where.className = `notice ${manner}`;
  fill(where, ...children);
}
