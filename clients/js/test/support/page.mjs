// Pages for a real Chromium: a server for them, and the browser with what its security needs to be told.
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { chromium } from 'playwright-core';

const FILES = { '/yidang.js': 'dist/yidang.js', '/yidang.es5.js': 'dist/yidang.es5.js', '/example/': 'example/index.html' };

/** Where Chromium is; null where it is not. */
export function chromiumPath() {
  const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  return places.find((place) => place && existsSync(place)) ?? null;
}

/** Serves an empty page at `/`, and the client's builds. */
export async function servePages() {
  const server = http.createServer((request, response) => {
    const file = FILES[request.url.replace('/dist/', '/')];
    const type = request.url.endsWith('.js') ? 'text/javascript' : 'text/html';
    response.writeHead(file || request.url === '/' ? 200 : 404, { 'Content-Type': `${type}; charset=utf-8` });
    response.end(file ? readFileSync(new URL(`../../${file}`, import.meta.url)) : '<!doctype html><title>window</title>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return {
    port,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}

/**
 * A browser with two names for the page server, that of an http page and that of a trusted one; with `isPublic` it takes
 * the server for one of the internet, so that Local Network Access holds.
 */
export function launch(port, isPublic = false) {
  const args = [
    '--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP *.example 127.0.0.1',
    `--unsafely-treat-insecure-origin-as-secure=${trusted(port)}`,
  ];
  if (isPublic) args.push(`--ip-address-space-overrides=127.0.0.1:${port}=public`);
  return chromium.launch({ executablePath: chromiumPath(), args });
}

export const insecure = (port) => `http://window.example:${port}`;
export const trusted = (port) => `http://trusted.example:${port}`;
