// The rows of a table as examples: each input of the model takes a column (or several, of numbers), as texts cut into classes, labels, or numbers.

import { basename } from 'node:path';
import type { InputShape, KeptData, Scale } from '../shared/dataset.ts';
import type { Binding, DataSource, TableSource } from '../shared/settings.ts';
import type { Dataset } from './dataset.ts';
import { allLong, allUnknown, count, noColumn, noNumbers, noRows, oneClass, piecesTogether, unequalLengths } from './errors.ts';
import { completed, missingIn, normalised, scaleOf } from './scales.ts';
import { drawParts, type Places } from './split.ts';
import { datasetOf, dimensionOf, type MadeInput, raggedOf, type StoredData, stepsOf, surrounded } from './store.ts';
import { type ColumnReader, columnOf, type ReadCell } from './table-columns.ts';
import { isJsonLines, openTable, type Table, type TableRow } from './table-rows.ts';
import type { Reading } from './text-stream.ts';
import { coderOf, type Found, type Tokens, type Vocabulary, vocabularyOf } from './vocabulary.ts';

/** How rows are read, whatever file they come from. */
export type RowsSource = Omit<TableSource, 'kind'> & Pick<Vocabulary, 'apostrophes'>;

/** Rows that are more than those of a table. */
export interface RowsOptions {
  /** What the data line says, where it is no table. */
  readonly source: DataSource;
  /** What a row is called (`pair`), and one with nothing in it (`with an empty side`). */
  readonly unit: string;
  readonly empty: string;
  /** Where too many tokens stand: ` on a side`. */
  readonly side?: string;
  /** Inputs that are no columns, by their names: `row` counts those that are taken. */
  readonly made?: readonly MadeInput[];
  /** Rows with a longer sequence are left out. */
  readonly longest: number;
  /** Sees each row that is taken. */
  readonly taken?: (row: TableRow) => void;
  /** Draws the parts. */
  readonly draw?: (rows: number) => Places;
  /** What is known of rows once the vocabularies are. */
  readonly known?: (vocabularies: Readonly<Record<string, Vocabulary>>) => Pick<StoredData, 'references' | 'alignment'>;
}

/** Reads a table for a model's inputs. Throws DataError. */
export async function loadTable(source: TableSource, shapes: readonly InputShape[], kept?: KeptData, reading?: Reading): Promise<Dataset> {
  const { path } = source;
  const names = shapes.flatMap(({ name }) => namesOf(source.bindings[name] ?? { kind: 'column', name }));
  const table = await openTable(path, {
    ...(source.header === undefined ? {} : { header: source.header }),
    names,
    ...reading,
  });
  try {
    return await readRows(source, shapes, table, kept);
  } finally {
    await table.close();
  }
}

