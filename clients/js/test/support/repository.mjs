// The real repository, on a free port.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { binary, listening } from './daemon.mjs';

/** Starts it in a new folder; it takes simulated papers. It is built beside the service. */
export async function startRepository() {
  const program = join(dirname(binary()), 'yidang-repository');
  const folder = mkdtempSync(join(tmpdir(), 'yidang-repository-'));
  const config = join(folder, 'repository.toml');
  writeFileSync(config, '[repository]\ndata_dir = "data"\naccept_simulated = true\n[http]\nlisten = "127.0.0.1:0"\n');
  const child = spawn(program, ['run', '--config', config], { stdio: ['ignore', 'pipe', 'ignore'] });
  return {
    address: await listening(child),
    /** Once its window is told the code, papers arrive. */
    enrolCode: () => execFileSync(program, ['enrol-code', '--config', config]).toString().trim(),
    async end() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
