// https on this machine, in a real Chromium that trusts this PC's authority as `yidang certificate install` had it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { startDaemon } from './support/daemon.mjs';
import { chromiumPath } from './support/page.mjs';

let computer;
let daemon;
let browser;
const hasCertutil = (() => {
  try {
    execFileSync('certutil', ['-H'], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return error.code !== 'ENOENT';
  }
})();
const options = { skip: hasCertutil ? false : 'libnss3-tools is missing' };
if (options.skip) console.error(`SKIPPED clients/js/test/chromium-tls.test.mjs: ${options.skip}`);

/** A home with a database of what Chromium trusts. */
function home(name) {
  const folder = join(computer, 'home', name);
  mkdirSync(join(folder, '.pki/nssdb'), { recursive: true });
  execFileSync('certutil', ['-N', '--empty-password', '-d', `sql:${join(folder, '.pki/nssdb')}`]);
  return folder;
}

const launch = (HOME) => chromium.launch({
  executablePath: chromiumPath(), env: { ...process.env, HOME, XDG_CONFIG_HOME: join(HOME, '.config') },
  args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP *.example 127.0.0.1'],
});

before(async () => {
  if (options.skip) return;
  computer = mkdtempSync(join(tmpdir(), 'yidang-tls-'));
  daemon = await startDaemon([], '', { YIDANG_HTTP_TLS: 'loopback', YIDANG_HTTP_TLS_LISTEN: '127.0.0.1:0' });
  const clerk = home('clerk');
  daemon.command('certificate', 'install', '--root', computer);
  browser = await launch(clerk);
});

after(async () => {
  await browser?.close();
  await daemon?.end();
  if (computer) rmSync(computer, { recursive: true, force: true });
});

/** Opens an address; what the browser says against it, or null. */
async function refusal(address, of = browser) {
  const page = await of.newPage();
  try {
    await page.goto(address);
    return null;
  } catch (error) {
    return /net::(\w+)/.exec(String(error))?.[1] ?? String(error);
  } finally {
    await page.close();
  }
}

/** A server with a certificate for this name, signed by whoever has stolen the authority's key. */
async function impostor(name) {
  const [key, csr, crt, ext] = ['key', 'csr', 'crt', 'ext'].map((end) => join(computer, `${name}.${end}`));
  const [ca, stolen] = ['pem', 'key'].map((end) => join(daemon.data, 'tls', `authority.${end}`));
  writeFileSync(ext, `subjectAltName=DNS:${name}\nextendedKeyUsage=serverAuth\n`);
  const openssl = (...words) => execFileSync('openssl', words, { stdio: 'ignore' });
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', csr, '-subj', `/CN=${name}`);
  openssl('x509', '-req', '-days', '1', '-in', csr, '-CA', ca, '-CAkey', stolen, '-extfile', ext, '-out', crt);
  const server = https.createServer({ key: readFileSync(key), cert: readFileSync(crt) }, (_, response) => response.end('mine'));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: server.address().port, close: () => new Promise((resolve) => server.close(resolve)) };
}

test('the clerk’s page comes by https, calls by it, and hears events by it', options, async () => {
  const token = daemon.token('tls', 'card,capture,admin');
  const page = await browser.newPage();
  await page.goto(`${daemon.httpsAddress.replace('127.0.0.1', 'localhost')}/console/`);
  const told = await page.evaluate(async (token) => {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    const health = await (await fetch('/v1/health')).json();
    const { after } = await (await fetch('/v1/events?wait_ms=0', { headers })).json();
    await fetch('/v1/simulated/card', { method: 'POST', headers, body: '{"insert": null}' });
    const stream = await fetch('/v1/events', { headers: { ...headers, 'Last-Event-ID': String(after) } });
    const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
    let heard = '';
    while (!heard.includes('card.removed')) {
      const { value, done } = await reader.read();
      if (done) break;
      heard += value;
    }
    await reader.cancel();
    return { health: health.status, heard: heard.includes('event: card.removed'), secure: window.isSecureContext, origin };
  }, token);
  assert.deepEqual({ ...told, origin: null }, { health: 'ok', heard: true, secure: true, origin: null });
  assert.match(told.origin, /^https:\/\/localhost:\d+$/);
  await page.close();
  assert.equal(await refusal(`${daemon.httpsAddress}/v1/health`), null, 'by its address too');
});

test('a browser in which it is not installed refuses it', options, async (t) => {
  const stranger = await launch(home('stranger'));
  t.after(() => stranger.close());
  assert.equal(await refusal(`${daemon.httpsAddress}/v1/health`, stranger), 'ERR_CERT_AUTHORITY_INVALID');
});

test('the authority’s stolen key makes nobody else of a browser’s sites', options, async (t) => {
  const own = await impostor('localhost');
  t.after(() => own.close());
  assert.equal(await refusal(`https://localhost:${own.port}/`), null, 'it is the name alone that is refused');
  for (const name of ['evil.example', 'one.gov.example']) {
    const other = await impostor(name);
    t.after(() => other.close());
    const why = await refusal(`https://${name}:${other.port}/`);
    t.diagnostic(`${name}: ${why}`);
    assert.match(why ?? 'it is taken', /^ERR_CERT_/);
  }
});
