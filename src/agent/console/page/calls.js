// Calls of this service. Every one carries the token in a header, none in its address.
import { session } from './session.js';
import { language, word } from './words.js';

/** Longer than any call takes that does not wait for a person. */
const ANSWER_WITHIN_MS = 60000;

/** What went wrong, in the caller's language: the service's problem document, or that it did not answer. */
export class Failure extends Error {
  constructor(status, problem, retryAfterS = 0) {
    super(problem.code);
    this.status = status;
    this.code = problem.code;
    this.title = problem.title;
    this.remedy = problem.remedy;
    this.detail = problem.detail || '';
    /** After how many seconds to try again; 0: that is not said. */
    this.retryAfterS = retryAfterS;
  }
}

export function headers() {
  const sent = { Authorization: `Bearer ${session.token}`, 'Accept-Language': language() };
  if (session.seat) sent['Yidang-Session'] = session.seat;
  // A header carries no Chinese; the service reads percent-encoding. Who has signed in is named by the session.
  else if (session.operator) sent['Yidang-Operator'] = encodeURIComponent(session.operator);
  return sent;
}

/** The answer's JSON; null where it has none. */
export async function call(method, path, { body, key, query } = {}) {
  const response = await send(method, path + queryOf(query), body, key);
  return response.status === 204 ? null : response.json();
}

/** A picture's bytes. */
export async function picture(path, rendition) {
  return (await send('GET', `${path}?rendition=${rendition}`)).blob();
}

/** A new Idempotency-Key: a call that is repeated under it is done once. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What to tell of an answer that is no success. */
export async function refusal(response) {
  try {
    const retryAfterS = Number(response.headers.get('Retry-After')) || 0;
    return new Failure(response.status, await response.json(), retryAfterS);
  } catch {
    return silence();
  }
}

/** The failure of a service that does not answer. */
export function silence() {
  return new Failure(0, { code: 'unreachable', title: word('unreachable'), remedy: word('unreachable_remedy') });
}

async function send(method, path, body, key) {
  const sent = headers();
  if (body !== undefined) sent['Content-Type'] = 'application/json';
  if (key) sent['Idempotency-Key'] = key;
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), ANSWER_WITHIN_MS);
  let response;
  try {
    response = await fetch(path, {
      method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body), signal: stop.signal,
      cache: 'no-store', credentials: 'omit', redirect: 'error',
    });
  } catch {
    throw silence();
  } finally {
    clearTimeout(timer);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

function queryOf(query) {
  const given = Object.entries(query || {}).filter(([, value]) => value !== null && value !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}
