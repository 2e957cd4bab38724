// Builds, then runs every test; what cannot run here is named as SKIPPED on standard error.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { binary } from '../test/support/daemon.mjs';
import { chromiumPath } from '../test/support/page.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const run = (...options) => spawnSync(process.execPath, options, { stdio: 'inherit' }).status ?? 1;

const reasons = [
  chromiumPath() ? null : 'no Chromium is installed',
  binary() ? null : 'no yidang is built (YIDANG names one)',
].filter(Boolean);
const all = readdirSync('test').filter((name) => name.endsWith('.test.mjs'));
const skipped = reasons.length > 0 ? all.filter((name) => name.startsWith('chromium')) : [];
const files = all.filter((name) => !skipped.includes(name));

process.exitCode = run('tools/build.mjs') || run('--test', '--test-reporter=spec', ...files.map((name) => `test/${name}`));
for (const name of skipped) console.error(`SKIPPED clients/js/test/${name}: ${reasons.join(', ')}`);
