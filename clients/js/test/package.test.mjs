// What `npm pack` makes is installed into an empty project and works there, types and README included.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('..', import.meta.url));
const npm = (folder, ...options) => execFileSync('npm', [...options, '--no-audit', '--no-fund', '--offline'], { cwd: folder }).toString();

/** The pieces of code of one language in both READMEs. */
const pieces = (language) => ['README.md', 'README.zh-CN.md'].flatMap((name) =>
  [...readFileSync(join(here, name), 'utf8').matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, 'g'))].map(([, text]) => text));

test('the package is installed into an empty project, imported, and used', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'yidang-client-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // It has just been built; other tests stand on what was built.
  const [{ filename, files }] = JSON.parse(npm(here, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder));
  for (const { path } of files) assert.match(path, /^(package\.json|README(\.zh-CN)?\.md|dist\/.*)$/);
  writeFileSync(join(folder, 'package.json'), '{"private": true, "type": "module"}');
  npm(folder, 'install', '--ignore-scripts', join(folder, filename));

  writeFileSync(join(folder, 'use.mjs'), `import { Yidang } from 'yidang-client';
const card = await Yidang.simulated({ cardAfterMs: 0 }).readCard({ wait_ms: 1000 });
console.log(card.name);`);
  assert.equal(execFileSync(process.execPath, ['use.mjs'], { cwd: folder }).toString().trim(), '张一档');
  assert.ok(existsSync(join(folder, 'node_modules/yidang-client/dist/yidang.es5.js')));
  assert.deepEqual(Object.keys(JSON.parse(npm(folder, 'ls', '--json')).dependencies), ['yidang-client']);

  const examples = pieces('ts');
  assert.ok(examples.length >= 4);
  examples.forEach((text, i) => {
    const known = `${text.includes('const yidang') ? '' : 'declare const yidang: Yidang;\n'}declare const image: HTMLImageElement;\n`;
    const imported = text.includes("from 'yidang-client'") ? '' : "import { Yidang, YidangError } from 'yidang-client';\n";
    writeFileSync(join(folder, `example${i}.ts`), `${imported}${text}\n${known}export {};\n`);
  });
  for (const [module, resolution] of [['NodeNext', 'NodeNext'], ['ESNext', 'Bundler']]) {
    execFileSync(process.execPath, [join(here, 'node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--target', 'ES2022',
      '--module', module, '--moduleResolution', resolution, '--lib', 'ES2022,DOM',
      ...examples.map((_, i) => `example${i}.ts`)], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
  }
});
