// What a page of a foreign origin can have a real Chromium send to this PC: none of it tells or changes anything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browser, daemon, pages, token } from './support/window.mjs';

const ask = async (method, path, body) => {
  const headers = { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }) };
  const response = await fetch(daemon.address + path, { method, headers, body: body && JSON.stringify(body) });
  return response.status === 204 ? null : response.json();
};

/** All that an attack could change. */
async function state() {
  const { archive } = await ask('GET', '/v1/status');
  const { pairings } = await ask('GET', '/v1/pairings');
  return { archive, pairings };
}

/** Each runs in the foreign page with the service's address and a token it has stolen; what it got hold of, or null. */
const ATTACKS = {
  'fetch that reads': async ({ address, stolen }) => {
    try {
      const response = await fetch(`${address}/v1/status`, { headers: { Authorization: `Bearer ${stolen}` } });
      return `${response.status} ${await response.text()}`;
    } catch {
      return null;
    }
  },
  'fetch without asking first': async ({ address }) => {
    const response = await fetch(`${address}/v1/captures`, { method: 'POST', mode: 'no-cors', body: '{}' }).catch(() => null);
    return response && response.type !== 'opaque' ? await response.text() : null;
  },
  'fetch with cookies': async ({ address }) => {
    try {
      return await (await fetch(`${address}/v1/status`, { credentials: 'include' })).text();
    } catch {
      return null;
    }
  },
  XMLHttpRequest: ({ address, stolen }) => new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open('POST', `${address}/v1/captures`);
    request.setRequestHeader('Authorization', `Bearer ${stolen}`);
    request.setRequestHeader('Content-Type', 'application/json');
    request.onload = () => resolve(request.responseText);
    request.onerror = () => resolve(null);
    request.send('{}');
  }),
  'form in a frame': ({ address }) => new Promise((resolve) => {
    const frame = Object.assign(document.createElement('iframe'), { name: 'target' });
    document.body.append(frame);
    const form = Object.assign(document.createElement('form'), {
      action: `${address}/v1/captures`, method: 'POST', enctype: 'text/plain', target: 'target',
    });
    form.append(Object.assign(document.createElement('input'), { name: '{"crop": "auto", "x": "', value: '"}' }));
    document.body.append(form);
    frame.onload = () => {
      try {
        resolve(frame.contentDocument && frame.contentDocument.body.innerText ? frame.contentDocument.body.innerText : null);
      } catch {
        resolve(null);
      }
    };
    form.submit();
    setTimeout(() => resolve(null), 3000);
  }),
  picture: ({ address }) => new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(`${image.naturalWidth} pixels`);
    image.onerror = () => resolve(null);
    image.src = `${address}/console/icon.svg`;
  }),
  script: ({ address }) => new Promise((resolve) => {
    const script = document.createElement('script');
    script.onload = () => resolve('it ran');
    script.onerror = () => resolve(null);
    script.src = `${address}/console/words.js`;
    document.head.append(script);
  }),
  'style sheet': ({ address }) => new Promise((resolve) => {
    const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: `${address}/console/console.css` });
    link.onload = () => resolve('it is there');
    link.onerror = () => resolve(null);
    document.head.append(link);
  }),
  EventSource: ({ address }) => new Promise((resolve) => {
    const source = new EventSource(`${address}/v1/events`);
    source.onopen = () => resolve('it opened');
    source.onerror = () => {
      source.close();
      resolve(null);
    };
  }),
  WebSocket: ({ address }) => new Promise((resolve) => {
    const socket = new WebSocket(`${address.replace('http', 'ws')}/v1/events`);
    socket.onopen = () => resolve('it opened');
    socket.onerror = () => resolve(null);
  }),
  'the clerk’s page in a frame': ({ address }) => new Promise((resolve) => {
    const frame = Object.assign(document.createElement('iframe'), { src: `${address}/console/` });
    frame.onload = () => {
      try {
        resolve(frame.contentDocument.body.innerText || null);
      } catch {
        // Another origin's error page, which a page cannot look into.
        resolve(frame.contentWindow.length > 0 ? 'it is framed' : null);
      }
    };
    document.body.append(frame);
  }),
  'the clerk’s page in a window': async ({ address }) => {
    const opened = window.open(`${address}/console/`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    try {
      return opened.document.body.innerText;
    } catch {
      // COOP has parted the two.
      return opened.closed ? null : 'the two windows know each other';
    }
  },
  beacon: ({ address }) => {
    navigator.sendBeacon(`${address}/v1/captures`, '{}');
    return null;
  },
  'asking to be paired as an administrator': async ({ address }) => {
    const headers = { 'Content-Type': 'application/json' };
    const body = JSON.stringify({ name: 'admin', scopes: ['admin'] });
    const response = await fetch(`${address}/v1/pairings`, { method: 'POST', headers, body });
    return response.status === 422 ? null : `${response.status}`;
  },
  'letting itself in': async ({ address, stolen }) => {
    try {
      const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${stolen}` };
      const body = JSON.stringify({ code: '000000', accept: true });
      return `${(await fetch(`${address}/v1/pairings/decide`, { method: 'POST', headers, body })).status}`;
    } catch {
      return null;
    }
  },
};

for (const [name, attack] of Object.entries(ATTACKS)) {
  test(`a foreign page: ${name}`, async () => {
    const before = await state();
    const context = await browser.newContext();
    context.setDefaultTimeout(20000);
    try {
      const page = await context.newPage();
      await page.goto(`http://evil.example:${pages.port}`);
      const got = await page.evaluate(attack, { address: daemon.address, stolen: token });
      assert.equal(got, null);
    } finally {
      await context.close();
    }
    assert.deepEqual(await state(), before);
  });
}

test('a name of the attacker’s that leads to this machine is none of the service’s', async () => {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    // Chromium takes *.example for this machine: to the service the page is of its own origin, by another name.
    const port = new URL(daemon.address).port;
    const answer = await page.goto(`http://rebound.example:${port}/v1/health`);
    assert.equal(answer.status(), 421);
    const read = await page.evaluate(async (stolen) => {
      const response = await fetch('/v1/status', { headers: { Authorization: `Bearer ${stolen}` } });
      return response.status;
    }, token);
    assert.equal(read, 421);
  } finally {
    await context.close();
  }
});

test('the same calls by a page that may call are noticed', async () => {
  const before = await state();
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(`http://window.example:${pages.port}`);
    const given = { address: daemon.address, stolen: token };
    for (const name of ['fetch that reads', 'XMLHttpRequest']) {
      const got = await page.evaluate(ATTACKS[name], given);
      assert.ok(got && got.length > 20, name);
    }
  } finally {
    await context.close();
  }
  assert.notDeepEqual(await state(), before);
});
