// A model that reads one sequence while it predicts another: lines and gradients along both, against the loops of the whole graph.

import assert from 'node:assert/strict';
import { differentiate } from '../../src/graph/differentiate.ts';
import type { Value } from '../../src/graph/graph.ts';
import { interpret, type NamedArray } from '../../src/graph/interpret.ts';
import type { Model } from '../../src/graph/model.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { addressText, sequenceAlong, type Trace } from '../../src/shared/trace.ts';
import { type Evaluator, RuntimeEvaluator } from '../../src/tracing/evaluator.ts';
import { joined } from '../../src/tracing/joined.ts';
import { sameNumbers } from '../../src/tracing/lines.ts';
import { graphAtRest } from '../../src/tracing/source.ts';
import { openTrace } from '../../src/tracing/trace.ts';
import { initialise } from '../../src/training/initialise.ts';
import { array, assertClose } from '../graph/numeric.ts';
import { modelOf, texts } from '../training/decoding/models.ts';
import { InterpreterEvaluator } from './interpreter.ts';

const sizes = { T: 6, S: 4, B: 1 };
const inputs = {
  source: Int32Array.of(3, 0, 2, 1),
  target: Int32Array.of(0, 2, 3, 4, 2, 1),
  'next(target)': Int32Array.of(2, 3, 4, 2, 1, -1),
};

async function opened(model: Model, evaluator = (): Evaluator => new InterpreterEvaluator()): Promise<Trace> {
  const about = { id: 1, title: '', model, weights: initialise(model.weights, 1), inputs, lengths: sizes };
  const of = (steps: number) => ({ steps, tokens: Array.from({ length: steps }, (_, t) => String(t)), by: 'word' as const });
  const main = await openTrace({ ...about, ...of(sizes.T), beside: ['S'] }, evaluator());
  const other = await openTrace({ ...about, ...of(sizes.S), time: 'S' }, evaluator());
  return joined(main, new Map([['S', { sequence: of(sizes.S), trace: other }]]));
}

/** All lines and the gradients of the mean loss (NaN where there is none). */
function whole(model: Model): ReadonlyMap<Value, { readonly value: NamedArray; readonly gradient: NamedArray }> {
  const graph = graphAtRest(model);
  const lines = [...new Set(model.instances.flatMap(({ lines }) => lines.map(({ value }) => value)))];
  const { graph: both, gradients } = differentiate(graph, model.loss!, lines.map(sameNumbers(graph)));
  const weights = initialise(model.weights, 1);
  const numbers = (value: Value): ArrayLike<number> => {
    const weight = model.weights.find((each) => each.value === value);
    const input = model.inputs.find((each) => each.value === value);
    return weight !== undefined ? weights.get(weight.name)!.data : inputs[input!.name as 'source'];
  };
  const feeds = new Map(both.parameters.map((value) => [value, array(value, sizes, (place) => numbers(value)[place]!)]));
  const results = interpret({ ...both, results: [...lines, ...gradients] }, feeds, sizes);
  return new Map(lines.map((line, k) => [line, { value: results[k]!, gradient: results[lines.length + k]! }]));
}

/** Row-major with an axis first, the others in the order of the type. */
function stepsFirst({ axes, data }: NamedArray, value: Value, steps: string | undefined): Float64Array {
  const named = value.type.axes.map(({ name }) => name).filter((name) => name !== steps);
  const order = steps === undefined ? named : [steps, ...named];
  const sizeOf = (name: string): number => axes.find((axis) => axis.name === name)!.size;
  const strides = new Map<string, number>();
  axes.reduceRight((stride, { name, size }) => {
    strides.set(name, stride);
    return stride * size;
  }, 1);
  return Float64Array.from({ length: data.length }, (_, place) => {
    let [rest, from] = [place, 0];
    for (const name of order.toReversed()) {
      from += (rest % sizeOf(name)) * strides.get(name)!;
      rest = Math.floor(rest / sizeOf(name));
    }
    return data[from]!;
  });
}

