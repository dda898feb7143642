import assert from 'node:assert/strict';
import type { Model } from '../../src/graph/model.ts';
import type { Objective } from '../../src/shared/trace.ts';
import type { TraceSource } from '../../src/tracing/source.ts';
import { openTrace } from '../../src/tracing/trace.ts';
import { assertClose } from '../graph/numeric.ts';
import { cellOracles, type Oracle } from '../oracles/oracles.ts';
import { InterpreterEvaluator } from './interpreter.ts';
import { cellModel, languageModel, sourceOf } from './models.ts';
import { wholeGraph } from './whole.ts';

const shape = { V: 5, E: 3, H: 4 };
const open = (source: TraceSource) => openTrace(source, new InterpreterEvaluator());

describe('a trace', () => {
  describe('has the values and gradients of PyTorch at every timestep', () => {
    for (const [name, oracle] of Object.entries(cellOracles()))
      for (const row of [0, 1])
        it(`${name}, sequence ${row}`, async () => {
          const model = cellModel(name as 'lstm');
          const column = (values: Oracle): Float32Array => rowOf(values, row);
          const trace = await open({
            ...sourceOf(model, 5),
            weights: new Map(
              model.weights.map(({ name, value }) => {
                const { shape, data } = oracle.feeds[value.name!]!;
                return [name, { shape, data: Float32Array.from(data) }];
              }),
            ),
            inputs: Object.fromEntries(model.inputs.map((input) => [input.name, column(oracle.feeds[input.name]!)])),
          });
          for (const [from, to] of [
            [0, 5],
            [2, 4],
          ] as const) {
            const lines = Object.keys(oracle.lines);
            const addresses = lines.map((line) => ({ instance: 'h', line }));
            const values = await trace.read({ addresses, from, to });
            const gradients = await trace.read({ addresses, from, to, gradient: true });
            lines.forEach((line, k) => {
              assertClose(values[k]!, column(oracle.lines[line]!).subarray(4 * from, 4 * to), 1e-5, line);
              assertClose(gradients[k]!, column(oracle.lineGradients[line]!).subarray(4 * from, 4 * to), 1e-5, `gradient of ${line}`);
            });
          }
          const [x] = await trace.read({ addresses: [{ instance: 'h', line: 'x' }], from: 0, to: 5, gradient: true });
          assertClose(x!, column(oracle.gradients.x!), 1e-5, 'gradient of x');
        });
  });

  const models: Readonly<Record<string, () => Model>> = {
    'one layer': () => languageModel(['lstm'], shape),
    'two layers': () => languageModel(['gru', 'peephole_lstm'], shape),
    'the second layer from the end': () => languageModel(['rnn', 'lstm'], shape, { bidirectional: true }),
  };
  for (const [name, make] of Object.entries(models)) {
    const steps = 9;
    const objectives: readonly Objective[] = [{ kind: 'loss' }, { kind: 'lossAt', t: 5 }];
    for (const objective of objectives)
      it(`${name}: lines and gradients in windows are those of the whole graph, of ${objective.kind}`, async () => {
        const model = make();
        const source = { ...sourceOf(model, steps), objective };
        const expected = wholeGraph(source);
        const trace = await open(source);
        assert.ok(trace.description.parity < 1e-6, `parity ${trace.description.parity}`);
        for (const instance of model.instances) {
          for (const line of instance.lines) {
            const address = { instance: instance.path, line: line.name };
            const perStep = line.value.type.axes.some((axis) => axis.name === 'T');
            for (const gradient of [false, true]) {
              const [read] = await trace.read({ addresses: [address], from: 3, to: 7, gradient });
              const whole = (gradient ? expected.gradients : expected.values).get(line.value)!;
              const width = whole.length / (perStep ? steps : 1);
              const window = perStep ? whole.subarray(3 * width, 7 * width) : whole;
              assertClose(read!, window, 2e-6, `${gradient ? 'gradient of ' : ''}${instance.path}/${line.name}`);
            }
          }
        }
      });
  }

  it('has the state before a step, and its gradient without what the step before gave to its output', async () => {
    const trace = await open(sourceOf(languageModel(['lstm'], shape), 6));
    const at = (line: string, from: number, gradient = false) =>
      trace.read({ addresses: [{ instance: 'h', line }], from, to: from + 1, gradient });
    assert.deepEqual(await at('c', 0), [new Float32Array(4)]);
    assert.deepEqual(await at('c', 3), await at("c'", 2));
    const [output] = await trace.read({ addresses: [{ instance: '', line: 'h' }], from: 2, to: 3, gradient: true });
    const [[before], [after]] = [await at('h', 3, true), await at("h'", 2, true)];
    assertClose(
      before!.map((value, k) => value + output![k]!),
      after!,
      1e-6,
      'grad(h) at 3 + the share of the output',
    );
  });

  it('has no gradient of what is no real number', async () => {
    const trace = await open(sourceOf(languageModel(['lstm'], shape), 6));
    const [tokens] = await trace.read({ addresses: [{ instance: '', line: 'input' }], from: 1, to: 4, gradient: true });
    assert.deepEqual(tokens, new Float32Array(3));
  });

  it('computes long sequences in chunks, and only what is asked for', async () => {
    const evaluator = new InterpreterEvaluator();
    const trace = await openTrace(sourceOf(languageModel(['rnn'], { V: 5, E: 1, H: 1 }), 700), evaluator);
    assert.ok(Math.max(...evaluator.runs) <= 256);
    const opened = evaluator.runs.length;
    await trace.read({ addresses: [{ instance: 'h', line: "h'" }], from: 10, to: 20 });
    assert.equal(evaluator.runs.length, opened + 1);
  });

  it('carries states and cotangents from chunk to chunk', async () => {
    const source = sourceOf(languageModel(['rnn'], { V: 5, E: 1, H: 1 }), 700);
    const trace = await open(source);
    const addresses = [{ instance: 'h', line: "h'" }];
    const expected = wholeGraph(source);
    const { value } = source.model.instances[1]!.lines[0]!;
    const [chunked] = await trace.read({ addresses, from: 0, to: 700 });
    assertClose(chunked!, expected.values.get(value)!, 1e-6, "h'");
    const [gradient] = await trace.read({ addresses, from: 0, to: 700, gradient: true });
    assertClose(gradient!, expected.gradients.get(value)!, 1e-5, "gradient of h'");
  });

  it('answers requests that overlap', async () => {
    const source = sourceOf(languageModel(['gru'], shape), 600);
    const [one, other] = [await open(source), await open(source)];
    const windows = [500, 20, 300, 590].map((from) => ({ addresses: [{ instance: 'h', line: 'z' }], from, to: from + 10 }));
    const together = await Promise.all(windows.map((window) => one.read(window)));
    for (const [k, window] of windows.entries()) assert.deepEqual(together[k], await other.read(window));
  });

  it('summarises', async () => {
    const source = sourceOf(languageModel(['lstm'], shape), 8);
    const trace = await open(source);
    const address = { instance: 'h', line: 'f' };
    const [f] = await trace.read({ addresses: [address], from: 0, to: 8 });
    const [df] = await trace.read({ addresses: [address], from: 0, to: 8, gradient: true });
    const rows = (values: Float32Array) => Array.from({ length: 8 }, (_, t) => [...values.subarray(4 * t, 4 * t + 4)]);
    assertClose(
      await trace.summary({ kind: 'mean', address }),
      rows(f!).map((row) => row.reduce((a, b) => a + b) / 4),
      1e-6,
      'mean',
    );
    assertClose(
      await trace.summary({ kind: 'share', address, side: 'above' }),
      rows(f!).map((row) => row.filter((unit) => unit > 0.9).length / 4),
      1e-6,
      'share',
    );
    assertClose(
      await trace.summary({ kind: 'norm', address, gradient: true }),
      rows(df!).map((row) => Math.hypot(...row)),
      1e-6,
      'norm',
    );
    const [logits] = await trace.read({ addresses: [{ instance: '', line: 'logits' }], from: 0, to: 8 });
    const surprise = await trace.summary({ kind: 'surprise' });
    assert.ok(Number.isNaN(surprise[0]));
    const expected = source.tokens.slice(1).map((token, t) => {
      const row = [...logits!.subarray(5 * t, 5 * t + 5)];
      return -Math.log2(Math.exp(row[Number(token)]!) / row.reduce((sum, each) => sum + Math.exp(each), 0));
    });
    assertClose(surprise.subarray(1), expected, 1e-5, 'surprise');
  });

  it('follows states through the plane of their principal components', async () => {
    const source = sourceOf(languageModel(['lstm'], shape), 1500);
    const trace = await open(source);
    const addresses = ["c'", "h'"].map((line) => ({ instance: 'h', line }));
    const found = await trace.summary({ kind: 'trajectory', addresses });
    assert.equal(found.length, 3 * 1500);
    const values = await trace.read({ addresses, from: 0, to: 1500 });
    const rows = Array.from({ length: 1500 }, (_, t) => values.flatMap((data) => [...data.subarray(4 * t, 4 * t + 4)]));
    // The plane is turned, not stretched: whoever knows both places and the distance knows what is left.
    for (const [a, b] of [
      [3, 1200],
      [700, 701],
    ] as const) {
      const whole = Math.hypot(...rows[a]!.map((each, unit) => each - rows[b]![unit]!));
      const seen = Math.hypot(found[3 * a]! - found[3 * b]!, found[3 * a + 1]! - found[3 * b + 1]!);
      assert.ok(seen <= whole + 1e-5, `${seen} of ${whole}`);
    }
    const mean = rows[0]!.map((_, unit) => rows.reduce((sum, row) => sum + row[unit]!, 0) / 1500);
    const variance = (k: number) => found.reduce((sum, each, at) => (at % 3 === k ? sum + each ** 2 : sum), 0) / 1500;
    const whole = rows.reduce((sum, row) => sum + row.reduce((own, each, unit) => own + (each - mean[unit]!) ** 2, 0), 0) / 1500;
    assert.ok(Math.abs(variance(2) / whole - 1) < 0.02, `distances have ${variance(2)} instead of ${whole}`);
    assert.ok(variance(0) >= variance(1) && variance(0) + variance(1) <= variance(2) + 1e-6);
  });

  it('takes gradients of another objective', async () => {
    const trace = await open(sourceOf(languageModel(['lstm'], shape), 8));
    const norm = () => trace.summary({ kind: 'norm', address: { instance: 'h', line: "h'" }, gradient: true });
    const ofLoss = await norm();
    await trace.differentiate({ kind: 'lossAt', t: 4 });
    const ofOne = await norm();
    assert.deepEqual(trace.description.objective, { kind: 'lossAt', t: 4 });
    assert.ok(ofLoss[6]! > 0 && ofLoss[4] !== ofOne[4]);
    assert.deepEqual([...ofOne.subarray(5)], [0, 0, 0]);
  });

  it('describes the model', async () => {
    const { description } = await open(sourceOf(languageModel(['lstm', 'gru'], shape), 8));
    assert.equal(description.steps, 8);
    assert.deepEqual(
      description.instances.map(({ path, runs, parent }) => ({ path, runs, parent })),
      [
        { path: '', runs: false, parent: undefined },
        { path: 'h[0]', runs: true, parent: '' },
        { path: 'h[1]', runs: true, parent: '' },
      ],
    );
    const [model, first] = description.instances;
    assert.deepEqual(
      model!.lines.map(({ name, shape, perStep }) => ({ name, shape, perStep })),
      [
        { name: 'x', shape: [3], perStep: true },
        { name: 'h', shape: [4], perStep: true },
        { name: 'logits', shape: [5], perStep: true },
        { name: 'loss', shape: [], perStep: true },
      ],
    );
    assert.deepEqual(first!.weights[0], { name: 'W_f', weight: 'h[0].W_f', shape: [4, 3] });
    assert.deepEqual(first!.states, [
      { name: 'h', shape: [4] },
      { name: 'c', shape: [4] },
    ]);
  });

  it('gives weights, and closes its evaluator', async () => {
    const evaluator = new InterpreterEvaluator();
    const source = sourceOf(languageModel(['lstm'], shape), 3);
    const trace = await openTrace(source, evaluator);
    assert.deepEqual(await trace.weight('h.U_f'), source.weights.get('h.U_f'));
    await trace.close();
    assert.ok(evaluator.closed);
  });

  describe('says what is wrong', () => {
    const source = sourceOf(languageModel(['lstm'], shape), 3);
    const faults: readonly [string, () => Promise<unknown>, RegExp][] = [
      ['an empty sequence', () => open({ ...source, steps: 0 }), /^The sequence is empty/],
      ['a missing input', () => open({ ...source, inputs: {} }), /^The input input of Language is missing/],
      ['a missing weight', () => open({ ...source, weights: new Map() }), /^The weight x\.table of Language is missing/],
      ['an input of another length', () => open({ ...source, steps: 4 }), /has 3 numbers instead of 4/],
      [
        'a value that is not there',
        async () => (await open(source)).read({ addresses: [{ instance: 'h', line: 'q' }], from: 0, to: 1 }),
        /^The model has no value h\/q/,
      ],
      [
        'timesteps that are not there',
        async () => (await open(source)).read({ addresses: [{ instance: 'h', line: 'f' }], from: 2, to: 4 }),
        /^There are timesteps 0 to 2, not 2 to 3/,
      ],
      ['a weight that is not there', async () => (await open(source)).weight('h.W_q'), /^Language has no weight h\.W_q/],
      [
        'a step without loss',
        async () => (await open(source)).differentiate({ kind: 'lossAt', t: 3 }),
        /^There are timesteps 0 to 2, not 3/,
      ],
    ];
    for (const [name, act, message] of faults) it(name, () => assert.rejects(act, { name: 'TraceError', message }));
  });
}).timeout(30_000);

/** Row b of an array [T, B, ...] or [B, ...]. */
function rowOf({ shape, data }: Oracle, b: number): Float32Array {
  const [steps, rows] = shape.length === 3 ? [shape[0]!, shape[1]!] : [1, shape[0]!];
  const width = data.length / steps / rows;
  return Float32Array.from(
    { length: steps * width },
    (_, place) => data[(Math.floor(place / width) * rows + b) * width + (place % width)]!,
  );
}
