// A real Chromium against the real service with simulated devices.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ALL_SCOPES, startDaemon } from './support/daemon.mjs';
import { insecure, launch, servePages, trusted } from './support/page.mjs';

let pages;
let browser;
let daemon;
let token;

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

/** Opens a page with a client in it, by the build that is named, and runs the work there. */
async function within({ host = insecure(pages.port), build = 'module', settings = {}, from = browser, prepare }, work, given) {
  const context = await from.newContext();
  context.setDefaultTimeout(20000);
  const page = await context.newPage();
  try {
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
    return await page.evaluate(work, given);
  } finally {
    await context.close();
  }
}

/** The main job, as a page does it. */
async function mainJob() {
  const { client, until } = window;
  await client.resetSimulation();
  const heard = [];
  const watch = client.watchEvents({ any: (event) => heard.push(event.type) });
  await watch.opened;
  // A card that is exchanged quickly is no news: this one is to be gone first.
  await client.readCard({ wait_ms: 10000 });
  await client.simulateCard({ insert: null });
  await until(() => heard.indexOf('card.removed') >= 0);
  heard.length = 0;
  const reading = client.readCard({ wait_ms: 10000 });
  await client.simulateCard({ insert: '01-resident' });
  const card = await reading;
  const capture = await client.capturePaper({ holder: card.holder });
  const wish = { holders: [card.holder], kind: 'form', captures: [capture.id], case: `K${Math.random()}` };
  const filed = await client.fileMaterial(wish);
  const list = await client.listMaterials(card.holder);
  const thumbnail = await client.readPageImage(filed.id, 1, { rendition: 'thumbnail' });
  const document = await client.readDocument(filed.id);
  await until(() => heard.indexOf('material.filed') >= 0);
  watch.close();
  return {
    name: card.name, found: capture.corners !== null, newest: list.materials[0].id === filed.id, origin: filed.origin,
    thumbnail: thumbnail.type, document: document.type, inserted: heard.indexOf('card.inserted') >= 0,
  };
}

const DONE = {
  name: '张一档', found: true, newest: true, origin: 'simulated', thumbnail: 'image/jpeg', document: 'application/pdf',
  inserted: true,
};

test('a card appears, a paper is captured, filed and listed', async () => {
  assert.deepEqual(await within({}, mainJob), DONE);
});

test('the same in a browser that knows neither promises nor fetch, by the ES5 build', async () => {
  const prepare = (page) => page.addInitScript(() => {
    // The test's own work uses promises; the build is to take the page for one without.
    window.Promise.resolve = undefined;
    for (const name of ['fetch', 'AbortController', 'ReadableStream', 'TextDecoder', 'Symbol']) {
      Object.defineProperty(window, name, { value: undefined });
    }
    delete Object.assign;
  });
  assert.deepEqual(await within({ build: 'es5', prepare }, mainJob), DONE);
});

test('a file that is there already becomes a capture', async () => {
  const capture = await within({}, async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 600, height: 800 });
    canvas.getContext('2d').fillRect(50, 50, 300, 300);
    const png = await new Promise((resolve) => canvas.toBlob(resolve));
    const made = await window.client.uploadPaper(png, { crop: 'full', tone: 'grey' });
    const original = await window.client.readCaptureImage(made.id, { rendition: 'original' });
    await window.client.discardCapture(made.id);
    const left = await window.client.listCaptures();
    return { origin: made.origin, type: original.type, kept: left.captures.some((one) => one.id === made.id) };
  });
  assert.deepEqual(capture, { origin: 'upload', type: 'image/png', kept: false });
});

test('errors carry the service\'s code and words', async () => {
  const work = async () => {
    const codes = [];
    await window.client.simulateCard({ insert: null });
    for (const call of [() => window.client.readCard(), () => window.client.readMaterial('0'.repeat(32)),
      () => window.client.fileMaterial({ holders: ['x'], kind: 'form', captures: ['y'] })]) {
      await call().catch((e) => codes.push([e.code, e.status, e instanceof window.Yidang.YidangError, Boolean(e.title && e.remedy)]));
    }
    return codes;
  };
  const expected = [['card_absent', 409, true, true], ['material_unknown', 404, true, true], ['holder_unknown', 404, true, true]];
  assert.deepEqual(await within({}, work), expected);
  assert.deepEqual(await within({ build: 'es5' }, work), expected);
});

