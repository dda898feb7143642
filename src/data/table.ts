// The rows of a table as examples: each input of the model takes a column (or several, of numbers), as texts cut into classes, labels, or numbers.

import { basename } from 'node:path';
import type { InputShape, KeptData, Scale } from '../shared/dataset.ts';
import type { Binding, TableSource } from '../shared/settings.ts';
import { type CellPlace, isMissing, numberOf, numbersOf, textOf } from './cells.ts';
import type { Dataset } from './dataset.ts';
import { allUnknown, count, noColumn, noRows, numbersPerCell, oneClass, unboundInput, unequalLengths } from './errors.ts';
import { GrowingFloats, GrowingIds, idsFor } from './growing.ts';
import { completed, normalised, scaleOf } from './scales.ts';
import { drawParts, type Places } from './split.ts';
import { datasetOf, dimensionOf, raggedOf, type StoredInput } from './store.ts';
import { type Cell, openTable, type TableRow } from './table-rows.ts';
import { coderOf, type Found, Tokens, visitTokens, vocabularyOf } from './vocabulary.ts';

/** Reads a table for a model's inputs. Throws DataError. */
export async function loadTable(
  source: TableSource,
  shapes: readonly InputShape[],
  kept?: KeptData,
  signal?: AbortSignal,
): Promise<Dataset> {
  const { path } = source;
  const names = shapes.flatMap(({ name }) => namesOf(source.bindings[name] ?? { kind: 'column', name }));
  const table = await openTable(path, {
    ...(source.header === undefined ? {} : { header: source.header }),
    names,
    ...(signal === undefined ? {} : { signal }),
  });
  const columns = shapes.map((shape, k) => columnOf(shape, placesOf(shape, k, shapes, source, table.columns, table.hasHeader), source));
  const vocabularies = new Map<string, Tokens>();
  const remarks: string[] = [];
  let rows = 0;
  let empty = 0;
  let unanswered = 0;
  for await (const row of table.rows) {
    const read = columns.map((column) => column.read(row, vocabularies));
    checkLengths(path, row, columns, read);
    if (read.some((each, k) => columns[k]!.stepped && each.length === 0)) {
      empty += 1;
      continue;
    }
    // A row whose every target is missing teaches nothing.
    const answers = read.filter((_, k) => columns[k]!.shape.compared);
    if (answers.length > 0 && answers.every(({ missing }) => missing)) {
      unanswered += 1;
      continue;
    }
    columns.forEach((column, k) => {
      column.add(read[k]!);
    });
    rows += 1;
  }
  if (rows === 0) throw noRows(path);
  if (empty > 0) remarks.push(`${count(empty, 'row')} without any step ${empty === 1 ? 'is' : 'are'} left out.`);
  if (unanswered > 0) remarks.push(`${count(unanswered, 'row')} whose answer is missing ${unanswered === 1 ? 'is' : 'are'} left out.`);
  const places = drawParts(basename(path), rows, source);
  const found = vocabulariesOf(columns, vocabularies, places, source, kept, remarks);
  const scales: Record<string, Scale> = {};
  const inputs = columns.map((column) => {
    const stored = column.finish(found);
    const { name, classes, compared } = column.shape;
    if (classes !== undefined) return stored;
    const scale = kept?.scales[name] ?? scaleOf(stored, places.training);
    const filled = compared ? { stored, missing: 0 } : completed(stored, scale);
    if (filled.missing > 0)
      remarks.push(
        `${count(filled.missing, 'missing number')} of ${name} ${filled.missing === 1 ? 'is' : 'are'} the training part's mean.`,
      );
    if (!source.normalise) return filled.stored;
    scales[name] = scale;
    return normalised(filled.stored, scale);
  });
  const sizes = Object.fromEntries(columns.flatMap(({ shape, stepped, width }) => openSizes(shape, stepped, width)));
  return datasetOf(
    {
      source,
      digest: table.digest(),
      vocabularies: Object.fromEntries([...found].map(([dimension, { vocabulary }]) => [dimension, vocabulary])),
      sizes,
      scales,
      inputs,
      places,
      remarks,
    },
    kept?.ragged ?? raggedOf(inputs),
  );
}

