// The type of every operation's outputs from its inputs and attributes. The table is total over the closed set of operations.

import {
  type Axis,
  axisOf,
  type DataType,
  type Graph,
  hasAxis,
  type OperationName,
  type Operations,
  type Pool,
  type RecurAttributes,
  type Size,
  type TensorType,
  tensor,
  type Value,
} from './graph.ts';

/** A graph that no model of a user can produce: a mistake of the code that built it. */
export class GraphError extends Error {
  override name = 'GraphError';
}

export type Rule<Name extends OperationName> = (inputs: readonly Value[], attributes: Operations[Name]) => readonly TensorType[];

export const typeRules: { readonly [Name in OperationName]: Rule<Name> } = {
  constant: (_, { type }) => [type],
  iota: (_, { axis }) => [tensor([axis], 'int')],

  neg: unary,
  exp: unary,
  log: unary,
  sqrt: unary,
  abs: unary,
  sign: unary,
  sigmoid: unary,
  tanh: unary,
  relu: unary,
  gelu: unary,
  softplus: unary,
  erf: unary,
  sin: unary,
  cos: unary,
  isnan: ([x]) => [{ ...x!.type, dtype: 'bool' }],
  not: unary,
  cast: ([x], { dtype }) => [{ ...x!.type, dtype }],

  add: binary,
  sub: binary,
  mul: binary,
  div: binary,
  pow: binary,
  minimum: binary,
  maximum: binary,
  less: comparison,
  lessEqual: comparison,
  equal: comparison,
  and: comparison,
  or: comparison,
  where: ([condition, a, b]) => [tensor(joinAxes([a!, b!, condition!]), a!.type.dtype)],

  contract([a, b], { over }) {
    for (const name of over)
      if (!hasAxis(a!, name) || !hasAxis(b!, name)) throw new GraphError(`contract over ${name}: ${show(a!)} and ${show(b!)}`);
    return [tensor(joinAxes([a!, b!]).filter((axis) => !over.includes(axis.name)))];
  },
  sum: reduction,
  max: reduction,
  argmax: ([x], { over }) => [tensor(without(x!, [over]), 'int')],
  softmax: ([x], { over }) => along(x!, over),
  logsumexp: ([x], { over }) => [tensor(without(x!, [over]))],
  cumsum: ([x], { over }) => along(x!, over),

  concat(inputs, { from, to }) {
    const [first] = inputs;
    inputs.forEach((input, k) => {
      need(input, from[k]!);
    });
    return [tensor(replaceAxis(first!, from[0]!, to), first!.type.dtype)];
  },
  slice: ([x], { from, to }) => [tensor(replaceAxis(x!, from, to), x!.type.dtype)],
  pad: ([x], { from, to }) => [tensor(replaceAxis(x!, from, to), x!.type.dtype)],
  split([x], { from, to: [outer, inner] }) {
    const { size } = need(x!, from);
    if (typeof inner.size !== 'number') throw new GraphError(`split of ${show(x!)}: the length of ${inner.name} is not known`);
    if (typeof size === 'number' && size !== Number(outer.size) * inner.size)
      throw new GraphError(`split of ${show(x!)}: ${from} is not ${showAxis(outer)} times ${showAxis(inner)}`);
    return [tensor(replaceAxes(x!, [from], [outer, inner]), x!.type.dtype)];
  },
  merge: ([x], { from, to }) => [tensor(replaceAxes(x!, from, [to]), x!.type.dtype)],
  rename: ([x], { from, to }) => [tensor(replaceAxis(x!, from, { name: to, size: need(x!, from).size }), x!.type.dtype)],
  broadcast: ([x], { axis }) => {
    if (hasAxis(x!, axis.name)) throw new GraphError(`broadcast along ${axis.name}, which ${show(x!)} has`);
    return [tensor([axis, ...x!.type.axes], x!.type.dtype)];
  },

  gather([x, index], { axis }) {
    need(x!, axis);
    const rest = x!.type.axes.filter((each) => each.name !== axis && !hasAxis(index!, each.name));
    return [tensor([...index!.type.axes, ...rest], x!.type.dtype)];
  },
  scatterAdd([updates, index], { axis, keep }) {
    const gone = index!.type.axes.filter((each) => !keep.includes(each.name)).map((each) => each.name);
    return [tensor([axis, ...updates!.type.axes.filter((each) => !gone.includes(each.name))], updates!.type.dtype)];
  },
  oneHot: ([index], { axis, dtype }) => [tensor([...index!.type.axes, axis], dtype)],
  shift: ([x], { axis }) => along(x!, axis),
  reverse: ([x], { axis }) => along(x!, axis),

  pack([x, mask], { to }) {
    const names = mask!.type.axes.map(({ name }) => name);
    if (mask!.type.dtype !== 'bool' || names.length === 0) throw new GraphError(`pack by ${show(mask!)}`);
    return [tensor([to, ...without(x!, names)], x!.type.dtype)];
  },
  unpack([x, mask], { from }) {
    const rest = without(x!, [from]);
    if (rest.some(({ name }) => hasAxis(mask!, name))) throw new GraphError(`unpack of ${show(x!)} by ${show(mask!)}`);
    return [tensor([...mask!.type.axes, ...rest], x!.type.dtype)];
  },

  convolve([a, b], { over, windows, makes }) {
    const given = (['whole', 'place', 'offset'] as const).filter((part) => part !== makes);
    const inner = windows.flatMap((window) => given.map((part) => window[part].name));
    for (const name of over)
      if (!hasAxis(a!, name) || !hasAxis(b!, name)) throw new GraphError(`convolve over ${name}: ${show(a!)} and ${show(b!)}`);
    const isOrdered = windows.every((window) => {
      const [first, second] = given.map((part) => window[part]);
      return [
        [first!, second!],
        [second!, first!],
      ].some(([p, q]) => sizeIn(a!, p!) && sizeIn(b!, q!));
    });
    if (!isOrdered) throw new GraphError(`convolve: ${show(a!)} and ${show(b!)} have not the axes ${inner}`);
    const rest = joinAxes([a!, b!]).filter(({ name }) => !over.includes(name) && !inner.includes(name));
    return [tensor([...rest, ...windows.map((window) => window[makes])])];
  },
  pool: ([x], { windows }) => [pooled(x!, windows)],
  unpool: ([x], { windows }) => [pooled(x!, windows)],

  recur(inputs, attributes) {
    checkRecur(inputs, attributes);
    const { axis, states, body } = attributes;
    const outputs = body.results.slice(0, body.results.length - states);
    return [
      ...outputs.map((value) => tensor([axis, ...value.type.axes], value.type.dtype)),
      // The order of the axes is that of the states before: what comes out is fed back in.
      ...body.parameters.slice(body.parameters.length - states).map((value) => value.type),
    ];
  },

  stopGradient: unary,
};

