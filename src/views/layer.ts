// One layer of a trace as the views show it: its rows with their scales, its unit orders, and the numbers of a window or a timestep.

import { alignmentErrorRate, strongestLinks } from '../shared/alignment.ts';
import { uniformity } from '../shared/attention.ts';
import type {
  AttentionPlaces,
  ColumnNumbers,
  GradientAtNumbers,
  GradientNumbers,
  ImageNumbers,
  Peek,
  Row,
  Structure,
  UnitOrder,
  Window,
  WindowNumbers,
} from '../shared/messages.ts';
import { joinedFloats } from '../shared/numeric.ts';
import { pack } from '../shared/packed.ts';
import { alongOf, type InstanceDescription, type SequenceDescription, sequenceAlong, type Trace } from '../shared/trace.ts';
import { byIndex, bySimilarity, byTimescale, placesOf, timescalesFromGate, timescalesFromState } from './order.ts';
import { HeatPool, meanChange, poolMaximum, poolRange, saturation, type UnitStatistics, unitStatistics } from './pooling.ts';
import { Reader } from './reader.ts';
import { rowsOf, scaled } from './rows.ts';
import { structureOf } from './structure.ts';
import { ALL } from './trajectory.ts';

/** The most timesteps that stand for a long sequence where statistics over all of it are wanted, and the length of each stretch of them. */
const SAMPLE = 512;
const SAMPLE_STRETCH = 64;
/** Timesteps times units beyond which a sequence is long. */
const LONG = 2 ** 20;
/** Timesteps that similarity compares. */
const COMPARED = 128;

export class Layer {
  readonly structure: Structure;
  /** Set once sampled. */
  rows: readonly Row[];
  /** Units of the state: those of the rows that share the order. */
  readonly units: number;
  readonly instance: InstanceDescription;
  /** What it runs over; `along` is its dimension where it is another than the model's own timesteps. */
  readonly sequence: SequenceDescription;
  readonly along: string | undefined;
  private readonly trace: Trace;
  private readonly reader: Reader;
  private sample:
    | { readonly runs: readonly ReadonlyMap<string, Float32Array>[]; readonly statistics: Map<string, UnitStatistics> }
    | undefined;
  private readonly orders = new Map<UnitOrder, Uint16Array>();
  private taus: Float32Array | undefined;
  private readonly norms = new Map<string, Promise<Float32Array>>();
  private readonly trajectories = new Map<string, Promise<Float32Array>>();

  constructor(trace: Trace, instance: InstanceDescription) {
    this.trace = trace;
    this.instance = instance;
    this.along = alongOf(instance);
    this.sequence = sequenceAlong(trace.description, this.along);
    this.structure = structureOf(instance);
    this.rows = rowsOf(instance, this.structure).map((row) => withTokens(row, instance, trace));
    const width = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
    this.reader = new Reader(
      trace,
      instance.path,
      this.sequence,
      new Map([
        ...this.rows.map((row) => [row.line, row.units] as const),
        ...instance.states.map(({ name, shape }) => [name, width(shape)] as const),
      ]),
    );
    this.units = this.stateRows[0]?.units ?? this.rows[0]?.units ?? 0;
  }

  /** The rows of the states after the step: those that gradients flow along. */
  get stateRows(): readonly Row[] {
    // A state that is another cell's (`s.h`, `s.c`) is given its next value by one line, `s'`.
    const after = new Set(this.instance.states.map(({ name }) => `${name.split('.')[0]}'`));
    return this.rows.filter((row) => after.has(row.line));
  }

  /** So long and wide that what lies far in it, or its gradients, take seconds. */
  get long(): boolean {
    return this.sequence.steps * this.units > LONG;
  }

  /** Reads what scales, statistics and orders are made of: all of a short sequence, stretches of a long one; or, to begin with,
   *  the stretch with a timestep alone. */
  async prepare(about?: number): Promise<void> {
    const { steps } = this.sequence;
    const lines = this.rows.map((row) => row.line);
    const runs: ReadonlyMap<string, Float32Array>[] = [];
    for (const [from, to] of about === undefined ? sampleStretches(steps) : [stretchOf(about, steps)])
      runs.push(await this.reader.all(lines, from, to));
    this.orders.clear();
    this.taus = undefined;
    const joined = new Map(lines.map((line) => [line, joinedFloats(runs.map((run) => run.get(line)!))]));
    this.rows = this.rows.map((row) => {
      const values = joined.get(row.line)!;
      const isWhole = values.length === this.sequence.steps * row.units;
      return withAlignment(scaled(row, values, this.structure), isWhole && this.along === undefined ? values : undefined, this.trace);
    });
    this.sample = { runs, statistics: new Map(this.rows.map((row) => [row.line, unitStatistics(joined.get(row.line)!, row.units)])) };
  }

