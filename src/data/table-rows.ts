// The rows of a table, one after the other: .csv and .tsv with quoted fields, JSON lines. A file of any size goes by; no more than a row is held.

import { setImmediate } from 'node:timers/promises';
import { CsvError, parse } from 'csv-parse';
import { badTable, longCell, raggedRow } from './errors.ts';
import { type Reading, readText } from './text-stream.ts';

/** A cell as the file has it: text of a .csv, or a value of a JSON line; absent where a JSON object lacks the key. */
export type Cell = string | number | boolean | null | readonly unknown[] | undefined;

export interface TableRow {
  /** Counts from 1; of a row with line breaks in it, its last. */
  readonly line: number;
  readonly cells: readonly Cell[];
}

export interface Table {
  /** Names of the columns; numbers from 1 where the file has no header. */
  readonly columns: readonly string[];
  readonly hasHeader: boolean;
  /** The first row of data: what its columns hold can be told from it. */
  readonly first: readonly Cell[];
  /** As many at a time as come with a piece of the file. */
  readonly rows: AsyncIterable<readonly TableRow[]>;
  /** SHA-256 of the file, once all rows have been read. */
  digest(): string;
  /** Lets go of the file, whether or not its rows were read to the end. */
  close(): Promise<void>;
}

export interface TableOptions extends Reading {
  /** Absent: told from the first two rows, and from the names that are looked for. */
  readonly header?: boolean;
  readonly names?: readonly string[];
  /** Bytes that are read at once, where only the first rows are wanted. */
  readonly chunk?: number;
}

/** Bytes of delimited text that are read at once: all rows of them wait in memory. */
const CHUNK = 2 ** 16;

/** Largest cell, in characters. */
const LONGEST = 2 ** 24;

export const isJsonLines = (path: string): boolean => /\.(jsonl|ndjson)$/i.test(path);

/** Opens a table. Throws DataError where it cannot be read; rows throw for what is wrong with them. */
export async function openTable(path: string, options: TableOptions = {}): Promise<Table> {
  return isJsonLines(path) ? openJsonLines(path, options) : openDelimited(path, options);
}

// ------------------------------------------------------------------------------------------------------------- delimited text

async function openDelimited(path: string, options: TableOptions): Promise<Table> {
  const { header, names = [], chunk = CHUNK } = options;
  let digest = '';
  const text = readText(path, options, chunk);
  const first = await text.next();
  const start = first.done === true ? '' : first.value;
  const parser = parse({
    delimiter: delimiterOf(path, start),
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    info: true,
    max_record_size: LONGEST,
  });
  let broken: unknown;
  let ended = false;
  parser.on('error', (error) => {
    broken = error;
  });
  parser.on('end', () => {
    ended = true;
  });
  const close = async (): Promise<void> => {
    parser.destroy();
    await text.return('');
  };
  /** The rows that are whole by now. */
  const parsed = (): TableRow[] => {
    const rows: TableRow[] = [];
    for (let next = parser.read() as Parsed | null; next !== null; next = parser.read() as Parsed | null)
      rows.push({ line: next.info.lines, cells: next.record });
    return rows;
  };
  async function* batches(): AsyncGenerator<readonly TableRow[]> {
    try {
      for (let piece = start, isLast = first.done === true; !isLast && broken === undefined; ) {
        parser.write(piece);
        yield parsed();
        const next = await text.next();
        isLast = next.done === true;
        if (isLast) digest = next.value;
        piece = next.value;
      }
      if (broken === undefined) parser.end();
      while (!ended && broken === undefined) {
        yield parsed();
        await setImmediate();
      }
      if (broken !== undefined) throw fault(path, broken);
    } finally {
      await close();
    }
  }
  const reading = batches();
  const opened: TableRow[] = [];
  while (opened.length < 2) {
    const batch = await reading.next();
    if (batch.done === true) break;
    opened.push(...batch.value);
  }
  const [one, two] = opened;
  const hasHeader = one !== undefined && (header ?? looksLikeHeader(one.cells as string[], two?.cells as string[] | undefined, names));
  const columns = hasHeader ? one.cells.map((cell) => String(cell).trim()) : (one?.cells ?? []).map((_, k) => `${k + 1}`);
  const checked = (rows: readonly TableRow[]): readonly TableRow[] => {
    const odd = rows.find(({ cells }) => cells.length !== columns.length);
    if (odd !== undefined) throw raggedRow(path, odd.line, odd.cells.length, columns.length);
    return rows;
  };
  async function* rows(): AsyncGenerator<readonly TableRow[]> {
    try {
      yield checked(hasHeader ? opened.slice(1) : opened);
      for await (const batch of reading) yield checked(batch);
    } finally {
      await reading.return(undefined);
    }
  }
  return { columns, hasHeader, first: (hasHeader ? two : one)?.cells ?? [], rows: rows(), digest: () => digest, close };
}

interface Parsed {
  readonly record: string[];
  readonly info: { readonly lines: number };
}

function fault(path: string, error: unknown): unknown {
  if (!(error instanceof CsvError)) return error;
  const line = Number((error as CsvError & { lines?: number }).lines ?? 0);
  if (error.code === 'CSV_MAX_RECORD_SIZE') return longCell(path, line, LONGEST);
  if (error.code === 'CSV_QUOTE_NOT_CLOSED')
    return badTable(path, line, 'a quotation mark is never closed. Close it, or double a mark that is meant as one.');
  return badTable(path, line, `${error.message}.`);
}

