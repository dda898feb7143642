// Studies of models whose answers are known otherwise: in closed form, by central differences, or as another model.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type Sequences, study } from '../../../src/analysis/analyse.ts';
import type { Model } from '../../../src/graph/model.ts';
import { buildModel, loadProgram } from '../../../src/language/index.ts';
import { ablationHtml } from '../../../src/report/ablation.ts';
import { analysisArrays } from '../../../src/report/arrays.ts';
import type { Ablated, Ablation, Analysis, Attribution, ProbeCurve, StudyName } from '../../../src/shared/analysis.ts';
import { random } from '../../../src/shared/random.ts';
import { initialise } from '../../../src/training/initialise.ts';
import { InterpreterEvaluator } from '../../tracing/interpreter.ts';

type Weights = ReturnType<typeof initialise>;

interface Case {
  readonly model: Model;
  readonly weights: Weights;
}

async function built(text: string, change: (name: string, data: Float32Array) => void = () => undefined): Promise<Case> {
  const path = '/one.rnn';
  const program = await loadProgram(path, (file) => (file === path ? Promise.resolve(text) : readFile(file, 'utf8')));
  const model = buildModel(program, { model: 'One', classes: { Char: 5 } });
  const weights = initialise(model.weights, 3);
  for (const [name, { data }] of weights) change(name, data);
  return { model, weights };
}

/** Normal numbers of each input, [T, B, width]. */
function sequences({ model }: Case, steps: number, batch: number, seed = 1): Sequences {
  const inputs = model.inputs.map(({ name, value }) => {
    const chance = random(seed, name);
    const width = value.type.axes.slice(2).reduce((all, { size }) => all * (size as number), 1);
    const length = steps * batch * width;
    return [
      name,
      value.type.dtype === 'int'
        ? Int32Array.from({ length }, () => Math.floor(5 * chance.uniform()))
        : Float32Array.from({ length }, () => chance.normal()),
    ] as const;
  });
  return { steps, batch, lengths: {}, inputs: Object.fromEntries(inputs) };
}

async function studied<Result>(name: StudyName, { model, weights }: Case, groups: readonly Sequences[]): Promise<Result> {
  const found = await study(model, weights, name, { title: 'test', groups, evaluator: () => new InterpreterEvaluator() });
  return found[name] as Result;
}

const near = (a: number, b: number, tolerance: number, what: string): void =>
  assert.ok(Math.abs(a - b) <= tolerance, `${what}: ${a} instead of ${b}`);

const SHIFT = `cell shift(x: [I], size H) {
  state h: [H]
  param W: [H, I], U: [H, H]

  h' = W @ x + U @ h
}

`;

/** Weights with which h has the input of this step, of the one before, ... */
const shifting =
  (units: number, inputs: number) =>
  (name: string, data: Float32Array): void => {
    if (name.endsWith('.W')) for (let k = 0; k < data.length; k += 1) data[k] = Math.floor(k / inputs) === k % inputs ? 1 : 0;
    if (name.endsWith('.U')) for (let k = 0; k < data.length; k += 1) data[k] = Math.floor(k / units) - inputs === k % units ? 1 : 0;
  };

