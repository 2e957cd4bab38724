// Which clerk sits at the clerk's page: signed in, locked, switched, by keyboard alone, in a real Chromium.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { CLERK } from './support/console.mjs';
import { ALL_SCOPES, startDaemon } from './support/daemon.mjs';
import { launch } from './support/page.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PINS = { 李四: '605112', 王五: '271828' };
/** What of the citizen must not be in the document while it is covered. */
const PERSONAL = ['张一档', '000000', '样本路', '申请表'];

let daemon;
let browser;

before(async () => {
  daemon = await startDaemon([], '[operators]\nrequired = "session"\nidle_lock_minutes = 480\n');
  for (const [name, pin] of Object.entries(PINS)) daemon.operator(name, pin);
  browser = await launch(1);
});

after(async () => {
  await browser?.close();
  await daemon?.end();
});

let tokens = 0;
const newToken = (scopes = CLERK) => daemon.token(`seat-${(tokens += 1)}`, scopes);
const says = (page, place, text) => page.locator(place).filter({ hasText: text }).first().waitFor();

/** Moves the simulated desk. */
async function hands(path, body) {
  const token = newToken(ALL_SCOPES);
  const response = await fetch(daemon.address + path, {
    method: 'POST', body: JSON.stringify(body),
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
  });
  assert.equal(response.status, 204, await response.text());
}

