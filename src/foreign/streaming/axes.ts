// Which axis of an input is time: the one that arrives on the time axis of a recurrent operator. Axes are followed through operators
// that keep or move them whole.

import { intOf, intsOf } from './elements.ts';
import { type FlatGraph, inOrder, isRecurrent } from './flatten.ts';

/** The axis of `input` (of that rank) that is time to the first recurrent operator that it reaches whole; undefined where none tells. */
export function timeAxisOf(
  graph: FlatGraph,
  input: string,
  rank: number,
  constants: (name: string) => readonly number[] | undefined,
): number | undefined {
  // Of each value, the input's axis that each of its axes is; undefined for one that was added.
  const axes = new Map<string, readonly (number | undefined)[]>([[input, Array.from({ length: rank }, (_, k) => k)]]);
  for (const { node, inputs, outputs } of inOrder(graph.nodes, (each) => each.inputs)) {
    const given = inputs.map((name) => axes.get(name));
    const x = given[0];
    if (isRecurrent(node) && x !== undefined) {
      const time = x[intOf(node, 'layout') === 1 ? 1 : 0];
      if (time !== undefined) return time;
    }
    const keep = (value: readonly (number | undefined)[] | undefined): void => {
      if (value !== undefined) for (const name of outputs) if (name !== '') axes.set(name, value);
    };
    const listed = (k: number, name: string): readonly number[] | undefined =>
      (inputs[k] ?? '') === '' ? intsOf(node, name) : constants(inputs[k]!);
    switch (node.op_type) {
      case 'Transpose':
        keep(x && (intsOf(node, 'perm') ?? x.map((_, k) => x.length - 1 - k)).map((axis) => x[axis]));
        break;
      case 'Squeeze': {
        const gone = listed(1, 'axes')?.map((axis) => (axis < 0 ? axis + (x?.length ?? 0) : axis));
        if (gone !== undefined) keep(x?.filter((_, k) => !gone.includes(k)));
        break;
      }
      case 'Unsqueeze': {
        const added = listed(1, 'axes');
        if (x === undefined || added === undefined || added.length > 16) break;
        const total = x.length + added.length;
        const places = new Set(added.map((axis) => (axis < 0 ? axis + total : axis)));
        const rest = [...x];
        keep(Array.from({ length: total }, (_, k) => (places.has(k) ? undefined : rest.shift())));
        break;
      }
      case 'MatMul':
      case 'MatMulInteger':
        keep(x && x.length > 1 ? [...x.slice(0, -1), undefined] : undefined);
        break;
      case 'Gather':
        // Tokens look up their vectors: the axes of the indices, and the vector's.
        keep(given[1] === undefined ? undefined : [...given[1], undefined]);
        break;
      case 'Concat':
      case 'Add':
      case 'Sub':
      case 'Mul':
      case 'Div':
      case 'Pow':
      case 'Max':
      case 'Min':
      case 'Where':
      case 'PRelu': {
        const known = given.filter((each) => each !== undefined).sort((a, b) => b.length - a.length);
        keep(known[0]);
        break;
      }
      default:
        if (wholeAxes.has(node.op_type)) keep(x);
    }
  }
  return undefined;
}

const wholeAxes = new Set(
  'Identity Cast Dropout Relu Tanh Sigmoid LeakyRelu Elu Selu Gelu HardSigmoid Softplus Softsign Clip Log Exp Sqrt Abs Neg Erf Reciprocal LayerNormalization BatchNormalization InstanceNormalization SimplifiedLayerNormalization QuantizeLinear DequantizeLinear DynamicQuantizeLinear Softmax LogSoftmax Slice Pad'.split(
    ' ',
  ),
);
