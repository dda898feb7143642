// A tensor as the debugger has it: a few numbers with a shape, and what is said of it in one line.

import { numberText, shareText } from '../shared/numbers.ts';

/** Row-major. `dimensions` are the names of the axes where they are known (`['H']`), else their sizes as text. `range` is what the values
 *  can be, where the equation says so: a gate lies in [0, 1]. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly dimensions: readonly string[];
  readonly data: ArrayLike<number>;
  readonly range?: 'gate' | 'signed' | 'scores';
  /** What the elements of the last axis stand for: the classes that are predicted. */
  readonly classes?: readonly string[];
}

export const scalar = (value: number): Tensor => ({ shape: [], dimensions: [], data: [value] });

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

export interface Statistics {
  readonly mean: number;
  readonly least: number;
  readonly most: number;
  /** How many are NaN or infinite; they count in no other figure. */
  readonly broken: number;
  /** Shares below .1 and above .9. */
  readonly below: number;
  readonly above: number;
}

export const statistics = (data: ArrayLike<number>): Statistics => {
  let sum = 0;
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let broken = 0;
  let below = 0;
  let above = 0;
  for (let k = 0; k < data.length; k++) {
    const value = data[k]!;
    if (!Number.isFinite(value)) {
      broken++;
      continue;
    }
    sum += value;
    if (value < least) least = value;
    if (value > most) most = value;
    if (value < 0.1) below++;
    if (value > 0.9) above++;
  }
  const count = data.length - broken;
  return { mean: count > 0 ? sum / count : Number.NaN, least, most, broken, below: below / data.length, above: above / data.length };
};

/** The distribution as Unicode blocks: for a gate from 0 to 1, for squashed values from −1 to 1, else from the least to the greatest. */
export const sparkline = ({ data, range }: Tensor, bins = 6): string => {
  const { least, most, broken } = statistics(data);
  if (broken === data.length) return '';
  const [low, high] = range === 'gate' ? [0, 1] : range === 'signed' ? [-1, 1] : [least, most];
  const counts = new Array<number>(bins).fill(0);
  for (let k = 0; k < data.length; k++) {
    const value = data[k]!;
    if (!Number.isFinite(value)) continue;
    const place = high > low ? Math.floor(((value - low) / (high - low)) * bins) : 0;
    counts[Math.min(bins - 1, Math.max(0, place))]! += 1;
  }
  const tallest = Math.max(...counts);
  return counts.map((count) => '▁▂▃▄▅▆▇█'[Math.round((count / tallest) * 7)]).join('');
};

/** `[256] mean .76, .01 … .99, 10 % < .1, 59 % > .9 ▁▂▁▁▃█`; a number alone is a number. */
export const tensorText = (tensor: Tensor): string => {
  if (tensor.shape.length === 0) return numberText(tensor.data[0] ?? Number.NaN);
  const { mean, least, most, broken, below, above } = statistics(tensor.data);
  const shape = `[${tensor.shape.join(', ')}]`;
  if (tensor.data.length === 0) return shape;
  if (broken === tensor.data.length) return `${shape} no finite value`;
  const parts = [`mean ${numberText(mean)}`, `${numberText(least)} … ${numberText(most)}`];
  if (tensor.range === 'gate') parts.push(`${shareText(below)} < .1, ${shareText(above)} > .9`);
  if (broken > 0) parts.push(`${broken} not finite`);
  return `${shape} ${parts.join(', ')} ${sparkline(tensor)}${predicted(tensor, 3)}`;
};

/** What fits at the end of a source line: `.76 ▁▂▂▅`. */
export const shortText = (tensor: Tensor): string => {
  if (tensor.shape.length === 0) return numberText(tensor.data[0] ?? Number.NaN);
  const { mean, broken } = statistics(tensor.data);
  return `${numberText(mean)} ${sparkline(tensor, 4)}${broken > 0 ? ` ${broken} not finite` : ''}${predicted(tensor, 1)}`;
};

/** The classes that scores make most probable: ` → 'e' 42 %, 't' 11 %`. */
const predicted = ({ shape, range, classes, data }: Tensor, count: number): string => {
  if (range !== 'scores' || !classes || shape.length !== 1) return '';
  const scores = Array.from(data);
  const most = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
  if (!Number.isFinite(total)) return '';
  const first = scores.map((score, k) => ({ score, k })).sort((a, b) => b.score - a.score);
  const texts = first.slice(0, count).map(({ score, k }) => `${quoted(classes[k] ?? '')} ${shareText(Math.exp(score - most) / total)}`);
  return ` → ${texts.join(', ')}`;
};

/** A token in single quotes, its line ends and tabs written out. */
export const quoted = (token: string): string =>
  `'${token.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')}'`;

/** Row `index` along the first axis. */
export const row = (tensor: Tensor, index: number): Tensor => {
  const shape = tensor.shape.slice(1);
  const size = sizeOf(shape);
  const data = tensor.data;
  const part =
    data instanceof Float32Array
      ? data.subarray(index * size, (index + 1) * size)
      : Array.from(data).slice(index * size, (index + 1) * size);
  return { ...tensor, shape, dimensions: tensor.dimensions.slice(1), data: part };
};
