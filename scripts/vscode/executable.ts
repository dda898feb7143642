#!/usr/bin/env node
// Stands in for the desktop's executable: takes the flags that @vscode/test-electron passes, runs VS Code in a headless browser,
// and ends with the status of the tests.

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { format } from 'node:util';
import { startBrowser } from './browser.ts';
import { startServer } from './server.ts';

const patience = 300_000;
const args = process.argv.slice(2);
const flags = (name: string): string[] => args.filter((arg) => arg.startsWith(`--${name}=`)).map((arg) => arg.slice(name.length + 3));

const folder = args.find((arg) => !arg.startsWith('-'));
const [tests] = flags('extensionTestsPath');
const settings = flags('user-data-dir').map((path) => join(path, 'User', 'settings.json'));

const server = await startServer({
  testing: true,
  trust: !args.includes('--disable-workspace-trust'),
  settings: Object.assign({}, ...settings.filter((file) => existsSync(file)).map((file) => JSON.parse(readFileSync(file, 'utf8')))),
});
const browser = await startBrowser();
const page = await (await browser.newContext({ viewport: { width: 1400, height: 900 } })).newPage();
const status = await new Promise<number>((end) => {
  process.on('SIGINT', () => end(130));
  process.on('SIGTERM', () => end(143));
  page.on('crash', () => end(70));
  setTimeout(() => {
    console.error(`VS Code did not end within ${patience / 1000} s.`);
    end(124);
  }, patience).unref();
  open(end).catch((error) => {
    console.error(error);
    end(71);
  });
});
await browser.close();
await server.stop();
process.exit(status);

async function open(end: (status: number) => void): Promise<void> {
  await page.exposeFunction('codeAutomationLog', (kind: string, values?: unknown[]) => {
    const line = format(...(values ?? []));
    if (!isChatter(line)) (kind === 'error' ? process.stderr : process.stdout).write(`${line}\n`);
  });
  await page.exposeFunction('codeAutomationExit', end);
  const payload: [string, string][] = [
    ['skipWelcome', 'true'],
    ['skipReleaseNotes', 'true'],
  ];
  for (const path of flags('extensionDevelopmentPath')) payload.push(['extensionDevelopmentPath', server.remote(path)]);
  if (tests !== undefined) payload.push(['extensionTestsPath', server.remote(tests)]);
  await page.goto(server.address(folder && resolve(folder), payload));
}

/** What the workbench logs about itself. */
function isChatter(line: string): boolean {
  return /^(Creating a socket|Resolv|\[|Updating additional|getaddrinfo|Timed out waiting for auth)|reconnection-grace|AgentHost|AccountPolicy|open-vsx|Service Worker|builtin extensions cache/.test(
    line,
  );
}
