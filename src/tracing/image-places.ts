// Places of an image: axes that came from laying an image's rows behind each other, whatever cells call them.

import type { AnyNode, Axis, RecurAttributes } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { ImagePlaces } from '../shared/trace.ts';

/** Tells of an axis whether it is the places of the model's image, and how these stand. There is one input of [channels, height, width], or none is
 *  found. */
export function imagePlaces(model: Model): (axis: Axis) => ImagePlaces | undefined {
  const images = model.inputs.filter(({ value }) => {
    const axes = value.type.axes.filter(({ name }) => name !== 'B');
    return value.type.dtype === 'float' && axes.length === 3 && axes.every(({ size }) => typeof size === 'number');
  });
  const [image] = images;
  if (image === undefined || images.length !== 1) return () => undefined;
  const nodes = allNodes(model.graph.nodes);
  const renames = nodes.flatMap((node) => (node.operation === 'rename' ? [node.attributes] : []));
  const found = nodes.flatMap((node) => {
    if (node.operation !== 'merge') return [];
    const { from, to } = node.attributes;
    const [rows, columns] = from.map((name) => node.inputs[0]!.type.axes.find((axis) => axis.name === name)?.size);
    if (typeof rows !== 'number' || typeof columns !== 'number') return [];
    const names = new Set([to.name]);
    for (let before = 0; before < names.size; ) {
      before = names.size;
      for (const each of renames) if (names.has(each.from)) names.add(each.to);
    }
    return [{ names, size: to.size, places: { input: image.name, rows, columns } }];
  });
  return ({ name, size }) => found.find((each) => each.size === size && each.names.has(name))?.places;
}

const allNodes = (nodes: readonly AnyNode[]): readonly AnyNode[] =>
  nodes.flatMap((node) => (node.operation === 'recur' ? [node, ...allNodes((node.attributes as RecurAttributes).body.nodes)] : [node]));
