// Integrated gradients: what each step of the input contributes to an output (Sundararajan, Taly & Yan 2017).
//
// a_t = Σ_units x_t · ∫₀¹ ∂F(α x) / ∂x_t dα: the path goes straight from zero to the input, of classes from zero vectors to their embeddings. The
// values add up to F(x) − F(0), over every piece of the path by itself: so pieces over which they miss it are halved, until the misses together are below a
// thousandth of the change. Each piece has eight of Gauss and Legendre's points.
//
// Where all of a long sequence goes along the path, a trained network may be so rough between its ends that hundreds of points are not enough. So windows are
// tried, from short to long: only the last steps go along the path, the earlier stay as they are; the longest is taken that most sequences are smooth over.

import { Builder } from '../../graph/builder.ts';
import { differentiate } from '../../graph/differentiate.ts';
import { type Axis, type Graph, tensor, type Value } from '../../graph/graph.ts';
import type { Model } from '../../graph/model.ts';
import { select } from '../../graph/prune.ts';
import type { AttributedSequence, Attribution } from '../../shared/analysis.ts';
import { arranged, type Elements, product, type Sizes, sizesOf } from '../../tracing/arrays.ts';
import { graphAtRest } from '../../tracing/source.ts';
import { traceSizes } from '../../tracing/trace.ts';
import type { Sequences } from '../analyse.ts';
import { meanEstimate } from '../statistics.ts';
import { chosenNumbers, type Output, orderOf, outputOf } from './explained.ts';
import { LIMIT, Path, POINTS } from './path-pieces.ts';
import { gaussLegendre } from './quadrature.ts';
import { chosenRows, RowRuns, rowsAtOnce } from './rows.ts';
import { cutAt, type InputSource, inputSources, stepsAxis } from './sources.ts';
import { type Study, type StudyContext, StudyError } from './study.ts';

/** The shortest window, in steps; the share of sequences that must be smooth over one, and how many are asked first. */
const SHORTEST = 5;
const MOSTLY = 0.75;
const FEW = 4;
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
    const output = outputOf(model);
    const path = pathGraph(graph, sources, output);
    const total = groups.reduce((sum, { batch }) => sum + batch, 0);
    const windows = windowsOf(Math.max(...groups.map(({ steps }) => steps)));
    const over = async (window: number, chosen: StudyContext['groups'], share: (done: number) => void): Promise<AttributedSequence[]> => {
      const found: AttributedSequence[] = [];
      for (const group of chosen) {
        const tell = (done: number): void => share((found.length + done * group.batch) / total);
        found.push(...(await attributed(context, group, { graph, sources, output, path, window, tell })));
      }
      return found;
    };
    let sequences: AttributedSequence[] = [];
    let window = windows[0]!;
    for (const [k, each] of windows.entries()) {
      const share = (done: number): void => check((k + done) / windows.length);
      // A few first: to find out that a window is too long takes the most points.
      const [first] = groups as [Sequences];
      const few = { ...first, ...fewOf(model, first) };
      if (k > 0 && few.batch < total && !isSmooth(await over(each, [few], share))) break;
      const found = await over(each, groups, share);
      if (k > 0 && !isSmooth(found)) break;
      [sequences, window] = [found, each];
    }
    const isWhole = window === windows.at(-1);
    return {
      output: output.what,
      ...(isWhole ? {} : { window }),
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
                  window,
                ),
              },
            ]
          : [],
      ),
      left: others,
    };
  },
};

/** Numbers of last steps that go along the path: each twice the one before, and all. */
function windowsOf(steps: number): number[] {
  const windows: number[] = [];
  for (let window = SHORTEST; window < steps; window *= 2) windows.push(window);
  return [...windows, steps];
}

const isSmooth = (found: readonly AttributedSequence[]): boolean =>
  found.filter(({ residual }) => residual <= LIMIT).length >= MOSTLY * found.length;

