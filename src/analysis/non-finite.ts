// Where the first number came about that is no finite one, in the order in which a step computes them: run after run, timestep after timestep, line
// after line; of gradients the other way round.

import type { Value } from '../graph/graph.ts';
import type { Instance, Line, Model } from '../graph/model.ts';
import type { SourceRange } from '../shared/source.ts';
import { addressText } from '../shared/trace.ts';
import type { NonFinite } from '../shared/training.ts';
import { product, sizesOf } from '../tracing/arrays.ts';
import type { SeededTrace } from '../tracing/trace.ts';

/** A trace of the step's batch along each of its sequences: lines that have the axis are read from it, all others from the last one. */
export interface AlongAxis {
  readonly axis: string;
  readonly trace: SeededTrace;
  /** Real timesteps of each row; all of them where it is absent. */
  readonly lengths?: ArrayLike<number>;
}

export interface Looked {
  /** Inputs in which numbers may be missing, as targets are: what depends on those that have some is not looked at. */
  readonly targets: ReadonlySet<string>;
  readonly inputs: Readonly<Record<string, ArrayLike<number>>>;
  /** Weights that were not finite before the step, by their names. */
  readonly broken: ReadonlySet<string>;
}

/** Floats that are read at once. */
const WINDOW = 2 ** 24;

