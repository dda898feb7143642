// Whether a recurrence runs over its inputs from the first or from the last: told by where in a sequence each step's input is taken.

import type { TensorProto } from '../../onnx/proto.ts';
import type { Direction } from '../part.ts';
import type { IndexedGraph } from './indexed-graph.ts';

/** Operators between a step's input and where it is cut out. */
const PASSED = new Set('Identity Squeeze Unsqueeze Reshape Transpose Cast Flatten'.split(' '));

/** `scanned`: each input's values in the order of the steps. */
export function directionOf(graph: IndexedGraph, scanned: readonly (readonly number[])[]): Direction {
  for (const values of scanned) {
    const places = values.map((value) => placeOf(graph, value));
    if (places.some((place) => place === undefined)) continue;
    const falls = places.every((place, step) => step === 0 || place! < places[step - 1]!);
    return falls ? 'reverse' : 'forward';
  }
  return 'forward';
}

/** Where in a sequence a value was cut out: by Split, Gather or Slice. */
function placeOf(graph: IndexedGraph, value: number): number | undefined {
  let at = value;
  for (let distance = 0; distance < 8; distance += 1) {
    const { producer, output } = graph.values[at]!;
    if (producer < 0) return undefined;
    const { proto, inputs } = graph.nodes[producer]!;
    if (proto.op_type === 'Split' || proto.op_type === 'Unbind') return output;
    if (proto.op_type === 'Gather' || proto.op_type === 'Slice') {
      const tensor = inputs[1] === undefined ? undefined : graph.values[inputs[1]]?.tensor;
      const starts = proto.attribute.find(({ name }) => name === 'starts')?.ints;
      return tensor === undefined ? starts?.[0] : integerOf(tensor);
    }
    if (!PASSED.has(proto.op_type) || inputs[0] === undefined || inputs[0] < 0) return undefined;
    at = inputs[0];
  }
  return undefined;
}

function integerOf({ raw_data, int64_data, int32_data, data_type }: TensorProto): number | undefined {
  const [listed] = [...(int64_data ?? []), ...(int32_data ?? [])];
  if (listed !== undefined) return Number(listed);
  if (raw_data === undefined) return undefined;
  const view = new DataView(raw_data.buffer, raw_data.byteOffset, raw_data.byteLength);
  if (data_type === 7 && raw_data.length >= 8) return Number(view.getBigInt64(0, true));
  return data_type === 6 && raw_data.length >= 4 ? view.getInt32(0, true) : undefined;
}
