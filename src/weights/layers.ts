// Recurrent layers as PyTorch and Keras store them: all gates in one matrix, in an order that their documentation says.

import { type LayerKind, rows, type StoredLayer, type Tensor, transposed } from './file.ts';

/** Our gates in the order of the blocks. PyTorch: torch.nn.LSTM and GRU. Keras: i f c o, and z r h. */
const orders = {
  pytorch: { lstm: ['i', 'f', 'g', 'o'], gru: ['r', 'z', 'n'], rnn: [''] },
  keras: { lstm: ['i', 'f', 'g', 'o'], gru: ['z', 'r', 'n'], rnn: [''] },
} as const satisfies Record<string, Record<LayerKind, readonly string[]>>;

const kindOf = (blocks: number): LayerKind | undefined => (({ 4: 'lstm', 3: 'gru', 1: 'rnn' }) as const)[blocks];

/** The layers among tensors, and what is left. */
export function findLayers(tensors: ReadonlyMap<string, Tensor>): { layers: StoredLayer[]; rest: Map<string, Tensor> } {
  const layers = [...pytorchLayers(tensors), ...kerasLayers(tensors)];
  const used = new Set(layers.flatMap(({ from }) => from));
  return { layers, rest: new Map([...tensors].filter(([name]) => !used.has(name))) };
}

/** `lstm.weight_ih_l0_reverse`; a cell has no `_l0`. */
function pytorchLayers(tensors: ReadonlyMap<string, Tensor>): StoredLayer[] {
  const found: StoredLayer[] = [];
  for (const [name, input] of tensors) {
    const match = /^(.*?)\.?weight_ih(?:_l(\d+)(_reverse)?)?$/.exec(name);
    if (match === null || input.shape.length !== 2) continue;
    const part = (which: string): string => name.replace(/weight_ih/, which);
    const recurrent = tensors.get(part('weight_hh'));
    if (recurrent?.shape.length !== 2) continue;
    const hidden = recurrent.shape[1]!;
    const kind = kindOf(recurrent.shape[0]! / hidden);
    if (kind === undefined || input.shape[0] !== recurrent.shape[0]) continue;
    const biases = [tensors.get(part('bias_ih')), tensors.get(part('bias_hh'))];
    found.push({
      kind,
      name: match[1]!,
      layer: Number(match[2] ?? 0),
      reverse: match[3] !== undefined,
      gates: orders.pytorch[kind].map((gate, g) => ({
        gate,
        input: rows(input, g * hidden, hidden),
        recurrent: rows(recurrent, g * hidden, hidden),
        biases: biases.map((bias) => (bias === undefined ? undefined : rows(bias, g * hidden, hidden))),
      })),
      from: ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map(part).filter((each) => tensors.has(each)),
      ...(kind === 'gru' ? { resetAfter: true } : {}),
    });
  }
  return found.sort((a, b) => a.name.localeCompare(b.name) || a.layer - b.layer || Number(a.reverse) - Number(b.reverse));
}

/** `lstm/kernel` [I, 4 H] and `lstm/recurrent_kernel` [H, 4 H]; the bias of a GRU that resets after the product has two rows. */
function kerasLayers(tensors: ReadonlyMap<string, Tensor>): StoredLayer[] {
  const found: StoredLayer[] = [];
  for (const [name, recurrent] of tensors) {
    const match = /^(.*?)([/.])?recurrent_kernel(:0)?$/.exec(name);
    const kernelName = name.replace('recurrent_kernel', 'kernel');
    const kernel = tensors.get(kernelName);
    if (match === null || kernel?.shape.length !== 2 || recurrent.shape.length !== 2) continue;
    const hidden = recurrent.shape[0]!;
    const kind = kindOf(recurrent.shape[1]! / hidden);
    if (kind === undefined) continue;
    const biasName = name.replace('recurrent_kernel', 'bias');
    const bias = tensors.get(biasName);
    const biases =
      bias === undefined
        ? []
        : bias.shape.length === 2
          ? [0, 1].map((k) => ({ shape: [bias.shape[1]!], data: rows(bias, k, 1).data }))
          : [bias];
    const [own, past] = [transposed(kernel), transposed(recurrent)];
    found.push({
      kind,
      name: match[1]!,
      layer: 0,
      reverse: /backward/.test(match[1]!),
      gates: orders.keras[kind].map((gate, g) => ({
        gate,
        input: rows(own, g * hidden, hidden),
        recurrent: rows(past, g * hidden, hidden),
        biases: biases.map((each) => rows(each, g * hidden, hidden)),
      })),
      from: [kernelName, name, ...(bias === undefined ? [] : [biasName])],
      ...(kind === 'gru' ? { resetAfter: bias?.shape.length === 2 } : {}),
    });
  }
  return found;
}