const namesOf = (binding: Binding): readonly string[] => (binding.kind === 'columns' ? binding.names : [binding.name]);

/** What the data binds besides the steps: `Measure` of [T, Measure]. */
function openSizes(shape: InputShape, stepped: boolean, width: number): (readonly [string, number])[] {
  const rest = stepped ? shape.shape.slice(1) : shape.shape;
  const open = rest.filter((size) => typeof size === 'string');
  return open.length === 1 && rest.length === 1 ? [[open[0]!, width]] : [];
}

// ------------------------------------------------------------------------------------------------------------------- columns

/** The places of the columns that an input takes. */
function placesOf(
  shape: InputShape,
  order: number,
  shapes: readonly InputShape[],
  { path, bindings }: TableSource,
  columns: readonly string[],
  hasHeader: boolean,
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
  // Without names, columns are taken in the order of the inputs.
  if (binding === undefined && !hasHeader && shapes.length <= columns.length) return [order];
  throw noColumn(path, lost.column, name, columns);
}

/** The class of a label that is missing. */
const MISSING = '‹missing›';

/** What a row has for a column. */
interface ReadCell {
  /** Steps. */
  readonly length: number;
  readonly ids?: readonly number[];
  readonly numbers?: readonly number[];
  readonly missing: boolean;
}

interface ColumnReader {
  readonly shape: InputShape;
  /** It has a step for each place of a dimension that the data binds. */
  readonly stepped: boolean;
  readonly width: number;
  read(row: TableRow, vocabularies: Map<string, Tokens>): ReadCell;
  add(cell: ReadCell): void;
  /** How often each token occurs in rows: of all, or of those of a part. */
  counts(tokens: number, rows?: Int32Array): Int32Array;
  finish(found: ReadonlyMap<string, Found>): StoredInput;
}

function columnOf(shape: InputShape, places: readonly number[], source: TableSource): ColumnReader {
  const { path, bindings } = source;
  // Several columns for [Measure] are one vector a row, not a sequence.
  const stepped = dimensionOf(shape) !== undefined && !(places.length > 1 && shape.shape.length === 1);
  const name = namesOf(bindings[shape.name] ?? { kind: 'column', name: shape.name }).join(', ');
  const placeOf = (line: number): CellPlace => ({ path, line, column: name });
  return shape.classes === undefined
    ? new NumberColumn(shape, places, stepped, placeOf, source)
    : new ClassColumn(shape, places[0]!, stepped, source);
}

/** Texts cut into classes, one a step; or a label, one a row. */
class ClassColumn implements ColumnReader {
  readonly shape: InputShape;
  readonly stepped: boolean;
  readonly width = 1;
  readonly #place: number;
  readonly #source: TableSource;
  readonly #ids = new GrowingIds();
  readonly #ends: number[] = [0];
  /** Rows whose class is missing. */
  readonly #missing = new Set<number>();

  constructor(shape: InputShape, place: number, stepped: boolean, source: TableSource) {
    this.shape = shape;
    this.stepped = stepped;
    this.#place = place;
    this.#source = source;
  }