/** Shows a preview, and what its picture has in the middle: empty, or a colour. */
const shows = async ({ ask }) => {
  const { client, until } = window;
  const image = document.body.appendChild(new Image());
  const states = [];
  const preview = client.watchCamera(image, { width_max: 640, onState: (state, error) => states.push(error ? `${state} ${error.code}` : state) });
  await until(() => preview.state === 'showing');
  const canvas = Object.assign(document.createElement('canvas'), { width: image.naturalWidth, height: image.naturalHeight });
  const pen = canvas.getContext('2d');
  pen.drawImage(image, 0, 0);
  const [red, green, blue, alpha] = pen.getImageData(canvas.width >> 1, canvas.height >> 1, 1, 1).data;
  if (ask === 'unplug') {
    await client.simulateFault({ device: 'camera', fault: 'unplug', times: 1 });
    await until(() => states.some((state) => state.startsWith('lost')));
    states.push(`src ${image.hasAttribute('src')}`);
    await until(() => preview.state === 'showing');
  }
  preview.close();
  return { seen: red + green + blue > 0 && alpha === 255 && canvas.width > 100, states, src: image.hasAttribute('src') };
};

test('a preview shows what the camera sees', async () => {
  const seen = { seen: true, states: ['showing', 'closed'], src: false };
  assert.deepEqual(await within({}, shows, {}), seen);
  assert.deepEqual(await within({ build: 'es5' }, shows, {}), seen);
});

test('a preview of a camera that goes is emptied, and comes back with it', async () => {
  const { states, src } = await within({}, shows, { ask: 'unplug' });
  assert.deepEqual(states.map((state) => state.split(' ')[0]).filter((state, i, all) => state !== all[i - 1]),
    ['showing', 'lost', 'src', 'showing', 'closed']);
  assert.ok(states.includes('src false'));
  assert.equal(src, false);
});

test('previews that are closed are over: more can be begun than run at once', async () => {
  const count = await within({}, async () => {
    let shown = 0;
    for (let i = 0; i < 12; i += 1) {
      const image = new Image();
      const preview = window.client.watchCamera(image);
      await window.until(() => preview.state === 'showing');
      shown += 1;
      preview.close();
    }
    return shown;
  });
  assert.equal(count, 12);
});

test('a service that restarts is come back to, events and preview', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(insecure(pages.port));
  await page.evaluate(async (settings) => {
    const { Yidang } = await import('/yidang.js');
    window.client = new Yidang(settings);
    window.states = [];
    window.heard = [];
    window.watch = window.client.watchEvents({
      connection: (state) => window.states.push(state), any: (event) => window.heard.push(event.type),
    });
    window.preview = window.client.watchCamera(document.body.appendChild(new Image()));
  }, { address: daemon.address, token });
  await page.waitForFunction(() => window.preview.state === 'showing');
  await daemon.stop();
  await page.waitForFunction(() => window.preview.state === 'lost' && window.states.at(-1) === 'lost');
  await daemon.start();
  await page.waitForFunction(() => window.preview.state === 'showing' && window.states.at(-1) === 'open');
  await page.evaluate(() => window.client.simulateCard({ insert: '02-hmt' }));
  await page.waitForFunction(() => window.heard.includes('card.inserted'));
  await context.close();
});

test('a token that is revoked ends events and preview, and says so', async () => {
  const short = daemon.token('short', 'capture');
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(insecure(pages.port));
  await page.evaluate(async (settings) => {
    const { Yidang } = await import('/yidang.js');
    window.client = new Yidang(settings);
    window.preview = window.client.watchCamera(document.body.appendChild(new Image()), { onState: (state, e) => { window.told = [state, e && e.code]; } });
  }, { address: daemon.address, token: short });
  await page.waitForFunction(() => window.preview.state === 'showing');
  daemon.revoke('short');
  await page.waitForFunction(() => window.preview.state === 'refused');
  assert.deepEqual(await page.evaluate(() => window.told), ['refused', 'token_invalid']);
  await context.close();
});

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

test('the example page works, with the service and without', async () => {
  const context = await browser.newContext();
  context.setDefaultTimeout(20000);
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  const address = `${insecure(pages.port)}/example/#address=${daemon.address}&token=${token}`;
  await within({}, async () => {
    await window.client.resetSimulation();
  });
  for (const at of [address, `${insecure(pages.port)}/example/#simulated`]) {
    await page.goto('about:blank');
    await page.goto(at);
    await page.waitForFunction(() => document.getElementById('preview').naturalWidth > 0);
    await page.waitForFunction(() => document.getElementById('person').textContent.startsWith('张一档'));
    const filed = await page.locator('#materials li').count();
    await page.click('#capture');
    await page.waitForFunction(() => document.querySelector('#pages img'));
    await page.click('#file');
    await page.waitForFunction((n) => document.querySelectorAll('#materials li').length === n + 1, filed);
  }
  assert.deepEqual(faults, []);
  await context.close();
});
