// Pages written for other makers' services, in a real Chromium: what listed ones get, by code as they have it, and what
// others do not.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { ALL_SCOPES, startDaemon } from './support/daemon.mjs';
import { insecure, launch, servePages } from './support/page.mjs';

const NUMBER = '00000019900228001X';
let pages;
let browser;
let daemon;
let token;
/** Ports: of huashi-19196, xinzhongxin-8989 and liangtian-38088. */
let huashi;
let xinzhongxin;
let liangtian;

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

before(async () => {
  pages = await servePages();
  browser = await launch(pages.port);
  [huashi, xinzhongxin, liangtian] = await Promise.all([freePort(), freePort(), freePort()]);
  const section = (name, port) => `[[shims]]\nname = "${name}"\nlisten = "127.0.0.1:${port}"\norigins = ["${insecure(pages.port)}"]\n`;
  const sections = [['huashi-19196', huashi], ['xinzhongxin-8989', xinzhongxin], ['liangtian-38088', liangtian]];
  daemon = await startDaemon([], sections.map(([name, port]) => section(name, port)).join(''));
  token = daemon.token('test', ALL_SCOPES);
});

after(async () => {
  await browser?.close();
  await daemon?.end();
  await pages?.close();
});

const ask = async (method, path, body) => {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const response = await fetch(daemon.address + path, { method, headers, body: body && JSON.stringify(body) });
  return response.status === 204 ? null : response.json();
};
const ledgerHead = async () => (await ask('GET', '/v1/status')).archive.ledger_head;

/** Runs the work in a page of this host. */
async function within(host, work, given) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(host);
    return await page.evaluate(work, given);
  } finally {
    await context.close();
  }
}
const listed = () => insecure(pages.port);
const foreign = () => `http://stranger.example:${pages.port}`;

test('a page reads 华视 answers by its regular expressions, and one of today as JSON', async () => {
  const found = await within(listed(), (port) => new Promise((resolve, reject) => {
    const get = (path, done) => {
      const request = new XMLHttpRequest();
      request.onreadystatechange = () => {
        if (request.readyState !== 4) return;
        if (request.status === 200) done(request.responseText);
        else reject(new Error(`${path}: ${request.status}`));
      };
      request.open('GET', `http://127.0.0.1:${port}/${path}&t=${Math.random()}`, true);
      request.send(null);
    };
    get('OpenDevice', (opened) => {
      const flag = opened.match('"resultFlag" : (.*)')[1];
      get('readcard&picpath="D:\\1\\123.bmp"', (data) => {
        const of = (name) => data.match(`"${name}" : "(.*?)"`)[1];
        resolve({
          flag, said: data.match('"errorMsg" : (.*)')[1], read: data.match('"resultFlag" : (.*)')[1], number: of('certNumber'),
          name: of('partyName'), born: of('bornDay'), picture: of('identityPic').slice(0, 4), same: JSON.parse(data).certNumber,
        });
      });
    });
  }), huashi);
  assert.deepEqual(found, {
    flag: '0', said: '"读卡成功",', read: '0', number: NUMBER, name: '张一档', born: '19900228', picture: '/9j/', same: NUMBER,
  });
});

/** What a script with a callback brings; null: nothing. Runs in a page. */
const byScript = ([port, prepare]) => new Promise((resolve) => {
  if (prepare) document.head.append(Object.assign(document.createElement('meta'), { name: 'referrer', content: prepare }));
  const name = `jsonp_${Math.floor(Math.random() * 1e9)}`;
  window[name] = resolve;
  const script = document.createElement('script');
  script.src = `http://127.0.0.1:${port}/api/ReadMsg?waitTime=1&callback=${name}&_=${Date.now()}`;
  script.onerror = () => resolve(null);
  document.head.append(script);
});

test('a page gets 新中新 answers by a script, and by asking', async () => {
  const data = await within(listed(), byScript, [xinzhongxin]);
  assert.deepEqual([data.retcode, data.cardno, data.sex, data.CardType], ['0x90 0x1', NUMBER, '男', '0']);
  const asked = await within(listed(), async (port) => {
    const answer = await (await fetch(`http://127.0.0.1:${port}/api/ReadMsg?NoPhoto=1`)).json();
    const version = await (await fetch(`http://127.0.0.1:${port}/api/Version`)).json();
    return { code: answer.code, name: answer.name, version: version.retcode };
  }, xinzhongxin);
  assert.deepEqual(asked, { code: '0', name: '张一档', version: '0' });
});