  read({ cells }: TableRow, vocabularies: Map<string, Tokens>): ReadCell {
    const cell = cells[this.#place];
    const dimension = this.shape.classes!;
    let tokens = vocabularies.get(dimension);
    if (tokens === undefined) {
      tokens = new Tokens();
      vocabularies.set(dimension, tokens);
    }
    if (!this.stepped) {
      const text = textOf(cell);
      const label = typeof text === 'string' ? text.trim() : text.join(' ');
      const isThere = cell !== undefined && cell !== null && label !== '';
      // What the model reads is never nothing: that it is missing is a class of its own.
      if (!isThere && this.shape.compared) return { length: 1, ids: [0], missing: true };
      return { length: 1, ids: [tokens.number(!isThere ? MISSING : this.#source.lower ? label.toLowerCase() : label)], missing: false };
    }
    const text = textOf(cell);
    const ids: number[] = [];
    const { longest = Number.POSITIVE_INFINITY } = this.#source;
    const take = (token: string): void => {
      if (ids.length < longest) ids.push(tokens.number(token));
    };
    if (typeof text === 'string') visitTokens(text, this.#source, take);
    else text.forEach(take);
    return { length: ids.length, ids, missing: ids.length === 0 };
  }

  add({ ids, missing }: ReadCell): void {
    if (missing) this.#missing.add(this.#ends.length - 1);
    for (const id of ids!) this.#ids.push(id);
    this.#ends.push(this.#ids.length);
  }

  counts(tokens: number, rows?: Int32Array): Int32Array {
    const counts = new Int32Array(tokens);
    const all = rows ?? Int32Array.from({ length: this.#ends.length - 1 }, (_, k) => k);
    for (const row of all)
      if (!this.#missing.has(row))
        this.#visit(row, (id) => {
          counts[id]! += 1;
        });
    return counts;
  }

  #visit(row: number, visit: (id: number) => void): void {
    this.#ids.visit(visit, this.#ends[row]!, this.#ends[row + 1]!);
  }

  finish(found: ReadonlyMap<string, Found>): StoredInput {
    const { vocabulary, classes } = found.get(this.shape.classes!)!;
    const { begin, end } = vocabulary;
    const framed = this.shape.predicted && this.stepped && begin !== undefined && end !== undefined;
    const classesOf = (id: number): readonly number[] => (classes instanceof Int32Array ? [classes[id]!] : classes[id]!);
    const rows = this.#ends.length - 1;
    const nothing = vocabulary.tokens.length;
    const offsets = new Float64Array(rows + 1);
    let length = 0;
    for (let row = 0; row < rows; row += 1) {
      this.#visit(row, (id) => {
        length += classesOf(id).length;
      });
      if (framed) length += 2;
      offsets[row + 1] = length;
    }
    const data = idsFor(vocabulary.tokens.length + 1, length);
    let at = 0;
    for (let row = 0; row < rows; row += 1) {
      if (framed) data[at++] = begin;
      const missing = this.#missing.has(row);
      this.#visit(row, (id) => {
        for (const each of classesOf(id)) data[at++] = missing || each < 0 ? nothing : each;
      });
      if (framed) data[at++] = end;
    }
    return { shape: this.shape, data, nothing, width: 1, ...(this.stepped ? { offsets } : {}) };
  }
}

/** Numbers: one column or several, one value a row, or a list of values in a cell with a step for each. */
class NumberColumn implements ColumnReader {
  readonly shape: InputShape;
  readonly stepped: boolean;
  width: number;
  readonly #places: readonly number[];
  readonly #placeOf: (line: number) => CellPlace;
  readonly #source: TableSource;
  readonly #floats = new GrowingFloats();
  readonly #ends: number[] = [0];

  constructor(shape: InputShape, places: readonly number[], stepped: boolean, placeOf: (line: number) => CellPlace, source: TableSource) {
    this.shape = shape;
    this.stepped = stepped;
    this.#places = places;
    this.#placeOf = placeOf;
    this.#source = source;
    const own = stepped ? shape.shape.slice(1) : shape.shape;
    const known = own.filter((size): size is number => typeof size === 'number').reduce((product, size) => product * size, 1);
    this.width = own.every((size) => typeof size === 'number') ? known : places.length > 1 ? places.length : 0;
    if (!stepped && places.length > 1 && this.width !== places.length)
      throw unboundInput(
        basename(source.path),
        shape.name,
        `its shape is [${shape.shape.join(', ')}], and ${places.length} columns are given.`,
      );
  }

