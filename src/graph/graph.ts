// The tensor graph: what every stage behind the language works on.
//
// Axes have names, not positions (as in named tensors; Rush, "Tensor Considered Harmful", 2019). Elementwise operations align their operands by
// axis name, contractions name what they sum over, and nothing here transposes, reshapes or expands: the order of axes in memory is
// chosen once, when the graph is lowered (onnx/). So "the same for all timesteps at once" is a value with one more axis, and hoisting,
// vectorising and sinking are small passes.
//
// A graph is a list of nodes in order of evaluation; every value is made once. A pass returns a new graph.

/** The length of an axis: a number, or a name that is bound when the graph runs (`T`, `B`). */
export type Size = number | string;

/** One named axis of a tensor. Within a tensor, names are unique; where one name occurs in two operands, the sizes are equal. */
export interface Axis {
  readonly name: string;
  readonly size: Size;
}

export type DataType = 'float' | 'int' | 'bool';

/** `axes` in the order in which the tensor crosses the border of a graph (row-major); inside, order means nothing. */
export interface TensorType {
  readonly dtype: DataType;
  readonly axes: readonly Axis[];
}

/** A tensor that a graph computes or is given. Identity matters, not structure. */
export interface Value {
  readonly id: number;
  readonly type: TensorType;
  /** What it is called when printed; need not be unique. */
  readonly name?: string;
}

/** Where a value comes from in the user's model: the instance's path (`h[1].forward`) and the line's name (`f`, `c'`). */
export interface Origin {
  readonly instance: string;
  readonly line: string;
}

/** Attributes of every operation; the keys are the closed set of operations. Rule tables are mapped types over it. */
export interface Operations {
  /** A number, the same everywhere. No inputs. */
  constant: { readonly value: number; readonly type: TensorType };
  /** 0, 1, 2, ... along one axis (int). No inputs. */
  iota: { readonly axis: Axis };

  // elementwise, one operand
  neg: None;
  exp: None;
  log: None;
  sqrt: None;
  abs: None;
  sign: None;
  sigmoid: None;
  tanh: None;
  relu: None;
  /** The exact form with erf (Hendrycks & Gimpel 2016). */
  gelu: None;
  softplus: None;
  erf: None;
  sin: None;
  cos: None;
  isnan: None;
  not: None;
  cast: { readonly dtype: DataType };

  // elementwise, two operands (axes: those of the first, then what only the second has)
  add: None;
  sub: None;
  mul: None;
  div: None;
  pow: None;
  minimum: None;
  maximum: None;
  less: None;
  lessEqual: None;
  equal: None;
  and: None;
  or: None;
  /** where(condition, a, b) */
  where: None;

  /** Product of two tensors, summed over the named axes; other axes that both have are batch axes. Einstein summation of two operands. */
  contract: { readonly over: readonly string[] };
  sum: { readonly over: readonly string[] };
  /** Largest along the axes. */
  max: { readonly over: readonly string[] };
  /** Position of the largest along one axis, the first of equals (int). */
  argmax: { readonly over: string };
  softmax: { readonly over: string };
  /** log(sum(exp(x))) along one axis; the axis goes. */
  logsumexp: { readonly over: string };
  /** Running sum along one axis. */
  cumsum: { readonly over: string; readonly reverse: boolean };

  /** The operands' axes `from[k]` one behind the other, as the axis `to`. All operands have the same other axes. */
  concat: { readonly from: readonly string[]; readonly to: Axis };
  /** Elements start .. start + to.size of axis `from`, as axis `to`. */
  slice: { readonly from: string; readonly start: number; readonly to: Axis };
  /** The transpose of slice: zeros around axis `from`, which becomes `to`; its first element stands at `start`. */
  pad: { readonly from: string; readonly start: number; readonly to: Axis };
  /** An axis as two, row-major: place `k * to[1].size + l` becomes (k, l). */
  split: { readonly from: string; readonly to: readonly [Axis, Axis] };
  /** The opposite: two axes as one. */
  merge: { readonly from: readonly [string, string]; readonly to: Axis };
  /** An axis under another name; no work. */
  rename: { readonly from: string; readonly to: string };
  /** The same values along one more axis. */
  broadcast: { readonly axis: Axis };