/** The first sequences of a group by themselves. */
function fewOf(model: Model, { inputs, batch, steps, lengths }: Sequences): Pick<Sequences, 'inputs' | 'batch'> {
  const rows = Array.from({ length: Math.min(FEW, batch) }, (_, row) => row);
  const sizes = traceSizes(model, steps, lengths, batch);
  return {
    batch: rows.length,
    inputs: Object.fromEntries(
      model.inputs.map(({ name, value }) => [name, chosenRows(inputs[name]!, value.type.axes, sizes, rows) as Float32Array | Int32Array]),
    ),
  };
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

interface Along {
  readonly graph: Graph;
  readonly sources: readonly InputSource[];
  readonly output: Output;
  readonly path: PathGraph;
  /** The last steps that go along the path. */
  readonly window: number;
  readonly tell: (done: number) => void;
}

async function attributed(context: StudyContext, group: Sequences, along: Along): Promise<AttributedSequence[]> {
  const { graph, sources, output, path, window, tell } = along;
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
  const own = chosenNumbers(output, order, sizes, read.slice(path.cuts.length));
  const steps = path.cuts.map((cut) => sources.find(({ values }) => values.includes(cut))!.along);
  /** Whether a step of a value goes along the path. */
  const moves = (k: number, row: number, step: number): boolean => {
    const axis = steps[k];
    if (axis === undefined) return true;
    const last = axis === stepsAxis(output.value) ? own.at![row]! : sizes[axis]! - 1;
    return step > last - window;
  };
  const inputs = path.cuts.map(({ type }, k) => {
    const axes = firsts[k]!.map((name) => type.axes.find((axis) => axis.name === name)!);
    const data = arranged(cuts[k]!, type.axes, sizes, firsts[k]!) as Float32Array;
    return scaled(data, axes, sizes, steps[k], (row, step) => Number(moves(k, row, step)));
  });
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
          const factor = (place: number, step: number): number => (moves(k, rows[place]!, step) ? (now[place]?.share ?? 0) : 1);
          given.set(cut, scaled(data, cut.type.axes, { ...sizes, B: rows.length }, steps[k], factor));
        }
        const [outputs, ...gradients] = await runs.run(path.graph, rows, given, [['B'], ...firsts]);
        for (const [k, job] of now.entries()) {
          job.output?.(outputs![k]!);
          for (const [n, sums] of (job.sums ?? []).entries()) {
            const [gradient, input, width] = [gradients[n]!, inputs[n]!, widths[n]!];
            for (let at = 0; at < width; at += 1) sums[at]! += job.weight * gradient[k * width + at]! * input[job.row * width + at]!;
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

/** Each number times the factor of its row and its step along an axis; the step is 0 where there is none. */
function scaled(
  data: Float32Array,
  axes: readonly Axis[],
  sizes: Sizes,
  along: string | undefined,
  factor: (row: number, step: number) => number,
): Float32Array {
  const lengths = sizesOf(axes, sizes);
  const strideOf = (name: string): readonly [stride: number, length: number] => {
    const place = axes.findIndex((axis) => axis.name === name);
    return place < 0 ? [1, 1] : [product(lengths.slice(place + 1)), lengths[place]!];
  };
  const [row, rows] = strideOf('B');
  const [step, steps] = along === undefined ? [1, 1] : strideOf(along);
  return data.map((each, k) => each * factor(Math.floor(k / row) % rows, Math.floor(k / step) % steps));
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
  const words = input.classes === undefined ? undefined : vocabularies[input.classes];
  const width = data.length / count;
  return Array.from({ length: count }, (_, t) => {
    const own = Array.from(data.subarray(t * width, Math.min(t * width + SHOWN, (t + 1) * width)));
    const said = own.map((each) =>
      input.value.type.dtype === 'int' ? (words?.[each] ?? String(each)) : String(Number(each.toPrecision(3))),
    );
    return width > SHOWN ? `${said.join(' ')} …` : said.join(' ');
  });
}

/** By lag from the output, back to the first step that goes along the path: mean share of the sequences that reach so far. */
function sharesByLag(
  sequences: readonly AttributedSequence[],
  input: number,
  window: number,
): Pick<Attribution['byLag'][number], 'share' | 'low' | 'high'> {
  const shares = sequences.flatMap(({ at, inputs }) => {
    const total = inputs.reduce((sum, { values }) => sum + values.reduce((own, each) => own + Math.abs(each), 0), 0);
    const { values } = inputs[input]!;
    if (at === undefined || total === 0) return [];
    return [Array.from({ length: Math.min(at + 1, window) }, (_, lag) => Math.abs(values[at - lag] ?? 0) / total)];
  });
  const reach = Math.max(0, ...shares.map(({ length }) => length));
  const estimates = Array.from({ length: reach }, (_, lag) => meanEstimate(shares.flatMap((each) => each[lag] ?? [])));
  return {
    share: estimates.map(({ value }) => value),
    low: estimates.map(({ low }) => Math.max(0, low)),
    high: estimates.map(({ high }) => Math.min(1, high)),
  };
}