/** Undefined where all values are finite. */
export async function firstValue(traces: readonly AlongAxis[], looked: Looked): Promise<NonFinite | undefined> {
  const { model } = traces.at(-1)!.trace;
  const given = firstInput(traces, model, looked);
  if (given !== undefined) return given;
  const skipped = dependents(
    model,
    model.inputs.filter(({ name }) => looked.targets.has(name) && firstOf(looked.inputs[name]!) >= 0).map(({ value }) => value),
  );
  const wanted = ({ line: { value } }: Placed): boolean => value.type.dtype === 'float' && !skipped.has(value);
  for (const block of blocksOf(model)) {
    const found = await firstOfBlock(traces, { ...block, lines: block.lines.filter(wanted) }, looked, false);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Of the loss, going back. Where all gradients are finite, the largest. */
export async function firstGradient(traces: readonly AlongAxis[], looked: Looked): Promise<NonFinite | undefined> {
  const { model } = traces.at(-1)!.trace;
  let largest: NonFinite | undefined;
  for (const block of blocksOf(model).reverse()) {
    const lines = block.lines.filter(({ line }) => line.value.type.dtype === 'float').reverse();
    const found = await firstOfBlock(traces, { reverse: !block.reverse, lines }, looked, true);
    if (found?.of === 'gradient') return found;
    if (found !== undefined && Math.abs(found.value) > Math.abs(largest?.value ?? 0)) largest = found;
  }
  return largest;
}

interface Placed {
  readonly instance: Instance;
  readonly line: Line;
}

/** Lines that are computed together, timestep by timestep. */
interface Block {
  readonly reverse: boolean;
  readonly lines: readonly Placed[];
}

/** All lines in the order of computation: what a line calls comes before it, and a cell that runs over the sequence is through before others begin. */
function blocksOf({ instances }: Model): Block[] {
  const blocks: { reverse: boolean; lines: Placed[] }[] = [];
  const left = new Set(instances);
  const visit = (instance: Instance, around: Placed[] | undefined): void => {
    left.delete(instance);
    let block = around;
    if (block === undefined && instance.axis !== undefined) {
      block = [];
      blocks.push({ reverse: instance.reverse, lines: block });
    }
    for (const line of instance.lines) {
      for (const child of left)
        if (child.parent === instance.path && child.call !== undefined && within(child.call, line.range)) visit(child, block);
      // The value of a call is that of the last line there.
      if (line.calls !== undefined) continue;
      if (block === undefined) blocks.push({ reverse: false, lines: [{ instance, line }] });
      else block.push({ instance, line });
    }
  };
  for (const instance of instances) if (left.has(instance)) visit(instance, undefined);
  return blocks;
}

const within = (inner: SourceRange, outer: SourceRange): boolean =>
  inner.uri === outer.uri && !before(inner.start, outer.start) && !before(outer.end, inner.end);
const before = (a: SourceRange['start'], b: SourceRange['start']): boolean => a.line < b.line || (a.line === b.line && a.column < b.column);

async function firstOfBlock(
  traces: readonly AlongAxis[],
  { reverse, lines }: Block,
  looked: Looked,
  gradient: boolean,
): Promise<NonFinite | undefined> {
  const timed = lines.filter(({ line }) => axisOf(traces, line.value) !== undefined);
  let largest: NonFinite | undefined;
  for (const along of traces) {
    const own = timed.filter(({ line }) => axisOf(traces, line.value) === along);
    const single = along === traces.at(-1) ? lines.filter((each) => !timed.includes(each)) : [];
    const { steps } = along.trace.description;
    const width = own.reduce((sum, { line }) => sum + widthOf(along, line.value), 0);
    const length = Math.max(3, Math.min(steps, Math.floor(WINDOW / Math.max(1, width))));
    for (let done = 0; own.length > 0 && done < steps; done += length) {
      const count = Math.min(length, steps - done);
      const from = reverse ? steps - done - count : done;
      const found = scan(await read(along, own, from, from + count, gradient), own, { along, from, count, reverse, gradient }, looked);
      if (found?.of === 'largest gradient') largest = larger(largest, found);
      else if (found !== undefined) return found;
    }
    if (single.length > 0) {
      const found = scan(await read(along, single, 0, 1, gradient), single, { along, count: 1, reverse, gradient }, looked);
      if (found?.of === 'largest gradient') largest = larger(largest, found);
      else if (found !== undefined) return found;
    }
  }
  return largest;
}

const larger = (a: NonFinite | undefined, b: NonFinite): NonFinite => (a === undefined || Math.abs(b.value) > Math.abs(a.value) ? b : a);

const axisOf = (traces: readonly AlongAxis[], { type }: Value): AlongAxis | undefined =>
  traces.find(({ axis }) => type.axes.some(({ name }) => name === axis));

const widthOf = ({ axis, trace }: AlongAxis, { type }: Value): number => product(sizesOf(type.axes, { ...trace.sizes, [axis]: 1 }));

const read = ({ trace }: AlongAxis, lines: readonly Placed[], from: number, to: number, gradient: boolean) =>
  trace.read({ addresses: lines.map(({ instance, line }) => ({ instance: instance.path, line: line.name })), from, to, gradient });

interface Window {
  readonly along: AlongAxis;
  /** Absent where the lines have one value for the whole sequence. */
  readonly from?: number;
  readonly count: number;
  readonly reverse: boolean;
  readonly gradient: boolean;
}

function scan(
  data: readonly Float32Array[],
  lines: readonly Placed[],
  { along, from, count, reverse, gradient }: Window,
  { broken }: Looked,
): NonFinite | undefined {
  const rows = along.trace.sizes.B!;
  let [size, largest] = [0, undefined as NonFinite | undefined];
  for (let step = 0; step < count; step += 1) {
    const at = reverse ? count - 1 - step : step;
    for (const [k, placed] of lines.entries()) {
      const values = data[k]!;
      const width = values.length / count;
      const batched = placed.line.value.type.axes.some(({ name }) => name === 'B');
      const units = batched ? width / rows : width;
      const shape = sizesOf(
        placed.line.value.type.axes.filter(({ name }) => name !== 'B' && name !== along.axis),
        along.trace.sizes,
      );
      for (let place = 0; place < width; place += 1) {
        const value = values[at * width + place]!;
        const sound = Number.isFinite(value);
        if (sound && !(gradient && Math.abs(value) > size)) continue;
        const row = batched ? Math.floor(place / units) : 0;
        // Padding counts nowhere.
        if (from !== undefined && along.lengths !== undefined && from + at >= along.lengths[row]!) continue;
        const found: NonFinite = {
          of: sound ? 'largest gradient' : gradient ? 'gradient' : 'value',
          layer: placed.instance.path,
          line: placed.line.name,
          text: placed.line.text,
          ...(from === undefined ? {} : { t: from + at }),
          ...(batched ? { row } : {}),
          unit: indexOf(place % units, shape),
          value,
          ...(gradient ? {} : weightOf(placed, broken)),
        };
        if (!sound) return found;
        [size, largest] = [Math.abs(value), found];
      }
    }
  }
  return largest;
}

/** The indices of a place in row-major order. */
function indexOf(place: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let left = place;
  for (const size of shape.toReversed()) {
    index.unshift(left % size);
    left = Math.floor(left / size);
  }
  return index;
}

/** A weight of the line that was not finite before the step. */
function weightOf({ instance, line }: Placed, broken: ReadonlySet<string>): { readonly weight?: string } {
  const found = instance.weights.find(
    ({ name, weight }) => broken.has(weight) && new RegExp(`(?<![\\p{L}\\p{N}_.])${name}(?![\\p{L}\\p{N}_'])`, 'u').test(line.text),
  );
  return found === undefined ? {} : { weight: found.weight };
}

/** A number of the data itself, where it is none that may be missing. */
function firstInput(traces: readonly AlongAxis[], { inputs }: Model, looked: Looked): NonFinite | undefined {
  for (const { name, value } of inputs) {
    if (looked.targets.has(name) || value.type.dtype !== 'float') continue;
    const data = looked.inputs[name]!;
    const at = firstOf(data);
    if (at < 0) continue;
    const along = axisOf(traces, value);
    const { sizes } = (along ?? traces.at(-1)!).trace;
    const index = indexOf(at, sizesOf(value.type.axes, sizes));
    const of = (axis: string | undefined): number | undefined => {
      const place = value.type.axes.findIndex((each) => each.name === axis);
      return place < 0 ? undefined : index[place];
    };
    const [t, row] = [of(along?.axis), of('B')];
    const unit = index.filter((_, k) => value.type.axes[k]!.name !== 'B' && value.type.axes[k]!.name !== along?.axis);
    return {
      of: 'value',
      layer: '',
      line: name,
      ...(t === undefined ? {} : { t }),
      ...(row === undefined ? {} : { row }),
      unit,
      value: data[at]!,
    };
  }
  return undefined;
}

function firstOf(data: ArrayLike<number>): number {
  for (let k = 0; k < data.length; k += 1) if (!Number.isFinite(data[k]!)) return k;
  return -1;
}

/** All values of the graph that depend on some. */
function dependents({ graph }: Model, values: readonly Value[]): ReadonlySet<Value> {
  const found = new Set(values);
  if (found.size > 0)
    for (const { inputs, outputs } of graph.nodes)
      if (inputs.some((value) => found.has(value))) for (const value of outputs) found.add(value);
  return found;
}

/** In a sentence or two. */
export function nonFiniteText({ of, layer, line, t, row, unit, value, weight }: NonFinite): string {
  const where = [
    layer === '' && line.endsWith('#state')
      ? `\`${line.slice(0, -'#state'.length)}\` as the window before left it`
      : `\`${addressText({ instance: layer, line })}\``,
    ...(t === undefined ? [] : [`at t = ${t}`]),
    ...(unit.length === 0 ? [] : [`unit ${unit.join(', ')}`]),
    ...(row === undefined ? [] : [`row ${row} of the batch`]),
  ].join(', ');
  if (of === 'largest gradient')
    return `No gradient is too large for a number, but the sum of their squares is: the largest, ${value.toExponential(1)}, is that of ${where}.`;
  const cause = weight === undefined ? '' : ` Its weight ${weight} had a number that was not finite before the step.`;
  return of === 'gradient'
    ? `All values are finite; going back from the loss, the first gradient that is not is ${value}, of ${where}.`
    : `The first number that is not finite is ${value}, of ${where}.${cause}`;
}
