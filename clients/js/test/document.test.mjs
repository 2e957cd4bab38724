// The client is the API that fixtures/openapi.json describes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { callsOf, generated, readDocument } from '../tools/generate.mjs';
import { Yidang } from '../dist/yidang.js';
import { fake, json } from './support/fake.mjs';

const document = readDocument();

test('what is made from the document is checked in as it is made', () => {
  for (const [path, text] of Object.entries(generated(document))) {
    assert.equal(readFileSync(path, 'utf8'), text, `${path}: run npm run generate`);
  }
});

test('every call of the document has a method of its name', () => {
  const client = new Yidang({});
  for (const { name } of callsOf(document)) assert.equal(typeof client[name], 'function', name);
});

/** What each method is called with; the two that are more than one call are tested by themselves. */
const ARGUMENTS = {
  adjustCamera: ['a/b', { zoom: 1 }], discardCapture: ['c'], readCaptureImage: ['c', { rendition: 'page' }],
  readErasure: ['e'], closeHolder: ['h'], listMaterials: ['h', { scope: 'all' }], readMaterial: ['m'],
  readDocument: ['m', { layout: 'card' }], readPageImage: ['m', 2, { rendition: 'thumbnail' }],
  openHolder: [{}], fileMaterial: [{}], refileMaterial: ['m', {}], requestErasure: [{}], simulateCard: [{}], simulateDesk: [{}],
  simulateFault: [{}], playScenario: [{}], listCaptures: [{ limit: 3 }], takeOverCaptures: [{ operator: 'a' }],
  signIn: [{}], requestPairing: [{}], collectPairing: [{}], decidePairing: [{}],
};

test('every method sends what the document says', async () => {
  const service = await fake((request, response) => json(response, 200, {}));
  const client = new Yidang({ address: service.address, token: 'T', operator: '李四', language: 'en' });
  for (const { name, method, path, parameters, call } of callsOf(document)) {
    if (name === 'watchEvents' || name === 'watchCamera') continue;
    await client[name](...(ARGUMENTS[name] ?? []));
    const sent = service.requests.pop();
    const url = new URL(sent.url, service.address);
    assert.equal(sent.method, method, name);
    const pattern = new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);
    assert.match(url.pathname, pattern, name);
    const known = parameters.filter((p) => p.in === 'query').map((p) => p.name);
    for (const key of url.searchParams.keys()) assert.ok(known.includes(key), `${name}: ?${key}`);
    assert.equal(sent.headers.authorization, 'Bearer T');
    assert.equal(sent.headers['accept-language'], 'en');
    assert.equal(decodeURIComponent(sent.headers['yidang-operator']), '李四');
    const takesKey = parameters.some((p) => p.name === 'Idempotency-Key');
    assert.equal(/^[0-9a-f-]{32}$/.test(sent.headers['idempotency-key'] ?? ''), takesKey, `${name}: key`);
    if (call.requestBody) assert.equal(sent.headers['content-type'], 'application/json', name);
  }
  assert.ok(service.requests.length === 0);
  await service.close();
});

test('the type of an event is taken for known only if the document names it', () => {
  const named = document.components.schemas.Event.properties.type.description;
  const types = readFileSync(new URL('../src/schema.ts', import.meta.url), 'utf8').match(/EventType = (.*);/)[1];
  for (const type of types.split(' | ')) assert.ok(named.includes(`\`${type.slice(1, -1)}\``), type);
  assert.ok(types.includes('card.inserted'));
});
