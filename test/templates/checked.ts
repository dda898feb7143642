// What the checker and the data say of a file, as `unroll check` does.

import { readFile } from 'node:fs/promises';
import { dataFaults } from '../../src/engine/job.ts';
import { loadProgram } from '../../src/language/index.ts';

/** Faults and warnings, not hints. */
export async function faultsOf(file: string): Promise<readonly string[]> {
  const { faults } = await loadProgram(file, (path) => readFile(path, 'utf8'));
  const found = faults.filter(({ severity }) => severity !== 'hint').map(({ message }) => message);
  return found.length > 0 ? found : (await dataFaults(file)).map(({ message }) => message);
}
