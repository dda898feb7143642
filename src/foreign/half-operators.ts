// LSTM, GRU and RNN operators of halves (float16), for which onnxruntime has no kernels: it casts what they read to floats and what they make back. Here
// the same casts are written out, so that the floats can be observed: the states as they were carried from step to step, before they were rounded.

import { elementTypes, type GraphProto, type ModelProto, type NodeProto } from '../onnx/proto.ts';
import { attribute } from '../onnx/write.ts';
import { isRecurrentOperator } from './operators/recurrent-operator.ts';
import { type Scope, scopesOf } from './scopes.ts';
import { Statics } from './statics.ts';

/** By the names of halves that operators of a graph read or make: those of the floats. */
export interface FloatNames {
  readonly read: ReadonlyMap<string, string>;
  readonly made: ReadonlyMap<string, string>;
}

/** Rewrites the operators of halves in graphs, which are changed. */
export function withFloats(scopes: readonly Scope[]): ReadonlyMap<GraphProto, FloatNames> {
  const statics = new Statics();
  const found = new Map<GraphProto, FloatNames>();
  for (const scope of scopes) {
    const { graph } = scope;
    const own = graph.node.filter((node) => isOfHalves(node, scope, statics));
    if (own.length > 0) found.set(graph, rewritten(graph, own));
  }
  return found;
}

export const isOfHalves = (node: NodeProto, scope: Scope, statics: Statics): boolean =>
  isRecurrentOperator(node) && statics.type(scope, node.input[1] ?? '') === elementTypes.float16;

/** Lengths are whole numbers. */
const LENGTHS = 4;

function rewritten(graph: GraphProto, own: readonly NodeProto[]): FloatNames {
  const [read, made] = [new Map<string, string>(), new Map<string, string>()];
  const casts: NodeProto[] = [];
  const cast = (from: string, to: string, type: 'float32' | 'float16'): NodeProto => ({
    op_type: 'Cast',
    input: [from],
    output: [to],
    attribute: [attribute('to', elementTypes[type])],
  });
  for (const node of own) {
    node.input = node.input.map((name, k) => {
      if (name === '' || k === LENGTHS) return name;
      const known = read.get(name) ?? `unroll/read/${name}`;
      if (!read.has(name)) casts.push(cast(name, known, 'float32'));
      read.set(name, known);
      return known;
    });
    node.output = node.output.map((name) => {
      if (name === '') return '';
      casts.push(cast(`unroll/made/${name}`, name, 'float16'));
      made.set(name, `unroll/made/${name}`);
      return `unroll/made/${name}`;
    });
  }
  // The runtime puts nodes in order itself.
  graph.node.push(...casts);
  return { read, made };
}

/** Whether halves stand anywhere in a model. */
export function hasHalves(model: ModelProto): boolean {
  return scopesOf(model).some(({ graph: { initializer, input, output, node } }) => {
    const isHalf = (type: number | undefined): boolean => type === elementTypes.float16;
    return (
      initializer.some(({ data_type }) => isHalf(data_type)) ||
      [...input, ...output].some(({ type }) => isHalf(type?.tensor_type?.elem_type)) ||
      node.some(({ op_type, attribute: own }) =>
        own.some(({ name, i, t }) => (op_type === 'Cast' && name === 'to' && isHalf(Number(i))) || isHalf(t?.data_type)),
      )
    );
  });
}
