// ONNX's LSTM, GRU and RNN operators as parts: every attribute of LSTM-22, GRU-22 and RNN-22 and of the versions before.
//
// The operator stacks the matrices of its gates; here they are taken apart, and each gate becomes an equation (equations.ts).

import { Attributes } from '../../onnx/attributes.ts';
import type { NodeProto } from '../../onnx/proto.ts';
import type { Tensor } from '../../runtime/runtime.ts';
import {
  type BoundPart,
  type BoundRun,
  type Direction,
  type Expected,
  type Numbers,
  PartError,
  type Port,
  type RecurrentPart,
} from '../part.ts';
import type { Scope } from '../scopes.ts';
import { concatenated } from '../tensors.ts';
import { activationsOf } from './activations.ts';
import { type Equations, equationsOf } from './equations.ts';
import { joinedGradient } from './joined-gradient.ts';
import { operatorGradient } from './operator-gradient.ts';

export type OperatorKind = 'LSTM' | 'GRU' | 'RNN';

/** Gates in the order in which the operator stacks them, by our names. */
export const gatesOf: Readonly<Record<OperatorKind, readonly string[]>> = {
  LSTM: ['i', 'o', 'f', 'g'],
  GRU: ['z', 'r', 'n'],
  RNN: ['h'],
};

/** Gates whose cell the peepholes see, in the order of P. */
const PEEPHOLES = ['i', 'o', 'f'];

const usualActivations: Readonly<Record<OperatorKind, readonly string[]>> = {
  LSTM: ['Sigmoid', 'Tanh', 'Tanh'],
  GRU: ['Sigmoid', 'Tanh'],
  RNN: ['Tanh'],
};

export const isRecurrentOperator = ({ op_type, domain }: NodeProto): boolean =>
  (domain === undefined || domain === '' || domain === 'ai.onnx') && op_type in gatesOf;

/** What a node says of itself. */
export interface OperatorSettings {
  readonly kind: OperatorKind;
  readonly directions: readonly Direction[];
  readonly hidden: number | undefined;
  /** Sequences come first: X is [B, T, I]. */
  readonly batchFirst: boolean;
  readonly clip: number;
  readonly inputForget: boolean;
  readonly linearBeforeReset: boolean;
}

export function settingsOf(node: NodeProto): OperatorSettings {
  const attributes = new Attributes(node);
  const direction = attributes.text('direction', 'forward').toLowerCase();
  const directions: Readonly<Record<string, readonly Direction[]>> = {
    forward: ['forward'],
    reverse: ['reverse'],
    bidirectional: ['forward', 'reverse'],
  };
  const known = directions[direction];
  if (known === undefined)
    throw new PartError(`${nodeText(node)} has the direction “${direction}”; ONNX knows forward, reverse and bidirectional.`);
  const hidden = attributes.int('hidden_size', 0);
  return {
    kind: node.op_type as OperatorKind,
    directions: known,
    hidden: hidden > 0 ? hidden : undefined,
    batchFirst: attributes.int('layout', 0) === 1,
    clip: attributes.float('clip') ?? 0,
    inputForget: attributes.int('input_forget', 0) !== 0,
    linearBeforeReset: attributes.int('linear_before_reset', 0) !== 0,
  };
}

/** The part that a node is. `isHalf`: of halves, with which the runtime computes as floats. Throws PartError where its attributes are none of the operator's. */
export function operatorPart(node: NodeProto, scope: Scope, name: string, isHalf = false): RecurrentPart {
  const settings = settingsOf(node);
  const equations = settings.directions.map((_, k) => equationsFor(node, settings, k));
  const port = (name: string, floats: 'read' | 'made'): readonly [string, Port][] =>
    name === '' ? [] : [[name, { name, ...(isHalf ? { type: 'float16', floats } : { type: 'float32' }) }]];
  const ports = new Map([...node.input.flatMap((name) => port(name, 'read')), ...node.output.flatMap((name) => port(name, 'made'))]);
  const lengths = node.input[4] ?? '';
  const kept = new KeptWeights();
  const bind: RecurrentPart['bind'] = (values) => new Binding(node, settings, equations, values, kept).part();
  const bindJoined = (calls: readonly ReadonlyMap<string, Tensor>[]): BoundPart => {
    const { gradient, ...bound } = bind(joinedCalls(node, settings, calls));
    // A state that is reset, or changed between two calls, is gone through by nobody.
    const joined = isHandedOn(node, calls) ? joinedGradient(calls.map(bind)) : undefined;
    return joined === undefined ? bound : { ...bound, gradient: joined };
  };
  return {
    name,
    title: node.name ?? '',
    kind: settings.kind.toLowerCase() as RecurrentPart['kind'],
    form: 'operator',
    scope,
    directions: settings.directions,
    ...(settings.hidden === undefined ? {} : { hidden: settings.hidden }),
    ...inputOf(node, scope),
    ...(node.input[0]
      ? {
          sequence: node.input[0],
          layout: { value: node.input[0], steps: settings.batchFirst ? 1 : 0, sequences: settings.batchFirst ? 0 : 1 },
        }
      : {}),
    ...(node.output[0] ? { result: node.output[0] } : {}),
    nodes: [node],
    values: equations[0]!.cell(1, 1, { h: false, c: false }).lines.map((line) => line.name),
    ports: [...ports.values()].map((port): Port => (port.name === lengths ? { name: lengths, type: 'int32' } : port)),
    ...(settings.directions.join() === 'forward' ? { bindJoined } : {}),
    bind,
  };
}

