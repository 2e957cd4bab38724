// What diagnose() tells apart in a real Chromium.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { insecure, launch, trusted } from './support/page.mjs';
import { browser, daemon, pages, token, within } from './support/window.mjs';

/** What a page finds wrong. */
const finds = async (wish) => {
  const { findings } = await window.client.diagnose(wish);
  return findings.map((one) => (one.detail ? `${one.code} ${one.detail}` : one.code));
};

test('diagnosis: all is well, token missing, wrong, of another page, short of a scope', async () => {
  const scopes = ['card', 'capture', 'archive:write', 'archive:read', 'archive:assist', 'archive:erase', 'admin'];
  assert.deepEqual(await within({}, finds, { scopes }), []);
  assert.deepEqual(await within({ build: 'es5' }, finds, { scopes }), []);
  assert.deepEqual(await within({ settings: { token: undefined } }, finds), ['token_missing']);
  assert.deepEqual(await within({ settings: { token: 'ydt_x' } }, finds), ['token_invalid']);
  const bound = daemon.token('bound', 'card', '--origin', trusted(pages.port));
  const found = await within({ settings: { token: bound } }, finds);
  assert.deepEqual(found.map((one) => one.split(' ')[0]), ['token_of_another_origin']);
  const none = daemon.token('short of all', 'archive:search');
  assert.deepEqual(await within({ settings: { token: none } }, finds, { scopes }), scopes.map((one) => `scope_missing ${one}`));
});

test('diagnosis: asking about scopes reads and writes nothing', async () => {
  const written = await within({}, async () => {
    const before = await window.client.readStatus();
    await window.client.diagnose({ scopes: ['card', 'capture', 'archive:write', 'archive:read', 'archive:assist', 'archive:erase', 'admin'] });
    const now = await window.client.readStatus();
    return now.archive.ledger_head - before.archive.ledger_head;
  });
  assert.equal(written, 0);
});

test('diagnosis: a page that may not call, and a service that is not there', async () => {
  const stranger = `http://stranger.example:${pages.port}`;
  assert.deepEqual(await within({ host: stranger }, finds), ['origin_denied']);
  const settings = { address: 'http://127.0.0.1:9' };
  assert.deepEqual(await within({ host: trusted(pages.port), settings }, finds), ['not_running']);
  assert.deepEqual(await within({ host: `http://127.0.0.1:${pages.port}`, settings }, finds), ['not_running']);
  // Such a page cannot be told whether it is held back or nobody is there.
  assert.deepEqual(await within({ host: insecure(pages.port), settings }, finds), ['page_insecure']);
});

test('diagnosis: Local Network Access, as Chromium has it', async () => {
  const gated = await launch(pages.port, true);
  try {
    const host = trusted(pages.port);
    const permit = (setting) => async (page, context) => {
      const session = await gated.newBrowserCDPSession();
      const own = await context.newCDPSession(page);
      const { targetInfo } = await own.send('Target.getTargetInfo');
      await session.send('Browser.setPermission', {
        permission: { name: 'loopback-network' }, setting, origin: host, browserContextId: targetInfo.browserContextId,
      });
    };
    assert.deepEqual(await within({ from: gated, host, prepare: permit('granted') }, finds), []);
    assert.deepEqual(await within({ from: gated, host, prepare: permit('denied') }, finds), ['permission_denied']);
    assert.deepEqual(await within({ from: gated, host: insecure(pages.port) }, finds), ['page_insecure']);
    // Without a screen nobody can be asked: the waiting request and the open question are put in its place.
    const asking = (page) => page.addInitScript(() => {
      navigator.permissions.query = async () => ({ state: 'prompt' });
      window.fetch = (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject));
    });
    assert.deepEqual(await within({ from: gated, host, prepare: asking }, finds), ['permission_pending']);
  } finally {
    await gated.close();
  }
});

test('diagnosis: a frame that the page around it keeps from this PC', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(insecure(pages.port));
  const inFrame = async (allow) => {
    await page.evaluate(([src, given]) => {
      document.body.replaceChildren(Object.assign(document.createElement('iframe'), { src, allow: given }));
    }, [`${trusted(pages.port)}/`, allow]);
    await page.waitForFunction(() => window.frames.length === 1);
    const frame = await (await page.waitForSelector('iframe')).contentFrame();
    await frame.waitForURL(`${trusted(pages.port)}/`);
    return frame.evaluate(async (settings) => {
      const { Yidang } = await import('/yidang.js');
      return (await new Yidang(settings).diagnose()).findings.map((one) => one.code);
    }, { address: 'http://127.0.0.1:9', token });
  };
  assert.deepEqual(await inFrame(''), ['frame_denied']);
  assert.notDeepEqual(await inFrame('loopback-network; local-network-access'), ['frame_denied']);
  await context.close();
});
