// Whether a recurrence runs over its inputs from the first or from the last: told by where in a sequence each step's input is taken, and by whether that
// sequence had been turned around.

import { elementTypes, type TensorProto } from '../../onnx/proto.ts';
import { numbersOfTensor } from '../file-numbers.ts';
import type { Direction } from '../part.ts';
import type { IndexedGraph } from './indexed-graph.ts';

/** How far back from a step's input its place is looked for, in nodes. */
const FARTHEST = 40;

/** `scanned`: each input's values in the order of the steps. `times`: places in time of values of other recurrences. */
export function directionOf(graph: IndexedGraph, scanned: readonly (readonly number[])[], times: ReadonlyMap<number, number>): Direction {
  for (const values of scanned) {
    const places = values.map((value) => placeOf(graph, value, times));
    const [first] = places;
    if (first === undefined || places.some((place) => place === undefined)) continue;
    const falls = places.every((place, step) => step === 0 || place!.at < places[step - 1]!.at);
    return falls === first.isTurned ? 'forward' : 'reverse';
  }
  return 'forward';
}

interface PlaceInTime {
  readonly at: number;
  readonly isTurned: boolean;
}

/** Where in a sequence a value was cut out: by Split, Gather or Slice, or as a step of another recurrence. */
function placeOf(graph: IndexedGraph, value: number, times: ReadonlyMap<number, number>): PlaceInTime | undefined {
  const queue = [value];
  const seen = new Set(queue);
  for (const at of queue) {
    const time = times.get(at);
    if (time !== undefined) return { at: time, isTurned: false };
    const { producer, output, isConstant } = graph.values[at]!;
    if (producer < 0 || isConstant) continue;
    const { proto, inputs } = graph.nodes[producer]!;
    const data = inputs[0] ?? -1;
    if (proto.op_type === 'Split') {
      if (proto.output.length > 1 && isSequence(graph, producer)) return { at: output, isTurned: isTurned(graph, data) };
    } else if (proto.op_type === 'Gather' || proto.op_type === 'Slice') {
      const starts = proto.attribute.find(({ name }) => name === 'starts')?.ints;
      const tensor = graph.values[inputs[1] ?? -1]?.tensor;
      const place = tensor === undefined ? starts?.[0] : integersOf(tensor)?.[0];
      if (place !== undefined) return { at: place, isTurned: isTurned(graph, data) };
    }
    for (const before of inputs)
      if (before >= 0 && !seen.has(before) && queue.length < FARTHEST) {
        seen.add(before);
        queue.push(before);
      }
  }
  return undefined;
}

/** Not the gates of one product. */
function isSequence(graph: IndexedGraph, split: number): boolean {
  const axis = graph.nodes[split]!.proto.attribute.find(({ name }) => name === 'axis')?.i ?? 0;
  return Number(axis) >= 0;
}

/** Whether a sequence is another one from behind. */
function isTurned(graph: IndexedGraph, sequence: number): boolean {
  let turned = false;
  let at = sequence;
  for (let distance = 0; distance < FARTHEST && at >= 0; distance += 1) {
    const { producer, isConstant } = graph.values[at]!;
    if (producer < 0 || isConstant) break;
    const { proto, inputs } = graph.nodes[producer]!;
    if (proto.op_type === 'Concat') break;
    const integers = (operand: number): number[] | undefined => {
      const tensor = graph.values[inputs[operand] ?? -1]?.tensor;
      const found = tensor === undefined ? undefined : integersOf(tensor);
      return found === undefined ? undefined : Array.from(found);
    };
    if (proto.op_type === 'Slice' && integers(4)?.some((step) => step === -1)) turned = !turned;
    if (proto.op_type === 'ReverseSequence') turned = !turned;
    if (proto.op_type === 'Gather') {
      const indices = integers(1) ?? [];
      if (indices.length > 1 && indices.every((each, k) => k === 0 || each < indices[k - 1]!)) turned = !turned;
    }
    at = inputs.find((value) => value >= 0 && !graph.values[value]!.isConstant) ?? -1;
  }
  return turned;
}

function integersOf(tensor: TensorProto): ArrayLike<number> | undefined {
  return tensor.data_type === elementTypes.int64 || tensor.data_type === elementTypes.int32 ? numbersOfTensor(tensor) : undefined;
}