  /** Timescale of each unit in steps: from the gate that keeps, else from the state's autocorrelation. */
  timescales(): Float32Array {
    if (this.taus !== undefined) return this.taus;
    const { structure } = this;
    const runs = this.sample!.runs;
    const keep = structure.kind === 'additive' ? structure.keep : structure.kind === 'interpolating' ? structure.gate : undefined;
    if (keep !== undefined && this.row(keep)?.units === this.units) {
      const gate = joinedFloats(runs.map((run) => run.get(keep)!));
      this.taus = timescalesFromGate(structure.kind === 'interpolating' && structure.inverted ? gate.map((v) => 1 - v) : gate, this.units);
    } else {
      const state = this.stateRows.find((row) => row.identity === 'hidden') ?? this.stateRows[0] ?? this.rows[0]!;
      this.taus = timescalesFromState(
        runs.map((run) => run.get(state.line)!),
        this.units,
      );
    }
    return this.taus;
  }

  /** The unit to look at first: the one that remembers longest and still forgets within the sequence. */
  async interestingUnit(): Promise<number> {
    const taus = this.timescales();
    const order = await this.order('timescale');
    return order.find((unit) => taus[unit]! <= this.sequence.steps / 4) ?? order[0] ?? 0;
  }

  /** Units from top to bottom. */
  async order(kind: UnitOrder): Promise<Uint16Array> {
    const known = this.orders.get(kind);
    if (known !== undefined) return known;
    const order = kind === 'index' ? byIndex(this.units) : kind === 'timescale' ? byTimescale(this.timescales()) : await this.similarity();
    this.orders.set(kind, order);
    return order;
  }

  private similarity(): Promise<Uint16Array> {
    const memory = this.stateRows.find((row) => row.identity === 'cell') ?? this.stateRows[0] ?? this.rows[0]!;
    const runs = this.sample!.runs;
    const share = Math.max(1, Math.floor(COMPARED / runs.length)) * memory.units;
    return bySimilarity(joinedFloats(runs.map((run) => run.get(memory.line)!.subarray(0, share))), memory.units);
  }

  /** Norm of the gradient by timestep; NaN where there is none. */
  gradientNorm(line: string): Promise<Float32Array> {
    let norm = this.norms.get(line);
    if (norm === undefined) {
      norm = this.trace.summary({ kind: 'norm', address: { instance: this.instance.path, line }, gradient: true });
      this.norms.set(line, norm);
    }
    return norm;
  }

  /** The trajectory of the states of a line, or of all: three numbers a timestep. */
  trajectory(of: string): Promise<Float32Array> {
    let found = this.trajectories.get(of);
    if (found === undefined) {
      const lines = of === ALL ? this.stateRows.map(({ line }) => line) : [of];
      found = this.trace.summary({ kind: 'trajectory', addresses: lines.map((line) => ({ instance: this.instance.path, line })) });
      this.trajectories.set(of, found);
      // What failed may succeed when it is asked for again.
      found.catch(() => this.trajectories.delete(of));
    }
    return found;
  }

  /** Another objective is in force. */
  forgetGradients(): void {
    this.norms.clear();
  }

  row(line: string): Row | undefined {
    return this.rows.find((row) => row.line === line);
  }

