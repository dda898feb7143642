// What a training says of its memory while it goes on, and where it says that it broke: beside the whole analysis, and beside faults that were planted.

import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nonFiniteText } from '../../src/analysis/non-finite.ts';
import { trainingBatches } from '../../src/data/load.ts';
import { analyseModel } from '../../src/engine/analysing.ts';
import { type OpenedJob, openJob } from '../../src/engine/job.ts';
import { runTraining } from '../../src/engine/training.ts';
import { firstNonFinite, WATCHED } from '../../src/engine/watching.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { NonFinite, RunSummary, StepRecord } from '../../src/shared/training.ts';
import { lastGoodCheckpoint } from '../../src/training/checkpoint.ts';
import { initialise } from '../../src/training/initialise.ts';
import { checkpointsOf } from '../../src/training/run.ts';

const runtime = createRuntime();
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unroll-watching-'));
});
after(() => rm(folder, { recursive: true }));

const TASKS = `
cell leaky(x: [I], size H) {
  state h: [H]
  param W: [H, I], U: [H, H] = identity
  pulled = U @ h
  h'     = pulled + W @ x
}
model Numbers(x: [T, 2], total: [1], unit: cell) {
  h    = unit(x, 6)
  y    = linear(last(h), 1)
  loss = mse(y, total)
}
model Stacked(x: [T, 2], total: [1]) {
  h    = dropout(gru(x, 6, layers: 2), 0.2)
  y    = linear(last(h), 1)
  loss = mse(y, total)
}
data adding = adding(length: 24, seed: 1, validation: 16)
train Numbers(unit: [lstm, rnn, irnn, leaky]) on adding { steps: 12, batch: 8, optimizer: adam(0.01), clip: 0.5 }
train Stacked on adding { steps: 4, batch: 8, clip: 1 }
`;

const TEXT = `
model Text(input: [T] of Char) {
  h      = lstm(embed(input, 6), 8)
  logits = linear(h, Char)
  loss   = cross_entropy(logits, next(input))
}
data some = text("some.txt", by: char)
train Text on some { steps: 6, batch: 4, window: 16 }
`;

async function jobOf(text: string, statement = 0): Promise<OpenedJob> {
  const file = join(folder, 'model.rnn');
  await writeFile(file, text);
  await writeFile(join(folder, 'some.txt'), 'the cat sat on the mat, and the dog on the log. '.repeat(60));
  return openJob(file, statement);
}

describe('a training that is watched', function () {
  this.timeout(120_000);

  async function trained(out: string, statement: number, options: { readonly watch: number; readonly resumeAt?: number }) {
    const file = join(folder, 'model.rnn');
    const records: StepRecord[] = [];
    const hooks = { progress: (record: StepRecord) => void records.push(record) };
    const request = { file, statement, out: join(folder, out), everyStep: true, threads: 1, watch: options.watch };
    let run: RunSummary;
    if (options.resumeAt !== undefined) {
      let done = 0;
      await runTraining(request, { ...hooks, stop: () => (++done === options.resumeAt ? 'pause' : undefined) });
      run = await runTraining({ ...request, resume: true }, hooks);
    } else run = await runTraining(request, hooks);
    const { checkpoint } = await lastGoodCheckpoint(checkpointsOf(run.folder));
    return { run, records, weights: Object.fromEntries([...checkpoint!.state].map(([name, { data }]) => [name, [...data]])) };
  }

  for (const [name, text, statement] of [
    ['an LSTM on numbers', TASKS, 0],
    ['a tanh network', TASKS, 1],
    ['two layers with dropout', TASKS, 4],
    ['a running text', TEXT, 0],
  ] as const)
    it(`tells of ${name} what the analysis of its checkpoint does, and learns what it would have learned`, async () => {
      await jobOf(text, statement);
      const { run, records, weights } = await trained(`${name} watched`, statement, { watch: 3 });
      const last = records.at(-1)!;
      const analysis = await analyseModel({ source: { kind: 'run', folder: run.folder }, ...WATCHED }, runtime);
      assert.equal(last.memory!.sequences, analysis.sequences);
      assert.deepEqual(
        last.memory!.layers.map(({ layer }) => layer),
        analysis.layers.map(({ layer }) => layer),
      );
      for (const [k, { lags, gradient, dead, stuck, saturated }] of last.memory!.layers.entries()) {
        const { curves, units, gates } = analysis.layers[k]!;
        assert.deepEqual(
          Object.entries(gradient),
          curves.map(({ state, mean }) => [state, lags.map((lag) => mean[lag])]),
        );
        assert.ok(lags.includes(10));
        assert.equal(
          dead,
          units.reduce((sum, each) => sum + each.dead.length, 0),
        );
        assert.equal(
          stuck,
          units.reduce((sum, each) => sum + each.stuck.length, 0),
        );
        if (gates.length > 0)
          assert.deepEqual(
            saturated,
            gates.map(({ line, below, above }) => ({
              ...{ line, units: below.length },
              ...{ low: below.filter((share) => share > 0.9).length, high: above.filter((share) => share > 0.9).length },
            })),
          );
      }
      assert.deepEqual(
        records.filter(({ memory }) => memory !== undefined).map(({ step }) => step),
        [1, ...records.flatMap(({ step }) => (step % 3 === 0 || step === records.length ? [step] : []))],
      );
      const rates = records.filter(({ clipRate }) => clipRate !== undefined);
      const between = records.filter(({ step }) => step > (rates.at(-2)?.step ?? 0));
      if (rates.length > 0) assert.equal(last.clipRate, between.filter(({ clipped }) => clipped).length / between.length);

      assert.deepEqual((await trained(`${name} alone`, statement, { watch: 0 })).weights, weights);
      assert.deepEqual((await trained(`${name} paused`, statement, { watch: 2, resumeAt: 3 })).weights, weights);
    });

  it('costs next to nothing unless it is told how often', async () => {
    await jobOf(TASKS, 0);
    const { records } = await trained('seldom', 0, { watch: 1000 });
    assert.deepEqual(
      records.filter(({ memory }) => memory !== undefined).map(({ step }) => step),
      [1, 12],
    );
    const all: StepRecord[] = [];
    await runTraining(
      { file: join(folder, 'model.rnn'), out: join(folder, 'short'), everyStep: true, threads: 1 },
      { progress: (record) => void all.push(record) },
    );
    // It is over before the first second.
    assert.ok(all.at(-1)!.stepsPerSecond < 20 || all.every(({ memory }) => memory === undefined));
  });
});

