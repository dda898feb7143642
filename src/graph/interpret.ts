// Computes graphs in double precision, one element after the other: the oracle of the tests, simple rather than fast.

import type { AnyNode, Axis, Graph, Node, OperationName, Size, Value, Window, WindowPart } from './graph.ts';
import { GraphError, show } from './shapes.ts';

/** Row-major in the order of `axes`. Integers and truth values (0, 1) are numbers too. */
export interface NamedArray {
  readonly axes: readonly { readonly name: string; readonly size: number }[];
  readonly data: Float64Array;
}

/** The results of the graph, their axes in the order of their types. `feeds` has an array for each parameter, its axes in any order. */
export function interpret(graph: Graph, feeds: ReadonlyMap<Value, NamedArray>, sizes: Readonly<Record<string, number>> = {}): NamedArray[] {
  const known = new Map<Value, NamedArray>();
  const own: Record<string, number> = { ...sizes };
  const bind = (axis: Axis): { name: string; size: number } => ({ name: axis.name, size: bound(axis.size, own) });
  for (const parameter of graph.parameters) {
    const feed = feeds.get(parameter);
    if (feed === undefined) throw new GraphError(`nothing is fed to ${show(parameter)}`);
    known.set(parameter, arranged(feed, parameter.type.axes.map(bind)));
  }
  const find = (value: Value): NamedArray => {
    const found = known.get(value);
    if (found === undefined) throw new GraphError(`${show(value)} is used before it is made`);
    return found;
  };
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(find);
    if (node.operation === 'pack') own[node.attributes.to.size] = inputs[1]!.data.reduce((count, each) => count + each, 0);
    const types = node.outputs.map((output) => output.type.axes.map(bind));
    const outputs = node.operation === 'recur' ? recur(node, inputs, sizes) : [evaluate(node, inputs, types[0]!)];
    node.outputs.forEach((output, k) => {
      known.set(output, arranged(outputs[k]!, types[k]!));
    });
  }
  return graph.results.map(find);
}

type Axes = NamedArray['axes'];
type Index = Record<string, number>;

/** One output element from the operands' elements at an index by axis name. */
type Element<Name extends OperationName> = (inputs: readonly Reader[], index: Index, node: Node<Name>) => number;

