// A model as graphs that lie in each other: the main graph, the bodies of If, Loop and Scan, and model-local functions; with who makes and who reads each name.
// Names follow ONNX's rules: a body sees the names of the graphs around it, the nearest first; a function sees its inputs only.

import type { FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, ValueInfo } from '../proto.ts';
import { quoted } from './error.ts';
import { domainOf } from './known.ts';
import { orderOf } from './order.ts';

export interface Structure {
  readonly main: ModelGraph;
  /** By `functionKey`. */
  readonly functions: ReadonlyMap<string, ModelGraph>;
  /** All graphs, each before its bodies: the main graph first, the functions last. */
  readonly graphs: readonly ModelGraph[];
}

export interface ModelGraph {
  readonly kind: 'main' | 'body' | 'function';
  /** '' of the main graph; `If "cond" then_branch`, from the outside inwards, parts divided by ` / `; `function pkg::Name`. */
  readonly path: string;
  /** Of a body: the graph around it, the node that it belongs to, and the attribute that it is. */
  readonly parent?: ModelGraph;
  readonly owner?: ModelNode;
  readonly attribute?: string;
  readonly proto: GraphProto | FunctionProto;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** So that each comes after what it reads, as far as there are no cycles, and otherwise as in the file. */
  readonly nodes: readonly ModelNode[];
  /** The names that this graph itself gives values: those of the graphs around it are not among them. */
  readonly values: ReadonlyMap<string, ModelValue>;
  /** Whether the file has the nodes in an order that they can run in. */
  readonly ordered: boolean;
  /** Nodes that wait for each other, each for the one after it, and the last for the first. */
  readonly cycles: readonly (readonly ModelNode[])[];
  /** Names that are made more than once. `values` has the first. */
  readonly duplicates: readonly { readonly name: string; readonly nodes: readonly ModelNode[] }[];
  /** Names that are read here and that nothing makes. */
  readonly missing: readonly { readonly name: string; readonly node?: ModelNode }[];
}

export interface ModelNode {
  readonly graph: ModelGraph;
  /** In the file's list. */
  readonly index: number;
  readonly proto: NodeProto;
  readonly bodies: readonly ModelGraph[];
  /** Values of the graphs around its bodies that these read, this graph's own and those further out. */
  readonly captures: readonly ModelValue[];
  /** The function that it calls. */
  readonly calls?: ModelGraph;
}

export interface ModelValue {
  readonly name: string;
  readonly graph: ModelGraph;
  readonly kind: 'input' | 'initializer' | 'node';
  readonly producer?: ModelNode;
  /** Which output of the producer it is. */
  readonly output?: number;
  /** Of an initialiser, and of an input that has a default. */
  readonly initial?: TensorProto;
  /** What the file declares, which may be wrong. */
  readonly type?: TypeProto;
  /** Nodes that read it, in bodies too, and as which of their inputs. */
  readonly readers: readonly { readonly node: ModelNode; readonly input: number }[];
  /** The graphs, this one or bodies, that give it out. */
  readonly givenOut: readonly ModelGraph[];
}

/** `LSTM "/rnn/LSTM"`; `LSTM (node 12)` where it has no name. */
export const nodeLabel = ({ proto, index }: ModelNode): string =>
  `${quoted(proto.op_type) || 'a node'} ${proto.name ? `"${quoted(proto.name)}"` : `(node ${index})`}`;

/** How a node calls a function, and a function is called. */
export const functionKey = (domain: string | undefined, name: string, overload: string | undefined): string =>
  JSON.stringify([domainOf(domain), name, overload ?? '']);

