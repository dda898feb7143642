// What belongs to a step beside its core: on the way in the matrices that its inputs are multiplied with, on the way out what a step makes of its state.

import { Alignment } from './align.ts';
import type { Operand, Operands } from './cores.ts';
import type { IndexedGraph } from './indexed-graph.ts';
import type { NodeClass } from './lockstep.ts';
import { MATRIX } from './products.ts';

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** Operators that only arrange numbers. */
const LAYOUT = words('Identity Reshape Transpose Unsqueeze Squeeze Slice Split Expand Cast Flatten Gather Concat Tile Dropout');
const PLAIN = words(
  'Add Sub Mul Div Neg Sigmoid Tanh Relu HardSigmoid LeakyRelu Elu Clip LayerNormalization SimplifiedLayerNormalization Sqrt Pow Softplus Erf Exp',
);

/** A core with the classes of its inputs: back to a first product with a matrix, and no further. */
export function withInputs(graph: IndexedGraph, operands: Operands, core: Alignment, isCore: (own: NodeClass) => boolean): Alignment {
  const offsets = new Map(core.offsets);
  const found = new Alignment(core.steps, offsets);
  const queue = [...offsets.keys()];
  const added: NodeClass[] = [];
  for (const own of queue) {
    if (!core.offsets.has(own) && isMatrix(graph, own)) continue;
    operands.get(own)!.forEach((each, operand) => {
      if (each.kind !== 'link' || offsets.has(each.from) || isCore(each.from)) return;
      const kind = operator(graph, each.from);
      if (!MATRIX.has(kind) && !PLAIN.has(kind) && !LAYOUT.has(kind)) return;
      const read = operands.get(each.from)!;
      if (MATRIX.has(kind) && !read.some((other) => other.kind === 'held')) return;
      const offset = offsets.get(own)! - each.shift - own.first + each.from.first;
      if (!covers(each.from, offset, core.steps)) return;
      offsets.set(each.from, offset);
      if (isInStep(graph, found, own, operand, each)) {
        added.push(each.from);
        queue.push(each.from);
      } else offsets.delete(each.from);
    });
  }
  // What only arranges an input stays outside.
  for (let k = added.length - 1; k >= 0; k -= 1) {
    const own = added[k]!;
    const isLeaf = operands.get(own)!.every((each) => each.kind !== 'link' || !offsets.has(each.from));
    if (isLeaf && LAYOUT.has(operator(graph, own))) {
      offsets.delete(own);
      added.splice(k, 1);
      k = added.length;
    }
  }
  return found;
}

/** A step with what it makes of its states and of nothing else. */
export function withOutputs(graph: IndexedGraph, operands: Operands, step: Alignment, isOthers: (own: NodeClass) => boolean): Alignment {
  const offsets = new Map(step.offsets);
  const found = new Alignment(step.steps, offsets);
  const added: NodeClass[] = [];
  const readers = new Map<NodeClass, NodeClass[]>();
  for (const [own, read] of operands)
    for (const each of read)
      if (each.kind === 'link') {
        const known = readers.get(each.from);
        if (known === undefined) readers.set(each.from, [own]);
        else known.push(own);
      }
  const queue = [...offsets.keys()];
  for (const from of queue)
    for (const own of readers.get(from) ?? []) {
      if (offsets.has(own) || isOthers(own) || graph.nodes[own.members[0]!]!.proto.attribute.some(({ g }) => g !== undefined)) continue;
      const read = operands.get(own)!;
      const link = read.find((each) => each.kind === 'link' && each.from === from) as Operand & { readonly kind: 'link' };
      const offset = offsets.get(from)! + link.shift + own.first - from.first;
      if (!covers(own, offset, step.steps)) continue;
      offsets.set(own, offset);
      const isOfStep = read.every(
        (each, operand) =>
          each.kind === 'none' || each.kind === 'held' || (each.kind === 'link' && isInStep(graph, found, own, operand, each)),
      );
      if (isOfStep) {
        added.push(own);
        queue.push(own);
      } else offsets.delete(own);
    }
  // What only arranges an output for its place in the whole stays outside.
  for (let k = added.length - 1; k >= 0; k -= 1) {
    const own = added[k]!;
    if (LAYOUT.has(operator(graph, own)) && !(readers.get(own) ?? []).some((each) => offsets.has(each))) {
      offsets.delete(own);
      added.splice(k, 1);
      k = added.length;
    }
  }
  return found;
}

/** Whether an operand reads a class of the same step, in all steps. */
export function isInStep(
  { nodes }: IndexedGraph,
  found: Alignment,
  own: NodeClass,
  operand: number,
  link: Operand & { readonly kind: 'link' },
): boolean {
  if (!found.offsets.has(link.from) || found.shift(own, link.from, link.shift) !== 0) return false;
  for (let step = 0; step < found.steps; step += 1) {
    const [reader, node] = [found.node(own, step), found.node(link.from, step)];
    if (reader === undefined || node === undefined) continue;
    if (nodes[reader]!.inputs[operand] !== nodes[node]!.outputs[link.output]) return false;
  }
  return true;
}

const covers = (own: NodeClass, offset: number, steps: number): boolean => offset <= 0 && own.members.length + offset >= steps;
const operator = ({ nodes }: IndexedGraph, own: NodeClass): string => nodes[own.members[0]!]!.proto.op_type;
const isMatrix = (graph: IndexedGraph, own: NodeClass): boolean => MATRIX.has(operator(graph, own));
