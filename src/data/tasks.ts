// Generated tasks by which memories are measured. Each example is drawn from the seed, its part and its number alone, so that nothing has to be kept.

import { createHash } from 'node:crypto';
import type { InputShape, KeptData, PartName, Vocabulary } from '../shared/dataset.ts';
import { type Random, random } from '../shared/random.ts';
import type { TaskName, TaskSource } from '../shared/settings.ts';
import type { Box, Dataset, Example, Part } from './dataset.ts';
import { taskInputs } from './errors.ts';
import { sizesOf } from './split.ts';
import { ahead, dimensionOf, madeWhenAsked } from './store.ts';
import { below, type Drawn, type Given, lengthsOf, type Options, one, type Task } from './task.ts';
import { dates } from './task-dates.ts';
import { BOX, shapes as shapesTask } from './task-shapes.ts';
import { BEGIN, END } from './vocabulary.ts';

/** Examples held out, and a pass over an endless task, where nothing else is said. */
const HELD = 1000;
export const PASS = 10_000;

const letters = (count: number): string[] => Array.from({ length: count }, (_, k) => (count <= 26 ? String.fromCharCode(97 + k) : `s${k}`));

const tasks: { readonly [Name in TaskName]: (options: Options) => Task } = {
  /** Two of many numbers are marked, one in each half: what is their sum? (Hochreiter & Schmidhuber 1997, as in Le, Jaitly & Hinton 2015.) */
  adding: (options) => ({
    inputs: [
      { name: 'x', width: 2, over: 'steps' },
      { name: 'total', width: 1, over: 'whole' },
    ],
    lengths: lengthsOf(options, 100),
    draw(chance, length) {
      const values = Array.from({ length }, () => chance.uniform());
      const half = Math.max(1, Math.floor(length / 2));
      const [first, second] = [below(chance, half), half + below(chance, Math.max(1, length - half))];
      const x = values.flatMap((value, t) => [value, t === first || t === second ? 1 : 0]);
      return [x, [values[first]! + (values[second] ?? 0)]];
    },
  }),

  /** Some symbols, a long silence, a signal: write the symbols again (Hochreiter & Schmidhuber 1997; Arjovsky, Shah & Bengio 2016). Who only knows when
   *  to write has the loss length * ln(symbols) / (delay + 2 * length). */
  copying(options) {
    const [symbols, delay] = [one(options, 'symbols', 8), one(options, 'delay', 100)];
    const tokens = [...letters(symbols), '·', '!'];
    const [blank, signal] = [symbols, symbols + 1];
    return {
      inputs: [
        { name: 'input', tokens, width: 1, over: 'steps', group: 'T' },
        { name: 'output', tokens, width: 1, over: 'steps', group: 'T' },
      ],
      lengths: lengthsOf(options, 10),
      draw(chance, length) {
        const said = Array.from({ length }, () => below(chance, symbols));
        const silence = (count: number): number[] => Array<number>(count).fill(blank);
        return [
          [...said, ...silence(Math.max(0, delay - 1)), signal, ...silence(length)],
          [...silence(length + Math.max(1, delay)), ...said],
        ];
      },
    };
  },

  /** Reads a sequence, and writes it again (Sutskever, Vinyals & Le 2014). */
  repeating(options) {
    const symbols = one(options, 'symbols', 20);
    const tokens = letters(symbols);
    return {
      inputs: [
        { name: 'source', tokens, width: 1, over: 'steps' },
        { name: 'target', tokens, width: 1, over: 'steps' },
      ],
      lengths: lengthsOf(options, 10),
      draw(chance, length) {
        const said = Array.from({ length }, () => below(chance, symbols));
        return [said, said];
      },
    };
  },

  /** Two signals X or Y among distractors, far apart: in which order did they come? (Hochreiter & Schmidhuber 1997, experiment 6a.) */
  temporal_order(options) {
    const tokens = ['a', 'b', 'c', 'd', 'X', 'Y', '[', ']'];
    return {
      inputs: [
        { name: 'input', tokens, width: 1, over: 'steps' },
        { name: 'order', tokens: ['XX', 'XY', 'YX', 'YY'], width: 1, over: 'whole' },
      ],
      lengths: lengthsOf(options, 100),
      draw(chance, length) {
        const input = Array.from({ length }, () => below(chance, 4));
        const between = (from: number, to: number): number => Math.floor(length * (from + (to - from) * chance.uniform()));
        const [first, second] = [between(0.1, 0.2), between(0.5, 0.6)];
        const [a, b] = [below(chance, 2), below(chance, 2)];
        input[0] = 6;
        input[length - 1] = 7;
        input[Math.max(1, first)] = 4 + a;
        input[Math.max(2, Math.min(length - 2, second))] = 4 + b;
        return [input, [2 * a + b]];
      },
    };
  },

  /** Is the number of ones so far odd? (Graves 2016.) */
  parity: (options) => ({
    inputs: [
      { name: 'bits', tokens: ['0', '1'], width: 1, over: 'steps', group: 'T' },
      { name: 'parity', tokens: ['even', 'odd'], width: 1, over: 'either', group: 'T' },
    ],
    lengths: lengthsOf(options, 32),
    draw(chance, length) {
      let odd = 0;
      const bits = Array.from({ length }, () => below(chance, 2));
      return [
        bits,
        bits.map((bit) => {
          odd = (odd + bit) % 2;
          return odd;
        }),
      ];
    },
  }),

  /** Switches are thrown now and then: which way was each thrown last? (Sussillo & Barak 2013.) All are thrown at the first step. */
  flip_flop(options) {
    const switches = one(options, 'switches', 3);
    return {
      inputs: [
        { name: 'pulses', width: switches, over: 'steps', group: 'T' },
        { name: 'levels', width: switches, over: 'steps', group: 'T' },
      ],
      lengths: lengthsOf(options, 50),
      draw(chance, length) {
        const levels: number[] = Array<number>(switches).fill(0);
        const rows = Array.from({ length }, (_, t) => {
          const pulses = levels.map(() => (t === 0 || chance.uniform() < 0.1 ? (chance.uniform() < 0.5 ? -1 : 1) : 0));
          pulses.forEach((pulse, k) => {
            if (pulse !== 0) levels[k] = pulse;
          });
          return { pulses, levels: [...levels] };
        });
        return [rows.flatMap(({ pulses }) => pulses), rows.flatMap(({ levels: now }) => now)];
      },
    };
  },

  /** A walk through Reber's grammar (1967) between two symbols, of which the second is decided by the first: T or P (Cleeremans, Servan-Schreiber &
   *  McClelland 1989). `length` is the least and the most of the walk where it is given. */
  embedded_reber(options) {
    const tokens = ['B', 'E', 'P', 'S', 'T', 'V', 'X'];
    const id = (symbol: string): number => tokens.indexOf(symbol);
    const [least, most] = options.length === undefined ? [0, Number.POSITIVE_INFINITY] : lengthsOf(options, 0);
    return {
      inputs: [{ name: 'input', tokens, width: 1, over: 'steps' }],
      lengths: [0, 0],
      varies: true,
      draw(chance) {
        for (let attempt = 0; ; attempt += 1) {
          const outer = chance.uniform() < 0.5 ? 'T' : 'P';
          const walk = ['B', outer, ...reber(chance), outer, 'E'];
          // Lengths that the grammar does not have are not waited for.
          if ((walk.length >= least && walk.length <= most) || attempt > 1000) return [walk.map(id)];
        }
      },
    };
  },

  dates,
  shapes: shapesTask,
};

