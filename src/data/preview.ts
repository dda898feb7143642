// What a model will see of its data, counted and shown by examples.

import { basename } from 'node:path';
import type { DataPreview, InputShape, PartName, PreviewedInput, PreviewedNumbers, Scale, Vocabulary } from '../shared/dataset.ts';
import { numberText } from '../shared/numbers.ts';
import type { DataSource } from '../shared/settings.ts';
import type { Dataset, Example, Part } from './dataset.ts';
import { pictureAddress } from './images/png-write.ts';
import { denormalised } from './scales.ts';
import { dimensionOf } from './store.ts';

const parts = ['training', 'validation', 'test'] as const satisfies readonly PartName[];

/** Examples (stretches of a text) that are counted in a part, classes and examples that are shown, bars of a histogram. */
const COUNTED = 20_000;
/** Where they have images, which take long to decode. */
const COUNTED_IMAGES = 200;
const CLASSES = 200;
const SHOWN = 20;
const BARS = 40;
/** Steps of a text that make an example of it; steps that are shown. */
const STRETCH = 200;
/** Stretches of a text that are counted. */
const STRETCHES = 10_000;
const STEPS = 400;

export function previewOf(dataset: Dataset): DataPreview {
  const counts = new Map(parts.map((name) => [name, countsOf(dataset, dataset.parts[name])]));
  return {
    title: titleOf(dataset.source),
    parts: parts
      .filter((name) => dataset.parts[name].size > 0)
      .map((name) => {
        const { size } = dataset.parts[name];
        const steps = dataset.running ? size : counts.get(name)!.steps;
        return {
          name,
          ...(Number.isFinite(size) && !dataset.running ? { examples: size } : {}),
          ...(Number.isFinite(size) && steps > 0 ? { steps } : {}),
        };
      }),
    inputs: dataset.inputs.map((shape) => inputOf(dataset, shape, counts.get('training')!)),
    lengths: dataset.ragged.map((dimension) =>
      histogramOf(
        dimension,
        parts.flatMap((name) => counts.get(name)!.lengths.get(dimension) ?? []),
      ),
    ),
    vocabularies: Object.entries(dataset.vocabularies).map(([dimension, vocabulary]) => classesOf(dimension, vocabulary, counts)),
    examples: parts.flatMap((name) => examplesOf(dataset, dataset.parts[name])),
    remarks: dataset.remarks,
  };
}

function titleOf(source: DataSource): string {
  if (source.kind !== 'task') return basename(source.path);
  const options = Object.entries(source.options).map(
    ([name, value]) => `${name}: ${typeof value === 'number' ? value : `[${value.join(', ')}]`}`,
  );
  return `${source.task}(${[...(source.count === undefined ? [] : [source.count.toLocaleString('en-US')]), ...options].join(', ')})`;
}

interface Counts {
  /** All steps of the counted examples. */
  readonly steps: number;
  readonly lengths: ReadonlyMap<string, readonly number[]>;
  /** By the name of the vocabulary: how often each class occurs. */
  readonly classes: ReadonlyMap<string, Float64Array>;
  /** By the name of the input. */
  readonly numbers: ReadonlyMap<string, Numbers>;
}

interface Numbers {
  least: number;
  most: number;
  sum: number;
  squares: number;
  count: number;
  missing: number;
}

function countsOf(dataset: Dataset, part: Part): Counts {
  const lengths = new Map<string, number[]>(dataset.ragged.map((dimension) => [dimension, []]));
  const classes = new Map(
    Object.entries(dataset.vocabularies).map(([dimension, { tokens }]) => [dimension, new Float64Array(tokens.length)]),
  );
  const numbers = new Map<string, Numbers>();
  let steps = 0;
  const take = ({ inputs, lengths: own }: Example): void => {
    for (const [dimension, length] of Object.entries(own)) lengths.get(dimension)?.push(length);
    steps += Math.max(0, ...Object.values(own));
    for (const { name, classes: dimension } of dataset.inputs) {
      const values = inputs[name]!;
      if (dimension !== undefined) for (const id of values) if (id >= 0) classes.get(dimension)![id]! += 1;
      if (dimension !== undefined) continue;
      const plain = plainValues(values as Float32Array, dataset.scales[name]);
      const columns = columnsOf(dataset, name);
      if (columns.length < 2) addTo(numbers, name, plain);
      columns.forEach((column, k) => {
        if (columns.length > 1) addTo(numbers, keyOf(name, column), plain, columns.length, k);
      });
    }
  };
  if (dataset.running) {
    // Of a large text, stretches from everywhere.
    const every = Math.max(1, Math.floor(part.size / (STRETCHES * STRETCH)));
    for (let from = 0; from < part.size; from += every * STRETCH) take(part.example(from, Math.min(STRETCH, part.size - from)));
  } else {
    const most = dataset.inputs.some(isImage) ? COUNTED_IMAGES : COUNTED;
    const size = Math.min(part.size, most);
    const every = Number.isFinite(part.size) ? Math.max(1, Math.floor(part.size / most)) : 1;
    for (let k = 0; k < size; k += 1) take(part.example(k * every));
    if (Number.isFinite(part.size)) steps = Math.round((steps * part.size) / Math.max(1, size));
  }
  return { steps, lengths, classes, numbers };
}

