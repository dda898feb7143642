// Images of another size: bilinear, and over as many pixels as fall together where an image becomes smaller, so that nothing of it is skipped.

export interface Plane {
  readonly width: number;
  readonly height: number;
  /** Row-major. */
  readonly data: Float32Array;
}

/** One channel in another size. */
export function resized(plane: Plane, height: number, width: number): Plane {
  return resizeRows(resizeColumns(plane, width), height);
}

function resizeColumns({ width: from, height, data }: Plane, width: number): Plane {
  if (width === from) return { width, height, data };
  const result = new Float32Array(height * width);
  weights(from, width).forEach(({ first, values }, column) => {
    for (let row = 0; row < height; row += 1) {
      let sum = 0;
      for (let k = 0; k < values.length; k += 1) sum += values[k]! * data[row * from + first + k]!;
      result[row * width + column] = sum;
    }
  });
  return { width, height, data: result };
}

function resizeRows({ width, height: from, data }: Plane, height: number): Plane {
  if (height === from) return { width, height, data };
  const result = new Float32Array(height * width);
  weights(from, height).forEach(({ first, values }, row) => {
    for (let k = 0; k < values.length; k += 1)
      for (let column = 0; column < width; column += 1) result[row * width + column]! += values[k]! * data[(first + k) * width + column]!;
  });
  return { width, height, data: result };
}

interface Weights {
  readonly first: number;
  readonly values: readonly number[];
}

/** Of the old places in each new one: a triangle about its middle, as wide as the steps between new places, or between old ones if they are wider. */
function weights(from: number, to: number): Weights[] {
  const scale = from / to;
  const reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, place) => {
    const middle = (place + 0.5) * scale;
    const first = Math.max(0, Math.floor(middle - reach));
    const last = Math.min(from, Math.ceil(middle + reach));
    const raw = Array.from({ length: last - first }, (_, k) => Math.max(0, 1 - Math.abs(first + k + 0.5 - middle) / reach));
    const sum = raw.reduce((total, each) => total + each, 0);
    return { first, values: raw.map((each) => each / sum) };
  });
}
