// Rows of numbers as inputs, [rows, columns]: .csv and .tsv, lines of JSON, texts of numbers as numpy.savetxt writes them.

import { basename } from 'node:path';
import { isJsonLines, openTable, type TableRow } from '../../data/table-rows.ts';
import type { TableOptions } from '../../shared/inputs.ts';
import { asInputError, readWholeText, withFile } from './bytes.ts';
import { numberOf } from './elements.ts';
import { badFile, badValue, listed } from './errors.ts';
import type { Asked, Found } from './found.ts';
import { GrowingElements } from './growing.ts';
import { nestedElements } from './nested.ts';

/** The chosen columns of a table. Throws InputError where one is not there, a cell is no number, or there are no rows; and the signal's reason. */
export async function tableElements(asked: Asked): Promise<Found> {
  const { choice, element, reading } = asked;
  const { path } = choice;
  await withFile(path, async () => {});
  return asInputError(async () => {
    const table = await openTable(path, {
      ...reading,
      ...(choice.header === undefined ? {} : { header: choice.header }),
      ...(choice.columns === undefined ? {} : { names: choice.columns }),
    });
    try {
      const places = columnPlaces(path, table.columns, choice);
      const names = places.map((place) => table.columns[place]!);
      const elements = new GrowingElements(element, path);
      const lists: unknown[] = [];
      let rows = 0;
      for await (const batch of table.rows)
        for (const row of batch) {
          rows += 1;
          if (isJsonLines(path)) lists.push(places.map((place) => row.cells[place] ?? null));
          else pushRow(row, places, names, elements, path);
        }
      if (rows === 0) throw badFile(path, `it has no rows${table.hasHeader ? ' below its header' : ''}. Put the input into it.`);
      if (isJsonLines(path)) {
        // A line may hold a list for each column, or be one itself.
        const isOne = names.length === 1 && table.hasHeader;
        return nestedElements(asked, isOne ? lists.map((row) => (row as unknown[])[0]) : lists, '');
      }
      return { dims: [rows, places.length], data: elements.finish(), what: basename(path), ...hintOf(table.columns, choice) };
    } finally {
      await table.close();
    }
  });
}

function pushRow(
  { line, cells }: TableRow,
  places: readonly number[],
  names: readonly string[],
  elements: GrowingElements,
  path: string,
): void {
  places.forEach((place, k) => {
    const cell = cells[place];
    const why = elements.push(cell as string);
    if (why === undefined) return;
    const isText = typeof cell === 'string' && cell.trim() !== '' && numberOf(cell) === undefined;
    const hint = line === 1 ? ' If the first line has the names of the columns, say that there is a header.' : REPAIR;
    throw badValue(path, `line ${line.toLocaleString('en-US')}, column ${names[k]}`, `${why}.${isText ? hint : ''}`);
  });
}

const REPAIR = ' Correct the cell, or choose the columns that hold numbers.';

const hintOf = (columns: readonly string[], { columns: chosen }: TableOptions): { hint?: string } =>
  chosen === undefined && columns.length > 1
    ? { hint: `Rows are its first axis, columns its second. Choose among the columns ${listed(columns)}.` }
    : {};

/** Where the chosen columns stand, by name or by number from 1. Throws InputError. */
export function columnPlaces(path: string, columns: readonly string[], { columns: chosen }: TableOptions): number[] {
  if (chosen === undefined) return columns.map((_, k) => k);
  if (chosen.length === 0) throw badFile(path, `no column is chosen. It has ${listed(columns)}.`);
  return chosen.map((name) => {
    const place = columns.indexOf(name);
    if (place >= 0) return place;
    const number = /^\d+$/.test(name) ? Number(name) : 0;
    if (number < 1 || number > columns.length) throw badFile(path, `it has no column ${name}. It has ${listed(columns)}.`);
    return number - 1;
  });
}

/** The rows of objects in a .json file as nested lists, by the chosen columns. Throws InputError. */
export function recordRows(path: string, records: readonly Readonly<Record<string, unknown>>[], options: TableOptions): unknown {
  const columns = Object.keys(records[0]!);
  const names = columnPlaces(path, columns, options).map((place) => columns[place]!);
  return records.map((record, row) =>
    names.map((name) => {
      if (!Object.hasOwn(record, name)) throw badValue(path, `row ${row + 1}`, `it has no ${name}, which the first one has.`);
      return record[name];
    }),
  );
}

/** Numbers with white space, commas or semicolons between, a row a line; what follows a # counts not. Throws InputError. */
export async function numberLines({ choice, element, reading, port }: Asked): Promise<Found> {
  const { path } = choice;
  const elements = new GrowingElements(element, path);
  let rows = 0;
  let columns = 0;
  (await readWholeText(path, reading)).split(/\r\n|\n|\r/).forEach((text, k) => {
    const cells = cellsOf(text);
    if (cells.length === 0) return;
    columns = rows === 0 ? cells.length : columns;
    if (cells.length !== columns) throw badValue(path, `line ${k + 1}`, `it has ${cells.length} numbers where the first has ${columns}.`);
    rows += 1;
    cells.forEach((cell, at) => {
      const why = elements.push(cell);
      if (why === undefined) return;
      const isText = numberOf(cell) === undefined;
      throw badValue(
        path,
        `line ${k + 1}, column ${at + 1}`,
        `${why}.${isText ? ` Is it a text? Then choose a vocabulary, which makes ids of it for ${port.name}.` : ''}`,
      );
    });
  });
  if (rows === 0) throw badFile(path, 'there are no numbers in it.');
  return { dims: [rows, columns], data: elements.finish(), what: basename(path) };
}

const cellsOf = (text: string): string[] =>
  text
    .replace(/#.*/, '')
    .split(/[\s,;]+/)
    .filter((cell) => cell !== '');

/** Whether the first line of a text that is not empty has nothing but numbers. */
export async function beginsWithNumbers(path: string): Promise<boolean> {
  const bytes = await withFile(path, (file) => file.read(0, 2 ** 16));
  const cells = new TextDecoder()
    .decode(bytes)
    .split(/\r\n|\n|\r/)
    .map(cellsOf)
    .find((each) => each.length > 0);
  return cells?.every((cell) => numberOf(cell) !== undefined) ?? false;
}
