// What goes out, what comes back, and what is told when something goes wrong.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Yidang, YidangError } from '../dist/yidang.js';
import { fake, json, problem, until } from './support/fake.mjs';

/** The error that a call ends with. */
async function errorOf(promise) {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof YidangError && error instanceof Error, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'the call went well' });
}

test('a refusal is an error that says what the service said', async () => {
  const service = await fake((_, response) => problem(response, 409, 'card_absent', 'more'));
  const error = await errorOf(new Yidang({ address: service.address }).readCard());
  const { code, title, remedy, status, detail } = error;
  assert.deepEqual({ code, title, remedy, status, detail }, {
    code: 'card_absent', title: 'title of card_absent', remedy: 'remedy of card_absent', status: 409, detail: 'more',
  });
  await service.close();
});

test('a clerk who has signed in is carried by every call until signed out', async () => {
  const service = await fake((request, response) =>
    json(response, 200, request.method === 'POST' ? { session: 'S-1' } : {}));
  const client = new Yidang({ address: service.address, operator: 'desk' });
  const carried = () => {
    const { headers } = service.requests.pop();
    return [headers['yidang-session'], headers['yidang-operator']];
  };
  const nobody = [undefined, 'desk'];
  // What the settings name is no longer so once somebody has signed in.
  const clerk = ['S-1', undefined];
  await client.readStatus();
  assert.deepEqual(carried(), nobody);
  await client.signIn({ operator: '李四', pin: '605112' });
  assert.deepEqual(carried(), nobody);
  await client.readStatus();
  assert.deepEqual(carried(), clerk);
  await client.signOut();
  assert.deepEqual(carried(), clerk);
  await client.readStatus();
  assert.deepEqual(carried(), nobody);
  await service.close();
});

test('a refusal of a picture is read as well', async () => {
  const service = await fake((_, response) => problem(response, 404, 'capture_unknown'));
  const error = await errorOf(new Yidang({ address: service.address }).readCaptureImage('x'));
  assert.equal(error.code, 'capture_unknown');
  assert.equal(error.detail, null);
  await service.close();
});

test('an answer that is none of the service is told apart', async () => {
  const service = await fake((request, response) => {
    response.writeHead(request.url === '/v1/health' ? 200 : 502);
    response.end('<html>a router</html>');
  });
  const client = new Yidang({ address: service.address });
  assert.equal((await errorOf(client.checkHealth())).code, 'answer_unreadable');
  const error = await errorOf(client.readStatus());
  assert.deepEqual([error.code, error.status], ['answer_unreadable', 502]);
  await service.close();
});

test('nobody there, too late, and cancelled are three things, in both languages', async () => {
  const gone = await fake(() => undefined);
  await gone.close();
  const nobody = await errorOf(new Yidang({ address: gone.address }).checkHealth());
  assert.deepEqual([nobody.code, nobody.status], ['unreachable', 0]);
  assert.match(nobody.title, /[\u4e00-\u9fff]/);

  const silent = await fake(() => undefined);
  const client = new Yidang({ address: silent.address, language: 'en' });
  const late = await errorOf(client.checkHealth({ timeoutMs: 50 }));
  assert.equal(late.code, 'timed_out');
  assert.doesNotMatch(late.title + late.remedy, /[\u4e00-\u9fff]/);
  const control = new AbortController();
  const call = errorOf(client.readCard({}, { signal: control.signal }));
  await until(() => silent.requests.length === 2, 'the request');
  control.abort();
  assert.equal((await call).code, 'cancelled');
  assert.equal((await errorOf(client.checkHealth({ signal: control.signal }))).code, 'cancelled');
  await silent.close();
});

test('what a call itself waits for is added to the longest wait', async () => {
  const service = await fake((_, response) => setTimeout(() => json(response, 200, {}), 200));
  const client = new Yidang({ address: service.address });
  await client.readCard({ wait_ms: 2000 }, { timeoutMs: 50 });
  assert.equal((await errorOf(client.readCard({}, { timeoutMs: 50 }))).code, 'timed_out');
  await service.close();
});

