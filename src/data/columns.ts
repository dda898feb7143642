// The columns of a data file, from its head alone: what an editor offers and checks while one types.

import { isNumberText } from './cells.ts';
import { arrayNames } from './npy-read.ts';
import { type Cell, openTable, type TableOptions } from './table-rows.ts';

export interface Column {
  readonly name: string;
  /** `category`: few different texts, each of them often. */
  readonly kind: 'number' | 'text' | 'category';
  /** At most three, as they stand in the file. */
  readonly examples: readonly string[];
}

/** Rows that are looked at. */
const LOOKED_AT = 200;
/** Bytes that are read at once. */
const CHUNK = 2 ** 14;

/** The columns of a .csv, .tsv, .jsonl or .ndjson file; of a .npz or .npy file, its arrays. Throws DataError where it cannot be read. */
export async function columnsOf(path: string, options: TableOptions = {}): Promise<readonly Column[]> {
  if (/\.np[yz]$/i.test(path)) return (await arrayNames(path)).map((name) => ({ name, kind: 'number', examples: [] }));
  const { columns, rows } = await openTable(path, { chunk: CHUNK, ...options });
  const cells = columns.map((): Cell[] => []);
  let count = 0;
  // Leaving the loop closes the file.
  for await (const batch of rows) {
    for (const row of batch.slice(0, LOOKED_AT - count))
      row.cells.forEach((cell, k) => {
        cells[k]!.push(cell);
      });
    count += batch.length;
    if (count >= LOOKED_AT) break;
  }
  return columns.map((name, k) => columnOf(name, cells[k]!));
}

function columnOf(name: string, cells: readonly Cell[]): Column {
  const texts = cells
    .filter((cell) => cell !== undefined && cell !== null && cell !== '')
    .map((cell) => (Array.isArray(cell) ? JSON.stringify(cell) : String(cell)));
  const different = [...new Set(texts)];
  const kind =
    texts.length > 0 && texts.every(isNumberText) ? 'number' : different.length <= Math.max(2, texts.length / 4) ? 'category' : 'text';
  return { name, kind, examples: different.slice(0, 3).map((text) => (text.length > 40 ? `${text.slice(0, 39)}…` : text)) };
}
