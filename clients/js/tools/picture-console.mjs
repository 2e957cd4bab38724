// Pictures of the clerk's page for the READMEs, in both languages, from the real service and a real Chromium:
// `npm run pictures`. Looks at 1366 by 768 go to fixtures/console; with a folder as argument everything goes there, the
// page at 1024 and 700 pixels and in the dark besides.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ALL_SCOPES, binary, startDaemon } from '../test/support/daemon.mjs';
import { chromiumPath, launch } from '../test/support/page.mjs';
import { startRepository } from '../test/support/repository.mjs';

const CLERK = 'card,capture,archive:write,archive:read';
const USUAL = { width: 1366, height: 768 };
const READMES = [
  { name: 'console-zh', locale: 'zh-CN', clerk: '样本员', viewport: USUAL },
  { name: 'console-en', locale: 'en-GB', clerk: 'Counter 3', viewport: USUAL },
];
const MORE = [
  ...READMES.map((one) => ({ ...one, name: `${one.name}-1024`, viewport: { width: 1024, height: 768 } })),
  ...READMES.map((one) => ({ ...one, name: `${one.name}-700`, viewport: { width: 700, height: 900 }, fullPage: true })),
  ...READMES.map((one) => ({ ...one, name: `${one.name}-dark`, colorScheme: 'dark' })),
];

const elsewhere = process.argv[2];
const folder = elsewhere ?? fileURLToPath(new URL('../../../fixtures/console', import.meta.url));
if (!binary() || !chromiumPath()) throw new Error('this needs a built yidang (YIDANG names one) and Chromium');
mkdirSync(folder, { recursive: true });

const browser = await launch(1);
try {
  for (const look of elsewhere ? [...READMES, ...MORE] : READMES) {
    await picture(look);
    console.log(join(folder, `${look.name}.png`));
  }
} finally {
  await browser.close();
}

/** A window of its own for each, so that all show the same. */
async function picture(look) {
  const repository = await startRepository();
  const daemon = await startDaemon([], `[repository]\nurl = "${repository.address}"\n`, { YIDANG_AGENT_COUNTER: 'chancheng-03' });
  const context = await browser.newContext({
    locale: look.locale, viewport: look.viewport, colorScheme: look.colorScheme ?? 'light', reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(30000);
  try {
    daemon.enrol(repository.enrolCode());
    const page = await context.newPage();
    await page.goto(`${daemon.address}/console/`);
    await atWork(page, daemon, look.clerk);
    const file = join(folder, `${look.name}.png`);
    await page.screenshot({ path: file, fullPage: look.fullPage ?? false });
    // A third as large, where the program is there.
    spawnSync('pngquant', ['--force', '--skip-if-larger', '--strip', '--output', file, '256', file]);
  } finally {
    await context.close();
    await daemon.end();
    await repository.end();
  }
}

/** A clerk in the middle of a transaction: papers on file, one filed just now, one in hand, one that waits. */
async function atWork(page, daemon, clerk) {
  const hands = daemon.token('hands', ALL_SCOPES);
  const move = async (path, body) => {
    const headers = { Authorization: `Bearer ${hands}`, 'Content-Type': 'application/json' };
    const { status } = await fetch(daemon.address + path, { method: 'POST', body: JSON.stringify(body), headers });
    if (status !== 204) throw new Error(`${path}: ${status}`);
  };
  const capture = async (paper, count) => {
    await move('/v1/simulated/desk', { frame: null });
    await page.locator('#outline.settled').waitFor({ state: 'detached' });
    await move('/v1/simulated/desk', { frame: paper });
    await page.locator('#outline.settled').waitFor({ state: 'attached' });
    await page.keyboard.press('Space');
    await page.locator('#pages button').nth(count - 1).waitFor();
    await page.locator('#capture:enabled').waitFor();
  };
  const file = async (kind) => {
    await page.keyboard.press(kind);
    await page.keyboard.press('f');
    await page.locator('#result.good').waitFor();
    await page.locator('#pages button').first().waitFor({ state: 'detached' });
  };
  await move('/v1/simulated/card', { insert: '05-other-resident' });
  await page.locator('#token').waitFor();
  await page.keyboard.type(daemon.token('console', CLERK));
  await page.keyboard.press('Tab');
  await page.keyboard.insertText(clerk);
  await page.keyboard.press('Enter');
  await page.locator('#person .name').waitFor();
  await capture('02-certificate', 1);
  await file('4');
  await capture('03-letter', 1);
  await page.keyboard.press('Delete');
  await page.locator('#tray li button').first().waitFor();
  await capture('01-form', 1);
  await file('1');
  await capture('01-form', 1);
  await page.keyboard.press('5');
  await page.keyboard.press('h');
  await page.locator('#history li').nth(1).waitFor();
  await page.waitForFunction(() => Array.from(document.images).every((image) => image.complete));
  await page.locator('#chips .good').nth(2).waitFor();
  await page.evaluate(() => document.activeElement?.blur());
}
