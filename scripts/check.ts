// Every check of the project, in the order of their cost. Arguments name some of them: `npm test -- unit`.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runTests } from '@vscode/test-electron';
import { build } from './build.ts';
import { root } from './root.ts';
import { getBrowser } from './vscode/browser.ts';

interface Check {
  readonly name: string;
  /** What it found: true, false, or the numbers of tests. */
  run(): Promise<boolean | Counts> | boolean | Counts;
}

interface Counts {
  readonly passes: number;
  readonly failures: number;
  readonly pending: number;
}

const countsFile = join(root, '.cache', 'test-counts.json');

const checks: readonly Check[] = [
  { name: 'types', run: () => command('tsc', '--noEmit') },
  { name: 'lint', run: () => command('biome', 'check', '--diagnostic-level=warn', '--error-on-warnings') },
  { name: 'unit', run: () => mocha('test/**/*.test.ts', '--timeout', '20000', '--ignore', 'test/extension/**', '--ignore', 'test/e2e/**') },
  { name: 'extension', run: inExtensionHost },
  { name: 'e2e', run: () => mocha('test/e2e/**/*.test.ts', '--timeout', '120000') },
];

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !checks.some((check) => check.name === name));
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(', ')}. There are ${checks.map((check) => check.name).join(', ')}.`);
  process.exit(2);
}

mkdirSync(join(root, '.cache'), { recursive: true });
getBrowser();
build();
const started = performance.now();
const results: string[] = [];
let passed = true;
for (const check of checks.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  console.log(`\n== ${check.name}`);
  const result = await check.run();
  const good = typeof result === 'boolean' ? result : result.failures === 0 && result.passes > 0;
  passed &&= good;
  results.push(typeof result === 'boolean' ? `${check.name} ${good ? 'ok' : 'FAILED'}` : `${check.name} ${countsText(result)}`);
}
console.log(`\n${passed ? 'Passed' : 'FAILED'}: ${results.join(' · ')} · ${Math.round((performance.now() - started) / 1000)} s`);
process.exit(passed ? 0 : 1);

function countsText({ passes, failures, pending }: Counts): string {
  return `${passes} passed${failures > 0 ? `, ${failures} FAILED` : ''}${pending > 0 ? `, ${pending} skipped` : ''}`;
}

function command(name: string, ...args: readonly string[]): boolean {
  return (
    spawnSync(join(root, 'node_modules', '.bin', name), args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
      .status === 0
  );
}

function mocha(...args: readonly string[]): Counts | boolean {
  rmSync(countsFile, { force: true });
  process.env.TEST_COUNTS = countsFile;
  const good = command('mocha', '--reporter', 'scripts/testing/reporter.cjs', ...args);
  return counts(good);
}

/** The suite in the real extension host: VS Code from npm in a headless browser, behind the door that the desktop has. */
async function inExtensionHost(): Promise<Counts | boolean> {
  rmSync(countsFile, { force: true });
  const executable = join(root, 'scripts', 'vscode', 'executable.ts');
  chmodSync(executable, 0o755);
  const status = await runTests({
    vscodeExecutablePath: executable,
    extensionDevelopmentPath: root,
    extensionTestsPath: join(root, 'out', 'test', 'extension', 'index.cjs'),
    extensionTestsEnv: { TEST_COUNTS: countsFile },
    launchArgs: [join(root, 'examples'), '--disable-workspace-trust'],
  }).catch((error: unknown) => {
    console.error(String(error));
    return 1;
  });
  return counts(status === 0);
}

function counts(good: boolean): Counts | boolean {
  if (!existsSync(countsFile)) return false;
  const found = JSON.parse(readFileSync(countsFile, 'utf8')) as Counts;
  return good || found.failures > 0 ? found : false;
}
