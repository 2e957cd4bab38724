import { OPERATIONS, type OperationName } from '../operations.js';
import { PROBLEMS } from '../problems.js';
import type { Settings } from '../calls.js';
import type { Answer, Request, Silence, Transport } from '../transport.js';
import { Desk, Refused } from './desk.js';
import { type Asked, type Given, ROUTES } from './routes.js';

/** How a simulated window behaves. */
export interface SimulationSettings extends Omit<Settings, 'token' | 'address'> {
  /** When the first card appears, in milliseconds; 1000 unless said, null never. */
  cardAfterMs?: number | null;
  /** How long each call takes; 30 unless said. */
  delayMs?: number;
}

/** The answers that a repeated `Idempotency-Key` gets again. */
type Kept = { [key: string]: Given };

/** Answers in the place of a service, in this page. */
export function simulatedTransport(settings: SimulationSettings): Transport {
  const desk = new Desk();
  const kept: Kept = {};
  const { cardAfterMs = 1000, delayMs = 30 } = settings;
  if (cardAfterMs !== null) {
    setTimeout(() => {
      if (desk.card === null) desk.insert('01-resident');
    }, cardAfterMs);
  }
  return {
    send: (request) => new Promise<Answer>((resolve, reject: (why: Silence) => void) => {
      request.stop.onStop(() => reject('cancelled'));
      setTimeout(() => {
        if (!request.stop.stopped) void answer(desk, kept, request).then(resolve);
      }, delayMs);
    }),
  };
}

async function answer(desk: Desk, kept: Kept, request: Request): Promise<Answer> {
  const key = request.headers['Idempotency-Key'];
  try {
    const { name, asked } = routed(request);
    const given = (key && kept[key]) || (name === 'watchEvents'
      ? await polled(desk, asked.query, request) : await ROUTES[name as keyof typeof ROUTES](desk, asked));
    if (key) kept[key] = given;
    return written(given);
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown;
    return refused(thrown, request.headers['Accept-Language'] === 'en' ? 'en' : 'zh');
  }
}

function routed(request: Request): { name: OperationName; asked: Asked } {
  const [, where, search = ''] = /^[a-z]+:\/\/[^/]+([^?]*)\??(.*)$/.exec(request.url) || [];
  for (const name of Object.keys(OPERATIONS) as OperationName[]) {
    const [method, pattern] = OPERATIONS[name];
    const names = (pattern.match(/\{\w+\}/g) || []).map((part: string) => part.slice(1, -1));
    const found = method === request.method && new RegExp(`^${pattern.replace(/\{\w+\}/g, '([^/]+)')}$`).exec(where);
    if (!found) continue;
    const path: { [name: string]: string } = {};
    names.forEach((part: string, index: number) => {
      path[part] = decodeURIComponent(found[index + 1]);
    });
    const isUpload = request.body !== null && typeof request.body !== 'string';
    const body = typeof request.body === 'string' ? JSON.parse(request.body) : null;
    return { name, asked: { path, query: parsed(search), body, isUpload } };
  }
  throw new Refused('route_unknown');
}

function parsed(search: string): { [name: string]: string } {
  const query: { [name: string]: string } = {};
  for (const pair of search.split('&')) {
    const [name, value = ''] = pair.split('=');
    if (name) query[name] = decodeURIComponent(value);
  }
  return query;
}

/** A long poll, as the service answers it. */
async function polled(desk: Desk, query: { [name: string]: string }, request: Request): Promise<Given> {
  const after = query.after === undefined ? desk.lastId : Number(query.after);
  const until = Date.now() + Number(query.wait_ms || 0);
  for (;;) {
    const events = desk.events.filter((event) => event.id > after);
    const leftMs = until - Date.now();
    if (events.length > 0 || leftMs <= 0 || request.stop.stopped) {
      return { status: 200, json: { events, after: events.length > 0 ? events[events.length - 1].id : after } };
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, leftMs);
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      desk.onChange(done);
      request.stop.onStop(done);
    });
  }
}

function written({ status, json, bytes }: Given): Answer {
  if (bytes) {
    const content = bytes.base64 === undefined ? bytes.text || '' : binary(bytes.base64);
    return { status, text: '', blob: new Blob([content as BlobPart], { type: bytes.type }), retryAfterS: null };
  }
  return { status, text: json === undefined ? '' : JSON.stringify(json), blob: null, retryAfterS: null };
}

function binary(base64: string): Uint8Array {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function refused({ code, detail }: Refused, language: 'zh' | 'en'): Answer {
  const { status, title, remedy } = PROBLEMS[code];
  const problem = { type: 'about:blank', title: title[language], status, code, remedy: remedy[language] };
  return { status, text: JSON.stringify(detail ? { ...problem, detail } : problem), blob: null, retryAfterS: null };
}