/** What a name stands for at a node of a graph; undefined where nothing has it. */
export function resolveName(graph: ModelGraph, name: string): ModelValue | undefined {
  for (let scope: ModelGraph | undefined = graph; scope !== undefined; scope = scope.parent) {
    const found = scope.values.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function structureOf(model: ModelProto): Structure {
  const functions = new Map<string, ModelGraph>();
  const graphs: ModelGraph[] = [];
  const reader: Place = { path: '', kind: 'main', graphs, calls: [] };
  const main = readGraph(model.graph, reader);
  for (const proto of model.functions ?? []) {
    const { domain, name, overload } = proto;
    const path = `function ${quoted(domainOf(domain))}::${quoted(name)}${overload ? `:${quoted(overload)}` : ''}`;
    const key = functionKey(domain, name, overload);
    const graph = readGraph(proto, { ...reader, path, kind: 'function' });
    if (!functions.has(key)) functions.set(key, graph);
  }
  if (functions.size > 0)
    for (const node of reader.calls) {
      const { domain, op_type, overload } = node.proto;
      const called = functions.get(functionKey(domain, op_type, overload));
      if (called !== undefined) (node as Open<ModelNode>).calls = called;
    }
  return { main, functions, graphs };
}

/** While it is made. */
type Open<T> = { -readonly [K in keyof T]: T[K] };
type OpenValue = Open<Omit<ModelValue, 'readers' | 'givenOut'>> & {
  readonly readers: { node: ModelNode; input: number }[];
  readonly givenOut: ModelGraph[];
};

interface Place {
  readonly path: string;
  readonly kind: ModelGraph['kind'];
  readonly parent?: ModelGraph;
  readonly owner?: ModelNode;
  readonly attribute?: string;
  /** All graphs and nodes met so far. */
  readonly graphs: ModelGraph[];
  readonly calls: ModelNode[];
}

function readGraph(proto: GraphProto | FunctionProto, { graphs, calls, ...place }: Place): ModelGraph {
  const isFunction = (each: GraphProto | FunctionProto): each is FunctionProto => place.kind === 'function' && each === proto;
  const inputs = isFunction(proto) ? proto.input : proto.input.map(({ name }) => name);
  const outputs = isFunction(proto) ? proto.output : proto.output.map(({ name }) => name);
  const values = new Map<string, OpenValue>();
  const nodes: Open<ModelNode>[] = [];
  const missing: { name: string; node?: ModelNode }[] = [];
  const graph: Open<ModelGraph> = {
    ...place,
    proto,
    inputs,
    outputs,
    nodes,
    values: values as ReadonlyMap<string, ModelValue>,
    ordered: true,
    cycles: [],
    duplicates: [],
    missing,
  };
  graphs.push(graph);
  proto.node.forEach((each, index) => {
    const node: Open<ModelNode> = { graph, index, proto: each, bodies: [], captures: [] };
    nodes.push(node);
    calls.push(node);
  });
  graph.duplicates = declare(graph, values, isFunction(proto) ? undefined : proto, nodes);
  for (const { name, type } of proto.value_info ?? []) {
    const value = values.get(name);
    if (value !== undefined && type !== undefined) value.type ??= type;
  }

  for (const node of nodes) {
    const bodies: ModelGraph[] = [];
    for (const { name, g, graphs: many } of node.proto.attribute)
      for (const body of g === undefined ? (many ?? []) : [g, ...(many ?? [])]) {
        const path = `${place.path === '' ? '' : `${place.path} / `}${nodeLabel(node)} ${quoted(name)}`;
        bodies.push(readGraph(body, { path, kind: 'body', parent: graph, owner: node, attribute: name, graphs, calls }));
      }
    node.proto.input.forEach((name, input) => {
      if (name === '') return;
      const value = resolveName(graph, name) as OpenValue | undefined;
      if (value === undefined) missing.push({ name, node });
      else value.readers.push({ node, input });
    });
    if (bodies.length === 0) continue;
    node.bodies = bodies;
    node.captures = capturesOf(bodies);
  }
  for (const name of outputs) {
    const value = resolveName(graph, name) as OpenValue | undefined;
    if (value === undefined) missing.push({ name });
    else value.givenOut.push(graph);
  }
  const order = orderOf(nodes);
  graph.nodes = order.nodes;
  graph.ordered = order.ordered;
  graph.cycles = order.cycles;
  return graph;
}

/** Gives each name of a graph its value; returns the names that are made more than once. */
function declare(
  graph: ModelGraph,
  values: Map<string, OpenValue>,
  proto: GraphProto | undefined,
  nodes: readonly ModelNode[],
): ModelGraph['duplicates'] {
  const duplicates = new Map<string, ModelNode[]>();
  const add = (name: string, kind: ModelValue['kind'], more: Partial<OpenValue> = {}): void => {
    const first = values.get(name);
    if (first === undefined) values.set(name, { name, graph, kind, readers: [], givenOut: [], ...more });
    else if (first.kind === 'input' && kind === 'initializer' && first.initial === undefined) Object.assign(first, more);
    else {
      const makers = duplicates.get(name) ?? (first.producer === undefined ? [] : [first.producer]);
      if (more.producer !== undefined) makers.push(more.producer);
      duplicates.set(name, makers);
    }
  };
  const typed = ({ type }: ValueInfo): Partial<OpenValue> => (type === undefined ? {} : { type });
  if (proto === undefined) for (const name of graph.inputs) add(name, 'input');
  else {
    for (const input of proto.input) add(input.name, 'input', typed(input));
    for (const initial of proto.initializer) add(initial.name ?? '', 'initializer', { initial });
    for (const { values: initial } of proto.sparse_initializer ?? []) if (initial?.name !== undefined) add(initial.name, 'initializer');
  }
  for (const node of nodes)
    node.proto.output.forEach((name, output) => {
      if (name !== '') add(name, 'node', { producer: node, output });
    });
  for (const output of proto?.output ?? []) {
    const value = values.get(output.name);
    if (value !== undefined && output.type !== undefined) value.type ??= output.type;
  }
  return Array.from(duplicates, ([name, makers]) => ({ name, nodes: makers }));
}

/** What bodies read of the graphs around them. */
function capturesOf(bodies: readonly ModelGraph[]): ModelValue[] {
  const found = new Set<ModelValue>();
  for (const body of bodies) {
    const see = (name: string): void => {
      if (name === '' || body.values.has(name)) return;
      const value = body.parent === undefined ? undefined : resolveName(body.parent, name);
      if (value !== undefined) found.add(value);
    };
    for (const { proto, captures } of body.nodes) {
      for (const name of proto.input) see(name);
      for (const value of captures) if (value.graph !== body) found.add(value);
    }
    for (const name of body.outputs) see(name);
  }
  return [...found];
}
