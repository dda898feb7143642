// Reads the weights of an ONNX model: its initialisers, and the LSTM, GRU and RNN operators gate by gate, as the operators' definitions stack them.

import { elementName } from '../onnx/file/elements.ts';
import { type ModelFile, openModelFile } from '../onnx/file/open.ts';
import { floatsOf } from '../onnx/file/tensors.ts';
import type { NodeProto, TensorProto } from '../onnx/proto.ts';
import { type LayerKind, rows, type StoredLayer, type Tensor, WeightsError } from './file.ts';

/** Our names of the gates in the operators' order. */
const orders: Readonly<Record<string, { readonly kind: LayerKind; readonly gates: readonly string[] }>> = {
  LSTM: { kind: 'lstm', gates: ['i', 'o', 'f', 'g'] },
  GRU: { kind: 'gru', gates: ['z', 'r', 'n'] },
  RNN: { kind: 'rnn', gates: [''] },
};

/** Element types that weights have; others, shapes and the like, are none. */
const weightTypes = new Set(['float32', 'float64', 'float16', 'bfloat16', 'int64']);

/** Throws WeightsError. */
export async function readOnnx(path: string): Promise<{ tensors: Map<string, Tensor>; layers: StoredLayer[] }> {
  const file = await openModelFile(path).catch((error: Error) => {
    throw new WeightsError(error.message, { cause: error });
  });
  const { graph } = file.model;
  const tensors = new Map<string, Tensor>();
  for (const initializer of graph.initializer) {
    const found = await tensorOf(initializer, file);
    if (found !== undefined && initializer.name !== undefined) tensors.set(initializer.name, found);
  }
  for (const node of graph.node) {
    const value = node.op_type === 'Constant' ? node.attribute.find(({ name }) => name === 'value')?.t : undefined;
    const found = value === undefined ? undefined : await tensorOf(value, file, node.output[0]);
    if (found !== undefined) tensors.set(node.output[0]!, found);
  }
  const layers = graph.node.flatMap((node) => layersOf(node, tensors));
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
async function tensorOf(tensor: TensorProto, file: ModelFile, place?: string): Promise<Tensor | undefined> {
  if (!weightTypes.has(elementName(tensor.data_type))) return undefined;
  const read = await file.tensor(tensor, place).catch((error: Error) => {
    throw new WeightsError(error.message, { cause: error });
  });
  // Of its own, so that the file can go.
  return { shape: read.shape, data: floatsOf(read).slice() };
}
