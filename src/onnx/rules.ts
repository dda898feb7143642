// Every operation in ONNX's operators (opset 21). The table is total over the closed set of operations.

import type { Builder } from '../graph/builder.ts';
import { type AnyNode, type Axis, axisNames, axisOf, hasAxis, type Node, type OperationName, type Value } from '../graph/graph.ts';
import { aligned, lowerContract } from './contract.ts';
import { lowerConvolve, lowerPool, lowerUnpool } from './convolve.ts';
import { elementTypes } from './proto.ts';
import { lowerRecur } from './recur.ts';
import type { Pattern, Scope } from './scope.ts';

/** What a rule may need beside its node. */
export interface Surroundings {
  /** Lowers the nodes of another graph in their place; its parameters are values of the scope. Gives its results. */
  expand(scope: Scope, build: (builder: Builder) => Value): Value;
  /** Lowers a list of nodes into a scope. */
  lowerNodes(scope: Scope, nodes: readonly AnyNode[], results: readonly Value[]): void;
}

type Rule<Name extends OperationName> = (scope: Scope, node: Node<Name>, around: Surroundings) => void;

export const rules: { readonly [Name in OperationName]: Rule<Name> } = {
  constant: (scope, { attributes, outputs }) => scope.defineConstant(outputs[0]!, attributes.value),
  iota(scope, { attributes: { axis }, outputs }) {
    const name = scope.onceOutside(`iota ${axis.size}`, (root) => {
      const length = root.node('Squeeze', [root.shape([[axis]])], {}, 'length');
      const range = root.node('Range', [root.initializer('int64', [], [0]), length, root.initializer('int64', [], [1])], {}, 'positions');
      return cast(root, range, 'int');
    });
    scope.define(outputs[0]!, [axis.name], name);
  },

  neg: elementwise('Neg'),
  exp: elementwise('Exp'),
  log: elementwise('Log'),
  sqrt: elementwise('Sqrt'),
  abs: elementwise('Abs'),
  sign: elementwise('Sign'),
  sigmoid: elementwise('Sigmoid'),
  tanh: elementwise('Tanh'),
  relu: elementwise('Relu'),
  gelu(scope, { inputs: [x], outputs }, { expand }) {
    const y = expand(scope, (b) => {
      const half = b.scale(x!, 0.5);
      return b.times(half, b.plus(b.unary('erf', b.scale(x!, Math.SQRT1_2)), b.constant(1)));
    });
    scope.alias(outputs[0]!, scope, y);
  },
  softplus: elementwise('Softplus'),
  erf: elementwise('Erf'),
  sin: elementwise('Sin'),
  cos: elementwise('Cos'),
  isnan: elementwise('IsNaN'),
  not: elementwise('Not'),
  cast(scope, { attributes: { dtype }, inputs: [x], outputs }) {
    const order = scope.orderOf(x!);
    const name = scope.need(x!, order);
    scope.define(outputs[0]!, order, x!.type.dtype === dtype ? name : cast(scope, name, dtype));
  },

  add: elementwise('Add'),
  sub: elementwise('Sub'),
  mul: elementwise('Mul'),
  div: elementwise('Div'),
  pow: elementwise('Pow'),
  minimum: elementwise('Min'),
  maximum: elementwise('Max'),
  less: elementwise('Less'),
  lessEqual: elementwise('LessOrEqual'),
  equal: elementwise('Equal'),
  and: elementwise('And'),
  or: elementwise('Or'),
  where(scope, node, around) {
    const [condition, x, y] = node.inputs;
    if (x!.type.dtype !== 'bool') {
      elementwise('Where')(scope, node);
      return;
    }
    const z = around.expand(scope, (b) => b.binary('or', b.binary('and', condition!, x!), b.binary('and', b.unary('not', condition!), y!)));
    scope.alias(node.outputs[0]!, scope, z);
  },

  contract: (scope, { attributes, inputs: [a, b], outputs }) => lowerContract(scope, a!, b!, attributes.over, outputs[0]!),
  sum: reduction('ReduceSum'),
  max: reduction('ReduceMax'),
  argmax(scope, { attributes: { over }, inputs: [x], outputs }) {
    const order = scope.orderOf(x!);
    const index = scope.node('ArgMax', [scope.need(x!, order)], { axis: order.indexOf(over), keepdims: 0 });
    scope.define(outputs[0]!, without(order, [over]), cast(scope, index, 'int'));
  },
  softmax(scope, { attributes: { over }, inputs: [x], outputs }) {
    const order = innermost(scope, x!, [over]);
    scope.define(outputs[0]!, order, scope.node('Softmax', [scope.need(x!, order)], { axis: order.indexOf(over) }, outputs[0]!.name));
  },
  logsumexp(scope, { attributes: { over }, inputs: [x], outputs }) {
    const order = innermost(scope, x!, [over]);
    const axes = scope.integers(order.indexOf(over));
    const name = scope.node('ReduceLogSumExp', [scope.need(x!, order), axes], { keepdims: 0 }, outputs[0]!.name);
    scope.define(outputs[0]!, without(order, [over]), name);
  },
  cumsum(scope, { attributes: { over, reverse }, inputs: [x], outputs }) {
    const order = scope.orderOf(x!);
    const axis = scope.initializer('int64', [], [order.indexOf(over)]);
    const name = scope.node('CumSum', [scope.need(x!, order), axis], { reverse: reverse ? 1 : 0 }, outputs[0]!.name);
    scope.define(outputs[0]!, order, name);
  },

  concat(scope, { attributes: { from, to }, inputs, outputs }) {
    const order = renamed(scope.orderOf(inputs[0]!), from[0]!, to.name);
    const parts = inputs.map((input, k) => scope.need(input, renamed(order, to.name, from[k]!)));
    scope.define(outputs[0]!, order, scope.node('Concat', parts, { axis: order.indexOf(to.name) }, outputs[0]!.name));
  },
  slice(scope, { attributes: { from, start, to }, inputs: [x], outputs }) {
    const order = scope.orderOf(x!);
    const begin = scope.integers(start);
    const length = scope.shape([[to]]);
    const size = scope.size(to);
    const end =
      typeof size === 'number'
        ? scope.integers(start + size)
        : start === 0
          ? length
          : scope.onceOutside(`add ${begin} ${length}`, (root) => root.node('Add', [begin, length]));
    const name = scope.node('Slice', [scope.need(x!, order), begin, end, scope.integers(order.indexOf(from))], {}, outputs[0]!.name);
    scope.define(outputs[0]!, renamed(order, from, to.name), name);
  },
  pad(scope, { attributes: { from, start, to }, inputs: [x], outputs }) {
    const order = scope.orderOf(x!);
    const before = scope.integers(start);
    const inner = axisOf(x!, from)!;
    const [size, whole] = [scope.size(inner), scope.size(to)];
    const after =
      typeof size === 'number' && typeof whole === 'number'
        ? scope.integers(whole - size - start)
        : scope.onceOutside(`after ${start} ${size} ${whole}`, (root) =>
            root.node('Sub', [root.node('Sub', [root.shape([[to]]), root.shape([[inner]])]), before]),
          );
    const pads = scope.onceOutside(`pads ${before} ${after}`, (root) => root.node('Concat', [before, after], { axis: 0 }));
    const fill = scope.scalar(0, x!.type.dtype);
    const name = scope.node('Pad', [scope.need(x!, order), pads, fill, scope.integers(order.indexOf(from))], {}, outputs[0]!.name);
    scope.define(outputs[0]!, renamed(order, from, to.name), name);
  },
  split(scope, { attributes: { from, to }, inputs: [x], outputs }) {
    const order = scope.orderOf(x!);
    const groups = order.map((name): Pattern => (name === from ? to.map((axis) => axis.name) : [name]));
    scope.defineGrouped(outputs[0]!, groups, scope.need(x!, order));
  },
  merge(scope, { attributes: { from, to }, inputs: [x], outputs }) {
    const groups = scope.orderOf(x!).flatMap((name): Pattern[] => (name === from[0] ? [from] : name === from[1] ? [] : [[name]]));
    const order = groups.map((group) => (group === from ? to.name : group[0]!));
    scope.define(outputs[0]!, order, scope.grouped(x!, groups));
  },
  convolve: lowerConvolve,
  pool: lowerPool,
  unpool: lowerUnpool,
  rename(scope, { attributes: { from, to }, inputs: [x], outputs }) {
    scope.alias(outputs[0]!, scope, x!, new Map([[to, from]]));
  },
  broadcast(scope, { attributes: { axis }, inputs: [x], outputs }) {
    const constant = scope.constantOf(x!);
    if (constant !== undefined) {
      scope.defineConstant(outputs[0]!, constant);
      return;
    }
    if (scope.size(axis) === 1) {
      const own = scope.orderOf(x!);
      scope.define(outputs[0]!, [axis.name, ...own], scope.need(x!, ['', ...own]));
      return;
    }
    const order = scope.preferred(outputs[0]!.type.axes);
    const shape = scope.shape(order.map((name) => [axisOf(outputs[0]!, name)!]));
    scope.define(outputs[0]!, order, scope.node('Expand', [aligned(scope, x!, order), shape], {}, outputs[0]!.name));
  },

  gather(scope, { attributes: { axis }, inputs: [x, index], outputs }) {
    const batch = axisNames(index!).filter((name) => name !== axis && hasAxis(x!, name));
    const inside = clamped(scope, index!, axisOf(x!, axis)!);
    const order = scope.orderOf(x!);
    const places = scope.orderOf(index!);
    if (batch.length === 0) {
      const k = order.indexOf(axis);
      const name = scope.node('Gather', [scope.need(x!, order), inside(places)], { axis: k }, outputs[0]!.name);
      scope.define(outputs[0]!, [...order.slice(0, k), ...places, ...order.slice(k + 1)], name);
      return;
    }
    const rest = order.filter((name) => name !== axis && !batch.includes(name));
    const free = places.filter((name) => !batch.includes(name));
    const rows = scope.node('Cast', [inside([...batch, ...free])], { to: elementTypes.int64 });
    const index1 = scope.node('Unsqueeze', [rows, scope.integers(places.length)]);
    const source = scope.need(x!, [...batch, axis, ...rest]);
    const name = scope.node('GatherND', [source, index1], { batch_dims: batch.length }, outputs[0]!.name);
    scope.define(outputs[0]!, [...batch, ...free, ...rest], name);
  },
  scatterAdd(scope, node, { expand }) {
    const { attributes, inputs, outputs } = node;
    const [updates, index] = inputs;
    const { axis, keep } = attributes;
    if (keep.length === 0 && typeof axis.size === 'number' && axis.size > mostOneHot) {
      scatterRows(scope, node);
      return;
    }
    const summed = axisNames(index!).filter((name) => !keep.includes(name));
    scope.alias(
      outputs[0]!,
      scope,
      expand(scope, (b) => b.contract(updates!, b.oneHot(index!, axis), summed)),
    );
  },
  oneHot(scope, { attributes: { axis, dtype }, inputs: [index], outputs }, { expand }) {
    const y = expand(scope, (b) => b.cast(b.binary('equal', index!, b.iota(axis)), dtype));
    scope.alias(outputs[0]!, scope, y);
  },
  shift(scope, { attributes: { axis, by, fill }, inputs: [x], outputs }) {
    const order = scope.orderOf(x!);
    const axes = scope.integers(order.indexOf(axis));
    const pads = by > 0 ? scope.integers(by, 0) : scope.integers(0, -by);
    const padded = scope.node('Pad', [scope.need(x!, order), pads, scope.scalar(fill, x!.type.dtype), axes]);
    const [start, end] = by > 0 ? [scope.integers(0), scope.integers(-by)] : [scope.integers(-by), scope.integers(farAway)];
    const name = by === 0 ? scope.need(x!, order) : scope.node('Slice', [padded, start, end, axes], {}, outputs[0]!.name);
    scope.define(outputs[0]!, order, name);
  },
  reverse(scope, { attributes: { axis }, inputs: [x, lengths], outputs }, { expand }) {
    if (lengths !== undefined) {
      const y = expand(scope, (b) => {
        const position = b.iota(axisOf(x!, axis)!);
        const mirrored = b.minus(b.minus(lengths, b.constant(1, [], 'int')), position);
        return b.gather(x!, b.where(b.binary('less', position, lengths), mirrored, position), axis);
      });
      scope.alias(outputs[0]!, scope, y);
      return;
    }
    const order = scope.orderOf(x!);
    const [start, end, step] = [scope.integers(-1), scope.integers(-farAway), scope.integers(-1)];
    const name = scope.node('Slice', [scope.need(x!, order), start, end, scope.integers(order.indexOf(axis)), step], {}, outputs[0]!.name);
    scope.define(outputs[0]!, order, name);
  },

  pack(scope, { attributes: { to }, inputs: [x, mask], outputs }) {
    const { places, order } = placesOf(scope, mask!);
    scope.root.bindSymbol(to.size, places, 0);
    const rest = scope.orderOf(x!).filter((name) => !order.includes(name));
    const rows = scope.grouped(x!, [order, ...rest.map((name) => [name])]);
    const name = scope.node('Gather', [rows, places], { axis: 0 }, outputs[0]!.name);
    scope.define(outputs[0]!, [to.name, ...rest], name);
  },
  unpack(scope, { attributes: { from }, inputs: [x, mask], outputs }) {
    const { places, order } = placesOf(scope, mask!);
    const rest = scope.orderOf(x!).filter((name) => name !== from);
    const whole = scope.shape([order.map((name) => axisOf(mask!, name)!), ...rest.map((name) => [axisOf(x!, name)!])]);
    const zeros = scope.node('Expand', [scope.scalar(0, x!.type.dtype), whole], {}, 'zeros');
    const rows = scope.node('Unsqueeze', [places, scope.integers(1)]);
    const name = scope.node('ScatterND', [zeros, rows, scope.need(x!, [from, ...rest])], {}, outputs[0]!.name);
    scope.defineGrouped(outputs[0]!, [order, ...rest.map((name) => [name])], name);
  },

  recur: lowerRecur,
  stopGradient: (scope, { inputs: [x], outputs }) => scope.alias(outputs[0]!, scope, x!),
};

