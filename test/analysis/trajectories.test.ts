import assert from 'node:assert/strict';
import { recurrencesOf } from '../../src/analysis/recurrences.ts';
import { StateRows, stateCourses, trajectoriesOf } from '../../src/analysis/trajectories.ts';
import { dynamicsHtml } from '../../src/report/dynamics.ts';
import type { LayerAnalysis, Trajectories } from '../../src/shared/analysis.ts';
import { assertClose } from '../graph/numeric.ts';
import { traceOf } from './models.ts';

async function followed(layer: string, steps: number, batch: number): Promise<{ readonly rows: StateRows; readonly found: Trajectories }> {
  const trace = await traceOf(layer, { steps, batch });
  const [recurrence] = recurrencesOf(trace);
  const rows = new StateRows(await stateCourses([trace], recurrence!));
  return { rows, found: trajectoriesOf(recurrence!.states, rows) };
}

describe('trajectories', () => {
  it('of three units are the states turned: all distances stay', async () => {
    const { rows, found } = await followed('rnn(x, 3)', 12, 2);
    assert.deepEqual([found.states, found.units, found.paths.length], [['h'], 3, 2]);
    assert.ok(Math.abs(found.explained.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
    for (const { sequence, at } of found.paths)
      for (let t = 1; t < 12; t += 1) {
        const far = (a: ArrayLike<number>, b: ArrayLike<number>): number => Math.hypot(...Array.from(a, (each, k) => each - b[k]!));
        const [turned, own] = [far(at[t]!, at[t - 1]!), far(rows.at(sequence, t), rows.at(sequence, t - 1))];
        assert.ok(Math.abs(turned - own) < 1e-6, `${turned} instead of ${own} at ${t}`);
      }
  });

  it('have the variance that they explain along each component', async () => {
    const { rows, found } = await followed('lstm(x, 5)', 30, 4);
    assert.deepEqual([[...found.states].sort(), found.units], [['c', 'h'], 10]);
    const all = rows.sample(1000);
    const mean = all[0]!.map((_, unit) => all.reduce((sum, row) => sum + row[unit]!, 0) / all.length);
    const whole = all.reduce((sum, row) => sum + row.reduce((squares, each, unit) => squares + (each - mean[unit]!) ** 2, 0), 0);
    const along = found.explained.map((_, k) => found.paths.flatMap(({ at }) => at).reduce((sum, at) => sum + at[k]! ** 2, 0) / whole);
    assertClose(found.explained, along, 1e-9, 'shares');
  });

  it('of long sequences have some points, with both ends', async () => {
    const { found } = await followed('rnn(x, 2)', 500, 8);
    assert.equal(found.paths.length, 6);
    const [{ timesteps, at }] = found.paths as [Trajectories['paths'][number]];
    assert.deepEqual([timesteps[0], timesteps.at(-1), timesteps.length, at.length], [0, 499, 200, 200]);
  });

  it('are drawn from ring to square, in the order that the layer runs', async () => {
    const { found } = await followed('rnn(x, 3)', 10, 1);
    const page = (reverse: boolean): string => dynamicsHtml({ layer: 'h', reverse, trajectories: found } as LayerAnalysis);
    const begins = (html: string): string[] => /<circle cx="([\d.]+)" cy="([\d.]+)"/.exec(html)!.slice(1);
    const ends = (html: string): number[] =>
      /<rect x="([\d.]+)" y="([\d.]+)"/
        .exec(html)!
        .slice(1)
        .map((each) => Number(each) + 4);
    assertClose(begins(page(false)).map(Number), ends(page(true)), 0.11, 'a layer from the end begins where the other ends');
    assert.match(page(true), /from the end of the sequence/);
    assert.match(page(false), /aria-label="States h of h in the plane of component 1 \(/);
  });

  it('of a single number go along time', async () => {
    const { found } = await followed('rnn(x, 1)', 10, 2);
    assert.match(dynamicsHtml({ layer: 'h', reverse: false, trajectories: found } as LayerAnalysis), /over time, from the mean/);
  });
});
