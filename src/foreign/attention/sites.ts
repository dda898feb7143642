// Attention in a graph: a softmax over places whose weights then add up the vectors that stand at these places.
//
// A softmax over classes weighs nothing, one that weighs a matrix of the file looks something up: both are no attention.

import { Attributes } from '../../onnx/attributes.ts';
import type { NodeProto } from '../../onnx/proto.ts';
import type { Scope } from '../scopes.ts';
import type { Statics } from '../statics.ts';

export interface AttentionSite {
  readonly scope: Scope;
  /** What makes the weights, the last of these nodes, and the product. */
  readonly nodes: readonly NodeProto[];
  /** All nodes from the weights to the sum. */
  readonly inside: readonly NodeProto[];
  /** What the softmax is of, and what it gives. */
  readonly scores: string;
  readonly weights: string;
  /** Of the weights, as the file has it: -1 is the last. */
  readonly axis: number;
  /** What is done with the weights until they weigh something. */
  readonly moves: readonly Move[];
  readonly product: WeighedSum;
}

export type Move =
  | { readonly kind: 'transposed'; readonly order: readonly number[] | undefined }
  /** The sizes are those of the value of this name. */
  | { readonly kind: 'reshaped'; readonly as: string }
  | { readonly kind: 'kept' };

/** Weights and values to what the sum is. */
export interface WeighedSum {
  readonly node: NodeProto;
  readonly weights: string;
  readonly values: string;
  readonly result: string;
  readonly form:
    | { readonly kind: 'matmul'; readonly weightsFirst: boolean }
    | { readonly kind: 'einsum'; readonly weights: string; readonly values: string; readonly result: string }
    /** Of a product element by element; no axes where they are of a run alone. */
    | { readonly kind: 'sum'; readonly axes: readonly number[]; readonly keepsAxes: boolean };
}

/** Attention in one graph, in the order of its nodes. Bodies inside it are graphs of their own. */
export function attentionSites(scope: Scope, statics: Statics): AttentionSite[] {
  const readers = new Map<string, NodeProto[]>();
  for (const node of scope.graph.node)
    for (const name of new Set(node.input)) if (name !== '') readers.set(name, [...(readers.get(name) ?? []), node]);
  const finder = new Finder(scope, statics, readers);
  return scope.graph.node.flatMap((node) => finder.site(node));
}

/** Operators after which the weights still are the weights. */
const keeping = new Set(['Identity', 'Dropout', 'Cast']);
const reshaping = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten']);
/** Moves that are followed. */
const FURTHEST = 8;

type Softmax = Pick<AttentionSite, 'scores' | 'weights' | 'axis' | 'nodes'>;

class Finder {
  readonly #scope: Scope;
  readonly #statics: Statics;
  readonly #readers: ReadonlyMap<string, readonly NodeProto[]>;

  constructor(scope: Scope, statics: Statics, readers: ReadonlyMap<string, readonly NodeProto[]>) {
    this.#scope = scope;
    this.#statics = statics;
    this.#readers = readers;
  }

  site(node: NodeProto): AttentionSite[] {
    const softmax = node.op_type === 'Softmax' ? this.#softmax(node) : node.op_type === 'Div' ? this.#spelledOut(node) : undefined;
    if (softmax === undefined) return [];
    const found = this.#weighed(softmax.weights, []);
    return found === undefined ? [] : [{ scope: this.#scope, ...softmax, ...found, nodes: [...softmax.nodes, found.product.node] }];
  }

  #softmax(node: NodeProto): Softmax | undefined {
    const [scores, weights] = [node.input[0], node.output[0]];
    if (!scores || !weights) return undefined;
    return { scores, weights, axis: new Attributes(node).int('axis', -1), nodes: [node] };
  }

  /** exp(x) / sum(exp(x)), perhaps of x without its maximum. */
  #spelledOut(div: NodeProto): Softmax | undefined {
    const [above, below] = div.input;
    const sum = this.#maker(below);
    const exp = this.#maker(above);
    if (exp?.op_type !== 'Exp' || sum?.op_type !== 'ReduceSum' || sum.input[0] !== above) return undefined;
    const axes = this.#axesOf(sum);
    if (axes?.length !== 1) return undefined;
    const shift = this.#maker(exp.input[0]);
    const isShifted = shift?.op_type === 'Sub' && this.#maker(shift.input[1])?.op_type === 'ReduceMax';
    const scores = isShifted ? shift.input[0]! : exp.input[0]!;
    return { scores, weights: div.output[0]!, axis: axes[0]!, nodes: [...(isShifted ? [shift] : []), exp, sum, div] };
  }

