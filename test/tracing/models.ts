// Models as the language makes them, written with the Builder.

import { Builder } from '../../src/graph/builder.ts';
import { type Axis, tensor, type Value } from '../../src/graph/graph.ts';
import type { Instance, Line, Model, Weight } from '../../src/graph/model.ts';
import type { SourceRange } from '../../src/shared/source.ts';
import type { TraceSource } from '../../src/tracing/source.ts';
import { B, type CellName, type Layer, layer, T } from '../graph/cells.ts';
import { chance } from '../graph/numeric.ts';

export const range: SourceRange = { uri: 'file:///model.rnn', start: { line: 0, column: 0 }, end: { line: 0, column: 1 } };

const line = (name: string, value: Value, more: Partial<Line> = {}): Line => ({
  name,
  role: 'value',
  value,
  shape: value.type.axes.filter((axis) => axis.name !== 'B').map((axis) => axis.name),
  range,
  text: '',
  ...more,
});

/** A line's axes in the order of its source, as the language brings them there. */
const inOrder = (b: Builder, value: Value): Value => {
  const order = ['T', 'B', 'H'].map((name) => value.type.axes.find((axis) => axis.name === name)!);
  return b.plus(b.constant(0, order), value);
};

function instanceOf(b: Builder, path: string, cell: string, x: Value, { lines, weights, initial }: Layer, reverse = false): Instance {
  return {
    path,
    cell,
    parent: '',
    call: range,
    definition: range,
    axis: 'T',
    reverse,
    lines: Object.entries(lines).map(([name, value]) => line(name, inOrder(b, value), { shape: ['H'] })),
    states: Object.entries(initial).map(([name, value]) => ({ name, after: lines[`${name}'`]!, initial: value })),
    inputs: [{ name: 'x', value: x }],
    weights: Object.keys(weights).map((name) => ({ name, weight: `${path}.${name}` })),
  };
}

function weightsOf(path: string, weights: Readonly<Record<string, Value>>): Weight[] {
  return Object.entries(weights).map(([name, value]) => ({
    name: `${path}.${name}`,
    value,
    initial: { kind: 'glorot' },
    origin: { instance: path, line: name },
  }));
}

/** x [T, B, 3] -> the cell -> loss = sum(h' * direction) + the squares of the final states; all that is fed are inputs. */
export function cellModel(cell: CellName): Model {
  const b = new Builder();
  const x = b.parameter(tensor([T, B, { name: 'I', size: 3 }]), 'x');
  const run = layer(b, cell, x, 4);
  const direction = b.parameter(tensor([T, B, { name: 'H', size: 4 }]), 'direction');
  const losses = b.sum(b.times(run.lines["h'"]!, direction), ['H']);
  const squares = Object.values(run.final).map((state) => b.sum(b.times(state, state)));
  const loss = squares.reduce((sum, each) => b.plus(sum, each), b.sum(losses));
  const inputs = [x, direction, ...Object.values(run.initial)].map((value) => ({ name: value.name!, value }));
  const instance = instanceOf(b, 'h', cell, x, run);
  return {
    name: 'Cell',
    graph: b.graph([...Object.values(run.lines), losses, loss]),
    weights: weightsOf('h', run.weights),
    inputs,
    states: [],
    dropout: [],
    instances: [
      {
        path: '',
        cell: 'Cell',
        definition: range,
        reverse: false,
        lines: [line('h', run.lines["h'"]!, { calls: 'h' }), line('losses', losses), line('loss', loss, { role: 'loss' })],
        states: [],
        inputs,
        weights: [],
      },
      instance,
    ],
    loss,
  };
}

export interface Shape {
  readonly V: number;
  readonly E: number;
  readonly H: number;
}

/** embed, layers of a cell with dropout between, linear, cross-entropy with the next token; carried states. The loss is a mean over what has a next one. */
export function languageModel(cells: readonly CellName[], { V, E, H }: Shape, { bidirectional = false } = {}): Model {
  const b = new Builder();
  const classes: Axis = { name: 'V', size: V };
  const input = b.parameter(tensor([T, B], 'int'), 'input');
  const table = b.parameter(tensor([classes, { name: 'E', size: E }]), 'x.table');
  const x = b.gather(table, input, 'V');
  const instances: Instance[] = [];
  const weights: Weight[] = weightsOf('x', { table });
  const states: Model['states'][number][] = [];
  const masks: Value[] = [];
  let top = x;
  cells.forEach((cell, k) => {
    const path = cells.length === 1 ? 'h' : `h[${k}]`;
    const reverse = bidirectional && k % 2 === 1;
    const run = layer(b, cell, top, H, { prefix: `${path}.`, reverse });
    instances.push(instanceOf(b, path, cell, top, run, reverse));
    weights.push(...weightsOf(path, run.weights));
    for (const [name, before] of Object.entries(run.initial))
      states.push({ name: `${path}.${name}`, before, after: run.final[name]!, instance: path });
    const mask = b.parameter(tensor([T, B, { name: 'H', size: H }]));
    masks.push(mask);
    top = b.rename(b.times(run.lines["h'"]!, mask), 'H', 'I');
  });
  const W = b.parameter(tensor([classes, { name: 'I', size: H }]), 'logits.W');
  const bias = b.parameter(tensor([classes]), 'logits.b');
  weights.push(...weightsOf('logits', { W, b: bias }));
  const logits = b.plus(b.contract(W, top, ['I']), bias);
  const next = b.shift(input, 'T', -1, 0);
  const counted = b.shift(b.constant(1, [T, B]), 'T', -1, 0);
  const losses = b.times(b.minus(b.logsumexp(logits, 'V'), b.gather(logits, next, 'V')), counted);
  const loss = b.over(b.sum(losses), b.sum(counted));
  const lines = instances.flatMap((instance) => instance.lines.map(({ value }) => value));
  const model: Instance = {
    path: '',
    cell: 'Language',
    definition: range,
    reverse: false,
    lines: [line('x', x), line('h', top, { calls: 'h' }), line('logits', logits), line('loss', losses, { role: 'loss' })],
    states: [],
    inputs: [{ name: 'input', value: input }],
    weights: [],
  };
  return {
    name: 'Language',
    graph: b.graph([x, ...lines, logits, losses, loss, ...states.map(({ after }) => after)]),
    weights,
    inputs: [{ name: 'input', value: input, classes: 'Char' }],
    states,
    dropout: masks.map((value) => ({ value, rate: 0.2 })),
    instances: [model, ...instances],
    loss,
    losses: { value: losses, counted },
    prediction: { input: 'input', line: 'logits', logits, classes: 'Char' },
  };
}

/** A sequence and weights drawn by a seed. */
export function sourceOf(model: Model, steps: number, seed = 1): TraceSource {
  const next = chance(seed);
  const classes = 5;
  const tokens = Int32Array.from({ length: steps }, () => Math.floor(next() * classes));
  const weights = model.weights.map(({ name, value }) => {
    const shape = value.type.axes.map(({ size }) => size as number);
    const bound = 1 / Math.sqrt(shape.at(-1)!);
    const data = Float32Array.from({ length: shape.reduce((count, size) => count * size, 1) }, () => (2 * next() - 1) * bound * 1.5);
    return [name, { shape, data }] as const;
  });
  return {
    id: 1,
    title: 'test',
    model,
    weights: new Map(weights),
    inputs: { input: tokens },
    steps,
    tokens: Array.from(tokens, String),
    by: 'char',
  };
}
