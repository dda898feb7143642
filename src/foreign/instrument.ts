// The untouched model with more outputs: values anywhere in it, also inside the bodies of If, Loop and Scan, as outputs of the whole. To observe a
// model is to rewrite its graph; what it computes stays what it was.
//
// A value of a Loop's or a Scan's body comes out stacked over the iterations; one of an If's branch is empty where the other branch ran.

import { type AttributeProto, elementTypes, type GraphProto, type ModelProto, type NodeProto } from '../onnx/proto.ts';
import { attribute, tensorProto } from '../onnx/write.ts';
import { withFloats } from './half-operators.ts';
import { PartError, type Port } from './part.ts';
import { Definitions, type Scope, scopesOf, scopeText } from './scopes.ts';

export interface Wanted extends Port {
  /** Where the name is read; it may be made further out. */
  readonly scope: Scope;
}

export interface Instrumented {
  readonly model: ModelProto;
  /** Outputs of the model by what was wanted, in its order. `levels`: the bodies around it, from the outside, of which Loop and Scan each add an axis in front. */
  readonly outputs: readonly { readonly name: string; readonly levels: readonly Level[] }[];
}

export type Level = 'If' | 'Loop' | 'Scan';

/** A copy of the model that also gives these values. Throws PartError where nothing makes one of them. */
export function instrumented(model: ModelProto, wanted: readonly Wanted[]): Instrumented {
  const copies = new Map<GraphProto, GraphProto>();
  const graph = copied(model.graph, copies);
  const scopes = new Map(scopesOf({ ...model, graph }).map((scope) => [scope.graph, scope]));
  const known = new Map<GraphProto, Map<string, string>>();
  const operators = withFloats([...scopes.values()]);
  const definitions = new Definitions();
  const byGraph = new Map<GraphProto, Names>();
  const namesOf = (own: GraphProto): Names => {
    const names = byGraph.get(own) ?? {
      made: new Set(own.node.flatMap(({ output }) => output)),
      given: new Set(own.output.map((each) => each.name)),
    };
    byGraph.set(own, names);
    return names;
  };
  let count = 0;
  const fresh = (): string => `unroll/${count++}`;
  const outputs = wanted.map((each) => {
    const scope = scopes.get(copies.get(each.scope.graph)!)!;
    const float = each.floats === undefined ? undefined : operators.get(scope.graph)?.[each.floats].get(each.name);
    const [name, type] = float === undefined ? [each.name, each.type] : [float, 'float32' as const];
    const own = definitions.of(scope, name);
    if (own === undefined) throw new PartError(`Nothing in the model makes “${name}”, which ${scopeText(scope) || 'it'} reads.`);
    const raised = known.get(own.graph) ?? new Map<string, string>();
    known.set(own.graph, raised);
    const names = namesOf(own.graph);
    // What the model gives already.
    if (own.owner === undefined && names.given.has(name)) raised.set(name, name);
    if (!raised.has(name)) {
      const value = shown(own.graph, names, name, fresh);
      names.given.add(value);
      const top = raise(own, value, type, fresh);
      graph.output.push({ name: top });
      raised.set(name, top);
    }
    return { name: raised.get(name)!, levels: levelsOf(own) };
  });
  return { model: { ...model, graph }, outputs };
}

/** What the nodes of a graph make, and what it gives. */
interface Names {
  readonly made: ReadonlySet<string>;
  readonly given: Set<string>;
}

/** A name under which a value can be a further output of its graph. */
function shown({ node }: GraphProto, { made, given }: Names, name: string, fresh: () => string): string {
  // As it is where that can be: the runtime's own rewriting of bodies loses values that are copied.
  if (made.has(name) && !given.has(name)) return name;
  // A copy, as inputs and initialisers are no outputs of a graph.
  const copy = fresh();
  node.push({ op_type: 'Identity', input: [name], output: [copy], attribute: [] });
  return copy;
}

function levelsOf(scope: Scope): Level[] {
  const levels: Level[] = [];
  for (let at: Scope = scope; at.owner !== undefined; at = at.owner.scope) levels.unshift(at.owner.node.op_type as Level);
  return levels;
}

/** Lifts a value out of the bodies around it, body by body; its name at the top. */
function raise({ graph, owner }: Scope, name: string, type: Wanted['type'], fresh: () => string): string {
  if (owner === undefined) return name;
  const { node, scope } = owner;
  const outer = fresh();
  graph.output.push({ name, type: { tensor_type: { elem_type: elementTypes[type] } } });
  if (node.op_type === 'If') {
    for (const { g } of node.attribute)
      if (g !== undefined && g !== graph) {
        const empty = fresh();
        g.node.push({ op_type: 'Constant', input: [], output: [empty], attribute: [attribute('value', tensorProto(type, [0], []))] });
        g.output.push({ name: empty, type: { tensor_type: { elem_type: elementTypes[type] } } });
      }
    const count = graph.output.length - 1;
    padOutputs(node, count, fresh);
  } else {
    const isLoop = node.op_type === 'Loop';
    padOutputs(node, graph.output.length - 1 - (isLoop ? 1 : 0), fresh);
    for (const each of node.attribute)
      if (each.name === 'scan_output_axes' || each.name === 'scan_output_directions') each.ints = [...(each.ints ?? []), 0];
  }
  node.output.push(outer);
  return raise(scope, outer, type, fresh);
}

/** Outputs at the end that nobody reads may be left out; a further one must come behind them. */
function padOutputs(node: NodeProto, count: number, fresh: () => string): void {
  while (node.output.length < count) node.output.push(fresh());
}

/** Nodes and bodies copied, tensors shared. */
function copied(graph: GraphProto, copies: Map<GraphProto, GraphProto>): GraphProto {
  const copy: GraphProto = {
    ...graph,
    node: graph.node.map(
      (node): NodeProto => ({
        ...node,
        input: [...node.input],
        output: [...node.output],
        attribute: node.attribute.map(
          (each): AttributeProto => (each.g === undefined ? { ...each } : { ...each, g: copied(each.g, copies) }),
        ),
      }),
    ),
    output: [...graph.output],
  };
  copies.set(graph, copy);
  return copy;
}
