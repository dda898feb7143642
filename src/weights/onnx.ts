// Reads the weights of an ONNX model: its initialisers, and the LSTM, GRU and RNN operators gate by gate, as the operators' definitions stack them.

import { open, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { decodeModel, type ModelProto, type NodeProto, type TensorProto } from '../onnx/proto.ts';
import { type LayerKind, rows, type StoredLayer, type Tensor, WeightsError } from './file.ts';
import { numbersOf } from './safetensors.ts';

/** Our names of the gates in the operators' order. */
const orders: Readonly<Record<string, { readonly kind: LayerKind; readonly gates: readonly string[] }>> = {
  LSTM: { kind: 'lstm', gates: ['i', 'o', 'f', 'g'] },
  GRU: { kind: 'gru', gates: ['z', 'r', 'n'] },
  RNN: { kind: 'rnn', gates: [''] },
};

/** Throws WeightsError. */
export async function readOnnx(path: string): Promise<{ tensors: Map<string, Tensor>; layers: StoredLayer[] }> {
  const bytes = await readFile(path).catch(() => {
    throw new WeightsError(`There is no file ${path} that can be read.`);
  });
  let model: ModelProto;
  try {
    model = decodeModel(bytes);
  } catch {
    throw new WeightsError(`${basename(path)} is no ONNX model, or is damaged.`);
  }
  if (model.graph === undefined) throw new WeightsError(`${basename(path)} is no ONNX model: it has no graph.`);
  const tensors = new Map<string, Tensor>();
  for (const initializer of model.graph.initializer) {
    const found = await tensorOf(initializer, path);
    if (found !== undefined && initializer.name !== undefined) tensors.set(initializer.name, found);
  }
  for (const node of model.graph.node) {
    const value = node.op_type === 'Constant' ? node.attribute.find(({ name }) => name === 'value')?.t : undefined;
    const found = value === undefined ? undefined : await tensorOf(value, path);
    if (found !== undefined) tensors.set(node.output[0]!, found);
  }
  const layers = model.graph.node.flatMap((node) => layersOf(node, tensors));
  for (const { from } of layers) for (const name of from) tensors.delete(name);
  return { tensors, layers };
}

/** The directions of an operator whose matrices are in the file. */
function layersOf(node: NodeProto, tensors: ReadonlyMap<string, Tensor>): StoredLayer[] {
  const order = orders[node.op_type];
  if (order === undefined) return [];
  const [, W, R, B] = node.input;
  const [input, recurrent, biases] = [W, R, B].map((name) => tensors.get(name ?? ''));
  if (input === undefined || recurrent === undefined) return [];
  const hidden = recurrent.shape[2]!;
  const count = order.gates.length;
  const attribute = (name: string) => node.attribute.find((each) => each.name === name);
  const direction = Buffer.from(attribute('direction')?.s ?? []).toString();
  const part = (tensor: Tensor, k: number): Tensor => {
    const { shape, data } = rows(tensor, k, 1);
    return { shape: shape.slice(1), data };
  };
  return Array.from({ length: input.shape[0]! }, (_, k): StoredLayer => {
    const [own, past, bias] = [part(input, k), part(recurrent, k), biases === undefined ? undefined : part(biases, k)];
    return {
      kind: order.kind,
      name: W!.replace(/\.W(_\d+)?$/, ''),
      layer: 0,
      reverse: direction === 'reverse' || k === 1,
      gates: order.gates.map((gate, g) => ({
        gate,
        input: rows(own, g * hidden, hidden),
        recurrent: rows(past, g * hidden, hidden),
        biases: bias === undefined ? [] : [rows(bias, g * hidden, hidden), rows(bias, (count + g) * hidden, hidden)],
      })),
      from: [W!, R!, ...(biases === undefined ? [] : [B!])],
      ...(order.kind === 'gru' ? { resetAfter: attribute('linear_before_reset')?.i === 1 } : {}),
    };
  });
}

/** Numbers of types that weights have; undefined for others. */
async function tensorOf(tensor: TensorProto, path: string): Promise<Tensor | undefined> {
  const kind = ({ 1: 'F32', 7: 'I64', 10: 'F16', 11: 'F64', 16: 'BF16' } as const)[tensor.data_type];
  if (kind === undefined) return undefined;
  const { dims: shape } = tensor;
  const count = shape.reduce((product, size) => product * size, 1);
  const listed = [tensor.float_data, tensor.double_data, tensor.int64_data].find((each) => each !== undefined && each.length > 0);
  const raw = tensor.data_location === 1 ? await external(tensor, path) : tensor.raw_data;
  const data = raw !== undefined && raw.length > 0 ? numbersOf(kind, Buffer.from(raw)) : Float32Array.from(listed ?? []);
  if (data.length !== count)
    throw new WeightsError(`${basename(path)}: ${tensor.name} is [${shape.join(', ')}] and has ${data.length} numbers.`);
  return { shape, data };
}

/** Numbers in a file of their own, which must lie in the model's folder. */
async function external({ name, external_data: entries = [] }: TensorProto, path: string): Promise<Buffer> {
  const of = (key: string): string | undefined => entries.find((entry) => entry.key === key)?.value;
  const location = of('location') ?? '';
  const folder = await realpath(dirname(path));
  const target = await realpath(join(folder, location)).catch(() => {
    throw new WeightsError(`${basename(path)} keeps ${name} in ${location}, which is not there. Copy it beside the model.`);
  });
  const inside = relative(folder, target);
  if (isAbsolute(location) || isAbsolute(inside) || inside === '..' || inside.startsWith(`..${sep}`))
    throw new WeightsError(`${basename(path)} keeps ${name} outside its folder (${location}); that is not read.`);
  const handle = await open(target, 'r');
  try {
    const { size } = await handle.stat();
    const offset = Number(of('offset') ?? 0);
    const length = of('length') === undefined ? size - offset : Number(of('length'));
    if (!(offset >= 0) || !(length >= 0) || offset + length > size)
      throw new WeightsError(`${location} is cut short: ${name} ends behind its end.`);
    const buffer = Buffer.alloc(length);
    await handle.read(buffer, 0, length, offset);
    return buffer;
  } finally {
    await handle.close();
  }
}
