// A table whose rows are timesteps, as windows: what stands in a window, and what follows it.
//
// Parts follow each other in time: training, validation, test. A training window lies with all that it predicts inside its part. In a held-out part
// there is a window for each value that is predicted, whatever stands before it in the series: so each is judged once, with a full window of context.

import { basename } from 'node:path';
import type { InputShape, KeptData, PartName, Scale, Vocabulary } from '../shared/dataset.ts';
import type { Binding, SeriesSource } from '../shared/settings.ts';
import { isMissing, isNumberText, numberOf, textOf } from './cells.ts';
import type { Dataset, Example, Part } from './dataset.ts';
import { count, noColumn, noNumbers, noRows, shortSeries, unboundInput } from './errors.ts';
import { growingFloats } from './growing.ts';
import { Running } from './scales.ts';
import { sizesOf } from './split.ts';
import { ahead, dimensionOf } from './store.ts';
import { openTable, type Table } from './table-rows.ts';
import type { Reading } from './text-stream.ts';
import { Tokens, vocabularyOf } from './vocabulary.ts';

/** Reads a series for a model's inputs. Throws DataError. */
export async function loadSeries(
  source: SeriesSource,
  shapes: readonly InputShape[],
  kept?: KeptData,
  reading?: Reading,
): Promise<Dataset> {
  const bound = shapes.map((shape) => source.bindings[shape.name]);
  const names = shapes.flatMap(({ name }, k) => namesOf(bound[k] ?? { kind: 'column', name }));
  const table = await openTable(source.path, {
    ...(source.header === undefined ? {} : { header: source.header }),
    names,
    ...reading,
  });
  try {
    return await readSeries(source, shapes, table, kept);
  } finally {
    await table.close();
  }
}

