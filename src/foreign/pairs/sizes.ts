// The sizes of all values of a model in a run, which files leave open.

import { encodeModel, type ModelProto } from '../../onnx/proto.ts';
import { type Runtime, RuntimeFailure, type Tensor } from '../../runtime/runtime.ts';
import { runnable } from '../runnable.ts';

export type Sizes = ReadonlyMap<string, Pick<Tensor, 'type' | 'dims'>>;

/** Of the values at the top that are tensors of numbers; those of the inputs alone where the runtime does not give the others. */
export async function sizesIn(runtime: Runtime, model: ModelProto, feeds: Readonly<Record<string, Tensor>>): Promise<Sizes> {
  const own = new Set(model.graph.output.map(({ name }) => name));
  const made = model.graph.node.flatMap(({ output }) => output).filter((name) => name !== '' && !own.has(name));
  const open: ModelProto = {
    ...model,
    graph: { ...model.graph, output: [...model.graph.output, ...made.map((name) => ({ name }))] },
  };
  const found = new Map(Object.entries(feeds).map(([name, { type, dims }]) => [name, { type, dims }]));
  try {
    const session = await runtime.open(encodeModel(runnable(open)), { device: 'cpu', optimise: 'disabled' });
    try {
      for (const [name, { type, dims }] of Object.entries(await session.compute(feeds))) found.set(name, { type, dims });
    } finally {
      await session.release();
    }
  } catch (error) {
    // A list among the values is none that the runtime hands out.
    if (!(error instanceof RuntimeFailure)) throw error;
  }
  return found;
}
