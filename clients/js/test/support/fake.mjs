// A service that answers what a test says, for faults that the real one cannot be made to show.
import http from 'node:http';

/** Starts it; `answer(request, response, body)` is asked for every request. */
export async function fake(answer) {
  const requests = [];
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    requests.push({ method: request.method, url: request.url, headers: request.headers, body });
    answer(request, response, body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A test that fails before it closes it is not to hang.
  server.unref();
  server.on('connection', (socket) => socket.unref());
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    requests,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}

export function json(response, status, value) {
  response.writeHead(status, { 'Content-Type': status < 300 ? 'application/json' : 'application/problem+json' });
  response.end(JSON.stringify(value));
}

/** A problem document. */
export function problem(response, status, code, detail) {
  json(response, status, { type: 'about:blank', title: `title of ${code}`, remedy: `remedy of ${code}`, status, code, detail });
}

/** Resolves once the condition holds. */
export async function until(condition, what) {
  const end = Date.now() + 15000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