/** The axes of several operands, each name once, in order of first occurrence. */
export function joinAxes(values: readonly Value[]): Axis[] {
  const joined: Axis[] = [];
  for (const value of values) {
    for (const axis of value.type.axes) {
      const known = joined.find((each) => each.name === axis.name);
      if (known === undefined) joined.push(axis);
      else if (known.size !== axis.size)
        throw new GraphError(`axis ${axis.name} has size ${known.size} and ${axis.size}: ${values.map(show).join(', ')}`);
    }
  }
  return joined;
}

export const show = (value: Value): string =>
  `${value.name ?? `%${value.id}`}: ${value.type.dtype === 'float' ? '' : `${value.type.dtype} `}[${value.type.axes.map(showAxis).join(', ')}]`;

export const showAxis = ({ name, size }: { name: string; size: Size }): string => (name === size ? name : `${name}=${size}`);

function unary([x]: readonly Value[]): TensorType[] {
  return [x!.type];
}

function binary([a, b]: readonly Value[]): TensorType[] {
  if (a!.type.dtype !== b!.type.dtype) throw new GraphError(`${show(a!)} and ${show(b!)} differ in data type`);
  return [tensor(joinAxes([a!, b!]), a!.type.dtype)];
}

function comparison([a, b]: readonly Value[]): TensorType[] {
  return [tensor(joinAxes([a!, b!]), 'bool' satisfies DataType)];
}

function reduction([x]: readonly Value[], { over }: { readonly over: readonly string[] }): TensorType[] {
  return [tensor(without(x!, over), x!.type.dtype)];
}

function along(x: Value, name: string): TensorType[] {
  need(x, name);
  return [x.type];
}

function need(x: Value, name: string): Axis {
  const axis = axisOf(x, name);
  if (axis === undefined) throw new GraphError(`${show(x)} has no axis ${name}`);
  return axis;
}

function without(x: Value, over: readonly string[]): Axis[] {
  for (const name of over) need(x, name);
  return x.type.axes.filter((axis) => !over.includes(axis.name));
}

const sizeIn = (x: Value, { name, size }: Axis): boolean => axisOf(x, name)?.size === size;

function pooled(x: Value, windows: readonly Pool[]): TensorType {
  let { axes } = x.type;
  for (const { from, to } of windows) {
    need(x, from);
    axes = axes.map((axis) => (axis.name === from ? to : axis));
  }
  return tensor(axes, x.type.dtype);
}

/** With some axes gone, and others in the place of the first. */
function replaceAxes(x: Value, from: readonly string[], to: readonly Axis[]): Axis[] {
  for (const name of from) need(x, name);
  const rest = x.type.axes.filter(({ name }) => !from.includes(name) || name === from[0]);
  return rest.flatMap((axis) => (axis.name === from[0] ? to : [axis]));
}

function replaceAxis(x: Value, from: string, to: Axis): Axis[] {
  need(x, from);
  if (to.name !== from && hasAxis(x, to.name)) throw new GraphError(`${show(x)} has the axis ${to.name} already`);
  return x.type.axes.map((axis) => (axis.name === from ? to : axis));
}

function checkRecur(inputs: readonly Value[], { axis, scanned, held, states, body }: RecurAttributes): void {
  if (inputs.length !== scanned + held + states || body.parameters.length !== inputs.length)
    throw new GraphError('recur: inputs and parameters differ in number');
  inputs.forEach((input, k) => {
    const expected = k < scanned ? without(input, [axis.name]) : input.type.axes;
    if (!sameAxes(expected, body.parameters[k]!.type.axes))
      throw new GraphError(`recur: ${show(input)} for the parameter ${show(body.parameters[k]!)}`);
  });
  const next = body.results.slice(body.results.length - states);
  next.forEach((value, k) => {
    const state = body.parameters[scanned + held + k]!;
    if (!sameAxes(value.type.axes, state.type.axes)) throw new GraphError(`recur: next state ${show(value)} of the state ${show(state)}`);
  });
}

/** The same axes, in whatever order. */
export function sameAxes(a: readonly Axis[], b: readonly Axis[]): boolean {
  return a.length === b.length && a.every((axis) => b.some((other) => other.name === axis.name && other.size === axis.size));
}

/** Values that a body reads without being given them: none, in a sound graph. */
export function freeValues(graph: Graph): Value[] {
  const known = new Set<Value>(graph.parameters);
  const free: Value[] = [];
  const read = (value: Value): void => {
    if (!known.has(value)) free.push(value);
  };
  for (const node of graph.nodes) {
    node.inputs.forEach(read);
    for (const output of node.outputs) known.add(output);
  }
  graph.results.forEach(read);
  return free;
}
