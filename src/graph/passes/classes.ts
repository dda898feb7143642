// An embedding of few classes: gathering rows and adding updates up by class are linear, so they change places with products.
//
// The gradient of a weight behind an embedding needs the cotangents summed by class only, not one product for each timestep; and so does the gradient of
// the table, which saves the product that would give the cotangent of every embedded vector.

import { type AnyNode, type Axis, axisNames, axisOf, type Graph, hasAxis, type Node, type Value } from '../graph.ts';
import type { Place } from './levels.ts';
import { Writer } from './writer.ts';

/** Up to here, adding up by class is done as a product with one-hot rows, about as dear as the product that it replaces. */
const mostClasses = 256;

export function sumByClass({ graph, of }: Place): Graph {
  if (of !== undefined) return graph;
  const writer = new Writer();
  const known = new Map<Value, Value>(graph.parameters.map((value) => [value, writer.adopt(value)]));
  for (const node of graph.nodes) {
    writer.origin = node.origin;
    const inputs = node.inputs.map((value) => known.get(value)!);
    const rewritten = rewrite(writer, node, inputs);
    const outputs =
      rewritten === undefined ? writer.add(node.operation, node.attributes as never, inputs, node.outputs[0]!.name) : [rewritten];
    node.outputs.forEach((output, k) => {
      known.set(output, outputs[k]!);
    });
  }
  return writer.graph(graph.results.map((value) => known.get(value)!));
}

function rewrite(writer: Writer, node: AnyNode, inputs: readonly Value[]): Value | undefined {
  const [a, b] = inputs;
  if (node.operation === 'contract')
    return embeddedFactor(writer, node.attributes.over, a!, b!) ?? embeddedFactor(writer, node.attributes.over, b!, a!);
  if (node.operation === 'scatterAdd') return scatteredProduct(writer, node.attributes, a!, b!);
  return undefined;
}

/** p times rows of a table, summed over the places of the index: the table times p summed by class. */
function embeddedFactor(writer: Writer, over: readonly string[], p: Value, rows: Value): Value | undefined {
  const { value, names } = writer.unrenamed(rows);
  const gather = writer.madeBy(value, 'gather');
  if (gather === undefined) return undefined;
  const [table, index] = gather.inputs;
  const classes = axisOf(table!, gather.attributes.axis)!;
  const places = axisNames(index!);
  const same = places.length === over.length && over.every((name) => names.get(name) === name && places.includes(name) && hasAxis(p, name));
  if (
    !same ||
    !few(classes) ||
    hasAxis(p, classes.name) ||
    hasAxis(rows, classes.name) ||
    axisNames(table!).some((name) => places.includes(name))
  )
    return undefined;
  const renamed = [...names].reduce(
    (renamed, [outer, inner]) => (places.includes(outer) ? renamed : writer.rename(renamed, inner, outer)),
    table!,
  );
  return writer.one('contract', { over: [classes.name] }, scatter(writer, p, index!, classes), renamed);
}

/** Products p W added up by class: p added up by class, times W. */
function scatteredProduct(
  writer: Writer,
  { axis, keep }: Node<'scatterAdd'>['attributes'],
  updates: Value,
  index: Value,
): Value | undefined {
  const { value, names } = writer.unrenamed(updates);
  const product = writer.madeBy(value, 'contract');
  if (product === undefined || keep.length > 0 || !few(axis)) return undefined;
  const places = axisNames(index);
  const { over } = product.attributes;
  const [p, w] = hasAxis(product.inputs[0]!, places[0] ?? '') ? product.inputs : product.inputs.toReversed();
  const fits = places.every((name) => hasAxis(p!, name) && !hasAxis(w!, name) && names.get(name) === name && !over.includes(name));
  if (!fits || places.length === 0 || hasAxis(p!, axis.name) || hasAxis(w!, axis.name)) return undefined;
  const result = writer.one('contract', { over }, scatter(writer, p!, index, axis), w!);
  return [...names].reduce((renamed, [outer, inner]) => (places.includes(outer) ? renamed : writer.rename(renamed, inner, outer)), result);
}

const scatter = (writer: Writer, p: Value, index: Value, axis: Axis): Value => writer.one('scatterAdd', { axis, keep: [] }, p, index);

const few = ({ size }: Axis): boolean => typeof size === 'number' && size <= mostClasses;