/** Two ways out of each node: the symbol, and where it leads. */
const grammar: readonly (readonly (readonly [symbol: string, to: number])[])[] = [
  [
    ['T', 1],
    ['P', 2],
  ],
  [
    ['S', 1],
    ['X', 3],
  ],
  [
    ['T', 2],
    ['V', 4],
  ],
  [
    ['X', 2],
    ['S', 5],
  ],
  [
    ['P', 3],
    ['V', 5],
  ],
];

function reber(chance: Random): string[] {
  const walk = ['B'];
  let node = 0;
  while (node < 5) {
    const [symbol, to] = grammar[node]![below(chance, 2)]!;
    walk.push(symbol);
    node = to;
  }
  return [...walk, 'E'];
}

/** The examples of a task for a model's inputs. Throws DataError where they do not fit. */
export function loadTask(source: TaskSource, shapes: readonly InputShape[], kept?: KeptData): Dataset {
  const task = tasks[source.task](source.options);
  const bound = bind(source.task, task, shapes);
  const vocabularies: Record<string, Vocabulary> = { ...kept?.vocabularies };
  for (const classes of new Set(shapes.flatMap((shape) => shape.classes ?? []))) {
    const own = bound.filter((_, k) => shapes[k]!.classes === classes);
    const framed = shapes.some((other) => other.classes === classes && !isAnswer(other) && isFramed(other, shapes));
    // Inputs that share their classes have those of each.
    const tokens = [...new Set(own.flatMap((each) => each.tokens ?? []))];
    const by: Vocabulary['by'] = own[0]!.by ?? 'label';
    const all = framed ? [BEGIN, END, ...tokens] : tokens;
    const cut = { by, lower: by !== 'label', ...(by === 'word' ? { apostrophes: true as const } : {}) };
    vocabularies[classes] ??= { ...cut, tokens: all, ...(framed ? { begin: 0, end: 1 } : {}) };
  }
  const { count, seed } = source;
  const endless = (share: number): number => (share === 0 ? 0 : share < 1 ? HELD : share);
  const sizes =
    count === undefined
      ? { training: Number.POSITIVE_INFINITY, validation: endless(source.validation), test: endless(source.test) }
      : sizesOf(source.task, count, source);
  const numbers = bound.map(({ tokens = [] }, k) => {
    const known = vocabularies[shapes[k]!.classes ?? '']?.tokens ?? [];
    return tokens.map((token) => known.indexOf(token));
  });
  const drawnAt = (name: PartName, index: number): readonly Drawn[] => drawn(task, random(source.task, seed, name, index));
  const boxes = task.inputs.findIndex(({ name }) => name === 'boxes');
  const part = (name: PartName): Part => ({
    name,
    size: sizes[name],
    example: (index) => exampleOf(drawnAt(name, index), bound, shapes, vocabularies, numbers),
    length: (index) => {
      const values = drawnAt(name, index);
      const lengths = shapes.map((shape, k) => {
        const own = values[bound[k]!.place]!;
        if (dimensionOf(shape) === undefined || typeof own === 'function') return 0;
        return own.length / bound[k]!.width + (isFramed(shape, shapes) ? 2 : 0);
      });
      return Math.max(0, ...lengths);
    },
    ...(boxes < 0 ? {} : { boxes: (index: number) => boxesOf(drawnAt(name, index)[boxes] as ArrayLike<number>) }),
  });
  const varies = task.varies ?? task.lengths[0] !== task.lengths[1];
  return {
    source,
    digest: createHash('sha256').update(JSON.stringify(source)).digest('hex'),
    vocabularies,
    sizes: Object.fromEntries(shapes.flatMap((shape, k) => openSizes(shape, bound[k]!))),
    scales: {},
    ragged: varies ? [...new Set(shapes.flatMap((shape, k) => (bound[k]!.shape === undefined ? (dimensionOf(shape) ?? []) : [])))] : [],
    remarks: [],
    inputs: shapes,
    running: false,
    parts: { training: part('training'), validation: part('validation'), test: part('test') },
  };
}

