// The weights before training. Each is drawn by the seed and its own name, so that a new line changes no other weight.

import type { Initial, Weight } from '../graph/model.ts';
import { type Random, random } from '../shared/random.ts';
import type { TrainerState } from './trainer.ts';

/** Starting values of weights whose axes all have numbers as sizes, row-major in the order of the declaration. */
export function initialise(weights: readonly Weight[], seed: number): TrainerState {
  return new Map(
    weights.map(({ name, value, initial }) => {
      const shape = value.type.axes.map((axis) => {
        if (typeof axis.size !== 'number') throw new Error(`weight ${name} has the open size ${axis.size}`);
        return axis.size;
      });
      return [name, { shape, data: draw(initial, shape, random(seed, name)) }];
    }),
  );
}

/** Values of one weight. A matrix [H, I] has the fan-in I and the fan-out H; further axes are a kernel's, and count in both. */
export function draw(initial: Initial, shape: readonly number[], chance: Random): Float32Array {
  const size = shape.reduce((product, each) => product * each, 1);
  const kernel = shape.slice(2).reduce((product, each) => product * each, 1);
  const fanOut = (shape[0] ?? 1) * kernel;
  const fanIn = (shape[1] ?? shape[0] ?? 1) * kernel;
  const uniform = (bound: number): Float32Array => Float32Array.from({ length: size }, () => (2 * chance.uniform() - 1) * bound);
  const normal = (deviation: number): Float32Array => Float32Array.from({ length: size }, () => chance.normal() * deviation);
  switch (initial.kind) {
    case 'constant':
      return new Float32Array(size).fill(initial.value);
    case 'uniform':
      return uniform(initial.bound);
    case 'normal':
      return normal(initial.deviation);
    case 'glorot': // Glorot & Bengio 2010, eq. 16
      return uniform(Math.sqrt(6 / (fanIn + fanOut)));
    case 'he': // He et al. 2015, eq. 10
      return normal(Math.sqrt(2 / fanIn));
    case 'identity': {
      const columns = size / (shape[0] ?? 1);
      return Float32Array.from({ length: size }, (_, k) => (Math.floor(k / columns) === k % columns ? 1 : 0));
    }
    case 'orthogonal':
      return orthogonal(shape[0] ?? 1, size / (shape[0] ?? 1), chance);
    case 'chrono': // Tallec & Ollivier 2018, section 3
      return Float32Array.from({ length: size }, () => Math.log(1 + chance.uniform() * Math.max(0, initial.steps - 2)));
  }
}

/** A matrix with orthonormal rows (columns, where it has more rows), drawn evenly from all of them: the Q of the QR decomposition of a normal
 *  matrix with R's diagonal positive (Mezzadri 2007), here by modified Gram-Schmidt. */
function orthogonal(rows: number, columns: number, chance: Random): Float32Array {
  const many = Math.min(rows, columns);
  const long = Math.max(rows, columns);
  const vectors: Float64Array[] = [];
  for (let k = 0; k < many; k += 1) {
    const vector = Float64Array.from({ length: long }, () => chance.normal());
    for (const other of vectors) {
      const share = dot(vector, other);
      for (let j = 0; j < long; j += 1) vector[j]! -= share * other[j]!;
    }
    const norm = Math.sqrt(dot(vector, vector));
    for (let j = 0; j < long; j += 1) vector[j]! /= norm;
    vectors.push(vector);
  }
  const matrix = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1)
      matrix[row * columns + column] = rows <= columns ? vectors[row]![column]! : vectors[column]![row]!;
  return matrix;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k += 1) sum += a[k]! * b[k]!;
  return sum;
}