  #maker(name: string | undefined): NodeProto | undefined {
    return name === undefined || name === '' ? undefined : this.#statics.definition(this.#scope, name)?.node;
  }

  #axesOf(node: NodeProto): readonly number[] | undefined {
    const given = new Attributes(node).ints('axes');
    if (given.length > 0) return given;
    const data = node.input[1] ? this.#statics.data(this.#scope, node.input[1]) : undefined;
    return data === undefined ? undefined : Array.from(data, Number);
  }

  /** Where the weights weigh what depends on the model's input. */
  #weighed(
    name: string,
    moves: readonly Move[],
    inside: readonly NodeProto[] = [],
  ): Pick<AttentionSite, 'moves' | 'product' | 'inside'> | undefined {
    if (moves.length > FURTHEST) return undefined;
    for (const node of this.#readers.get(name) ?? []) {
      const form = this.#product(node, name);
      if (form !== undefined) return { moves, product: form, inside: [...inside, node, form.node] };
    }
    for (const node of this.#readers.get(name) ?? []) {
      const move = this.#move(node, name);
      const further = move === undefined ? undefined : this.#weighed(node.output[0]!, [...moves, move], [...inside, node]);
      if (further !== undefined) return further;
    }
    return undefined;
  }

  #move(node: NodeProto, name: string): Move | undefined {
    const { op_type: operator, output } = node;
    if (!output[0]) return undefined;
    // What is no number becomes zero: rows that see nothing.
    if (operator === 'Where') {
      const [, one, other] = node.input;
      const isKept = other === name || (one === name && other !== undefined && this.#statics.isZero(this.#scope, other));
      return isKept ? { kind: 'kept' } : undefined;
    }
    if (node.input[0] !== name) return undefined;
    if (keeping.has(operator)) return { kind: 'kept' };
    if (reshaping.has(operator)) return { kind: 'reshaped', as: output[0] };
    if (operator !== 'Transpose') return undefined;
    const order = new Attributes(node).ints('perm');
    return { kind: 'transposed', order: order.length === 0 ? undefined : order };
  }

  #product(node: NodeProto, name: string): WeighedSum | undefined {
    const place = node.input.indexOf(name);
    const values = node.input[1 - place];
    const result = node.output[0];
    if (place < 0 || place > 1 || node.input.length !== 2 || !values || values === name || !result) return undefined;
    if (this.#statics.isConstant(this.#scope, values)) return undefined;
    const own = { node, weights: name, values, result };
    if (node.op_type === 'MatMul') return { ...own, form: { kind: 'matmul', weightsFirst: place === 0 } };
    if (node.op_type === 'Einsum') return this.#einsum(own, place);
    if (node.op_type !== 'Mul') return undefined;
    const sum = (this.#readers.get(result) ?? []).find(({ op_type: operator }) => operator === 'ReduceSum');
    const axes = sum === undefined ? undefined : this.#axesOf(sum);
    if (sum === undefined || axes?.length !== 1 || !sum.output[0]) return undefined;
    const keepsAxes = new Attributes(sum).int('keepdims', 1) !== 0;
    return { ...own, node: sum, result: sum.output[0], form: { kind: 'sum', axes, keepsAxes } };
  }

  #einsum(own: Omit<WeighedSum, 'form'>, place: number): WeighedSum | undefined {
    const equation = new Attributes(own.node).text('equation', '').replace(/\s+/g, '');
    const [, one, other, result] = /^([A-Za-z]+),([A-Za-z]+)->([A-Za-z]*)$/.exec(equation) ?? [];
    if (one === undefined || other === undefined || result === undefined) return undefined;
    const [weights, values] = place === 0 ? [one, other] : [other, one];
    // Something is summed over that both have.
    if (![...weights].some((each) => values.includes(each) && !result.includes(each))) return undefined;
    return { ...own, form: { kind: 'einsum', weights, values, result } };
  }
}
