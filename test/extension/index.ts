// Run by VS Code inside the extension host: the suites of this folder, reported like all others.

import { globSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';

export function run(): Promise<void> {
  const mocha = new Mocha({
    timeout: 60_000,
    reporter: join(__dirname, '..', '..', '..', 'scripts', 'testing', 'reporter.cjs'),
    color: true,
  });
  for (const file of globSync('*.test.cjs', { cwd: __dirname }).sort()) mocha.addFile(join(__dirname, file));
  return new Promise((resolve, reject) => {
    mocha.run((failures) => (failures === 0 ? resolve() : reject(new Error(`${failures} tests failed.`))));
  });
}
