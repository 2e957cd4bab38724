// What happens at the window, as the service tells it. EventSource cannot send the token, so the stream is read by fetch.
import { headers, refusal, silence } from './calls.js';

const AGAIN_MIN_MS = 500;
const AGAIN_MAX_MS = 15000;
/** The service says something every 15 s; a stream that is silent for this long is none. */
const SILENCE_MS = 45000;

/**
 * Listens until stopped. `listeners` has a function for each type, `opened` for the moment from which on nothing is
 * missed, `lost` for a connection that ended and is tried again, and `refused` for a token that does not do.
 */
export function watch(listeners) {
  const stop = new AbortController();
  run(listeners, stop.signal);
  return () => stop.abort();
}

async function run(listeners, signal) {
  const place = { last: null };
  let failures = 0;
  while (!signal.aborted) {
    try {
      // A stream does not say where it begins; a poll does.
      await catchUp(place, listeners, signal);
      failures = 0;
      listeners.opened();
      await stream(place, listeners, signal);
    } catch (failure) {
      if (signal.aborted) return;
      if (failure.status === 401) {
        listeners.refused(failure);
        return;
      }
    }
    if (signal.aborted) return;
    listeners.lost();
    await pause(Math.min(AGAIN_MAX_MS, AGAIN_MIN_MS * 2 ** failures));
    failures += 1;
  }
}

async function catchUp(place, listeners, signal) {
  const after = place.last === null ? '' : `&after=${place.last}`;
  const response = await ask(`/v1/events?wait_ms=0${after}`, {}, signal);
  const polled = await response.json();
  for (const event of polled.events) deliver(event, place, listeners);
  place.last = polled.after;
}

async function stream(place, listeners, signal) {
  const asked = { Accept: 'text/event-stream', 'Last-Event-ID': String(place.last) };
  const response = await ask('/v1/events', asked, signal);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await within(reader.read(), SILENCE_MS, reader);
    if (done) return;
    const parts = (rest + decoder.decode(value, { stream: true })).split('\n\n');
    rest = parts.pop();
    for (const part of parts) {
      const data = part.split('\n').filter((line) => line.startsWith('data:')).map((line) => line.slice(5)).join('\n');
      if (data) deliver(JSON.parse(data), place, listeners);
    }
  }
}

async function ask(path, asked, signal) {
  let response;
  try {
    response = await fetch(path, { headers: { ...headers(), ...asked }, signal, cache: 'no-store', credentials: 'omit' });
  } catch {
    throw silence();
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

function deliver(event, place, listeners) {
  place.last = event.id;
  const listener = listeners[event.type];
  if (listener) listener(event.data);
}

/** The promise's value, unless it takes too long: then the reader is let go. */
async function within(promise, wait_ms, reader) {
  const timer = setTimeout(() => reader.cancel(), wait_ms);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

export function pause(wait_ms) {
  return new Promise((resolve) => setTimeout(resolve, wait_ms));
}
