// Runs a graph both ways: in double precision by the interpreter, and lowered, in the runtime.

import assert from 'node:assert/strict';
import type { Graph, Value } from '../../src/graph/graph.ts';
import { interpret, type NamedArray } from '../../src/graph/interpret.ts';
import { lower } from '../../src/onnx/lower.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';

export type Sizes = Readonly<Record<string, number>>;

/** Numbers in -2 .. 2 (integers: 0 .. 2), the same in each run; `of` overrides single parameters by their names. */
export function feedsFor(graph: Graph, sizes: Sizes, of: Readonly<Record<string, readonly number[]>> = {}): Map<Value, NamedArray> {
  let seed = 1;
  const next = (): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return seed / 0x7fffffff;
  };
  return new Map(
    graph.parameters.map((value) => {
      const axes = value.type.axes.map(({ name, size }) => ({ name, size: typeof size === 'number' ? size : sizes[size]! }));
      const data = Float64Array.from({ length: axes.reduce((count, axis) => count * axis.size, 1) }, () => {
        const x = next();
        return value.type.dtype === 'float' ? Math.fround(4 * x - 2) : value.type.dtype === 'int' ? Math.floor(3 * x) : Math.round(x);
      });
      const given = of[value.name ?? ''];
      return [value, { axes, data: given === undefined ? data : Float64Array.from(given) }];
    }),
  );
}

export function tensorOf(value: Value, { axes, data }: NamedArray): Tensor {
  const dims = axes.map((axis) => axis.size);
  if (value.type.dtype === 'float') return { type: 'float32', dims, data: Float32Array.from(data) };
  if (value.type.dtype === 'int') return { type: 'int32', dims, data: Int32Array.from(data) };
  return { type: 'bool', dims, data: Uint8Array.from(data) };
}

export async function runLowered(graph: Graph, feeds: ReadonlyMap<Value, NamedArray>): Promise<Tensor[]> {
  const inputs = graph.parameters.map((_, k) => `in${k}`);
  const outputs = graph.results.map((_, k) => `out${k}`);
  const session = await createRuntime().open(lower(graph, { inputs, outputs }).bytes, { device: 'cpu', threads: 1 });
  try {
    const given = session.inputs.map((name): [string, Tensor] => {
      const value = graph.parameters[inputs.indexOf(name)]!;
      return [name, tensorOf(value, feeds.get(value)!)];
    });
    const results = await session.compute(Object.fromEntries(given), outputs);
    return outputs.map((name) => results[name]!);
  } finally {
    await session.release();
  }
}

/** Fails where the runtime's results differ from the interpreter's by more than `tolerance` of the largest element. */
export async function assertLowered(
  graph: Graph,
  sizes: Sizes,
  of: Readonly<Record<string, readonly number[]>> = {},
  tolerance = 1e-5,
): Promise<void> {
  const feeds = feedsFor(graph, sizes, of);
  const expected = interpret(graph, feeds, sizes);
  const actual = await runLowered(graph, feeds);
  expected.forEach((each, k) => {
    assert.deepEqual(
      actual[k]!.dims,
      each.axes.map((axis) => axis.size),
      `dims of result ${k}`,
    );
    assertClose(actual[k]!.data as Float32Array, each.data, `result ${k}`, tolerance);
  });
}

export function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string, tolerance = 1e-5): void {
  assert.equal(actual.length, expected.length, what);
  let scale = 1e-3;
  for (let k = 0; k < expected.length; k += 1) if (Number.isFinite(expected[k]!)) scale = Math.max(scale, Math.abs(expected[k]!));
  for (let k = 0; k < expected.length; k += 1) {
    const [x, y] = [actual[k]!, expected[k]!];
    if (Object.is(x, y) || x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    if (!(Math.abs(x - y) <= tolerance * scale)) assert.fail(`${what}: element ${k} is ${x}, not ${y}`);
  }
}
