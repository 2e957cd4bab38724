// What Chromium's Local Network Access does to each kind of call, from each kind of page: pages of the "internet", a
// service on this PC that answers everyone, and the browser between them.
import { createHash } from 'node:crypto';
import http from 'node:http';
import { chromium } from 'playwright-core';
import { chromiumPath } from './page.mjs';

export const CALLS = ['fetch', 'xhr', 'img', 'eventsource', 'websocket'];
export const PAGES = ['secure', 'insecure', 'frame with allow', 'frame without allow'];
export const STATES = ['unasked', 'granted', 'denied'];
/** Instead of calls, where the browser has no such state for the page. */
const CANNOT_BE_SET = Object.fromEntries(CALLS.map((call) => [call, 'no such state']));
/** Longest wait for what becomes of a call: without a screen nobody answers the browser's question. */
const SETTLES_WITHIN_MS = 4000;
const PIXEL = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

const listen = (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
const close = (server) => new Promise((resolve) => {
  server.close(resolve);
  server.closeAllConnections();
});

/** A service that answers every call of every page. */
export async function startService() {
  const server = http.createServer((request, response) => {
    const types = { '/img': 'image/gif', '/eventsource': 'text/event-stream' };
    const type = types[request.url] ?? 'text/plain';
    response.writeHead(200, { 'Access-Control-Allow-Origin': '*', 'Content-Type': type });
    if (request.url === '/eventsource') response.write('data: 1\n\n');
    else response.end(request.url === '/img' ? PIXEL : 'here');
  });
  const sockets = new Set();
  server.on('upgrade', (request, socket) => {
    const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.on('error', () => {});
    sockets.add(socket);
  });
  const port = await listen(server);
  return {
    port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return close(server);
    },
  };
}

/** Pages by many names. */
export async function startPages() {
  const server = http.createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end('<!doctype html><title>page</title>');
  });
  const port = await listen(server);
  const at = (name) => `http://${name}.example:${port}`;
  return { port, secure: at('secure'), insecure: at('insecure'), framed: at('framed'), close: () => close(server) };
}

/** A browser for which those pages are of the internet; the two that are named secure are so. */
export function launchGated(pages) {
  return chromium.launch({
    executablePath: chromiumPath(),
    args: [
      '--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP *.example 127.0.0.1',
      `--unsafely-treat-insecure-origin-as-secure=${pages.secure},${pages.framed}`,
      `--ip-address-space-overrides=127.0.0.1:${pages.port}=public`,
    ],
  });
}

/** Calls the service from where it is evaluated: `works`, `fails`, or `waits` where nothing is decided. */
async function callsFromHere([port, calls, wait]) {
  const at = (call) => `http://127.0.0.1:${port}/${call}`;
  const kinds = {
    fetch: () => fetch(at('fetch')),
    xhr: () => new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('GET', at('xhr'));
      request.onload = resolve;
      request.onerror = reject;
      request.send();
    }),
    img: () => new Promise((resolve, reject) => Object.assign(new Image(), { onload: resolve, onerror: reject }).src = at('img')),
    eventsource: () => new Promise((resolve, reject) => {
      const source = new EventSource(at('eventsource'));
      source.onmessage = resolve;
      source.onerror = reject;
    }),
    websocket: () => new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/websocket`);
      socket.onopen = resolve;
      socket.onerror = reject;
    }),
  };
  const outcome = (call) => Promise.race([
    kinds[call]().then(() => 'works', () => 'fails'),
    new Promise((resolve) => setTimeout(resolve, wait, 'waits')),
  ]);
  return Object.fromEntries(await Promise.all(calls.map(async (call) => [call, await outcome(call)])));
}

/** What becomes of every call from a page of this kind, with the permission in this state. */
export async function callFrom(browser, pages, service, kind, state) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const top = kind === 'insecure' ? pages.insecure : pages.secure;
    await page.goto(`${top}/`);
    if (state !== 'unasked' && !(await permit(browser, context, page, [top], state))) return CANNOT_BE_SET;
    let from = page;
    if (kind.startsWith('frame')) {
      const allow = kind === 'frame with allow' ? 'loopback-network; local-network-access' : '';
      await page.evaluate(([src, given]) => new Promise((resolve) => {
        const frame = Object.assign(document.createElement('iframe'), { allow: given, onload: resolve, src });
        document.body.append(frame);
      }), [`${pages.framed}/`, allow]);
      from = page.frames().find((frame) => frame.url().startsWith(pages.framed));
    }
    return await from.evaluate(callsFromHere, [service.port, CALLS, SETTLES_WITHIN_MS]);
  } finally {
    await context.close();
  }
}

/** Sets the permission; false where an origin is not one that can have it. */
async function permit(browser, context, page, origins, setting) {
  const session = await browser.newBrowserCDPSession();
  const own = await context.newCDPSession(page);
  const { targetInfo } = await own.send('Target.getTargetInfo');
  for (const origin of origins) {
    try {
      await session.send('Browser.setPermission', {
        permission: { name: 'loopback-network' }, setting, origin, browserContextId: targetInfo.browserContextId,
      });
    } catch {
      return false;
    }
  }
  return true;
}
