import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { analyse } from '../../src/analysis/analyse.ts';
import { biasFor } from '../../src/analysis/repairs/proposed.ts';
import { reproductions } from '../../src/analysis/reproduce/reproductions.ts';
import { reproduce, trainer } from '../../src/engine/reproducing.ts';
import { analysisDocument } from '../../src/report/document.ts';
import { analysisTable } from '../../src/report/table.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Analysis } from '../../src/shared/analysis.ts';
import { RuntimeEvaluator } from '../../src/tracing/evaluator.ts';
import { type Shape, sourceOf } from './models.ts';

const runtime = createRuntime();
const evaluator = (batch: number): RuntimeEvaluator => new RuntimeEvaluator(runtime, { B: batch });

async function analysed(layer: string, shape: Shape, needs?: number, cells?: string): Promise<Analysis> {
  const { model, weights, inputs, steps, batch = 1 } = await sourceOf(layer, shape, cells);
  return analyse(model, weights, {
    title: 'test',
    groups: [{ inputs, steps, batch, lengths: {} }],
    evaluator,
    ...(needs === undefined ? {} : { needs: { lag: needs, why: 'as told' } }),
  });
}

const bias = (value: number) => (name: string, data: Float32Array) => {
  if (name === 'h.b_f') data.fill(value);
};

describe('an analysis', function () {
  this.timeout(60_000);

  it('of an LSTM with forget bias 0 names the bias, its half-life and the line, and says what would mend it', async () => {
    const { verdicts, layers } = await analysed('lstm(x, 24)', { steps: 60, batch: 4, weights: bias(0) }, 40);
    const [verdict] = verdicts;
    assert.equal(verdict!.kind, 'vanishing');
    // 1.44 · ln 2 = 1.0
    assert.match(verdict!.text, /^Mean of h\.b_f 0: half-life (0\.9|1\b|1\.0)\S* steps in h, and 40 are needed/);
    assert.match(verdict!.repairs[0]!.text, /b_f: \[H\] = 3\.68/);
    assert.match(verdict!.repairs[1]!.text, /chrono\(40\)/);
    assert.ok(verdict!.place!.uri.endsWith('recurrent.rnn'));
    assert.equal(layers[0]!.killer!.line, 'f');
  });

  it('finds no fault once the repair is made', async () => {
    const { verdicts, layers } = await analysed('lstm(x, 24)', { steps: 60, batch: 16, weights: bias(biasFor(40)) }, 40);
    assert.deepEqual(
      verdicts.map(({ kind }) => kind),
      ['sound'],
    );
    assert.ok(layers[0]!.curves.find(({ state }) => state === 'c')!.horizon.beyond);
  });

  it('of states that are no numbers is refused, with the first of them, its line and what to do', async () => {
    const broken = analysed('gru(x, 6)', {
      steps: 20,
      batch: 3,
      weights: (name, data) => {
        if (name === 'h.b_z') data[2] = Number.NaN;
      },
    });
    await assert.rejects(
      broken,
      /the states of h are not all numbers.*first number that is not finite is NaN, of `h\/z`, at t = 0, unit 2.*weight h\.b_z.*smaller rate/s,
    );
    const grown = analysed(
      'doubling(x, 4)',
      { steps: 200, batch: 2 },
      40,
      `cell doubling(x: [I], size H) {\n  state h: [H]\n  param W: [H, I]\n\n  h' = 3 * h + W @ x\n}\n`,
    );
    await assert.rejects(grown, /first number that is not finite is -?Infinity, of `h\/h'`, at t = \d\d/);
  });

  it('of a gradient that floats do not hold says that it explodes, and no horizon', async () => {
    // The logistic map, pushed a little by its input: states stay within 0 and 1, and what is near goes apart by about 1.6 a step.
    const logistic = `cell logistic(x: [I], size H) {
  state h: [H]
  param W: [H, I]

  h' = 3.9 * h * (1 - h) + 0.01 * sigmoid(W @ x)
}
`;
    const { verdicts, layers } = await analysed('logistic(x, 6)', { steps: 300, batch: 4 }, 250, logistic);
    const [curve] = layers[0]!.curves;
    assert.equal(curve!.mean.at(-1), Number.POSITIVE_INFINITY);
    assert.ok(curve!.horizon.beyond);
    const exploding = verdicts.find(({ kind }) => kind === 'exploding')!;
    assert.match(exploding.text, /^The gradient explodes in h: \d+ steps back/);
    assert.ok(layers[0]!.spectrum.lyapunov[0]! > 0.3);
  });

  it('of a vanilla network blames its weight or its saturation, and advises a gated cell', async () => {
    const small = await analysed('rnn(x, 24)', {
      steps: 30,
      batch: 4,
      weights: (name, data) =>
        name === 'h.U' &&
        data.forEach((each, k) => {
          data[k] = each / 3;
        }),
    });
    assert.deepEqual(
      [small.verdicts[0]!.kind, small.layers[0]!.killer!.kind, small.layers[0]!.killer!.factor],
      ['vanishing', 'weight', 'U'],
    );
    assert.match(small.verdicts[0]!.repairs.map(({ text }) => text).join(), /orthogonal.*gated cell/);
    const loud = await analysed('rnn(x, 24)', {
      steps: 30,
      batch: 4,
      weights: (name, data) =>
        name === 'h.W' &&
        data.forEach((each, k) => {
          data[k] = each * 20;
        }),
    });
    assert.deepEqual([loud.layers[0]!.killer!.kind, loud.layers[0]!.killer!.line], ['saturation', "h'"]);
  });

  it('of a network that explodes says from which lag on, and advises clipping', async () => {
    const { verdicts } = await analysed('rnn(x, 24, activation: relu)', {
      steps: 30,
      batch: 4,
      weights: (name, data) =>
        name === 'h.U' &&
        data.forEach((each, k) => {
          data[k] = Math.abs(each) * 2;
        }),
    });
    assert.equal(verdicts[0]!.kind, 'exploding');
    assert.match(verdicts[0]!.repairs[0]!.text, /clip/);
  });

  it('analyses every layer by itself, and sequences of several lengths without padding', async () => {
    const { model, weights } = await sourceOf('lstm(x, 6, layers: 2)', { steps: 5 });
    const group = async (steps: number, batch: number) => {
      const { inputs } = await sourceOf('lstm(x, 6)', { steps, batch, seed: steps });
      return { inputs, steps, batch, lengths: {} };
    };
    const { layers, sequences } = await analyse(model, weights, {
      title: 'test',
      groups: [await group(9, 2), await group(20, 3)],
      evaluator,
    });
    assert.equal(sequences, 5);
    assert.deepEqual(
      layers.map(({ layer }) => layer),
      ['h[0]', 'h[1]'],
    );
    const [{ sequences: counts, mean }] = layers[1]!.curves as [(typeof layers)[number]['curves'][number]];
    assert.deepEqual([counts[8], counts[9], counts.length], [5, 3, 20]);
    assert.equal(mean[0], 1);
  });

  it('is cancelled, and tells how far it is', async () => {
    const { model, weights, inputs } = await sourceOf('gru(x, 6)', { steps: 12 });
    const groups = [{ inputs, steps: 12, batch: 1, lengths: {} }];
    const shares: number[] = [];
    await analyse(model, weights, { title: '', groups, evaluator, progress: (share) => shares.push(share) });
    assert.ok(shares.length > 4 && shares.at(-1) === 1);
    assert.deepEqual(
      shares,
      [...shares].sort((a, b) => a - b),
    );
    await assert.rejects(
      analyse(model, weights, { title: '', groups, evaluator, signal: AbortSignal.abort(new Error('no longer')) }),
      /no longer/,
    );
  });

  it('is a page that loads nothing, and a table with its numbers', async () => {
    const analysis = await analysed('gru(x, 6)', { steps: 20, batch: 3 });
    const page = analysisDocument({ ...analysis, title: '<b>' });
    assert.match(page, /default-src 'none'/);
    assert.doesNotMatch(page, /<script|https?:|<b>/);
    assert.match(page, /Gradient by lag in h/);
    assert.match(page, /horizon/);
    const rows = analysisTable(analysis).trim().split('\n');
    assert.equal(rows.filter((row) => row.startsWith('h,gradient by lag,h,')).length, 20);
    assert.equal(rows.filter((row) => row.startsWith('h,trajectory,sequence 3: component 2,')).length, 20);
    assert.match(page, /States h of h in the plane of components 1 and 2/);
    assert.ok(rows.every((row) => row.split(',').length >= 8));
  });
});