/** Where a mask holds, as places of its axes flattened in this order [n] (int64): found once a mask. */
function placesOf(scope: Scope, mask: Value): { readonly places: string; readonly order: Pattern } {
  const order = axisNames(mask);
  const flat = scope.grouped(mask, [order]);
  const places = scope.onceOutside(`places ${flat}`, (root) =>
    root.node('Squeeze', [root.node('NonZero', [flat]), root.integers(0)], {}, 'places'),
  );
  return { places, order };
}

/** x less the one-hot rows, by touching the ones only. An index outside touches nothing. */
export function decrement(scope: Scope, x: Value, { attributes: { axis }, inputs: [index] }: Node<'oneHot'>, out: Value): void {
  const order = scope.orderOf(x);
  const places = order.map((name) => (name === axis.name ? '' : name));
  const given = scope.need(index!, places);
  const inside = clamped(scope, index!, axis)(places);
  const less = scope.node('Where', [scope.node('Equal', [given, inside]), scope.scalar(-1, 'float'), scope.scalar(0, 'float')]);
  const attributes = { axis: order.indexOf(axis.name), reduction: 'add' };
  scope.define(out, order, scope.node('ScatterElements', [scope.need(x, order), inside, less], attributes, out.name));
}

/** Up to here, a product with one-hot rows is the faster way to add rows up. */
const mostOneHot = 256;

