// A page with a client in it, in a real Chromium, against the real service with simulated devices.
import { after, before } from 'node:test';
import { ALL_SCOPES, startDaemon } from './daemon.mjs';
import { insecure, launch, servePages, trusted } from './page.mjs';

export let pages;
export let browser;
export let daemon;
/** With every scope. */
export let token;

before(async () => {
  pages = await servePages();
  browser = await launch(pages.port);
  daemon = await startDaemon([insecure(pages.port), trusted(pages.port)]);
  token = daemon.token('page', ALL_SCOPES);
});

after(async () => {
  await browser?.close();
  await daemon?.end();
  await pages?.close();
});

/** Opens a page with a client in it, by the build that is named. Its context is the caller's to close. */
export async function open({ host = insecure(pages.port), build = 'module', settings = {}, from = browser, prepare }) {
  const context = await from.newContext();
  context.setDefaultTimeout(20000);
  try {
    const page = await context.newPage();
    if (prepare) await prepare(page, context);
    await page.goto(host);
    const client = { address: daemon.address, token, language: 'en', ...settings };
    if (build === 'module') {
      await page.evaluate(async (to) => {
        const { Yidang } = await import('/yidang.js');
        Object.assign(window, { Yidang, client: new Yidang(to) });
      }, client);
    } else {
      await page.addScriptTag({ url: '/yidang.es5.js' });
      await page.evaluate((to) => {
        window.client = new window.Yidang(to);
      }, client);
    }
    await page.evaluate(() => {
      window.until = async (condition) => {
        const end = Date.now() + 15000;
        while (!condition()) {
          if (Date.now() > end) throw new Error(`never came: ${condition}`);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      };
    });
    return page;
  } catch (fault) {
    await context.close();
    throw fault;
  }
}

/** Opens a page as `open` does, runs the work there, and closes it. */
export async function within(how, work, given) {
  const page = await open(how);
  try {
    return await page.evaluate(work, given);
  } finally {
    await page.context().close();
  }
}