test('a page shows and captures with 良田 calls, and reads the card', async () => {
  const before = await ledgerHead();
  const found = await within(listed(), (port) => new Promise((resolve, reject) => {
    const post = (path, params, done) => {
      const request = new XMLHttpRequest();
      request.open('POST', `http://127.0.0.1:${port}/${path}`, true);
      request.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded; charset=UTF-8');
      request.onload = () => done(JSON.parse(request.responseText));
      request.onerror = () => reject(new Error(path));
      request.send(params);
    };
    const view = new Image();
    view.onerror = () => reject(new Error('no preview'));
    view.onload = () => {
      post('video=grabimage', '{"filepath":"D:\\\\a.jpg","rotate":"0","camidx":"0","cutpage":"1"}', (grabbed) => {
        const taken = new Image();
        taken.onload = () => post('card=idcard', '', (card) => {
          post('video=close', '{"camidx":"0"}', () => resolve({
            seen: view.naturalWidth > 0, code: grabbed.code, label: grabbed.filepath, id: grabbed.uuid, width: taken.naturalWidth,
            card: card.code, number: card.IDCardInfo.cardID,
          }));
        });
        taken.src = `data:image/jpg;base64,${grabbed.photoBase64}`;
      });
    };
    view.src = `http://127.0.0.1:${port}/video=stream&camidx=0&time=${Math.random()}`;
    document.body.append(view);
  }), liangtian);
  const { captures } = await ask('GET', '/v1/captures');
  assert.deepEqual(found, {
    seen: true, code: '0', label: 'D:\\a.jpg', id: captures.at(-1).id, width: captures.at(-1).width, card: 0, number: NUMBER,
  });
  assert.equal(await ledgerHead(), before + 1);
});

test('a foreign page gets nothing and does nothing, whatever it loads', async () => {
  const before = await ledgerHead();
  assert.equal(await within(foreign(), byScript, [xinzhongxin]), null);
  // One that hides its address from everybody, and a listed one that does.
  assert.equal(await within(foreign(), byScript, [xinzhongxin, 'no-referrer']), null);
  assert.equal(await within(listed(), byScript, [xinzhongxin, 'no-referrer']), null);
  const got = await within(foreign(), async ([huashiPort, liangtianPort]) => {
    const at = `http://127.0.0.1:${liangtianPort}`;
    const reads = [
      () => fetch(`http://127.0.0.1:${huashiPort}/readcard`),
      () => fetch(`${at}/card=idcard`, { method: 'POST', body: '' }),
      () => fetch(`${at}/video=grabimage`, { method: 'POST', body: '{}' }),
    ];
    const texts = await Promise.all(reads.map((read) => read().then((answer) => answer.text(), () => null)));
    await fetch(`${at}/video=grabimage`, { method: 'POST', mode: 'no-cors', body: '{}' }).catch(() => {});
    const form = Object.assign(document.createElement('form'), { action: `${at}/video=grabimage`, method: 'POST', target: 'frame' });
    const frame = Object.assign(document.createElement('iframe'), { name: 'frame' });
    document.body.append(frame, form);
    form.submit();
    const picture = await new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve('shown');
      image.onerror = () => resolve(null);
      image.src = `${at}/video=stream&camidx=0`;
    });
    await new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }));
    return [...texts, picture];
  }, [huashi, liangtian]);
  assert.deepEqual(got, [null, null, null, null]);
  assert.equal(await ledgerHead(), before);
});

test('a listed page that shows a shim address as a picture or a frame gets nothing', async () => {
  const got = await within(listed(), (port) => Promise.all(['img', 'iframe'].map((kind) => new Promise((resolve) => {
    const element = document.createElement(kind);
    element.onerror = () => resolve(null);
    element.onload = () => resolve(kind === 'img' ? 'shown' : null);
    element.src = `http://127.0.0.1:${port}/readcard`;
    document.body.append(element);
  }))), huashi);
  assert.deepEqual(got, [null, null]);
});
