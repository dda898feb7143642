// A model run one node after the other, each as a model of its own: where the whole ends the process by a fault in native code, the node at which this
// does is most likely the one. What the runtime had made of several nodes at once is not run so.

import { elementTypes, encodeModel, type ModelProto, type NodeProto } from '../onnx/proto.ts';
import type { Runtime, Tensor } from '../runtime/runtime.ts';
import { inputsOf, topological } from './gradients/order.ts';
import { runnable } from './runnable.ts';

export interface NodeRun {
  readonly runtime: Runtime;
  /** With all values in itself. */
  readonly model: ModelProto;
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** Is told of each node before it runs; the node waits until this is done. */
  readonly before: (node: NodeProto) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** Throws RuntimeFailure where a node cannot run alone, and the signal's reason. */
export async function runNodeByNode({ runtime, model, feeds, before, signal }: NodeRun): Promise<void> {
  const { graph } = runnable(model);
  const nodes = topological(graph);
  const values = new Map<string, Tensor>(Object.entries(feeds));
  const initializers = new Map(graph.initializer.map((each) => [each.name ?? '', each]));
  const last = new Map(nodes.flatMap((node, k) => inputsOf(node).map((name) => [name, k] as const)));
  for (const [k, node] of nodes.entries()) {
    signal?.throwIfAborted();
    const names = [...new Set(inputsOf(node))];
    const given = names.filter((name) => values.has(name));
    const outputs = node.output.filter((name) => name !== '');
    const one: ModelProto = {
      ...model,
      graph: {
        name: 'one',
        node: [node],
        initializer: names.flatMap((name) => (values.has(name) ? [] : (initializers.get(name) ?? []))),
        input: given.map((name) => ({ name, type: { tensor_type: { elem_type: typeNumbers[values.get(name)!.type] } } })),
        output: outputs.map((name) => ({ name })),
      },
    };
    await before(node);
    const session = await runtime.open(encodeModel(one), { device: 'cpu', frugal: true });
    try {
      const found = await session.compute(Object.fromEntries(given.map((name) => [name, values.get(name)!])), outputs);
      for (const [name, tensor] of Object.entries(found)) values.set(name, tensor);
    } finally {
      await session.release();
    }
    for (const name of [...names, ...outputs]) if ((last.get(name) ?? -1) <= k) values.delete(name);
  }
}

/** TensorProto.DataType */
const typeNumbers: Readonly<Record<Tensor['type'], number>> = { ...elementTypes, uint16: 4, int8: 3, int16: 5, uint32: 12, uint64: 13 };