/** Whether each call starts from the states that the one before ended with, as far as these are outputs. */
function isHandedOn({ input, output }: NodeProto, calls: readonly ReadonlyMap<string, Tensor>[]): boolean {
  const given = [1, 2].filter((place) => input[4 + place]);
  if (given.length === 0) return false;
  return calls.slice(1).every((values, k) =>
    given.every((place) => {
      const after = values.get(input[4 + place]!)?.data;
      const before = calls[k]!.get(output[place] || (place === 1 ? output[0]! : ''))?.data;
      if (after === undefined || before === undefined) return true;
      // Of Y, its last step.
      return after.every((each, at) => each === before[before.length - after.length + at]);
    }),
  );
}

/** X and Y one after the other in time, the states from the first call and from the last. */
function joinedCalls(
  node: NodeProto,
  { batchFirst }: OperatorSettings,
  calls: readonly ReadonlyMap<string, Tensor>[],
): Map<string, Tensor> {
  const joined = new Map(calls[0]);
  // Each call has its own lengths, all of them whole.
  joined.delete(node.input[4] ?? '');
  for (const name of [node.input[0], node.output[0]])
    if (name)
      joined.set(
        name,
        concatenated(
          calls.map((values) => values.get(name)!),
          batchFirst ? 1 : 0,
        ),
      );
  for (const name of node.output.slice(1)) if (name) joined.set(name, calls.at(-1)!.get(name)!);
  return joined;
}

function equationsFor(node: NodeProto, settings: OperatorSettings, place: number): Equations {
  const attributes = new Attributes(node);
  const { kind, directions } = settings;
  const usual = usualActivations[kind];
  const given = attributes.texts('activations');
  const names = given.length === 0 ? directions.flatMap(() => usual) : given;
  if (names.length < usual.length * directions.length)
    throw new PartError(`${nodeText(node)} names ${names.length} activations for ${directions.length} directions of ${usual.length}.`);
  const all = activationsOf(names, attributes.floats('activation_alpha'), attributes.floats('activation_beta'));
  const own = all.slice(place * usual.length, (place + 1) * usual.length);
  return equationsOf({ ...settings, activations: own, peepholes: kind === 'LSTM' && (node.input[7] ?? '') !== '', node: nodeText(node) });
}

/** The width of W, where it is an initialiser. */
function inputOf(node: NodeProto, scope: Scope): { readonly input?: number } {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.owner?.scope) {
    const width = at.graph.initializer.find(({ name }) => name === node.input[1])?.dims[2];
    if (width !== undefined) return { input: width };
  }
  return {};
}

/** The weights of the last run: those that are in the file are the same in the next. */
class KeptWeights {
  #of: readonly (Tensor | undefined)[] = [];
  readonly #byPlace = new Map<number, Map<string, Numbers>>();

  weights(of: readonly (Tensor | undefined)[], place: number, make: () => Map<string, Numbers>): Map<string, Numbers> {
    if (of.length !== this.#of.length || of.some((each, k) => each !== this.#of[k])) {
      this.#of = of;
      this.#byPlace.clear();
    }
    const known = this.#byPlace.get(place) ?? make();
    this.#byPlace.set(place, known);
    return known;
  }
}

class Binding {
  readonly #node: NodeProto;
  readonly #settings: OperatorSettings;
  readonly #equations: readonly Equations[];
  readonly #values: ReadonlyMap<string, Tensor>;
  readonly #kept: KeptWeights;

