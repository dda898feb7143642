// Inputs for a model that nobody has chosen any for: random numbers, ids below the size of the table that they look up, lengths that are the
// sequence's, and sizes for what the model leaves open.
//
// A file does not say which sizes it runs with (a spectrum needs as many samples as its window has): those that are usual are tried in turn.

import type { PortInfo } from '../onnx/operators.ts';
import type { GraphProto, ModelProto } from '../onnx/proto.ts';
import type { InputChoice, InputChoices } from '../shared/inputs.ts';
import { freeDimensions } from './inputs/ports.ts';

export interface UsualSizes {
  readonly batch: number;
  readonly steps: number;
}

const SIZES: UsualSizes = { batch: 2, steps: 12 };

/** Sizes to try where a model does not run with the usual ones. */
export const otherSizes: readonly UsualSizes[] = [
  { batch: 1, steps: 12 },
  ...[64, 256, 512, 1024, 1536, 4096, 16_000].map((steps) => ({ batch: 1, steps })),
];

/** `states`: inputs that are states of a model for one frame a call, [layers, batch, ...]. */
export function usualChoices(
  model: ModelProto,
  ports: readonly PortInfo[],
  seed: number,
  { sizes = SIZES, states = [] }: { readonly sizes?: UsualSizes; readonly states?: readonly string[] } = {},
): InputChoices {
  const inputs: Record<string, InputChoice> = {};
  const dimensions: Record<string, number> = {};
  for (const { key, uses, suggestion } of freeDimensions(ports, { all: { kind: 'zeros' } })) {
    const [{ axis }] = uses as readonly [(typeof uses)[number]];
    const rank = ports.find(({ name }) => name === uses[0]!.input)?.shape?.length ?? 0;
    // The first of several axes is the batch, unless one is called so; of a table of ids the second is time.
    const isBatch = suggestion !== undefined || (axis === 0 && rank > 1 && !isTime(key)) || (axis === 1 && states.includes(uses[0]!.input));
    dimensions[key] = isBatch ? sizes.batch : sizes.steps;
  }
  ports.forEach(({ name, type }, place) => {
    const isWhole = /^u?int/.test(type);
    const below = isWhole ? rowsOf(model.graph, name) : undefined;
    const counts = isWhole && below === undefined ? lengthsOf(model.graph, name, ports, dimensions, sizes.steps) : undefined;
    if (counts !== undefined) inputs[name] = { kind: 'constant', value: counts };
    else inputs[name] = { kind: 'random', seed: seed + place, ...(below === undefined ? {} : { below }) };
  });
  return { inputs, dimensions };
}

const isTime = (name: string): boolean => /^t$|time|seq|step|frame|len/i.test(name);

/** The rows of the table in which the ids of an input are looked up, if there is one; through changes of shape and type. */
export function rowsOf(graph: GraphProto, name: string): number | undefined {
  const names = new Set([name]);
  let least: number | undefined;
  for (const node of graph.node) {
    if (node.op_type === 'Gather' && names.has(node.input[1] ?? '')) {
      const table = graph.initializer.find((each) => each.name === node.input[0]);
      const rows = table?.dims[Number(node.attribute.find((each) => each.name === 'axis')?.i ?? 0)];
      if (rows !== undefined) least = Math.min(least ?? rows, rows);
    }
    if (PASSES.has(node.op_type) && names.has(node.input[0] ?? '')) for (const output of node.output) names.add(output);
  }
  return least;
}

const PASSES = new Set(['Cast', 'Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'Identity', 'Slice', 'Flatten', 'Split']);

/** Of an input that says how long sequences are: the number of timesteps. */
function lengthsOf(
  graph: GraphProto,
  name: string,
  ports: readonly PortInfo[],
  dimensions: Readonly<Record<string, number>>,
  steps: number,
): number | undefined {
  const names = new Set([name]);
  for (const node of graph.node) {
    if (node.op_type === 'Cast' && names.has(node.input[0] ?? '')) names.add(node.output[0]!);
    if (['LSTM', 'GRU', 'RNN'].includes(node.op_type) && names.has(node.input[4] ?? '')) {
      const sizes = ports.flatMap(({ name: other, shape }) => (other === name ? [] : (shape ?? []).slice(0, 2)));
      const known = sizes.map((size) => (typeof size === 'number' ? size : dimensions[size])).filter((size) => size !== undefined);
      return Math.min(...known.filter((size) => size > 0), steps);
    }
  }
  return undefined;
}
