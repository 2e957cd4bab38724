// The clerk's page, by keyboard alone, in a real Chromium against the real service with simulated devices.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { ALL_SCOPES } from './support/daemon.mjs';
import {
  ask, CLERK, clearDesk, daemon, layPaper, MARKUP, putCard, repository, says, signIn, withConsole,
} from './support/console.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A new token; its secret. */
let tokens = 0;
function newToken(scopes = CLERK) {
  tokens += 1;
  return daemon.token(`clerk-${tokens}`, scopes);
}

/** Lays a paper down and captures it once it lies still. */
async function capture(page, paper, count) {
  await layPaper(null);
  await page.locator('#outline.settled').waitFor({ state: 'detached' });
  await layPaper(paper);
  await page.locator('#outline.settled').waitFor({ state: 'attached' });
  await page.keyboard.press('Space');
  await page.locator('#pages button').nth(count - 1).waitFor();
  await page.locator('#capture:enabled').waitFor();
}

const unfiled = async () => (await ask('GET', '/v1/captures?state=unfiled')).captures.map(({ id }) => id);

async function person(page, card, name) {
  await putCard(card);
  await says(page, '#person .name', name);
}

test('a clerk’s whole transaction by keyboard: card, capture, kind, filed, seen in the history', async (t) => {
  await clearDesk();
  const token = newToken();
  await withConsole({}, async (page) => {
    await signIn(page, token);
    await says(page, '#person', '请放上证件');
    const began = performance.now();
    await person(page, '01-resident', '张一档');
    await says(page, '#person .number', '000000**********1X');
    await layPaper('01-form');
    await page.locator('#outline.settled').waitFor({ state: 'attached' });
    const corners = await page.locator('#outline polygon').getAttribute('points');
    assert.equal(corners.split(' ').length, 4);
    assert.ok(await page.locator('#preview').evaluate((image) => image.naturalWidth > 0), 'the preview shows a picture');
    await page.keyboard.press('Space');
    await says(page, '#quality', '清晰度 0.');
    await page.keyboard.press('1');
    await page.keyboard.press('f');
    await says(page, '#result', '安全存放在本机，尚未同步到中心库');
    await says(page, '#result', '申请表，1 页');
    await page.keyboard.press('h');
    await says(page, '#history li', '申请表');
    await page.waitForFunction(() => document.querySelector('#history img').naturalWidth > 0);
    const seconds = (performance.now() - began) / 1000;
    t.diagnostic(`from the card to the filed paper seen in the history: ${seconds.toFixed(1)} s`);
    assert.deepEqual(await unfiled(), []);
    const address = new URL(page.url());
    assert.equal(address.pathname + address.search + address.hash, '/console/', 'nothing stands in the address');
  });
});

test('pages are retaken, inserted, moved and taken out before they are filed', async () => {
  await clearDesk();
  await withConsole({ locale: 'en-GB' }, async (page) => {
    await signIn(page, newToken());
    await person(page, '01-resident', '张一档');
    await capture(page, '01-form', 1);
    await capture(page, '02-certificate', 2);
    const [first, second] = await unfiled();
    const digests = new Map();
    // The second is taken again: a new capture in its place, and the old one is gone.
    await page.keyboard.press('r');
    await says(page, '#capture', 'Retake page 2');
    await page.keyboard.press('Space');
    await says(page, '#capture', 'Capture');
    await page.locator('#capture:enabled').waitFor();
    let there = await unfiled();
    assert.equal(there.length, 2);
    assert.ok(there.includes(first) && !there.includes(second));
    const again = there.find((id) => id !== first);
    // One goes before it, then the last to the front.
    await page.keyboard.press('i');
    await capture(page, '03-letter', 3);
    there = await unfiled();
    const letter = there.find((id) => id !== first && id !== again);
    for (const { id, digest } of (await ask('GET', '/v1/captures?state=unfiled')).captures) digests.set(id, digest);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Shift+ArrowLeft');
    await page.keyboard.press('Shift+ArrowLeft');
    await says(page, '#quality', 'Now page 1');
    // The form is taken out, and waits in the tray.
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Delete');
    await says(page, '#tray li', 'captured');
    await page.keyboard.press('k');
    await page.keyboard.type('proof_of_income');
    await page.keyboard.press('Control+Enter');
    await says(page, '#result', 'Filed: proof_of_income, 2 pages');
    assert.deepEqual(await unfiled(), [first]);
    const { holder } = await ask('POST', '/v1/card/read', {});
    const [filed] = (await ask('GET', `/v1/holders/${holder}/materials`)).materials;
    // In the order of the strip: the certificate had been moved to the front.
    assert.deepEqual(filed.pages.map(({ digest }) => digest), [digests.get(again), digests.get(letter)]);
  });
});

