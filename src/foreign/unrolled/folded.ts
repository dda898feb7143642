// Whether a simplifier computed something of the first step from a zero state: what the step would compute from zeros must be what it has there.

import { Attributes } from '../../onnx/attributes.ts';
import type { NodeProto, TensorProto } from '../../onnx/proto.ts';
import { numbersOfTensor } from '../file-numbers.ts';
import { isFloating } from '../statics.ts';
import type { Alignment } from './align.ts';
import type { Operands } from './cores.ts';
import type { IndexedGraph } from './indexed-graph.ts';
import type { NodeClass } from './lockstep.ts';

/** A value as far as it is known: zeros of any shape, numbers by their last axes, or just itself. */
type Known =
  | { readonly kind: 'zero' }
  | { readonly kind: 'numbers'; readonly dims: readonly number[]; readonly data: Float64Array }
  | Itself;
interface Itself {
  readonly kind: 'value';
  readonly value: number;
}

const ZERO: Known = { kind: 'zero' };

/** Whether the first step is what it would be if the classes of a group, which it lacks, had read a state of zeros. */
export function isZeroStart(
  graph: IndexedGraph,
  operands: Operands,
  alignment: Alignment,
  core: readonly NodeClass[],
  group: readonly NodeClass[],
): boolean {
  const start = new ZeroStart(graph, operands, alignment, core);
  const missing = new Set(group);
  let isRead = false;
  for (const own of core)
    for (const [operand, each] of operands.get(own)!.entries()) {
      if (each.kind !== 'link' || !missing.has(each.from)) continue;
      // The reader of what the first step would have made.
      const node = alignment.node(own, -alignment.shift(own, each.from, each.shift));
      if (node === undefined) continue;
      isRead = true;
      const computed = start.valueOf(each.from, each.output);
      if (computed === undefined || !start.isSame(computed, graph.nodes[node]!.inputs[operand]!)) return false;
    }
  return isRead;
}

class ZeroStart {
  readonly #graph: IndexedGraph;
  readonly #operands: Operands;
  readonly #alignment: Alignment;
  readonly #core: readonly NodeClass[];
  readonly #known = new Map<NodeClass, readonly (Known | undefined)[] | undefined>();

  constructor(graph: IndexedGraph, operands: Operands, alignment: Alignment, core: readonly NodeClass[]) {
    this.#graph = graph;
    this.#operands = operands;
    this.#alignment = alignment;
    this.#core = core;
  }

