// The oracle of the gradients: central differences of the forward model in onnxruntime, in float64 where the runtime has it.

import assert from 'node:assert/strict';
import { backward } from '../../src/foreign/gradients/backward.ts';
import { sizesOf } from '../../src/foreign/gradients/unfolding.ts';
import { decodeModel, type ElementType, encodeModel, type ModelProto, type NodeProto } from '../../src/onnx/proto.ts';
import { type AttributeValue, attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Session, Tensor } from '../../src/runtime/runtime.ts';
import { random } from '../../src/shared/random.ts';

const runtime = createRuntime();

/** An input of a trial: `f` is drawn and differentiated, the others are given. */
export type Given =
  | {
      readonly kind: 'f';
      readonly dims: readonly number[];
      readonly low: number;
      readonly high: number;
      readonly fixed: boolean;
      readonly values?: readonly number[];
    }
  | { readonly kind: 'given'; readonly type: ElementType; readonly dims: readonly number[]; readonly values: readonly number[] }
  | { readonly kind: 'absent' };

/** Floats of both signs, none near 0, no two near each other, so that no difference meets a kink. */
export const f = (...dims: readonly number[]): Given => ({ kind: 'f', dims, low: -1.6, high: 1.6, fixed: false });
export const positive = (...dims: readonly number[]): Given => ({ kind: 'f', dims, low: 0.4, high: 2.2, fixed: false });
export const within = (low: number, high: number, ...dims: readonly number[]): Given => ({ kind: 'f', dims, low, high, fixed: false });
/** These floats, differentiated. */
export const at = (dims: readonly number[], ...values: readonly number[]): Given => ({
  kind: 'f',
  dims,
  low: 0,
  high: 0,
  fixed: false,
  values,
});
/** Floats that are initialisers, and not differentiated. */
export const w = (...dims: readonly number[]): Given => ({ kind: 'f', dims, low: -1.6, high: 1.6, fixed: true });
export const i = (...values: readonly number[]): Given => ({ kind: 'given', type: 'int64', dims: [values.length], values });
export const scalar = (value: number): Given => ({ kind: 'given', type: 'int64', dims: [], values: [value] });
export const given = (type: ElementType, dims: readonly number[], ...values: readonly number[]): Given => ({
  kind: 'given',
  type,
  dims,
  values,
});
export const none: Given = { kind: 'absent' };

export interface Trial {
  readonly nodes: readonly NodeProto[];
  readonly inputs: Readonly<Record<string, Given>>;
  /** Results whose sum, weighted by chance, is differentiated. */
  readonly outputs: readonly string[];
  /** Values that are wanted; by default the floats of `inputs` that are not fixed. */
  readonly wanted?: readonly string[];
  readonly opset?: number;
  /** Whether the gradient is zero: else it must not be. */
  readonly zero?: boolean;
  /** The runtime calculates in float32 even where it takes float64. */
  readonly single?: boolean;
}

export function node(
  op: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): NodeProto {
  const [domain, op_type] = op.includes(':') ? op.split(':') : ['', op];
  return {
    op_type: op_type!,
    domain: domain!,
    name: `/${op_type}/${output[0]}`,
    input: [...input],
    output: [...output],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  };
}

type Float = 'float32' | 'float64';

