// Seeded random cells as exporters spell them out inside Scan and Loop: gates fused or apart, in any order, biases and products written in any way.

import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfo } from '../../src/onnx/proto.ts';
import { type AttributeValue, attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { generator } from './random-operators.ts';

export interface CellCase {
  readonly title: string;
  readonly model: ModelProto;
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly kind: 'lstm' | 'gru' | 'rnn';
  readonly form: 'scan' | 'loop';
  readonly direction: 'forward' | 'reverse';
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  readonly input: number;
  /** Whether the file tells sizes: one unit spreads over any number of others. */
  readonly isTold: boolean;
  /** What the parameters must be, by our names: the numbers that the variant was made of. */
  readonly weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
}

/** Nodes of one graph. */
export class Nodes {
  readonly nodes: NodeProto[] = [];
  readonly #prefix: string;
  #count = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The node's output, or its outputs. */
  add(operator: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeValue>> = {}): string {
    return this.many(operator, inputs, 1, attributes)[0]!;
  }

  many(operator: string, inputs: readonly string[], outputs: number, attributes: Readonly<Record<string, AttributeValue>> = {}): string[] {
    const name = `${this.#prefix}${operator}_${this.#count++}`;
    const output = Array.from({ length: outputs }, (_, k) => (outputs === 1 ? name : `${name}.${k}`));
    const given = Object.entries(attributes).map(([key, value]): AttributeProto => attribute(key, value));
    this.nodes.push({ op_type: operator, name, input: [...inputs], output, attribute: given });
    return output;
  }

  constant(type: 'float32' | 'int64', dims: readonly number[], data: ArrayLike<number>): string {
    return this.add('Constant', [], { value: tensorProto(type, dims, data) });
  }
}

/** A list of tensors. */
const sequenceInfo = (name: string, dims?: readonly number[]): ValueInfo =>
  ({ name, type: { sequence_type: { elem_type: valueInfo(name, 'float32', dims).type! } } }) as ValueInfo;

type Matrix = { readonly shape: readonly number[]; readonly data: Float32Array };

const gatesOf = { lstm: ['f', 'i', 'g', 'o'], gru: ['r', 'z', 'n'], rnn: [''] } as const;

export function cellCase(seed: number): CellCase {
  const random = generator(seed);
  const chance = (share: number): boolean => random() < share;
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  const whole = (from: number, to: number): number => from + Math.floor(random() * (to - from + 1));
  const shuffled = <Item>(items: readonly Item[]): Item[] => {
    const left = [...items];
    return items.map(() => left.splice(Math.floor(random() * left.length), 1)[0]!);
  };

  const kind = pick(['lstm', 'gru', 'rnn'] as const);
  const form = pick(['scan', 'loop'] as const);
  const isReverse = chance(0.3);
  const [steps, batch, input, hidden] = [whole(1, 6), whole(1, 4), whole(1, 6), whole(1, 6)];
  const said = [`${kind} ${form}${isReverse ? ' reverse' : ''} T ${steps} B ${batch} I ${input} H ${hidden}`];
  const say = <Item>(what: string, item: Item): Item => {
    said.push(`${what} ${String(item)}`);
    return item;
  };
  const numbers = (shape: readonly number[], scale = 0.8): Matrix => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => scale * (2 * random() - 1)),
  });

  // What it computes.
  const names = shuffled(gatesOf[kind]);
  const of = (letter: string, gate: string): string => (kind === 'rnn' ? letter : `${letter}_${gate}`);
  const weights = new Map<string, Matrix>();
  const biases = say('biases', pick(['one', 'two', 'none', 'one']));
  const resetAfter = kind === 'gru' && say('reset after', chance(0.5));
  const peepholes = kind === 'lstm' && say('peepholes', chance(0.25));
  const forgetBias = kind === 'lstm' && biases !== 'none' && say('forget bias', chance(0.3));
  const coupled = kind === 'lstm' && !peepholes && !forgetBias && say('coupled', chance(0.15));
  for (const gate of names) {
    weights.set(of('W', gate), numbers([hidden, input]));
    weights.set(of('U', gate), numbers([hidden, hidden]));
    if (biases !== 'none') weights.set(of('b', gate), numbers([hidden]));
    if (biases === 'two' || (resetAfter && gate === 'n')) weights.set(of('d', gate), numbers([hidden]));
    if (peepholes && gate !== 'g') weights.set(of('p', gate), numbers([hidden]));
  }

  // How it is written.
  // One unit of two sequences cannot be told from two units of one.
  const layout = say('state', pick(hidden === 1 ? ['BH', '1BH'] : ['BH', '1BH', 'BH', 'HB']));
  const style = say('products', pick(layout === 'HB' ? (['apart', 'fused'] as const) : (['apart', 'fused', 'joined'] as const)));
  const product = say('by', pick(layout === 'BH' ? (['MatMul', 'Gemm', 'transposed'] as const) : (['MatMul', 'transposed'] as const)));
  const splitting = say(
    'split by',
    pick(layout === 'BH' ? (['Split', 'Slice', 'Reshape', 'Interleaved'] as const) : (['Split', 'Slice'] as const)),
  );
  const initializer: TensorProto[] = [];
  const feeds: Record<string, Tensor> = {};
  const body = new Nodes('body/');
  const outer = new Nodes('');
  const withShapes = say('shapes', chance(0.5));
  const areFed = withShapes && say('weights fed', chance(0.2));
  const store = (name: string, { shape, data }: Matrix): string => {
    if (areFed && name.startsWith('w')) feeds[name] = { type: 'float32', dims: shape, data };
    else initializer.push(tensorProto('float32', shape, data, name));
    return name;
  };
  const swap = (a: string, b: string): [string, string] => (chance(0.5) ? [a, b] : [b, a]);
  const plus = (a: string, b: string): string => body.add('Add', swap(a, b));
  const times = (a: string, b: string): string => body.add('Mul', swap(a, b));
  const one = (): string => body.constant('float32', pick([[], [1]] as const), [1]);
  const featureAxis = { BH: 1, '1BH': 2, HB: 0 }[layout]!;

  /** Rows of the gates one below the other, or one in turn. */
  const stackedRows = (letter: string, gates: readonly string[]): Matrix => {
    const parts = gates.map((gate) => weights.get(of(letter, gate))!);
    const width = parts[0]!.shape[1] ?? 1;
    const data = new Float32Array(gates.length * hidden * width);
    parts.forEach((part, g) => {
      for (let row = 0; row < hidden; row += 1) {
        const to = splitting === 'Interleaved' && gates.length > 1 ? row * gates.length + g : g * hidden + row;
        data.set(part.data.subarray(row * width, (row + 1) * width), to * width);
      }
    });
    return { shape: parts[0]!.shape.length === 1 ? [gates.length * hidden] : [gates.length * hidden, width], data };
  };
  const turned = ({ shape, data }: Matrix): Matrix => {
    const [rows, columns] = shape as [number, number];
    return { shape: [columns, rows], data: data.map((_, k) => data[(k % rows) * columns + Math.floor(k / rows)]!) };
  };
  const column = (bias: Matrix): Matrix => (layout === 'HB' ? { ...bias, shape: [bias.shape[0]!, 1] } : bias);
  let stored = 0;
  /** matrix [N, K] times what lies along the feature axis of `value`; `bias` is added where it is given. */
  const multiplied = (matrix: Matrix, value: string, bias?: Matrix): string => {
    const name = `w${stored++}`;
    const added = (sum: string): string => (bias === undefined ? sum : plus(sum, store(`${name}.b`, column(bias))));
    if (layout === 'HB')
      return added(
        product === 'transposed'
          ? body.add('MatMul', [body.add('Transpose', [store(name, turned(matrix))], { perm: [1, 0] }), value])
          : body.add('MatMul', [store(name, matrix), value]),
      );
    if (product === 'transposed')
      return added(body.add('MatMul', [value, outer.add('Transpose', [store(name, matrix)], { perm: [1, 0] })]));
    if (product === 'MatMul') return added(body.add('MatMul', [value, store(name, turned(matrix))]));
    const [transB, alpha] = [chance(0.5), chance(0.3) ? 0.5 : 1];
    const scaled = { shape: matrix.shape, data: matrix.data.map((each) => each / alpha) };
    const given = [value, store(name, transB ? scaled : turned(scaled)), ...(bias === undefined ? [] : [store(`${name}.b`, bias)])];
    return body.add('Gemm', given, { transB: Number(transB), ...(alpha === 1 ? {} : { alpha: { float: alpha } }) });
  };
  const split = (value: string, gates: number): string[] => {
    if (gates === 1) return [value];
    switch (splitting) {
      case 'Split':
        return body.many('Split', [value, body.constant('int64', [gates], new Array<number>(gates).fill(hidden))], gates, {
          axis: featureAxis,
        });
      case 'Slice':
        return Array.from({ length: gates }, (_, k) => {
          const ends = k === gates - 1 && chance(0.5) ? 2 ** 31 : (k + 1) * hidden;
          const at = [k * hidden, ends, featureAxis].map((each) => body.constant('int64', [1], [each]));
          return body.add('Slice', [value, ...at]);
        });
      case 'Reshape':
      case 'Interleaved': {
        const shape = splitting === 'Reshape' ? [-1, gates, hidden] : [-1, hidden, gates];
        const table = body.add('Reshape', [value, body.constant('int64', [3], shape)]);
        return Array.from({ length: gates }, (_, k) =>
          body.add('Gather', [table, body.constant('int64', [], [k])], { axis: splitting === 'Reshape' ? 1 : 2 }),
        );
      }
    }
  };
  const combined = (letter: string, gates: readonly string[]): Matrix | undefined =>
    weights.has(of(letter, gates[0]!)) && gates.every((gate) => weights.has(of(letter, gate))) ? stackedRows(letter, gates) : undefined;

  const own = names.filter((gate) => !(coupled && gate === 'f'));
  /** W x + U h + b of gates, one value each. `withPast` false: only W x + b. */
  const nets = (gates: readonly string[], x: string, h: string, withPast = true): string[] => {
    const [W, U, b, d] = ['W', 'U', 'b', 'd'].map((letter) => combined(letter, gates));
    if (style === 'joined' && withPast) {
      const xFirst = chance(0.5);
      const [left, right] = xFirst ? [W!, U!] : [U!, W!];
      const width = left.shape[1]! + right.shape[1]!;
      const rows = left.shape[0]!;
      const data = new Float32Array(rows * width);
      for (let row = 0; row < rows; row += 1) {
        data.set(left.data.subarray(row * left.shape[1]!, (row + 1) * left.shape[1]!), row * width);
        data.set(right.data.subarray(row * right.shape[1]!, (row + 1) * right.shape[1]!), row * width + left.shape[1]!);
      }
      const joined = body.add('Concat', xFirst ? [x, h] : [h, x], { axis: featureAxis });
      const sum = multiplied({ shape: [rows, width], data }, joined, b);
      return split(d === undefined ? sum : plus(sum, store(`d${stored++}`, column(d))), gates.length);
    }
    const fromX = multiplied(W!, x, b);
    if (!withPast) return split(fromX, gates.length);
    const fromH = multiplied(U!, h, d);
    if (style === 'apart' || chance(0.5)) return split(plus(fromX, fromH), gates.length);
    const [a, c] = [split(fromX, gates.length), split(fromH, gates.length)];
    return gates.map((_, k) => plus(a[k]!, c[k]!));
  };
  const byGate = (gates: readonly string[], x: string, h: string, withPast = true): Map<string, string> => {
    const values = style === 'apart' ? gates.flatMap((gate) => nets([gate], x, h, withPast)) : nets(gates, x, h, withPast);
    return new Map(gates.map((gate, k) => [gate, values[k]!]));
  };
  const peephole = (gate: string, c: string, sum: string): string => {
    const p = weights.get(of('p', gate));
    return p === undefined ? sum : plus(sum, times(store(`p_${stored++}`, column(p)), c));
  };

  /** Biases that the fused form has though there are none. */
  const zeros: string[] = [];
  const step = (x: string, h: string, c: string): { h: string; c?: string } => {
    if (kind === 'rnn') return { h: body.add(pick(['Tanh', 'Relu']), nets([''], x, h)) };
    if (kind === 'lstm') {
      const net = byGate(own, x, h);
      const early = new Map([...net].map(([gate, value]) => [gate, gate === 'f' || gate === 'i' ? peephole(gate, c, value) : value]));
      const forget = early.get('f');
      const i = body.add('Sigmoid', [early.get('i')!]);
      const f =
        forget === undefined
          ? body.add('Sub', [one(), i])
          : body.add('Sigmoid', [forgetBias ? plus(forget, body.constant('float32', [], [1])) : forget]);
      const g = body.add('Tanh', [early.get('g')!]);
      const next = plus(times(f, c), times(i, g));
      const o = body.add('Sigmoid', [peephole('o', next, early.get('o')!)]);
      return { h: times(o, body.add('Tanh', [next])), c: next };
    }
    const gates = names.filter((gate) => gate !== 'n');
    const isFused = style === 'fused' && resetAfter && splitting !== 'Interleaved';
    let [r, z, n] = ['', '', ''];
    if (isFused) {
      if (biases === 'none') for (const gate of gates) zeros.push(`b_${gate}`);
      const fromX = split(multiplied(combined('W', names)!, x, combined('b', names)), 3);
      const past = (letter: string): Matrix => ({
        shape: [3 * hidden],
        data: Float32Array.from(names.flatMap((gate) => Array.from(weights.get(of(letter, gate))?.data ?? new Float32Array(hidden)))),
      });
      const fromH = split(multiplied(combined('U', names)!, h, past('d')), 3);
      const [p, q, s] = (['r', 'z', 'n'] as const).map((gate) => names.indexOf(gate)) as [number, number, number];
      r = body.add('Sigmoid', [plus(fromX[p]!, fromH[p]!)]);
      z = body.add('Sigmoid', [plus(fromX[q]!, fromH[q]!)]);
      n = body.add('Tanh', [plus(fromX[s]!, times(r, fromH[s]!))]);
    } else {
      const early = byGate(gates, x, h);
      r = body.add('Sigmoid', [early.get('r')!]);
      z = body.add('Sigmoid', [early.get('z')!]);
      if (resetAfter) {
        const past = multiplied(weights.get('U_n')!, h, weights.get('d_n'));
        n = body.add('Tanh', [plus(nets(['n'], x, h, false)[0]!, times(r, past))]);
      } else n = body.add('Tanh', nets(['n'], x, times(r, h)));
    }
    switch (say('update', pick(['plain', 'difference', 'expanded', 'exchanged']))) {
      case 'plain':
        return { h: plus(times(body.add('Sub', [one(), z]), n), times(z, h)) };
      case 'difference':
        return { h: plus(n, times(z, body.add('Sub', [h, n]))) };
      case 'expanded':
        return { h: plus(body.add('Sub', [n, times(z, n)]), times(z, h)) };
      default:
        return { h: plus(times(z, n), times(body.add('Sub', [one(), z]), h)) };
    }
  };

  const shapeOfState = { BH: [batch, hidden], '1BH': [1, batch, hidden], HB: [hidden, batch] }[layout]!;
  const shapeOfX = { BH: [batch, input], '1BH': [1, batch, input], HB: [input, batch] }[layout]!;
  const info = (name: string, dims: readonly number[]): ValueInfo => valueInfo(name, 'float32', withShapes ? dims : undefined);
  const states = kind === 'lstm' ? ['h', 'c'] : ['h'];
  const feed = (name: string, { shape, data }: Matrix): void => {
    feeds[name] = { type: 'float32', dims: shape, data };
  };
  const isFed = say('initial fed', chance(0.6));
  for (const state of states) {
    if (isFed) feed(`${state}0`, numbers(shapeOfState, 0.9));
    else store(`${state}0`, { shape: shapeOfState, data: new Float32Array(shapeOfState.reduce((product, size) => product * size, 1)) });
  }
  const timeAxis = say('time', pick(form === 'scan' ? [0, 1] : [0, 1]));
  const dims = [...shapeOfX];
  dims.splice(timeAxis, 0, steps);
  feed('X', numbers(dims, 1.5));

  // Loops of TensorFlow count for themselves, stop by a condition, and hand weights from step to step; those of PyTorch keep lists.
  const counts = form === 'loop' && say('counts', chance(0.4));
  const stops = counts && say('stops', chance(0.5));
  const lists = form === 'loop' && say('lists', pick(['none', 'inputs', 'outputs', 'both']));
  const carries = form === 'loop' && say('carries', chance(0.3));
  let x = 'x';
  if (form === 'loop') {
    const number = counts ? 'time' : 'i';
    const place = isReverse ? body.add('Sub', [body.constant('int64', [], [steps - 1]), number]) : number;
    if (lists === 'inputs' || lists === 'both') x = body.add('SequenceAt', ['Xs', place]);
    else if (chance(0.6)) x = body.add('Gather', ['X', place], { axis: timeAxis });
    else {
      const start = body.add('Unsqueeze', [place, body.constant('int64', [1], [0])]);
      const end = body.add('Add', [start, body.constant('int64', [1], [1])]);
      const axes = body.constant('int64', [1], [timeAxis]);
      x = body.add('Squeeze', [body.add('Slice', ['X', start, end, axes]), axes]);
    }
    if (carries) x = body.add('Mul', [x, 'scale']);
  }
  const result = step(x, 'h', 'c');
  const after = [result.h, ...(result.c === undefined ? [] : [result.c])];
  const shown = body.add('Identity', [result.h]);
  const graph: GraphProto = {
    name: 'body',
    initializer: [],
    node: body.nodes,
    input: [
      ...(form === 'loop' ? [valueInfo('i', 'int64', []), valueInfo('going', 'bool', [])] : []),
      ...(counts ? [valueInfo('time', 'int64', [])] : []),
      ...states.map((state) => info(state, shapeOfState)),
      ...(carries ? [info('scale', [])] : []),
      ...(lists === 'outputs' || lists === 'both' ? [sequenceInfo('hs', withShapes ? shapeOfState : undefined)] : []),
      ...(form === 'scan' ? [info('x', shapeOfX)] : []),
    ],
    output: [
      ...(form === 'loop' ? [valueInfo('goes_on', 'bool', [])] : []),
      ...(counts ? [valueInfo(body.add('Add', ['time', body.constant('int64', [], [1])]), 'int64', [])] : []),
      ...after.map((name) => valueInfo(name, 'float32')),
      ...(carries ? [valueInfo(body.add('Identity', ['scale']), 'float32')] : []),
      ...(lists === 'outputs' || lists === 'both' ? [sequenceInfo(body.add('SequenceInsert', ['hs', result.h]))] : []),
      valueInfo(shown, 'float32'),
    ],
  };
  if (form === 'loop') {
    const next = graph.output[1]!.name;
    graph.output[0]!.name = stops ? body.add('Less', [next, body.constant('int64', [], [steps])]) : body.add('Identity', ['going']);
  }
  if (lists === 'inputs' || lists === 'both')
    outer.nodes.push({
      op_type: 'SplitToSequence',
      name: 'split',
      input: ['X'],
      output: ['Xs'],
      attribute: [attribute('axis', timeAxis), attribute('keepdims', 0)],
    });
  const initial = [
    ...(counts ? [outer.constant('int64', [], [0])] : []),
    ...states.map((state) => `${state}0`),
    ...(carries ? [outer.constant('float32', [], [1])] : []),
    ...(lists === 'outputs' || lists === 'both' ? [outer.add('SequenceEmpty', [])] : []),
  ];
  const outputs = [
    ...(counts ? ['time_last'] : []),
    ...states.map((state) => `${state}_last`),
    ...(carries ? ['scale_last'] : []),
    ...(lists === 'outputs' || lists === 'both' ? ['hs_last'] : []),
    'Y',
  ];
  const node: NodeProto =
    form === 'scan'
      ? {
          op_type: 'Scan',
          name: '/net/scan',
          input: [...initial, 'X'],
          output: outputs,
          attribute: [
            attribute('body', graph),
            attribute('num_scan_inputs', 1),
            attribute('scan_input_axes', [timeAxis]),
            attribute('scan_input_directions', [Number(isReverse)]),
            attribute('scan_output_directions', [Number(isReverse)]),
          ],
        }
      : {
          op_type: 'Loop',
          name: '/net/loop',
          input: [outer.constant('int64', [], [stops ? 2 * steps + 1 : steps]), '', ...initial],
          output: outputs,
          attribute: [attribute('body', graph)],
        };
  const model: ModelProto = {
    ir_version: 8,
    opset_import: [{ domain: '', version: 17 }],
    graph: {
      name: 'one',
      node: [...outer.nodes, node],
      initializer,
      input: Object.entries(feeds).map(([name, { dims: sizes }]) =>
        valueInfo(name, 'float32', withShapes ? sizes : sizes.map((_, k) => `${name}${k}`)),
      ),
      output: outputs.flatMap((name) => (name === 'hs_last' || name === 'time_last' ? [] : [valueInfo(name, 'float32')])),
    },
  };
  // A bias apart from the gate's own is added to it, but inside of a reset.
  const expected = new Map<string, Matrix>();
  for (const name of zeros) expected.set(name, { shape: [hidden], data: new Float32Array(hidden) });
  for (const [name, matrix] of weights) {
    const gate = name.slice(2);
    if (coupled && gate === 'f') continue;
    if (name.startsWith('d') && !(resetAfter && gate === 'n')) continue;
    const second = name.startsWith('b') && !(resetAfter && gate === 'n') ? weights.get(of('d', gate)) : undefined;
    const add = name === 'b_f' && forgetBias ? 1 : 0;
    expected.set(name, { shape: matrix.shape, data: matrix.data.map((each, k) => each + (second?.data[k] ?? 0) + add) });
  }
  return {
    title: `${seed}: ${said.join(', ')}`,
    model,
    feeds,
    kind,
    form,
    direction: isReverse ? 'reverse' : 'forward',
    steps,
    batch,
    hidden,
    input,
    isTold: withShapes || hidden > 1,
    weights: expected,
  };
}
