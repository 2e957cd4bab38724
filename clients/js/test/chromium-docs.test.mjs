// The reference at /v1/docs, in a real Chromium, against the real service.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { startDaemon } from './support/daemon.mjs';
import { launch } from './support/page.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let daemon;
let browser;
let api;

before(async () => {
  daemon = await startDaemon([]);
  browser = await launch(1);
  api = await (await fetch(`${daemon.address}/v1/openapi.json`)).json();
});

after(async () => {
  await browser?.close();
  await daemon?.end();
});

/** Works on the open page; whatever its policy or its log complains of is a failure, and so is a request to elsewhere. */
async function withDocs(settings, work, anchor = '') {
  const context = await browser.newContext({ locale: 'zh-CN', viewport: { width: 1366, height: 768 }, ...settings });
  context.setDefaultTimeout(20000);
  const complaints = [];
  await context.exposeBinding('complain', (_, text) => complaints.push(text));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => window.complain(`${event.violatedDirective} ${event.blockedURI}`));
  });
  await context.addInitScript(AXE);
  try {
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('request', (request) => request.url().startsWith(`${daemon.address}/v1/`) || complaints.push(request.url()));
    await page.goto(`${daemon.address}/v1/docs${anchor}`);
    await page.locator('body[data-ready]').waitFor();
    await work(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

const operations = () => Object.values(api.paths).flatMap((item) => Object.values(item));
const textOf = (page, id) => page.evaluate((one) => document.getElementById(one)?.textContent, id);

test('docs: every call is there, with its parameters, its codes and its scopes', async () => {
  await withDocs({}, async (page) => {
    for (const { operationId, parameters = [], responses, security } of operations()) {
      const text = await textOf(page, operationId);
      assert.ok(text, `${operationId} is not on the page`);
      const names = parameters.map((one) => one.name ?? api.components.parameters[one.$ref.split('/').pop()].name);
      const codes = Object.values(responses).flatMap(({ content }) => Object.keys(content?.['application/problem+json']?.examples ?? {}));
      const scopes = security.flatMap((one) => Object.values(one).flat());
      for (const word of [...names, ...codes, ...scopes, ...Object.keys(responses)]) {
        assert.ok(text.includes(word), `${operationId} does not tell of ${word}`);
      }
    }
  });
});

test('docs: every code is there in both languages, with the calls that can answer it; and every schema', async () => {
  await withDocs({ locale: 'en-GB' }, async (page) => {
    for (const name of api.components.schemas.ProblemCode.enum) {
      const text = await textOf(page, `code-${name}`);
      assert.ok(text, `${name} is not on the page`);
      const { summary, description, value } = api.components.examples[name];
      const plain = [summary, description, value.title, value.remedy].map((one) => one.replaceAll('`', ''));
      const calls = operations().filter(({ responses }) =>
        Object.values(responses).some(({ content }) => content?.['application/problem+json']?.examples?.[name]));
      for (const word of [...plain, String(value.status), ...calls.map(({ operationId }) => operationId)]) {
        assert.ok(text.includes(word), `${name} does not tell: ${word}`);
      }
    }
    for (const [name, { properties = {} }] of Object.entries(api.components.schemas)) {
      const text = await textOf(page, `schema-${name}`);
      assert.ok(text, `${name} is not on the page`);
      for (const field of Object.keys(properties)) assert.ok(text.includes(field), `${name} does not tell of ${field}`);
    }
  });
});

test('docs: no link leads nowhere, and no id stands twice', async () => {
  await withDocs({}, async (page) => {
    const wrong = await page.evaluate(() => {
      const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
      const links = [...document.querySelectorAll('a[href^="#"]')].map((one) => one.getAttribute('href').slice(1));
      return [...ids.filter((id, at) => ids.indexOf(id) !== at), ...links.filter((to) => !ids.includes(to))];
    });
    assert.deepEqual(wrong, []);
  });
});

test('docs: a link into the page is followed, and finding works by keyboard', async () => {
  await withDocs({}, async (page) => {
    assert.equal(await page.evaluate(() => document.activeElement.id), 'code-card_absent');
    await page.locator('#code-card_absent').waitFor({ state: 'visible' });
    await page.keyboard.press('/');
    await page.keyboard.type('collectPairing six');
    const shown = () => page.locator('main article:not([hidden])').evaluateAll((all) => all.map(({ id }) => id));
    assert.deepEqual((await shown()).filter((id) => id === 'readCard'), []);
    await page.keyboard.press('Escape');
    assert.ok((await shown()).includes('readCard'));
    await page.keyboard.type('readCard');
    assert.ok((await shown()).includes('code-card_absent'));
    assert.ok(!(await shown()).includes('checkHealth'));
    await page.goto(`${daemon.address}/v1/docs/#checkHealth`);
    await page.locator('#checkHealth').waitFor({ state: 'visible' });
  }, '/#code-card_absent');
});

test('docs: it speaks the browser’s language, and the other at a press', async () => {
  await withDocs({ locale: 'en-GB' }, async (page) => {
    assert.equal(await page.title(), 'Yidang local API');
    await page.locator('#language').press('Enter');
    assert.equal(await page.title(), '一档本机接口');
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
    await page.reload();
    assert.equal(await page.title(), '一档本机接口');
  });
});

for (const colorScheme of ['light', 'dark']) {
  test(`docs: axe finds no serious barrier, ${colorScheme}`, async () => {
    await withDocs({ colorScheme, locale: 'en-GB' }, async (page) => {
      // Of everything one of each kind: the whole page keeps axe busy for minutes.
      await page.locator('#search').fill('card_absent');
      const { violations } = await page.evaluate(() => window.axe.run(document));
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      assert.deepEqual(serious.map(({ id, nodes }) => `${id} at ${nodes.slice(0, 3).map(({ target }) => target.join(' '))}`), []);
    });
  });
}
