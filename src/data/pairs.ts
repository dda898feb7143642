// Texts in pairs: sentences with their translations, replies with what was said before them. They are rows of two columns.

import { basename } from 'node:path';
import type { InputShape, KeptData, Vocabulary } from '../shared/dataset.ts';
import { type DialogueSource, type PairsSource, usualLongest } from '../shared/settings.ts';
import type { Link } from '../shared/trace.ts';
import { isAlignment, parseAlignment, stepsOfLinks } from './alignments.ts';
import type { Dataset } from './dataset.ts';
import { badAlignment, noTab, otherInputs, otherLines } from './errors.ts';
import { type Line, linesOf } from './lines.ts';
import { drawGroups, drawParts } from './split.ts';
import { dimensionOf, type StoredData } from './store.ts';
import { type RowsOptions, type RowsSource, readRows } from './table.ts';
import type { Cell, Table, TableRow } from './table-rows.ts';
import type { Reading } from './text-stream.ts';

/** Reads pairs for a model's two sequences. Throws DataError. */
export async function loadPairs(source: PairsSource, shapes: readonly InputShape[], kept?: KeptData, reading?: Reading): Promise<Dataset> {
  checkInputs('pairs', 'source: [S] of A and target: [T] of B', shapes);
  const { path } = source;
  const given = source.alignments === undefined ? undefined : await alignmentsOf(source.alignments, reading);
  const rows = new Pairs();
  /** Whether the third column holds alignments: told from the first line that has one. */
  let isThird: boolean | undefined;
  let lines = 0;
  const table = await tableOf(path, reading, function* (batch) {
    for (const { line, text } of batch) {
      lines = line;
      if (text.trim() === '') continue;
      const [first = '', second, third] = text.split('\t');
      if (second === undefined) throw noTab(path, line, text);
      const [one, two] = [tidy(first), tidy(second)];
      if (third !== undefined) isThird ??= given === undefined && third.trim() !== '' && isAlignment(third);
      const said = given?.[line - 1] ?? (isThird ? third : undefined);
      const links = said === undefined ? undefined : parseAlignment(said, one, two);
      if (said !== undefined && links === undefined) throw badAlignment(given === undefined ? path : source.alignments!, line, said);
      rows.links.set(line, links);
      yield { line, cells: [one, two] };
    }
  });
  const data = await readRows(columnsOf(source), shapes, table, kept, rows.options(source, shapes));
  if (given !== undefined && given.length !== lines) throw otherLines(source.alignments!, given.length, path, lines);
  return data;
}

/** Reads replies with what was said before each. Throws DataError. */
export async function loadDialogue(
  source: DialogueSource,
  shapes: readonly InputShape[],
  kept?: KeptData,
  reading?: Reading,
): Promise<Dataset> {
  checkInputs('dialogue', 'said: [S] of Word and reply: [T] of Word', shapes);
  const { path } = source;
  const rows = new Pairs();
  /** Pairs with a tab, as the first line tells; else turns. */
  let hasTabs: boolean | undefined;
  let conversation = 0;
  let before: string | undefined;
  const table = await tableOf(path, reading, function* (batch) {
    for (const { line, text } of batch) {
      if (text.trim() === '') {
        conversation += 1;
        before = undefined;
        continue;
      }
      hasTabs ??= text.includes('\t');
      rows.groups.set(line, conversation);
      if (hasTabs) {
        const [first = '', second] = text.split('\t');
        if (second === undefined) throw noTab(path, line, text);
        yield { line, cells: [tidy(first), tidy(second)] };
      } else {
        const turn = tidy(text);
        if (before !== undefined) yield { line, cells: [before, turn] };
        before = turn;
      }
    }
  });
  return readRows(columnsOf(source), shapes, table, kept, rows.options(source, shapes));
}

/** Conversations, or texts with several answers, of which whole ones are held out; of fewer, single pairs are. */
const MANY = 10;

/** What is known of the pairs besides their two texts. */
class Pairs {
  /** By the number of the line. */
  readonly links = new Map<number, readonly Link[] | undefined>();
  readonly groups = new Map<number, number>();
  readonly #taken: TableRow[] = [];

