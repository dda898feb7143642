// The shape of data, fitted to that of an input: axes of 1 are added or taken away, free dimensions take the size of the data, everything else is a fault.

import { InputError, shapeText } from './errors.ts';
import { dimensionKey, isBatch, type Port, type Sizes } from './ports.ts';

export interface Fitted {
  readonly dims: readonly number[];
  /** The axis of the input that each axis of the data became; -1 where one of 1 was taken away. */
  readonly axes: readonly number[];
}

/** The dims that data of a shape have as an input; undefined where they do not fit. Of several ways the one that changes least is taken, and
 *  an axis is added where the batch is before anywhere else. */
export function fitted(port: Port, dims: readonly number[], sizes: Sizes): Fitted | undefined {
  const { shape } = port;
  if (shape === undefined) return { dims, axes: dims.map((_, axis) => axis) };
  const wanted = shape.map((dim, axis) => {
    const key = dimensionKey(port, axis);
    return key === undefined ? (dim as number) : sizes.said(key);
  });
  const added = wanted.map((size, axis) => {
    if (size === 1) return 1;
    if (size !== undefined) return Number.POSITIVE_INFINITY;
    if (isBatch(String(shape[axis]))) return 1;
    return axis === 0 ? 2 : 5;
  });
  /** The cheapest ways from axis `from` of the data and `to` of the input on. */
  const ways = new Map<string, Way>();
  const way = (from: number, to: number): Way => {
    const key = `${from} ${to}`;
    let best = ways.get(key);
    if (best !== undefined) return best;
    best = from === dims.length && to === shape.length ? { cost: 0, axes: [] } : { cost: Number.POSITIVE_INFINITY, axes: [] };
    const consider = (cost: number, axes: readonly number[], rest: Way): void => {
      if (cost + rest.cost < best!.cost) best = { cost: cost + rest.cost, axes: [...axes, ...rest.axes] };
    };
    if (from < dims.length && to < shape.length && (wanted[to] === undefined || wanted[to] === dims[from]))
      consider(0, [to], way(from + 1, to + 1));
    if (to < shape.length && added[to]! < Number.POSITIVE_INFINITY) consider(added[to]!, [], way(from, to + 1));
    if (from < dims.length && dims[from] === 1) consider(from === 0 ? 3 : 4, [-1], way(from + 1, to));
    ways.set(key, best);
    return best;
  };
  const { cost, axes } = way(0, 0);
  if (cost === Number.POSITIVE_INFINITY) return undefined;
  return { axes, dims: shape.map((_, axis) => (axes.includes(axis) ? dims[axes.indexOf(axis)]! : 1)) };
}

interface Way {
  readonly cost: number;
  readonly axes: readonly number[];
}

/** Keeps the sizes that free dimensions have by data, for the inputs that are generated. */
export function noteSizes(port: Port, dims: readonly number[], sizes: Sizes): void {
  dims.forEach((size, axis) => {
    const key = dimensionKey(port, axis);
    if (key !== undefined) sizes.found(key, size, port.name);
  });
}

/** The input's shape with the sizes that were said. */
export const wantedShape = (port: Port, sizes: Sizes): (number | string)[] =>
  (port.shape ?? []).map((dim, axis) => {
    const key = dimensionKey(port, axis);
    return key === undefined ? dim : (sizes.said(key) ?? key);
  });

/** Says both shapes, and what would fit. `what`: the data. */
export function misfit(port: Port, what: string, dims: readonly number[], sizes: Sizes, hint = ''): InputError {
  const wanted = wantedShape(port, sizes);
  return new InputError(
    `${port.name} is ${shapeText(wanted)}, and ${what} is ${shapeText(dims)}. ${hint === '' ? repair(port, dims, sizes, wanted) : hint}`,
  );
}

function repair(port: Port, dims: readonly number[], sizes: Sizes, wanted: readonly (number | string)[]): string {
  const order =
    dims.length <= 4
      ? permutations(dims.length).find(
          (axes) =>
            fitted(
              port,
              axes.map((axis) => dims[axis]!),
              sizes,
            ) !== undefined,
        )
      : undefined;
  if (order !== undefined) return `Change the order of its axes, as with array.transpose(${order.join(', ')}).`;
  if (dims.length > 1 && fitted(port, dims.slice(1), sizes) !== undefined)
    return `A model that is called once for each step takes it a part a call: choose to feed it as a stream.`;
  if (dims.length !== wanted.length) {
    const fixed = wanted.filter((dim) => typeof dim === 'number' && dim !== 1);
    return `It has ${dims.length} axes, and ${wanted.length} are wanted${fixed.length === 0 ? '' : `, with ${fixed.join(' and ')} among their sizes`}.`;
  }
  const odd = wanted.flatMap((dim, axis) =>
    typeof dim === 'number' && dim !== dims[axis] ? [`axis ${axis} has ${dims[axis]} instead of ${dim}`] : [],
  );
  return `${odd.join(', ').replace(/^a/, 'A')}: choose data of that size${wanted.some((dim, axis) => dim !== port.shape?.[axis] && dim !== dimensionKey(port, axis)) ? ', or change the sizes that were given' : ''}.`;
}

function permutations(count: number): number[][] {
  if (count === 0) return [[]];
  return permutations(count - 1).flatMap((rest) => Array.from({ length: count }, (_, at) => rest.toSpliced(at, 0, count - 1)));
}