/** The gradients of a trial against differences. Throws where they differ. */
export async function check(seed: string, trial: Trial): Promise<void> {
  const double = trial.single ? undefined : await opened(modelOf(trial, 'float64', seed));
  const type: Float = double === undefined ? 'float32' : 'float64';
  // As it comes from a file: attributes have empty lists where they have no numbers.
  const model = decodeModel(encodeModel(modelOf(trial, type, seed)));
  const forward = double ?? (await runtime.open(encodeModel(model), { device: 'cpu', threads: 1 }));
  const feeds = feedsOf(trial, type, seed);
  const wanted = trial.wanted ?? Object.keys(feeds).filter((name) => isDrawn(trial.inputs[name]));
  const { backwards, cotangents } = await gradients(model, trial, wanted, feeds, seed);
  const between = wanted.filter((name) => feeds[name] === undefined);
  const values = { ...feeds, ...(between.length > 0 ? await instrumented(model, feeds, between) : {}) };
  try {
    for (const name of wanted) {
      const cut = feeds[name] === undefined ? await opened(cutAt(model, name, type)) : undefined;
      const own = cut === undefined ? feeds : Object.fromEntries(cut.inputs.map((input) => [input, values[input]!]));
      const expected = await differences(cut ?? forward, own, name, trial.outputs, cotangents, type);
      await cut?.release();
      const got = backwards[name] ?? new Float64Array(expected.length);
      assert.equal(got.length, expected.length, `elements of the gradient of ${name}`);
      const scale = Math.max(1, ...expected.map(Math.abs));
      expected.forEach((each, k) => {
        const tolerance = (type === 'float64' ? 2e-7 : 4e-3) * scale;
        assert.ok(Math.abs(each - got[k]!) <= tolerance, `${type}: d/${name}[${k}] is ${got[k]}, by differences ${each}`);
      });
      const most = Math.max(0, ...expected.map(Math.abs));
      assert.equal(most < 1e-6, trial.zero ?? false, `the largest difference of ${name} is ${most}`);
    }
  } finally {
    await forward.release();
  }
}

const isDrawn = (each: Given | undefined): boolean => each?.kind === 'f' && !each.fixed;

async function opened(model: ModelProto): Promise<Session | undefined> {
  return runtime.open(encodeModel(model), { device: 'cpu', threads: 1 }).catch(() => undefined);
}

/** The model with a value between as an input, and without the nodes that only it needed. */
export function cutAt(model: ModelProto, name: string, type: Float): ModelProto {
  const { graph } = model;
  const read = new Set(graph.output.map((each) => each.name));
  const kept = graph.node.toReversed().filter((each) => {
    const needed = each.output.some((output) => read.has(output) && output !== name);
    if (needed) for (const input of each.input) read.add(input);
    return needed;
  });
  // Other results of the value's node are of no use here.
  const renamed = kept.map((each) => ({ ...each, output: each.output.map((output) => (output === name ? `${name} before` : output)) }));
  const input = [...graph.input.filter((each) => read.has(each.name)), valueInfo(name, type)];
  return { ...model, graph: { ...graph, node: renamed.reverse(), input } };
}

/** The backward model, run on forward values that an instrumented run gives. */
async function gradients(model: ModelProto, trial: Trial, wanted: readonly string[], feeds: Feeds, seed: string) {
  const any = await gradientsBy(model, trial, wanted, feeds, seed);
  // For the sizes of this run alone, shapes are numbers in the model.
  const own = await gradientsBy(model, trial, wanted, feeds, seed, await sizesOf(runtime, model, feeds));
  assert.deepEqual(Object.keys(own.backwards), Object.keys(any.backwards));
  for (const [name, data] of Object.entries(own.backwards))
    Array.from(data).forEach((each, k) => {
      const other = any.backwards[name]![k]!;
      assert.ok(
        Math.abs(each - other) <= 1e-5 * Math.max(1, Math.abs(other)),
        `of known sizes, d/${name}[${k}] is ${each} instead of ${other}`,
      );
    });
  return any;
}

async function gradientsBy(
  model: ModelProto,
  trial: Trial,
  wanted: readonly string[],
  feeds: Feeds,
  seed: string,
  dims?: ReadonlyMap<string, readonly number[]>,
) {
  const made = backward(model, { cotangents: trial.outputs, wanted, opaque: () => false, ...(dims === undefined ? {} : { dims }) });
  assert.deepEqual(made.missing, []);
  const computed = await instrumented(model, feeds, [
    ...new Set([...made.needs.filter((name) => feeds[name] === undefined), ...trial.outputs]),
  ]);
  const cotangents = Object.fromEntries(trial.outputs.map((name) => [name, drawnLike(computed[name]!, seed, `d ${name}`)]));
  if (made.gradients.size === 0) return { backwards: {} as Record<string, ArrayLike<number>>, cotangents };
  const session = await runtime.open(encodeModel(made.model), { device: 'cpu', threads: 1 });
  const inputs: Record<string, Tensor> = {};
  for (const name of made.needs) inputs[name] = (feeds[name] ?? computed[name])!;
  for (const [name, input] of made.given) inputs[input] = cotangents[name]!;
  const results = await session.compute(inputs);
  await session.release();
  const backwards: Record<string, ArrayLike<number>> = {};
  for (const [name, output] of made.gradients) {
    backwards[name] = results[output]!.data as Float64Array;
    const shape = (feeds[name] ?? computed[name])?.dims;
    if (shape !== undefined) assert.deepEqual([...results[output]!.dims], [...shape], `shape of the gradient of ${name}`);
  }
  return { backwards, cotangents };
}