  options(source: PairsSource | DialogueSource, shapes: readonly InputShape[]): RowsOptions {
    return {
      source,
      unit: 'pair',
      empty: 'with an empty side',
      side: ' on a side',
      longest: source.longest ?? usualLongest(source),
      taken: (row) => this.#taken.push(row),
      draw: (rows) => {
        const what = basename(source.path);
        const conversations = numbered(this.#taken.map(({ line }) => this.groups.get(line) ?? 0));
        if (conversations.count >= MANY) return drawGroups(what, conversations.numbers, source);
        // A text that has several answers stands in one part with all of them: a model that has learned one of them was not asked for another.
        const asked = numbered(this.#taken.map(({ cells }) => keyOf(cells[0])));
        return asked.count < rows && asked.count >= MANY ? drawGroups(what, asked.numbers, source) : drawParts(what, rows, source);
      },
      known: (vocabularies) => this.#known(shapes, vocabularies),
    };
  }

  #known(shapes: readonly InputShape[], vocabularies: Readonly<Record<string, Vocabulary>>): Pick<StoredData, 'references' | 'alignment'> {
    const place = shapes.findIndex(({ predicted }) => predicted);
    const textOf = (row: number, column: number): string => String(this.#taken[row]!.cells[column]);
    const side = (row: number, column: number): Parameters<typeof stepsOfLinks>[1] => {
      const { classes, predicted } = shapes[column]!;
      return { text: textOf(row, column), vocabulary: vocabularies[classes!]!, framed: predicted };
    };
    const answers = new Map<string, string[]>();
    for (const { cells } of place === 1 ? this.#taken : []) {
      const own = answers.get(keyOf(cells[0]));
      if (own === undefined) answers.set(keyOf(cells[0]), [String(cells[1])]);
      else if (!own.includes(String(cells[1]))) own.push(String(cells[1]));
    }
    const hasLinks = [...this.links.values()].some((links) => links !== undefined);
    return {
      ...(place < 0 ? {} : { references: (row: number) => answers.get(keyOf(this.#taken[row]!.cells[0])) ?? [textOf(row, place)] }),
      ...(hasLinks
        ? {
            alignment: (row: number) => {
              const links = this.links.get(this.#taken[row]!.line);
              return links === undefined ? undefined : stepsOfLinks(links, side(row, 0), side(row, 1));
            },
          }
        : {}),
    };
  }
}

const keyOf = (cell: Cell): string => String(cell).toLowerCase();

/** Groups numbered in the order in which they come. */
function numbered(groups: readonly (number | string)[]): { readonly numbers: Int32Array; readonly count: number } {
  const numbers = new Map<number | string, number>();
  for (const group of groups) if (!numbers.has(group)) numbers.set(group, numbers.size);
  return { numbers: Int32Array.from(groups, (group) => numbers.get(group)!), count: numbers.size };
}

const columnsOf = (source: PairsSource | DialogueSource): RowsSource => {
  const { path, by, pieces, lower, minimum, validation, test, seed } = source;
  return {
    ...{ path, by, lower, minimum, validation, test, seed },
    ...(pieces === undefined ? {} : { pieces }),
    ...{ header: false, bindings: {}, normalise: false, apostrophes: true },
  };
};

/** White space of any kind and number is one space: files have no-break spaces where French sets them. */
const tidy = (text: string): string => text.replace(/\s+/gu, ' ').trim();

/** Rows of two columns without a name, made of the lines of a file. */
async function tableOf(path: string, reading: Reading | undefined, rowsOf: (batch: readonly Line[]) => Iterable<TableRow>): Promise<Table> {
  let digest = '';
  const lines = linesOf(path, reading);
  async function* rows(): AsyncGenerator<readonly TableRow[]> {
    for (;;) {
      const batch = await lines.next();
      if (batch.done === true) {
        digest = batch.value;
        return;
      }
      yield [...rowsOf(batch.value)];
    }
  }
  return {
    columns: ['1', '2'],
    hasHeader: false,
    first: [],
    rows: rows(),
    digest: () => digest,
    close: async () => {
      await lines.return('');
    },
  };
}

async function alignmentsOf(path: string, reading: Reading | undefined): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const batch of linesOf(path, reading)) for (const { text } of batch) found.push(text);
  return found;
}

/** Two sequences of classes, in order. */
function checkInputs(source: string, wanted: string, shapes: readonly InputShape[]): void {
  const fits = shapes.length === 2 && shapes.every((each) => each.classes !== undefined && each.shape.length === 1 && dimensionOf(each));
  if (fits) return;
  const found = shapes.map(({ name, shape, classes }) =>
    shape.length === 0 ? `${name}: one of ${classes}` : `${name}: [${shape.join(', ')}]${classes === undefined ? '' : ` of ${classes}`}`,
  );
  throw otherInputs(source, wanted, found.join(' and ') || 'no inputs');
}