  /** What a class gives in the first step. */
  valueOf(own: NodeClass, output: number): Known | undefined {
    const node = this.#alignment.node(own, 0);
    if (node !== undefined) return { kind: 'value', value: this.#graph.nodes[node]!.outputs[output]! };
    if (!this.#known.has(own)) {
      this.#known.set(own, undefined);
      const read = this.#operands.get(own)!.map((_, operand) => this.#operand(own, operand));
      this.#known.set(own, computed(this.#graph.nodes[own.members[0]!]!.proto, read));
    }
    return this.#known.get(own)?.[output];
  }

  #operand(own: NodeClass, operand: number): Known | undefined {
    const each = this.#operands.get(own)![operand]!;
    if (each.kind === 'held') return this.#given(each.value);
    if (each.kind !== 'link') return undefined;
    if (!this.#alignment.offsets.has(each.from)) {
      // Not of the core: a step's input.
      const node = each.from.members[own.first - 1 + each.shift - each.from.first];
      return node === undefined ? undefined : { kind: 'value', value: this.#graph.nodes[node]!.outputs[each.output]! };
    }
    if (this.#alignment.shift(own, each.from, each.shift) === 0) return this.valueOf(each.from, each.output);
    const initial = this.#initial(each.from, each.output);
    return initial === undefined ? ZERO : this.#given(initial);
  }

  /** The initial state that others read. */
  #initial(from: NodeClass, output: number): number | undefined {
    for (const own of this.#core)
      for (const [operand, each] of this.#operands.get(own)!.entries()) {
        if (each.kind !== 'link' || each.from !== from || each.output !== output) continue;
        const node = this.#alignment.shift(own, from, each.shift) === -1 ? this.#alignment.node(own, 0) : undefined;
        if (node !== undefined) return this.#graph.nodes[node]!.inputs[operand];
      }
    return undefined;
  }

  #given(value: number, depth = 0): Known {
    if (isZero(this.#graph, value, 0)) return ZERO;
    const { tensor } = this.#graph.values[value]!;
    if (tensor !== undefined) return numbersOf(tensor) ?? { kind: 'value', value };
    const { isConstant, producer, output } = this.#graph.values[value]!;
    const node = isConstant && depth < 6 ? this.#graph.nodes[producer] : undefined;
    const read = node?.inputs.map((each) => (each < 0 ? undefined : this.#given(each, depth + 1)));
    const found = node === undefined ? undefined : computed(node.proto, read!)?.[output];
    return found ?? { kind: 'value', value };
  }

  isSame(found: Known, value: number): boolean {
    if (found.kind === 'value') return found.value === value;
    const given = this.#given(value);
    if (found.kind === 'zero' || given.kind !== 'numbers') return given.kind === found.kind;
    // Same along the last axes, repeated along those in front.
    const { data } = found;
    if (given.data.length % data.length !== 0) return false;
    return given.data.every((each, k) => Math.abs(each - data[k % data.length]!) <= 1e-5 * (Math.abs(each) + 1e-3));
  }
}

/** Whether a value is all zeros, also one that is made while the model runs. */
export function isZero(graph: IndexedGraph, value: number, depth: number): boolean {
  const { tensor, producer } = graph.values[value]!;
  if (tensor !== undefined) return numbersOf(tensor)?.data.every((each) => each === 0) ?? false;
  if (producer < 0 || depth > 6) return false;
  const { proto, inputs } = graph.nodes[producer]!;
  if (proto.op_type === 'ConstantOfShape') {
    const filled = proto.attribute.find(({ name }) => name === 'value')?.t;
    return filled === undefined || (numbersOf(filled)?.data.every((each) => each === 0) ?? false);
  }
  return MOVES.has(proto.op_type) && inputs[0] !== undefined && inputs[0] >= 0 && isZero(graph, inputs[0], depth + 1);
}

/** Operators that only move numbers about: zeros stay zeros. */
const MOVES = new Set('Identity Reshape Transpose Unsqueeze Squeeze Slice Split Expand Cast Flatten Gather Tile Dropout'.split(' '));
/** Those that keep the order. */
const KEEPS = new Set('Reshape Unsqueeze Squeeze Cast Flatten'.split(' '));
const ZERO_TO_ZERO = new Set('Tanh Relu Neg Abs Sqrt Sign Sin Erf Gelu Elu Selu LeakyRelu Softsign ReduceSum ReduceMean'.split(' '));

/** The results of a node; undefined where nothing is known. */
function computed(node: NodeProto, [a, b, c]: readonly (Known | undefined)[]): (Known | undefined)[] | undefined {
  const attributes = new Attributes(node);
  const zero = a?.kind === 'zero';
  const all = (known: Known | undefined): (Known | undefined)[] => node.output.map(() => known);
  switch (node.op_type) {
    case 'MatMul':
    case 'FusedMatMul':
    case 'Mul':
      return zero || b?.kind === 'zero' ? all(ZERO) : undefined;
    case 'Div':
      return zero ? all(ZERO) : undefined;
    case 'Gemm':
      if (!zero && b?.kind !== 'zero') return undefined;
      return all(node.input[2] === undefined || node.input[2] === '' ? ZERO : (attributes.float('beta') ?? 1) === 1 ? c : undefined);
    case 'Add':
      if (zero) return all(b);
      if (b?.kind === 'zero') return all(a);
      return all(summed(a, b, 1));
    case 'Sub':
      if (b?.kind === 'zero') return all(a);
      return all(summed(a, b, -1));
    case 'Sigmoid':
      if (zero) return all({ kind: 'numbers', dims: [], data: Float64Array.of(0.5) });
      return all(mapped(a, (each) => 1 / (1 + Math.exp(-each))));
    case 'Tanh':
      return all(zero ? ZERO : mapped(a, Math.tanh));
    case 'LayerNormalization':
      return zero ? [c ?? ZERO] : undefined;
    case 'Split':
      return zero ? all(ZERO) : parts(node, a);
    case 'Identity':
    case 'Dropout':
      return [a];
    default:
      if (zero && (MOVES.has(node.op_type) || ZERO_TO_ZERO.has(node.op_type))) return all(ZERO);
      return a?.kind === 'numbers' && KEEPS.has(node.op_type) ? [a] : undefined;
  }
}

function mapped(known: Known | undefined, of: (each: number) => number): Known | undefined {
  return known?.kind === 'numbers' ? { ...known, data: known.data.map(of) } : undefined;
}

function summed(a: Known | undefined, b: Known | undefined, sign: number): Known | undefined {
  if (a?.kind !== 'numbers' || b?.kind !== 'numbers') return undefined;
  const [long, short] = a.data.length >= b.data.length ? [a, b] : [b, a];
  if (short.data.length === 0 || long.data.length % short.data.length !== 0) return undefined;
  const at = ({ data }: { readonly data: Float64Array }, k: number): number => data[k % data.length]!;
  return { ...long, data: long.data.map((_, k) => at(a, k) + sign * at(b, k)) };
}

/** Split along the last axis. A wrong guess of which that is shows when the parts are compared. */
function parts(node: NodeProto, known: Known | undefined): Known[] | undefined {
  if (known?.kind !== 'numbers') return undefined;
  const width = known.dims.at(-1) ?? 0;
  const count = node.output.length;
  if (width === 0 || width % count !== 0) return undefined;
  const size = width / count;
  const rows = known.data.length / width;
  return node.output.map((_, k) => {
    const data = new Float64Array(rows * size);
    for (let row = 0; row < rows; row += 1) data.set(known.data.subarray(row * width + k * size, row * width + (k + 1) * size), row * size);
    return { kind: 'numbers', dims: [...known.dims.slice(0, -1), size], data };
  });
}

/** Undefined where they are no floating-point numbers, or kept elsewhere. */
function numbersOf(tensor: TensorProto): (Known & { readonly kind: 'numbers' }) | undefined {
  const list = isFloating(tensor.data_type) ? numbersOfTensor(tensor) : undefined;
  return list === undefined ? undefined : { kind: 'numbers', dims: tensor.dims, data: Float64Array.from(list) };
}
