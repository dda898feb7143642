// Makes a fresh clone ready to build. Plain JavaScript, as it must run on Node 20 before anything is installed.

import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const windows = process.platform === 'win32';

/** Installs the dependencies where they are missing or older than the lockfile. */
export function installDependencies() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return npm('ci');
  if (statSync(installed).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs) npm('install');
}

/**
 * Runs a TypeScript file of this folder with the Node that the lockfile names (or the running one, where that platform has no such
 * package), hands over the arguments of this process, and ends with its exit status.
 */
export function runScript(file) {
  const packaged = join(root, 'node_modules', '.bin', windows ? 'node.cmd' : 'node');
  const node = existsSync(packaged) ? packaged : process.execPath;
  if (node === process.execPath && !runsTypeScript()) {
    console.error(
      `Node ${process.versions.node} cannot run TypeScript, and no newer one is packaged for ${process.platform}-${process.arch}.`,
    );
    console.error('Install Node 22.18 or newer, and try again.');
    process.exit(1);
  }
  // The child gets Ctrl+C from the terminal as well, and ends in its own time.
  process.on('SIGINT', () => {});
  const path = `${join(root, 'node_modules', '.bin')}${windows ? ';' : ':'}${process.env.PATH ?? ''}`;
  const child = spawnSync(node, [join(root, 'scripts', file), ...process.argv.slice(2)], {
    cwd: root,
    stdio: 'inherit',
    shell: windows,
    env: { ...process.env, PATH: path },
  });
  process.exit(child.status ?? 1);
}

function npm(command) {
  console.log(`Installing what is missing (npm ${command}) ...`);
  const child = spawnSync('npm', [command, '--loglevel=error'], { cwd: root, stdio: 'inherit', shell: windows });
  if (child.status !== 0) process.exit(child.status ?? 1);
}

function runsTypeScript() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}
