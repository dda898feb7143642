// Which operations treat each place of an axis on its own. Along the axis of time, what they compute can be computed for any window; the
// rest (a shift, a running sum, a mean over time) needs the whole sequence once.

import { type AnyNode, hasAxis, type Node, type OperationName, type Value } from './graph.ts';

export function isLocal(node: AnyNode, axis: string): boolean {
  if (introduces(node, axis)) return false;
  if (![...node.inputs, ...node.outputs].some((value) => hasAxis(value, axis))) return true;
  const local = rules[node.operation] as (node: AnyNode, axis: string) => boolean;
  return local(node, axis);
}

/** It makes another axis of the same length, as the places of self-attention: in a window its length is not that of the window. */
function introduces({ inputs, outputs }: AnyNode, axis: string): boolean {
  const others = ({ type }: Value): string[] =>
    type.axes.filter(({ name, size }) => size === axis && name !== axis).map(({ name }) => name);
  const known = new Set(inputs.flatMap(others));
  return outputs.flatMap(others).some((name) => !known.has(name));
}

const always = (): boolean => true;
const never = (): boolean => false;
const whenElsewhere = (node: { readonly attributes: { readonly over: string | readonly string[] } }, axis: string): boolean => {
  const { over } = node.attributes;
  return typeof over === 'string' ? over !== axis : !over.includes(axis);
};
const whenUntouched = ({ attributes: { from, to } }: Node<'slice'> | Node<'pad'>, axis: string): boolean =>
  from !== axis && to.name !== axis;

const whenOutside = ({ attributes: { windows } }: Node<'pool'> | Node<'unpool'>, axis: string): boolean =>
  windows.every(({ from, to }) => from !== axis && to.name !== axis);

/** Asked only of nodes that have the axis at all. */
const rules: { readonly [Name in OperationName]: (node: Node<Name>, axis: string) => boolean } = {
  constant: always,
  iota: ({ attributes }, axis) => attributes.axis.name !== axis,
  neg: always,
  exp: always,
  log: always,
  sqrt: always,
  abs: always,
  sign: always,
  sigmoid: always,
  tanh: always,
  relu: always,
  gelu: always,
  softplus: always,
  erf: always,
  sin: always,
  cos: always,
  isnan: always,
  not: always,
  cast: always,
  add: always,
  sub: always,
  mul: always,
  div: always,
  pow: always,
  minimum: always,
  maximum: always,
  less: always,
  lessEqual: always,
  equal: always,
  and: always,
  or: always,
  where: always,
  contract: whenElsewhere,
  sum: whenElsewhere,
  max: whenElsewhere,
  argmax: whenElsewhere,
  softmax: whenElsewhere,
  logsumexp: whenElsewhere,
  cumsum: whenElsewhere,
  concat: ({ attributes: { from, to } }, axis) => !from.includes(axis) && to.name !== axis,
  slice: whenUntouched,
  pad: whenUntouched,
  split: ({ attributes: { from, to } }, axis) => from !== axis && to.every(({ name }) => name !== axis),
  merge: ({ attributes: { from, to } }, axis) => !from.includes(axis) && to.name !== axis,
  convolve: ({ attributes: { over, windows } }, axis) =>
    !over.includes(axis) && windows.every(({ whole, place, offset }) => [whole, place, offset].every(({ name }) => name !== axis)),
  pool: whenOutside,
  unpool: whenOutside,
  pack: never,
  unpack: never,
  rename: ({ attributes: { from, to } }, axis) => from !== axis && to !== axis,
  broadcast: always,
  gather: ({ attributes }, axis) => attributes.axis !== axis,
  scatterAdd: ({ attributes, inputs }, axis) =>
    attributes.axis.name !== axis && (!hasAxis(inputs[1]!, axis) || attributes.keep.includes(axis)),
  oneHot: ({ attributes }, axis) => attributes.axis.name !== axis,
  shift: ({ attributes }, axis) => attributes.axis !== axis,
  reverse: ({ attributes }, axis) => attributes.axis !== axis,
  // A step of another sequence may look at all of this one, as attention does.
  recur: ({ attributes }, axis) => attributes.axis.name !== axis && attributes.body.nodes.every((each) => isLocal(each, axis)),
  stopGradient: always,
};
