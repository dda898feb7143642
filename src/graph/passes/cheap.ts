// Where values can be joined at little cost.

import { type AnyNode, axisOf, type Graph, hasAxis, type Node, type Value } from '../graph.ts';
import type { Place } from './levels.ts';

/** Whether a concat of these costs little: inside loops, of weights (no symbolic axes), or where a loop that makes or reads them can do it. */
export function cheapToJoin({ graph, of }: Place, values: readonly Value[]): boolean {
  if (of !== undefined || values.every((value) => value.type.axes.every(({ size }) => typeof size === 'number'))) return true;
  return homeOf(graph, values) !== undefined;
}

/** The recurrence in which values of the graph around it are at hand step by step: it makes some of them, and makes or scans each. */
export function homeOf(graph: Graph, values: readonly Value[]): Node<'recur'> | undefined {
  const sources = values.map((value) => unrenamed(graph, value));
  return graph.nodes.find((node): node is Node<'recur'> => {
    if (node.operation !== 'recur') return false;
    const made = node.outputs.slice(0, node.outputs.length - node.attributes.states);
    const given = node.inputs.slice(0, node.attributes.scanned).map((value) => unrenamed(graph, value));
    const { name } = node.attributes.axis;
    return (
      sources.some((source) => made.includes(source)) &&
      sources.every((source) => (made.includes(source) || given.includes(source)) && hasAxis(source, name))
    );
  });
}

export function unrenamed(graph: Graph, value: Value): Value {
  const node = graph.nodes.find((each): each is Node<'rename'> & AnyNode => each.operation === 'rename' && each.outputs[0] === value);
  return node === undefined ? value : unrenamed(graph, node.inputs[0]!);
}

export const sizeOfAxis = (value: Value, name: string): number | undefined => {
  const size = axisOf(value, name)?.size;
  return typeof size === 'number' ? size : undefined;
};
