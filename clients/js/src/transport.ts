import type { Stop } from './stop.js';

/** One request, ready to be sent. */
export interface Request {
  method: string;
  url: string;
  headers: { [name: string]: string };
  body: string | FormData | null;
  /** Whether the answer is bytes. Refusals are text all the same. */
  binary: boolean;
  timeoutMs: number;
  stop: Stop;
}

/** What came back, whatever its status. */
export interface Answer {
  status: number;
  text: string;
  /** For a binary request that was granted. */
  blob: Blob | null;
  /** What `Retry-After` says, in seconds; null where it says nothing. */
  retryAfterS: number | null;
}

/** `Retry-After` in seconds; null where there is none. */
export function seconds(header: string | null): number | null {
  return header !== null && /^\d{1,9}$/.test(header) ? Number(header) : null;
}

/** Why no answer came. */
export type Silence = 'unreachable' | 'timed_out' | 'cancelled';

/** How requests get to the service. Rejects with a `Silence` where no answer comes. */
export interface Transport {
  send(request: Request): Promise<Answer>;
  /** Hands the answer's text over as it comes, and resolves at its end; missing where a browser has no such thing. */
  stream?(request: Request, onText: (text: string) => void): Promise<Answer>;
}
