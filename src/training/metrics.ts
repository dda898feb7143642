// What a model's answers are worth, counted batch by batch.
//
// Accuracy: share of what is compared. F1: of each class 2 tp / (2 tp + fp + fn) (van Rijsbergen 1979), their mean over the classes that occur in truth or
// answer (macro). Exact: share of rows in which all is right. Perplexity: exp of the mean cross-entropy; bits: the same in base 2, a step.
// RMSE and MAE are in the data's own unit.

import type { Model } from '../graph/model.ts';
import type { Scale } from '../shared/dataset.ts';
import type { Metric } from '../shared/settings.ts';
import type { LengthFigures, RunReport } from '../shared/training.ts';
import type { Judged } from './trainer.ts';

type Comparison = NonNullable<Model['judged']>;

/** The metrics that fit a model's loss. */
export function usualMetrics(judged: Model['judged']): readonly Metric[] {
  if (judged === undefined) return [];
  if (judged.loss === 'cross_entropy')
    return judged.ahead ? [{ kind: 'perplexity' }, { kind: 'bits' }] : [{ kind: 'accuracy' }, { kind: 'f1' }];
  if (judged.loss === 'binary') return [{ kind: 'accuracy' }];
  return [{ kind: 'rmse' }, { kind: 'mae' }, { kind: 'persistence' }];
}

/** Classes of which each pair is counted. */
const MATRIX = 400;

/** Ranges of lengths that are told apart. */
const RANGES = 10;

/** The answers of a model so far. */
export class Tally {
  readonly #comparison: Pick<Comparison, 'loss'>;
  readonly #classes: readonly string[] | undefined;
  readonly #scale: Scale | undefined;
  /** Truth by answer, where the classes are few. */
  readonly #matrix: Float64Array | undefined;
  readonly #right: Float64Array;
  readonly #answered: Float64Array;
  readonly #true: Float64Array;
  #compared = 0;
  #loss = 0;
  #rows = 0;
  #exact = 0;
  /** By the number of answers of a row: rows, answers that are right, rows that are. */
  readonly #byLength = new Map<number, { rows: number; right: number; exact: number }>();
  #squares = 0;
  #sizes = 0;

