// The losses of sequences by themselves, of a model as it is and of many trials of it side by side.

import type { Graph, Value } from '../../graph/graph.ts';
import { select } from '../../graph/prune.ts';
import type { Ablated } from '../../shared/analysis.ts';
import { type Elements, product, type Sizes, sizesOf, spread } from '../../tracing/arrays.ts';
import { graphAtRest } from '../../tracing/source.ts';
import { traceSizes } from '../../tracing/trace.ts';
import type { Sequences } from '../analyse.ts';
import { RowRuns, rowsAtOnce } from './rows.ts';
import type { StudyContext } from './study.ts';

export type Losses = NonNullable<StudyContext['model']['losses']>;

/** What one ablation does to its rows: each parameter that is not 1 (of keep) and 0 (of put) everywhere. */
export interface Trial {
  readonly row: Omit<Ablated, 'value' | 'low' | 'high'>;
  readonly given: readonly { readonly parameter: Value; readonly data: Float32Array }[];
}

/** A graph with some trials of it; parameters that a trial says nothing of are what changes nothing. */
export interface Experiment {
  readonly graph: Graph;
  readonly parameters: readonly { readonly value: Value; readonly neutral: number }[];
  /** For sequences of so many steps. */
  trials(sizes: Sizes): readonly Trial[];
}

/** Runs a model for the losses of its sequences. */
export class LossRuns {
  readonly #context: StudyContext;
  readonly #losses: Losses;
  /** By group: how many losses each sequence has. */
  readonly #counts = new Map<Sequences, readonly number[]>();

  constructor(context: StudyContext, losses: Losses) {
    this.#context = context;
    this.#losses = losses;
  }

  /** By group, the loss of each sequence: the mean over the steps that count, NaN where there is none. */
  async plain(): Promise<number[][]> {
    const { model, groups } = this.#context;
    const { value, counted } = this.#losses;
    const graph = select(graphAtRest(model), [value, counted]);
    const found: number[][] = [];
    for (const group of groups) {
      const sizes = traceSizes(model, group.steps, group.lengths, group.batch);
      const runs = new RowRuns(this.#context, group, group.batch);
      try {
        const order = rowsFirst(value);
        const all = Array.from({ length: group.batch }, (_, row) => row);
        const [losses, counts] = await runs.run(graph, all, new Map(), [order, counted.type.axes.map(({ name }) => name)]);
        const axes = order.map((name) => value.type.axes.find((axis) => axis.name === name)!);
        this.#counts.set(group, sumsByRow(spread(counts!, counted.type.axes, sizes, axes), group.batch));
        found.push(this.#means(losses!, group, group.batch));
      } finally {
        await runs.close();
      }
    }
    return found;
  }

  /** Losses of each sequence by trial. */
  async trials(
    { graph, parameters, trials: of }: Experiment,
    group: Sequences,
    tell: (done: number) => void,
  ): Promise<{ readonly row: Trial['row']; readonly losses: readonly number[] }[]> {
    const { model } = this.#context;
    const { batch } = group;
    const sizes = traceSizes(model, group.steps, group.lengths, batch);
    const trials = of(sizes);
    const together = Math.max(1, Math.min(trials.length, Math.floor(rowsAtOnce(graph, sizes) / batch)));
    const runs = new RowRuns(this.#context, group, together * batch);
    const found: { readonly row: Trial['row']; readonly losses: readonly number[] }[] = [];
    const rows = Array.from({ length: together * batch }, (_, k) => k % batch);
    const wanted = parameters.filter(({ value }) => graph.parameters.includes(value));
    try {
      for (let from = 0; from < trials.length; from += together) {
        const now = trials.slice(from, from + together);
        const given = new Map<Value, Elements>();
        for (const { value, neutral } of wanted)
          given.set(value, this.#parameter(value, neutral, now, { ...sizes, B: rows.length }, batch));
        const [losses] = await runs.run(graph, rows, given, [rowsFirst(this.#losses.value)]);
        const width = losses!.length / rows.length;
        for (const [k, { row }] of now.entries())
          found.push({ row, losses: this.#means(losses!.subarray(k * batch * width, (k + 1) * batch * width), group, batch) });
        tell((from + now.length) / trials.length);
      }
    } finally {
      await runs.close();
    }
    return found;
  }

  /** The elements of a parameter with the axis B: of each trial what it says, for all of its sequences. */
  #parameter(value: Value, neutral: number, trials: readonly Trial[], sizes: Sizes, batch: number): Float32Array {
    const { axes } = value.type;
    const place = axes.findIndex(({ name }) => name === 'B');
    const inner = product(sizesOf(axes.slice(place + 1), sizes));
    const result = new Float32Array(product(sizesOf(axes, sizes))).fill(neutral);
    const rows = sizes.B!;
    for (const [k, { given }] of trials.entries())
      for (const { parameter, data } of given) {
        if (parameter !== value) continue;
        for (const [at, each] of data.entries()) {
          const [outside, inside] = [Math.floor(at / inner), at % inner];
          for (let row = k * batch; row < (k + 1) * batch; row += 1) result[(outside * rows + row) * inner + inside] = each;
        }
      }
    return result;
  }

  #means(losses: Elements, group: Sequences, rows: number): number[] {
    const counts = this.#counts.get(group)!;
    return sumsByRow(losses, rows).map((sum, row) => (counts[row] === 0 ? Number.NaN : sum / counts[row]!));
  }
}

const rowsFirst = (value: Value): string[] => ['B', ...value.type.axes.map(({ name }) => name).filter((name) => name !== 'B')];

function sumsByRow(losses: Elements, rows: number): number[] {
  const data = losses as Float32Array;
  const width = data.length / rows;
  return Array.from({ length: rows }, (_, row) => data.subarray(row * width, (row + 1) * width).reduce((sum, each) => sum + each, 0));
}
