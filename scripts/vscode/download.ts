// A real VS Code from the npm registry: the package code-server carries VS Code's server and web workbench under lib/vscode.
// Its own dependencies are installed without running scripts; the few native add-ons that would have to be compiled are
// left out, or replaced by stand-ins in JavaScript (they write log files and watch the parent process).

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../root.ts';

const version = '4.139.1';

/** Needed for remote containers, chat, sign-in, and Windows only; each would bring native code or many megabytes. */
const withoutDependencies = [
  '@devcontainers/cli',
  '@github/copilot-sdk',
  '@microsoft/mxc-sdk',
  '@vscode/copilot-api',
  '@vscode/sandbox-runtime',
  '@vscode/sqlite3',
  '@vscode/windows-process-tree',
  '@vscode/windows-registry',
  'kerberos',
  'ssh2',
];

const withoutExtensions = [
  'copilot',
  'github',
  'github-authentication',
  'mermaid-markdown-features',
  'microsoft-authentication',
  'tunnel-forwarding',
];

/** Where VS Code is, or will be once it was got. */
export const vscodeFolder = join(root, '.cache', `vscode-${version}`);

/** Gets VS Code unless it is there already. Resolves to its folder, which holds `out/server-main.js`. */
export function getVSCode(): string {
  if (existsSync(vscodeFolder)) return vscodeFolder;
  if (process.platform === 'win32')
    throw new Error('VS Code from npm runs on Linux and macOS. Install VS Code with its `code` command instead.');
  console.log(`Getting VS Code (code-server ${version}) from npm ...`);
  const partial = `${vscodeFolder}.partial-${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  try {
    npm(['pack', `code-server@${version}`, '--silent'], partial);
    execFileSync('tar', ['-xzf', `code-server-${version}.tgz`, '--strip-components=3', 'package/lib/vscode'], { cwd: partial });
    rmSync(join(partial, `code-server-${version}.tgz`));
    for (const name of withoutExtensions) rmSync(join(partial, 'extensions', name), { recursive: true, force: true });
    dropDependencies(join(partial, 'package.json'));
    npm(['install', '--omit=dev', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'], partial);
    replaceNativeAddOns(partial);
    dropOtherPlatforms(partial);
    renameSync(partial, vscodeFolder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return vscodeFolder;
}

function npm(args: readonly string[], cwd: string): void {
  execFileSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
}

function dropDependencies(file: string): void {
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as { dependencies: Record<string, string>; allowScripts?: unknown };
  for (const name of withoutDependencies) delete manifest.dependencies[name];
  delete manifest.allowScripts;
  writeFileSync(file, JSON.stringify(manifest, null, 2));
}

function replaceNativeAddOns(folder: string): void {
  const modules = join(folder, 'node_modules', '@vscode');
  writeFileSync(join(modules, 'spdlog', 'index.js'), readFileSync(join(import.meta.dirname, 'log-stand-in.cjs'), 'utf8'));
  writeFileSync(join(modules, 'native-watchdog', 'index.js'), 'exports.start = function () {};\n');
}

/** Some packages carry binaries of every platform. */
function dropOtherPlatforms(folder: string): void {
  const here = `${process.platform}-${process.arch}`;
  for (const binaries of ['node_modules/@vscode/ripgrep-universal/bin', 'node_modules/node-pty/prebuilds']) {
    const path = join(folder, binaries);
    for (const platform of existsSync(path) ? readdirSync(path) : []) {
      if (platform !== here) rmSync(join(path, platform), { recursive: true });
    }
  }
}