const elements: { readonly [Name in Exclude<OperationName, 'recur' | 'contract' | 'scatterAdd' | 'convolve'>]: Element<Name> } = {
  constant: (_, __, { attributes }) => attributes.value,
  iota: (_, index, { attributes }) => index[attributes.axis.name]!,

  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  abs: unary(Math.abs),
  sign: unary(Math.sign),
  sigmoid: unary((x) => 1 / (1 + Math.exp(-x))),
  tanh: unary(Math.tanh),
  relu: unary((x) => Math.max(x, 0)),
  gelu: unary((x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2))),
  softplus: unary((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  erf: unary(erf),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  isnan: unary((x) => Number(Number.isNaN(x))),
  not: unary((x) => 1 - x),
  cast: ([x], index, { attributes: { dtype } }) => {
    const value = x!.at(index);
    return dtype === 'float' ? value : dtype === 'int' ? Math.trunc(value) : Number(value !== 0);
  },

  add: binary((x, y) => x + y),
  sub: binary((x, y) => x - y),
  mul: binary((x, y) => x * y),
  div: ([x, y], index, { outputs }) => {
    const quotient = x!.at(index) / y!.at(index);
    return outputs[0]!.type.dtype === 'int' ? Math.trunc(quotient) : quotient;
  },
  pow: binary((x, y) => x ** y),
  minimum: binary(Math.min),
  maximum: binary(Math.max),
  less: binary((x, y) => Number(x < y)),
  lessEqual: binary((x, y) => Number(x <= y)),
  equal: binary((x, y) => Number(x === y)),
  and: binary((x, y) => x * y),
  or: binary(Math.max),
  where: ([condition, x, y], index) => (condition!.at(index) === 0 ? y!.at(index) : x!.at(index)),

  sum: ([x], index, { attributes: { over } }) => fold(x!, over, index, 0, (sum, at) => sum + x!.at(at)),
  max: ([x], index, { attributes: { over } }) => fold(x!, over, index, Number.NEGATIVE_INFINITY, (most, at) => Math.max(most, x!.at(at))),
  argmax: ([x], index, { attributes: { over } }) => {
    const at = { ...index };
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    for (let place = 0; place < x!.size(over); place += 1) {
      at[over] = place;
      if (x!.at(at) > most) [best, most] = [place, x!.at(at)];
    }
    return best;
  },
  softmax: ([x], index, { attributes: { over } }) => Math.exp(x!.at(index) - logSumExp(x!, over, index)),
  logsumexp: ([x], index, { attributes: { over } }) => logSumExp(x!, over, index),
  cumsum: ([x], index, { attributes: { over, reverse } }) => {
    const here = index[over]!;
    return fold(x!, [over], index, 0, (sum, at) => ((reverse ? at[over]! >= here : at[over]! <= here) ? sum + x!.at(at) : sum));
  },

  concat: (inputs, index, { attributes: { from, to } }) => {
    let place = index[to.name]!;
    let k = 0;
    while (place >= inputs[k]!.size(from[k]!)) {
      place -= inputs[k]!.size(from[k]!);
      k += 1;
    }
    return inputs[k]!.at({ ...index, [from[k]!]: place });
  },
  slice: ([x], index, { attributes: { from, start, to } }) => x!.at({ ...index, [from]: index[to.name]! + start }),
  pad: ([x], index, { attributes: { from, start, to } }) => x!.atOr(0, from, index[to.name]! - start, index),
  split: ([x], index, { attributes: { from, to } }) => {
    const [outer, inner] = to;
    return x!.at({ ...index, [from]: index[outer.name]! * Number(inner.size) + index[inner.name]! });
  },
  merge: ([x], index, { attributes: { from, to } }) => {
    const [outer, inner] = from;
    const size = x!.size(inner);
    const place = index[to.name]!;
    return x!.at({ ...index, [outer]: Math.floor(place / size), [inner]: place % size });
  },
  rename: ([x], index, { attributes: { from, to } }) => x!.at({ ...index, [from]: index[to]! }),
  broadcast: ([x], index) => x!.at(index),

  gather: ([x, rows], index, { attributes: { axis } }) => x!.atOr(Number.NaN, axis, rows!.at(index), index),
  oneHot: ([x], index, { attributes: { axis } }) => Number(x!.at(index) === index[axis.name]),
  shift: ([x], index, { attributes: { axis, by, fill } }) => x!.atOr(fill, axis, index[axis]! - by, index),
  pack: ([x, mask], index, { attributes: { to } }) => x!.at({ ...index, ...placeOf(mask!, index[to.name]!) }),
  unpack: ([x, mask], index, { attributes: { from } }) => (mask!.at(index) === 0 ? 0 : x!.at({ ...index, [from]: rankOf(mask!, index) })),
  reverse: ([x, lengths], index, { attributes: { axis } }) => {
    const length = lengths === undefined ? x!.size(axis) : lengths.at(index);
    const place = index[axis]!;
    return x!.at({ ...index, [axis]: place < length ? length - 1 - place : place });
  },

  pool: ([x], index, { attributes: { windows, of } }) => {
    const seen = { ...index };
    for (const { from, to, size } of windows) seen[from] = index[to.name]! * size;
    const own = windows.map(({ from, size }) => ({ name: from, size: Math.min(size, x!.size(from) - seen[from]!) }));
    let [sum, most] = [0, Number.NEGATIVE_INFINITY];
    for (const offset of indices(own)) {
      const at = { ...seen };
      for (const { name } of own) at[name] = seen[name]! + offset[name]!;
      sum += x!.at(at);
      most = Math.max(most, x!.at(at));
    }
    return of === 'max' ? most : sum / own.reduce((count, { size }) => count * size, 1);
  },
  unpool: ([x], index, { attributes: { windows } }) => {
    const at = { ...index };
    for (const { from, to, size } of windows) at[from] = Math.floor(index[to.name]! / size);
    return x!.at(at);
  },

  stopGradient: unary((x) => x),
};

function evaluate(node: Exclude<AnyNode, Node<'recur'>>, inputs: readonly NamedArray[], axes: Axes): NamedArray {
  const readers = inputs.map((input) => new Reader(input));
  if (node.operation === 'contract') return contract(node, inputs as [NamedArray, NamedArray], axes);
  if (node.operation === 'scatterAdd') return scatterAdd(node, readers as [Reader, Reader], axes);
  if (node.operation === 'convolve') return convolve(node, readers as [Reader, Reader], axes);
  const element = elements[node.operation] as Element<OperationName>;
  return fill(axes, (index) => element(readers, index, node));
}

function contract(node: Node<'contract'>, [x, y]: readonly [NamedArray, NamedArray], axes: Axes): NamedArray {
  const over = x.axes.filter(({ name }) => node.attributes.over.includes(name));
  const [xs, ys] = [placesIn(x, axes), placesIn(y, axes)];
  const [xOver, yOver] = [placesIn(x, over), placesIn(y, over)];
  const data = Float64Array.from(xs, (start, k) => {
    let sum = 0;
    for (let term = 0; term < xOver.length; term += 1) sum += x.data[start + xOver[term]!]! * y.data[ys[k]! + yOver[term]!]!;
    return sum;
  });
  return { axes, data };
}

/** Where the elements of an array stand, for all indices of some axes in their order. */
function placesIn(array: NamedArray, axes: Axes): number[] {
  const reader = new Reader(array);
  let places = [0];
  for (const { name, size } of axes) {
    const stride = reader.stride(name);
    places = places.flatMap((place) => Array.from({ length: size }, (_, k) => place + k * stride));
  }
  return places;
}

/** Every product of two elements whose places are related, added where it belongs. */
function convolve({ attributes: { windows, makes } }: Node<'convolve'>, [x, y]: readonly [Reader, Reader], axes: Axes): NamedArray {
  const result = fill(axes, () => 0);
  const target = new Reader(result);
  const ends = windows.map((window) => target.size(window[makes].name));
  const others = y.array.axes.filter(({ name }) => !x.has(name));
  for (const at of indices(x.array.axes)) {
    for (const rest of indices(others)) {
      const index = { ...at, ...rest };
      const isInside = windows.every((window, k) => {
        const place = related(window, makes, index);
        index[window[makes].name] = place;
        return Number.isInteger(place) && place >= 0 && place < ends[k]!;
      });
      if (isInside) result.data[target.place(index)]! += x.at(index) * y.at(index);
    }
  }
  return result;
}

/** The third place of a window. */
function related({ whole, place, offset, stride, before }: Window, makes: WindowPart, index: Index): number {
  const [i, j, k] = [index[whole.name]!, index[place.name]!, index[offset.name]!];
  if (makes === 'whole') return stride * j + k - before;
  return makes === 'place' ? (i + before - k) / stride : i + before - stride * j;
}

function scatterAdd(node: Node<'scatterAdd'>, [updates, index]: readonly [Reader, Reader], axes: Axes): NamedArray {
  const { name } = node.attributes.axis;
  const result = fill(axes, () => 0);
  const target = new Reader(result);
  for (const at of indices(updates.array.axes)) {
    const row = index.at(at);
    if (row >= 0 && row < target.size(name)) result.data[target.place({ ...at, [name]: row })]! += updates.at(at);
  }
  return result;
}

/** The index at which the mask holds for the k-th time. */
function placeOf(mask: Reader, k: number): Index {
  let left = k;
  for (const index of indices(mask.array.axes)) {
    if (mask.at(index) === 0) continue;
    if (left === 0) return { ...index };
    left -= 1;
  }
  throw new GraphError(`the mask holds at no more than ${k} places`);
}

/** How often the mask holds before an index. */
function rankOf(mask: Reader, index: Index): number {
  return mask.array.data.subarray(0, mask.place(index)).reduce((count, each) => count + each, 0);
}

function recur(node: Node<'recur'>, inputs: readonly NamedArray[], sizes: Readonly<Record<string, number>>): NamedArray[] {
  const { axis, reverse, scanned, held, states, body } = node.attributes;
  const steps = bound(axis.size, sizes);
  const stacked = body.results.length - states;
  const rows: NamedArray[][] = body.results.slice(0, stacked).map(() => new Array(steps));
  let state = inputs.slice(scanned + held);
  for (let step = 0; step < steps; step += 1) {
    const t = reverse ? steps - 1 - step : step;
    const given = [
      ...inputs.slice(0, scanned).map((input) => row(input, axis.name, t)),
      ...inputs.slice(scanned, scanned + held),
      ...state,
    ];
    const results = interpret(body, new Map(body.parameters.map((parameter, k) => [parameter, given[k]!])), sizes);
    rows.forEach((each, k) => {
      each[t] = results[k]!;
    });
    state = results.slice(stacked);
  }
  return [...rows.map((each, k) => stack(each, { name: axis.name, size: steps }, body.results[k]!, sizes)), ...state];
}

function row({ axes, data }: NamedArray, name: string, t: number): NamedArray {
  const rest = axes.filter((axis) => axis.name !== name);
  const whole = new Reader({ axes, data });
  return fill(rest, (index) => whole.at({ ...index, [name]: t }));
}

function stack(rows: readonly NamedArray[], axis: Axes[number], type: Value, sizes: Readonly<Record<string, number>>): NamedArray {
  const axes = type.type.axes.map(({ name, size }) => ({ name, size: bound(size, sizes) }));
  const length = axes.reduce((count, each) => count * each.size, 1);
  const data = new Float64Array(length * rows.length);
  rows.forEach((each, t) => {
    data.set(each.data, t * length);
  });
  return { axes: [axis, ...axes], data };
}

/** Reads an array by axis names; names that it has not are ignored. */
class Reader {
  readonly array: NamedArray;
  readonly #names: readonly string[];
  readonly #strides: readonly number[];

  constructor(array: NamedArray) {
    this.array = array;
    this.#names = array.axes.map((axis) => axis.name);
    this.#strides = array.axes.map((_, k) => array.axes.slice(k + 1).reduce((stride, axis) => stride * axis.size, 1));
  }

  place(index: Index): number {
    let place = 0;
    for (let k = 0; k < this.#names.length; k += 1) place += index[this.#names[k]!]! * this.#strides[k]!;
    return place;
  }

  at(index: Index): number {
    return this.array.data[this.place(index)]!;
  }

  /** The element with `place` on one axis, or `outside` where the axis has no such place. */
  atOr(outside: number, name: string, place: number, index: Index): number {
    return place >= 0 && place < this.size(name) ? this.at({ ...index, [name]: place }) : outside;
  }

  /** How far apart neighbours along an axis stand; 0 for an axis that it has not. */
  stride(name: string): number {
    return this.#strides[this.#names.indexOf(name)] ?? 0;
  }

  has(name: string): boolean {
    return this.#names.includes(name);
  }

  size(name: string): number {
    return this.array.axes[this.#names.indexOf(name)]!.size;
  }
}

/** All indices of some axes, row-major. One object is used again and again. */
function* indices(axes: Axes): Generator<Index> {
  if (axes.some((axis) => axis.size === 0)) return;
  const index: Index = Object.fromEntries(axes.map((axis) => [axis.name, 0]));
  for (;;) {
    yield index;
    let k = axes.length - 1;
    while (k >= 0 && index[axes[k]!.name] === axes[k]!.size - 1) {
      index[axes[k]!.name] = 0;
      k -= 1;
    }
    if (k < 0) return;
    index[axes[k]!.name]! += 1;
  }
}

function fill(axes: Axes, element: (index: Index) => number): NamedArray {
  const data = new Float64Array(axes.reduce((count, axis) => count * axis.size, 1));
  let place = 0;
  for (const index of indices(axes)) {
    data[place] = element(index);
    place += 1;
  }
  return { axes, data };
}

function fold(x: Reader, over: readonly string[], index: Index, start: number, step: (sofar: number, at: Index) => number): number {
  let sofar = start;
  const axes = over.map((name) => ({ name, size: x.size(name) }));
  const at = { ...index };
  for (const part of indices(axes)) sofar = step(sofar, Object.assign(at, part));
  return sofar;
}

function logSumExp(x: Reader, over: string, index: Index): number {
  const most = fold(x, [over], index, Number.NEGATIVE_INFINITY, (sofar, at) => Math.max(sofar, x.at(at)));
  if (!Number.isFinite(most)) return most;
  return most + Math.log(fold(x, [over], index, 0, (sum, at) => sum + Math.exp(x.at(at) - most)));
}

/** The same array with its axes in another order. */
export function arranged(array: NamedArray, axes: Axes): NamedArray {
  const names = array.axes.map((axis) => axis.name);
  const fits =
    array.axes.length === axes.length && axes.every((axis) => array.axes.find(({ name }) => name === axis.name)?.size === axis.size);
  if (!fits)
    throw new GraphError(
      `an array [${array.axes.map(({ name, size }) => `${name}=${size}`)}] for [${axes.map(({ name, size }) => `${name}=${size}`)}]`,
    );
  if (axes.every((axis, k) => axis.name === names[k])) return array;
  const reader = new Reader(array);
  return fill(axes, (index) => reader.at(index));
}

function bound(size: Size, sizes: Readonly<Record<string, number>>): number {
  if (typeof size === 'number') return size;
  const found = sizes[size];
  if (found === undefined) throw new GraphError(`the size ${size} is not bound`);
  return found;
}

function unary<Name extends OperationName>(f: (x: number) => number): Element<Name> {
  return ([x], index) => f(x!.at(index));
}

function binary<Name extends OperationName>(f: (x: number, y: number) => number): Element<Name> {
  return ([x, y], index) => f(x!.at(index), y!.at(index));
}

/** The error function by its series for small arguments and its continued fraction for large ones, to double precision
 *  (Abramowitz & Stegun 1964, 7.1.6 and 7.1.14). */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (size > 6) return Math.sign(x);
  if (size < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n += 1) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return ((2 * Math.exp(-x * x)) / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n -= 1) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-x * x) / (Math.sqrt(Math.PI) * (size + fraction)));
}
