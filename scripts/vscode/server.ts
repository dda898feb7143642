// The VS Code server, on 127.0.0.1 only.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../root.ts';
import { getVSCode } from './download.ts';

export interface ServerOptions {
  /** Kept between starts; a temporary folder by default. */
  readonly data?: string;
  readonly port?: number;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** Load the extension of this repository, as if it were installed. */
  readonly install?: boolean;
  /** VS Code then obeys the extension paths in a page's address, as a test needs. */
  readonly testing?: boolean;
  /** Ask before code of a folder may run. */
  readonly trust?: boolean;
}

export interface Server {
  readonly port: number;
  readonly process: ChildProcess;
  /** Everything that the server wrote. */
  readonly log: string;
  /** The address of the workbench on a folder. `payload`: what the desktop takes as command line flags. */
  address(folder: string | undefined, payload?: readonly (readonly [string, string])[]): string;
  /** A file of this machine as the workbench in the browser names it. */
  remote(path: string): string;
  stop(): Promise<void>;
}

/** No welcome pages, no chat, no updates, nothing sent anywhere. */
const quiet = {
  'telemetry.telemetryLevel': 'off',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'update.mode': 'none',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'git.openRepositoryInParentFolders': 'never',
  'chat.disableAIFeatures': true,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
};

export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const vscode = getVSCode();
  const data = options.data ?? mkdtempSync(join(tmpdir(), 'unroll-vscode-'));
  const extensions = join(data, 'extensions');
  rmSync(extensions, { recursive: true, force: true });
  mkdirSync(extensions, { recursive: true });
  if (options.install) symlinkSync(root, join(extensions, installedName()));
  const machine = join(data, 'server', 'data', 'Machine');
  mkdirSync(machine, { recursive: true });
  writeFileSync(join(machine, 'settings.json'), JSON.stringify({ ...quiet, ...options.settings }, null, 2));
  const port = await freePort(options.port);
  const args = [
    join(vscode, 'out', 'server-main.js'),
    ...['--host', '127.0.0.1', '--port', String(port), '--without-connection-token', '--accept-server-license-terms'],
    ...['--server-data-dir', join(data, 'server'), '--extensions-dir', extensions, '--telemetry-level', 'off'],
    ...(options.testing ? ['--enable-smoke-test-driver'] : []),
    ...(options.trust ? [] : ['--disable-workspace-trust']),
  ];
  const log = join(data, 'server.log');
  const output = openSync(log, 'w');
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', output, output],
    // Its own group: Ctrl+C in the terminal then reaches only the script that started it, which stops it in order.
    detached: true,
    env: { ...process.env, VSCODE_PROXY_URI: '', ...options.environment },
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await answering(port, child, log);
  return {
    port,
    process: child,
    get log() {
      return readFileSync(log, 'utf8');
    },
    address(folder, payload = []) {
      const query = new URLSearchParams(folder === undefined ? { ew: 'true' } : { folder });
      if (payload.length > 0) query.set('payload', JSON.stringify(payload));
      return `http://127.0.0.1:${port}/?${query.toString().replaceAll('%2F', '/')}`;
    },
    remote: (path) => `vscode-remote://127.0.0.1:${port}${path}`,
    async stop() {
      child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), 4000);
      await exited;
      clearTimeout(kill);
      if (options.data === undefined) rmSync(data, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function answering(port: number, child: ChildProcess, log: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) throw new Error(`The VS Code server ended at once:\n${readFileSync(log, 'utf8')}`);
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(100);
  }
  child.kill('SIGKILL');
  throw new Error(`The VS Code server did not answer within 30 s:\n${readFileSync(log, 'utf8')}`);
}

/** The port asked for where it is free, else any. */
function freePort(wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', () => (wanted === 0 ? reject(new Error('No free port on 127.0.0.1.')) : resolve(freePort())));
    probe.listen(wanted, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

function installedName(): string {
  const file = join(root, 'package.json');
  if (!existsSync(file)) throw new Error(`${file} is missing.`);
  const { publisher, name, version } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  return `${publisher}.${name}-${version}`;
}
