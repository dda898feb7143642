// onnxruntime's DynamicQuantizeLSTM: an LSTM whose matrices are bytes, [D, I, 4 H] and [D, H, 4 H] with a scale (and a zero point) a direction or a gate's
// unit, and whose input and state are made bytes too, by a scale and a zero point of their own at each product: of the whole input at once, and of the
// states of all sequences at each step. The replay is given both as the bytes have them, so that its equations compute what the kernel computes.

import type { NodeProto } from '../../onnx/proto.ts';
import type { Tensor } from '../../runtime/runtime.ts';
import { type BoundPart, PartError, type Port, type RecurrentPart } from '../part.ts';
import type { Scope } from '../scopes.ts';
import { operatorPart } from './recurrent-operator.ts';

export const isQuantizedLstm = ({ op_type, domain }: NodeProto): boolean => op_type === 'DynamicQuantizeLSTM' && domain === 'com.microsoft';

/** Behind the inputs of an LSTM stand the scales and zero points of W and R. */
const SCALES = 8;

export function quantizedPart(node: NodeProto, scope: Scope, name: string): RecurrentPart {
  const plain: NodeProto = { ...node, op_type: 'LSTM', domain: '', input: node.input.slice(0, SCALES) };
  const part = operatorPart(plain, scope, name);
  const ports: Port[] = node.input
    .slice(SCALES)
    .filter((each) => each !== '')
    .map((each, k) => ({ name: each, type: k % 2 === 0 ? 'float32' : 'uint8' }));
  const { bindJoined: _, input: __, ...rest } = part;
  const width = rowsOf(node, scope);
  return {
    ...rest,
    nodes: [node],
    ...(width === undefined ? {} : { input: width }),
    ports: [
      ...part.ports.map((port) =>
        port.name === node.input[1] || port.name === node.input[2] ? { ...port, type: 'uint8' as const } : port,
      ),
      ...ports,
    ],
    bind: (values) => withBytes(part.bind(withFloats(node, values)), node, values),
  };
}

/** The numbers of one step's input: the rows of W, [D, I, 4 H], where the file has it. */
function rowsOf({ input }: NodeProto, scope: Scope): number | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.owner?.scope) {
    const found = at.graph.initializer.find(({ name }) => name === input[1]);
    if (found !== undefined) return found.dims[1];
  }
  return undefined;
}

/** W and R as an LSTM has them. */
function withFloats({ input }: NodeProto, values: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const found = new Map(values);
  for (const [place, scale, zero] of [
    [1, SCALES, SCALES + 1],
    [2, SCALES + 2, SCALES + 3],
  ] as const) {
    const [bytes, scales, zeros] = [values.get(input[place]!), values.get(input[scale] ?? ''), values.get(input[zero] ?? '')];
    if (bytes === undefined || scales === undefined || bytes.dims.length !== 3)
      throw new PartError('DynamicQuantizeLSTM lacks W, R or their scales.');
    const [directions, rows, columns] = bytes.dims as [number, number, number];
    const data = new Float32Array(bytes.data.length);
    // One a direction, or one a column.
    const each = scales.data.length / directions;
    for (let d = 0; d < directions; d += 1)
      for (let row = 0; row < rows; row += 1)
        for (let column = 0; column < columns; column += 1) {
          const which = d * each + (each === 1 ? 0 : column);
          const byte = Number(bytes.data[(d * rows + row) * columns + column]) - Number(zeros?.data[which] ?? 0);
          data[(d * columns + column) * rows + row] = byte * Number(scales.data[which]);
        }
    found.set(input[place]!, { type: 'float32', dims: [directions, columns, rows], data });
  }
  return found;
}

/** The input as its bytes have it, and the state before each step as another input, `h_byte`. */
function withBytes(bound: BoundPart, { input, output }: NodeProto, values: ReadonlyMap<string, Tensor>): BoundPart {
  const X = values.get(input[0]!)!;
  const Y = output[0] ? values.get(output[0]) : undefined;
  const x = inBytes(X.data as Float32Array);
  const { gradient: _, lengths, ...rest } = bound;
  const runs = bound.runs.map((run, place) => {
    const width = run.cell.states[0]!.shape[0]!;
    return {
      ...run,
      cell:
        Y === undefined
          ? run.cell
          : {
              ...run.cell,
              inputs: [...run.cell.inputs, { name: 'h_byte', shape: [width] }],
              lines: run.cell.lines.map((line) => ({ ...line, text: line.text.replace(/(U_\w) @ h\b/g, '$1 @ h_byte') })),
            },
      sequence: (item: number) => {
        const sequence = run.sequence(item);
        const own = sequence.inputs;
        const batch = lengths.length;
        const input = own.x!.map((value) => x(value));
        if (Y === undefined) return { ...sequence, inputs: { ...own, x: input } };
        const steps = lengths[item]!;
        const states = new Float32Array(steps * width);
        for (let t = 0; t < steps; t += 1) {
          const before = run.direction === 'reverse' ? t + 1 : t - 1;
          const all = new Float32Array(batch * width);
          for (let b = 0; b < batch; b += 1) {
            const initial = run.sequence(b).inputs.h_0;
            const isFirst = run.direction === 'reverse' ? before >= lengths[b]! : before < 0;
            if (isFirst) all.set(initial ?? new Float32Array(width), b * width);
            else {
              const row = ((before * bound.runs.length + place) * batch + b) * width;
              all.set((Y.data as Float32Array).subarray(row, row + width), b * width);
            }
          }
          const byte = inBytes(all);
          for (let unit = 0; unit < width; unit += 1) states[t * width + unit] = byte(all[item * width + unit]!);
        }
        return { ...sequence, inputs: { ...own, x: input, h_byte: states } };
      },
    };
  });
  return { ...rest, lengths, runs };
}

/** Rounds as onnxruntime's dynamic quantisation does: 256 places from the least to the largest, 0 among them. */
function inBytes(values: Float32Array): (value: number) => number {
  let [least, largest] = [0, 0];
  for (const value of values) {
    least = Math.min(least, value);
    largest = Math.max(largest, value);
  }
  const scale = largest === least ? 1 : Math.fround((largest - least) / 255);
  const zero = Math.min(255, Math.max(0, halfEven(Math.fround(-least / scale))));
  return (value) => scale * (Math.min(255, Math.max(0, halfEven(Math.fround(value / scale)) + zero)) - zero);
}

function halfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
