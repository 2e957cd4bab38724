// Events come, in order and once, whatever the connection does.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Yidang } from '../dist/yidang.js';
import { fake, json, problem, until } from './support/fake.mjs';

const event = (id, type = 'card.inserted') => ({ id, type, at: '2026-01-01T00:00:00Z', data: {} });
const written = (e) => `id: ${e.id}\nevent: ${e.type}\ndata: ${JSON.stringify(e)}\n\n`;
const isPoll = (request) => request.url.includes('wait_ms');

/** Polls answer `events` after the id that is asked for, from 100 on; streams are handed to `stream`. */
function service(events, stream) {
  return fake((request, response) => {
    if (isPoll(request)) {
      const after = Number(new URL(request.url, 'http://x').searchParams.get('after') ?? 100);
      const newer = events.filter((e) => e.id > after);
      json(response, 200, { events: newer, after: newer.length ? newer.at(-1).id : after });
    } else {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.flushHeaders();
      stream(response, request);
    }
  });
}

test('a stream cut anywhere gives its events whole', async () => {
  const there = await service([], (response) => {
    const text = `: alive\r\n\r\n${written(event(101))}${written(event(102, 'new.type'))}`;
    let at = 0;
    const timer = setInterval(() => {
      response.write(text.slice(at, at + 7));
      at += 7;
      if (at >= text.length) clearInterval(timer);
    }, 1);
  });
  const heard = [];
  const watch = new Yidang({ address: there.address }).watchEvents({
    'card.inserted': (e) => heard.push(`inserted ${e.id}`), any: (e) => heard.push(`any ${e.id}`),
  });
  await watch.opened;
  await until(() => heard.length === 3, 'the events');
  assert.deepEqual(heard, ['inserted 101', 'any 101', 'any 102']);
  watch.close();
  await there.close();
});

test('a lost connection is come back to after the last event, and what came meanwhile is told once', async () => {
  const events = [];
  let streams = 0;
  const there = await service(events, (response, request) => {
    streams += 1;
    if (streams === 1) {
      events.push(event(101));
      response.write(written(event(101)), () => {
        events.push(event(102));
        response.destroy();
      });
    } else {
      assert.equal(request.headers['last-event-id'], '102');
      response.write(written(event(103)));
    }
  });
  const ids = [];
  const states = [];
  const watch = new Yidang({ address: there.address }).watchEvents({
    any: (e) => ids.push(e.id), connection: (state) => states.push(state),
  });
  await until(() => ids.length === 3, 'three events');
  assert.deepEqual(ids, [101, 102, 103]);
  assert.deepEqual(states, ['connecting', 'open', 'lost', 'open']);
  watch.close();
  assert.equal(states.at(-1), 'closed');
  await there.close();
});

test('one connection serves all who listen, one of whom fails, and ends with the last of them', async (t) => {
  const usual = globalThis.setTimeout;
  const uncaught = [];
  t.mock.method(globalThis, 'setTimeout', (run, ms) => (ms === undefined ? uncaught.push(run) : usual(run, ms)));
  let open = 0;
  const there = await service([], (response) => {
    open += 1;
    response.on('close', () => {
      open -= 1;
    });
    setTimeout(() => response.write(written(event(101))), 30);
  });
  const client = new Yidang({ address: there.address });
  let heard = 0;
  const first = client.watchEvents({ any: () => { throw new Error('its own fault'); } });
  const second = client.watchEvents({ any: () => { heard += 1; } });
  await Promise.all([first.opened, second.opened]);
  await until(() => heard === 1, 'the event, though another listener failed');
  assert.throws(uncaught[0], { message: 'its own fault' });
  assert.equal(open, 1);
  first.close();
  assert.equal(open, 1);
  second.close();
  await until(() => open === 0, 'the end of the connection');
  await there.close();
});

test('a token that does not do is told, and not tried again', async () => {
  const there = await fake((_, response) => problem(response, 401, 'token_invalid'));
  const told = [];
  const watch = new Yidang({ address: there.address }).watchEvents({
    connection: (state, error) => told.push([state, error?.code]),
  });
  await assert.rejects(watch.opened, { code: 'token_invalid' });
  assert.deepEqual(told, [['connecting', undefined], ['refused', 'token_invalid']]);
  assert.equal(there.requests.length, 1);
  await there.close();
});

test('a service that is away is waited for, longer every time', async (t) => {
  const gone = await fake(() => undefined);
  await gone.close();
  t.mock.method(Math, 'random', () => 1);
  const waits = [];
  const usual = globalThis.setTimeout;
  t.mock.method(globalThis, 'setTimeout', (run, ms) => {
    // Node's own fetch has timers too.
    const isPause = ms >= 500 && ms < 30000 && new Error().stack.includes('dist/yidang.js');
    if (isPause) waits.push(ms);
    return usual(run, isPause ? 0 : ms);
  });
  const watch = new Yidang({ address: gone.address }).watchEvents({});
  await new Promise((resolve) => {
    const look = setInterval(() => waits.length >= 7 && (clearInterval(look), resolve()), 5);
  });
  watch.close();
  assert.deepEqual(waits.slice(0, 7), [500, 1000, 2000, 4000, 8000, 15000, 15000]);
});
