// What one operator of the runtime computes for several nodes: a product with its addend and the function after it, and all pieces of an axis.
//
// The runtime has such fusions itself, but not where a Split stands behind the product or the addend is a column.

import { type AnyNode, axisNames, axisOf, hasAxis, type Node, type Value } from '../graph/graph.ts';
import { sameAxes } from '../graph/shapes.ts';
import type { Epilogue } from './contract.ts';

export interface FusedProduct {
  readonly product: Node<'contract'>;
  readonly epilogue: Epilogue;
}

export interface Fusions {
  /** By the node that ends the product's chain. */
  readonly products: ReadonlyMap<AnyNode, FusedProduct>;
  /** By the first slice: all slices of the axis, in order. */
  readonly splits: ReadonlyMap<AnyNode, readonly Node<'slice'>[]>;
  /** By a difference: the one-hot rows that it takes away, of which only the ones are touched. */
  readonly decrements: ReadonlyMap<AnyNode, Node<'oneHot'>>;
  /** Nodes that are computed with another. */
  readonly absorbed: ReadonlySet<AnyNode>;
}

const activations: Readonly<Partial<Record<AnyNode['operation'], NonNullable<Epilogue['activation']>>>> = {
  sigmoid: 'Sigmoid',
  tanh: 'Tanh',
  relu: 'Relu',
};

/** `withActivations`: an operator may end with a function, which ONNX's own do not. */
export function findFusions(nodes: readonly AnyNode[], results: readonly Value[], withActivations: boolean): Fusions {
  const products = new Map<AnyNode, FusedProduct>();
  const splits = new Map<AnyNode, readonly Node<'slice'>[]>();
  const absorbed = new Set<AnyNode>();
  const reader = onlyReaders(nodes, results);
  const slices = Map.groupBy(
    nodes.filter((node) => node.operation === 'slice'),
    (node) => `${node.inputs[0]!.id} ${node.attributes.from}`,
  );
  for (const pieces of slices.values()) {
    const ordered = pieces.toSorted((a, b) => a.attributes.start - b.attributes.start);
    if (pieces.length < 2 || !partition(ordered)) continue;
    splits.set(pieces[0]!, ordered);
    for (const piece of pieces.slice(1)) absorbed.add(piece);
  }
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const decrements = new Map<AnyNode, Node<'oneHot'>>();
  for (const node of nodes) {
    const row = node.operation === 'sub' ? makers.get(node.inputs[1]!) : undefined;
    if (row?.operation !== 'oneHot' || reader(row.outputs[0]!) !== node || !sameAxes(node.inputs[0]!.type.axes, row.outputs[0]!.type.axes))
      continue;
    decrements.set(node, row);
    absorbed.add(row);
  }
  for (const node of nodes) {
    if (node.operation !== 'contract' || !plain(node)) continue;
    const added = reader(node.outputs[0]!);
    if (added?.operation !== 'add' || products.has(added) || absorbed.has(added)) continue;
    const addend = added.inputs[added.inputs[0] === node.outputs[0] ? 1 : 0]!;
    if (!fits(addend, node)) continue;
    const after = reader(added.outputs[0]!);
    const activation = after === undefined || !withActivations ? undefined : activations[after.operation];
    const last = activation === undefined ? added : after!;
    products.set(last, { product: node, epilogue: { addend, ...(activation === undefined ? {} : { activation }) } });
    absorbed.add(node);
    if (last !== added) absorbed.add(added);
  }
  return { products, splits, decrements, absorbed };
}

/** The node that alone reads a value, where one does. */
function onlyReaders(nodes: readonly AnyNode[], results: readonly Value[]): (value: Value) => AnyNode | undefined {
  const readers = new Map<Value, AnyNode | undefined>(results.map((value) => [value, undefined]));
  for (const node of nodes) for (const input of node.inputs) readers.set(input, readers.has(input) ? undefined : node);
  return (value) => readers.get(value);
}

/** A product of two matrices: nothing that both have stays. */
const plain = ({ attributes: { over }, inputs: [a, b] }: Node<'contract'>): boolean =>
  over.length > 0 && axisNames(a!).every((name) => over.includes(name) || !hasAxis(b!, name));

/** Gemm adds a matrix, a column or a row. */
function fits(addend: Value, { attributes: { over }, inputs: [a, b], outputs: [out] }: Node<'contract'>): boolean {
  const own = axisNames(addend);
  if (own.length === 0 || own.some((name) => !hasAxis(out!, name))) return false;
  return [a!, b!].every((side) => {
    const free = axisNames(side).filter((name) => !over.includes(name));
    const shared = free.filter((name) => own.includes(name));
    return shared.length === 0 || shared.length === free.length;
  });
}

function partition(pieces: readonly Node<'slice'>[]): boolean {
  let end = 0;
  for (const { attributes } of pieces) {
    if (attributes.start !== end || typeof attributes.to.size !== 'number') return false;
    end += attributes.to.size;
  }
  const { inputs, attributes } = pieces[0]!;
  return axisOf(inputs[0]!, attributes.from)!.size === end;
}