test('what was not filed is there after a reload, and the token in this tab alone', async () => {
  await clearDesk();
  await withConsole({}, async (page, context) => {
    await signIn(page, newToken());
    await says(page, '#tray', '没有待归档的拍摄');
    await capture(page, '01-form', 1);
    await capture(page, '02-certificate', 2);
    const [first, second] = await unfiled();
    await page.keyboard.press('Shift+ArrowLeft');
    await page.keyboard.press('3');
    await page.keyboard.press('a');
    await page.keyboard.type('CASE-7');
    await page.keyboard.press('Enter');
    await page.reload();
    // In hand as it was: in its order, with its kind and its case.
    await page.locator('#pages button').nth(1).waitFor();
    assert.equal(await page.locator('#kinds input:checked').inputValue(), 'household_register');
    assert.equal(await page.locator('#case').inputValue(), 'CASE-7');
    await says(page, '#tray', '没有待归档的拍摄');
    const kept = await page.evaluate(() => JSON.parse(sessionStorage.getItem('yidang.hand')));
    assert.deepEqual(kept.captures, [second, first]);
    // Both go into the tray, and one comes back.
    await page.keyboard.press('Delete');
    await page.keyboard.press('Delete');
    await page.locator('#tray li').nth(1).waitFor();
    await ask('DELETE', `/v1/captures/${second}`);
    await page.reload();
    await page.locator('#tray li button').first().waitFor();
    assert.equal(await page.locator('#pages button').count(), 0);
    // By keyboard into the paper, and filed for who comes then.
    await page.keyboard.press('u');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#pages button').first().waitFor();
    await says(page, '#tray', '没有待归档的拍摄');
    await page.keyboard.press('Escape');
    await page.keyboard.press('f');
    await says(page, '#result', '请先读取办事人的证件');
    await person(page, '05-other-resident', '');
    await page.keyboard.press('f');
    await says(page, '#result', '户口簿，1 页');
    const other = await context.newPage();
    await other.goto(`${daemon.address}/console/`);
    await other.locator('#signin').waitFor();
    const outlives = await page.evaluate(() => JSON.stringify([localStorage, document.cookie]));
    assert.ok(!/token|hand/.test(outlives), outlives);
  });
});

test('pages of one person are not filed for the next', async () => {
  await clearDesk();
  await withConsole({}, async (page) => {
    await signIn(page, newToken());
    await person(page, '01-resident', '张一档');
    await capture(page, '01-form', 1);
    await page.keyboard.press('h');
    await says(page, '#history', /./);
    await page.keyboard.press('1');
    await putCard(null);
    await says(page, '#standing', '证件已取走');
    await putCard('02-hmt');
    await says(page, '#quality', '换了办事人');
    await says(page, '#tray li', '拍摄');
    assert.equal(await page.locator('#pages button').count(), 0);
    assert.equal(await page.locator('#history li').count(), 0, 'the dossier of the one before is not shown');
    await page.keyboard.press('f');
    await says(page, '#result', '请先拍摄至少一页');
    await page.keyboard.press('e');
    await says(page, '#person', '请放上证件');
  });
});

