// Graphs on rows that are chosen from the analysed sequences: variants of them side by side along the batch's axis.

import type { Axis, Graph, Value } from '../../graph/graph.ts';
import { arranged, type Elements, product, type Sizes, sizesOf } from '../../tracing/arrays.ts';
import type { Evaluator } from '../../tracing/evaluator.ts';
import { givenElements } from '../../tracing/source.ts';
import { traceSizes } from '../../tracing/trace.ts';
import type { Sequences } from '../analyse.ts';
import type { StudyContext } from './study.ts';

/** Numbers of the widest value of a run. */
const MOST = 2 ** 22;

/** Places along the batch's axis, in the order of `rows`; a place may be chosen often. */
export function chosenRows(data: Elements, axes: readonly Axis[], sizes: Sizes, rows: readonly number[]): Elements {
  const place = axes.findIndex(({ name }) => name === 'B');
  if (place < 0) return data;
  const lengths = sizesOf(axes, sizes);
  const outer = product(lengths.slice(0, place));
  const inner = product(lengths.slice(place + 1));
  const result = new (data.constructor as Float32ArrayConstructor)(outer * rows.length * inner);
  for (let k = 0; k < outer; k += 1)
    for (const [at, row] of rows.entries()) {
      const from = (k * lengths[place]! + row) * inner;
      result.set(data.subarray(from, from + inner), (k * rows.length + at) * inner);
    }
  return result;
}

/** How many rows of a graph fit in one run: the widest of its values has about four million numbers then. */
export function rowsAtOnce(graph: Graph, sizes: Sizes): number {
  const widths = graph.nodes.flatMap(({ outputs }) =>
    outputs.map(({ type }) =>
      product(
        sizesOf(
          type.axes.filter(({ name }) => name !== 'B'),
          sizes,
        ),
      ),
    ),
  );
  return Math.max(1, Math.floor(MOST / Math.max(1, ...widths)));
}

/** Runs graphs of a model on as many rows at once as it was made for. */
export class RowRuns {
  readonly rows: number;
  readonly #evaluator: Evaluator;
  readonly #given: ReadonlyMap<Value, Elements>;
  readonly #own: Sizes;
  readonly #sizes: Sizes;

  constructor({ model, weights, evaluator }: Pick<StudyContext, 'model' | 'weights' | 'evaluator'>, group: Sequences, rows: number) {
    this.rows = rows;
    this.#evaluator = evaluator(rows);
    this.#own = traceSizes(model, group.steps, group.lengths, group.batch);
    this.#sizes = { ...this.#own, B: rows };
    this.#given = givenElements({ id: 0, title: '', model, weights, tokens: [], by: 'number', ...group }, this.#own);
  }

  /** Results with their axes in these orders. `chosen` are the sequences of the group that the rows are of, at most as many as there are rows; `given` has
   *  the elements of further parameters, and of those that are not as the data has them, for all rows. */
  async run(
    graph: Graph,
    chosen: readonly number[],
    given: ReadonlyMap<Value, Elements>,
    orders: readonly (readonly string[])[],
  ): Promise<Elements[]> {
    // A run has all its rows; those that nobody asked for are the first sequence.
    const rows = Array.from({ length: this.rows }, (_, k) => chosen[k] ?? 0);
    const feeds = new Map<Value, Elements>();
    for (const parameter of graph.parameters) {
      const own = this.#given.get(parameter);
      const data = given.get(parameter) ?? (own === undefined ? undefined : chosenRows(own, parameter.type.axes, this.#own, rows));
      if (data !== undefined) feeds.set(parameter, data);
    }
    const results = await this.#evaluator.run(graph, feeds, this.#sizes);
    return results.map(({ data, axes }, k) => arranged(data, axes, this.#sizes, orders[k]!));
  }

  close(): Promise<void> {
    return this.#evaluator.close();
  }
}
