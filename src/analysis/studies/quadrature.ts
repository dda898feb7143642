// Gauss and Legendre's points: n of them integrate polynomials of degree 2n − 1 exactly.

/** Points and weights on [0, 1], by Newton's method on the Legendre polynomial's roots (Press et al., Numerical Recipes, section 4.6). */
export function gaussLegendre(count: number): { readonly points: readonly number[]; readonly weights: readonly number[] } {
  const points: number[] = [];
  const weights: number[] = [];
  for (let k = 0; k < count; k += 1) {
    let x = Math.cos((Math.PI * (k + 0.75)) / (count + 0.5));
    let slope = 1;
    for (let round = 0; round < 100; round += 1) {
      let [before, value] = [1, x];
      for (let degree = 2; degree <= count; degree += 1)
        [before, value] = [value, ((2 * degree - 1) * x * value - (degree - 1) * before) / degree];
      slope = (count * (x * value - before)) / (x * x - 1);
      const move = value / slope;
      x -= move;
      if (Math.abs(move) < 1e-15) break;
    }
    points.push((1 + x) / 2);
    weights.push(1 / ((1 - x * x) * slope * slope));
  }
  return { points, weights };
}
