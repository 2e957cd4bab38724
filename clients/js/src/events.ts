import type { Calls } from './calls.js';
import { failure, type YidangError } from './failure.js';
import type { Event, EventType, Polled } from './schema.js';
import { EventCutter } from './sse.js';
import { pause, Stop } from './stop.js';

/** How the connection stands. `refused`: the token does not do, and nothing is tried again. */
export type Connection = 'connecting' | 'open' | 'lost' | 'refused' | 'closed';

/** What to call for which event; `any` for every one, types of tomorrow included; `connection` when that changes. */
export type Listeners = { [type in EventType]?: (event: Event) => void } & {
  any?: (event: Event) => void;
  connection?: (state: Connection, error: YidangError | null) => void;
};

/** Listening, until closed. */
export interface Watch {
  /** Resolves when nothing that happens from then on is missed; rejects where the token does not do. */
  readonly opened: Promise<void>;
  close(): void;
}

const POLL_MS = 25000;
/** The service sends a comment every 15 s; a connection that is silent for this long is none. */
const SILENCE_MS = 45000;
const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 15000;
/** A poll without events that comes back sooner than this was sent away. */
const TOO_SOON_MS = 1000;
/** A connection that lasted this long was a good one: the next failure is the first again. */
const STEADY_MS = 5000;

interface Reader {
  listeners: Listeners;
  opened: () => void;
  refused: (error: YidangError) => void;
}

/** One connection for all who listen: a browser has only six to one address. */
export class Feed {
  private readers: Reader[] = [];
  private stop: Stop | null = null;
  private state: Connection = 'closed';
  /** The last event that came; what came after it is asked for when the connection was lost. */
  private lastId: number | null = null;

  constructor(private readonly calls: Calls) {}

  watch(listeners: Listeners): Watch {
    let reader!: Reader;
    const opened = new Promise<void>((resolve, reject) => {
      reader = { listeners, opened: resolve, refused: reject };
    });
    // Who does not wait for the opening hears of a refusal by `connection`.
    opened.catch(() => undefined);
    this.readers.push(reader);
    if (!this.stop) {
      this.stop = new Stop();
      void this.run(this.stop);
    } else if (this.state === 'open') {
      reader.opened();
    }
    return { opened, close: () => this.leave(reader) };
  }

  private leave(reader: Reader): void {
    const before = this.readers.length;
    this.readers = this.readers.filter((other) => other !== reader);
    if (this.readers.length === before) return;
    call(reader.listeners.connection, 'closed', null);
    if (this.readers.length === 0 && this.stop) this.end();
  }

  private end(): void {
    if (this.stop) this.stop.stop();
    this.stop = null;
    this.lastId = null;
    this.state = 'closed';
  }

  private async run(stop: Stop): Promise<void> {
    let failures = 0;
    this.tell('connecting', null);
    while (!stop.stopped) {
      let error = failure('unreachable', this.calls.language);
      const began = Date.now();
      try {
        await this.listen(stop);
      } catch (thrown) {
        error = this.calls.failed(thrown);
      }
      if (stop.stopped) return;
      if (error.status === 401 || error.status === 403) {
        this.refuse(error);
        return;
      }
      this.tell('lost', error);
      if (Date.now() - began > STEADY_MS) failures = 0;
      await pause(Math.max(backoffMs(failures), (error.retryAfterS || 0) * 1000), stop);
      failures += 1;
    }
  }

  /** From the connection's opening to its end. */
  private async listen(stop: Stop): Promise<void> {
    // A stream does not say where it begins; a poll does, so that nothing is missed if it ends before its first event.
    await this.poll(stop, 0);
    if (stop.stopped) return;
    this.tell('open', null);
    for (const reader of this.readers) reader.opened();
    await (this.calls.transport.stream ? this.stream(stop) : this.pollOn(stop));
  }

  private async stream(stop: Stop): Promise<void> {
    const request = this.calls.request('watchEvents', {}, { timeoutMs: SILENCE_MS }, stop);
    request.headers.Accept = 'text/event-stream';
    request.headers['Last-Event-ID'] = String(this.lastId);
    const cutter = new EventCutter();
    const answer = await this.calls.transport.stream!(request, (text) => {
      for (const data of cutter.cut(text)) {
        if (!stop.stopped) this.deliver(JSON.parse(data));
      }
    });
    this.calls.granted(answer);
  }

  private async pollOn(stop: Stop): Promise<void> {
    for (;;) {
      const asked = Date.now();
      const came = await this.poll(stop, POLL_MS);
      // A service that is stopping does not let anyone wait.
      if (stop.stopped || (came === 0 && Date.now() - asked < TOO_SOON_MS)) return;
    }
  }

  /** Delivers what came since the last event; how many. */
  private async poll(stop: Stop, waitMs: number): Promise<number> {
    const query = { after: this.lastId, wait_ms: waitMs };
    const request = this.calls.request('watchEvents', { query, waitMs }, {}, stop);
    const answer = this.calls.granted(await this.calls.transport.send(request));
    if (stop.stopped) return 0;
    let polled: Polled;
    try {
      polled = JSON.parse(answer.text);
    } catch {
      throw failure('answer_unreadable', this.calls.language, answer.status);
    }
    for (const event of polled.events) this.deliver(event);
    this.lastId = polled.after;
    return polled.events.length;
  }

  private refuse(error: YidangError): void {
    const readers = this.readers;
    this.tell('refused', error);
    for (const reader of readers) reader.refused(error);
    this.readers = [];
    this.end();
  }

  private deliver(event: Event): void {
    this.lastId = event.id;
    for (const { listeners } of this.readers.slice()) {
      call(listeners[event.type as EventType], event);
      call(listeners.any, event);
    }
  }

  private tell(state: Connection, error: YidangError | null): void {
    if (state === this.state && state !== 'lost') return;
    this.state = state;
    for (const { listeners } of this.readers.slice()) call(listeners.connection, state, error);
  }
}

/** A listener's fault is its own: it is reported as uncaught, and the others hear all the same. */
function call<T extends unknown[]>(listener: ((...of: T) => void) | undefined, ...of: T): void {
  if (!listener) return;
  try {
    listener(...of);
  } catch (thrown) {
    setTimeout(() => {
      throw thrown;
    });
  }
}

/** Doubles with every failure; spread, so that not all windows ask at once. */
function backoffMs(failures: number): number {
  const full = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * Math.pow(2, failures));
  return full * (0.5 + Math.random() / 2);
}
