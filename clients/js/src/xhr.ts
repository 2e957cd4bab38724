import { type Answer, seconds, type Silence, type Transport } from './transport.js';

/**
 * By `XMLHttpRequest`, for browsers without `fetch`. Cannot hand a stream over as it comes without keeping all of it in
 * memory, so events are polled.
 */
export const byXhr: Transport = {
  send: (request) => new Promise<Answer>((resolve, reject: (why: Silence) => void) => {
    const xhr = new XMLHttpRequest();
    xhr.open(request.method, request.url, true);
    // Internet Explorer takes these two only once the request is open.
    xhr.timeout = request.timeoutMs;
    if (request.binary) xhr.responseType = 'blob';
    for (const name of Object.keys(request.headers)) xhr.setRequestHeader(name, request.headers[name]);
    const takeBack = request.stop.onStop(() => {
      xhr.abort();
      reject('cancelled');
    });
    xhr.onerror = () => {
      takeBack();
      reject('unreachable');
    };
    xhr.ontimeout = () => {
      takeBack();
      reject('timed_out');
    };
    xhr.onload = () => {
      takeBack();
      read(xhr, request.binary, resolve);
    };
    xhr.send(request.body);
  }),
};

function read(xhr: XMLHttpRequest, binary: boolean, resolve: (answer: Answer) => void): void {
  const status = xhr.status;
  const retryAfterS = status === 429 || status === 503 ? seconds(xhr.getResponseHeader('Retry-After')) : null;
  if (!binary) {
    resolve({ status, text: xhr.responseText, blob: null, retryAfterS });
  } else if (status >= 200 && status < 300) {
    resolve({ status, text: '', blob: xhr.response, retryAfterS });
  } else {
    const reader = new FileReader();
    reader.onloadend = () => resolve({ status, text: String(reader.result || ''), blob: null, retryAfterS });
    reader.readAsText(xhr.response);
  }
}
