// The clerk's page in a real Chromium, against the real service with simulated devices; and the citizen's hands.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ALL_SCOPES, startDaemon } from './daemon.mjs';
import { launch } from './page.mjs';
import { startRepository } from './repository.mjs';

/** What a clerk's token has. */
export const CLERK = 'card,capture,archive:write,archive:read';
/** Texts that would do something if they became markup; the card's is as long as it may be. */
export const MARKUP = '<img src=x onerror=hit=1>';
const EVIL_CARD = `document_type = "foreigner_2017"\nname_en = "${MARKUP}"\nid_number = "CAN110081080319"\n`;

export let daemon;
let browser;
let folder;
export let repository;
/** May move the simulated desk. */
let hands;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'yidang-console-'));
  cpSync(fileURLToPath(new URL('../../../../fixtures/cards', import.meta.url)), folder, { recursive: true });
  writeFileSync(join(folder, '09-markup.toml'), EVIL_CARD);
  repository = await startRepository();
  daemon = await startDaemon([], `[simulated]\ncards = ${JSON.stringify(folder)}\n[repository]\nurl = "${repository.address}"\n`);
  hands = daemon.token('hands', ALL_SCOPES);
  browser = await launch(1);
});

after(async () => {
  await browser?.close();
  await daemon?.end();
  await repository?.end();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** A call by another program than the page; its answer. */
export async function ask(method, path, body) {
  const response = await fetch(daemon.address + path, {
    method, body: body && JSON.stringify(body),
    headers: { Authorization: `Bearer ${hands}`, ...(body && { 'Content-Type': 'application/json' }) },
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
  return response.status === 204 ? null : response.json();
}

/** Puts a card on the reader; null takes it away. */
export const putCard = (insert) => ask('POST', '/v1/simulated/card', { insert });
/** Lays a paper under the camera; null clears the mat. */
export const layPaper = (frame) => ask('POST', '/v1/simulated/desk', { frame });

/** The desk as before a citizen comes, and nothing unfiled. */
export async function clearDesk() {
  await ask('POST', '/v1/simulated/reset');
  await putCard(null);
  await layPaper(null);
  for (const { id } of (await ask('GET', '/v1/captures?state=unfiled')).captures) await ask('DELETE', `/v1/captures/${id}`);
}

/** Works on an open page; whatever its policy or its log complains of is a failure. */
export async function withConsole(settings, work) {
  const context = await browser.newContext({ locale: 'zh-CN', viewport: { width: 1366, height: 768 }, ...settings });
  context.setDefaultTimeout(20000);
  const complaints = [];
  await context.exposeBinding('complain', (_, text) => complaints.push(text));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => window.complain(`${event.violatedDirective} ${event.blockedURI}`));
  });
  try {
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(`${daemon.address}/console/`);
    await work(page, context);
    if (complaints.length > 0) throw new Error(`the page complains: ${complaints.join('; ')}`);
  } finally {
    await context.close();
  }
}

/** Signs in by the keyboard. */
export async function signIn(page, token, operator = '样本员') {
  await page.locator('#token').waitFor();
  await page.keyboard.type(token);
  await page.keyboard.press('Tab');
  await page.keyboard.insertText(operator);
  await page.keyboard.press('Enter');
  await page.locator('#work').waitFor();
}

/** Waits until the place says something of this kind. */
export const says = (page, place, text) => page.locator(place).filter({ hasText: text }).first().waitFor();
