// What onnxruntime's kernels for LSTM, GRU and RNN refuse, written in a way that they take, with the same meaning: sequences first (layout = 1)
// as transposes around the operator, activations in ONNX's own spelling.

import type { GraphProto, ModelProto, NodeProto } from '../onnx/proto.ts';
import { attribute } from '../onnx/write.ts';
import { spelledOut } from './operators/activations.ts';
import { isRecurrentOperator } from './operators/recurrent-operator.ts';

/** The model itself where nothing of it had to be rewritten. */
export function runnable(model: ModelProto): ModelProto {
  const graph = rewritten(model.graph);
  return graph === model.graph ? model : { ...model, graph };
}

function rewritten(graph: GraphProto): GraphProto {
  let isChanged = false;
  const node = graph.node.flatMap((each) => {
    const changed = rewrittenNode(each);
    if (changed.length !== 1 || changed[0] !== each) isChanged = true;
    return changed;
  });
  return isChanged ? { ...graph, node } : graph;
}

function rewrittenNode(node: NodeProto): NodeProto[] {
  let result = node;
  const bodies = node.attribute.map((each) => (each.g === undefined ? each : withBody(each, rewritten(each.g))));
  if (bodies.some((each, k) => each !== node.attribute[k])) result = { ...result, attribute: bodies };
  if (!isRecurrentOperator(node)) return [result];
  const odd = result.attribute.find(({ name, strings }) => name === 'activations' && strings?.some((each) => spelled(each) !== text(each)));
  if (odd !== undefined) {
    const names = (odd.strings ?? []).map((each) => Buffer.from(spelled(each)));
    result = { ...result, attribute: result.attribute.map((each) => (each === odd ? { ...odd, strings: names } : each)) };
  }
  const layout = result.attribute.find(({ name }) => name === 'layout');
  return Number(layout?.i ?? 0) === 1 ? timeFirst(result) : [result];
}

const withBody = <Attribute extends { g?: GraphProto }>(each: Attribute, g: GraphProto): Attribute =>
  g === each.g ? each : { ...each, g };
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const spelled = (bytes: Uint8Array): string => spelledOut(text(bytes));

/** X is [B, T, I] and Y [B, T, D, H]; states are [B, D, H]. */
function timeFirst(node: NodeProto): NodeProto[] {
  const prefix = `unroll/layout/${node.output.find((each) => each !== '') ?? ''}`;
  const before: NodeProto[] = [];
  const after: NodeProto[] = [];
  const transpose = (from: string, to: string, perm: readonly number[]): NodeProto => ({
    op_type: 'Transpose',
    input: [from],
    output: [to],
    attribute: [attribute('perm', perm)],
  });
  const input = node.input.map((name, k) => {
    if (name === '' || (k !== 0 && k !== 5 && k !== 6)) return name;
    before.push(transpose(name, `${prefix}/in${k}`, [1, 0, 2]));
    return `${prefix}/in${k}`;
  });
  const output = node.output.map((name, k) => {
    if (name === '') return name;
    // Y is [T, D, B, H] inside.
    after.push(transpose(`${prefix}/out${k}`, name, k === 0 ? [2, 0, 1, 3] : [1, 0, 2]));
    return `${prefix}/out${k}`;
  });
  return [...before, { ...node, input, output, attribute: node.attribute.filter(({ name }) => name !== 'layout') }, ...after];
}