describe('a trace of a model that reads one sequence and predicts another', () => {
  for (const name of ['of an LSTM', 'with coverage', 'with input feeding', 'of self-attention'] as const)
    it(`${name}: each line has its values and gradients along its own sequence`, async () => {
      const model = await modelOf(texts[name]!, []);
      const trace = await opened(model);
      const { description } = trace;
      assert.deepEqual([description.time, description.steps, description.beside?.S?.steps], ['T', sizes.T, sizes.S]);
      assert.ok(description.parity < 1e-6, `parity ${description.parity}`);
      const expected = whole(model);
      const seen = new Set<string | undefined>();
      for (const { path, lines } of model.instances)
        for (const [k, line] of lines.entries()) {
          const described = description.instances.find((instance) => instance.path === path)!.lines[k]!;
          const { perStep, along } = described;
          const has = (axis: string): boolean => line.value.type.axes.some((each) => each.name === axis);
          assert.deepEqual([perStep, along], [has('T') || has('S'), has('S') && !has('T') ? 'S' : undefined], `${path}/${line.name}`);
          seen.add(along);
          const { steps } = sequenceAlong(description, along);
          const { value, gradient } = expected.get(line.value)!;
          for (const [read, of] of [
            [value, false],
            [gradient, true],
          ] as const) {
            const whole = stepsFirst(read, line.value, perStep ? (along ?? 'T') : undefined);
            const [from, to] = perStep ? [1, steps - 1] : [0, 1];
            const [numbers] = await trace.read({ addresses: [{ instance: path, line: line.name }], from, to, gradient: of });
            const width = perStep ? whole.length / steps : whole.length;
            assertClose(numbers!, whole.subarray(from * width, to * width), 2e-6, `${of ? 'gradient of ' : ''}${path}/${line.name}`);
          }
        }
      assert.ok(seen.has('S') && seen.has(undefined));
    }).timeout(20_000);

  for (const name of ['of an LSTM', 'of several heads in its cell', 'of self-attention'])
    it(`${name}: the runtime has the same`, async () => {
      const model = await modelOf(texts[name]!, []);
      const runtime = createRuntime();
      const native = await opened(model, () => new RuntimeEvaluator(runtime, { B: 1 }));
      const plain = await opened(model);
      const addresses = model.instances.flatMap(({ path, lines }) => lines.map((line) => ({ instance: path, line: line.name })));
      for (const gradient of [false, true]) {
        const request = { addresses, from: 1, to: 4, gradient };
        const expected = await plain.read(request);
        for (const [k, values] of (await native.read(request)).entries())
          assertClose(values, expected[k]!, 1e-4, `${gradient ? 'gradient of ' : ''}${addressText(addresses[k]!)}`);
      }
      await native.close();
    }).timeout(20_000);

  it('follows the states of each sequence through its own steps', async () => {
    const trace = await opened(await modelOf(texts['of an LSTM']!, []));
    const found = async (instance: string, line: string): Promise<number> =>
      (await trace.summary({ kind: 'trajectory', addresses: [{ instance, line }] })).length;
    assert.deepEqual([await found('encoder.forward', "h'"), await found('decoder', "s'")], [3 * sizes.S, 3 * sizes.T]);
  });

  it('takes the gradient of one step of what is predicted along what was read, and one read has both', async () => {
    const model = await modelOf(texts['of an LSTM']!, []);
    const trace = await opened(model);
    const addresses = [
      { instance: 'decoder', line: 'weights' },
      { instance: 'encoder.forward', line: "h'" },
    ];
    const [weights, h] = await trace.read({ addresses, from: 1, to: 3 });
    assert.deepEqual([weights!.length, h!.length], [2 * sizes.S, 2 * 3]);
    await trace.differentiate({ kind: 'lossAt', t: 0 });
    const [first] = await trace.read({ addresses: addresses.slice(1), from: 0, to: sizes.S, gradient: true });
    await trace.differentiate({ kind: 'lossAt', t: 4 });
    const [later] = await trace.read({ addresses: addresses.slice(1), from: 0, to: sizes.S, gradient: true });
    assert.notDeepEqual(first, later);
    // Five losses count: their mean's gradient is the mean of theirs.
    const all = new Float64Array(first!.length);
    for (let t = 0; t < 5; t += 1) {
      await trace.differentiate({ kind: 'lossAt', t });
      const [one] = await trace.read({ addresses: addresses.slice(1), from: 0, to: sizes.S, gradient: true });
      one!.forEach((each, k) => {
        all[k]! += each / 5;
      });
    }
    await trace.differentiate({ kind: 'loss' });
    const [mean] = await trace.read({ addresses: addresses.slice(1), from: 0, to: sizes.S, gradient: true });
    assertClose(mean!, all, 1e-6, 'the mean of the gradients');
    await trace.close();
  }).timeout(20_000);
});
