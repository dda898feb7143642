// Examples in memory: for each input one array of numbers over all rows, and where each row begins. What lies between text and batches.

import type { InputShape, KeptData, PartName } from '../shared/dataset.ts';
import type { DataSource } from '../shared/settings.ts';
import type { Link } from '../shared/trace.ts';
import type { Dataset, Example, Part } from './dataset.ts';
import type { Ids } from './growing.ts';
import type { Places } from './split.ts';

/** The numbers of one input over all rows. */
export interface StoredInput {
  readonly shape: InputShape;
  /** A class that is nothing has the number `nothing`: what is kept narrowly knows no -1. */
  readonly data: Ids | Float32Array;
  readonly nothing?: number;
  /** Numbers of a step; of the row, where it has no length of its own. */
  readonly width: number;
  /** The first step of each row, and one more; absent where rows have no length of their own. */
  readonly offsets?: Float64Array;
}

/** The numbers of an input that are made when they are asked for: images. */
export interface MadeInput {
  readonly shape: InputShape;
  make(row: number): Float32Array;
}

/** The dimension of an input that the data binds, if its first is one. */
export const dimensionOf = ({ shape }: InputShape): string | undefined => (typeof shape[0] === 'string' ? shape[0] : undefined);

export interface StoredData extends Pick<KeptData, 'vocabularies' | 'sizes' | 'scales'> {
  readonly source: DataSource;
  readonly digest: string;
  readonly inputs: readonly (StoredInput | MadeInput)[];
  readonly places: Places;
  /** What a person should know. */
  readonly remarks: readonly string[];
  readonly missing?: Readonly<Record<string, number>>;
  /** What else is known of rows; see Part. */
  readonly references?: (row: number) => readonly string[];
  readonly alignment?: (row: number) => readonly Link[] | undefined;
}

/** Examples by their rows. */
export function datasetOf(stored: StoredData, ragged: readonly string[] = raggedOf(stored.inputs)): Dataset {
  const { source, digest, vocabularies, sizes, scales, inputs, places, remarks, missing = {}, references, alignment } = stored;
  const part = (name: PartName): Part => ({
    name,
    size: places[name].length,
    example: (index) => exampleAt(inputs, places[name][index]!),
    length: (index) => {
      const row = places[name][index]!;
      return Math.max(0, ...inputs.map((input) => stepsOf(input, row) ?? 0));
    },
    ...(references === undefined ? {} : { references: (index: number) => references(places[name][index]!) }),
    ...(alignment === undefined ? {} : { alignment: (index: number) => alignment(places[name][index]!) }),
  });
  return {
    source,
    digest,
    vocabularies,
    sizes,
    scales,
    ragged,
    remarks,
    missing,
    inputs: inputs.map(({ shape }) => shape),
    running: false,
    parts: { training: part('training'), validation: part('validation'), test: part('test') },
  };
}

/** The steps of a row; undefined where rows have no length of their own. */
export const stepsOf = (input: StoredInput | MadeInput, row: number): number | undefined =>
  'make' in input || input.offsets === undefined ? undefined : input.offsets[row + 1]! - input.offsets[row]!;

/** The dimensions in which rows differ in length. */
export function raggedOf(inputs: readonly (StoredInput | MadeInput)[]): string[] {
  const found = new Set<string>();
  for (const input of inputs) {
    if ('make' in input) continue;
    const { shape, offsets } = input;
    const dimension = dimensionOf(shape);
    if (dimension === undefined || offsets === undefined) continue;
    for (let row = 2; row < offsets.length; row += 1)
      if (offsets[row]! - offsets[row - 1]! !== offsets[1]! - offsets[0]!) {
        found.add(dimension);
        break;
      }
  }
  return [...found];
}

function exampleAt(stored: readonly (StoredInput | MadeInput)[], row: number): Example {
  const inputs: Record<string, Int32Array | Float32Array> = {};
  const lengths: Record<string, number> = {};
  for (const input of stored) {
    if ('make' in input) {
      madeWhenAsked(inputs, input.shape.name, () => input.make(row));
      continue;
    }
    const { shape, data, nothing, width, offsets } = input;
    const [from, to] = offsets === undefined ? [row, row + 1] : [offsets[row]!, offsets[row + 1]!];
    const cut = data.subarray(from * width, to * width);
    const values = shape.classes === undefined ? (cut as Float32Array) : Int32Array.from(cut, (id) => (id === nothing ? -1 : id));
    inputs[shape.name] = values;
    const dimension = dimensionOf(shape);
    if (dimension !== undefined && offsets !== undefined) lengths[dimension] = to - from;
    const [steps] = shape.shape;
    const step = offsets === undefined && typeof steps === 'number' ? width / steps : width;
    if (shape.predicted) inputs[`next(${shape.name})`] = ahead(values, step, shape.classes !== undefined);
  }
  return { inputs, lengths };
}

/** An input that is made when someone looks at it: who counts captions decodes no images. */
export function madeWhenAsked(inputs: Record<string, Int32Array | Float32Array>, name: string, make: () => Float32Array): void {
  let made: Float32Array | undefined;
  const get = (): Float32Array => {
    made ??= make();
    return made;
  };
  Object.defineProperty(inputs, name, { get, enumerable: true });
}

/** One step ahead; behind the last step is nothing: no class, no number. */
export function ahead(values: Int32Array | Float32Array, width: number, isClasses: boolean): Int32Array | Float32Array {
  const next = new (values.constructor as Float32ArrayConstructor)(values.length);
  next.set(values.subarray(width));
  next.fill(isClasses ? -1 : Number.NaN, Math.max(0, values.length - width));
  return next;
}

/** Each row with a step more before it and behind it. */
export function surrounded(stored: StoredInput, value: number): StoredInput {
  const { data, width, offsets } = stored;
  if (offsets === undefined) return stored;
  const wider = offsets.map((offset, row) => offset + 2 * row);
  const whole = new Float32Array(wider.at(-1)! * width).fill(value);
  for (let row = 0; row + 1 < offsets.length; row += 1)
    whole.set(data.subarray(offsets[row]! * width, offsets[row + 1]! * width), (wider[row]! + 1) * width);
  return { ...stored, data: whole, offsets: wider };
}
