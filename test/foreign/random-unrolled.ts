// Recurrences spelled out step by step, in the forms that exporters and simplifiers give them.

import type { ModelProto, NodeProto, TensorProto, ValueInfo } from '../../src/onnx/proto.ts';
import { type AttributeValue, attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';

export interface UnrolledCase {
  readonly title: string;
  readonly model: ModelProto;
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly steps: number;
  /** Of each recurrence, in no order: how many states, and which way it runs. */
  readonly expected: readonly { readonly states: number; readonly direction: 'forward' | 'reverse' }[];
}

export interface UnrolledSettings {
  readonly kind: 'rnn' | 'lstm' | 'gru' | 'own' | 'attention';
  readonly steps: number;
  readonly layers: number;
  /** Layer by layer, or all layers of a step before the next step. */
  readonly interleaved: boolean;
  readonly directions: readonly ('forward' | 'reverse')[];
  readonly start: 'given' | 'zeros' | 'folded' | 'eliminated' | 'computed';
  readonly slices: 'gather' | 'split' | 'slice';
  readonly result: 'stack' | 'sequence' | 'last';
  readonly affine: 'Gemm' | 'MatMul';
  readonly readout: boolean;
  readonly shuffled: boolean;
}

const [BATCH, INPUT, HIDDEN, SOURCE] = [2, 3, 4, 5];

export function unrolledCase(seed: number, given: Partial<UnrolledSettings> = {}): UnrolledCase {
  const random = generator(seed + 1);
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  const settings: UnrolledSettings = {
    kind: pick('rnn', 'lstm', 'gru', 'own', 'attention'),
    steps: pick(2, 3, 4, 6, 9),
    layers: pick(1, 1, 2, 3),
    interleaved: pick(true, false),
    directions: pick(['forward'], ['forward'], ['reverse'], ['forward', 'reverse']),
    start: pick('given', 'zeros', 'folded', 'eliminated', 'computed'),
    slices: pick('gather', 'split', 'slice'),
    result: pick('stack', 'sequence', 'last'),
    affine: pick('Gemm', 'MatMul'),
    readout: pick(true, false),
    shuffled: pick(true, false),
    ...given,
  };
  const graph = new FlatGraph(random);
  const feeds = writeModel(graph, settings);
  const { kind, layers, directions, steps } = settings;
  return {
    title: `${seed}: ${JSON.stringify(settings)}`,
    model: graph.model(settings.shuffled),
    feeds,
    steps,
    expected: directions.flatMap((direction) => Array.from({ length: layers }, () => ({ states: kind === 'lstm' ? 2 : 1, direction }))),
  };
}

/** A graph under construction; names say nothing. */
export class FlatGraph {
  readonly #nodes: NodeProto[] = [];
  readonly #initialisers: TensorProto[] = [];
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: string[] = [];
  readonly #random: () => number;
  #count = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  name(): string {
    const odd = ['/', 'h', 'état.', ' t', '::', 'val_', 'W'];
    return `${odd[Math.floor(this.#random() * odd.length)]}${(this.#count++ * 7919) % 9999991}`;
  }

  nodes(op_type: string, input: readonly string[], attributes: Readonly<Record<string, AttributeValue>>, outputs: number): string[] {
    const output = Array.from({ length: outputs }, () => this.name());
    const written = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    this.#nodes.push({ op_type, input: [...input], output, attribute: written, name: this.name() });
    return output;
  }

  node(op_type: string, input: readonly string[], attributes: Readonly<Record<string, AttributeValue>> = {}): string {
    return this.nodes(op_type, input, attributes, 1)[0]!;
  }

  numbers(dims: readonly number[], data?: readonly number[]): string {
    const count = dims.reduce((product, size) => product * size, 1);
    const name = this.name();
    this.#initialisers.push(tensorProto('float32', dims, data ?? Array.from({ length: count }, () => this.#random() * 1.6 - 0.8), name));
    return name;
  }

  integers(values: readonly number[], isScalar = false): string {
    const name = this.name();
    this.#initialisers.push(tensorProto('int64', isScalar ? [] : [values.length], values, name));
    return name;
  }

  input(dims: readonly number[]): { readonly name: string; readonly tensor: Tensor } {
    const name = this.name();
    this.#inputs.push(valueInfo(name, 'float32', dims));
    const count = dims.reduce((product, size) => product * size, 1);
    return { name, tensor: { type: 'float32', dims, data: Float32Array.from({ length: count }, () => this.#random() * 2 - 1) } };
  }

  output(name: string): void {
    this.#outputs.push(this.node('Identity', [name]));
  }

  data(name: string): number[] {
    const { raw_data } = this.#initialisers.find((each) => each.name === name)!;
    return [...new Float32Array(Uint8Array.from(raw_data!).buffer)];
  }

  model(shuffled = false): ModelProto {
    return {
      ir_version: 9,
      opset_import: [{ domain: '', version: 18 }],
      graph: {
        name: 'flat',
        node: shuffled ? this.#shuffled() : this.#nodes,
        initializer: this.#initialisers,
        input: this.#inputs,
        output: this.#outputs.map((name) => ({ name })),
      },
    };
  }

  /** In another order in which each node stands behind those that it reads. */
  #shuffled(): NodeProto[] {
    const producer = new Map(this.#nodes.flatMap((node, k) => node.output.map((name): [string, number] => [name, k])));
    const waiting = this.#nodes.map(({ input }) => new Set(input.flatMap((name) => producer.get(name) ?? [])));
    const ready = waiting.flatMap((others, k) => (others.size === 0 ? [k] : []));
    const readers = this.#nodes.map((): number[] => []);
    waiting.forEach((others, k) => {
      for (const other of others) readers[other]!.push(k);
    });
    const order: NodeProto[] = [];
    while (ready.length > 0) {
      const [next] = ready.splice(Math.floor(this.#random() * ready.length), 1);
      order.push(this.#nodes[next!]!);
      for (const reader of readers[next!]!) {
        waiting[reader]!.delete(next!);
        if (waiting[reader]!.size === 0) ready.push(reader);
      }
    }
    return order;
  }
}

interface Cell {
  /** States after one step; the first is the output. States that are undefined are zeros of which nothing is left. */
  step(x: string, states: readonly (string | undefined)[]): string[];
  readonly states: number;
}

function writeModel(graph: FlatGraph, settings: UnrolledSettings): Record<string, Tensor> {
  const { steps, layers, directions, interleaved, kind } = settings;
  const sequence = graph.input([BATCH, steps, INPUT]);
  const feeds: Record<string, Tensor> = { [sequence.name]: sequence.tensor };
  const source = graph.input([BATCH, SOURCE, HIDDEN]);
  if (kind === 'attention') feeds[source.name] = source.tensor;
  else graph.model().graph.input.pop();
  for (const direction of directions) {
    const time = Array.from({ length: steps }, (_, step) => (direction === 'reverse' ? steps - 1 - step : step));
    const x = time.map(slicer(graph, settings, sequence.name));
    const cells = Array.from({ length: layers }, (_, layer) => cellOf(graph, settings, layer === 0 ? INPUT : HIDDEN, source.name));
    const states = cells.map((cell) => Array.from({ length: cell.states }, () => startOf(graph, settings, feeds, sequence.name)));
    const outputs = cells.map((): string[] => []);
    const run = (layer: number, step: number): void => {
      states[layer] = cells[layer]!.step(layer === 0 ? x[step]! : outputs[layer - 1]![step]!, states[layer]!);
      outputs[layer]!.push(states[layer]![0]!);
    };
    if (interleaved) for (let step = 0; step < steps; step += 1) for (let layer = 0; layer < layers; layer += 1) run(layer, step);
    else for (let layer = 0; layer < layers; layer += 1) for (let step = 0; step < steps; step += 1) run(layer, step);
    writeResult(graph, settings, outputs.at(-1)!);
  }
  return feeds;
}

/** The step at a place of a sequence [B, T, I]. */
function slicer(graph: FlatGraph, { slices, steps }: UnrolledSettings, sequence: string): (place: number) => string {
  if (slices === 'gather') return (place) => graph.node('Gather', [sequence, graph.integers([place], true)], { axis: 1 });
  const axes = graph.integers([1]);
  if (slices === 'slice')
    return (place) =>
      graph.node('Squeeze', [graph.node('Slice', [sequence, graph.integers([place]), graph.integers([place + 1]), axes]), axes]);
  const parts = graph.nodes('Split', [sequence], { axis: 1, num_outputs: steps }, steps);
  return (place) => graph.node('Squeeze', [parts[place]!, axes]);
}

function startOf(graph: FlatGraph, { start }: UnrolledSettings, feeds: Record<string, Tensor>, sequence: string): string | undefined {
  switch (start) {
    case 'given': {
      const { name, tensor } = graph.input([BATCH, HIDDEN]);
      feeds[name] = tensor;
      return name;
    }
    case 'zeros':
      return graph.numbers([BATCH, HIDDEN], new Array<number>(BATCH * HIDDEN).fill(0));
    case 'computed': {
      // Made by operators that the cell has too.
      const first = graph.node('Gather', [sequence, graph.integers([0], true)], { axis: 1 });
      return graph.node('Tanh', [graph.node('Gemm', [first, graph.numbers([INPUT, HIDDEN]), graph.numbers([HIDDEN])])]);
    }
    case 'folded':
    case 'eliminated':
      return undefined;
  }
}

function writeResult(graph: FlatGraph, { result, readout, affine }: UnrolledSettings, outputs: readonly string[]): void {
  const [W, b] = [graph.numbers([HIDDEN, 2]), graph.numbers([2])];
  const read = (each: string): string => (readout ? product(graph, affine, each, W, b) : each);
  const axis = graph.integers([1]);
  if (result === 'last') graph.output(read(outputs.at(-1)!));
  else if (result === 'stack')
    graph.output(
      graph.node(
        'Concat',
        outputs.map((each) => graph.node('Unsqueeze', [read(each), axis])),
        { axis: 1 },
      ),
    );
  else graph.output(graph.node('ConcatFromSequence', [graph.node('SequenceConstruct', outputs.map(read))], { axis: 1, new_axis: 1 }));
}

function product(graph: FlatGraph, affine: UnrolledSettings['affine'], x: string, W: string, b: string): string {
  return affine === 'Gemm' ? graph.node('Gemm', [x, W, b]) : graph.node('Add', [graph.node('MatMul', [x, W]), b]);
}

function cellOf(graph: FlatGraph, settings: UnrolledSettings, input: number, source: string): Cell {
  const { kind, affine, start } = settings;
  const gates = { rnn: 1, lstm: 4, gru: 3, own: 1, attention: 1 }[kind];
  const width = gates * HIDDEN;
  const [W, U, b, d] = [graph.numbers([input, width]), graph.numbers([HIDDEN, width]), graph.numbers([width]), graph.numbers([width])];
  /** U h + d; of no state what a simplifier leaves of it. */
  const past = (h: string | undefined): string | undefined => {
    if (h !== undefined) return product(graph, affine, h, U, d);
    return graph.numbers([BATCH, width], Array.from({ length: BATCH }, () => graph.data(d)).flat());
  };
  const unary = (op: string, each: string): string => graph.node(op, [each]);
  const binary = (op: string, a: string, c: string): string => graph.node(op, [a, c]);
  /** a * state, and a sum with it, where the state may be zeros. */
  const zeros = (): string => graph.numbers([BATCH, HIDDEN], new Array<number>(BATCH * HIDDEN).fill(0));
  const times = (a: string, state: string | undefined): string | undefined =>
    state !== undefined ? binary('Mul', a, state) : start === 'eliminated' ? undefined : binary('Mul', a, zeros());
  const plus = (a: string | undefined, c: string): string => (a === undefined ? c : binary('Add', a, c));
  switch (kind) {
    case 'rnn':
      return { states: 1, step: (x, [h]) => [unary('Tanh', plus(past(h), product(graph, affine, x, W, b)))] };
    case 'own': {
      const [scale, shift, leak] = [graph.numbers([HIDDEN]), graph.numbers([HIDDEN]), graph.numbers([HIDDEN])];
      return {
        states: 1,
        step: (x, [h]) => {
          const sum = plus(past(h), product(graph, affine, x, W, b));
          const n = unary('Tanh', graph.node('LayerNormalization', [sum, scale, shift], { axis: -1 }));
          return [plus(times(leak, h), n)];
        },
      };
    }
    case 'lstm':
      return {
        states: 2,
        step: (x, [h, c]) => {
          const sum = plus(past(h), product(graph, affine, x, W, b));
          const [i, f, g, o] = graph.nodes('Split', [sum], { axis: 1, num_outputs: 4 }, 4) as [string, string, string, string];
          const kept = times(unary('Sigmoid', f), c);
          const stored = binary('Mul', unary('Sigmoid', i), unary('Tanh', g));
          const cell = plus(kept, stored);
          return [binary('Mul', unary('Sigmoid', o), unary('Tanh', cell)), cell];
        },
      };
    case 'gru': {
      const one = graph.numbers([], [1]);
      return {
        states: 1,
        step: (x, [h]) => {
          const own = graph.nodes('Split', [product(graph, affine, x, W, b)], { axis: 1, num_outputs: 3 }, 3);
          const before = graph.nodes('Split', [past(h)!], { axis: 1, num_outputs: 3 }, 3);
          const z = unary('Sigmoid', binary('Add', own[0]!, before[0]!));
          const r = unary('Sigmoid', binary('Add', own[1]!, before[1]!));
          const n = unary('Tanh', binary('Add', own[2]!, binary('Mul', r, before[2]!)));
          return [plus(times(z, h), binary('Mul', binary('Sub', one, z), n))];
        },
      };
    }
    case 'attention': {
      const Q = graph.numbers([HIDDEN, HIDDEN]);
      const V = graph.numbers([HIDDEN, HIDDEN]);
      const axis = graph.integers([1]);
      return {
        states: 1,
        step: (x, [h]) => {
          const state = h ?? zeros();
          const query = graph.node('Unsqueeze', [graph.node('MatMul', [state, Q]), axis]);
          const keys = graph.node('Transpose', [source], { perm: [0, 2, 1] });
          const weights = graph.node('Softmax', [graph.node('MatMul', [query, keys])], { axis: -1 });
          const context = graph.node('Squeeze', [graph.node('MatMul', [weights, source]), axis]);
          const sum = binary('Add', product(graph, affine, state, U, d), product(graph, affine, x, W, b));
          return [unary('Tanh', binary('Add', sum, graph.node('MatMul', [context, V])))];
        },
      };
    }
  }
}

export function generator(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
