// A window program's work, in a real Chromium against the real service with simulated devices.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { insecure } from './support/page.mjs';
import { browser, daemon, open, pages, token, within } from './support/window.mjs';

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
  const page = await open({});
  await page.evaluate(() => {
    window.states = [];
    window.heard = [];
    window.watch = window.client.watchEvents({
      connection: (state) => window.states.push(state), any: (event) => window.heard.push(event.type),
    });
    window.preview = window.client.watchCamera(document.body.appendChild(new Image()));
  });
  await page.waitForFunction(() => window.preview.state === 'showing');
  await daemon.stop();
  await page.waitForFunction(() => window.preview.state === 'lost' && window.states.at(-1) === 'lost');
  await daemon.start();
  await page.waitForFunction(() => window.preview.state === 'showing' && window.states.at(-1) === 'open');
  await page.evaluate(() => window.client.simulateCard({ insert: '02-hmt' }));
  await page.waitForFunction(() => window.heard.includes('card.inserted'));
  await page.context().close();
});

test('a token that is revoked ends events and preview, and says so', async () => {
  const short = daemon.token('short', 'capture');
  const page = await open({ settings: { token: short } });
  await page.evaluate(() => {
    window.preview = window.client.watchCamera(document.body.appendChild(new Image()), { onState: (state, e) => { window.told = [state, e && e.code]; } });
  });
  await page.waitForFunction(() => window.preview.state === 'showing');
  daemon.revoke('short');
  await page.waitForFunction(() => window.preview.state === 'refused');
  assert.deepEqual(await page.evaluate(() => window.told), ['refused', 'token_invalid']);
  await page.context().close();
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
