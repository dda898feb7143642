// Recurrent cells written with the Builder, as the language would make them.

import { Builder } from '../../src/graph/builder.ts';
import { type Axis, type Graph, tensor, type Value } from '../../src/graph/graph.ts';

export const T: Axis = { name: 'T', size: 'T' };
export const B: Axis = { name: 'B', size: 'B' };
const axis = (name: string, size: number): Axis => ({ name, size });

/** A step: from the input, the states and the weights to the lines by name; next states have a prime. */
interface Cell {
  readonly states: readonly string[];
  /** Axes of each weight: I and H of the cell, h the renamed axis of a state in a product. */
  readonly weights: Readonly<Record<string, readonly ('H' | 'h' | 'I')[]>>;
  readonly step: (b: Builder, given: Readonly<Record<string, Value>>, dot: Dot) => Record<string, Value>;
}

/** U @ h or W @ x. */
type Dot = (weight: Value, x: Value) => Value;

const gates = (names: string, more: Cell['weights'] = {}): Cell['weights'] => ({
  ...Object.fromEntries(
    [...names].flatMap((g) => [
      [`W_${g}`, ['H', 'I']],
      [`U_${g}`, ['H', 'h']],
      [`b_${g}`, ['H']],
    ]),
  ),
  ...more,
});

/** W_g @ x + U_g @ h + b_g */
const sum = (b: Builder, v: Readonly<Record<string, Value>>, dot: Dot, gate: string, h: Value = v.h!): Value =>
  b.plus(b.plus(dot(v[`W_${gate}`]!, v.x!), dot(v[`U_${gate}`]!, h)), v[`b_${gate}`]!);

const elman = (activation: 'tanh' | 'relu'): Cell => ({
  states: ['h'],
  weights: gates('h'),
  step: (b, v, dot) => ({ "h'": b.unary(activation, sum(b, v, dot, 'h')) }),
});

function layerNorm(b: Builder, x: Value): Value {
  const size = x.type.axes.find((each) => each.name === 'H')!.size as number;
  const mean = (y: Value): Value => b.scale(b.sum(y, ['H']), 1 / size);
  const centred = b.minus(x, mean(x));
  return b.over(centred, b.sqrt(b.plus(mean(b.times(centred, centred)), b.constant(1e-5))));
}

export const cells = {
  rnn: elman('tanh'),
  rnn_relu: elman('relu'),
  lstm: {
    states: ['h', 'c'],
    weights: gates('figo'),
    step: (b, v, dot) => {
      const f = b.sigmoid(sum(b, v, dot, 'f'));
      const i = b.sigmoid(sum(b, v, dot, 'i'));
      const g = b.tanh(sum(b, v, dot, 'g'));
      const o = b.sigmoid(sum(b, v, dot, 'o'));
      const next = b.plus(b.times(f, v.c!), b.times(i, g));
      return { f, i, g, o, "c'": next, "h'": b.times(o, b.tanh(next)) };
    },
  },
  peephole_lstm: {
    states: ['h', 'c'],
    weights: gates('figo', { p_f: ['H'], p_i: ['H'], p_o: ['H'] }),
    step: (b, v, dot) => {
      const f = b.sigmoid(b.plus(sum(b, v, dot, 'f'), b.times(v.p_f!, v.c!)));
      const i = b.sigmoid(b.plus(sum(b, v, dot, 'i'), b.times(v.p_i!, v.c!)));
      const g = b.tanh(sum(b, v, dot, 'g'));
      const next = b.plus(b.times(f, v.c!), b.times(i, g));
      const o = b.sigmoid(b.plus(sum(b, v, dot, 'o'), b.times(v.p_o!, next)));
      return { f, i, g, o, "c'": next, "h'": b.times(o, b.tanh(next)) };
    },
  },
  gru: {
    states: ['h'],
    weights: gates('rzn', { d_n: ['H'] }),
    step: (b, v, dot) => {
      const r = b.sigmoid(sum(b, v, dot, 'r'));
      const z = b.sigmoid(sum(b, v, dot, 'z'));
      const past = b.times(r, b.plus(dot(v.U_n!, v.h!), v.d_n!));
      const n = b.tanh(b.plus(b.plus(dot(v.W_n!, v.x!), v.b_n!), past));
      return { r, z, n, "h'": b.plus(b.times(b.complement(z), n), b.times(z, v.h!)) };
    },
  },
  gru_2014: {
    states: ['h'],
    weights: gates('rzn'),
    step: (b, v, dot) => {
      const r = b.sigmoid(sum(b, v, dot, 'r'));
      const z = b.sigmoid(sum(b, v, dot, 'z'));
      const n = b.tanh(sum(b, v, dot, 'n', b.times(r, v.h!)));
      return { r, z, n, "h'": b.plus(b.times(b.complement(z), n), b.times(z, v.h!)) };
    },
  },
  normed_lstm: {
    states: ['h', 'c'],
    weights: gates('figo'),
    step: (b, v, dot) => {
      const gate = (name: string): Value =>
        b.plus(layerNorm(b, b.plus(dot(v[`W_${name}`]!, v.x!), dot(v[`U_${name}`]!, v.h!))), v[`b_${name}`]!);
      const f = b.sigmoid(gate('f'));
      const next = b.plus(b.times(f, v.c!), b.times(b.sigmoid(gate('i')), b.tanh(gate('g'))));
      return { f, "c'": next, "h'": b.times(b.sigmoid(gate('o')), b.tanh(layerNorm(b, next))) };
    },
  },
  /** The minimal gated unit (Zhou et al. 2016): a cell that no library has. */
  mgu: {
    states: ['h'],
    weights: gates('fn'),
    step: (b, v, dot) => {
      const f = b.sigmoid(sum(b, v, dot, 'f'));
      const n = b.tanh(sum(b, v, dot, 'n', b.times(f, v.h!)));
      return { f, n, "h'": b.plus(b.times(b.complement(f), v.h!), b.times(f, n)) };
    },
  },
} as const satisfies Record<string, Cell>;