/** Row by row. To an index outside, nothing is added. */
function scatterRows(scope: Scope, { attributes: { axis }, inputs: [updates, index], outputs }: Node<'scatterAdd'>): void {
  const places = scope.orderOf(index!);
  const rest = scope.orderOf(updates!).filter((name) => !places.includes(name));
  const given = scope.need(index!, places);
  const inside = clamped(scope, index!, axis)(places);
  const isInside = scope.node('Equal', [given, inside]);
  const column = scope.integers(-1, 1);
  const rows = scope.node('Reshape', [scope.node('Cast', [inside], { to: elementTypes.int64 }), column]);
  const flat = scope.grouped(updates!, [places, ...rest.map((name) => [name])]);
  const kept = scope.node('Reshape', [isInside, scope.integers(-1, ...rest.map(() => 1))]);
  const added = scope.node('Where', [kept, flat, scope.scalar(0, 'float')]);
  const start = scope.node('Expand', [scope.scalar(0, 'float'), scope.shape([[axis], ...rest.map((name) => [axisOf(updates!, name)!])])]);
  const sums = scope.node('ScatterND', [start, rows, added], { reduction: 'add' }, outputs[0]!.name);
  scope.define(outputs[0]!, [axis.name, ...rest], sums);
}

/** Further than any axis is long. */
const farAway = 2 ** 31 - 1;

