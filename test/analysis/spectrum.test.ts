import assert from 'node:assert/strict';
import { stepJacobians } from '../../src/analysis/jacobian.ts';
import { recurrencesOf } from '../../src/analysis/recurrences.ts';
import { lyapunovExponents, productSpectra, singularValues, spectralRadius, times } from '../../src/analysis/spectrum.ts';
import { assertClose } from '../graph/numeric.ts';
import { traceOf } from './models.ts';

const linear = `
cell plain(x: [I], size H) {
  state h: [H]
  param W: [H, I], U: [H, H]

  h' = W @ x + U @ h
}
`;

/** [[a, b], [0, d]]: its singular values by the closed form, and its eigenvalues on the diagonal. */
const [a, b, d] = [0.9, 0.6, -0.5];
const triangle = Float32Array.of(a, b, 0, d);
function closedForm(matrix: readonly number[]): [number, number] {
  const [p, q, r, s] = matrix as [number, number, number, number];
  const sum = p * p + q * q + r * r + s * s;
  const root = Math.sqrt(Math.max(0, sum ** 2 - 4 * (p * s - q * r) ** 2));
  return [Math.sqrt((sum + root) / 2), Math.sqrt((sum - root) / 2)];
}

describe('a product of matrices', () => {
  it('is the sum of products, for any size', () => {
    for (const [size, columns] of [
      [1, 1],
      [3, 2],
      [4, 4],
      [9, 5],
    ] as const) {
      const left = Float64Array.from({ length: size * size }, (_, k) => Math.sin(k + 1));
      const right = Float64Array.from({ length: size * columns }, (_, k) => Math.cos(3 * k));
      const expected = Float64Array.from({ length: size * columns }, (_, at) => {
        const [row, column] = [Math.floor(at / columns), at % columns];
        return Array.from({ length: size }, (__, k) => left[row * size + k]! * right[k * columns + column]!).reduce(
          (sum, each) => sum + each,
          0,
        );
      });
      assertClose(times(left, right, size, columns), expected, 1e-12, `${size} by ${columns}`);
    }
  });
});

describe('spectra', () => {
  it('of a linear network are those of its matrix', async () => {
    const trace = await traceOf('plain(x, 2)', { steps: 20, weights: (name, data) => name === 'h.U' && data.set(triangle) }, linear);
    const [recurrence] = recurrencesOf(trace);
    const all = await stepJacobians(trace, recurrence!, 0, 20);
    const steps = Array.from({ length: 20 }, (_, t) => all.subarray(4 * t, 4 * t + 4));
    assertClose(singularValues(steps[7]!, 2), closedForm([a, b, 0, d]), 1e-6, 'singular values');
    assert.ok(Math.abs(spectralRadius(steps[7]!, 2) - 0.9) < 1e-6);
    const [power] = productSpectra(steps, 2, [3]);
    // The third power of a triangle by hand.
    const cube = [a ** 3, b * (a * a + a * d + d * d), 0, d ** 3];
    const [largest, smallest] = closedForm(cube);
    assert.ok(Math.abs(power!.largest - Math.log10(largest)) < 1e-6 && Math.abs(power!.smallest! - Math.log10(smallest)) < 1e-6);
    // Of a constant Jacobian the exponents are the logarithms of the eigenvalues' moduli.
    assertClose(lyapunovExponents(Array(2000).fill(triangle), 2, 2, 200), [Math.log(0.9), Math.log(0.5)], 1e-6, 'exponents');
  });

  it('of a scalar cell are its derivative', async () => {
    const u = 1.3;
    const trace = await traceOf('rnn(x, 1)', {
      steps: 6,
      inputs: 1,
      weights: (name, data) => name === 'h.U' && data.set([u]),
    });
    const [recurrence] = recurrencesOf(trace);
    const found = await stepJacobians(trace, recurrence!, 0, 6);
    const [h] = await trace.read({ addresses: [{ instance: 'h', line: "h'" }], from: 0, to: 6 });
    const expected = Float64Array.from(h!, (each) => u * (1 - each ** 2));
    assertClose(found, expected, 1e-6, 'U (1 - h²)');
    const [product] = productSpectra(
      Array.from(found, (each) => [each]),
      1,
      [6],
    );
    assert.ok(Math.abs(product!.largest - expected.reduce((sum, each) => sum + Math.log10(Math.abs(each)), 0)) < 1e-5);
  });

  it("of Hénon's map are the known exponents", () => {
    // a = 1.4, b = 0.3: 0.419 and -1.623 nats (Sprott 2003); their sum is ln b, exactly.
    const jacobians: number[][] = [];
    let [x, y] = [0.1, 0.1];
    for (let k = 0; k < 100_000; k += 1) {
      jacobians.push([-2.8 * x, 1, 0.3, 0]);
      [x, y] = [1 - 1.4 * x * x + y, 0.3 * x];
    }
    const [first, second] = lyapunovExponents(jacobians, 2, 2, 1000);
    assert.ok(Math.abs(first! - 0.419) < 0.005, `${first}`);
    assert.ok(Math.abs(second! + 1.623) < 0.005, `${second}`);
    assert.ok(Math.abs(first! + second! - Math.log(0.3)) < 1e-9);
  }).timeout(20_000);

  it('of long products are told though the numbers have no room for them', () => {
    const [product] = productSpectra(Array(2000).fill([0.1, 0, 0, 0.1]), 2, [2000]);
    assert.ok(Math.abs(product!.largest + 2000) < 1e-6, `${product!.largest}`);
  });
});