  /** gather(x, index): rows of x along `axis` by an int index. Axes that both have (but `axis`) are batch axes.
   *  An index outside 0 .. size-1 gives an undefined row. */
  gather: { readonly axis: string };
  /** The transpose of gather: scatterAdd(updates, index): zeros with axis `axis`, to which the updates are added at the index; summed over
   *  the index's axes that are not in `keep`. */
  scatterAdd: { readonly axis: Axis; readonly keep: readonly string[] };
  /** 1 where the axis' position is the index, else 0. */
  oneHot: { readonly axis: Axis; readonly dtype: DataType };
  /** x along `axis`, moved by `by` places (y[t] = x[t - by]); what comes from outside is `fill`. */
  shift: { readonly axis: string; readonly by: number; readonly fill: number };
  /** reverse(x, lengths?): turned along `axis`, within each row's length where lengths (int, batch axes) are given; padding stays. */
  reverse: { readonly axis: string };

  /** pack(x, mask): the places of x where the mask holds, row-major in the mask's axes, one behind the other as the axis `to`, which stands for
   *  the mask's axes. x has all of them. The size of `to` is a name that no other mask's has: the mask binds it when the graph runs. Not in bodies. */
  pack: { readonly to: Axis };
  /** The transpose of pack: unpack(x, mask): the axis `from` as the mask's axes; zero where the mask does not hold. */
  unpack: { readonly from: string };

  /** Convolution and its two transposes in one. A window relates three axes: place j of `place` sees, through the offset k of `offset`,
   *  the place i = stride * j + k - before of `whole`. Two operands have two of the three axes of each window, the result has the third, which
   *  `makes` names: sums of products over all (i, j, k) that are so related, and over the axes of `over`, which both operands have; other
   *  axes that both have are batch axes. x and kernel make the places (the convolution, in the field's sense: the kernel is not mirrored); places and kernel make
   *  the whole (its gradient for x); x and places make the offsets (its gradient for the kernel). So its derivatives are itself. */
  convolve: { readonly over: readonly string[]; readonly windows: readonly Window[]; readonly makes: WindowPart };
  /** The largest or the mean of windows side by side: place j of `to` is of the places size * j .. size * j + size - 1 of `from`; the last
   *  window ends where the axis ends. */
  pool: { readonly windows: readonly Pool[]; readonly of: 'max' | 'mean' };
  /** Each place of `from` at all the places of `to` that pool makes it of. */
  unpool: { readonly windows: readonly Pool[] };

  /** One body for each place of an axis, in order, with state. Inputs: scanned, then held, then the initial states.
   *  Outputs: the stacked outputs (each with the axis), then the final states. */
  recur: RecurAttributes;

  /** The value itself; where differentiation stops. */
  stopGradient: None;
}

export type WindowPart = 'whole' | 'place' | 'offset';

/** How three axes of a convolution are related. */
export interface Window extends Readonly<Record<WindowPart, Axis>> {
  readonly stride: number;
  /** How many offsets reach before place 0. */
  readonly before: number;
}

/** An axis that pool makes smaller (`from` is the long one), or unpool longer (`to` is). */
export interface Pool {
  readonly from: string;
  readonly to: Axis;
  readonly size: number;
}

export type None = Readonly<Record<never, never>>;
export type OperationName = keyof Operations;

export interface RecurAttributes {
  readonly axis: Axis;
  /** From the last place to the first. Stacked outputs stand at the place they belong to, whatever the order. */
  readonly reverse: boolean;
  readonly scanned: number;
  readonly held: number;
  readonly states: number;
  /** Parameters: scanned (without the axis), held, states. Results: the outputs of this step, then the next states. */
  readonly body: Graph;
}

export interface Node<Name extends OperationName = OperationName> {
  readonly operation: Name;
  readonly attributes: Operations[Name];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly origin?: Origin;
}

/** A node, as a union that narrows on `operation`. */
export type AnyNode = { [Name in OperationName]: Node<Name> }[OperationName];

export interface Graph {
  readonly parameters: readonly Value[];
  readonly nodes: readonly AnyNode[];
  readonly results: readonly Value[];
}

export const axisOf = (value: Value, name: string): Axis | undefined => value.type.axes.find((axis) => axis.name === name);
export const hasAxis = (value: Value, name: string): boolean => value.type.axes.some((axis) => axis.name === name);
export const axisNames = (value: Value): string[] => value.type.axes.map((axis) => axis.name);
export const tensor = (axes: readonly Axis[], dtype: DataType = 'float'): TensorType => ({ dtype, axes });

let lastId = 0;
/** A new value, distinct from all others. */
export function makeValue(type: TensorType, name?: string): Value {
  lastId += 1;
  return name === undefined ? { id: lastId, type } : { id: lastId, type, name };
}
