// LSTM, GRU and RNN operators replayed: against the runtime's kernels, and against the documents' formulas in float64.

import assert from 'node:assert/strict';
import { findParts } from '../../src/foreign/find.ts';
import { ObservedModel } from '../../src/foreign/observed.ts';
import type { BoundPart, RecurrentPart } from '../../src/foreign/part.ts';
import { replay } from '../../src/foreign/replay.ts';
import type { ModelProto, TensorProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { type Evaluator, RuntimeEvaluator } from '../../src/tracing/evaluator.ts';
import { InterpreterEvaluator } from '../tracing/interpreter.ts';
import { type OperatorCase, operatorCase } from './random-operators.ts';
import { reference } from './reference.ts';

const runtime = createRuntime();

interface Observed {
  readonly part: RecurrentPart;
  readonly bound: BoundPart;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

async function run({ model, feeds }: OperatorCase): Promise<Observed> {
  const { parts, refused } = findParts(model);
  assert.deepEqual(refused, []);
  const observed = await ObservedModel.open(runtime, model, parts, { device: 'cpu', threads: 1 });
  try {
    const { parts: found, outputs } = await observed.run(feeds);
    const [{ part, iterations }] = found as [(typeof found)[number]];
    return { part, bound: part.bind(iterations[0]!), outputs };
  } finally {
    await observed.release();
  }
}

/** The largest difference between the replay and what the part's bind expects of it, over what float32 kernels may differ by. */
async function excess({ part, bound }: Observed, item: number, evaluator: Evaluator): Promise<number> {
  const { trace } = await replay(
    { id: 1, title: '', model: 'One', file: 'one.onnx', uri: '/one.rnn', parts: [{ part, bound, items: [item] }] },
    evaluator,
  );
  let worst = 0;
  try {
    const steps = bound.lengths[item]!;
    for (const { direction, sequence } of bound.runs) {
      const instance = direction === 'reverse' ? `${part.name}_reverse` : part.name;
      for (const { line, data, lastOnly } of sequence(item).expected) {
        const last = direction === 'reverse' ? 0 : steps - 1;
        const [from, to] = lastOnly ? [last, last + 1] : [0, steps];
        const found = await trace.recomputed({ instance, line }, from, to);
        assert.equal(found.length, data.length);
        const largest = data.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
        // The kernels' own tanh and sigmoid are right to about 1e-7.
        found.forEach((each, k) => {
          worst = Math.max(worst, Math.abs(each - data[k]!) / (1e-5 * largest + 3e-7));
        });
      }
    }
  } finally {
    await trace.close();
  }
  return worst;
}

const valuesOf = ({ model, feeds }: OperatorCase): Record<string, Tensor> => ({
  ...feeds,
  ...Object.fromEntries(
    model.graph.initializer.map(({ name, dims, raw_data }: TensorProto) => {
      const bytes = raw_data!.slice();
      return [name!, { type: 'float32', dims, data: new Float32Array(bytes.buffer, 0, bytes.length / 4) } satisfies Tensor];
    }),
  ),
});

/** The outputs beside the formulas'. */
function formulaDifference(given: OperatorCase, outputs: Readonly<Record<string, Tensor>>): number {
  const expected = reference(given.model.graph.node[0]!, valuesOf(given));
  let worst = 0;
  for (const [name, { data }] of Object.entries(outputs)) {
    const right = expected[name as keyof typeof expected];
    const largest = right.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    right.forEach((each, k) => {
      worst = Math.max(worst, Math.abs(each - (data as Float32Array)[k]!) / (1e-5 * largest + 1e-6));
    });
  }
  return worst;
}

describe('recurrent operators', () => {
  it('2,000 configurations equal the runtime’s kernels to 1e-5', async function () {
    this.timeout(400_000);
    for (let seed = 0; seed < 2000; seed += 1) {
      const given = operatorCase(seed);
      const observed = await run(given);
      const found = await excess(observed, seed % observed.bound.lengths.length, new InterpreterEvaluator());
      assert.ok(found <= 1, `${given.title}: ${found} times what is allowed`);
    }
  });

  it('are replayed by the runtime as by the interpreter', async function () {
    this.timeout(60_000);
    for (let seed = 5000; seed < 5060; seed += 1) {
      const given = operatorCase(seed);
      const found = await excess(await run(given), 0, new RuntimeEvaluator(runtime, { B: 1 }));
      assert.ok(found <= 1, `${given.title}: ${found} times what is allowed`);
    }
  });

  it('with sequences first (layout = 1), where the runtime has no kernel, equal the formulas', async function () {
    this.timeout(60_000);
    for (let seed = 3000; seed < 3200; seed += 1) {
      const given = operatorCase(seed, { layout: 1 });
      const observed = await run(given);
      assert.ok(formulaDifference(given, observed.outputs) <= 1, given.title);
      for (let item = 0; item < observed.bound.lengths.length; item += 1)
        assert.ok((await excess(observed, item, new InterpreterEvaluator())) <= 1, given.title);
    }
  });

  it('several sequences side by side, as one by one', async function () {
    this.timeout(60_000);
    let count = 0;
    for (let seed = 7000; seed < 7060; seed += 1) {
      const { part, bound } = await run(operatorCase(seed));
      const items = [...bound.lengths.keys()].filter((item) => bound.lengths[item] === bound.lengths[0]);
      if (items.length < 2) continue;
      count += 1;
      const request = { id: 1, title: '', model: 'One', file: 'one.onnx', uri: '/one.rnn' };
      const together = await replay({ ...request, parts: [{ part, bound, items }] }, new InterpreterEvaluator());
      assert.ok((together.parity[0]!.value ?? 0) < 2e-5, `${seed}`);
      const [all] = await together.trace.read({ addresses: [{ instance: together.source.runs[0]!.line, line: "h'" }], from: 0, to: 1 });
      const alone = await replay({ ...request, parts: [{ part, bound, items: [items[1]!] }] }, new InterpreterEvaluator());
      const [one] = await alone.trace.read({ addresses: [{ instance: alone.source.runs[0]!.line, line: "h'" }], from: 0, to: 1 });
      assert.deepEqual(all!.slice(one!.length, 2 * one!.length), one);
    }
    assert.ok(count > 20);
  });

  it('as the runtime has them equal the formulas', async function () {
    this.timeout(60_000);
    for (let seed = 0; seed < 200; seed += 1) {
      const given = operatorCase(seed);
      const found = formulaDifference(given, (await run(given)).outputs);
      assert.ok(found <= 1, `${given.title}: ${found} times what is allowed`);
    }
  });
});

describe('inputs that are NaN', () => {
  const [T, I, H] = [6, 3, 4];
  const wave = (count: number, from: number): Float32Array => Float32Array.from({ length: count }, (_, k) => Math.sin(1.7 * k + from));
  const ran = async (bias: boolean): Promise<Observed> => {
    const tensors = [
      tensorProto('float32', [1, 4 * H, I], wave(4 * H * I, 1), 'W'),
      tensorProto('float32', [1, 4 * H, H], wave(4 * H * H, 2), 'R'),
      ...(bias ? [tensorProto('float32', [1, 8 * H], wave(8 * H, 3), 'B')] : []),
    ];
    const inputs = ['x', ...tensors.map(({ name }) => name!)];
    const node = { op_type: 'LSTM', input: inputs, output: ['Y', '', 'Y_c'], attribute: [attribute('hidden_size', H)] };
    const graph = {
      name: 'nan',
      node: [node],
      initializer: tensors,
      input: [valueInfo('x', 'float32', [T, 1, I])],
      output: [valueInfo('Y', 'float32'), valueInfo('Y_c', 'float32')],
    };
    const x = wave(T * I, 0);
    x[2 * I + 1] = Number.NaN;
    const model: ModelProto = { ir_version: 8, opset_import: [{ domain: '', version: 14 }], graph };
    return run({ title: '', model, feeds: { x: { type: 'float32', dims: [T, 1, I], data: x } } });
  };
  const parityOf = async ({ part, bound }: Observed) => {
    const evaluator = new RuntimeEvaluator(runtime, { B: 1 });
    const request = { id: 1, title: '', model: 'One', file: 'one.onnx', uri: '/one.rnn', parts: [{ part, bound, items: [0] }] };
    const { trace, parity } = await replay(request, evaluator);
    await trace.close();
    await evaluator.close();
    return parity[0]!;
  };

  it('stay NaN in the kernel without a bias, and in the replay', async () => {
    const observed = await ran(false);
    assert.ok((observed.outputs.Y!.data as Float32Array).subarray(2 * H).every(Number.isNaN));
    const { value, lost } = await parityOf(observed);
    assert.ok(value! <= 1e-6 && lost === undefined, `${value} ${lost}`);
  });

  it('become numbers in the kernel where it adds a bias: those are told, and the rest is compared', async () => {
    const observed = await ran(true);
    const Y = observed.outputs.Y!.data as Float32Array;
    // Every gate is 1: c' = c + 1, h' = tanh(c').
    assert.ok(Y.every(Number.isFinite));
    const { value, lost } = await parityOf(observed);
    assert.ok(value! <= 1e-6, `${value}`);
    assert.ok(lost! >= H && lost! < T * H + H, `${lost}`);
  });
});