/** Adds every `every`th number from `from` on. */
function addTo(all: Map<string, Numbers>, name: string, values: Float64Array, every = 1, from = 0): void {
  let own = all.get(name);
  if (own === undefined) {
    own = { least: Number.POSITIVE_INFINITY, most: Number.NEGATIVE_INFINITY, sum: 0, squares: 0, count: 0, missing: 0 };
    all.set(name, own);
  }
  for (let k = from; k < values.length; k += every) {
    const value = values[k]!;
    if (Number.isNaN(value)) own.missing += 1;
    else {
      own.least = Math.min(own.least, value);
      own.most = Math.max(own.most, value);
      own.sum += value;
      own.squares += value * value;
      own.count += 1;
    }
  }
}

/** The columns whose numbers stand side by side at each step of an input. */
function columnsOf({ source }: Dataset, input: string): readonly string[] {
  const binding = source.kind === 'series' || source.kind === 'table' ? source.bindings[input] : undefined;
  return binding?.kind === 'columns' ? binding.names : [];
}

const keyOf = (input: string, column: string): string => `${input}\u0000${column}`;

/** In the data's own unit, without the last digits, which single precision has added. */
function plainValues(values: Float32Array, scale: Scale | undefined): Float64Array {
  if (scale === undefined) return Float64Array.from(values);
  const places = scale.deviation.map((deviation) => Math.max(0, Math.min(100, 4 - Math.floor(Math.log10(deviation || 1)))));
  return Float64Array.from(denormalised(values, scale), (value, k) =>
    Number.isFinite(value) ? Number(value.toFixed(places[k % places.length]!)) + 0 : value,
  );
}

function inputOf(dataset: Dataset, shape: InputShape, { numbers }: Counts): PreviewedInput {
  const own = figuresOf(numbers.get(shape.name));
  const features = columnsOf(dataset, shape.name).flatMap((name) => {
    const figures = figuresOf(numbers.get(keyOf(shape.name, name)));
    return figures === undefined ? [] : [{ name, ...figures }];
  });
  return {
    name: shape.name,
    type: typeText(shape),
    from: originOf(dataset, shape),
    ...(own === undefined ? {} : { numbers: own }),
    ...(features.length === 0 ? {} : { features }),
  };
}

function figuresOf(own: Numbers | undefined): PreviewedNumbers | undefined {
  if (own === undefined || own.count === 0) return undefined;
  const mean = own.sum / own.count;
  return {
    least: own.least,
    mean,
    most: own.most,
    deviation: Math.sqrt(Math.max(0, own.squares / own.count - mean * mean)),
    missing: own.missing,
  };
}

const typeText = ({ shape, classes }: InputShape): string => {
  if (shape.length === 0) return classes === undefined ? 'number' : `one of ${classes}`;
  return `[${shape.join(', ')}]${classes === undefined ? '' : ` of ${classes}`}`;
};

const cuts = { char: 'by character', word: 'by word', pieces: 'by pieces', label: 'as a label' } as const;

function originOf({ source, vocabularies, inputs }: Dataset, shape: InputShape): string {
  const cut = vocabularies[shape.classes ?? '']?.by;
  const how = cut === undefined ? '' : `, ${cuts[cut]}`;
  if (source.kind === 'task') return 'generated';
  if (source.kind === 'text') return `the text${how}`;
  const isFirst = shape === inputs[0];
  if (source.kind === 'pairs') return `${isFirst ? 'before' : 'behind'} the tab${how}`;
  if (source.kind === 'dialogue') return `${isFirst ? 'what was said' : 'the reply'}${how}`;
  if (source.kind === 'images')
    return shape.classes === undefined ? `files of ${basename(source.path)}` : `${basename(source.captions)}${how}`;
  if (source.kind === 'arrays') return `array "${source.bindings[shape.name] ?? shape.name}"`;
  const binding = source.bindings[shape.name] ?? { kind: 'column', name: shape.name };
  const isScaled = source.normalise && shape.classes === undefined ? ', normalised' : '';
  if (binding.kind === 'columns') return `columns ${binding.names.map((name) => `"${name}"`).join(', ')}${isScaled}`;
  if (binding.kind === 'following') return `the next ${binding.steps} of "${binding.name}"${isScaled}`;
  return `column "${binding.name}"${how}${isScaled}`;
}

