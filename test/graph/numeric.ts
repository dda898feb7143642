// Central differences in double precision, and random feeds: what the gradient tests compare with.

import assert from 'node:assert/strict';
import { differentiate } from '../../src/graph/differentiate.ts';
import type { Graph, Value } from '../../src/graph/graph.ts';
import { arranged, interpret, type NamedArray } from '../../src/graph/interpret.ts';

export type Sizes = Readonly<Record<string, number>>;

/** Numbers from 0 to 1 by a seed (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function array(value: Value, sizes: Sizes, element: (place: number) => number): NamedArray {
  const axes = value.type.axes.map(({ name, size }) => ({ name, size: typeof size === 'number' ? size : sizes[size]! }));
  const length = axes.reduce((product, axis) => product * axis.size, 1);
  return { axes, data: Float64Array.from({ length }, (_, place) => element(place)) };
}

/** Floats within [-1, 1], integers of 0 .. 1, for every parameter. */
export function randomFeeds(graph: Graph, sizes: Sizes, seed = 1): Map<Value, NamedArray> {
  const next = chance(seed);
  const draw = (value: Value): number => (value.type.dtype === 'float' ? 2 * next() - 1 : Math.floor(2 * next()));
  return new Map(graph.parameters.map((parameter) => [parameter, array(parameter, sizes, () => draw(parameter))]));
}

/** The gradients of the objective by differentiate, evaluated; their axes in the order of the parameters'. */
export function gradients(graph: Graph, objective: Value, wrt: readonly Value[], feeds: ReadonlyMap<Value, NamedArray>, sizes: Sizes) {
  const derivative = differentiate(graph, objective, wrt);
  const found = interpret({ ...derivative.graph, results: derivative.gradients }, feeds, sizes);
  return found.map((gradient, k) => arranged(gradient, array(wrt[k]!, sizes, () => 0).axes));
}

/** The gradient of the objective with respect to a parameter by central differences. */
export function centralDifference(
  graph: Graph,
  objective: Value,
  parameter: Value,
  feeds: ReadonlyMap<Value, NamedArray>,
  sizes: Sizes,
): Float64Array {
  const start = feeds.get(parameter)!;
  const at = (place: number, by: number): number => {
    const data = start.data.slice();
    data[place]! += by;
    return interpret({ ...graph, results: [objective] }, new Map([...feeds, [parameter, { ...start, data }]]), sizes)[0]!.data[0]!;
  };
  // The five-point formula: its error is of the fourth order, so that a wide step leaves room for rounding.
  const h = 2e-4;
  return start.data.map((_, place) => (8 * (at(place, h) - at(place, -h)) - (at(place, 2 * h) - at(place, -2 * h))) / (12 * h));
}

/** Equal to a relative tolerance, measured against the largest number of the pair. */
export function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, `${what}: number of elements`);
  const scale = Math.max(1e-3, ...Array.from(expected, Math.abs));
  for (let k = 0; k < expected.length; k += 1) {
    const difference = Math.abs(actual[k]! - expected[k]!) / scale;
    assert.ok(difference <= tolerance, `${what}[${k}]: ${actual[k]} instead of ${expected[k]}`);
  }
}

/** Every gradient with respect to the float parameters, against central differences. */
export function checkGradients(graph: Graph, objective: Value, sizes: Sizes, feeds = randomFeeds(graph, sizes)): void {
  const floats = graph.parameters.filter((parameter) => parameter.type.dtype === 'float');
  const found = gradients(graph, objective, floats, feeds, sizes);
  floats.forEach((parameter, k) => {
    const expected = centralDifference(graph, objective, parameter, feeds, sizes);
    assertClose(found[k]!.data, expected, 1e-6, `gradient of ${parameter.name ?? parameter.id}`);
  });
}
