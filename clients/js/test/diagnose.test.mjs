// diagnose() tells apart what needs different hands. What only a browser can be made to show is in chromium-diagnosis.test.mjs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { Yidang, YidangError } from '../dist/yidang.js';
import { fake, json, problem } from './support/fake.mjs';

const READY = { driver: 'd', id: 'i', name: 'n', reason: null, state: 'ready' };
const status = (reader = {}, camera = {}) => ({
  version: '1', devices: [{ ...READY, type: 'card_reader', ...reader }, { ...READY, type: 'camera', ...camera }],
});

/** The findings' codes against a service that answers so. */
async function diagnosed(answers, wish, settings = { token: 'T' }) {
  const there = await fake((request, response) => {
    const answer = answers[request.url.split('/')[2].split('?')[0]];
    if (Array.isArray(answer)) problem(response, ...answer);
    else json(response, 200, answer ?? (request.url === '/v1/health' ? { status: 'ok', version: '1' } : {}));
  });
  const diagnosis = await new Yidang({ address: there.address, ...settings }).diagnose(wish);
  await there.close();
  assert.equal(diagnosis.ok, diagnosis.findings.length === 0);
  for (const { title, remedy } of diagnosis.findings) {
    assert.match(title.zh + remedy.zh, /[\u4e00-\u9fff]/);
    assert.doesNotMatch(title.en + remedy.en, /[\u4e00-\u9fff{]/);
    assert.doesNotMatch(title.zh + remedy.zh, /[{}]/);
  }
  return diagnosis.findings.map(({ code, device, detail }) => [code, device ?? detail].filter(Boolean).join(' '));
}

const WELL = { status: status(), cameras: { cameras: [{ state: 'ready' }] } };

test('all is well', async () => {
  assert.deepEqual(await diagnosed(WELL, {}), []);
});

test('nobody listens', async () => {
  const gone = await fake(() => undefined);
  await gone.close();
  const { findings, version } = await new Yidang({ address: gone.address, token: 'T' }).diagnose();
  assert.deepEqual([findings.map((one) => one.code), version], [['not_running'], null]);
  assert.ok(findings[0].remedy.en.includes(gone.address) && findings[0].remedy.zh.includes(gone.address));
});

test('another program has the port', async () => {
  assert.deepEqual(await diagnosed({ health: { status: 'up' } }), ['other_service']);
});

test('no token, a wrong one, one of another page, one without the scope', async () => {
  assert.deepEqual(await diagnosed(WELL, {}, {}), ['token_missing']);
  assert.deepEqual(await diagnosed({ status: [401, 'token_invalid'] }), ['token_invalid']);
  assert.deepEqual(await diagnosed({ status: [403, 'origin_denied', 'bound'] }), ['token_of_another_origin bound']);
  const short = { ...WELL, materials: [403, 'scope_missing'], erasures: [404, 'erasure_unknown'] };
  const found = await diagnosed(short, { scopes: ['archive:write', 'archive:erase'] });
  assert.deepEqual(found, ['scope_missing archive:write']);
});

test('a device is missing, denied, busy, or does not work', async () => {
  const cameras = (reason) => ({ ...WELL, cameras: { cameras: [{ state: 'failed', reason }] } });
  const absent = { status: status({ state: 'absent' }, { state: 'denied' }) };
  assert.deepEqual(await diagnosed(absent), ['device_missing card_reader', 'device_denied camera']);
  assert.deepEqual(await diagnosed(absent, { devices: [] }), []);
  assert.deepEqual(await diagnosed(cameras('another program holds the device: x')), ['device_busy camera']);
  assert.deepEqual(await diagnosed(cameras('it does not answer')), ['device_failed camera']);
  const error = new YidangError({ code: 'busy', title: '', remedy: '', status: 503, detail: 'why' });
  assert.deepEqual(await diagnosed(WELL, { error }), ['device_busy why']);
});

test('a busy device is told in the words that the service has for it', () => {
  const words = readFileSync(new URL('../../../src/device/error.rs', import.meta.url), 'utf8');
  assert.ok(words.includes('"another program holds the device"'));
});
