// Gives parameters a number that is the same everywhere (dropout outside training is 1), and takes away the products with 1 that this leaves.

import { Builder } from '../builder.ts';
import { axisNames, type Graph, hasAxis, type Node, type Value } from '../graph.ts';
import { recurParts } from '../recur.ts';
import { GraphError, show } from '../shapes.ts';

/** The graph without the parameters that `numbers` names. The other parameters stay the same values. */
export function fixParameters(graph: Graph, numbers: ReadonlyMap<Value, number>): Graph {
  const builder = new Builder();
  const known = new Map<Value, Value>();
  /** Values of the new graph that are a number everywhere. */
  const constants = new Map<Value, number>();
  const find = (value: Value): Value => {
    const found = known.get(value);
    if (found === undefined) throw new GraphError(`${show(value)} is used before it is made`);
    return found;
  };
  for (const parameter of graph.parameters) {
    const number = numbers.get(parameter);
    if (number === undefined) known.set(parameter, builder.adopt(parameter));
    else {
      const constant = builder.constant(number, parameter.type.axes, parameter.type.dtype);
      constants.set(constant, number);
      known.set(parameter, constant);
    }
  }
  for (const node of graph.nodes) {
    builder.origin = node.origin;
    const inputs = node.inputs.map(find);
    if (node.operation === 'mul') {
      const factor = [0, 1].find((k) => constants.get(inputs[k]!) === 1 && covers(inputs[1 - k]!, inputs[k]!));
      if (factor !== undefined) {
        known.set(node.outputs[0]!, inputs[1 - factor]!);
        continue;
      }
    }
    const outputs =
      node.operation === 'recur'
        ? fixRecur(builder, node, inputs, constants)
        : builder.add(node.operation, node.attributes as never, inputs, node.outputs[0]?.name);
    if (node.operation === 'constant') constants.set(outputs[0]!, node.attributes.value);
    if (node.operation === 'rename' || node.operation === 'broadcast') {
      const number = constants.get(inputs[0]!);
      if (number !== undefined) constants.set(outputs[0]!, number);
    }
    node.outputs.forEach((output, k) => {
      known.set(output, outputs[k]!);
    });
  }
  return builder.graph(graph.results.map(find));
}

/** Scanned and held inputs that are a number everywhere become numbers of the body. */
function fixRecur(
  builder: Builder,
  node: Node<'recur'>,
  inputs: readonly Value[],
  constants: ReadonlyMap<Value, number>,
): readonly Value[] {
  const { attributes } = node;
  const { body } = recurParts(node);
  const given = [...body.scanned, ...body.held];
  const numbers = new Map<Value, number>();
  given.forEach((parameter, k) => {
    const number = constants.get(inputs[k]!);
    if (number !== undefined) numbers.set(parameter, number);
  });
  const count = (parameters: readonly Value[]): number => parameters.filter((parameter) => !numbers.has(parameter)).length;
  return builder.recur(
    inputs.filter((_, k) => given[k] === undefined || !numbers.has(given[k])),
    { ...attributes, scanned: count(body.scanned), held: count(body.held), body: fixParameters(attributes.body, numbers) },
  );
}

const covers = (value: Value, other: Value): boolean => axisNames(other).every((name) => hasAxis(value, name));