interface Bound extends Given {
  /** Its place among the task's inputs. */
  readonly place: number;
}

function drawn(task: Task, chance: Random): readonly Drawn[] {
  const [least, most] = task.lengths;
  return task.draw(chance, least + below(chance, most - least + 1));
}

/** What stands where, of those that are there. */
function boxesOf(numbers: ArrayLike<number>): readonly Box[] {
  return Array.from({ length: numbers.length / BOX }, (_, k) => Array.from({ length: BOX }, (__, at) => numbers[k * BOX + at]!))
    .filter(([x]) => !Number.isNaN(x))
    .map(([x, y, width, height, from, to]): Box => ({ x: x!, y: y!, width: width!, height: height!, from: from!, to: to! }));
}

/** Each input of the model takes the one of its name, else those that are left in order. */
function bind(name: string, { inputs }: Task, shapes: readonly InputShape[]): Bound[] {
  const placed = inputs.map((input, place): Bound => ({ ...input, place }));
  const left = placed.filter((input) => input.isExtra !== true && !shapes.some((shape) => shape.name === input.name));
  const bound = shapes.map((shape) => placed.find((input) => input.name === shape.name) ?? left.shift());
  const fits = shapes.length <= inputs.length && shapes.every((shape, k) => fitting(shape, bound[k]));
  if (!fits)
    throw taskInputs(
      name,
      inputs
        .filter(({ isExtra }) => !isExtra)
        .map(givenText)
        .join(' and '),
      shapes.map(shapeText).join(' and ') || 'no inputs',
    );
  return bound as Bound[];
}