type Feeds = Readonly<Record<string, Tensor>>;

export async function instrumented(model: ModelProto, feeds: Feeds, values: readonly string[]): Promise<Record<string, Tensor>> {
  const graph = { ...model.graph, output: values.map((name) => ({ name })) };
  const session = await runtime.open(encodeModel({ ...model, graph }), { device: 'cpu', threads: 1 });
  try {
    return await session.compute(feeds);
  } finally {
    await session.release();
  }
}

/** Objective's change with each element of an input; by two steps, of which the error of third order is removed (Richardson 1911). */
async function differences(
  forward: Session,
  feeds: Feeds,
  name: string,
  outputs: readonly string[],
  cotangents: Feeds,
  type: Float,
): Promise<number[]> {
  const tensor = feeds[name]!;
  const objective = async (k: number, change: number): Promise<number> => {
    const data = tensor.data.slice() as Float64Array;
    data[k]! += change;
    const results = await forward.compute({ ...feeds, [name]: { ...tensor, data } });
    return outputs.reduce((sum, output) => {
      const weights = cotangents[output]!.data as Float64Array;
      return (results[output]!.data as Float64Array).reduce((part, value, at) => part + value * weights[at]!, sum);
    }, 0);
  };
  const step = type === 'float64' ? 1e-4 : 4e-3;
  const slopes: number[] = [];
  for (let k = 0; k < tensor.data.length; k += 1) {
    const slope = async (width: number): Promise<number> => ((await objective(k, width)) - (await objective(k, -width))) / (2 * width);
    const [near, far] = [await slope(step), await slope(2 * step)];
    slopes.push((4 * near - far) / 3);
  }
  return slopes;
}

export function modelOf({ nodes, inputs, outputs, opset = 21 }: Trial, type: Float, seed: string): ModelProto {
  const entries = Object.entries(inputs);
  return {
    ir_version: opset > 21 ? 11 : 8,
    opset_import: [
      { domain: '', version: opset },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: 'trial',
      node: [...nodes],
      initializer: entries.flatMap(([name, each]) => {
        if (each.kind === 'given') return [tensorProto(each.type, each.dims, each.values, name)];
        if (each.kind === 'absent' || !each.fixed) return [];
        return [tensorProto(type, each.dims, drawn(each, type, seed, name).data as Float64Array, name)];
      }),
      input: entries.flatMap(([name, each]) => (isDrawn(each) ? [valueInfo(name, type)] : [])),
      output: outputs.map((name) => ({ name })),
    },
  };
}

export function feedsOf({ inputs }: Trial, type: Float, seed: string): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([name, each]) => (each.kind === 'f' && !each.fixed ? [[name, drawn(each, type, seed, name)]] : [])),
  );
}

/** The cotangent of a result; its sum is not 0. */
const drawnLike = ({ dims, type }: Tensor, seed: string, name: string): Tensor =>
  drawn({ dims, low: -0.7, high: 1.1 }, type === 'float64' ? type : 'float32', seed, name);

interface Range {
  readonly dims: readonly number[];
  readonly low: number;
  readonly high: number;
  readonly values?: readonly number[];
}

/** A shuffled grid over [low, high] with an even number of points, so that 0 is none of them. */
function drawn({ dims, low, high, values }: Range, type: Float, seed: string, name: string): Tensor {
  const count = dims.reduce((product, size) => product * size, 1);
  const { uniform } = random(seed, name);
  const even = count + (count % 2);
  const numbers = Array.from({ length: even }, (_, k) => low + ((high - low) * (k + 0.5)) / even);
  for (let k = numbers.length - 1; k > 0; k -= 1) {
    const other = Math.floor(uniform() * (k + 1));
    [numbers[k], numbers[other]] = [numbers[other]!, numbers[k]!];
  }
  const data = values ?? numbers.slice(0, count);
  return { type, dims, data: type === 'float64' ? Float64Array.from(data) : Float32Array.from(data) };
}