/** Of the first line: tab in a .tsv; else the one of comma, semicolon and tab that occurs most outside quotes. */
function delimiterOf(path: string, text: string): string {
  if (/\.(tsv|tab)$/i.test(path)) return '\t';
  const [line = ''] = text.split(/\r\n|\n|\r/, 1);
  const plain = line.replace(/"(?:[^"]|"")*"/g, '');
  const count = (mark: string): number => plain.split(mark).length;
  return [',', ';', '\t'].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
}

const isNumeric = (cell: string): boolean => cell.trim() !== '' && Number.isFinite(Number(cell));

/** One of the names that are looked for stands in it; or it has no number where the next row has one. */
function looksLikeHeader(first: readonly string[], second: readonly string[] | undefined, names: readonly string[]): boolean {
  const cells = first.map((cell) => cell.trim());
  if (cells.some((cell) => names.some((name) => name.toLowerCase() === cell.toLowerCase()))) return true;
  if (cells.some((cell) => cell === '' || isNumeric(cell)) || new Set(cells).size < cells.length) return false;
  return second?.some((cell) => isNumeric(cell)) ?? false;
}

// ------------------------------------------------------------------------------------------------------------------ JSON lines

/** Lines that are looked at for columns: not every object has every key. */
const LOOKED_AT = 100;

/** Each line an object by the names of the columns, or an array. The first lines say which columns there are. */
async function openJsonLines(path: string, options: TableOptions): Promise<Table> {
  let digest = '';
  const lines = linesOf(readText(path, options, options.chunk), path, (found) => {
    digest = found;
  });
  const opening: JsonLine[] = [];
  let fault: unknown;
  try {
    while (opening.length < LOOKED_AT) {
      const batch = await lines.next();
      if (batch.done === true) break;
      opening.push(...batch.value);
    }
  } catch (error) {
    // What is wrong further down is said when the rows come to it.
    if (opening.length === 0 || options.signal?.aborted === true) throw error;
    fault = error;
  }
  const [head] = opening;
  const isList = Array.isArray(head?.value);
  const columns = isList
    ? (head!.value as unknown[]).map((_, k) => `${k + 1}`)
    : [...new Set(opening.flatMap(({ value }) => (Array.isArray(value) ? [] : Object.keys(value))))];
  const rawCells = (value: object): readonly unknown[] =>
    isList ? (value as unknown[]) : columns.map((column) => (value as Record<string, unknown>)[column]);
  const rowOf = ({ line, value }: JsonLine): TableRow => {
    if (Array.isArray(value) !== isList)
      throw badTable(path, line, `this line is ${isList ? 'no' : 'an'} array, unlike the first. All lines are objects, or all are arrays.`);
    if (isList && (value as unknown[]).length !== columns.length) throw raggedRow(path, line, (value as unknown[]).length, columns.length);
    return { line, cells: rawCells(value).map((cell) => plainCell(cell, path, line)) };
  };
  const close = async (): Promise<void> => {
    await lines.return(undefined);
  };
  async function* rows(): AsyncGenerator<readonly TableRow[]> {
    try {
      yield opening.map(rowOf);
      if (fault !== undefined) throw fault;
      for await (const batch of lines) yield batch.map(rowOf);
    } finally {
      await close();
    }
  }
  const first = head === undefined ? [] : (rawCells(head.value) as readonly Cell[]);
  return { columns, hasHeader: !isList, first, rows: rows(), digest: () => digest, close };
}

interface JsonLine {
  readonly line: number;
  readonly value: object;
}

async function* linesOf(
  text: AsyncGenerator<string, string, undefined>,
  path: string,
  end: (digest: string) => void,
): AsyncGenerator<readonly JsonLine[]> {
  let rest = '';
  let line = 0;
  const read = (written: string): JsonLine | undefined => {
    line += 1;
    if (written.trim() === '') return undefined;
    let value: unknown;
    try {
      value = JSON.parse(written);
    } catch (error) {
      throw badTable(path, line, `this is no JSON (${error instanceof Error ? error.message : error}). Each line is one object.`);
    }
    if (typeof value !== 'object' || value === null)
      throw badTable(path, line, 'a line is an object, as in {"text": "...", "label": "..."}.');
    return { line, value };
  };
  /** What is right above a line that is wrong comes before its fault. */
  function* sound(parts: readonly string[]): Generator<readonly JsonLine[]> {
    const found: JsonLine[] = [];
    try {
      for (const part of parts) {
        const next = read(part);
        if (next !== undefined) found.push(next);
      }
    } catch (error) {
      yield found;
      throw error;
    }
    yield found;
  }
  try {
    for (let piece = await text.next(); ; piece = await text.next()) {
      if (piece.done === true) {
        end(piece.value);
        break;
      }
      // A carriage return at the end of a piece may be half of a line's end.
      const parts = (rest + piece.value).split(/\r\n|\n|\r(?!$)/);
      rest = parts.pop()!;
      if (rest.length > LONGEST) throw longCell(path, line + 1, LONGEST);
      yield* sound(parts);
    }
    yield* sound(rest.split('\r'));
  } finally {
    await text.return('');
  }
}

function plainCell(cell: unknown, path: string, line: number): Cell {
  if (cell === undefined || cell === null || typeof cell === 'string' || typeof cell === 'number' || typeof cell === 'boolean') return cell;
  if (Array.isArray(cell)) return cell;
  throw badTable(path, line, 'a cell is an object. Cells are texts, numbers, or lists of them.');
}