const without = (order: Pattern, gone: readonly string[]): string[] => order.filter((name) => !gone.includes(name));
const renamed = (order: Pattern, from: string, to: string): string[] => order.map((name) => (name === from ? to : name));

function cast(scope: Scope, name: string, dtype: Value['type']['dtype']): string {
  return scope.node('Cast', [name], { to: elementTypes[scope.shared.element(dtype)] });
}

/** An index outside gives an undefined row, but must not end the run. */
function clamped(scope: Scope, index: Value, axis: Axis): (order: Pattern) => string {
  const constant = scope.constantOf(index);
  return (order) => {
    const length = scope.size(axis);
    if (constant !== undefined && typeof length === 'number' && order.length === 0)
      return scope.scalar(Math.max(0, Math.min(constant, length - 1)), 'int');
    const known = scope.constantOf(index);
    if (known !== undefined && known >= 0 && typeof length === 'number' && known < length) return scope.need(index, order);
    const last =
      typeof length === 'number'
        ? scope.scalar(length - 1, 'int')
        : scope.onceOutside(`last ${length}`, (root) =>
            cast(root, root.node('Sub', [root.node('Squeeze', [root.shape([[axis]])]), root.initializer('int64', [], [1])]), 'int'),
          );
    return scope.node('Max', [scope.node('Min', [scope.need(index, order), last]), scope.scalar(0, 'int')], {}, 'index');
  };
}