async function withPage(settings, work) {
  const context = await browser.newContext({ locale: 'zh-CN', viewport: { width: 1366, height: 768 }, ...settings });
  context.setDefaultTimeout(20000);
  const complaints = [];
  try {
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${daemon.address}/console/`);
    await work(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

async function begin(page, token = newToken()) {
  await page.locator('#token').waitFor();
  await page.keyboard.type(token);
  await page.keyboard.press('Enter');
  await page.locator('#seat').waitFor();
}

/** From the field of the name on. */
async function sitDown(page, name, pin = PINS[name]) {
  await page.keyboard.insertText(name);
  await page.keyboard.press('Tab');
  await page.keyboard.type(pin);
  await page.keyboard.press('Enter');
}

/** A citizen's card lies there, and a paper was captured. */
async function atWork(page) {
  await hands('/v1/simulated/reset', {});
  await hands('/v1/simulated/desk', { frame: '01-form' });
  await begin(page);
  await sitDown(page, '李四');
  await says(page, '#operator', '李四');
  await says(page, '#person .name', '张一档');
  await page.locator('#outline.settled').waitFor({ state: 'attached' });
  await page.keyboard.press('Space');
  await page.locator('#pages button').first().waitFor();
  await page.locator('#capture:enabled').waitFor();
}

const theDocument = (page) => page.evaluate(() => document.documentElement.outerHTML);

async function isCovered(page) {
  await page.locator('#seat').waitFor();
  const text = await theDocument(page);
  for (const word of PERSONAL) assert.ok(!text.includes(word), word);
  const pictures = await page.locator('img').count();
  assert.equal(pictures, 0, 'no picture is in the document');
}

test('nothing is seen before a clerk has signed in, and a wrong PIN is told', async () => {
  await withPage({}, async (page) => {
    await begin(page);
    await isCovered(page);
    await says(page, '#seat-about', '本窗口需要经办人登录');
    await sitDown(page, '李四', '605113');
    await says(page, '#seat-wrong', 'PIN 不对');
    await page.keyboard.type(PINS.李四);
    await page.keyboard.press('Enter');
    await page.locator('#work').waitFor();
    await says(page, '#operator', '经办人：李四');
  });
});

test('one key locks: nothing of the citizen is in the document, and the same clerk goes on', async () => {
  await withPage({}, async (page) => {
    await atWork(page);
    await page.keyboard.press('x');
    await isCovered(page);
    await says(page, '#seat-about', '已锁定：李四');
    // Keys do nothing below, and a reload shows nothing either.
    await page.keyboard.press('Escape');
    await page.reload();
    await isCovered(page);
    await page.keyboard.type(PINS.李四);
    await page.keyboard.press('Enter');
    await page.locator('#work').waitFor();
    await says(page, '#person .name', '张一档');
    await page.keyboard.press('x');
    await isCovered(page);
    await page.keyboard.type(PINS.李四);
    await page.keyboard.press('Enter');
    await says(page, '#person .name', '张一档');
  });
});

test('one key makes room for another clerk, who finds nothing of the one before', async () => {
  await withPage({}, async (page) => {
    await atWork(page);
    await page.keyboard.press('f');
    await page.keyboard.press('h');
    await page.keyboard.press('t');
    await isCovered(page);
    await hands('/v1/simulated/card', { insert: null });
    await sitDown(page, '王五');
    await page.locator('#work').waitFor();
    await says(page, '#operator', '经办人：王五');
    await says(page, '#person', '请放上证件');
    const text = await theDocument(page);
    for (const word of ['张一档', '样本路']) assert.ok(!text.includes(word), word);
    assert.equal(await page.locator('#history li').count() + await page.locator('#pages button').count(), 0);
  });
});

test('the page locks when nobody touches it, whatever cards come', async () => {
  await withPage({}, async (page) => {
    await page.clock.install();
    await atWork(page);
    // Eight hours pass; the service's own clock knows nothing of them.
    await page.clock.fastForward(480 * 60 * 1000);
    await isCovered(page);
    await page.keyboard.type(PINS.李四);
    await page.keyboard.press('Enter');
    await says(page, '#person .name', '张一档');
  });
});

test('a session that another program ended covers the page', async () => {
  await withPage({}, async (page) => {
    const token = newToken();
    await hands('/v1/simulated/reset', {});
    await begin(page, token);
    await sitDown(page, '李四');
    await says(page, '#person .name', '张一档');
    const proof = { operator: '王五', pin: PINS.王五 };
    const response = await fetch(`${daemon.address}/v1/operator/session`, {
      method: 'POST', body: JSON.stringify(proof),
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    });
    assert.equal(response.status, 201);
    await isCovered(page);
  });
});

test('who has to wait for a PIN sees the seconds go by, and goes on when they are over', async () => {
  daemon.operator('赵六', '314159');
  await withPage({}, async (page) => {
    await begin(page);
    await sitDown(page, '赵六', '605113');
    const wait = page.locator('#seat-wait');
    // Some wrong ones are looked at before one has to wait.
    for (let tries = 1; !(await wait.isVisible()); tries += 1) {
      assert.ok(tries < 6, 'nobody has to wait');
      await page.waitForFunction(() => document.activeElement.id === 'seat-pin' && !document.activeElement.value);
      await page.keyboard.type('605113');
      const answered = page.waitForResponse((response) => response.url().endsWith('/v1/operator/session'));
      await page.keyboard.press('Enter');
      await answered;
      await says(page, '#seat-wrong', /./);
    }
    await says(page, '#seat-wait', /还需等待 \d+ 秒/);
    assert.ok(await page.locator('#seat-begin').isDisabled());
    await wait.waitFor({ state: 'hidden' });
    await page.keyboard.type('314159');
    await page.keyboard.press('Enter');
    await page.locator('#work').waitFor();
    await says(page, '#operator', '经办人：赵六');
  });
});

test('a clerk sees their own captures, and takes over what another left', async () => {
  await withPage({}, async (page) => {
    await atWork(page);
    await page.keyboard.press('Delete');
    await page.locator('#tray li button').first().waitFor();
  });
  await withPage({}, async (page) => {
    await begin(page, newToken(ALL_SCOPES));
    await sitDown(page, '王五');
    await says(page, '#operator', '经办人：王五');
    await says(page, '#tray-left', '李四 留下');
    const before = await page.locator('#tray li[data-capture]').count();
    const take = page.locator('#tray-left li').filter({ hasText: '李四' }).getByRole('button');
    await take.focus();
    await page.keyboard.press('Enter');
    await says(page, '#tray-left', '再按一次接手');
    await page.keyboard.press('Enter');
    await page.locator('#tray-left li').filter({ hasText: '李四' }).waitFor({ state: 'detached' });
    assert.ok(await page.locator('#tray li[data-capture]').count() > before);
    await page.locator('#tray li[data-capture] img').first().waitFor();
  });
});

test('the form to sign in is read by everyone, in both languages, light and dark', async (t) => {
  for (const [locale, colorScheme, about] of [['zh-CN', 'light', '经办人登录'], ['en-GB', 'dark', 'Who sits here']]) {
    await withPage({ locale, colorScheme }, async (page) => {
      await begin(page);
      await says(page, '#seat-heading', about);
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map((one) => `${one.id}: ${one.nodes.map((n) => n.html).join(' ')}`), []);
      t.diagnostic(`${locale}, ${colorScheme}: axe finds nothing`);
    });
  }
});