describe('the first number that is not finite', function () {
  this.timeout(60_000);

  /** Of the first step of a job, whose start is changed by `plant`. */
  async function found(job: OpenedJob, plant: (name: string, data: Float32Array) => void): Promise<NonFinite> {
    const state = new Map(initialise(job.model.weights, 1));
    for (const [name, { data }] of state) plant(name, data);
    for (const { name, before: value } of job.model.states) {
      const shape = value.type.axes.map(({ size }) => (size === 'B' ? 4 : Number(size)));
      const data = new Float32Array(shape.reduce((product, each) => product * each, 1));
      plant(`${name}#state`, data);
      state.set(`${name}#state`, { shape, data });
    }
    const batch = trainingBatches(job.data, job.settings).at(0);
    const carried = job.model.states.length > 0 ? { ...batch, reset: false } : batch;
    const first = await firstNonFinite(job, { state, batch: carried, step: 1 }, runtime);
    assert.ok(first !== undefined);
    return first;
  }
  const set = (weight: string, at: number, value: number) => (name: string, data: Float32Array) => {
    if (name === weight) data[at] = value;
  };

  for (const [gate, unit] of [
    ['f', 2],
    ['i', 0],
    ['g', 5],
    ['o', 3],
  ] as const)
    it(`is in the gate ${gate} of an LSTM whose matrix has a NaN`, async () => {
      const job = await jobOf(TASKS, 0);
      const first = await found(job, set(`h.U_${gate}`, unit * 6 + 1, Number.NaN));
      assert.deepEqual(
        [first.of, first.layer, first.line, first.t, first.row, first.unit, first.weight],
        ['value', 'h', gate, 0, 0, [unit], `h.U_${gate}`],
      );
      assert.match(
        nonFiniteText(first),
        new RegExp(`NaN, of \`h/${gate}\`, at t = 0, unit ${unit}, row 0 of the batch\\. Its weight h\\.U_${gate} had`),
      );
    });

  it('is in the second layer, where that is the one', async () => {
    const job = await jobOf(TASKS, 4);
    const first = await found(job, set('h[1].b_z', 4, Number.NaN));
    assert.deepEqual([first.layer, first.line, first.t, first.unit, first.weight], ['h[1]', 'z', 0, [4], 'h[1].b_z']);
  });

  /** Of a batch of `adding`, by rows: the numbers and their total. */
  function rowsOf(job: OpenedJob) {
    const { inputs, rows } = trainingBatches(job.data, job.settings).at(0);
    return Array.from({ length: rows }, (_, row) => ({
      numbers: Array.from({ length: 24 }, (__, t) => inputs.x![(t * rows + row) * 2]!),
      total: inputs.total![row]!,
    }));
  }
  const LARGEST = 3.4028234663852886e38;
  const diagonal = (unit: number, factor: number) => (name: string, data: Float32Array) => {
    if (name === 'h.U') data.fill(0);
    if (name === 'h.U') data[unit * 7] = factor;
    if (name === 'h.W') data.fill(0);
  };

  it('is at the step at which a state outgrows single precision', async () => {
    const job = await jobOf(TASKS, 3);
    const grow = diagonal(4, 100);
    const first = await found(job, (name, data) => {
      grow(name, data);
      if (name === 'h.W') data[4 * 2] = 1;
    });
    // Computed here in double precision.
    const over = rowsOf(job).map(({ numbers }) => {
      let h = 0;
      return numbers.findIndex((x) => {
        const pulled = 100 * h;
        h = pulled + x;
        return pulled > LARGEST;
      });
    });
    const t = Math.min(...over);
    assert.deepEqual([first.of, first.layer, first.line, first.unit], ['value', 'h', 'pulled', [4]]);
    assert.deepEqual([first.t, first.row, first.value], [t, over.indexOf(t), Number.POSITIVE_INFINITY]);
    assert.ok(t > 15 && t < 24);
  });

  it('is a gradient, where the values are finite, at the step at which it outgrows single precision', async () => {
    const job = await jobOf(TASKS, 3);
    const plant = (factor: number) => (name: string, data: Float32Array) => {
      diagonal(1, factor)(name, data);
      if (name === 'y.W') data.fill(1);
    };
    // h and y are 0, so that d loss / d h of a row is -2 total / rows at the last step, and `factor` times as much at each step before.
    const rows = rowsOf(job);
    const last = rows.map(({ total }) => (2 * total) / rows.length);
    const over = last.map((each) => 23 - Array.from({ length: 24 }, (_, lag) => each * 100 ** lag).findIndex((value) => value > LARGEST));
    const t = Math.max(...over);
    const first = await found(job, plant(100));
    assert.deepEqual([first.of, first.layer, first.line, first.unit], ['gradient', 'h', "h'", [1]]);
    assert.deepEqual([first.t, first.row, first.value], [t, over.indexOf(t), Number.NEGATIVE_INFINITY]);
    const largest = await found(job, plant(10));
    assert.deepEqual([largest.of, largest.layer, largest.unit, largest.t], ['largest gradient', 'h', [1], 0]);
    const most = Math.max(...last);
    assert.equal(largest.row, last.indexOf(most));
    assert.ok(Math.abs(largest.value / (-most * 1e23) - 1) < 1e-4, String(largest.value));
  });

  it('is what the window before it has left', async () => {
    const job = await jobOf(TEXT);
    const first = await found(job, (name, data) => {
      if (name === 'h.c#state') data[2 * 8 + 5] = Number.POSITIVE_INFINITY;
    });
    assert.deepEqual([first.layer, first.line, first.t, first.row, first.unit], ['', 'h.c#state', undefined, 2, [5]]);
    assert.match(
      nonFiniteText(first),
      /^The first number that is not finite is Infinity, of `h\.c` as the window before left it, unit 5, row 2/,
    );
  });

  it('is found in an encoder, and not in padding', async () => {
    await copyFile(join(import.meta.dirname, '../../examples/dates.rnn'), join(folder, 'dates.rnn'));
    const job = await openJob(join(folder, 'dates.rnn'));
    const first = await found(job, set('encoder.backward.W_o', 3 * 32, Number.NaN));
    assert.deepEqual([first.layer, first.line, first.unit, first.weight], ['encoder.backward', 'o', [3], 'encoder.backward.W_o']);
    const lengths = trainingBatches(job.data, job.settings).at(0).inputs['lengths(S)']!;
    assert.equal(first.t, Math.max(...lengths) - 1);
    assert.equal(lengths[first.row!], Math.max(...lengths));
  });

  it('is named by a training that ends with it', async () => {
    await writeFile(
      join(folder, 'boom.rnn'),
      `${TASKS.slice(0, TASKS.indexOf('train '))}train Numbers(unit: irnn) on adding { steps: 40, batch: 8, optimizer: sgd(3), seed: 1 }`,
    );
    const messages: string[] = [];
    const run = await runTraining(
      { file: join(folder, 'boom.rnn'), out: join(folder, 'boom'), threads: 1 },
      { message: (text) => void messages.push(text) },
    );
    assert.equal(run.status.kind, 'failed');
    const { what, first } = run.status as Extract<RunSummary['status'], { kind: 'failed' }>;
    assert.ok(first !== undefined, what);
    assert.equal(first.layer, 'h');
    assert.ok(what.includes(nonFiniteText(first)), what);
    assert.match(what, /^The (loss|norm of the gradient) became (NaN|Infinity) at step \d+\. (The first|All values|No gradient)/);
  });
});