describe('a reproduction', function () {
  this.timeout(180_000);

  it('that trains can be given up while it does, and leaves nothing behind', async () => {
    const own = await mkdtemp(join(tmpdir(), 'unroll-test-'));
    const { TMPDIR } = process.env;
    process.env.TMPDIR = own;
    const abort = new AbortController();
    const shares: number[] = [];
    const progress = (share: number): void => {
      shares.push(share);
      if (shares.length === 3) abort.abort(new Error('no longer'));
    };
    try {
      await assert.rejects(reproduce({ name: 'flip-flop', seed: 1 }, runtime, { signal: abort.signal, progress }), /no longer/);
      assert.ok(shares.length < 20 && shares.every((share) => share < 0.1), `${shares}`);
      // The runtime has files of its own there.
      assert.deepEqual(
        (await readdir(own)).filter((name) => name.startsWith('unroll-')),
        [],
      );
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
      await rm(own, { recursive: true });
    }
  });

  for (const [name, reproduction] of Object.entries(reproductions).filter(([, { trains }]) => trains !== true))
    it(`of ${name} lies within its bands`, async () => {
      const learn = (): never => assert.fail('nothing takes minutes');
      const rows = await reproduction.run({ evaluator, seed: 1, check: () => undefined, train: trainer(), learn });
      assert.ok(rows.length >= 5);
      assert.deepEqual(
        rows.filter(({ passes }) => !passes),
        [],
      );
    });
});