  /** The numbers of a window, pooled to at most `width` columns and `height` rows. `progress` is told the share that is read; where it
   *  returns false, reading stops and the result is undefined. */
  async window(request: WindowRequest): Promise<WindowNumbers | undefined> {
    const { window, order, units } = request;
    const steps = window.to - window.from;
    const columns = Math.max(1, Math.min(steps, request.width));
    const places = placesOf(await this.order(order));
    const heats = this.rows.map((row) => {
      const place = row.units === this.units && row.attention === undefined ? places : byIndex(row.units);
      // What is drawn over an image is no row of pixels.
      const rows = row.attention?.image === undefined ? Math.max(1, Math.min(row.units, request.height)) : row.units;
      return { row, pool: new HeatPool(steps, columns, rows, place, this.sample!.statistics.get(row.line)!) };
    });
    const gates = this.rows
      .filter((row) => row.quantity === 'gate')
      .map((row) => ({ row, below: new Float32Array(steps), above: new Float32Array(steps) }));
    const looks = this.rows.flatMap((row) => (row.attention === undefined ? [] : [{ row, uniform: new Float32Array(steps) }]));
    const lines = this.rows
      .filter(({ attention }) => attention === undefined)
      .flatMap((row) => units.filter((unit) => unit < row.units).map((unit) => ({ row, unit, values: new Float32Array(steps) })));
    const names = this.rows.map((row) => row.line);
    for await (const stretch of this.reader.read(names, window.from, window.to)) {
      const at = stretch.from - window.from;
      for (const { row, pool } of heats) pool.add(stretch.values.get(row.line)!, at);
      for (const { row, below, above } of gates) {
        const shares = saturation(stretch.values.get(row.line)!, row.units);
        below.set(shares.below, at);
        above.set(shares.above, at);
      }
      for (const { row, uniform } of looks) uniform.set(uniformities(stretch.values.get(row.line)!, row.attention!), at);
      for (const { row, unit, values } of lines) {
        const all = stretch.values.get(row.line)!;
        for (let t = 0; t < stretch.to - stretch.from; t++) values[at + t] = all[t * row.units + unit]!;
      }
      if (!request.progress((stretch.to - window.from) / steps)) return undefined;
    }
    const arrays: Record<string, Float32Array> = {};
    for (const { row, pool } of heats) arrays[`heat:${row.line}`] = pool.finish();
    for (const { row, below, above } of gates) {
      arrays[`below:${row.line}`] = poolMaximum(below, columns);
      arrays[`above:${row.line}`] = poolMaximum(above, columns);
    }
    for (const { row, uniform } of looks) arrays[`uniform:${row.line}`] = poolMaximum(uniform, columns);
    for (const { row, unit, values } of lines) {
      const { low, high } = poolRange(values, columns);
      arrays[`low:${row.line}:${unit}`] = low;
      arrays[`high:${row.line}:${unit}`] = high;
    }
    const tokens = steps <= request.tokens ? this.sequence.tokens.slice(window.from, window.to) : [];
    return { part: 'window', layer: this.instance.path, from: window.from, to: window.to, columns, tokens, values: pack(arrays) };
  }

  /** Norms of the states' gradients in the window: read apart from the values, for they need the whole way back from the loss. */
  async gradients({ from, to }: Window, width: number): Promise<GradientNumbers> {
    const arrays: Record<string, Float32Array> = {};
    const columns = Math.max(1, Math.min(to - from, width));
    for (const { line } of this.stateRows) {
      const norm = (await this.gradientNorm(line)).subarray(from, to);
      const { low, high } = poolRange(norm, columns, (v) => Number.isNaN(v) || v === 0);
      arrays[`low:${line}`] = low;
      arrays[`high:${line}`] = high;
    }
    return { part: 'gradient', layer: this.instance.path, from, to, columns, values: pack(arrays) };
  }

  /** The image that the layer's attention looks at, if it looks at one. */
  async image(): Promise<ImageNumbers | undefined> {
    const input = this.rows.find(({ attention }) => attention?.image !== undefined)?.attention?.image?.input;
    const model = this.trace.description.instances.find(({ parent, path }) => parent === undefined && path === '');
    const shape = model?.inputs.find(({ name }) => name === input)?.shape;
    if (input === undefined || shape === undefined) return undefined;
    const [pixels] = await this.trace.read({ addresses: [{ instance: '', line: input }], from: 0, to: 1 });
    return { part: 'image', layer: this.instance.path, shape, values: pack({ pixels: pixels! }) };
  }

  /** Gradients of one timestep: norms, and those of a unit. */
  async gradientAt(t: number, unit: number): Promise<GradientAtNumbers> {
    const arrays: Record<string, ArrayLike<number>> = {};
    const lines = this.stateRows.map((row) => row.line);
    for (const line of lines) arrays[`norm:${line}`] = [(await this.gradientNorm(line))[t] ?? Number.NaN];
    const addresses = lines.map((line) => ({ instance: this.instance.path, line }));
    const own = await this.trace.read({ addresses, from: t, to: t + 1, gradient: true });
    lines.forEach((line, index) => {
      arrays[`unit:${line}`] = [own[index]?.[unit] ?? Number.NaN];
    });
    return { part: 'gradientAt', layer: this.instance.path, t, unit, values: pack(arrays) };
  }

  /** All units of one timestep, and of the one before. */
  async column(t: number): Promise<ColumnNumbers> {
    const arrays: Record<string, ArrayLike<number>> = {};
    const first = Math.max(0, t - 1);
    const lines = this.rows.map((row) => row.line);
    const states = this.instance.states.map(({ name }) => name);
    const [values, before] = await Promise.all([this.reader.all(lines, first, t + 1), this.reader.all(states, t, t + 1)]);
    for (const row of this.rows) {
      const both = values.get(row.line)!;
      arrays[`now:${row.line}`] = both.subarray((t - first) * row.units);
      if (t > first) arrays[`previous:${row.line}`] = both.subarray(0, row.units);
    }
    for (const [state, held] of before) arrays[`before:${state}`] = held;
    return { part: 'column', layer: this.instance.path, t, token: this.sequence.tokens[t] ?? '', values: pack(arrays) };
  }