test('pages in hand come back after a reload for the same card, and not for another', async () => {
  await clearDesk();
  await withConsole({}, async (page) => {
    await signIn(page, newToken());
    await person(page, '01-resident', '张一档');
    await capture(page, '01-form', 1);
    await page.reload();
    await says(page, '#person .name', '张一档');
    await page.locator('#pages button').first().waitFor();
    await putCard('02-hmt');
    await says(page, '#quality', '换了办事人');
    assert.equal(await page.locator('#pages button').count(), 0);
    await page.reload();
    await page.locator('#tray li button').first().waitFor();
    assert.equal(await page.locator('#pages button').count(), 0);
  });
});

test('one key puts the last paper right, or the one of the list that has the focus', async () => {
  await clearDesk();
  await withConsole({}, async (page) => {
    await signIn(page, newToken());
    await page.keyboard.press('g');
    await says(page, '#result', '没有可更正的材料');
    await person(page, '01-resident', '张一档');
    await capture(page, '02-certificate', 1);
    await page.keyboard.press('1');
    await page.keyboard.press('f');
    await says(page, '#result', '申请表，1 页');
    // The wrong kind: one key, the kind by its letters, and Enter.
    await page.keyboard.press('g');
    await says(page, '#refile-about', '申请表，1 页');
    assert.ok(await page.locator('#refile-person').isDisabled(), 'it is this person’s already');
    await page.locator('#refile-kind').selectOption('contract');
    assert.equal(await page.locator('#refile-reason').inputValue(), 'refile_wrong_kind');
    await page.locator('#refile-case').press('Enter');
    await says(page, '#result', '已更正：合同协议');
    // The wrong person: the next one comes, and the paper was hers. An exchange without a gap is noticed.
    await putCard('05-other-resident');
    await page.waitForFunction(() => !document.querySelector('#person .name')?.textContent.includes('张一档'));
    await page.locator('#person .name').waitFor();
    await page.keyboard.press('g');
    await page.locator('#refile-person').check();
    assert.equal(await page.locator('#refile-reason').inputValue(), 'refile_wrong_person');
    await page.locator('#refile-case').press('Enter');
    await says(page, '#result', '已更正：合同协议');
    await page.keyboard.press('h');
    await page.locator('#history li button').first().focus();
    await page.keyboard.press('g');
    await page.locator('#refile-case').fill('CASE-9');
    assert.equal(await page.locator('#refile-reason').inputValue(), 'refile_wrong_case');
    await page.locator('#refile-case').press('Enter');
    await says(page, '#history li', 'CASE-9');
    await page.keyboard.press('g');
    await page.locator('#refile-case').press('Enter');
    await says(page, '#refile-wrong', '没有改动');
    await page.keyboard.press('Escape');
    const { holder } = await ask('POST', '/v1/card/read', {});
    const [moved] = (await ask('GET', `/v1/holders/${holder}/materials`)).materials;
    assert.deepEqual([moved.kind, moved.case], ['contract', 'CASE-9']);
  });
});

test('a Chinese page tells of devices in Chinese, and keeps what the driver says apart', async () => {
  await clearDesk();
  await withConsole({}, async (page) => {
    await signIn(page, newToken());
    await ask('POST', '/v1/simulated/fault', { device: 'card', fault: 'unplug', times: 30 });
    await says(page, '#chips', '读卡器：未连接');
    await page.keyboard.press('s');
    await says(page, '#status-body', '请检查连线和电源');
    const english = await page.evaluate(() => {
      // A device's name is its maker's.
      const told = Array.from(document.querySelectorAll('#status-body td:last-child'), (cell) => cell.cloneNode(true));
      for (const cell of told) for (const note of cell.querySelectorAll('details')) note.remove();
      return /[a-z]{3,} [a-z]{2,}/.exec(told.map((cell) => cell.textContent).join(' '));
    });
    assert.equal(english, null);
  });
});

