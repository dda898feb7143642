import assert from 'node:assert/strict';
import { stepJacobians } from '../../src/analysis/jacobian.ts';
import { recurrencesOf } from '../../src/analysis/recurrences.ts';
import { routesBack } from '../../src/analysis/routes.ts';
import { interpret, type NamedArray } from '../../src/graph/interpret.ts';
import { random } from '../../src/shared/random.ts';
import type { SeededTrace } from '../../src/tracing/trace.ts';
import { assertClose } from '../graph/numeric.ts';
import { traceOf } from './models.ts';

const layers = ['rnn(x, 4)', 'lstm(x, 4)', 'peephole_lstm(x, 3)', 'gru(x, 4)', 'gru_2014(x, 4)', 'normed_lstm(x, 3)', 'mine(x, 4)'];
const cells = `
cell mine(x: [I], size H) {
  state h, m: [H]
  param W: [H, I], U: [H, H], b: [H]

  f  = sigmoid(W @ x + U @ (h + m) + b)
  m' = f * m + tanh(h) * 0.5
  h' = (1 - f) * h + tanh(U @ m')
}
`;

/** The step's Jacobian at one timestep by central differences in double precision: [rows after, columns before]. */
async function byDifferences(trace: SeededTrace, t: number): Promise<Float64Array> {
  const [recurrence] = recurrencesOf(trace);
  const { states, size } = recurrence!;
  const step = trace.cut.recomputed(states.map(({ after }) => after));
  const window = { from: t, to: t + 1 };
  const feeds = new Map<(typeof step.parameters)[number], NamedArray>();
  for (const parameter of step.parameters) {
    const axes = parameter.type.axes.map(({ name, size: length }) => ({
      name,
      size: name === 'T' ? 1 : typeof length === 'number' ? length : trace.sizes[length]!,
    }));
    feeds.set(parameter, { axes, data: Float64Array.from(await trace.stored(parameter, window)) });
  }
  const after = (): number[] => interpret(step, feeds, { ...trace.sizes, T: 1 }).flatMap(({ data }) => [...data]);
  const result = new Float64Array(size * size);
  let column = 0;
  const h = 1e-4;
  for (const { before, size: units } of states)
    for (let unit = 0; unit < units; unit += 1) {
      const { data } = feeds.get(before)!;
      const start = data[unit]!;
      const at = (by: number): number[] => {
        data[unit] = start + by;
        return after();
      };
      const [up, down, up2, down2] = [at(h), at(-h), at(2 * h), at(-2 * h)];
      data[unit] = start;
      for (let row = 0; row < size; row += 1)
        result[row * size + column] = (8 * (up[row]! - down[row]!) - (up2[row]! - down2[row]!)) / (12 * h);
      column += 1;
    }
  return result;
}

describe('the Jacobian of a step', () => {
  for (const layer of layers)
    it(`of ${layer} is that of central differences`, async () => {
      const trace = await traceOf(layer, { steps: 5 }, cells);
      const [recurrence] = recurrencesOf(trace);
      for (const t of [0, 3])
        assertClose(await stepJacobians(trace, recurrence!, t, t + 1), await byDifferences(trace, t), 2e-6, `${layer} at ${t}`);
    });

  it('is that of each sequence and timestep', async () => {
    const several = await traceOf('gru(x, 3)', { steps: 4, batch: 2 });
    const all = await stepJacobians(several, recurrencesOf(several)[0]!, 0, 4);
    const part = await stepJacobians(several, recurrencesOf(several)[0]!, 2, 3);
    assert.equal(all.length, 4 * 2 * 9);
    assertClose(part, all.subarray(2 * 18, 3 * 18), 1e-7, 'a window');
  });
});

describe('the ways back through a step', () => {
  for (const layer of layers)
    it(`of ${layer} add up to its Jacobian`, async () => {
      const trace = await traceOf(layer, { steps: 4, batch: 2 }, cells);
      const [recurrence] = recurrencesOf(trace);
      const { states, size } = recurrence!;
      const chance = random(5);
      const cotangents = states.map((state) => Float32Array.from({ length: 4 * 2 * state.size }, () => chance.normal()));
      const found = await routesBack(trace, recurrence!, { from: 0, to: 4 }, cotangents);
      const jacobians = await stepJacobians(trace, recurrence!, 0, 4);
      for (let row = 0; row < 8; row += 1) {
        const above = states.flatMap((state, k) => [...cotangents[k]!.subarray(row * state.size, (row + 1) * state.size)]);
        const expected = Array.from({ length: size }, (_, column) =>
          above.reduce((sum, each, k) => sum + each * jacobians[(row * size + k) * size + column]!, 0),
        );
        const sums = states.flatMap((state, k) =>
          Array.from({ length: state.size }, (_, unit) => found.reduce((sum, { before }) => sum + before[k]![row * state.size + unit]!, 0)),
        );
        assertClose(sums, expected, 5e-6, `${layer}, row ${row}`);
      }
    });

  it('have the names of their weights, and the lines that they stand in', async () => {
    const trace = await traceOf('lstm(x, 4)', { steps: 2 });
    const [recurrence] = recurrencesOf(trace);
    const found = await routesBack(trace, recurrence!, { from: 0, to: 2 }, [new Float32Array(8), new Float32Array(8)]);
    assert.deepEqual(
      found.map(({ route }) => [route.kind, route.weight, route.origin?.line]),
      [
        ['direct', undefined, undefined],
        ['product', 'h.U_f', 'f'],
        ['product', 'h.U_i', 'i'],
        ['product', 'h.U_g', 'g'],
        ['product', 'h.U_o', 'o'],
      ],
    );
  });
});
