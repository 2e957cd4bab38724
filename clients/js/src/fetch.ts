import { type Answer, type Request, seconds, type Silence, type Transport } from './transport.js';

/** By `fetch`, as browsers have it today; programs that run in Node too. */
export const byFetch: Transport = {
  send: (request) => run(request, async (response) => {
    const binary = request.binary && response.ok;
    return {
      status: response.status,
      text: binary ? '' : await response.text(),
      blob: binary ? await response.blob() : null,
      retryAfterS: retryAfterS(response),
    };
  }),

  stream: (request, onText) => run(request, async (response, heard) => {
    const { status } = response;
    if (!response.ok || !response.body) {
      return { status, text: await response.text(), blob: null, retryAfterS: retryAfterS(response) };
    }
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { status, text: '', blob: null, retryAfterS: null };
      heard();
      onText(decoder.decode(value, { stream: true }));
    }
  }),
};

function retryAfterS(response: Response): number | null {
  return seconds(response.headers.get('Retry-After'));
}

/** `timeoutMs` is the longest silence: `heard` begins it anew. */
async function run(request: Request, read: (response: Response, heard: () => void) => Promise<Answer>): Promise<Answer> {
  const control = new AbortController();
  let silence: Silence = 'unreachable';
  const end = (why: Silence) => () => {
    silence = why;
    control.abort();
  };
  let timer = setTimeout(end('timed_out'), request.timeoutMs);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(end('timed_out'), request.timeoutMs);
  };
  const takeBack = request.stop.onStop(end('cancelled'));
  try {
    const { method, headers, body, url } = request;
    const response = await fetch(url, {
      method, headers, body, credentials: 'omit', cache: 'no-store', redirect: 'error', signal: control.signal,
    });
    return await read(response, heard);
  } catch {
    throw silence;
  } finally {
    clearTimeout(timer);
    takeBack();
  }
}
