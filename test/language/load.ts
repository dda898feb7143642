// Programs from texts, with the library of the project.

import { readFile } from 'node:fs/promises';
import { loadProgram, type Program } from '../../src/language/index.ts';

/** The program of a text. Others that it uses are given by name, as if they lay in the same folder. */
export function programOf(text: string, others: Readonly<Record<string, string>> = {}): Promise<Program> {
  const files = new Map(Object.entries(others).map(([name, content]) => [`/models/${name}`, content]));
  files.set('/models/main.rnn', text);
  return loadProgram('/models/main.rnn', async (path) => {
    const own = files.get(path);
    if (own !== undefined) return own;
    if (path.startsWith('/models/')) throw new Error(`no file ${path}`);
    return readFile(path, 'utf8');
  });
}