describe('probes', function () {
  this.timeout(60_000);

  it('read out of a shift register what it holds, and nothing else', async () => {
    const one = await built(`${SHIFT}model One(x: [T, 1]) {\n  y = shift(x, 3)\n}\n`, shifting(3, 1));
    const [curve] = await studied<ProbeCurve[]>('probes', one, [sequences(one, 30, 8), sequences(one, 20, 4, 2)]);
    assert.equal(curve!.measure, 'R²');
    assert.equal(curve!.judgedOn, 12);
    for (const [k, lag] of curve!.lags.entries()) {
      const value = curve!.value[k]!;
      if (lag < 3) near(value, 1, 1e-3, `at lag ${lag}`);
      else assert.ok(value < 0.2, `at lag ${lag}: ${value}`);
      assert.ok(curve!.control[k]! < 0.2, `control at lag ${lag}: ${curve!.control[k]}`);
      assert.ok(lag === 0 ? curve!.present[k]! > 0.99 : curve!.present[k]! < 0.2, `present input at lag ${lag}: ${curve!.present[k]}`);
      assert.ok(curve!.low[k]! <= value && value <= curve!.high[k]!);
    }
  });

  it('read classes out of what holds them, and the control beside them', async () => {
    const one = await built(`${SHIFT}model One(text: [T] of Char) {\n  x = embed(text, 5)\n  y = shift(x, 10)\n}\n`, (name, data) => {
      shifting(10, 5)(name, data);
      // Each class has a unit of its own.
      if (name.startsWith('x.')) for (let k = 0; k < data.length; k += 1) data[k] = k % 6 === 0 ? 1 : 0;
    });
    const [curve] = await studied<ProbeCurve[]>('probes', one, [sequences(one, 40, 8)]);
    const at = (lag: number): number => curve!.lags.indexOf(lag);
    assert.equal(curve!.measure, 'accuracy');
    for (const lag of [0, 1]) {
      assert.equal(curve!.value[at(lag)], 1);
      assert.equal(curve!.control[at(lag)], 1, 'a label for each class is learned by heart where the class is known');
    }
    assert.ok(curve!.value[at(3)]! < 0.45, 'four of five classes are guessed wrong');
    assert.ok(curve!.present[at(1)]! < 0.45 && curve!.baseline[at(1)]! < 0.45);
    // Where nothing is known, the control is what is guessed of it, not of the classes.
    near(curve!.control[at(3)]!, curve!.guessed[at(3)]!, 0.12, 'control at lag 3');
    assert.ok(curve!.guessed.every((each, k) => each >= curve!.baseline[k]! - 0.12));
  });

  it('need sequences to be judged on', async () => {
    const one = await built(`model One(x: [T, 1]) {\n  y = rnn(x, 2)\n}\n`);
    await assert.rejects(studied('probes', one, [sequences(one, 20, 2)]), /give at least 3/);
  });
});

describe('ablation', function () {
  this.timeout(60_000);
  const text = (layer: string): string => `model One(x: [T, 2], y: [T, 3]) {\n  h = ${layer}\n  loss = mse(h, y)\n}\n`;
  const rowOf = ({ rows }: Ablation, what: string, kind: Ablated['kind']): Ablated => {
    const found = rows.find((row) => row.what === what && row.kind === kind);
    assert.ok(found, `${what} is not among ${rows.map((row) => row.what).join(', ')}`);
    return found;
  };

  it('of a unit is the model whose unit is always 0', async () => {
    const whole = await built(text('rnn(x, 3)'));
    const groups = [sequences(whole, 12, 4), sequences(whole, 7, 2, 5)];
    const found = await studied<Ablation>('ablation', whole, groups);
    assert.equal(found.sequences, 6);
    // tanh(0) = 0: all of what makes the unit is taken away.
    const without = await built(text('rnn(x, 3)'), (_, data) => data.fill(0, (data.length / 3) * 1, (data.length / 3) * 2));
    const other = await studied<Ablation>('ablation', without, groups);
    near(rowOf(found, 'unit 1 of h = 0', 'unit').value, other.loss.value - found.loss.value, 1e-6, 'change of the loss');
    near(rowOf(other, 'unit 1 of h = 0', 'unit').value, 0, 1e-7, 'what is 0 already');
  });

  it('of a gate at 1 is the model whose gate is always open', async () => {
    const whole = await built(text('lstm(x, 3)'));
    const groups = [sequences(whole, 10, 5)];
    const found = await studied<Ablation>('ablation', whole, groups);
    const open = await built(text('lstm(x, 3)'), (name, data) => {
      if (/\.(W|U)_f$/.test(name)) data.fill(0);
      if (/\.b_f$/.test(name)) data.fill(40);
    });
    const other = await studied<Ablation>('ablation', open, groups);
    near(rowOf(found, 'f = 1', 'gate').value, other.loss.value - found.loss.value, 1e-6, 'change of the loss');
    assert.ok(Math.abs(rowOf(found, 'f = 1', 'gate').value) > 1e-4);
  });

  it('of an interval of what is read, and of what came before a step, are sequences without them', async () => {
    const whole = await built(text('gru(x, 3)'));
    const [group] = [sequences(whole, 20, 4)];
    const found = await studied<Ablation>('ablation', whole, [group]);
    const loss = async (one: Sequences): Promise<number> => (await studied<Ablation>('ablation', whole, [one])).loss.value;
    const x = Float32Array.from(group.inputs.x!).fill(0, 4 * 4 * 2, 6 * 4 * 2);
    near(
      rowOf(found, 'x at 4 … 5', 'input').value,
      (await loss({ ...group, inputs: { ...group.inputs, x } })) - found.loss.value,
      1e-6,
      'input',
    );
    const part = (from: number, to: number): Sequences => ({
      ...group,
      steps: to - from,
      inputs: { x: group.inputs.x!.slice(from * 8, to * 8), y: group.inputs.y!.slice(from * 12, to * 12) },
    });
    const apart = ((await loss(part(0, 12))) * 12 + (await loss(part(12, 20))) * 8) / 20;
    near(rowOf(found, 'reset at 12', 'reset').value, apart - found.loss.value, 1e-6, 'reset');
  });

  it('of a layer that runs from the end is that of the sequence turned round', async () => {
    // Both have the same weights, whatever they are called.
    const change = (name: string, data: Float32Array): void => {
      for (let k = 0; k < data.length; k += 1) data[k] = Math.sin(k + name.charCodeAt(name.length - 1));
    };
    const [forwards, backwards] = [await built(text('rnn(x, 3)'), change), await built(text('reverse(rnn(reverse(x), 3))'), change)];
    const group = sequences(forwards, 10, 4);
    const turned = Object.fromEntries(
      Object.entries(group.inputs).map(([name, data]) => {
        const row = data.length / 10;
        return [name, (data as Float32Array).map((_, k) => data[(9 - Math.floor(k / row)) * row + (k % row)]!)];
      }),
    );
    const one = await studied<Ablation>('ablation', forwards, [group]);
    const other = await studied<Ablation>('ablation', backwards, [{ ...group, inputs: turned }]);
    near(other.loss.value, one.loss.value, 1e-6, 'loss');
    for (const what of ['unit 2 of h = 0', 'unit 0 of h = mean'])
      near(rowOf(other, what, 'unit').value, rowOf(one, what, 'unit').value, 1e-6, what);
    near(rowOf(other, 'x at 3 … 3', 'input').value, rowOf(one, 'x at 6 … 6', 'input').value, 1e-6, 'input');
  });

  it('is told in tables that begin with the largest changes, whichever way they go, and in numbers', async () => {
    const whole = await built(text('rnn(x, 3)'));
    const studies = { ablation: await studied<Ablation>('ablation', whole, [sequences(whole, 12, 4)]) };
    const analysis = { layers: [], studies } as unknown as Analysis;
    const largest = studies.ablation.rows
      .filter(({ kind }) => kind === 'unit')
      .reduce((a, b) => (Math.abs(b.value) > Math.abs(a.value) ? b : a));
    const table = ablationHtml(analysis);
    assert.ok(
      table.indexOf(largest.what) > 0 && /<tbody><tr><th>h<\/th><td>([^<]*)</.exec(table)![1] === largest.what,
      table.slice(0, 2000),
    );
    const arrays = new Map(analysisArrays(analysis));
    assert.deepEqual([...arrays.get('h/loss without/unit/h = 0/place')!.data], [0, 1, 2]);
    assert.equal(arrays.get('loss without/input/x = 0/value')!.data.length, 10);
  });

  it('is refused where there is no loss', async () => {
    const one = await built(`model One(x: [T, 1]) {\n  y = rnn(x, 2)\n}\n`);
    await assert.rejects(studied('ablation', one, [sequences(one, 6, 3)]), /no line called loss.*Write one/);
  });
});