export type CellName = keyof typeof cells;

export interface Layer {
  /** Every line, and every state after each step, over time. */
  readonly lines: Readonly<Record<string, Value>>;
  readonly final: Readonly<Record<string, Value>>;
  readonly initial: Readonly<Record<string, Value>>;
  readonly weights: Readonly<Record<string, Value>>;
}

/** Runs a cell over x [T, B, I]; weights and initial states are new parameters of b, named with the prefix. */
export function layer(b: Builder, name: CellName, x: Value, H: number, { prefix = '', reverse = false } = {}): Layer {
  const cell: Cell = cells[name];
  const I = x.type.axes.find((each) => each.name !== 'T' && each.name !== 'B')!;
  const known = { H: axis('H', H), h: axis('h', H), I };
  const weights = Object.fromEntries(
    Object.entries(cell.weights).map(([weight, axes]) => [weight, b.parameter(tensor(axes.map((each) => known[each])), prefix + weight)]),
  );
  const initial = Object.fromEntries(cell.states.map((state) => [state, b.parameter(tensor([B, known.H]), `${prefix}${state}0`)]));
  const body = new Builder();
  const step: Record<string, Value> = { x: body.parameter(tensor([B, I]), 'x') };
  for (const [weight, value] of Object.entries(weights)) step[weight] = body.parameter(value.type, weight);
  for (const state of cell.states) step[state] = body.parameter(tensor([B, known.H]), state);
  const dot: Dot = (weight, vector) => {
    const [, from] = weight.type.axes;
    return body.contract(weight, body.rename(vector, from!.name === 'h' ? 'H' : from!.name, from!.name), [from!.name]);
  };
  const made = cell.step(body, step, dot);
  const next = cell.states.map((state) => made[`${state}'`]!);
  const outputs = b.recur([x, ...Object.values(weights), ...Object.values(initial)], {
    axis: T,
    reverse,
    scanned: 1,
    held: Object.keys(weights).length,
    states: next.length,
    body: body.graph([...Object.values(made), ...next]),
  });
  const names = Object.keys(made);
  return {
    lines: Object.fromEntries(names.map((line, k) => [line, outputs[k]!])),
    final: Object.fromEntries(cell.states.map((state, k) => [state, outputs[names.length + k]!])),
    initial,
    weights,
  };
}

/** x [T, B, I] -> the cell -> the sum over everything of h times a fixed pattern, and the final states. */
export function cellModel(
  name: CellName,
  { I = 3, H = 4, reverse = false } = {},
): { graph: Graph; objective: Value; layer: Layer; x: Value } {
  const b = new Builder();
  const x = b.parameter(tensor([T, B, axis('I', I)]), 'x');
  const one = layer(b, name, x, H, { reverse });
  const direction = b.parameter(tensor([T, B, axis('H', H)]), 'direction');
  const final = Object.values(one.final).map((state) => b.sum(b.times(state, state)));
  const objective = [...final].reduce((sum, each) => b.plus(sum, each), b.sum(b.times(one.lines["h'"]!, direction)));
  return { graph: b.graph([objective]), objective, layer: one, x };
}