async function readSeries(source: SeriesSource, shapes: readonly InputShape[], table: Table, kept: KeptData | undefined): Promise<Dataset> {
  const { path, window } = source;
  const order = inOrder(shapes, source, table);
  const bindings = shapes.map(
    ({ name }, k): Binding => source.bindings[name] ?? { kind: 'column', name: order === undefined ? name : table.columns[order[k]!]! },
  );
  const wanted = [...new Set(bindings.flatMap(namesOf))];
  const places = wanted.map((name) => {
    const exact = table.columns.indexOf(name);
    const found = exact >= 0 ? exact : table.columns.findIndex((each) => each.toLowerCase() === name.toLowerCase());
    if (found < 0)
      throw noColumn(path, name, shapes[bindings.findIndex((binding) => namesOf(binding).includes(name))]!.name, table.columns);
    return found;
  });
  const classes = wanted.map(
    (name) => shapes.find((shape, k) => shape.classes !== undefined && namesOf(bindings[k]!).includes(name))?.classes,
  );
  const tokens = new Map(classes.flatMap((dimension) => (dimension === undefined ? [] : [[dimension, new Tokens()] as const])));
  const columns = wanted.map(growingFloats);
  for await (const batch of table.rows)
    for (const { line, cells } of batch)
      wanted.forEach((name, k) => {
        const cell = cells[places[k]!];
        const dimension = classes[k];
        columns[k]!.push(
          dimension === undefined
            ? numberOf(cell, { path, line, column: name })
            : tokens.get(dimension)!.number(String(textOf(cell)).trim() || MISSING),
        );
      });
  const values = new Map(wanted.map((name, k) => [name, columns[k]!.finish()]));
  const rows = columns[0]?.length ?? 0;
  if (rows === 0) throw noRows(path);
  const sizes = sizesOf(basename(path), rows, source);
  const remarks: string[] = [];
  if (source.header === undefined && order !== undefined && !table.hasHeader)
    remarks.push(`${basename(path)} has no header: its columns of numbers are taken in their order.`);
  const lost = new Map<string, number>();
  wanted.forEach((name, k) => {
    if (classes[k] !== undefined) return;
    const column = values.get(name)!;
    const inTraining = column.subarray(0, sizes.training).reduce((sum, value) => sum + (Number.isNaN(value) ? 1 : 0), 0);
    if (inTraining === sizes.training) throw noNumbers(path, name);
    lost.set(name, inTraining);
    const missing = interpolate(column);
    if (missing > 0)
      remarks.push(
        `${count(missing, 'missing number')} of ${name} ${missing === 1 ? 'lies' : 'lie'} on the line between ${missing === 1 ? 'its' : 'their'} neighbours.`,
      );
  });

  const vocabularies: Record<string, Vocabulary> = { ...kept?.vocabularies };
  const numbers = new Map<string, Int32Array>();
  for (const [dimension, { tokens: met }] of tokens) {
    // What a missing label would be counts nowhere where it is compared with, and is a class of its own where it is read.
    const isRead = shapes.some((shape) => shape.classes === dimension && !shape.compared);
    const named = met.filter((token) => isRead || token !== MISSING);
    const found = vocabularyOf(named, new Int32Array(named.length).fill(1), { by: 'label', lower: false, minimum: 1 });
    vocabularies[dimension] ??= found.vocabulary;
    const own = new Map(vocabularies[dimension].tokens.map((token, id) => [token, id]));
    numbers.set(
      dimension,
      Int32Array.from(met, (token) => own.get(token) ?? -1),
    );
  }

  const scales: Record<string, Scale> = {};
  const inputs = shapes.map((shape, k): Columns => {
    const binding = bindings[k]!;
    const names = namesOf(binding);
    const width = names.length;
    checkShape(shape, binding, path);
    const scale =
      kept?.scales[shape.name] ??
      scaleOfColumns(
        names.map((name) => values.get(name)!),
        sizes.training,
      );
    const isScaled = source.normalise && shape.classes === undefined;
    if (isScaled) scales[shape.name] = scale;
    const data = new Float32Array(rows * width);
    names.forEach((name, feature) => {
      const column = values.get(name)!;
      const [mean, deviation] = isScaled
        ? [scale.mean[feature % scale.mean.length]!, scale.deviation[feature % scale.deviation.length]!]
        : [0, 1];
      for (let row = 0; row < rows; row += 1) data[row * width + feature] = (column[row]! - mean) / deviation;
    });
    const own = shape.classes === undefined ? undefined : numbers.get(shape.classes);
    return {
      shape,
      width,
      data: own === undefined ? data : data.map((id) => own[id]!),
      after: binding.kind === 'following' ? binding.steps : 0,
    };
  });

  const reach = Math.max(...inputs.map(({ after }) => after), shapes.some(({ predicted }) => predicted) ? 1 : 0);
  const bounds = {
    training: [0, sizes.training],
    validation: [sizes.training, sizes.training + sizes.validation],
    test: [rows - sizes.test, rows],
  } as const;
  const part = (name: PartName): Part => {
    const [from, to] = bounds[name];
    const isHeld = name !== 'training';
    // The first row behind the window goes over the part's rows; where nothing follows, the window's own last row does.
    const first = Math.max(isHeld ? from + (reach === 0 ? 1 : 0) : from + window, window);
    const last = to - reach;
    const stride = isHeld ? 1 : source.stride;
    const size = to > from ? Math.max(0, Math.floor((last - first) / stride) + 1) : 0;
    if (size === 0 && to > from) throw shortSeries(path, name, to - from, (isHeld ? 0 : window) + Math.max(1, reach));
    return { name, size, example: (index) => windowAt(inputs, first + index * stride - window, window) };
  };
  const open = shapes.flatMap((shape, k): (readonly [string, number])[] => {
    const rest = inputs[k]!.after > 0 || dimensionOf(shape) === undefined ? shape.shape : shape.shape.slice(1);
    const [only] = rest;
    return rest.length === 1 && typeof only === 'string'
      ? [[only, bindings[k]!.kind === 'following' ? inputs[k]!.after : inputs[k]!.width]]
      : [];
  });
  return {
    source,
    digest: table.digest(),
    vocabularies,
    sizes: Object.fromEntries(open),
    scales,
    ragged: [],
    remarks,
    missing: Object.fromEntries(
      shapes.flatMap(({ name, classes: own }, k) =>
        own === undefined ? [[name, namesOf(bindings[k]!).reduce((sum, each) => sum + (lost.get(each) ?? 0), 0)]] : [],
      ),
    ),
    inputs: shapes,
    running: false,
    judgedAtEnd: true,
    parts: { training: part('training'), validation: part('validation'), test: part('test') },
  };
}