  /** The values of a unit at a timestep, and its states before it. */
  async unitAt(t: number, unit: number): Promise<Peek> {
    const rows = this.rows.filter((row) => unit < row.units);
    const states = this.instance.states.map(({ name }) => name).filter((name) => (this.row(`${name}'`)?.units ?? 0) > unit);
    const values = await this.reader.all([...rows.map((row) => row.line), ...states], t, t + 1);
    const numbers = (lines: readonly string[]) =>
      Object.fromEntries(lines.map((line) => [line, values.get(line)![unit]!] as const).filter(([, value]) => Number.isFinite(value)));
    return { now: numbers(rows.map((row) => row.line)), before: numbers(states) };
  }

  /** A line of the window, whole: [to - from, units]. */
  async values(line: string, window: Window): Promise<Float32Array> {
    return (await this.reader.all([line], window.from, window.to)).get(line)!;
  }

  /** Reads on in stretches, forwards or backwards one timestep at a time; for the search of events. */
  read(from: number, to: number): ReturnType<Reader['read']> {
    return this.reader.read(
      this.rows.map((row) => row.line),
      from,
      to,
    );
  }

  /** The change of the first state from one timestep to the next that is `deviations` above its mean over the sequence. */
  changeThreshold(deviations: number): number {
    const state = this.stateRows[0];
    if (state === undefined) return Number.POSITIVE_INFINITY;
    const changes = this.sample!.runs.flatMap((run) => {
      const values = run.get(state.line)!;
      const at = (t: number) => values.subarray(t * state.units, (t + 1) * state.units);
      return Array.from({ length: Math.max(0, values.length / state.units - 1) }, (_, t) => meanChange(at(t), at(t + 1)));
    });
    const { mean, deviation } = unitStatistics(Float32Array.from(changes), 1);
    return mean[0]! + deviations * deviation[0]!;
  }
}

/** What stands at the places that a row of attention looks at. */
function withTokens(row: Row, { lines }: InstanceDescription, { description }: Trace): Row {
  const places = lines.find(({ name }) => name === row.line)?.places;
  if (row.attention === undefined || places === undefined) return row;
  const sequence = places === description.time ? description : description.beside?.[places];
  return sequence === undefined ? row : { ...row, attention: { ...row.attention, tokens: sequence.tokens } };
}

/** How far the strongest places of all timesteps are from what people have aligned. */
function withAlignment(row: Row, values: Float32Array | undefined, { description }: Trace): Row {
  const { alignment, steps } = description;
  const { attention } = row;
  if (attention?.tokens === undefined || alignment === undefined || values === undefined) return row;
  // What is read begins with ‹begin› and ends with ‹end›.
  const alignmentError = alignmentErrorRate([strongestLinks(values, attention, steps - 2)], [alignment]);
  return Number.isNaN(alignmentError) ? row : { ...row, attention: { ...attention, alignmentError } };
}

/** Of each timestep, the mean of its heads. */
function uniformities(values: Float32Array, { heads, places }: AttentionPlaces): Float32Array {
  const width = heads * places;
  return Float32Array.from({ length: values.length / width }, (_, t) => {
    let sum = 0;
    for (let head = 0; head < heads; head++) {
      const from = t * width + head * places;
      sum += uniformity(values.subarray(from, from + places));
    }
    return sum / heads;
  });
}

export interface WindowRequest {
  readonly window: Window;
  readonly order: UnitOrder;
  /** Pixels of the plot. */
  readonly width: number;
  readonly height: number;
  /** The chosen and the pinned units. */
  readonly units: readonly number[];
  /** The most tokens that have room to be read. */
  readonly tokens: number;
  readonly progress: (share: number) => boolean;
}

/** Stretches of consecutive timesteps, evenly spread. */
export function sampleStretches(steps: number): readonly (readonly [from: number, to: number])[] {
  if (steps <= SAMPLE) return [[0, steps]];
  const n = SAMPLE / SAMPLE_STRETCH;
  return Array.from({ length: n }, (_, index) => {
    return stretchOf((index * (steps - SAMPLE_STRETCH)) / (n - 1), steps);
  });
}

/** The stretch that t lies in. */
function stretchOf(t: number, steps: number): readonly [from: number, to: number] {
  const from = Math.floor(t / SAMPLE_STRETCH) * SAMPLE_STRETCH;
  return [from, Math.min(from + SAMPLE_STRETCH, steps)];
}
