import type { Problem } from './schema.js';
import type { Answer } from './transport.js';
import { FAILURES, type Language } from './words.js';

/**
 * Whatever goes wrong with a call. `code` is stable: one of the service's own (`card_absent` …), or one of this client's
 * where no answer came, with `status` 0: `unreachable`, `timed_out`, `cancelled`, `answer_unreadable`.
 */
export class YidangError extends Error {
  readonly code: string;
  /** What is wrong, for the clerk, in the language of the settings. */
  readonly title: string;
  /** What to do about it. */
  readonly remedy: string;
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** What this case adds; null where there is nothing to add. */
  readonly detail: string | null;
  /** After how many seconds the same call may be made again, where the service says; else null. */
  readonly retryAfterS: number | null;
  /** The key the call went out under: send it again with the same one, and it is carried out once. Null for looks. */
  idempotencyKey: string | null = null;

  constructor(problem: {
    code: string; title: string; remedy: string; status: number; detail?: string | null; retryAfterS?: number | null;
  }) {
    super(`${problem.code}: ${problem.title}`);
    // In ES5 a class that extends Error makes plain Errors, unless told; before Internet Explorer 11 it cannot be told.
    if (Object.setPrototypeOf) Object.setPrototypeOf(this, YidangError.prototype);
    this.name = 'YidangError';
    this.code = problem.code;
    this.title = problem.title;
    this.remedy = problem.remedy;
    this.status = problem.status;
    this.detail = problem.detail || null;
    this.retryAfterS = problem.retryAfterS === undefined ? null : problem.retryAfterS;
  }
}

/** One of this client's own codes as an error. */
export function failure(code: 'unreachable' | 'timed_out' | 'cancelled' | 'answer_unreadable', language: Language,
  status = 0): YidangError {
  const { title, remedy } = FAILURES[code];
  return new YidangError({ code, title: title[language], remedy: remedy[language], status });
}

/** A refusal as the service wrote it; what is no problem document is not from the service. */
export function refusal({ status, text, retryAfterS }: Answer, language: Language): YidangError {
  let problem: Partial<Problem> | null = null;
  try {
    problem = JSON.parse(text);
  } catch {
    // Told below.
  }
  if (!problem || typeof problem.code !== 'string') return failure('answer_unreadable', language, status);
  return new YidangError({
    code: problem.code, title: problem.title || '', remedy: problem.remedy || '', status, detail: problem.detail,
    retryAfterS,
  });
}

/** Whether what was thrown is one of ours, in browsers too where it is no `instanceof`. */
export function isFailure(thrown: unknown): thrown is YidangError {
  return thrown instanceof YidangError || (thrown instanceof Error && thrown.name === 'YidangError');
}