/** The examples of rows, read to their end. Throws DataError. */
export async function readRows(
  source: RowsSource,
  shapes: readonly InputShape[],
  table: Table,
  kept: KeptData | undefined,
  options?: RowsOptions,
): Promise<Dataset> {
  const { path, bindings } = source;
  const columns = shapes.map((shape, k) => {
    const name = namesOf(bindings[shape.name] ?? { kind: 'column', name: shape.name }).join(', ');
    return columnOf(shape, placesOf(shape, k, shapes, source, table), name, source);
  });
  if (source.by === 'pieces') checkPieces(path, columns);
  const vocabularies = new Map<string, Tokens>();
  const remarks: string[] = [];
  if (source.header === undefined && !table.hasHeader && !isJsonLines(path))
    remarks.push(`${basename(path)} has no header: its columns are taken in their order. If its first line names them, say header: true.`);
  let rows = 0;
  let unanswered = 0;
  const empty = new LeftOut();
  const long = new LeftOut();
  const longest = options?.longest ?? Number.POSITIVE_INFINITY;
  const take = (row: TableRow): void => {
    const read = columns.map((column) => column.read(row, vocabularies));
    const isLong = read.some((each, k) => columns[k]!.stepped && each.length > longest);
    if (!isLong) checkLengths(path, row, columns, read);
    // A row whose every target is missing teaches nothing.
    const answers = read.filter((_, k) => columns[k]!.shape.compared);
    if (read.some((each, k) => columns[k]!.stepped && each.length === 0)) empty.add(row);
    else if (isLong) long.add(row);
    else if (answers.length > 0 && answers.every(({ missing }) => missing)) unanswered += 1;
    else {
      columns.forEach((column, k) => {
        column.add(read[k]!);
      });
      options?.taken?.(row);
      rows += 1;
    }
  };
  for await (const batch of table.rows) batch.forEach(take);
  if (rows === 0 && long.count > 0) throw allLong(path, long.count, longest);
  if (rows === 0) throw noRows(path);
  const unit = options?.unit ?? 'row';
  if (empty.count > 0)
    remarks.push(
      options === undefined
        ? `${count(empty.count, 'row')} without any step ${empty.count === 1 ? 'is' : 'are'} left out.`
        : empty.text(unit, options.empty),
    );
  if (unanswered > 0) remarks.push(`${count(unanswered, 'row')} whose answer is missing ${unanswered === 1 ? 'is' : 'are'} left out.`);
  const places = options?.draw?.(rows) ?? drawParts(basename(path), rows, source);
  const framed = framedOf(columns);
  const found = vocabulariesOf(columns, framed, vocabularies, places, source, kept, remarks);
  const scales: Record<string, Scale> = {};
  const missing: Record<string, number> = {};
  const isFramed = ({ stepped, shape }: ColumnReader): boolean => stepped && framed.has(dimensionOf(shape)!);
  const inputs = columns.map((column) => {
    const stored = column.finish(found, isFramed(column));
    const { name, classes, compared } = column.shape;
    if (classes !== undefined) return stored;
    const scale = kept?.scales[name] ?? scaleOf(stored, places.training);
    if (scale.mean.some(Number.isNaN)) throw noNumbers(path, column.name);
    missing[name] = missingIn(stored, places.training);
    const filled = compared ? { stored, missing: 0 } : completed(stored, scale);
    if (filled.missing > 0)
      remarks.push(
        `${count(filled.missing, 'missing number')} of ${name} ${filled.missing === 1 ? 'is' : 'are'} the training part's mean.`,
      );
    if (source.normalise) scales[name] = scale;
    const whole = source.normalise ? normalised(filled.stored, scale) : filled.stored;
    return isFramed(column) ? surrounded(whole, compared ? Number.NaN : 0) : whole;
  });
  const sizes = Object.fromEntries(columns.flatMap(({ shape, stepped, width }) => openSizes(shape, stepped, width)));
  const all = [...(options?.made ?? []), ...inputs];
  const known = Object.fromEntries([...found].map(([dimension, { vocabulary }]) => [dimension, vocabulary]));
  // How many pieces a row has is known only now.
  const isShort = (row: number): boolean =>
    inputs.every((input, k) => (stepsOf(input, row) ?? 0) <= longest + (isFramed(columns[k]!) ? 2 : 0));
  const kinds = ['training', 'validation', 'test'] as const;
  const short = Object.fromEntries(kinds.map((name) => [name, places[name].filter(isShort)])) as unknown as Places;
  const left = kinds.reduce((sum, name) => sum + places[name].length - short[name].length, 0);
  if (left > 0 && short.training.length === 0) throw allLong(path, left, longest);
  if (long.count + left > 0)
    remarks.push(long.text(unit, `of more than ${longest.toLocaleString('en-US')} ${unitsOf(source)}${options?.side ?? ''}`, left));
  return datasetOf(
    {
      source: options?.source ?? { kind: 'table', ...source },
      digest: table.digest(),
      vocabularies: known,
      sizes,
      scales,
      inputs: all,
      places: short,
      remarks,
      missing,
      ...options?.known?.(known),
    },
    kept?.ragged ?? raggedOf(inputs),
  );
}