const namesOf = (binding: Binding): readonly string[] => (binding.kind === 'columns' ? binding.names : [binding.name]);

/** A label that is missing. */
const MISSING = '‹missing›';

/** The places of the columns that inputs without a binding take in their order: those of numbers where there is no header, the one that stands alone
 *  where there is. A first column of dates is no such one. */
function inOrder(
  shapes: readonly InputShape[],
  { bindings }: SeriesSource,
  { columns, hasHeader, first }: Table,
): readonly number[] | undefined {
  if (shapes.some(({ name }) => bindings[name] !== undefined || columns.includes(name))) return undefined;
  if (hasHeader) return columns.length === 1 && shapes.length === 1 ? [0] : undefined;
  const places = [...first.keys()].filter((k) => typeof first[k] !== 'string' || isMissing(first[k]) || isNumberText(first[k]));
  return places.length >= shapes.length ? places : undefined;
}

/** The columns of an input over all rows, [rows, width]. */
interface Columns {
  readonly shape: InputShape;
  readonly width: number;
  readonly data: Float32Array;
  /** Rows behind the window that it takes; 0: the window itself. */
  readonly after: number;
}

function windowAt(inputs: readonly Columns[], from: number, window: number): Example {
  const values: Record<string, Int32Array | Float32Array> = {};
  const lengths: Record<string, number> = {};
  for (const { shape, width, data, after } of inputs) {
    // What follows a window has no steps of it: [Ahead] is bound to how many values there are.
    const dimension = after > 0 ? undefined : dimensionOf(shape);
    const [start, end] =
      after > 0
        ? [from + window, from + window + after]
        : dimension === undefined
          ? [from + window - 1, from + window]
          : [from, from + window];
    const cut = data.subarray(start * width, end * width);
    const own = shape.classes === undefined ? cut : Int32Array.from(cut);
    values[shape.name] = own;
    if (dimension !== undefined) lengths[dimension] = window;
    if (!shape.predicted) continue;
    const later = data.subarray((start + 1) * width, (end + 1) * width);
    const next = shape.classes === undefined ? later : Int32Array.from(later);
    values[`next(${shape.name})`] = next.length === own.length ? next : ahead(own, width, shape.classes !== undefined);
  }
  return { inputs: values, lengths };
}

function checkShape({ name, shape, classes }: InputShape, binding: Binding, path: string): void {
  const stepped = typeof shape[0] === 'string' && !(binding.kind === 'following');
  const rest = stepped ? shape.slice(1) : shape;
  const wanted = binding.kind === 'following' ? binding.steps : namesOf(binding).length;
  const product = rest.reduce<number>((all, size) => all * (typeof size === 'number' ? size : wanted), 1);
  if (product === wanted || (classes !== undefined && rest.length === 0)) return;
  const example =
    binding.kind === 'following'
      ? `it is [${shape.join(', ')}], and ${binding.steps} values follow: write [${binding.steps}].`
      : `it is [${shape.join(', ')}], and ${count(wanted, 'column')} ${wanted === 1 ? 'is' : 'are'} given: write [T, ${wanted}].`;
  throw unboundInput(basename(path), name, example);
}

function scaleOfColumns(columns: readonly Float32Array[], rows: number): Scale {
  const running = new Running(columns.length);
  columns.forEach((column, k) => {
    for (let row = 0; row < rows; row += 1) running.add(k, column[row]!);
  });
  return running.scale();
}

/** Fills what is missing on the line between its neighbours, before the first and behind the last with these; tells how many were. */
function interpolate(values: Float32Array): number {
  let missing = 0;
  let before = -1;
  for (let k = 0; k <= values.length; k += 1) {
    if (k < values.length && Number.isNaN(values[k]!)) {
      missing += 1;
      continue;
    }
    for (let at = before + 1; at < k; at += 1) {
      const [left, right] = [before < 0 ? values[k] : values[before], k === values.length ? values[before] : values[k]];
      values[at] = left! + ((right! - left!) * (at - before)) / (k - before);
    }
    before = k;
  }
  return missing;
}