  /** `classes`: their names, where classes are compared; `scale`: of the numbers. */
  constructor(comparison: Pick<Comparison, 'loss'>, classes: readonly string[] | undefined, scale?: Scale) {
    this.#comparison = comparison;
    this.#classes = comparison.loss === 'binary' ? ['no', 'yes'] : classes;
    this.#scale = scale;
    const count = this.#classes?.length ?? 0;
    this.#matrix = count > 0 && count <= MATRIX ? new Float64Array(count * count) : undefined;
    [this.#right, this.#answered, this.#true] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
  }

  add({ rows, predicted, target, counted, sum }: Judged): void {
    const width = predicted.length / Math.max(1, rows);
    this.#loss += sum;
    for (let row = 0; row < rows; row += 1) {
      let [compared, right] = [0, 0];
      for (let k = row * width; k < (row + 1) * width; k += 1) {
        if (counted[k] === 0) continue;
        compared += 1;
        if (this.#classes === undefined) this.#addNumbers(predicted[k]!, target[k]!, k);
        else if (this.#addClasses(predicted[k]!, target[k]!)) right += 1;
      }
      this.#compared += compared;
      if (compared === 0) continue;
      this.#rows += 1;
      if (right === compared) this.#exact += 1;
      const same = this.#byLength.get(compared) ?? { rows: 0, right: 0, exact: 0 };
      this.#byLength.set(compared, { rows: same.rows + 1, right: same.right + right, exact: same.exact + (right === compared ? 1 : 0) });
    }
  }

  #addClasses(answer: number, truth: number): boolean {
    if (this.#matrix !== undefined) this.#matrix[truth * this.#true.length + answer]! += 1;
    this.#true[truth]! += 1;
    this.#answered[answer]! += 1;
    if (answer !== truth) return false;
    this.#right[truth]! += 1;
    return true;
  }

  #addNumbers(answer: number, truth: number, k: number): void {
    const deviation = this.#scale?.deviation;
    const difference = (answer - truth) * (deviation === undefined ? 1 : deviation[k % deviation.length]!);
    this.#squares += difference * difference;
    this.#sizes += Math.abs(difference);
  }

  /** By the names of StepRecord. What the loss does not allow is left out. */
  metrics(wanted: readonly Metric[]): Record<string, number> {
    const found: Record<string, number> = {};
    if (this.#compared === 0) return found;
    for (const { kind } of wanted) {
      const value = this.#metric(kind);
      if (value !== undefined) found[kind] = value;
    }
    return found;
  }

  #metric(kind: Metric['kind']): number | undefined {
    const isClasses = this.#classes !== undefined;
    const mean = this.#loss / this.#compared;
    const isEntropy = this.#comparison.loss === 'cross_entropy';
    switch (kind) {
      case 'accuracy':
        return isClasses ? this.#right.reduce((sum, each) => sum + each, 0) / this.#compared : undefined;
      case 'f1':
        return isClasses ? this.#f1() : undefined;
      case 'exact':
        return isClasses ? this.#exact / Math.max(1, this.#rows) : undefined;
      case 'perplexity':
        return isEntropy ? Math.exp(mean) : undefined;
      case 'bits':
        return isEntropy ? mean / Math.LN2 : undefined;
      case 'rmse':
        return isClasses ? undefined : Math.sqrt(this.#squares / this.#compared);
      case 'mae':
        return isClasses ? undefined : this.#sizes / this.#compared;
      default:
        return undefined;
    }
  }

  /** Of classes: the figures of rows by how many answers they have, in at most ten ranges of equally many lengths. */
  byLength(): LengthFigures[] {
    const lengths = [...this.#byLength.keys()].sort((a, b) => a - b);
    const [first = 0, last = 0] = [lengths[0], lengths.at(-1)];
    const width = Math.ceil((last - first + 1) / RANGES);
    const ranges = Map.groupBy(lengths, (length) => Math.floor((length - first) / width));
    return Array.from(ranges.values(), (own) => {
      const found = own.map((length) => ({ length, ...this.#byLength.get(length)! }));
      const sum = (of: (each: (typeof found)[number]) => number): number => found.reduce((all, each) => all + of(each), 0);
      const rows = sum((each) => each.rows);
      return {
        ...{ from: own[0]!, to: own.at(-1)!, rows },
        accuracy: sum(({ right }) => right) / sum((each) => each.rows * each.length),
        exact: sum(({ exact }) => exact) / rows,
      };
    });
  }

  #f1(): number {
    const scores = this.#perClass().filter(({ seen }) => seen);
    return scores.reduce((sum, { f1 }) => sum + f1, 0) / Math.max(1, scores.length);
  }

  #perClass(): { precision: number; recall: number; f1: number; count: number; seen: boolean }[] {
    return Array.from(this.#right, (right, k) => {
      const [answered, count] = [this.#answered[k]!, this.#true[k]!];
      const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
      return {
        precision: ratio(right, answered),
        recall: ratio(right, count),
        f1: ratio(2 * right, answered + count),
        count,
        seen: answered + count > 0,
      };
    });
  }

  /** Figures by class, and which class is taken for which where they are few. */
  byClass(): Pick<RunReport, 'classes' | 'confusion'> {
    const names = this.#classes;
    if (names === undefined || this.#matrix === undefined) return {};
    const classes = this.#perClass().flatMap(({ seen, ...figures }, k) => (seen ? [{ name: names[k]!, ...figures }] : []));
    const seen = names.flatMap((name, k) => (this.#true[k]! + this.#answered[k]! > 0 ? [{ name, k }] : []));
    const counts = seen.map(({ k: truth }) => seen.map(({ k: answer }) => this.#matrix![truth * names.length + answer]!));
    return { classes, confusion: { classes: seen.map(({ name }) => name), counts } };
  }
}