const unitsOf = ({ by }: RowsSource): string => ({ char: 'characters', word: 'words', pieces: 'pieces' })[by];

/** Rows that are left out, and the line of the first. */
class LeftOut {
  count = 0;
  #first = 0;

  add({ line }: TableRow): void {
    if (this.count === 0) this.#first = line;
    this.count += 1;
  }

  /** `more`: of which no line is known. */
  text(unit: string, which: string, more = 0): string {
    const all = this.count + more;
    const first =
      this.count === 0 ? '' : `${all === 1 ? ' (' : ', the first in '}line ${this.#first.toLocaleString('en-US')}${all === 1 ? ')' : ''}`;
    return `${count(all, unit)} ${which} ${all === 1 ? 'is' : 'are'} left out${first}.`;
  }
}

const namesOf = (binding: Binding): readonly string[] => (binding.kind === 'columns' ? binding.names : [binding.name]);

/** What the data binds besides the steps: `Measure` of [T, Measure]. */
function openSizes(shape: InputShape, stepped: boolean, width: number): (readonly [string, number])[] {
  const rest = stepped ? shape.shape.slice(1) : shape.shape;
  const open = rest.filter((size) => typeof size === 'string');
  const known = rest.reduce<number>((product, size) => product * (typeof size === 'number' ? size : 1), 1);
  return open.length === 1 ? [[open[0]!, width / known]] : [];
}

// ------------------------------------------------------------------------------------------------------------------- columns

/** The places of the columns that an input takes. */
function placesOf(
  shape: InputShape,
  order: number,
  shapes: readonly InputShape[],
  { path, bindings }: RowsSource,
  { columns, hasHeader }: Table,
): readonly number[] {
  const { name } = shape;
  const binding = bindings[name];
  const place = (column: string): number => {
    const exact = columns.indexOf(column);
    return exact >= 0 ? exact : columns.findIndex((each) => each.toLowerCase() === column.toLowerCase());
  };
  const named = namesOf(binding ?? { kind: 'column', name }).map((column) => ({ column, at: place(column) }));
  const lost = named.find(({ at }) => at < 0);
  if (lost === undefined) return named.map(({ at }) => at);
  // Without names, columns are taken in the order of the inputs; and so is one that stands alone.
  if (binding === undefined && (hasHeader ? shapes.length === 1 && columns.length === 1 : shapes.length <= columns.length)) return [order];
  throw noColumn(path, lost.column, name, columns);
}

// -------------------------------------------------------------------------------------------------------------- what fits together

/** Inputs with one dimension have as many steps as each other in every row. */
function checkLengths(path: string, { line }: TableRow, columns: readonly ColumnReader[], read: readonly ReadCell[]): void {
  const byDimension = new Map<string, (readonly [string, number])[]>();
  columns.forEach(({ shape, stepped }, k) => {
    const dimension = stepped ? dimensionOf(shape) : undefined;
    if (dimension === undefined) return;
    const own = byDimension.get(dimension) ?? [];
    own.push([shape.name, read[k]!.length]);
    byDimension.set(dimension, own);
  });
  for (const [dimension, lengths] of byDimension)
    if (lengths.some(([, length]) => length !== lengths[0]![1])) throw unequalLengths(path, line, lengths, dimension);
}

/** Pieces are as many as the words make them: nothing else can have a step for each. */
function checkPieces(path: string, columns: readonly ColumnReader[]): void {
  for (const { cut, stepped, shape } of columns) {
    if (!cut) continue;
    const others = columns.filter((other) => stepped && other.stepped && dimensionOf(other.shape) === dimensionOf(shape));
    if (!stepped || others.length > 1)
      throw piecesTogether(path, others.length > 1 ? others.map(({ shape: { name } }) => name) : [shape.name], `${shape.shape[0]}`);
  }
}

