// Layers in series: parts of one kind and size whose input is the output of the one before, with nothing between but changes of shape.

import type { NodeProto } from '../onnx/proto.ts';
import type { RecurrentPart } from './part.ts';

/** What leaves the numbers as they are. */
const SHAPING = new Set([
  'Transpose',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Identity',
  'Dropout',
  'Cast',
  'Concat',
  'Split',
  'Slice',
]);

/** The parts in stacks, each from its lowest layer up; a part alone is a stack of one. */
export function stacksOf(parts: readonly RecurrentPart[]): RecurrentPart[][] {
  const below = new Map<RecurrentPart, RecurrentPart>();
  for (const part of parts) {
    const found = belowOf(part, parts);
    // One layer feeds one.
    if (found !== undefined && ![...below.values()].includes(found)) below.set(part, found);
  }
  const above = new Map([...below].map(([upper, lower]) => [lower, upper]));
  return parts
    .filter((part) => !below.has(part))
    .map((part) => {
      const stack = [part];
      for (let next = above.get(part); next !== undefined; next = above.get(next)) stack.push(next);
      return stack;
    });
}

function belowOf(part: RecurrentPart, parts: readonly RecurrentPart[]): RecurrentPart | undefined {
  if (part.sequence === undefined) return undefined;
  const makers = new Map<string, NodeProto>();
  for (const node of part.scope.graph.node) for (const output of node.output) makers.set(output, node);
  const seen = new Set<string>();
  const found = new Set<RecurrentPart>();
  const open = [part.sequence];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const maker = parts.find((each) => each !== part && each.scope.graph === part.scope.graph && each.result === name);
    if (maker !== undefined) {
      found.add(maker);
      continue;
    }
    const node = makers.get(name);
    if (node === undefined || !SHAPING.has(node.op_type)) return undefined;
    // The first operand is what is shaped, all of a Concat are.
    open.push(...(node.op_type === 'Concat' ? node.input : node.input.slice(0, 1)));
  }
  const [only] = found;
  if (found.size !== 1 || only === undefined) return undefined;
  const alike = only.kind === part.kind && only.hidden === part.hidden && only.directions.join() === part.directions.join();
  return alike && only.form === part.form ? only : undefined;
}
