import assert from 'node:assert/strict';
import { analyse } from '../../src/analysis/analyse.ts';
import { HeldStep } from '../../src/analysis/held-step.ts';
import { stepJacobians } from '../../src/analysis/jacobian.ts';
import { recurrencesOf } from '../../src/analysis/recurrences.ts';
import { pointsOfLayer } from '../../src/analysis/studies/fixed-points.ts';
import { StateRows, stateCourses } from '../../src/analysis/trajectories.ts';
import { recurParts } from '../../src/graph/recur.ts';
import { analysisArrays } from '../../src/report/arrays.ts';
import { analysisDocument } from '../../src/report/document.ts';
import { analysisText } from '../../src/report/plain.ts';
import { analysisTable } from '../../src/report/table.ts';
import type { FixedPoints } from '../../src/shared/analysis.ts';
import { assertClose } from '../graph/numeric.ts';
import { InterpreterEvaluator } from '../tracing/interpreter.ts';
import { type Shape, sourceOf, traceOf } from './models.ts';

const linear = `
cell plain(x: [I], size H) {
  state h: [H]
  param W: [H, I], U: [H, H], b: [H]

  h' = W @ x + U @ h + b
}
`;

/** With the input at zero. */
async function searched(layer: string, shape: Shape, cells = ''): Promise<FixedPoints> {
  const trace = await traceOf(layer, shape, cells);
  const [recurrence] = recurrencesOf(trace);
  const found = await pointsOfLayer(recurrence!, {
    traces: [trace],
    evaluator: () => new InterpreterEvaluator(),
    seed: 1,
    check: () => undefined,
  });
  return found.find(({ input }) => input === 'zero')!;
}

const setting =
  (values: Readonly<Record<string, readonly number[]>>) =>
  (name: string, data: Float32Array): void => {
    const given = values[name];
    if (given !== undefined) data.set(given);
  };

