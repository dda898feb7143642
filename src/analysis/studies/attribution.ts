// Integrated gradients: what each step of the input contributes to an output (Sundararajan, Taly & Yan 2017).
//
// a_t = Σ_units x_t · ∫₀¹ ∂F(α x) / ∂x_t dα: the path goes straight from zero to the input, of classes from zero vectors to their embeddings. The
// values add up to F(x) − F(0), over every piece of the path by itself: so pieces over which they miss it are halved, until the misses together are below a
// thousandth of the change. Each piece has eight of Gauss and Legendre's points.

import { Builder } from '../../graph/builder.ts';
import { differentiate } from '../../graph/differentiate.ts';
import { type Axis, type Graph, tensor, type Value } from '../../graph/graph.ts';
import type { Model } from '../../graph/model.ts';
import { select } from '../../graph/prune.ts';
import type { AttributedSequence, Attribution } from '../../shared/analysis.ts';
import { arranged, type Elements, product, type Sizes, sizesOf, spread } from '../../tracing/arrays.ts';
import { graphAtRest } from '../../tracing/source.ts';
import { traceSizes } from '../../tracing/trace.ts';
import type { Sequences } from '../analyse.ts';
import { meanEstimate } from '../statistics.ts';
import { gaussLegendre } from './quadrature.ts';
import { chosenRows, RowRuns, rowsAtOnce } from './rows.ts';
import { cutAt, type InputSource, inputSources, stepsAxis } from './sources.ts';
import { type Study, type StudyContext, StudyError } from './study.ts';

/** The residual that is asked for, relative to the output's change along the path. */
const LIMIT = 1e-3;
/** Points of a piece of the path, and the most of a sequence in all. */
const POINTS = 8;
const MOST_POINTS = Number(process.env.P ?? 256);
/** Numbers of a step that are said of an input that is no class. */
const SHOWN = 3;

/** A backward pass for each point and sequence, side by side: 16 sequences of 100 steps take 16 × 16 to 16 × 256 rows of training (1 to 10 s for an LSTM of 128 units).
 *  A path that is too rough for 256 points is said to be. Throws StudyError where nothing reaches the model as real numbers. */
export const attribution: Study<'attribution'> = {
  title: 'integrated gradients of each step of the input',
  async run(context) {
    const { model, groups, check } = context;
    const graph = graphAtRest(model);
    const { sources, others } = inputSources(model, graph);
    if (sources.length === 0)
      throw new StudyError(
        `No input of ${model.name} becomes real numbers before its recurrences, so there is no path to integrate along.`,
      );
    const output = outputOf(model, context.explain ?? 'score');
    const path = pathGraph(graph, sources, output);
    const sequences: AttributedSequence[] = [];
    const total = groups.reduce((sum, { batch }) => sum + batch, 0);
    for (const group of groups) {
      const tell = (done: number): void => check((sequences.length + done * group.batch) / total);
      sequences.push(...(await attributed(context, group, { graph, sources, output, path, tell })));
    }
    return {
      output: output.what,
      baseline: sources.some(({ input }) => input.value.type.dtype === 'int') ? 'zero vectors' : 'zero',
      limit: LIMIT,
      sequences,
      byLag: sources.flatMap(({ input, along }, k) =>
        along !== undefined && along === stepsAxis(output.value)
          ? [
              {
                input: input.name,
                ...sharesByLag(
                  sequences.filter(({ residual }) => residual <= LIMIT),
                  k,
                ),
              },
            ]
          : [],
      ),
      left: others,
    };
  },
};

interface Output {
  readonly what: string;
  readonly value: Value;
  /** 1 where the output has a value, axes among those of `value`. */
  readonly counted?: Value;
  /** The right class, whose score is meant; of numbers the largest is. */
  readonly target?: Value;
  /** The axis of the classes. */
  readonly over?: string;
}

