// Builds, and opens VS Code on examples/ with the extension: the desktop's where there is one, else the one from npm in the browser.

import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from './build.ts';
import { root } from './root.ts';
import { startServer } from './vscode/server.ts';

const examples = join(root, 'examples');

build();
if (desktopWorks()) openDesktop();
else await openInBrowser();

/** `code` is on the PATH, runs for this user (it refuses root), and there is a screen. */
function desktopWorks(): boolean {
  if (process.argv.includes('--browser')) return false;
  const screen = process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  if (!screen || process.getuid?.() === 0) return false;
  const answer = spawnSync('code', ['--version'], { encoding: 'utf8', shell: process.platform === 'win32' });
  return answer.status === 0 && /^\d+\.\d+/.test(answer.stdout);
}

function openDesktop(): void {
  spawn('code', ['--new-window', `--extensionDevelopmentPath=${root}`, examples], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  console.log(`Opened VS Code on ${examples}.`);
}

async function openInBrowser(): Promise<void> {
  const server = await startServer({ data: join(root, '.cache', 'vscode-data'), port: 8123, install: true });
  console.log(`\nVS Code with Unroll:  ${server.address(examples)}\n`);
  console.log('Open the address in a browser on this machine. Ctrl+C ends it.');
  let asked = false;
  const end = () => {
    asked = true;
    void server.stop();
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  server.process.once('exit', (status) => {
    if (!asked) console.error(`The VS Code server ended by itself (${status}).`);
    process.exit(asked ? 0 : 1);
  });
}
