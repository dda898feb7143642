// If nodes replaced by the branch that ran: so its operators are ordinary ones, with values that a run can show and a gradient can go through.

import type { GraphProto, ModelProto, NodeProto } from '../../onnx/proto.ts';
import { attributeOf } from './reading.ts';

/** Which branch of an If ran; undefined where that is not known. */
export type Ran = (node: NodeProto) => 'then' | 'else' | undefined;

/**
 * The model with each If, of which it is known, replaced by the nodes of its branch, those inside other branches too. Results keep their names;
 * inner values keep theirs as well, unless another value has that name. What the model computes for inputs that choose these branches stays the same.
 */
export function withBranches(model: ModelProto, ran: Ran): ModelProto {
  const { graph } = model;
  const called = new Set(graph.node.map(({ name }) => name ?? ''));
  const taken = new Set([...graph.input, ...graph.output, ...(graph.value_info ?? [])].map(({ name }) => name));
  for (const { name } of graph.initializer) taken.add(name ?? '');
  for (const node of graph.node) for (const name of node.output) taken.add(name);
  const made: GraphProto = { ...graph, node: [], initializer: [...graph.initializer], value_info: [...(graph.value_info ?? [])] };
  let changed = false;
  const pending = graph.node.map((node) => node);
  for (let node = pending.shift(); node !== undefined; node = pending.shift()) {
    const which = node.op_type === 'If' ? ran(node) : undefined;
    const branch = which === undefined ? undefined : attributeOf(node, `${which}_branch`)?.g;
    if (branch === undefined) {
      made.node.push(node);
      continue;
    }
    changed = true;
    const inlined = renamed(branch, node, taken);
    made.initializer.push(...inlined.initializer);
    made.value_info!.push(...(inlined.value_info ?? []));
    pending.unshift(...inlined.node.map((inner) => ({ ...inner, name: freeName(inner.name ?? '', called) })));
  }
  return changed ? { ...model, graph: made } : model;
}

/** The name, or it with the next number behind it that makes it free; taken from now on. '' stays. */
function freeName(name: string, taken: Set<string>): string {
  let free = name;
  for (let k = 1; name !== '' && taken.has(free); k += 1) free = `${name}.${k}`;
  taken.add(free);
  return free;
}

/** A branch whose results have the names of the node's, and whose other values have free names. */
function renamed(branch: GraphProto, node: NodeProto, taken: Set<string>): GraphProto {
  const names = new Map<string, string>();
  const copies: NodeProto[] = [];
  const own = new Set([...branch.initializer.map(({ name }) => name ?? ''), ...branch.node.flatMap(({ output }) => output)]);
  branch.output.forEach(({ name }, k) => {
    const result = node.output[k] ?? '';
    if (result === '') return;
    // A result that comes from around the branch, or that is two results, is copied.
    if (own.has(name) && !names.has(name)) names.set(name, result);
    else copies.push({ op_type: 'Identity', name: `${node.name ?? ''}/${result}`, input: [name], output: [result], attribute: [] });
  });
  for (const name of own) {
    if (name === '' || names.has(name)) continue;
    names.set(name, freeName(name, taken));
  }
  const graph = substituted(branch, names);
  return {
    ...graph,
    node: [...graph.node, ...copies.map((copy) => ({ ...copy, input: copy.input.map((name) => names.get(name) ?? name) }))],
  };
}

/** Every name of `names` exchanged, in inner graphs too, unless they have a value of that name themselves. */
function substituted(graph: GraphProto, names: ReadonlyMap<string, string>): GraphProto {
  const to = (name: string): string => names.get(name) ?? name;
  const node = graph.node.map(
    (each): NodeProto => ({
      ...each,
      input: each.input.map(to),
      output: each.output.map(to),
      attribute: each.attribute.map((attribute) =>
        attribute.g === undefined ? attribute : { ...attribute, g: inner(attribute.g, names) },
      ),
    }),
  );
  const named = <T extends { name?: string }>(each: T): T => (each.name === undefined ? each : { ...each, name: to(each.name) });
  return {
    ...graph,
    node,
    initializer: graph.initializer.map(named),
    output: graph.output.map(named),
    value_info: (graph.value_info ?? []).map(named),
  };
}

function inner(graph: GraphProto, names: ReadonlyMap<string, string>): GraphProto {
  const hidden = [...graph.input, ...graph.initializer].map(({ name }) => name ?? '');
  for (const { output } of graph.node) hidden.push(...output);
  const left = new Map(names);
  for (const name of hidden) left.delete(name);
  return left.size === 0 ? graph : substituted(graph, left);
}