function outputOf(model: Model, explain: 'loss' | 'score'): Output {
  const { losses, judged } = model;
  const at = (value: Value): string => (stepsAxis(value) === undefined ? '' : ' at the last step');
  if (losses !== undefined && explain === 'loss') return { what: `loss${at(losses.value)}`, ...losses };
  if (judged !== undefined) {
    const { scores, target, counted, over } = judged;
    if (judged.loss === 'cross_entropy' && over !== undefined)
      return { what: `score of the right class${at(scores)}`, value: scores, counted, target, over };
    return { what: `largest number that is said${at(scores)}`, value: scores, counted };
  }
  const line = model.instances[0]!.lines.findLast(
    ({ name, value }) => name !== 'loss' && value.type.dtype === 'float' && value.type.axes.some((axis) => axis.name === 'B'),
  );
  if (line === undefined) throw new StudyError(`${model.name} has no loss, and no line that could stand for its output.`);
  return { what: `largest number of ${line.name}${at(line.value)}, as there is no loss`, value: line.value };
}

interface PathGraph {
  readonly graph: Graph;
  /** The values that go along the path. */
  readonly cuts: readonly Value[];
  /** Which number is meant: 1 there, else 0; its axes are [steps, B, ...]. */
  readonly chosen: Value;
}

/** Of the output a number for each row, and its gradients with respect to what is read. */
function pathGraph(graph: Graph, sources: readonly InputSource[], { value, what }: Output): PathGraph {
  const cuts = sources.flatMap(({ values }) => values);
  const order = orderOf(value);
  if (!order.some(({ name }) => name === 'B')) throw new StudyError(`The ${what} is not one of each sequence.`);
  const b = new Builder();
  const chosen = b.parameter(tensor(order), 'chosen');
  const rows = b.sum(
    b.times(value, chosen),
    order.map(({ name }) => name).filter((name) => name !== 'B'),
  );
  const whole = b.sum(rows);
  const open = cutAt(graph, cuts);
  const objective: Graph = {
    parameters: [...open.parameters, chosen],
    nodes: [...open.nodes, ...b.graph([]).nodes],
    results: [rows],
  };
  const derivative = differentiate(objective, whole, cuts);
  return { graph: select(derivative.graph, [rows, ...derivative.gradients]), cuts, chosen };
}

/** Steps, sequences, and the rest as it is. */
function orderOf(value: Value): Axis[] {
  const first = [stepsAxis(value), 'B'];
  const { axes } = value.type;
  return [...first.flatMap((name) => axes.find((axis) => axis.name === name) ?? []), ...axes.filter(({ name }) => !first.includes(name))];
}

interface Along {
  readonly graph: Graph;
  readonly sources: readonly InputSource[];
  readonly output: Output;
  readonly path: PathGraph;
  readonly tell: (done: number) => void;
}

