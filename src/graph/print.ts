// Graphs as short text, the same for equal graphs whatever their values' ids.

import type { AnyNode, Axis, Graph, Value } from './graph.ts';
import { recurParts } from './recur.ts';
import { showAxis } from './shapes.ts';

/** One line a node, bodies of recurrences indented. */
export function print(graph: Graph): string {
  return printGraph(graph, new Names(), '').join('\n');
}

function printGraph(graph: Graph, names: Names, indent: string): string[] {
  return [
    `${indent}given ${graph.parameters.map((parameter) => names.typed(parameter)).join(', ')}`,
    ...graph.nodes.flatMap((node) => printNode(node, names, indent)),
    `${indent}result ${graph.results.map((result) => names.of(result)).join(', ')}`,
  ];
}

function printNode(node: AnyNode, names: Names, indent: string): string[] {
  const list = (values: readonly Value[]): string => values.map((value) => names.of(value)).join(', ');
  if (node.operation !== 'recur') {
    const inputs = list(node.inputs);
    const outputs = node.outputs.map((output) => names.typed(output)).join(', ');
    return [`${indent}${outputs} = ${node.operation}(${[inputs, ...attributes(node)].filter((part) => part !== '').join(', ')})`];
  }
  const { axis, reverse, body } = node.attributes;
  const { inputs } = recurParts(node);
  const head = `${reverse ? 'from the end of' : 'over'} ${showAxis(axis)}, scanned (${list(inputs.scanned)}), held (${list(inputs.held)}), states (${list(inputs.initial)})`;
  const outputs = node.outputs.map((output) => names.typed(output)).join(', ');
  return [`${indent}${outputs} = recur ${head}`, ...printGraph(body, new Names(), `${indent}  `)];
}

/** Everything that is not empty, lists by their names: `over: H`, `axis: T`. */
function attributes(node: AnyNode): string[] {
  return Object.entries(node.attributes as Record<string, unknown>).flatMap(([name, value]) => {
    if (name === 'type' || (Array.isArray(value) && value.length === 0)) return [];
    return [`${name}: ${shown(value)}`];
  });
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.map(shown).join(' ');
  if (typeof value !== 'object' || value === null) return `${value}`;
  if ('name' in value) return showAxis(value as Axis);
  return `(${Object.entries(value)
    .map(([name, inner]) => `${name} ${shown(inner)}`)
    .join(', ')})`;
}

/** Names within one graph: a value's own, told apart by numbers, or a number. */
class Names {
  readonly #names = new Map<Value, string>();
  readonly #taken = new Map<string, number>();

  of(value: Value): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const base = value.name ?? '%';
    const count = (this.#taken.get(base) ?? 0) + 1;
    this.#taken.set(base, count);
    const name = value.name === undefined ? `%${count}` : count === 1 ? base : `${base}#${count}`;
    this.#names.set(value, name);
    return name;
  }

  typed(value: Value): string {
    const { dtype, axes } = value.type;
    return `${this.of(value)}: ${dtype === 'float' ? '' : `${dtype} `}[${axes.map(showAxis).join(', ')}]`;
  }
}
