// Inputs of a model that are the same whenever it runs become its initialisers: the runtime computes what follows from them once, and packs matrices.

import type { ModelProto } from './proto.ts';
import { tensorProto } from './write.ts';

export interface Numbers {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The model without those inputs that `numbers` has under their names. */
export function fixInputs(model: ModelProto, numbers: ReadonlyMap<string, Numbers>): ModelProto {
  const { graph } = model;
  const fixed = graph.input.flatMap(({ name }) => {
    const found = numbers.get(name);
    return found === undefined ? [] : [tensorProto('float32', found.shape, found.data, name)];
  });
  return {
    ...model,
    graph: {
      ...graph,
      initializer: [...fixed, ...graph.initializer],
      input: graph.input.filter(({ name }) => !numbers.has(name)),
    },
  };
}
