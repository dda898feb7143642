import assert from 'node:assert/strict';
import { stepJacobians } from '../../src/analysis/jacobian.ts';
import { type BackwardPass, backwardPass, gradientsAfter, lagCurve, normsByLag } from '../../src/analysis/lag.ts';
import { PathSums } from '../../src/analysis/path.ts';
import { type Recurrence, recurrencesOf } from '../../src/analysis/recurrences.ts';
import type { SeededTrace } from '../../src/tracing/trace.ts';
import { assertClose } from '../graph/numeric.ts';
import { type Shape, traceOf } from './models.ts';

interface Measured {
  readonly trace: SeededTrace;
  readonly recurrence: Recurrence;
  readonly pass: BackwardPass;
  readonly sums: PathSums;
}

async function measured(layer: string, shape: Shape): Promise<Measured> {
  const trace = await traceOf(layer, shape);
  const recurrence = recurrencesOf(trace).at(-1)!;
  const pass = await backwardPass(trace, recurrence, 1);
  const sums = new PathSums(trace, recurrence, shape.steps);
  await sums.add(trace, recurrence, pass);
  return { trace, recurrence, pass, sums };
}

/** Each relative to itself. */
function assertSame(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(actual.length, expected.length);
  for (let k = 0; k < expected.length; k += 1)
    assert.ok(Math.abs(actual[k]! / expected[k]! - 1) < 1e-5, `${what} at lag ${k}: ${actual[k]} instead of ${expected[k]}`);
}

const withoutU = (name: string, data: Float32Array): void => {
  if (/\.U_/.test(name)) data.fill(0);
};
const curveOf = ({ trace, recurrence, pass }: Measured, state: string) => {
  const place = recurrence.states.findIndex(({ name }) => name === state);
  const { steps } = trace.description;
  return lagCurve(state, normsByLag(pass.after[place]!, steps, trace.sizes.B!, recurrence.reverse), 1e-3, 1);
};