/** An order with these axes last, where runs of memory are reduced. */
function innermost(scope: Scope, x: Value, over: readonly string[]): string[] {
  const [order] = scope.ordersOf(x);
  return (
    scope.ordersOf(x).find((each) => isLast(each, over)) ?? [...without(order!, over), ...order!.filter((name) => over.includes(name))]
  );
}

const isLast = (order: Pattern, over: readonly string[]): boolean =>
  over.every((name) => order.indexOf(name) >= order.length - over.length);

function reduction(operator: string): (scope: Scope, node: Node<'sum'> | Node<'max'>) => void {
  return (scope, { attributes: { over }, inputs: [x], outputs }) => {
    const order = scope.ordersOf(x!).find((each) => isLast(each, over)) ?? scope.orderOf(x!);
    const axes = scope.integers(...over.map((name) => order.indexOf(name)).sort((a, b) => a - b));
    const name = scope.node(operator, [scope.need(x!, order), axes], { keepdims: 0 }, outputs[0]!.name);
    scope.define(outputs[0]!, without(order, over), name);
  };
}

function elementwise(operator: string): (scope: Scope, node: Node) => void {
  return (scope, { inputs, outputs }) => {
    const [out] = outputs;
    const order = commonOrder(scope, inputs, out!);
    const names = inputs.map((input) => {
      if (scope.constantOf(input) === undefined) return aligned(scope, input, order);
      // A number is the same everywhere: it needs the axes that only it has.
      const others = inputs.filter((other) => other !== input && scope.constantOf(other) === undefined);
      const alone = axisNames(input).filter((name) => !others.some((other) => hasAxis(other, name)));
      const first = order.findIndex((name) => alone.includes(name));
      return scope.need(input, first < 0 ? [] : order.slice(first).map((name) => (alone.includes(name) ? name : '')));
    });
    scope.define(out!, order, scope.node(operator, names, {}, out!.name));
  };
}

/** The order of the operand with the most axes, if it has all; else what the scope prefers. */
function commonOrder(scope: Scope, inputs: readonly Value[], out: Value): string[] {
  const whole = inputs.find((input) => input.type.axes.length === out.type.axes.length && scope.constantOf(input) === undefined);
  return whole === undefined ? scope.preferred(out.type.axes) : scope.orderOf(whole);
}