function histogramOf(dimension: string, lengths: readonly number[]): DataPreview['lengths'][number] {
  const [least, most] = lengths.reduce(([low, high], each) => [Math.min(low, each), Math.max(high, each)], [Number.POSITIVE_INFINITY, 0]);
  const width = Math.max(1, Math.ceil((most - least + 1) / BARS));
  const bars = Array.from({ length: Math.ceil((most - least + 1) / width) }, (_, k) => ({
    from: least + k * width,
    to: Math.min(most, least + (k + 1) * width - 1),
    count: 0,
  }));
  for (const each of lengths) bars[Math.floor((each - least) / width)]!.count += 1;
  return { dimension, least, most, mean: lengths.reduce((sum, each) => sum + each, 0) / Math.max(1, lengths.length), bars };
}

function classesOf(
  dimension: string,
  { by, tokens, unknown }: Vocabulary,
  counts: ReadonlyMap<PartName, Counts>,
): DataPreview['vocabularies'][number] {
  const training = counts.get('training')!.classes.get(dimension)!;
  const order = Array.from(training.keys()).sort((a, b) => training[b]! - training[a]! || a - b);
  const shares = parts.flatMap((name) => {
    const own = counts.get(name)!.classes.get(dimension)!;
    const total = own.reduce((sum, each) => sum + each, 0);
    return total === 0 ? [] : [[name, unknown === undefined ? 0 : own[unknown]! / total] as const];
  });
  return {
    dimension,
    by,
    size: tokens.length,
    classes: order.slice(0, CLASSES).map((k) => ({ token: tokens[k]!, count: training[k]! })),
    unknown: Object.fromEntries(shares),
  };
}

function examplesOf(dataset: Dataset, part: Part): DataPreview['examples'] {
  const count = dataset.running ? Math.min(SHOWN, Math.ceil(part.size / STRETCH)) : Math.min(SHOWN, part.size);
  return Array.from({ length: count }, (_, k) => {
    const index = dataset.running ? k * STRETCH : k;
    const example = dataset.running ? part.example(index, STRETCH) : part.example(index);
    return { part: part.name, index, cells: cellsOf(dataset, example) };
  });
}

/** [3, 64, 64] of numbers. */
const isImage = ({ shape, classes }: InputShape): boolean =>
  classes === undefined && shape.length === 3 && [1, 3, 4].includes(shape[0] as number);

function pictureOf({ shape }: InputShape, sizes: Dataset['sizes'], values: ArrayLike<number>): string {
  const [channels, height, width] = shape.map((size) => (typeof size === 'number' ? size : (sizes[size] ?? 1)));
  return pictureAddress(values, channels as 1 | 3 | 4, height!, width!);
}

function cellsOf(
  { inputs: shapes, vocabularies, scales, sizes }: Dataset,
  { inputs, lengths }: Example,
): Record<string, readonly string[]> {
  return Object.fromEntries(
    shapes.map((shape) => {
      const values = inputs[shape.name]!;
      const { tokens } = vocabularies[shape.classes ?? ''] ?? { tokens: [] };
      if (isImage(shape)) return [shape.name, [pictureOf(shape, sizes, values)]];
      if (shape.classes !== undefined) return [shape.name, Array.from(values.subarray(0, STEPS), (id) => tokens[id] ?? '')];
      const own = plainValues(values as Float32Array, scales[shape.name]);
      const steps = lengths[dimensionOf(shape) ?? ''] ?? 1;
      const width = own.length / Math.max(1, steps);
      const text = (t: number): string =>
        Array.from(own.subarray(t * width, (t + 1) * width), (value) => (Number.isNaN(value) ? 'missing' : numberText(value))).join(' ');
      return [shape.name, Array.from({ length: Math.min(STEPS, steps) }, (_, t) => text(t))];
    }),
  );
}
