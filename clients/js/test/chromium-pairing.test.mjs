// A page that nobody knows asks for a token, and an administrator at the clerk's page decides; in a real Chromium.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_SCOPES } from './support/daemon.mjs';
import { browser, daemon, open, pages } from './support/window.mjs';

const stranger = () => `http://stranger.example:${pages.port}`;
let names = 0;

/** A page of another origin with a client that has no token. */
const strange = (build = 'module') => open({ host: stranger(), build, settings: { token: undefined } });

/** Begins to ask; the code that the page shows. `outcome` is set in the page once it is decided. */
const begin = (page, name) => page.evaluate((called) => new Promise((shown, failed) => {
  window.client.pair({ name: called, scopes: ['card', 'capture'], everyMs: 50 }, shown).then(
    (token) => { window.outcome = { token }; },
    (error) => { window.outcome = { code: error.code }; failed(error); },
  );
}), name);

const outcome = async (page) => (await page.waitForFunction(() => window.outcome)).jsonValue();

/** The clerk's page of an administrator, or of a clerk. */
async function desk(work, scopes = ALL_SCOPES) {
  const context = await browser.newContext({ locale: 'zh-CN', viewport: { width: 1366, height: 768 } });
  context.setDefaultTimeout(20000);
  try {
    const page = await context.newPage();
    await page.goto(`${daemon.address}/console/`);
    await page.locator('#token').waitFor();
    names += 1;
    await page.keyboard.type(daemon.token(`desk-${names}`, scopes));
    await page.keyboard.press('Enter');
    await page.locator('#work').waitFor();
    await work(page);
  } finally {
    await context.close();
  }
}

for (const build of ['module', 'es5']) {
  test(`an unknown page is let in by keyboard and works from then on (${build})`, async () => {
    const page = await strange(build);
    try {
      const code = await begin(page, '社保窗口<b>');
      await desk(async (clerk) => {
        await clerk.locator('#pairing-open').waitFor();
        await clerk.keyboard.press('p');
        const shown = clerk.locator('#pairing-list li').filter({ hasText: code });
        await shown.waitFor();
        const said = await shown.innerText();
        for (const text of [stranger(), '社保窗口<b>', '读取证件，拍摄']) assert.ok(said.includes(text), `${text} in ${said}`);
        await shown.getByRole('button', { name: '数字一致，允许' }).focus();
        await clerk.keyboard.press('Enter');
        await clerk.locator('#pairing-open').waitFor({ state: 'hidden' });
      });
      assert.match((await outcome(page)).token, /^ydt_/);
      const cameras = await page.evaluate(() => window.client.listCameras());
      assert.equal(cameras.cameras.length, 1);
    } finally {
      await page.context().close();
    }
  });
}

test('a page that is refused is told so and stays outside', async () => {
  const page = await strange();
  try {
    await begin(page, 'refused');
    await desk(async (clerk) => {
      await clerk.locator('#pairing-open').click();
      await clerk.getByRole('button', { name: '拒绝' }).click();
      await clerk.locator('#pairing').waitFor({ state: 'hidden' });
    });
    assert.deepEqual(await outcome(page), { code: 'pairing_refused' });
  } finally {
    await page.context().close();
  }
});

test('a clerk without the scope is shown nothing of it', async () => {
  const page = await strange();
  try {
    await begin(page, 'waits');
    await desk(async (clerk) => {
      await clerk.locator('#counter').filter({ hasText: 'client-test' }).waitFor();
      await clerk.keyboard.press('p');
      assert.ok(await clerk.locator('#pairing-open').isHidden() && await clerk.locator('#pairing').isHidden());
    }, 'card,capture');
  } finally {
    await page.context().close();
  }
});
