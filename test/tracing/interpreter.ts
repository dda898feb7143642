// A trace's evaluator without a native runtime.

import type { Graph, Value } from '../../src/graph/graph.ts';
import { interpret } from '../../src/graph/interpret.ts';
import { type Elements, type Sizes, sizesOf } from '../../src/tracing/arrays.ts';
import type { Evaluator, Result } from '../../src/tracing/evaluator.ts';

export class InterpreterEvaluator implements Evaluator {
  /** How many timesteps each run has had. */
  readonly runs: number[] = [];
  closed = false;

  async run(graph: Graph, feeds: ReadonlyMap<Value, Elements>, sizes: Sizes): Promise<readonly Result[]> {
    this.runs.push(sizes.T!);
    const arrays = graph.parameters.map((parameter) => {
      const lengths = sizesOf(parameter.type.axes, sizes);
      const axes = parameter.type.axes.map(({ name }, k) => ({ name, size: lengths[k]! }));
      return [parameter, { axes, data: Float64Array.from(feeds.get(parameter)!) }] as const;
    });
    return interpret(graph, new Map(arrays), sizes).map(({ axes, data }) => ({ axes, data: Float32Array.from(data) }));
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