/** The dimensions whose rows stand between ‹begin› and ‹end›: those of classes that are predicted. */
const framedOf = (columns: readonly ColumnReader[]): ReadonlySet<string> =>
  new Set(
    columns.flatMap(({ shape, stepped }) => (stepped && shape.predicted && shape.classes !== undefined ? [dimensionOf(shape)!] : [])),
  );

/** Inputs of one kind of classes share a vocabulary. Those of whole rows are learned from all parts (they name the answers), others from the training part. */
function vocabulariesOf(
  columns: readonly ColumnReader[],
  framed: ReadonlySet<string>,
  all: ReadonlyMap<string, Tokens>,
  places: Places,
  source: RowsSource,
  kept: KeptData | undefined,
  remarks: string[],
): Map<string, Found> {
  const found = new Map<string, Found>();
  for (const [dimension, { tokens: met }] of all) {
    const own = columns.filter(({ shape }) => shape.classes === dimension);
    const known = kept?.vocabularies[dimension];
    if (known !== undefined) {
      const coder = coderOf(known);
      found.set(dimension, { vocabulary: known, classes: met.map(coder) });
      continue;
    }
    const total = (rows?: Int32Array): Int32Array => {
      const sum = new Int32Array(met.length);
      for (const column of own)
        column.counts(met.length, rows).forEach((each, k) => {
          sum[k]! += each;
        });
      return sum;
    };
    const [everywhere, training] = [total(), total(places.training)];
    // Of rows that are left out, and of what is cut off, nothing is known.
    const present = Int32Array.from(met.keys()).filter((k) => everywhere[k]! > 0);
    const tokens = Array.from(present, (k) => met[k]!);
    const late = present.filter((k) => training[k] === 0).length;
    let made: Found;
    if (own.every(({ cut }) => !cut)) {
      if (tokens.length < 2 && own.some(({ shape }) => shape.compared))
        throw oneClass(basename(source.path), own.find(({ shape }) => shape.compared)!.shape.name, tokens[0] ?? '');
      const names = tokens.filter((_, k) => training[present[k]!] === 0);
      if (late > 0)
        remarks.push(
          `${count(late, 'class', 'classes')} of ${dimension} ${late === 1 ? 'is' : 'are'} in no row of the training part: ${names.slice(0, 6).join(', ')}. The model cannot learn ${late === 1 ? 'it' : 'them'}.`,
        );
      made = vocabularyOf(tokens, new Int32Array(tokens.length).fill(1), { by: 'label', lower: source.lower, minimum: 1 });
    } else {
      const counts = present.map((k) => training[k]!);
      if (source.by !== 'pieces' && !counts.some((each) => each >= source.minimum)) throw allUnknown(source.path, source.minimum);
      const isFramed = own.some(({ shape, stepped }) => stepped && framed.has(dimensionOf(shape)!) && (shape.predicted || !shape.compared));
      made = vocabularyOf(tokens, counts, source, isFramed);
      if (made.vocabulary.unknown !== undefined && source.minimum <= 1 && source.by !== 'pieces')
        remarks.push(
          `${count(late, 'class', 'classes')} of ${dimension} ${late === 1 ? 'is' : 'are'} in held-out rows only, and ‹unknown› to the model.`,
        );
    }
    found.set(dimension, spread(made, present, met.length));
  }
  return found;
}

/** The classes of all tokens that were met, from those of the ones that are present. */
function spread({ vocabulary, classes }: Found, present: Int32Array, length: number): Found {
  if (classes instanceof Int32Array) {
    const whole = new Int32Array(length);
    present.forEach((token, k) => {
      whole[token] = classes[k]!;
    });
    return { vocabulary, classes: whole };
  }
  const whole: (readonly number[])[] = Array.from({ length }, () => []);
  present.forEach((token, k) => {
    whole[token] = classes[k]!;
  });
  return { vocabulary, classes: whole };
}
