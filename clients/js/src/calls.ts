import { failure, isFailure, refusal, type YidangError } from './failure.js';
import { newKey } from './key.js';
import { OPERATIONS, type OperationName } from './operations.js';
import { pause, Stop } from './stop.js';
import type { Answer, Request, Silence, Transport } from './transport.js';
import type { Language } from './words.js';

/** How a client is set up. */
export interface Settings {
  /** The token's secret, as `yidang token create` printed it. */
  token?: string;
  /** Where the service listens; `http://127.0.0.1:18680` unless said. */
  address?: string;
  /** The clerk, for the ledger. */
  operator?: string;
  /** The clerk's session, as `signIn` gave it and keeps it here. */
  session?: string;
  /** The language of `title` and `remedy`; Chinese unless said. */
  language?: Language;
}

/** What can be said about any call. */
export interface CallOptions {
  /** Ends the call early. */
  signal?: AbortSignal;
  /** Longest wait for the answer, beside what the call itself waits for; 30 s unless said. */
  timeoutMs?: number;
  /** The key to send a changing call under; a new one unless said. */
  idempotencyKey?: string;
  /** The clerk, where it is not the one of the settings. */
  operator?: string;
}

/** The parts of one call. */
export interface Parts {
  path?: { [name: string]: string | number };
  query?: object;
  body?: object | FormData;
  /** How long the service itself may wait before it answers. */
  waitMs?: number;
}

const ADDRESS_USUAL = 'http://127.0.0.1:18680';
const TIMEOUT_MS = 30000;
/** Before a changing call whose connection broke is sent again, under the same key. */
const AGAIN_AFTER_MS = 300;

/** How often a call is repeated that was sent away because there are too many, and the longest it waits for that. */
const AGAIN_MAX = 3;
const WAIT_S_MAX = 10;

/** Makes requests of calls, and values or errors of answers. */
export class Calls {
  readonly address: string;
  readonly language: Language;

  constructor(readonly settings: Settings, readonly transport: Transport) {
    this.address = (settings.address || ADDRESS_USUAL).replace(/\/+$/, '');
    this.language = settings.language || 'zh';
  }

  /** The answer as JSON; undefined where there is none. */
  async json<T>(name: OperationName, parts: Parts = {}, options: CallOptions = {}): Promise<T> {
    const answer = await this.carryOut(name, parts, options, false);
    if (answer.text === '') return undefined as T;
    try {
      return JSON.parse(answer.text);
    } catch {
      throw failure('answer_unreadable', this.language, answer.status);
    }
  }

  /** The answer as bytes. */
  async blob(name: OperationName, parts: Parts = {}, options: CallOptions = {}): Promise<Blob> {
    return (await this.carryOut(name, parts, options, true)).blob as Blob;
  }

  /** A request for a call, not sent yet. */
  request(name: OperationName, parts: Parts, options: CallOptions, stop: Stop, binary = false): Request {
    const [method, path] = OPERATIONS[name];
    const { body, waitMs = 0 } = parts;
    const isForm = typeof FormData !== 'undefined' && body instanceof FormData;
    const headers = this.headers(options);
    if (body && !isForm) headers['Content-Type'] = 'application/json';
    return {
      method,
      url: this.address + filled(path, parts.path || {}) + queryString(parts.query || {}),
      headers,
      body: body ? (isForm ? (body as FormData) : JSON.stringify(body)) : null,
      binary,
      timeoutMs: waitMs + (options.timeoutMs || TIMEOUT_MS),
      stop,
    };
  }

  /** The refusal or silence of a request as an error. */
  failed(thrown: unknown): YidangError {
    return isFailure(thrown) ? thrown : failure(thrown as Silence, this.language);
  }

  /** Passes what was granted, throws what was refused. */
  granted(answer: Answer): Answer {
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusal(answer, this.language);
  }

  private headers(options: CallOptions): { [name: string]: string } {
    const headers: { [name: string]: string } = { 'Accept-Language': this.language };
    if (this.settings.token) headers.Authorization = `Bearer ${this.settings.token}`;
    // Who has signed in is named by the session, and a name beside it could only contradict it.
    const operator = options.operator || (this.settings.session ? '' : this.settings.operator);
    // Browsers send no Chinese in headers.
    if (operator) headers['Yidang-Operator'] = encodeURIComponent(operator);
    if (this.settings.session) headers['Yidang-Session'] = this.settings.session;
    return headers;
  }

  private async carryOut(name: OperationName, parts: Parts, options: CallOptions, binary: boolean): Promise<Answer> {
    const { stop, release } = stopOf(options.signal);
    const changes = OPERATIONS[name][0] !== 'GET';
    const key = changes ? options.idempotencyKey || newKey() : null;
    const request = this.request(name, parts, options, stop, binary);
    if (key) request.headers['Idempotency-Key'] = key;
    try {
      return await this.untilLetIn(request, key !== null);
    } catch (thrown) {
      const error = this.failed(thrown);
      error.idempotencyKey = key;
      throw error;
    } finally {
      release();
    }
  }

  /** A call that was sent away by a limit was not begun: it is made again when the service says, under the same key. */
  private async untilLetIn(request: Request, again: boolean): Promise<Answer> {
    for (let repeated = 0; ; repeated += 1) {
      try {
        return this.granted(await this.send(request, again));
      } catch (thrown) {
        const waitS = isFailure(thrown) && thrown.code === 'too_many' ? thrown.retryAfterS : null;
        if (waitS === null || waitS > WAIT_S_MAX || repeated >= AGAIN_MAX) throw thrown;
        await pause(waitS * 1000, request.stop);
        if (request.stop.stopped) throw 'cancelled';
      }
    }
  }

  /** Only a broken connection leaves open whether the call was carried out, and only a key makes it safe to ask again. */
  private async send(request: Request, again: boolean): Promise<Answer> {
    try {
      return await this.transport.send(request);
    } catch (silence) {
      if (silence !== 'unreachable' || !again) throw silence;
      await pause(AGAIN_AFTER_MS, request.stop);
      if (request.stop.stopped) throw 'cancelled';
      return await this.transport.send(request);
    }
  }
}

function stopOf(signal?: AbortSignal): { stop: Stop; release: () => void } {
  const stop = new Stop();
  if (!signal) return { stop, release: () => undefined };
  const hook = (): void => stop.stop();
  if (signal.aborted) hook();
  signal.addEventListener('abort', hook);
  return { stop, release: () => signal.removeEventListener('abort', hook) };
}

function filled(path: string, values: { [name: string]: string | number }): string {
  return path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(values[name])));
}

function queryString(query: object): string {
  const pairs = Object.keys(query)
    .map((name) => [name, (query as any)[name]])
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}