  constructor(
    node: NodeProto,
    settings: OperatorSettings,
    equations: readonly Equations[],
    values: ReadonlyMap<string, Tensor>,
    kept: KeptWeights,
  ) {
    this.#node = node;
    this.#settings = settings;
    this.#equations = equations;
    this.#values = values;
    this.#kept = kept;
  }

  part(): BoundPart {
    const { kind, batchFirst, directions } = this.#settings;
    const [X, W, R] = [this.#input(0, 'X'), this.#input(1, 'W'), this.#input(2, 'R')];
    if (X === undefined || W === undefined || R === undefined) throw new PartError(`${nodeText(this.#node)} lacks X, W or R.`);
    this.#rank('X', X, 3);
    this.#rank('R', R, 3);
    const [steps, batch] = batchFirst ? [X.shape[1]!, X.shape[0]!] : [X.shape[0]!, X.shape[1]!];
    const [input, hidden] = [X.shape[2]!, R.shape[2]!];
    const gates = gatesOf[kind].length;
    this.#shape('W', W, [directions.length, gates * hidden, input]);
    this.#shape('R', R, [directions.length, gates * hidden, hidden]);
    const lengths = this.#lengths(steps, batch);
    const runs = directions.map((direction, place): BoundRun => {
      const cell = this.#equations[place]!.cell(input, hidden, { h: this.#initial(5) !== undefined, c: this.#initial(6) !== undefined });
      return {
        direction,
        cell,
        weights: this.#kept.weights(
          [1, 2, 3, 7].map((index) => this.#values.get(this.#node.input[index] ?? '')),
          place,
          () => this.#weights(place, input, hidden, W, R),
        ),
        sequence: (item) => this.#sequence(item, place, X, lengths[item]!, steps, hidden),
      };
    });
    return { lengths, runs, gradient: operatorGradient(this.#node, this.#settings, { X, lengths, steps, batch, hidden }) };
  }

  #sequence(item: number, place: number, X: Numbers, length: number, steps: number, hidden: number): ReturnType<BoundRun['sequence']> {
    const { batchFirst, directions } = this.#settings;
    const batch = batchFirst ? X.shape[0]! : X.shape[1]!;
    const input = X.shape[2]!;
    const x = batch === 1 ? X.data.subarray(0, length * input) : new Float32Array(length * input);
    for (let t = 0; batch > 1 && t < length; t += 1) {
      const row = batchFirst ? item * steps + t : t * batch + item;
      x.set(X.data.subarray(row * input, (row + 1) * input), t * input);
    }
    const state = (index: 5 | 6): Float32Array | undefined => {
      const tensor = this.#initial(index);
      if (tensor === undefined) return undefined;
      this.#shape(
        index === 5 ? 'initial_h' : 'initial_c',
        tensor,
        batchFirst ? [batch, directions.length, hidden] : [directions.length, batch, hidden],
      );
      const row = batchFirst ? item * directions.length + place : place * batch + item;
      return tensor.data.slice(row * hidden, (row + 1) * hidden);
    };
    const [h, c] = [state(5), this.#settings.kind === 'LSTM' ? state(6) : undefined];
    return {
      inputs: { x, ...(h === undefined ? {} : { h_0: h }), ...(c === undefined ? {} : { c_0: c }) },
      expected: this.#expected(item, place, length, steps, batch, hidden),
    };
  }

  #expected(item: number, place: number, length: number, steps: number, batch: number, hidden: number): Expected[] {
    const { batchFirst, directions } = this.#settings;
    const count = directions.length;
    const found: Expected[] = [];
    const Y = this.#output(0);
    if (Y !== undefined) {
      const isWhole = batch === 1 && count === 1;
      const data = isWhole ? Y.data.subarray(0, length * hidden) : new Float32Array(length * hidden);
      for (let t = 0; !isWhole && t < length; t += 1) {
        const row = batchFirst ? (item * steps + t) * count + place : (t * count + place) * batch + item;
        data.set(Y.data.subarray(row * hidden, (row + 1) * hidden), t * hidden);
      }
      found.push({ line: "h'", data, lastOnly: false });
    }
    for (const [index, line] of [
      [1, "h'"],
      [2, "c'"],
    ] as const) {
      const last = this.#output(index);
      if (last === undefined) continue;
      const row = batchFirst ? item * count + place : place * batch + item;
      found.push({ line, data: last.data.slice(row * hidden, (row + 1) * hidden), lastOnly: true });
    }
    return found;
  }

  /** W, R, B and P of one direction, gate by gate. Biases are added up, but where the operator keeps them apart. */
  #weights(place: number, input: number, hidden: number, W: Numbers, R: Numbers): Map<string, Numbers> {
    const { kind, linearBeforeReset, directions } = this.#settings;
    const gates = gatesOf[kind];
    const B = this.#input(3, 'B');
    if (B !== undefined) this.#shape('B', B, [directions.length, 2 * gates.length * hidden]);
    const P = kind === 'LSTM' ? this.#input(7, 'P') : undefined;
    if (P !== undefined) this.#shape('P', P, [directions.length, PEEPHOLES.length * hidden]);
    const found = new Map<string, Numbers>();
    const bias = (gate: number): Float32Array =>
      B === undefined
        ? new Float32Array(hidden)
        : B.data.slice((place * 2 * gates.length + gate) * hidden, (place * 2 * gates.length + gate + 1) * hidden);
    gates.forEach((gate, k) => {
      const of = (letter: string): string => (kind === 'RNN' ? letter : `${letter}_${gate}`);
      const block = ({ data }: Numbers, width: number): Float32Array => {
        const from = (place * gates.length + k) * hidden * width;
        return data.slice(from, from + hidden * width);
      };
      found.set(of('W'), { shape: [hidden, input], data: block(W, input) });
      found.set(of('U'), { shape: [hidden, hidden], data: block(R, hidden) });
      const [own, past] = [bias(k), bias(gates.length + k)];
      const isApart = kind === 'GRU' && gate === 'n' && linearBeforeReset;
      found.set(of('b'), { shape: [hidden], data: isApart ? own : own.map((each, unit) => each + past[unit]!) });
      if (isApart) found.set('d_n', { shape: [hidden], data: past });
      const peephole = PEEPHOLES.indexOf(gate);
      if (P !== undefined && peephole >= 0) {
        const from = (place * PEEPHOLES.length + peephole) * hidden;
        found.set(`p_${gate}`, { shape: [hidden], data: P.data.slice(from, from + hidden) });
      }
    });
    return found;
  }

