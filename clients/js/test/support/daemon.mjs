// The real service with simulated devices, on a free port.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ALL_SCOPES = 'card,capture,archive:write,archive:read,archive:assist,archive:erase,admin';

/** The binary that is to be tested: YIDANG, or where cargo puts it; null where there is none. */
export function binary() {
  const root = fileURLToPath(new URL('../../../..', import.meta.url));
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
  const places = process.env.YIDANG ? [process.env.YIDANG] : [join(target, 'debug/yidang'), join(target, 'release/yidang')];
  return places.find((place) => existsSync(place)) ?? null;
}

/** Starts it for these origins; `more` are further sections of its configuration, `variables` go over it. */
export async function startDaemon(origins, more = '', variables = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'yidang-client-'));
  const config = join(folder, 'window.toml');
  const write = (listen) => writeFileSync(config, `[agent]\ncounter = "client-test"\ndata_dir = "data"
[http]\nlisten = "${listen}"\norigins = ${JSON.stringify(origins)}
[card]\ndriver = "simulated"\n[camera]\ndriver = "simulated"\n${more}`);
  write('127.0.0.1:0');
  let child;
  const daemon = {
    address: '',
    /** Where it serves https, if it does. */
    httpsAddress: '',
    data: join(folder, 'data'),
    /** Runs another command of the program; what it says. */
    command: (...words) =>
      execFileSync(binary(), [...words, '--config', config], { env: { ...process.env, ...variables } }).toString(),
    /** Makes a token; its secret. */
    token: (name, scopes, ...more) =>
      execFileSync(binary(), ['token', 'create', '--name', name, '--scopes', scopes, ...more, '--config', config])
        .toString().trim(),
    operator: (name, pin) => execFileSync(binary(), ['operator', 'add', '--name', name, '--config', config], { input: pin }),
    enrol: (code) => execFileSync(binary(), ['enrol', '--code', '-', '--config', config], { input: code }),
    revoke: (name) => execFileSync(binary(), ['token', 'revoke', '--name', name, '--config', config]),
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
    },
    async start() {
      const env = { ...process.env, ...variables };
      child = spawn(binary(), ['run', '--config', config], { stdio: ['ignore', 'pipe', 'ignore'], env });
      const secure = variables.YIDANG_HTTP_TLS ? listening(child, 'https') : '';
      daemon.address = await listening(child);
      daemon.httpsAddress = await secure;
      // Comes back where it was.
      write(daemon.address.replace('http://', ''));
    },
    async end() {
      if (child.exitCode === null) await daemon.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await daemon.start();
  return daemon;
}

/** Resolves with the address once the program says it. */
export function listening(child, scheme = 'http') {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (piece) => {
      text += piece;
      const found = new RegExp(`^listening (${scheme}://\\S+)$`, 'm').exec(text);
      if (found) resolve(found[1]);
    });
    child.once('exit', (code) => reject(new Error(`the service ended with ${code} before it listened`)));
  });
}
