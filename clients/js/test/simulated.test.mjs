// The simulated window answers as the service would, without one.
import assert from 'node:assert/strict';
import test from 'node:test';
import { callsOf, readDocument } from '../tools/generate.mjs';
import { Yidang } from '../dist/yidang.js';
import { faultsOf } from './support/schema.mjs';
import { until } from './support/fake.mjs';

const document = readDocument();
const simulated = (settings = {}) => Yidang.simulated({ delayMs: 0, ...settings });

/** The answer, held against the document. */
async function checked(client, name, ...of) {
  const answer = await client[name](...of);
  const { call } = callsOf(document).find((one) => one.name === name);
  const [, granted] = Object.entries(call.responses).find(([status]) => status < '300');
  const schema = granted.content?.['application/json']?.schema;
  assert.deepEqual(schema ? faultsOf(document, schema, answer) : [], [], name);
  if (granted.content && !schema) assert.ok(answer instanceof Blob && answer.size > 0, name);
  return answer;
}

test('card, capture, filing, events: all as the document says', async (t) => {
  const client = simulated({ cardAfterMs: null });
  const heard = [];
  const watch = client.watchEvents({ any: (event) => heard.push(event.type) });
  t.after(() => watch.close());
  await watch.opened;
  const reading = checked(client, 'readCard', { wait_ms: 5000 });
  await client.simulateCard({ insert: '01-resident' });
  const card = await reading;
  assert.equal(card.name, '张一档');
  const capture = await checked(client, 'capturePaper', { when: 'settled', timeout_ms: 1000 });
  assert.equal((await checked(client, 'listCaptures')).captures[0].id, capture.id);
  assert.equal((await checked(client, 'readCaptureImage', capture.id)).type, 'image/png');
  const material = await checked(client, 'fileMaterial', { holders: [card.holder], kind: 'form', captures: [capture.id], case: 'K1' });
  assert.equal((await checked(client, 'listMaterials', card.holder, { kind: 'form' })).materials[0].id, material.id);
  assert.deepEqual((await checked(client, 'listMaterials', card.holder, { kind: 'other' })).materials, []);
  await checked(client, 'readMaterial', material.id);
  await checked(client, 'readPageImage', material.id, 1);
  assert.match(await (await checked(client, 'readDocument', material.id)).text(), /^%PDF/);
  const erasure = await checked(client, 'requestErasure', { material: material.id, reason: 'tried it' });
  assert.deepEqual(erasure.materials, [material.id]);
  await checked(client, 'readErasure', erasure.id);
  await until(() => heard.includes('material.erased'), 'the events');
  assert.deepEqual(heard, ['card.inserted', 'material.filed', 'material.erased']);
});

test('a card appears by itself', async () => {
  assert.equal((await simulated({ cardAfterMs: 10 }).readCard({ wait_ms: 5000 })).name, '张一档');
});

test('everything else answers too', async () => {
  const client = simulated();
  for (const name of ['checkHealth', 'readStatus', 'readSync', 'readOpenapi', 'listCameras', 'requestPreview',
    'listSimulatedDesk', 'listSimulatedFaults', 'resetSimulation']) await checked(client, name);
  await checked(client, 'adjustCamera', 'simulated-camera', { zoom: 200 });
  const subject = { type: 'resident', value: '00000019900228001x' };
  const { holder } = await checked(client, 'openHolder', { subject, basis: 'none' });
  await assert.rejects(client.listMaterials(holder), { code: 'right_missing', status: 403 });
  await checked(client, 'closeHolder', holder);
  await assert.rejects(client.listMaterials(holder), { code: 'holder_unknown' });
  const upload = await client.uploadPaper(new Blob(['x']), { tone: 'grey' });
  assert.equal(upload.origin, 'upload');
  await checked(client, 'discardCapture', upload.id);
  await checked(client, 'simulateDesk', { frame: null });
  await checked(client, 'playScenario', { steps: [{ remove_card: true }, { after_ms: 10, card: '05-other-resident' }] });
  await checked(client, 'simulateCard', { insert: '05-other-resident' });
  assert.equal((await checked(client, 'readCard')).name, '李二档');
  assert.deepEqual(await client.diagnose(), { ok: true, findings: [], version: 'simulated', origin: null });
});

test('a clerk signs in, is locked out and comes back, and another one gets nothing of it', async (t) => {
  const client = simulated();
  const heard = [];
  const watch = client.watchEvents({ any: (event) => heard.push(event.type) });
  t.after(() => watch.close());
  await watch.opened;
  await assert.rejects(client.lockSession(), { code: 'operator_required', status: 401 });
  await assert.rejects(client.signIn({ operator: 'a', pin: '000000' }), { code: 'pin_wrong' });
  const seat = await checked(client, 'signIn', { operator: 'a', pin: '605112' });
  const { holder } = await client.openHolder({ subject: { type: 'provisional', value: 'T-1' }, basis: 'none' });
  await checked(client, 'lockSession');
  assert.equal((await checked(client, 'readSession')).session.state, 'locked');
  assert.equal((await client.signIn({ operator: 'a', pin: '605112' })).session, seat.session);
  await client.closeHolder(holder);
  const other = await checked(client, 'signIn', { assertion: 'x.y.z' });
  assert.notEqual(other.session, seat.session);
  await checked(client, 'signOut');
  await until(() => heard.length >= 6, 'the events');
  assert.deepEqual(heard.map((type) => type.replace('operator.', '')),
    ['signed_in', 'locked', 'signed_in', 'signed_out', 'signed_in', 'signed_out']);
});

test('errors are the service\'s own words', async () => {
  const client = simulated({ cardAfterMs: null, language: 'en' });
  const { value } = document.components.examples.card_absent;
  await assert.rejects(client.readCard(), { code: 'card_absent', status: value.status, title: 'No card lies on the reader.' });
  await client.simulateFault({ device: 'camera', fault: 'stall' });
  await assert.rejects(client.capturePaper(), { code: 'camera_failed' });
  assert.equal((await client.capturePaper()).confidence, 0.98);
  await client.simulateDesk({ frame: null });
  await assert.rejects(client.capturePaper({ when: 'settled' }), { code: 'not_settled' });
  assert.equal((await client.capturePaper()).corners, null);
  await assert.rejects(client.readMaterial('0'), { code: 'material_unknown' });
  await assert.rejects(client.simulateCard({ insert: 'nobody' }), { code: 'simulated_unknown' });
});

test('an unplugged device is lost and found', async () => {
  const client = simulated();
  const heard = [];
  const watch = client.watchEvents({ any: (event) => heard.push([event.type, event.data.type]) });
  await watch.opened;
  await client.simulateFault({ device: 'card', fault: 'unplug' });
  await assert.rejects(client.readCard(), { code: 'reader_absent' });
  await until(() => heard.some(([type]) => type === 'device.found'), 'the reader');
  assert.deepEqual(heard.filter(([type]) => type.startsWith('device')), [
    ['device.lost', 'card_reader'], ['device.found', 'card_reader']]);
  watch.close();
});

test('the same key gives the same answer again', async () => {
  const client = simulated();
  const first = await client.capturePaper({}, { idempotencyKey: 'k' });
  assert.deepEqual(await client.capturePaper({}, { idempotencyKey: 'k' }), first);
  assert.notEqual((await client.capturePaper()).id, first.id);
});
