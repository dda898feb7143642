// The graphs of an ONNX model: the one at the top, and the bodies of If, Loop and Scan, which see the names of the graphs around them.

import type { GraphProto, ModelProto, NodeProto } from '../onnx/proto.ts';

export interface Scope {
  readonly graph: GraphProto;
  /** The node whose body it is, and the attribute that holds it; absent at the top. */
  readonly owner?: { readonly scope: Scope; readonly node: NodeProto; readonly attribute: string };
}

/** All graphs of a model, each behind the one around it. */
export function scopesOf({ graph }: ModelProto): Scope[] {
  const found: Scope[] = [{ graph }];
  for (const scope of found)
    for (const node of scope.graph.node)
      for (const { name, g } of node.attribute) if (g !== undefined) found.push({ graph: g, owner: { scope, node, attribute: name } });
  return found;
}

/** `If "check", then_branch`; empty at the top. */
export function scopeText({ owner }: Scope): string {
  if (owner === undefined) return '';
  const around = scopeText(owner.scope);
  const own = `${owner.node.op_type}${owner.node.name ? ` "${owner.node.name}"` : ''}, ${owner.attribute}`;
  return around === '' ? own : `${around} › ${own}`;
}

/** Where names are made, graph by graph. Graphs must not change meanwhile but by names that nobody asks for. */
export class Definitions {
  readonly #known = new Map<GraphProto, ReadonlySet<string>>();

  /** The scope in which a name that is read in this one is made; undefined where nothing makes it. */
  of(scope: Scope, name: string): Scope | undefined {
    for (let at: Scope | undefined = scope; at !== undefined; at = at.owner?.scope) if (this.#names(at.graph).has(name)) return at;
    return undefined;
  }

  #names(graph: GraphProto): ReadonlySet<string> {
    const known = this.#known.get(graph);
    if (known !== undefined) return known;
    const names = new Set([
      ...graph.input.map(({ name }) => name),
      ...graph.initializer.map(({ name }) => name ?? ''),
      ...graph.node.flatMap(({ output }) => output),
    ]);
    this.#known.set(graph, names);
    return names;
  }
}