/** A solution of F(h) = h by Newton's method with differences, in double precision; undefined where it ends nowhere. */
function rootOf(map: (h: readonly number[]) => number[], start: readonly number[]): number[] | undefined {
  let h = [...start];
  const size = h.length;
  for (let iteration = 0; iteration < 100; iteration += 1) {
    const residual = map(h).map((each, k) => each - h[k]!);
    if (Math.hypot(...residual) < 1e-12) return h;
    const columns = h.map((_, k) => {
      const at = (by: number): number[] => map(h.map((each, unit) => (unit === k ? each + by : each)));
      const [up, down] = [at(1e-5), at(-1e-5)];
      return up.map((each, unit) => (each - down[unit]!) / 2e-5 - (unit === k ? 1 : 0));
    });
    // Gauss and Jordan.
    const rows = residual.map((each, line) => [...columns.map((column) => column[line]!), -each]);
    for (let k = 0; k < size; k += 1) {
      const pivot = rows.reduce((best, row, line) => (line >= k && Math.abs(row[k]!) > Math.abs(rows[best]![k]!) ? line : best), k);
      [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
      for (let line = 0; line < size; line += 1) {
        if (line === k) continue;
        const factor = rows[line]![k]! / rows[k]![k]!;
        rows[line] = rows[line]!.map((each, column) => each - factor * rows[k]![column]!);
      }
    }
    const move = rows.map((row, k) => row[size]! / row[k]!);
    const length = Math.hypot(...move);
    if (!Number.isFinite(length)) return undefined;
    h = h.map((each, k) => each + move[k]! * Math.min(1, 1 / length));
  }
  return undefined;
}

describe('a step with its input held', () => {
  for (const layer of ['rnn(x, 3)', 'lstm(x, 3)', 'gru(x, 3)', 'peephole_lstm(x, 2)'])
    it(`of ${layer} at the input of a timestep is the step there, and its Jacobian`, async () => {
      const steps = 4;
      const trace = await traceOf(layer, { steps });
      const [recurrence] = recurrencesOf(trace);
      const rows = new StateRows(await stateCourses([trace], recurrence!));
      const { body } = recurParts(recurrence!.recur.node);
      const [x] = await trace.read({ addresses: [{ instance: '', line: 'x' }], from: 2, to: 3 });
      const held = new Map([[body.scanned[0]!, x!]]);
      const step = await HeldStep.open(trace, recurrence!, held, 2, new InterpreterEvaluator());
      const before = rows.at(0, 1);
      const states = Float32Array.from([...before, ...before.map((each) => each + 0.5)]);
      assertClose((await step.after(states)).subarray(0, step.size), rows.at(0, 2), 1e-6, 'the state after');
      const jacobian = (await step.jacobians(states)).subarray(0, step.size ** 2);
      assertClose(jacobian, await stepJacobians(trace, recurrence!, 2, 3), 1e-6, 'its Jacobian');
      assert.notDeepEqual(jacobian, (await step.jacobians(states)).subarray(step.size ** 2), 'of each state its own');
    });
});

describe('fixed points', function () {
  this.timeout(60_000);

  it('of a linear network are the one that solves its equation, with its eigenvalues', async () => {
    const [a, b, c, d] = [0.5, 0.8, -0.8, 0.5];
    const { points, searches, elsewhere } = await searched(
      'plain(x, 2)',
      { steps: 40, weights: setting({ 'h.U': [a, b, c, d], 'h.b': [1, -2] }) },
      linear,
    );
    assert.deepEqual([points.length, elsewhere], [1, 0]);
    const [point] = points as [FixedPoints['points'][number]];
    // (I - U) h = b.
    const det = (1 - a) * (1 - d) - b * c;
    assertClose(point.state, [((1 - d) * 1 + b * -2) / det, (c * 1 + (1 - a) * -2) / det], 1e-5, 'the point');
    assert.ok(Math.abs(point.radius - Math.hypot(a, b)) < 1e-6, 'a pair of eigenvalues a ± bi');
    assert.deepEqual([point.kind, point.stability, point.found], ['fixed', 'stable', searches]);
  });

  it('of a linear network that grows in one direction and shrinks in another are a saddle', async () => {
    const { points } = await searched(
      'plain(x, 2)',
      { steps: 12, weights: setting({ 'h.U': [1.3, 0, 0.4, 0.6], 'h.b': [0.3, 0.1] }) },
      linear,
    );
    assert.deepEqual(
      points.map(({ kind, stability, unstable, radius }) => [kind, stability, unstable, Math.round(1e5 * radius) / 1e5]),
      [['fixed', 'saddle', 1, 1.3]],
    );
    assertClose(points[0]!.state, [-1, (0.1 - 0.4) / 0.4], 1e-4, 'the point');
  });

  it('of tanh(2 h) are two stable ones and an unstable one between them', async () => {
    const { points } = await searched('rnn(x, 1)', { steps: 60, inputs: 1, weights: setting({ 'h.U': [2], 'h.W': [2], 'h.b': [0] }) });
    const root = 0.957504024077;
    const sorted = [...points].sort((p, q) => p.state[0]! - q.state[0]!);
    assertClose(
      sorted.map(({ state }) => state[0]!),
      [-root, 0, root],
      1e-5,
      'roots of h = tanh(2 h)',
    );
    assertClose(
      sorted.map(({ radius }) => radius),
      [2 * (1 - root ** 2), 2, 2 * (1 - root ** 2)],
      1e-5,
      'slopes',
    );
    assert.deepEqual(
      sorted.map(({ stability, kind }) => `${kind} ${stability}`),
      ['fixed stable', 'fixed unstable', 'fixed stable'],
    );
  });

  it('have slow ones where two of them have just met and gone', async () => {
    // tanh(2 h + b) - h has lost its lower roots at b = atanh(h) - 2 h, h = -1 / √2.
    const edge = Math.atanh(-Math.SQRT1_2) + Math.SQRT2;
    const { points, tolerance } = await searched('rnn(x, 1)', {
      steps: 200,
      inputs: 1,
      weights: setting({ 'h.U': [2], 'h.W': [1.5], 'h.b': [edge + 0.003] }),
    });
    assert.deepEqual(
      points.map(({ kind }) => kind),
      ['fixed', 'slow'],
    );
    const slow = points[1]!;
    assert.ok(Math.abs(slow.state[0]! + Math.SQRT1_2) < 0.02 && Math.abs(slow.radius - 1) < 0.02, `${slow.state[0]}`);
    assert.ok(slow.speed > tolerance.fixed && slow.speed <= tolerance.slow);
  });

  it('of a small LSTM are those that a plain root finder has in double precision', async () => {
    const units = 2;
    const given: Record<string, number[]> = {};
    const layer = 'lstm(x, 2)';
    const { points } = await searched(layer, {
      steps: 120,
      seed: 3,
      weights: (name, data) => {
        const loud = name.includes('.U_') ? 3 : name === 'h.b_f' ? 1.5 : 1;
        data.forEach((each, k) => {
          data[k] = each * loud;
        });
        given[name] = [...data];
      },
    });
    const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
    const gate = (name: string, h: readonly number[], unit: number): number =>
      given[`h.b_${name}`]![unit]! + h.reduce((sum, each, k) => sum + given[`h.U_${name}`]![unit * units + k]! * each, 0);
    /** h, then c, as the recurrence has them. */
    const map = (state: readonly number[]): number[] => {
      const [h, c] = [state.slice(0, units), state.slice(units)];
      const after = c.map((each, k) => sigmoid(gate('f', h, k)) * each + sigmoid(gate('i', h, k)) * Math.tanh(gate('g', h, k)));
      return [...after.map((each, k) => sigmoid(gate('o', h, k)) * Math.tanh(each)), ...after];
    };
    const roots: number[][] = [];
    for (let k = 0; k < 400; k += 1) {
      const start = Array.from(
        { length: 2 * units },
        (_, unit) => Math.sin(12.9898 * (k + 1) + 78.233 * (unit + 1)) * (unit < units ? 1 : 4),
      );
      const root = rootOf(map, start);
      if (root !== undefined && !roots.some((other) => Math.hypot(...other.map((each, unit) => each - root[unit]!)) < 1e-4))
        roots.push(root);
    }
    const fixed = points.filter(({ kind }) => kind === 'fixed');
    assert.ok(roots.length >= 3, `${roots.length} roots: too few to tell`);
    assert.equal(fixed.length, roots.length);
    for (const { state } of fixed) {
      const far = Math.min(...roots.map((root) => Math.hypot(...root.map((each, unit) => each - state[unit]!))));
      assert.ok(far < 1e-3, `${state} is no root: ${far} from the nearest`);
    }
  });

  it('of a layer above another, which reads no input of the model, are searched at the mean of what it reads', async () => {
    const trace = await traceOf('gru(x, 3, layers: 2)', { steps: 30 });
    const [, above] = recurrencesOf(trace);
    const context = { traces: [trace], evaluator: () => new InterpreterEvaluator(), seed: 1, check: () => undefined };
    const found = await pointsOfLayer(above!, context);
    assert.deepEqual(
      found.map(({ layer, input }) => [layer, input]),
      [['h[1]', 'mean']],
    );
    assert.ok(found[0]!.points.length > 0);
    // The mean of the layer below, by hand: held at it, the point is left as it is.
    const [below] = await trace.read({ addresses: [{ instance: 'h[0]', line: "h'" }], from: 0, to: 30 });
    const mean = Float32Array.from({ length: 3 }, (_, unit) =>
      below!.reduce((sum, each, k) => (k % 3 === unit ? sum + each / 30 : sum), 0),
    );
    const { body } = recurParts(above!.recur.node);
    const step = await HeldStep.open(trace, above!, new Map([[body.scanned[0]!, mean]]), 1, new InterpreterEvaluator());
    const state = Float32Array.from(found[0]!.points[0]!.state);
    assertClose(await step.after(state), state, 1e-5, 'a fixed point');
  });

  it('stand in the report, over the trajectories, and in the table of numbers', async () => {
    const source = await sourceOf('rnn(x, 3)', {
      steps: 40,
      batch: 2,
      weights: (name, data) => name === 'h.U' && data.set([2, 0, 0, 0, 2, 0, 0, 0, 0.5]),
    });
    const analysis = await analyse(source.model, source.weights, {
      title: 'test',
      groups: [{ inputs: source.inputs, steps: 40, batch: 2, lengths: {} }],
      evaluator: () => new InterpreterEvaluator(),
      also: ['fixedPoints'],
    });
    const [found] = analysis.studies.fixedPoints!;
    // Two units of two stable values and an unstable one each, the third of one: 3 × 3 points.
    assert.deepEqual(
      found!.points.map(({ unstable }) => unstable),
      [0, 0, 0, 0, 1, 1, 1, 1, 2],
    );
    const page = analysisDocument(analysis);
    assert.match(page, /4 fixed, stable; 4 fixed, saddle with 1 unstable dimension; 1 fixed, saddle with 2 unstable dimensions/);
    assert.equal(page.match(/<title>\d: fixed, stable<\/title>/g)!.length % 4, 0);
    assert.match(analysisText(analysis), /with the input held at .*: 4 fixed, stable; /);
    const arrays = new Map(analysisArrays(analysis));
    assert.deepEqual(arrays.get(`h/fixed points/${found!.input}/state`)!.shape, [9, 3]);
    assert.deepEqual([...arrays.get(`h/fixed points/${found!.input}/unstable`)!.data], [0, 0, 0, 0, 1, 1, 1, 1, 2]);
    assert.deepEqual(arrays.get('h/trajectories/2/at')!.shape, [40, 3]);
    const rows = analysisTable(analysis).split('\n');
    assert.equal(rows.filter((row) => /^h,"?fixed point, input at (zero|mean)"?,stable: spectral radius,/.test(row)).length % 4, 0);
    assert.equal(rows.filter((row) => row.includes(',stable: unit 2,')).length % 4, 0);
  });

  it('can be given up', async () => {
    const trace = await traceOf('rnn(x, 3)', { steps: 20 });
    const [recurrence] = recurrencesOf(trace);
    let asked = 0;
    const check = (): void => {
      asked += 1;
      if (asked > 3) throw new Error('no longer');
    };
    await assert.rejects(
      pointsOfLayer(recurrence!, { traces: [trace], evaluator: () => new InterpreterEvaluator(), seed: 1, check }),
      /no longer/,
    );
  });
});