  #lengths(steps: number, batch: number): number[] {
    const name = this.#node.input[4] ?? '';
    const tensor = name === '' ? undefined : this.#values.get(name);
    if (tensor === undefined) return Array.from({ length: batch }, () => steps);
    const lengths = Array.from(tensor.data as ArrayLike<number | bigint>, Number);
    const odd = lengths.findIndex((length) => !(length >= 0 && length <= steps));
    if (lengths.length !== batch || odd >= 0)
      throw new PartError(`${nodeText(this.#node)}: sequence_lens is [${lengths.join(', ')}] for ${batch} sequences of ${steps} steps.`);
    return lengths;
  }

  /** An initial state; absent where the file leaves it out. */
  #initial(index: 5 | 6): Numbers | undefined {
    return index === 6 && this.#settings.kind !== 'LSTM' ? undefined : this.#input(index, index === 5 ? 'initial_h' : 'initial_c');
  }

  #input(index: number, what: string): Numbers | undefined {
    return this.#numbers(this.#node.input[index] ?? '', what);
  }

  #output(index: number): Numbers | undefined {
    return this.#numbers(this.#node.output[index] ?? '', 'output');
  }

  #numbers(name: string, what: string): Numbers | undefined {
    if (name === '') return undefined;
    const tensor = this.#values.get(name);
    if (tensor === undefined) throw new PartError(`${nodeText(this.#node)}: its ${what} “${name}” was not computed.`);
    const data = tensor.data instanceof Float32Array ? tensor.data : Float32Array.from(tensor.data as ArrayLike<number | bigint>, Number);
    return { shape: tensor.dims, data };
  }

  #rank(what: string, { shape }: Numbers, rank: number): void {
    if (shape.length !== rank)
      throw new PartError(`${nodeText(this.#node)}: ${what} is [${shape.join(', ')}], and has ${rank} dimensions in ONNX.`);
  }

  #shape(what: string, { shape }: Numbers, expected: readonly number[]): void {
    if (shape.length !== expected.length || shape.some((size, k) => size !== expected[k]))
      throw new PartError(`${nodeText(this.#node)}: ${what} is [${shape.join(', ')}] instead of [${expected.join(', ')}].`);
  }
}

export const nodeText = ({ op_type, name, output }: NodeProto): string =>
  `${op_type} “${name || output.find((each) => each !== '') || '?'}”`;
