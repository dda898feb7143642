// What computes graphs for a trace: the runtime, or in tests the interpreter.

import type { Axis, Graph, Value } from '../graph/graph.ts';
import { optimise } from '../graph/passes/optimise.ts';
import { lower } from '../onnx/lower.ts';
import type { Runtime, Session, Tensor } from '../runtime/runtime.ts';
import { type Elements, type Sizes, sizesOf } from './arrays.ts';

export interface Evaluator {
  /** The results of a graph. `feeds` has the elements of each parameter, row-major in the order of its type. */
  run(graph: Graph, feeds: ReadonlyMap<Value, Elements>, sizes: Sizes): Promise<readonly Result[]>;
  close(): Promise<void>;
}

/** Row-major in the order of these axes, which is the evaluator's to choose. */
export interface Result {
  readonly axes: readonly Axis[];
  readonly data: Elements;
}

interface Opened {
  readonly graph: Graph;
  readonly session: Session;
}

/** Opens a session for each graph it meets, with symbolic sizes but for `fixed`, and keeps the last few. */
export class RuntimeEvaluator implements Evaluator {
  readonly #runtime: Runtime;
  readonly #fixed: Sizes;
  readonly #sessions = new Map<Graph, Promise<Opened>>();
  readonly #limit = 24;

  constructor(runtime: Runtime, fixed: Sizes) {
    this.#runtime = runtime;
    this.#fixed = fixed;
  }

  async run(graph: Graph, feeds: ReadonlyMap<Value, Elements>, sizes: Sizes): Promise<readonly Result[]> {
    const { graph: lowered, session } = await this.#session(graph);
    const inputs: Record<string, Tensor> = {};
    lowered.parameters.forEach((parameter, k) => {
      inputs[`in${k}`] = { ...tensorOf(feeds.get(parameter)!), dims: sizesOf(parameter.type.axes, sizes) };
    });
    const outputs = await session.compute(inputs);
    return lowered.results.map(({ type }, k) => ({ axes: type.axes, data: outputs[`out${k}`]!.data as Elements }));
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#sessions.values());
    this.#sessions.clear();
    for (const each of opened) if (each.status === 'fulfilled') await each.value.session.release();
  }

  #session(graph: Graph): Promise<Opened> {
    const known = this.#sessions.get(graph);
    if (known !== undefined) {
      // The most recently used stands last.
      this.#sessions.delete(graph);
      this.#sessions.set(graph, known);
      return known;
    }
    const opened = this.#open(graph);
    this.#sessions.set(graph, opened);
    return opened;
  }

  async #open(given: Graph): Promise<Opened> {
    // Without a loop there is nothing to gain. Parameters that nothing reads stay: the length of an axis may be read off them.
    const loops = given.nodes.some((node) => node.operation === 'recur');
    const graph = loops ? { ...optimise(given), parameters: given.parameters } : given;
    const { bytes } = lower(graph, {
      inputs: graph.parameters.map((_, k) => `in${k}`),
      outputs: graph.results.map((_, k) => `out${k}`),
      sizes: this.#fixed,
    });
    const [oldest] = this.#sessions;
    if (this.#sessions.size > this.#limit && oldest !== undefined) {
      this.#sessions.delete(oldest[0]);
      await (await oldest[1]).session.release();
    }
    return { graph, session: await this.#runtime.open(bytes, { device: 'cpu', frugal: true }) };
  }
}

function tensorOf(data: Elements): Omit<Tensor, 'dims'> {
  if (data instanceof Float32Array) return { type: 'float32', data };
  return data instanceof Int32Array ? { type: 'int32', data } : { type: 'bool', data };
}
