// Texts with a `|` where the cursor is, and what the editor is told there.

import { completion } from '../../src/language/lsp/completion.ts';
import { type DataFiles, noFiles } from '../../src/language/lsp/statement-completion.ts';
import type { Program } from '../../src/language/program.ts';
import { programOf } from './load.ts';

export interface Placed {
  readonly text: string;
  readonly position: { readonly line: number; readonly character: number };
}

/** A text without its mark, and where that was. */
export function placed(marked: string): Placed {
  const at = marked.indexOf('|');
  const before = marked.slice(0, at).split('\n');
  return { text: marked.replace('|', ''), position: { line: before.length - 1, character: before.at(-1)!.length } };
}

export const programAt = async (marked: string, others: Readonly<Record<string, string>> = {}): Promise<[Program, Placed['position']]> => {
  const { text, position } = placed(marked);
  return [await programOf(text, others), position];
};

/** Labels in the order in which an editor shows them. */
export async function offered(
  marked: string,
  files: DataFiles = noFiles,
  others: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const [program, position] = await programAt(marked, others);
  const items = await completion(program, position, files);
  const key = ({ sortText, label }: (typeof items)[number]): string => sortText ?? label;
  return [...items].sort((a, b) => (key(a) < key(b) ? -1 : 1)).map(({ label }) => label);
}