  read({ line, cells }: TableRow): ReadCell {
    const place = this.#placeOf(line);
    if (this.#places.length > 1) return this.#several(cells, place);
    const cell = cells[this.#places[0]!];
    if (!this.stepped && isMissing(cell))
      return { length: 1, numbers: Array<number>(Math.max(1, this.width)).fill(Number.NaN), missing: true };
    const numbers = numbersOf(cell, 1, place);
    if (!this.stepped) {
      // The first row says how many, where the model leaves it open.
      if (this.width === 0) this.width = numbers.length;
      if (numbers.length !== this.width) throw numbersPerCell(place.path, line, place.column, numbers.length, this.width);
      return { length: 1, numbers, missing: false };
    }
    if (this.width === 0) this.width = 1;
    if (numbers.length % this.width !== 0) throw numbersPerCell(place.path, line, place.column, numbers.length, this.width);
    const length = Math.min(numbers.length / this.width, this.#source.longest ?? Number.POSITIVE_INFINITY);
    return { length, numbers: numbers.slice(0, length * this.width), missing: false };
  }

  /** A number of each column; where they hold lists, a step takes one of each. */
  #several(cells: readonly Cell[], place: CellPlace): ReadCell {
    if (!this.stepped) {
      const numbers = this.#places.map((at) => numberOf(cells[at], place));
      return { length: 1, numbers, missing: numbers.every(Number.isNaN) };
    }
    const lists = this.#places.map((at) => numbersOf(cells[at], 1, place));
    const length = lists[0]!.length;
    const other = lists.find((list) => list.length !== length);
    if (other !== undefined) throw numbersPerCell(place.path, place.line, place.column, other.length, length);
    return { length, numbers: Array.from({ length }, (_, t) => lists.map((list) => list[t]!)).flat(), missing: false };
  }

  add({ numbers, length }: ReadCell): void {
    for (const number of numbers!) this.#floats.push(number);
    this.#ends.push(this.#ends.at(-1)! + length);
  }

  counts(): Int32Array {
    return new Int32Array();
  }

  finish(): StoredInput {
    const { shape, width, stepped } = this;
    return {
      shape,
      data: this.#floats.finish(),
      width: Math.max(1, width),
      ...(stepped ? { offsets: Float64Array.from(this.#ends) } : {}),
    };
  }
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

/** Inputs of one kind of classes share a vocabulary. Those of whole rows are learned from all parts (they name the answers), others from the training part. */
function vocabulariesOf(
  columns: readonly ColumnReader[],
  met: ReadonlyMap<string, Tokens>,
  places: Places,
  source: TableSource,
  kept: KeptData | undefined,
  remarks: string[],
): Map<string, Found> {
  const found = new Map<string, Found>();
  for (const [dimension, { tokens }] of met) {
    const own = columns.filter(({ shape }) => shape.classes === dimension);
    const known = kept?.vocabularies[dimension];
    if (known !== undefined) {
      const coder = coderOf(known);
      found.set(dimension, { vocabulary: known, classes: tokens.map(coder) });
      continue;
    }
    const total = (rows?: Int32Array): Int32Array => {
      const sum = new Int32Array(tokens.length);
      for (const column of own)
        column.counts(tokens.length, rows).forEach((each, k) => {
          sum[k]! += each;
        });
      return sum;
    };
    if (own.every(({ stepped }) => !stepped)) {
      const all = total();
      if (tokens.length < 2) throw oneClass(basename(source.path), own[0]!.shape.name, tokens[0] ?? '');
      const training = total(places.training);
      const late = tokens.filter((_, k) => training[k] === 0 && all[k]! > 0);
      if (late.length > 0)
        remarks.push(
          `${count(late.length, 'class', 'classes')} of ${dimension} ${late.length === 1 ? 'is' : 'are'} in no row of the training part: ${late.slice(0, 6).join(', ')}. The model cannot learn ${late.length === 1 ? 'it' : 'them'}.`,
        );
      found.set(dimension, vocabularyOf(tokens, all, { by: 'label', lower: source.lower, minimum: 1 }));
      continue;
    }
    const counts = total(places.training);
    if (source.by !== 'pieces' && !tokens.some((_, k) => counts[k]! >= source.minimum)) throw allUnknown(source.path, source.minimum);
    const framed = own.some(({ shape }) => shape.predicted);
    const made = vocabularyOf(tokens, counts, source, framed);
    if (made.vocabulary.unknown !== undefined && source.minimum <= 1) {
      const strange = tokens.filter((_, k) => counts[k] === 0).length;
      remarks.push(
        `${count(strange, `${dimension}`, `different ${dimension}s`)} ${strange === 1 ? 'is' : 'are'} in held-out rows only, and ‹unknown› to the model.`,
      );
    }
    found.set(dimension, made);
  }
  return found;
}