function fitting(shape: InputShape, given: Given | undefined): boolean {
  if (given === undefined || (shape.classes !== undefined) !== (given.tokens !== undefined)) return false;
  if (given.shape !== undefined)
    return (
      shape.shape.length === given.shape.length && shape.shape.every((size, k) => typeof size === 'string' || size === given.shape![k])
    );
  const stepped = dimensionOf(shape) !== undefined && (given.over !== 'whole' || shape.shape.length > 1);
  if (stepped !== (given.over === 'steps') && given.over !== 'either') return false;
  const rest = stepped ? shape.shape.slice(1) : shape.shape;
  if (rest.length === 0) return given.width === 1;
  return rest.length === 1 && given.tokens === undefined && (typeof rest[0] === 'string' || rest[0] === given.width);
}

const givenText = ({ name, tokens, width, over, shape = [width] }: Given): string =>
  tokens === undefined
    ? `${name}: ${over === 'whole' ? `[${shape.join(', ')}]` : `[T, ${width}]`}`
    : `${name}: ${over === 'whole' ? 'one of Answer' : '[T] of Symbol'}`;
const shapeText = ({ name, shape, classes }: InputShape): string =>
  shape.length === 0 ? `${name}: one of ${classes}` : `${name}: [${shape.join(', ')}]${classes === undefined ? '' : ` of ${classes}`}`;

function openSizes(shape: InputShape, { width, shape: whole }: Given): (readonly [string, number])[] {
  if (whole !== undefined) return shape.shape.flatMap((size, k) => (typeof size === 'string' ? [[size, whole[k]!] as const] : []));
  const rest = dimensionOf(shape) === undefined ? [] : shape.shape.slice(1);
  return rest.flatMap((size) => (typeof size === 'string' ? [[size, width] as const] : []));
}

/** It is only compared with: where a row begins and ends it has nothing to say. */
const isAnswer = ({ compared, predicted }: InputShape): boolean => compared && !predicted;

/** Its rows stand between ‹begin› and ‹end›: classes with its dimension are predicted. */
function isFramed(shape: InputShape, shapes: readonly InputShape[]): boolean {
  const dimension = dimensionOf(shape);
  return (
    dimension !== undefined && shapes.some((other) => other.predicted && other.classes !== undefined && dimensionOf(other) === dimension)
  );
}

function exampleOf(
  values: readonly Drawn[],
  bound: readonly Bound[],
  shapes: readonly InputShape[],
  vocabularies: Readonly<Record<string, Vocabulary>>,
  /** Of each input: the classes of its tokens. */
  numbers: readonly (readonly number[])[],
): Example {
  const inputs: Record<string, Int32Array | Float32Array> = {};
  const lengths: Record<string, number> = {};
  shapes.forEach((shape, k) => {
    const { place, width, over, shape: whole } = bound[k]!;
    const { name, classes, predicted } = shape;
    const dimension = whole === undefined ? dimensionOf(shape) : undefined;
    const all = values[place]!;
    if (typeof all === 'function') {
      madeWhenAsked(inputs, name, all);
      return;
    }
    const own = over === 'either' && dimension === undefined ? [all[all.length - 1]!] : all;
    const framed = isFramed(shape, shapes);
    if (classes === undefined) {
      const edge = framed ? Array<number>(width).fill(isAnswer(shape) ? Number.NaN : 0) : [];
      inputs[name] = Float32Array.from([...edge, ...Array.from(own), ...edge]);
    } else {
      const { begin, end } = vocabularies[classes]!;
      const ids = Array.from(own, (id) => numbers[k]![id]!);
      const [first, last] = isAnswer(shape) ? [-1, -1] : [begin ?? 0, end ?? 0];
      inputs[name] = Int32Array.from(framed ? [first, ...ids, last] : ids);
    }
    if (dimension !== undefined) lengths[dimension] = inputs[name].length / width;
    if (predicted) inputs[`next(${name})`] = ahead(inputs[name], width, classes !== undefined);
  });
  return { inputs, lengths };
}
