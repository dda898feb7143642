// What the steps and the sequences of a part are in terms of the model's inputs: `steps: axis 2 of x (bands); sequences: axis 1 of x (frames)`.

import type { PortInfo } from '../../onnx/operators.ts';
import type { GraphProto } from '../../onnx/proto.ts';
import type { AxisInfo, PartAxesInfo } from '../../shared/foreign.ts';
import { dimensionKey, isBatch } from '../inputs/ports.ts';
import type { RecurrentPart } from '../part.ts';
import type { Axes, Factor, InputAxis } from './axis.ts';
import { followAxes } from './follow.ts';

export interface PartAxes {
  /** Factors of more than one place; none where it has but one step. Of no input where nothing tells. */
  readonly steps: readonly Factor[];
  /** The slowest first: sequences are numbered row by row. */
  readonly sequences: readonly Factor[];
  /** What attention looks at. */
  readonly places?: readonly Factor[];
}

/** Sizes that tell open dimensions apart where there is no run: primes that no layer has. */
const PRIMES = [1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049, 1051, 1061, 1063, 1069];

/** The sizes of the inputs as the file has them, open ones made up. */
export function madeUpSizes(ports: readonly PortInfo[]): Map<string, readonly number[]> {
  const sizes = new Map<string, number>();
  return new Map(
    ports.flatMap((port) => {
      if (port.shape === undefined) return [];
      const dims = port.shape.map((dim, axis) => {
        const key = dimensionKey(port, axis);
        if (key === undefined) return dim as number;
        const size = sizes.get(key) ?? PRIMES[sizes.size % PRIMES.length]!;
        sizes.set(key, size);
        return size;
      });
      return [[port.name, dims] as const];
    }),
  );
}

/** The axes of a model's parts, in a run or without one. */
export class AxisNames {
  readonly #ports: ReadonlyMap<string, PortInfo>;
  readonly #axes: ReadonlyMap<string, Axes>;
  readonly #parts: readonly RecurrentPart[];
  #guessed: ReadonlyMap<string, string> | undefined;

  /** `sizes`: of the model's inputs. */
  constructor(
    graph: GraphProto,
    ports: readonly PortInfo[],
    parts: readonly RecurrentPart[],
    sizes: ReadonlyMap<string, readonly number[]>,
  ) {
    this.#ports = new Map(ports.map((port) => [port.name, port]));
    this.#parts = parts;
    this.#axes = followAxes(graph, sizes);
  }

  /** undefined where the way from the inputs is not known. */
  of({ layout, scope }: RecurrentPart): PartAxes | undefined {
    const axes = layout === undefined || scope.owner !== undefined ? undefined : this.#axes.get(layout.value);
    if (layout === undefined || axes === undefined) return undefined;
    const [steps, sequences, places] = [axes.at(layout.steps), axes.at(layout.sequences), axes.at(layout.places ?? axes.length)];
    if (steps === undefined || sequences === undefined) return undefined;
    const real = (factors: readonly Factor[]): readonly Factor[] => factors.filter(({ size }) => size > 1);
    return {
      steps: real(steps),
      // One sequence alone has no axis; heads in the batch are no sequences.
      sequences:
        sequences === steps || sequences === places ? [] : real(sequences).filter(({ of }) => places === undefined || of !== undefined),
      ...(places === undefined ? {} : { places: real(places) }),
    };
  }

  /** The word for an axis: the file's, or a guess where it can be made; undefined where there is none. */
  wordOf(axis: InputAxis): string | undefined {
    const port = this.#ports.get(axis.input);
    const key = port === undefined ? undefined : dimensionKey(port, axis.axis);
    if (key !== undefined && /^[A-Za-z][A-Za-z_ ]*$/.test(key)) return key;
    this.#guessed ??= this.#guesses();
    return this.#guessed.get(keyOf(axis));
  }

  infoOf(factor: Factor): AxisInfo {
    const { of } = factor;
    const name = of === undefined ? undefined : this.wordOf(of);
    return { ...(of === undefined ? {} : of), ...(name === undefined ? {} : { name }) };
  }

  info(part: RecurrentPart): PartAxesInfo | undefined {
    const axes = this.of(part);
    if (axes === undefined || [...axes.steps, ...axes.sequences].every(({ of }) => of === undefined)) return undefined;
    const infos = (factors: readonly Factor[]): AxisInfo[] => factors.map((each) => this.infoOf(each));
    return {
      steps: infos(axes.steps),
      sequences: infos(axes.sequences),
      ...(axes.places === undefined ? {} : { places: infos(axes.places) }),
    };
  }

  /** Whether a person means this axis: by its word, `axis 2`, or `axis 2 of x`. */
  isMeant({ of }: Factor, said: string): boolean {
    if (of === undefined) return false;
    const text = said.trim().toLowerCase();
    return [this.wordOf(of)?.toLowerCase(), `axis ${of.axis}`, `axis ${of.axis} of ${of.input.toLowerCase()}`].includes(text);
  }

  /** `frames 17`, of a sequence by its number; undefined where one axis says no more than the number. */
  sequenceText(part: RecurrentPart, item: number): string | undefined {
    const factors = this.of(part)?.sequences ?? [];
    if (factors.length < 2) return undefined;
    return placesOf(factors, item)
      .map((place, k) => `${axisText(this.infoOf(factors[k]!))} ${place}`)
      .join(', ');
  }

  /** A recurrence inside each place of another axis: an axis of fixed size is one of bands, an open one of frames. */
  #guesses(): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const part of this.#parts) {
      const axes = this.of(part);
      const [step] = axes?.steps ?? [];
      const outer = axes?.sequences.filter(({ of }) => of !== undefined && of.input === step?.of?.input && !this.#isBatch(of)) ?? [];
      const [other] = outer;
      if (axes?.steps.length !== 1 || step?.of === undefined || outer.length !== 1 || other?.of === undefined) continue;
      const [isFixed, isOtherFixed] = [this.#isFixed(step.of), this.#isFixed(other.of)];
      if (isFixed === isOtherFixed || !/float/.test(this.#ports.get(step.of.input)?.type ?? '')) continue;
      found.set(keyOf(isFixed ? step.of : other.of), 'bands');
      found.set(keyOf(isFixed ? other.of : step.of), 'frames');
    }
    return found;
  }

  #isBatch({ input, axis }: InputAxis): boolean {
    const port = this.#ports.get(input);
    const key = port === undefined ? undefined : dimensionKey(port, axis);
    return axis === 0 || (key !== undefined && isBatch(key));
  }

  #isFixed({ input, axis }: InputAxis): boolean {
    const port = this.#ports.get(input);
    return port !== undefined && dimensionKey(port, axis) === undefined;
  }
}

const keyOf = ({ input, axis }: InputAxis): string => `${axis} ${input}`;

/** `frames`, `axis 1 of x`. */
export const axisText = ({ name, axis, input }: AxisInfo): string =>
  name ?? (axis === undefined ? 'made in the model' : `axis ${axis} of ${input}`);

/** A number as places along axes, row by row. */
export function placesOf(factors: readonly Factor[], item: number): number[] {
  let rest = item;
  return factors
    .map(({ size }) => size)
    .toReversed()
    .map((size) => {
      const place = rest % size;
      rest = Math.floor(rest / size);
      return place;
    })
    .toReversed();
}

/** The number at places along axes. */
export const itemAt = (factors: readonly Factor[], places: readonly number[]): number =>
  factors.reduce((item, { size }, k) => item * size + places[k]!, 0);