describe('the gradient by lag', () => {
  it('of an LSTM that reads nothing of its past is the product of its forget gates', async () => {
    const found = await measured('lstm(x, 4)', { steps: 12, batch: 3, weights: withoutU });
    const [path] = found.sums.direct();
    assert.deepEqual([path!.state, path!.factor.factor, path!.factor.line], ['c', 'f', 'f']);
    assertSame(path!.product, curveOf(found, 'c').mean, 'product of f');
    // By hand: the gates as the trace reads them, times the gradient with which c begins.
    const [f] = await found.trace.read({ addresses: [{ instance: 'h', line: 'f' }], from: 0, to: 12 });
    const place = found.recurrence.states.findIndex(({ name }) => name === 'c');
    for (let row = 0; row < 3; row += 1) {
      const left = found.pass.after[place]!.slice((11 * 3 + row) * 4, (11 * 3 + row + 1) * 4);
      for (let t = 11; t > 0; t -= 1) {
        for (let unit = 0; unit < 4; unit += 1) left[unit]! *= f![(t * 3 + row) * 4 + unit]!;
        assertClose(found.pass.after[place]!.subarray(((t - 1) * 3 + row) * 4, ((t - 1) * 3 + row + 1) * 4), left, 1e-5, `c at ${t - 1}`);
      }
    }
    assert.equal(path!.bias?.weight, 'h.b_f');
    assert.equal(path!.bias?.mean, 1);
  });

  it('is the same where nothing but the states after each step is asked for', async () => {
    const found = await measured('lstm(x, 4)', { steps: 9, batch: 2 });
    assert.deepEqual(await gradientsAfter(found.trace, found.recurrence, 1), found.pass.after);
  });

  it('of a GRU that reads nothing of its past is the product of z', async () => {
    const found = await measured('gru(x, 4)', { steps: 12, batch: 2, weights: withoutU });
    const [path] = found.sums.direct();
    assert.deepEqual([path!.state, path!.factor.factor], ['h', 'z']);
    assertSame(path!.product, curveOf(found, 'h').mean, 'product of z');
  });

  it('of a vanilla network is the product of its saturations and its weight', async () => {
    const found = await measured('rnn(x, 5)', { steps: 10 });
    assert.deepEqual(found.sums.direct(), []);
    const [, way] = found.sums.ways();
    assert.deepEqual(
      way!.factors.map(({ kind, factor, line }) => [kind, factor, line]),
      [
        ['saturation', "derivative of h'", "h'"],
        ['weight', 'U', "h'"],
      ],
    );
    assert.ok(Math.abs(way!.share - 1) < 1e-6);
    const curve = curveOf(found, 'h').mean;
    let left = 1;
    for (let lag = 1; lag < 10; lag += 1) {
      for (const { bySteps } of way!.factors) left *= bySteps[10 - lag]!;
      assert.ok(Math.abs(curve[lag]! / left - 1) < 1e-5, `lag ${lag}: ${curve[lag]} instead of ${left}`);
    }
  });

  for (const layer of ['lstm(x, 4)', 'gru(x, 4)', 'rnn(x, 4)', 'peephole_lstm(x, 4)'])
    it(`of ${layer} is what the steps' Jacobians make of the vector that it begins with`, async () => {
      const { trace, recurrence, pass } = await measured(layer, { steps: 8 });
      const { size, states, shown } = recurrence;
      const jacobians = await stepJacobians(trace, recurrence, 0, 8);
      let row = states.flatMap((state) => (state === shown ? [...pass.seed] : Array(state.size).fill(0)));
      for (let t = 7; t >= 0; t -= 1) {
        row = row.map((_, column) => row.reduce((sum, each, k) => sum + each * jacobians[(t * size + k) * size + column]!, 0));
        const found = states.flatMap((state, k) => [...pass.before[k]!.subarray(t * state.size, (t + 1) * state.size)]);
        const largest = Math.max(...row.map(Math.abs));
        assertClose(
          found.map((each) => each / largest),
          row.map((each) => each / largest),
          1e-5,
          `before ${t}`,
        );
      }
    });

  it('shares of the ways add up to 1, and a peephole is part of the direct way', async () => {
    const { sums } = await measured('peephole_lstm(x, 4)', {
      steps: 6,
      batch: 2,
      weights: (name, data) => {
        if (/\.p_/.test(name)) data.fill(0.5);
      },
    });
    const ways = sums.ways();
    assert.ok(Math.abs(ways.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-5);
    assert.deepEqual(
      ways.map(({ name }) => name),
      ['direct', 'U_f', 'U_i', 'U_g', 'U_o'],
    );
    assert.equal(sums.direct()[0]!.factor.factor, "∂c' / ∂c");
  });

  it('of a layer that runs from the end goes by its own order', async () => {
    const cells = await measured('bidirectional(rnn, x, 3)', { steps: 6 });
    const { recurrence, pass } = cells;
    assert.equal(recurrence.reverse, true);
    const [norms] = normsByLag(pass.after[0]!, 6, 1, true);
    assert.ok(Math.abs(norms![0]! - Math.hypot(...pass.seed)) < 1e-6);
    assert.ok(norms![5]! > 0 && norms![5]! < norms![0]!);
  });
});

describe('a curve', () => {
  const decay = (rate: number, length: number): Float64Array => Float64Array.from({ length }, (_, lag) => rate ** lag);

  it('has the geometric mean, and a horizon with its interval', () => {
    const curve = lagCurve('h', [decay(0.5, 30), decay(0.5, 30), decay(0.4, 30)], 1e-3, 1);
    assert.ok(Math.abs(curve.mean[6]! - (0.5 * 0.5 * 0.4) ** 2) < 1e-12);
    // ln 0.001 / mean of ln rate = -6.908 / -0.7675 = 9.0004
    assert.equal(curve.horizon.value, 10);
    assert.deepEqual([curve.horizon.low, curve.horizon.high], [8, 10]);
    assert.equal(curve.horizon.beyond, false);
  });

  it('that is too short to see the horizon says so', () => {
    const { horizon } = lagCurve('h', [decay(0.9, 20), decay(0.8, 20)], 1e-3, 1);
    assert.equal(horizon.beyond, true);
    assert.equal(horizon.value, 19);
  });

  it('counts at each lag the sequences that are so long', () => {
    const curve = lagCurve('h', [decay(0.5, 4), decay(0.25, 8)], 1e-3, 1);
    assert.deepEqual(curve.sequences, [2, 2, 2, 2, 1, 1, 1, 1]);
    assert.ok(Math.abs(curve.mean[5]! - 0.25 ** 5) < 1e-15);
  });
});