test('a text from a card, a note, a kind or an operator is never markup', async () => {
  await clearDesk();
  await withConsole({}, async (page) => {
    await signIn(page, newToken(), MARKUP);
    await says(page, '#operator', MARKUP);
    await person(page, '09-markup', MARKUP);
    await capture(page, '02-certificate', 1);
    await page.keyboard.press('k');
    await page.keyboard.type(MARKUP);
    await page.keyboard.press('Enter');
    for (const [key, text] of [['a', MARKUP], ['n', `<script>hit=1</script>${MARKUP}`]]) {
      await page.keyboard.press(key);
      await page.keyboard.type(text);
      await page.keyboard.press('Escape');
    }
    await page.keyboard.press('f');
    await says(page, '#result', MARKUP);
    await page.keyboard.press('h');
    await says(page, '#history li', `<script>hit=1</script>${MARKUP}`);
    await page.keyboard.press('l');
    await says(page, '#history li', MARKUP);
    await page.locator('#history .thumb').first().press('Enter');
    await says(page, '#viewer-heading', MARKUP);
    const found = await page.evaluate(() => [window.hit, document.querySelectorAll('img[src=x], [onerror], body script').length]);
    assert.deepEqual(found, [undefined, 0]);
  });
});

test('without the card a paper is filed, and what is on file stays shut', async () => {
  await clearDesk();
  await withConsole({}, async (page) => {
    await signIn(page, newToken());
    await capture(page, '03-letter', 1);
    await page.keyboard.press('w');
    await page.keyboard.type('12345');
    await page.keyboard.press('Enter');
    await says(page, '#nocard-wrong', '这个号码的写法不对');
    await page.locator('#nocard-number').fill('00000019900228001X');
    await page.keyboard.press('Enter');
    await says(page, '#standing', '未出示证件，只能归档');
    await page.keyboard.press('h');
    assert.ok(await page.locator('#history-load').isDisabled());
    assert.equal(await page.locator('#history li').count(), 0);
    await page.keyboard.press('8');
    await page.keyboard.press('f');
    await says(page, '#result', '已归档：其他，1 页');
    await page.keyboard.press('w');
    assert.equal(await page.locator('#nocard-number').inputValue(), '', 'the number does not stay');
  });
});

test('where a paper is safe is told, and told anew when the repository has it', async () => {
  await clearDesk();
  await withConsole({ locale: 'en-GB' }, async (page) => {
    await signIn(page, newToken());
    await says(page, '#chips', 'Sync: not enrolled');
    await person(page, '03-foreigner-2023', '样本丙');
    await capture(page, '01-form', 1);
    await page.keyboard.press('2');
    await page.keyboard.press('f');
    await says(page, '#result', 'Safe on this PC, not yet in the repository');
    await says(page, '#chips', /Sync: not enrolled, \d+ to send/);
    daemon.enrol(repository.enrolCode());
    await says(page, '#result', 'Safe in the repository');
    await says(page, '#chips', '✓ Sync: all in the repository');
    await page.keyboard.press('h');
    await says(page, '#history-note', 'The repository’s included.');
    await says(page, '#history li', 'Safe in the repository');
    // The same bytes for another case are kept once, and marked.
    await capture(page, '01-form', 1);
    await says(page, '#quality', 'The same as one on file');
    await page.keyboard.press('2');
    await page.keyboard.press('a');
    await page.keyboard.type('CASE-2');
    await page.keyboard.press('Control+Enter');
    await says(page, '#result', 'The same as an earlier one');
    await says(page, '#history li', 'The same as an earlier one');
    await page.keyboard.press('s');
    await says(page, '#status-body', 'Last contactjust now');
  });
});

