// The build for old browsers is ES5, and needs of its surroundings only what those have.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import vm from 'node:vm';
import { parse } from 'acorn';
import { fake, json, problem } from './support/fake.mjs';

const path = new URL('../dist/yidang.es5.js', import.meta.url);
const text = readFileSync(path, 'utf8');

test('a strict ES5 parser reads it', () => {
  parse(text, { ecmaVersion: 5, sourceType: 'script' });
  assert.throws(() => parse(`${text}\nconst x = 1;`, { ecmaVersion: 5, sourceType: 'script' }));
});

/** What came after ES5, or is no part of the language. */
const NEWER = ['Promise', 'Symbol', 'Map', 'Set', 'WeakMap', 'WeakSet', 'Proxy', 'Reflect', 'globalThis', 'BigInt',
  'Uint8Array', 'Iterator', 'WeakRef', 'AggregateError'];
const METHODS = {
  Object: ['assign', 'entries', 'values', 'fromEntries', 'setPrototypeOf'],
  Array: ['from', 'of'],
  'Array.prototype': ['includes', 'find', 'findIndex', 'fill', 'flat', 'flatMap', 'at', 'keys', 'values', 'entries'],
  'String.prototype': ['includes', 'startsWith', 'endsWith', 'padStart', 'padEnd', 'repeat', 'at', 'matchAll', 'replaceAll'],
  Number: ['isInteger', 'isFinite', 'isNaN'],
};

/** A page of a very old browser: a window, timers and XMLHttpRequest, and no more of the language than ES5. */
function oldPage() {
  const window = { location: { origin: 'http://window.example', hostname: 'window.example' } };
  window.parent = window;
  const around = { window, document: {}, setTimeout, clearTimeout, navigator: { userAgent: '' }, XMLHttpRequest: RequestOfNode };
  const page = vm.createContext(around);
  vm.runInContext(NEWER.map((name) => `delete this.${name};`).join('') + Object.entries(METHODS)
    .map(([of, names]) => names.map((name) => `delete ${of}.${name};`).join('')).join(''), page);
  vm.runInContext(text, page);
  return { page, window };
}

/** As much of XMLHttpRequest as the client uses, over Node's fetch. */
class RequestOfNode {
  headers = {};
  open(method, url) { Object.assign(this, { method, url }); }
  setRequestHeader(name, value) { this.headers[name] = value; }
  send(body) {
    fetch(this.url, { method: this.method, headers: this.headers, body }).then(async (response) => {
      this.status = response.status;
      this.responseText = await response.text();
      this.onload();
    }, () => this.onerror());
  }
  abort() {}
}

/** Runs a piece of an old page's script, which calls `done(value)`. */
const run = ({ page }, script) => new Promise((resolve) => {
  page.done = resolve;
  vm.runInContext(script, page);
});

test('it has one global, and works in a page that knows nothing of this century\'s second decade', async () => {
  const service = await fake((request, response) => {
    if (request.url === '/v1/health') json(response, 200, { status: 'ok', version: '9' });
    else if (request.url.startsWith('/v1/events')) {
      const first = !request.url.includes('after=');
      json(response, 200, { events: first ? [] : [{ id: 8, type: 'card.inserted', at: '', data: {} }], after: first ? 7 : 8 });
    } else problem(response, 409, 'card_absent');
  });
  const old = oldPage();
  assert.deepEqual(Object.keys(old.window), ['location', 'parent', 'Yidang']);
  old.page.address = service.address;
  vm.runInContext('var Yidang = window.Yidang; var client = new Yidang({ address: address, token: "T" });', old.page);
  assert.equal(await run(old, 'client.checkHealth().then(function (h) { done(h.version); });'), '9');
  const error = await run(old, `client.readCard().then(null, function (e) {
    done([e.code, e.status, e.title, String(e)].join());
  });`);
  assert.equal(error, "card_absent,409,title of card_absent,YidangError: card_absent: title of card_absent");
  assert.equal(await run(old, `var watch = client.watchEvents({
    'card.inserted': function (e) { watch.close(); done(e.id); }
  });`), 8);
  await service.close();
  assert.equal(await run(old, 'client.diagnose().then(function (d) { done(d.findings[0].code); });'), 'unreachable');
  const name = 'Yidang.simulated({ delayMs: 0, cardAfterMs: 0 }).readCard({ wait_ms: 1000 }).then(function (c) { done(c.name); });';
  assert.equal(await run(old, name), '张一档');
});