async function attributed(context: StudyContext, group: Sequences, along: Along): Promise<AttributedSequence[]> {
  const { graph, sources, output, path, tell } = along;
  const { model } = context;
  const { batch } = group;
  const sizes = traceSizes(model, group.steps, group.lengths, batch);
  const all = Array.from({ length: batch }, (_, row) => row);
  const order = orderOf(output.value);
  const names = order.map(({ name }) => name);
  const once = new RowRuns(context, group, batch);
  const wanted = [
    ...path.cuts,
    output.value,
    ...(output.counted === undefined ? [] : [output.counted]),
    ...(output.target === undefined ? [] : [output.target]),
  ];
  const orders = wanted.map((value, k) => (k === path.cuts.length ? names : value.type.axes.map(({ name }) => name)));
  const read = await once.run(select(graph, wanted), all, new Map(), orders).finally(() => once.close());
  const cuts = read.slice(0, path.cuts.length) as Float32Array[];
  // Sequences first: a row is then one piece.
  const firsts = path.cuts.map(({ type }) => ['B', ...type.axes.map(({ name }) => name).filter((name) => name !== 'B')]);
  const inputs = path.cuts.map(({ type }, k) => arranged(cuts[k]!, type.axes, sizes, firsts[k]!));
  const own = chosenNumbers(output, order, sizes, read.slice(path.cuts.length));
  const paths = all.map((row) => new Path(row));
  const widths = cuts.map(({ length }) => length / batch);
  const { points, weights } = gaussLegendre(POINTS);
  const runs = new RowRuns(context, group, Math.min(rowsAtOnce(path.graph, sizes), batch * (2 * POINTS + 3)));
  try {
    for (let open = paths; open.length > 0; open = open.filter((each) => each.refine())) {
      const jobs = open.flatMap((each) => each.jobs(points, weights, widths));
      for (let from = 0; from < jobs.length; from += runs.rows) {
        const now = jobs.slice(from, from + runs.rows);
        const rows = Array.from({ length: runs.rows }, (_, k) => now[k]?.row ?? 0);
        const given = new Map<Value, Elements>([[path.chosen, chosenRows(own.chosen, order, sizes, rows)]]);
        for (const [k, cut] of path.cuts.entries()) {
          const data = chosenRows(cuts[k]!, cut.type.axes, sizes, rows) as Float32Array;
          given.set(
            cut,
            scaledRows(data, cut.type.axes, { ...sizes, B: rows.length }, (row) => now[row]?.share ?? 0, Number(process.env.W ?? 1000)),
          );
        }
        const [outputs, ...gradients] = await runs.run(path.graph, rows, given, [['B'], ...firsts]);
        for (const [k, job] of now.entries()) {
          job.output?.(outputs![k]!);
          for (const [n, sums] of (job.sums ?? []).entries()) {
            const [gradient, input, width] = [gradients[n]!, inputs[n]!, widths[n]!];
            for (let at = 0; at < width; at += 1)
              if (at >= width - Number(process.env.W ?? 1000) * (width / group.steps))
                sums[at]! += job.weight * gradient[k * width + at]! * input[job.row * width + at]!;
          }
        }
        const closed = batch - open.length;
        tell((closed + ((from + now.length) / jobs.length) * open.length) / batch);
      }
    }
  } finally {
    await runs.close();
  }
  return all.map((row): AttributedSequence => {
    const { values, atInput, atBaseline, residual, points: taken } = paths[row]!.result(widths);
    const at = own.at?.[row];
    return {
      ...(at === undefined ? {} : { at }),
      inputs: sources.map((source) => ({
        input: source.input.name,
        tokens: tokensOf(source, group, row, context),
        values: bySteps(source, path.cuts, values, sizes),
      })),
      atInput,
      atBaseline,
      residual,
      points: taken,
    };
  });
}

/** A point of a sequence's path to compute: the output there, or the gradient, which is added to a piece's sums. */
interface Job {
  readonly row: number;
  readonly share: number;
  readonly weight: number;
  readonly output?: (value: number) => void;
  readonly sums?: readonly Float64Array[];
}

/** A piece of a path, with its part of the integrals. */
interface Piece {
  readonly from: number;
  readonly to: number;
  /** By value along the path; empty until it is computed. */
  readonly sums: Float64Array[];
}

/** The path of one sequence, in pieces. That the sums of a piece are the output's change over it holds for each by itself, so it is known where the
 *  path is too steep for its points, and those pieces are halved. */