test('what goes wrong is told with what to do, in the language of the page', async () => {
  await clearDesk();
  await withConsole({ locale: 'en-GB' }, async (page) => {
    await page.locator('#token').waitFor();
    await page.keyboard.type('not-a-token');
    await page.keyboard.press('Enter');
    await says(page, '#signin-wrong', 'yidang token create');
    const name = `clerk-${tokens + 1}`;
    await signIn(page, newToken());
    await ask('POST', '/v1/simulated/fault', { device: 'card', fault: 'read_failed', times: 8 });
    await putCard('01-resident');
    await says(page, '#wrong', 'The card could not be read.Lift it');
    await page.keyboard.press('l');
    await page.keyboard.press('f');
    await says(page, '#result', '请先读取办事人的证件');
    await ask('POST', '/v1/simulated/reset');
    await ask('POST', '/v1/simulated/fault', { device: 'camera', fault: 'unplug', times: 3 });
    await says(page, '#chips', '高拍仪：未连接');
    await says(page, '#desk-empty', '没有可用的高拍仪');
    await says(page, '#chips', '高拍仪：正常');
    daemon.revoke(name);
    await says(page, '#signin-wrong', '令牌无效或已被吊销');
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  });
});

test('the simulated desk is there for a token with `admin`, and for no other', async () => {
  await clearDesk();
  await withConsole({}, async (page) => {
    await signIn(page, newToken(ALL_SCOPES));
    await page.locator('#simulated-open').waitFor();
    await page.keyboard.press('d');
    await page.keyboard.type('05');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#person .name').waitFor();
    await page.locator('#simulated-frames').selectOption('03-letter');
    await page.locator('#simulated-lay').press('Enter');
    await page.locator('#outline.settled').waitFor({ state: 'attached' });
    await page.locator('#simulated-take').press('Enter');
    await says(page, '#standing', '证件已取走');
    await page.locator('#leave').press('Enter');
    await page.locator('#signin').waitFor();
    await signIn(page, newToken());
    await says(page, '#chips', '读卡器');
    await page.keyboard.press('d');
    assert.equal(await page.locator('#simulated:visible, #simulated-open:visible').count(), 0);
  });
});

test('no other page shows it in a frame', async () => {
  const server = http.createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end(`<!doctype html><iframe src="${daemon.address}/console/"></iframe>`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await withConsole({}, async (page) => {
      const refused = page.waitForEvent('console', (message) => /frame-ancestors/.test(message.text()));
      await page.goto(`http://127.0.0.1:${server.address().port}/`);
      await refused;
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

/** What axe finds that keeps somebody from working. */
async function barriers(page, where) {
  const { violations } = await page.evaluate(() => window.axe.run(document));
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${where}: ${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}

for (const locale of ['zh-CN', 'en-GB']) {
  for (const colorScheme of ['light', 'dark']) {
    test(`axe finds no serious barrier: ${locale}, ${colorScheme}`, async () => {
      await clearDesk();
      const found = [];
      await withConsole({ locale, colorScheme }, async (page, context) => {
        await context.addInitScript(AXE);
        await page.reload();
        await page.locator('#token').waitFor();
        found.push(...await barriers(page, 'sign-in'));
        await signIn(page, newToken(ALL_SCOPES));
        await page.keyboard.press('f');
        await page.locator('#result.warn').waitFor();
        await person(page, '01-resident', '张一档');
        await capture(page, '01-form', 1);
        await page.keyboard.press('1');
        await page.keyboard.press('f');
        await page.locator('#result.good').waitFor();
        await page.keyboard.press('h');
        await page.locator('#history .thumb').first().waitFor();
        await capture(page, '02-certificate', 1);
        await capture(page, '03-letter', 2);
        await page.keyboard.press('Delete');
        await page.locator('#tray .thumb').waitFor();
        await page.keyboard.press('d');
        found.push(...await barriers(page, 'work'));
        await page.keyboard.press('Escape');
        for (const [key, sheet] of [['?', 'help'], ['s', 'status'], ['o', 'viewer']]) {
          await page.keyboard.press(key);
          await page.locator(`#${sheet}[open]`).waitFor();
          found.push(...await barriers(page, sheet));
          await page.keyboard.press('Escape');
        }
      });
      assert.deepEqual(found, []);
    });
  }
}
