// The floor of a step: only its matrix products, in the runtime, with the weights and the timesteps in the order that suits it best.

import { Builder } from '../../graph/builder.ts';
import { type Axis, type Graph, tensor } from '../../graph/graph.ts';
import { lower } from '../../onnx/lower.ts';
import type { Runtime, Tensor } from '../../runtime/runtime.ts';
import { type Cell, type Size, vocabulary } from './cases.ts';

export interface Floor {
  /** Milliseconds of one step's products. */
  step(): Promise<number>;
  close(): Promise<void>;
}

export async function openFloor(cell: Cell, size: Size, threads: number, runtime: Runtime): Promise<Floor> {
  const graph = products(cell, size);
  const names = graph.parameters.map((value) => value.name!);
  const session = await runtime.open(lower(graph, { inputs: names, outputs: graph.results.map((_, k) => `out${k}`) }).bytes, {
    device: 'cpu',
    threads,
  });
  const feeds = Object.fromEntries(
    graph.parameters.map((value): [string, Tensor] => {
      const dims = value.type.axes.map((axis) => Number(axis.size));
      const length = dims.reduce((product, each) => product * each, 1);
      return [value.name!, { type: 'float32', dims, data: Float32Array.from({ length }, (_, k) => Math.sin(k)) }];
    }),
  );
  return {
    async step() {
      const start = performance.now();
      await session.compute(feeds);
      return performance.now() - start;
    },
    close: () => session.release(),
  };
}

/** Forward and backward products of each timestep in a loop each; those of the weights, the input and the output once. */
function products({ gates }: Cell, { inputs, size, batch, steps }: Size): Graph {
  const axis = (name: string, length: number): Axis => ({ name, size: length });
  const [T, B, Z, H] = [axis('T', steps), { name: 'B', size: batch }, axis('Z', gates * size), axis('H', size)];
  const [K, I, O] = [axis('K', inputs + size), axis('I', inputs), axis('O', vocabulary)];
  const b = new Builder();
  const given = (name: string, ...axes: Axis[]) => b.parameter(tensor(axes), name);
  const loop = (weights: Axis, over: Axis, name: string) => {
    const body = new Builder();
    const [x, w, state] = [body.parameter(tensor([over, B])), body.parameter(tensor([weights, over])), body.parameter(tensor([]))];
    const y = body.sum(body.contract(w, x, [over.name]), []);
    const attributes = { axis: T, reverse: false, scanned: 1, held: 1, states: 1, body: body.graph([y, state]) };
    return b.recur([given(`${name}.x`, T, over, B), given(`${name}.w`, weights, over), b.constant(0)], attributes)[0]!;
  };
  const z = loop(Z, K, 'forward');
  const h = loop(H, Z, 'backward');
  const dz = given('dz', Z, T, B);
  const results = [
    b.slice(z, 'T', steps - 1, axis('last', 1)),
    b.slice(h, 'T', steps - 1, axis('last', 1)),
    b.contract(dz, given('xh', K, T, B), ['T', 'B']),
    b.sum(b.contract(given('W', I, Z), dz, ['Z']), ['T', 'B']),
    b.sum(b.contract(given('h', T, B, H), given('out', H, O), ['H']), ['T', 'B']),
    b.sum(b.contract(given('dlogits', T, B, O), given('out.transposed', O, H), ['O']), ['T', 'B']),
    b.contract(given('dlogits.transposed', O, T, B), given('h.transposed', H, T, B), ['T', 'B']),
  ];
  return b.graph(results);
}
