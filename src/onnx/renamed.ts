// Nodes and graphs whose values have other names.

import type { GraphProto, NodeProto, ValueInfo } from './proto.ts';

type Rename = (name: string) => string;

/** A node under other names, its bodies too. `rename` is asked for '' also. `titles`: nodes' own names change with their values'. */
export function renamedNode(node: NodeProto, rename: Rename, titles = false): NodeProto {
  return {
    ...node,
    ...(node.name === undefined || !titles ? {} : { name: rename(node.name) }),
    input: node.input.map(rename),
    output: node.output.map(rename),
    attribute: node.attribute.map((each) => (each.g === undefined ? each : { ...each, g: renamedGraph(each.g, rename, titles) })),
  };
}

function renamedGraph(graph: GraphProto, rename: Rename, titles: boolean): GraphProto {
  const info = (each: ValueInfo): ValueInfo => ({ ...each, name: rename(each.name) });
  return {
    ...graph,
    node: graph.node.map((node) => renamedNode(node, rename, titles)),
    initializer: graph.initializer.map((each) => ({ ...each, name: rename(each.name!) })),
    input: graph.input.map(info),
    output: graph.output.map(info),
    ...(graph.value_info === undefined ? {} : { value_info: graph.value_info.map(info) }),
  };
}
