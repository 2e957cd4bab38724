// The table of Local Network Access: browser state, kind of page, kind of call, and what happens; with policies, and
// without. What this Chromium does is compared with `fixtures/lna/chromium.json`, written anew by WRITE_LNA=1. Nobody can
// be asked without a screen: what is not asked for yet fails at once. Permissions are set as developer tools set them,
// for the page at the top; that goes before policies and frames alike, where a user's answer may not.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { callFrom, CALLS, launchGated, PAGES, startPages, startService, STATES } from './support/access.mjs';
import { binary } from './support/daemon.mjs';

const EXPECTED = fileURLToPath(new URL('../../../fixtures/lna/chromium.json', import.meta.url));
/** Where Debian's Chromium looks; only root may write there. */
const POLICY = '/etc/chromium/policies/managed/yidang.json';
/** The two that let an origin through, without the one that makes an http page count as secure. */
const ONLY_ALLOWED = ['LoopbackNetworkAllowedForUrls', 'LocalNetworkAccessAllowedForUrls'];
/** What keeps the policies from being tried here. */
const reason = process.getuid?.() !== 0 ? 'only root may write browser policies'
  : existsSync(POLICY) ? `${POLICY} is there already` : null;
const SKIP = reason === null ? false : `SKIPPED: ${reason}`;
if (SKIP) console.error(`SKIPPED clients/js/test/chromium-access.test.mjs, with policies: ${reason}`);

let pages;
let service;
let version;
const table = {};
/** What the test made in the policy folder, the outermost first. */
const made = [];

before(async () => {
  pages = await startPages();
  service = await startService();
});

after(async () => {
  await pages?.close();
  await service?.close();
  if (made.length > 0) rmSync(made[0], { recursive: true, force: true });
});

/** What `yidang policy install` writes for the page that is insecure and for the two that count as secure. */
function installed() {
  const root = mkdtempSync(join(tmpdir(), 'yidang-policy-'));
  try {
    const config = join(root, 'window.toml');
    const origins = [pages.secure, pages.insecure, pages.framed];
    writeFileSync(config, `[agent]\ncounter = "t"\ndata_dir = "data"\n[http]\norigins = ${JSON.stringify(origins)}\n`);
    execFileSync(binary(), ['policy', 'install', '--root', root, '--config', config]);
    return JSON.parse(readFileSync(join(root, POLICY)));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function putPolicy(document) {
  for (let at = POLICY; !existsSync(at); at = dirname(at)) made.unshift(at);
  mkdirSync(dirname(POLICY), { recursive: true });
  writeFileSync(POLICY, JSON.stringify(document));
}

/** Fills the table's part of this name, all states and pages. */
async function fill(name) {
  const browser = await launchGated(pages);
  try {
    version = browser.version();
    table[name] = {};
    for (const kind of PAGES) {
      table[name][kind] = {};
      for (const state of STATES) table[name][kind][state] = await callFrom(browser, pages, service, kind, state);
    }
  } finally {
    await browser.close();
  }
}

/** Prints a part, and compares it with what was seen before of the same version. */
function compare(t, name) {
  for (const kind of PAGES) {
    for (const state of STATES) {
      t.diagnostic(`${name} | ${kind} | ${state} | ${CALLS.map((call) => `${call} ${table[name][kind][state][call]}`).join(' | ')}`);
    }
  }
  const major = version.split('.')[0];
  const expected = JSON.parse(existsSync(EXPECTED) ? readFileSync(EXPECTED) : '{}');
  if (process.env.WRITE_LNA) {
    mkdirSync(dirname(EXPECTED), { recursive: true });
    writeFileSync(EXPECTED, `${JSON.stringify({ ...expected, [major]: { ...expected[major], [name]: table[name] } }, null, 1)}\n`);
  } else if (expected[major]) {
    assert.deepEqual(table[name], expected[major][name]);
  } else {
    const last = expected[Math.max(...Object.keys(expected).map(Number))]?.[name];
    for (const kind of PAGES) {
      for (const state of STATES) {
        const [now, then] = [table[name][kind][state], last?.[kind]?.[state]];
        if (JSON.stringify(now) !== JSON.stringify(then)) t.diagnostic(`new in ${major}: ${name} | ${kind} | ${state}: ${JSON.stringify(then)}`);
      }
    }
  }
}

test('local network access without policies', async (t) => {
  await fill('no policy');
  compare(t, 'no policy');
});

test('local network access with the origins allowed, and no more', { skip: SKIP }, async (t) => {
  putPolicy(Object.fromEntries(Object.entries(installed()).filter(([name]) => ONLY_ALLOWED.includes(name))));
  await fill('origins allowed');
  compare(t, 'origins allowed');
});

test('local network access with what `yidang policy install` writes', { skip: SKIP }, async (t) => {
  putPolicy(installed());
  await fill('yidang policy install');
  compare(t, 'yidang policy install');
  // What it is for: no page is held back, but a frame that the page around it does not let.
  for (const kind of ['secure', 'insecure', 'frame with allow']) {
    for (const call of CALLS) assert.equal(table['yidang policy install'][kind].unasked[call], 'works', `${kind}, ${call}`);
  }
});
