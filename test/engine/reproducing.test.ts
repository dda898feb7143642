// Reproductions that train: what they would train, how they judge it, and that what is over is kept.

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Learned, ReproduceOptions, Training } from '../../src/analysis/reproduce/reproduction.ts';
import { reproductions } from '../../src/analysis/reproduce/reproductions.ts';
import { trainingBatches } from '../../src/data/load.ts';
import { openJob } from '../../src/engine/job.ts';
import { reproduce } from '../../src/engine/reproducing.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { RuntimeEvaluator } from '../../src/tracing/evaluator.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unroll-reproducing-'));
});
after(() => rm(folder, { recursive: true }));

const training = Object.entries(reproductions).filter(([, { trains }]) => trains === true);
const options = (learn: ReproduceOptions['learn']): ReproduceOptions => ({
  evaluator: (batch) => new RuntimeEvaluator(createRuntime(), { B: batch }),
  seed: 3,
  check: () => undefined,
  train: () => assert.fail('nothing is trained'),
  learn,
});
const ended = (figures: Learned['figures'], reached: boolean): Learned => ({ step: 200, steps: 400, figures, reached, seconds: 1 });

describe('a reproduction that trains', function () {
  this.timeout(120_000);

  for (const [name, reproduction] of training)
    it(`${name} has sound sources, each of its own, and another seed has others`, async () => {
      const asked: Training[] = [];
      const asking = async (each: Training): Promise<Learned> => {
        asked.push(each);
        return ended({ loss: 1, accuracy: 0.25 }, false);
      };
      await reproduction.run(options(asking));
      const first = asked.splice(0);
      assert.ok(first.length >= 2);
      assert.equal(new Set(first.map(({ source }) => source)).size, first.length);
      assert.equal(new Set(first.map((each) => each.name)).size, first.length);
      await reproduction.run({ ...options(asking), seed: 900 });
      for (const [k, { source }] of asked.entries()) assert.notEqual(source, first[k]!.source);
      const file = join(folder, 'model.rnn');
      for (const { source, until } of first) {
        await writeFile(file, source);
        const { data, settings } = await openJob(file);
        assert.ok(trainingBatches(data, settings).at(0).rows === settings.batch);
        assert.ok(data.parts.validation.size === 1000);
        assert.ok(until === undefined || ['loss', 'accuracy'].includes(until.metric));
      }
    });

  it('adding: who learns passes where it learns, and a tanh network where it does not', async () => {
    const { rows, passing } = await judged('adding', ({ source }) =>
      source.includes(' rnn(') ? ended({ loss: 0.166 }, false) : ended({ loss: 0.02 }, true),
    );
    // Of one it is not known what so few steps should come to: it never passes, and never fails.
    assert.deepEqual(
      passing,
      rows.filter((what) => what !== 'IRNN, T = 400'),
    );
    // All have learned, or none.
    assert.ok((await judged('adding', () => ended({ loss: 0.02 }, true))).passing.every((what) => !what.startsWith('tanh')));
    assert.ok((await judged('adding', () => ended({ loss: 0.167 }, false))).passing.every((what) => what.startsWith('tanh')));
    const none = await judged('adding', () => ended({}, false));
    assert.deepEqual(none.passing, []);
    assert.deepEqual(
      none.failing,
      rows.filter((what) => what !== 'IRNN, T = 400'),
    );
  });

  it('copy: beside what who has no memory has', async () => {
    const memoryless = ({ source }: Training): number => (10 * Math.log(8)) / (Number(/delay: (\d+)/.exec(source)![1]) + 20);
    const { rows, passing } = await judged('copy', (each) =>
      ended({ loss: memoryless(each) * (each.source.includes(' rnn(') ? 1.001 : 0.9) }, false),
    );
    assert.deepEqual(passing, rows);
    const none = await judged('copy', (each) => ended({ loss: memoryless(each) }, false));
    assert.ok(none.passing.length > 0 && none.passing.every((what) => what.startsWith('tanh')));
  });

  it('temporal-order: clipping is what makes the difference', async () => {
    const { rows, passing } = await judged('temporal-order', ({ source }) => ended({ accuracy: 1 }, source.includes('clip:')));
    assert.deepEqual(passing, rows);
    const all = await judged('temporal-order', () => ended({ accuracy: 1 }, true));
    assert.deepEqual(
      all.passing,
      all.rows.filter((what) => what.endsWith('with clipping')),
    );
  });

  it('horizon: the claim stands beside what was measured of cells as they start, and of trained ones', async () => {
    const at = (value: number, beyond = false) => ({ value, low: value, high: value, beyond, lowBeyond: beyond, highBeyond: beyond });
    const rows = await reproductions.horizon!.run(
      options(async ({ source }) => ({
        ...ended({ loss: 0.02 }, true),
        horizons: source.includes(' rnn(') ? { h: at(9) } : { h: at(60), c: at(199, true) },
      })),
    );
    assert.deepEqual(
      rows.map(({ what, figure, passes }) => [what, figure, passes]),
      [
        ['tanh, untrained', 7, true],
        ['tanh, orthogonal, untrained', 7, true],
        ['GRU, untrained', undefined, true],
        ...[0, 1, 3, 5].map((bias) => [`LSTM, forget bias ${bias}, untrained`, 100, true]),
        ['tanh, trained', 7, true],
        ['LSTM, trained', 100, true],
      ],
    );
    const note = (name: string): string => rows.find(({ what }) => what === name)!.note!;
    assert.match(note('LSTM, forget bias 0, untrained'), /^\d+ steps, 95 %: .*; not as claimed$/);
    assert.match(note('LSTM, forget bias 3, untrained'), /^at least 199 steps, .*; as claimed$/);
    assert.match(note('LSTM, trained'), /^at least 199 steps/);
  });

  async function judged(name: string, end: (each: Training) => Learned): Promise<Record<'rows' | 'passing' | 'failing', string[]>> {
    const rows = await reproductions[name]!.run(options(async (each) => end(each)));
    const named = (verdict?: boolean): string[] => rows.filter(({ passes }) => passes === verdict).map(({ what }) => what);
    return { rows: rows.map(({ what }) => what), passing: named(true), failing: named(false) };
  }

  it('keeps what is over when it is interrupted, and goes on from there', async () => {
    const keep = join(folder, 'kept');
    const heard: string[] = [];
    const through = (stopAt: RegExp, fresh = false): Promise<unknown> => {
      const abort = new AbortController();
      heard.splice(0);
      return reproduce({ name: 'temporal-order', seed: 1, keep, fresh }, createRuntime(), {
        signal: abort.signal,
        say(text) {
          heard.push(text);
          if (stopAt.test(text)) abort.abort(new Error('enough'));
        },
      });
    };
    await assert.rejects(through(/seed 3: step/), /enough/);
    const files = await readdir(join(keep, 'temporal-order'));
    assert.ok(files.length >= 1);
    const kept = JSON.parse(await readFile(join(keep, 'temporal-order', files[0]!), 'utf8')) as Learned;
    assert.ok(kept.reached && kept.figures.accuracy! > 0.95 && kept.step < kept.steps);
    // Two are trained side by side, and either may be heard first.
    assert.match(heard[0]!, /^T = 20, with clipping, seed [12]: step 500 of 4,000, held-out loss [\d.]+(e−\d+)?, accuracy [\d.]+$/);

    await assert.rejects(through(/: step/), /enough/);
    assert.ok(heard.includes('T = 20, with clipping, seed 1: kept from before'));
    await assert.rejects(through(/seed 1: step/, true), /enough/);
    assert.ok(!heard.some((text) => text.includes('kept')));
    assert.equal(await readFile(join(keep, '.gitignore'), 'utf8'), '*\n');
  });
});