class Path {
  readonly #row: number;
  #pieces: Piece[] = [
    { from: 0, to: 0.5, sums: [] },
    { from: 0.5, to: 1, sums: [] },
  ];
  readonly #outputs = new Map<number, number>();
  #points = 0;

  constructor(row: number) {
    this.#row = row;
  }

  /** What is not yet known of the pieces. */
  jobs(points: readonly number[], weights: readonly number[], widths: readonly number[]): Job[] {
    const row = this.#row;
    const jobs: Job[] = [];
    const open = this.#pieces.filter(({ sums }) => sums.length === 0);
    for (const end of new Set(open.flatMap(({ from, to }) => [from, to])))
      if (!this.#outputs.has(end)) jobs.push({ row, share: end, weight: 0, output: (value) => this.#outputs.set(end, value) });
    for (const { from, to, sums } of open) {
      sums.push(...widths.map((width) => new Float64Array(width)));
      this.#points += points.length;
      for (const [k, point] of points.entries())
        jobs.push({ row, share: from + (to - from) * point, weight: (to - from) * weights[k]!, sums });
    }
    return jobs;
  }

  /** Halves the pieces that miss most; false where all is well, or enough has been tried. */
  refine(): boolean {
    const allowed = LIMIT * Math.abs(this.#change);
    const misses = this.#pieces.map((piece) => this.#miss(piece));
    if (misses.reduce((sum, each) => sum + each, 0) <= allowed) return false;
    const room = Math.floor((MOST_POINTS - this.#points) / (2 * POINTS));
    const worst = [...this.#pieces.keys()]
      .filter((k) => misses[k]! > allowed / (2 * this.#pieces.length))
      .sort((a, b) => misses[b]! - misses[a]!)
      .slice(0, room);
    if (worst.length === 0) return false;
    this.#pieces = this.#pieces.flatMap((piece, k): Piece[] => {
      if (!worst.includes(k)) return [piece];
      const middle = (piece.from + piece.to) / 2;
      return [
        { from: piece.from, to: middle, sums: [] },
        { from: middle, to: piece.to, sums: [] },
      ];
    });
    return true;
  }

  get #change(): number {
    return this.#outputs.get(1)! - this.#outputs.get(0)!;
  }

  #miss({ from, to, sums }: Piece): number {
    return Math.abs(this.#outputs.get(to)! - this.#outputs.get(from)! - sums.reduce((sum, each) => sum + total(each), 0));
  }

  result(
    widths: readonly number[],
  ): Pick<AttributedSequence, 'atInput' | 'atBaseline' | 'residual' | 'points'> & { readonly values: readonly Float64Array[] } {
    const change = Math.abs(this.#change);
    const missed = this.#pieces.reduce((sum, piece) => sum + this.#miss(piece), 0);
    return {
      values: widths.map((width, n) => {
        const values = new Float64Array(width);
        for (const { sums } of this.#pieces) for (let at = 0; at < width; at += 1) values[at]! += sums[n]![at]!;
        return values;
      }),
      atInput: this.#outputs.get(1)!,
      atBaseline: this.#outputs.get(0)!,
      residual: change === 0 ? (missed === 0 ? 0 : Number.POSITIVE_INFINITY) : missed / change,
      points: this.#points,
    };
  }
}

const total = (values: Float64Array): number => values.reduce((sum, each) => sum + each, 0);

/** Which number of the output is meant: that of the last step that counts; its step, by sequence. */
function chosenNumbers(
  { value, counted, target, over }: Output,
  order: readonly Axis[],
  sizes: Sizes,
  [numbers, ...more]: readonly Elements[],
): { readonly chosen: Float32Array; readonly at?: readonly number[] } {
  const lengths = sizesOf(order, sizes);
  const isStepped = stepsAxis(value) !== undefined;
  const [steps, batch] = isStepped ? [lengths[0]!, lengths[1]!] : [1, lengths[0]!];
  const width = product(lengths) / (steps * batch);
  const places = order.slice(0, isStepped ? 2 : 1);
  const chosen = new Float32Array(product(lengths));
  const counts = counted === undefined ? undefined : spread(more[0]!, counted.type.axes, sizes, places);
  const classes = target === undefined ? undefined : more[1]!;
  // The axes behind steps and sequences but for the classes: a class is chosen at each place of them.
  const rest = order.slice(places.length);
  const own = over === undefined ? undefined : rest.find(({ name }) => name === over);
  const others = rest.filter((axis) => axis !== own);
  const wanted = target === undefined || own === undefined ? undefined : spread(classes!, target.type.axes, sizes, [...places, ...others]);
  const across = product(sizesOf(others, sizes));
  const strides = rest.map((_, k) => product(sizesOf(rest.slice(k + 1), sizes)));
  const at: number[] = [];
  for (let row = 0; row < batch; row += 1) {
    let t = steps - 1;
    while (t > 0 && counts !== undefined && counts[t * batch + row] === 0) t -= 1;
    at.push(t);
    const start = (t * batch + row) * width;
    if (wanted !== undefined) {
      for (let place = 0; place < across; place += 1) {
        let [left, offset] = [place, 0];
        for (const axis of others.toReversed()) {
          const [length] = sizesOf([axis], sizes) as [number];
          offset += (left % length) * strides[rest.indexOf(axis)]!;
          left = Math.floor(left / length);
        }
        const right = wanted[(t * batch + row) * across + place]!;
        if (right >= 0) chosen[start + offset + right * strides[rest.indexOf(own!)]!] = 1;
      }
    } else {
      let largest = 0;
      for (let k = 1; k < width; k += 1) if (Math.abs(numbers![start + k]!) > Math.abs(numbers![start + largest]!)) largest = k;
      chosen[start + largest] = 1;
    }
  }
  return { chosen, ...(isStepped ? { at } : {}) };
}

function scaledRows(data: Float32Array, axes: readonly Axis[], sizes: Sizes, factor: (row: number) => number, W = 1000): Float32Array {
  const lengths = sizesOf(axes, sizes);
  const place = axes.findIndex(({ name }) => name === 'B');
  const inner = product(lengths.slice(place + 1));
  const T = lengths[0]!;
  return data.map((each, k) => (Math.floor(k / (data.length / T)) < T - W ? each : each * factor(Math.floor(k / inner) % lengths[place]!)));
}

/** An input's values, summed over everything but its steps. */
function bySteps({ values: own, along }: InputSource, cuts: readonly Value[], found: readonly Float64Array[], sizes: Sizes): number[] {
  const sums: number[] = [];
  for (const cut of own) {
    const axes = cut.type.axes.filter(({ name }) => name !== 'B');
    const lengths = sizesOf(axes, sizes);
    const place = axes.findIndex(({ name }) => name === along);
    const inner = place < 0 ? 1 : product(lengths.slice(place + 1));
    for (const [k, value] of found[cuts.indexOf(cut)]!.entries()) {
      const step = place < 0 ? 0 : Math.floor(k / inner) % lengths[place]!;
      sums[step] = (sums[step] ?? 0) + value;
    }
  }
  return sums;
}

/** Words of classes; of numbers the first few. */
function tokensOf(
  { input, along }: InputSource,
  { inputs, steps, lengths, batch }: Sequences,
  row: number,
  { model, vocabularies }: StudyContext,
): string[] {
  const sizes = traceSizes(model, steps, lengths, batch);
  const { axes } = input.value.type;
  const data = chosenRows(inputs[input.name]!, axes, sizes, [row]);
  const count = along === undefined ? 1 : sizes[along]!;
  const words = input.classes === undefined ? undefined : vocabularies?.[input.classes];
  const width = data.length / count;
  return Array.from({ length: count }, (_, t) => {
    const own = Array.from(data.subarray(t * width, Math.min(t * width + SHOWN, (t + 1) * width)));
    const said = own.map((each) =>
      input.value.type.dtype === 'int' ? (words?.[each] ?? String(each)) : String(Number(each.toPrecision(3))),
    );
    return width > SHOWN ? `${said.join(' ')} …` : said.join(' ');
  });
}

/** By lag from the output, back to the first step: mean share of the sequences that reach so far. */
function sharesByLag(
  sequences: readonly AttributedSequence[],
  input: number,
): Pick<Attribution['byLag'][number], 'share' | 'low' | 'high'> {
  const shares = sequences.flatMap(({ at, inputs }) => {
    const total = inputs.reduce((sum, { values }) => sum + values.reduce((own, each) => own + Math.abs(each), 0), 0);
    const { values } = inputs[input]!;
    if (at === undefined || total === 0) return [];
    return [Array.from({ length: at + 1 }, (_, lag) => Math.abs(values[at - lag] ?? 0) / total)];
  });
  const reach = Math.max(0, ...shares.map(({ length }) => length));
  const estimates = Array.from({ length: reach }, (_, lag) => meanEstimate(shares.flatMap((each) => each[lag] ?? [])));
  return {
    share: estimates.map(({ value }) => value),
    low: estimates.map(({ low }) => Math.max(0, low)),
    high: estimates.map(({ high }) => Math.min(1, high)),
  };
}
