// Makes dist/: one ES module with its types, and one file of ES5 with one global.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
for (const folder of ['dist', 'build']) rmSync(folder, { recursive: true, force: true });
const tsc = (...options) =>
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '--project', '.', ...options], { stdio: 'inherit' });
const banner = { js: '/*! yidang-client, Apache-2.0 */' };

tsc('--declaration', '--emitDeclarationOnly', '--outDir', 'dist/types');
await build({
  entryPoints: ['src/index.ts'], bundle: true, format: 'esm', target: 'es2018', charset: 'utf8', banner,
  outfile: 'dist/yidang.js', sourcemap: true,
});

// esbuild does not write ES5 by itself: tsc does, and esbuild only puts the modules together.
tsc('--target', 'ES5', '--ignoreDeprecations', '5.0', '--importHelpers', '--outDir', 'build');
await build({
  entryPoints: ['build/es5.js'], bundle: true, format: 'iife', target: 'es5', charset: 'ascii', banner,
  inject: ['build/promise.js'], minify: true, outfile: 'dist/yidang.es5.js',
});