describe('integrated gradients of a chaotic network', function () {
  this.timeout(60_000);

  it('are over the longest window of last steps that is smooth', async () => {
    const one = await built(`model One(x: [T, 2]) {\n  h = rnn(x, 16)\n}\n`, (name, data) => {
      if (name === 'h.U') for (let k = 0; k < data.length; k += 1) data[k]! *= 5;
    });
    const steps = 50;
    const { window, sequences: found, byLag, limit } = await studied<Attribution>('attribution', one, [sequences(one, steps, 6)]);
    assert.ok(window !== undefined && window >= 5 && window < steps, `window ${window}`);
    assert.ok(found.filter(({ residual }) => residual <= limit).length >= 0.75 * found.length);
    for (const { inputs } of found)
      for (const [t, value] of inputs[0]!.values.entries()) assert.equal(value !== 0, t >= steps - window, `t = ${t}`);
    assert.equal(byLag[0]!.share.length, window);
  });
});

describe('studies', () => {
  it('stop when they are given up', async () => {
    const one = await built(`model One(x: [T, 1], y: [T, 2]) {\n  h = rnn(x, 2)\n  loss = mse(h, y)\n}\n`);
    const { model, weights } = one;
    for (const name of ['probes', 'attribution', 'ablation'] as const) {
      const abort = new AbortController();
      const progress = (share: number): void => {
        if (share > 0) abort.abort(new Error('given up'));
      };
      const options = { title: 'test', groups: [sequences(one, 12, 4)], evaluator: () => new InterpreterEvaluator() };
      await assert.rejects(study(model, weights, name, { ...options, progress, signal: abort.signal }), /given up/, name);
    }
  });
});