test('a filing whose connection broke is sent again under the same key, once', async () => {
  let breaks = 1;
  const service = await fake((_, response) => {
    if (breaks > 0) {
      breaks -= 1;
      response.destroy();
    } else {
      json(response, 201, { id: 'm' });
    }
  });
  const client = new Yidang({ address: service.address });
  assert.equal((await client.fileMaterial({ holders: ['h'], kind: 'k' })).id, 'm');
  const keys = service.requests.map((request) => request.headers['idempotency-key']);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);

  breaks = 2;
  const error = await errorOf(client.fileMaterial({ holders: ['h'], kind: 'k' }));
  assert.equal(error.code, 'unreachable');
  assert.equal(service.requests.length, 4);
  assert.equal(error.idempotencyKey, service.requests[3].headers['idempotency-key']);
  assert.notEqual(error.idempotencyKey, keys[0]);
  await client.fileMaterial({ holders: ['h'], kind: 'k' }, { idempotencyKey: error.idempotencyKey });
  assert.equal(service.requests[4].headers['idempotency-key'], error.idempotencyKey);
  await service.close();
});

test('a look whose connection broke is not sent again', async () => {
  const service = await fake((_, response) => response.destroy());
  const error = await errorOf(new Yidang({ address: service.address }).readStatus());
  assert.deepEqual([error.code, error.idempotencyKey, service.requests.length], ['unreachable', null, 1]);
  await service.close();
});

test('a refused filing is not sent again', async () => {
  const service = await fake((_, response) => problem(response, 503, 'busy'));
  await errorOf(new Yidang({ address: service.address }).fileMaterial({ holders: [], kind: 'k' }));
  assert.equal(service.requests.length, 1);
  await service.close();
});

test('a call that was sent away by a limit is made again when the service says, under the same key', async () => {
  let away = 1;
  const service = await fake((_, response) => {
    if (away > 0) {
      away -= 1;
      response.setHeader('Retry-After', '1');
      problem(response, 429, 'too_many');
    } else {
      json(response, 201, { id: 'm' });
    }
  });
  const client = new Yidang({ address: service.address });
  const began = Date.now();
  assert.equal((await client.fileMaterial({ holders: ['h'], kind: 'k' })).id, 'm');
  assert.ok(Date.now() - began >= 950, 'it waits as long as it is told to');
  const keys = service.requests.map((request) => request.headers['idempotency-key']);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);

  away = 1;
  const control = new AbortController();
  const call = errorOf(client.readStatus({ signal: control.signal }));
  await until(() => service.requests.length === 3, 'the request');
  control.abort();
  assert.equal((await call).code, 'cancelled');
  assert.equal(service.requests.length, 3);
  await service.close();
});

test('who is told to wait for long, or for a PIN, hears so at once', async () => {
  let [code, wait] = ['too_many', '86400'];
  const service = await fake((_, response) => {
    if (wait) response.setHeader('Retry-After', wait);
    problem(response, 429, code);
  });
  const client = new Yidang({ address: service.address });
  const long = await errorOf(client.capturePaper());
  assert.deepEqual([long.code, long.retryAfterS], ['too_many', 86400]);
  [code, wait] = ['pin_wait', '1'];
  const pin = await errorOf(client.signIn({ operator: 'a', pin: '605112' }));
  assert.deepEqual([pin.code, pin.retryAfterS], ['pin_wait', 1]);
  [code, wait] = ['too_many', ''];
  assert.equal((await errorOf(client.readStatus())).retryAfterS, null);
  assert.equal(service.requests.length, 3);
  await service.close();
});

test('a file goes up as a form, with its wishes beside it', async () => {
  const service = await fake((_, response) => json(response, 201, { id: 'c' }));
  const client = new Yidang({ address: service.address });
  const corners = [[0, 0], [1, 0], [1, 1], [0, 1]];
  await client.uploadPaper(new Blob(['%PDF']), { tone: 'grey', corners, dpi: undefined });
  const { headers, body } = service.requests[0];
  assert.match(headers['content-type'], /^multipart\/form-data; boundary=/);
  assert.match(body, /name="tone"\r\n\r\ngrey\r\n/);
  assert.ok(body.includes(`name="corners"\r\n\r\n${JSON.stringify(corners)}\r\n`));
  assert.match(body, /name="file"; filename="blob"[^%]*%PDF/);
  assert.ok(!body.includes('dpi'));
  await service.close();
});
