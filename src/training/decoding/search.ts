// Rows that are written token by token, each going its own way: the best token of each step, or one that is drawn.

import { random } from '../../shared/random.ts';
import { choose, type StepwiseSearch } from '../generate.ts';
import { rowOf } from './attention.ts';
import type { Decoding } from './decoder.ts';

/** What tokens mean to a search. */
export interface Rules {
  /** What is read before the first token. */
  readonly begin: number;
  /** Ends a row; without it, rows go on until their length. */
  readonly end?: number;
  /** Never chosen: ‹begin›, and ‹unknown› where nothing stands for it. */
  readonly never: readonly number[];
  /** Most tokens of a row, without ‹end›. */
  readonly length: number;
  /** Tokens that rows begin with: what the search continues. They count towards the length. */
  readonly prefix?: readonly number[];
  /** Of each line that was asked for: how many real places of the source each row has. */
  readonly real?: readonly (readonly number[])[];
}

/** Is told the tokens of the first row after each step, of a beam its best beginning, and waited for. What it throws ends the search. */
export type Watch = (tokens: readonly number[]) => void | Promise<void>;

export interface Hypothesis {
  /** Without ‹begin› and ‹end›. */
  readonly tokens: readonly number[];
  /** It came to ‹end›; else it was cut at its length. */
  readonly ended: boolean;
  /** What the lines that were asked for said at each token, ‹end› included: [tokens][lines]. */
  readonly lines: readonly (readonly Float32Array[])[];
}

/** Each row of a decoding that has read nothing yet, written by itself. What a row draws depends on the seed and its place alone. */
export async function searchRows(begun: Decoding, rules: Rules, search: StepwiseSearch, seed = 1, watch?: Watch): Promise<Hypothesis[]> {
  const { begin, end, never, length, prefix = [], real = [] } = rules;
  const rows = Array.from({ length: begun.rows }, (_, row) => ({
    row,
    chance: random(seed, 'generate', row),
    tokens: [...prefix],
    lines: [] as Float32Array[][],
    last: begin,
    ended: false,
  }));
  let decoding = begun;
  /** The rows that the decoding has. */
  let held = rows;
  for (let step = 0; step <= length && rows.some(({ ended }) => !ended); step += 1) {
    if (step === length && end === undefined) break;
    const { scores, lines, after } = await decoding.read(Int32Array.from(held, ({ last }) => last));
    decoding = after;
    const width = scores.length / held.length;
    held.forEach((each, at) => {
      if (each.ended) return;
      each.lines.push(lines.map((line, k) => rowOf(line, at, real[k]?.[each.row] ?? line.dims.at(-1)!)));
      const own = scores.subarray(at * width, (at + 1) * width);
      const token = prefix[step] ?? choose(own, search, each.chance, never);
      if (step < prefix.length) each.last = token;
      else if (token === end) each.ended = true;
      else if (step < length) {
        each.tokens.push(token);
        each.last = token;
      } else each.lines.pop();
    });
    await watch?.(rows[0]?.tokens ?? []);
    const left = held.flatMap(({ ended }, at) => (ended ? [] : [at]));
    // Rows that have ended are computed along until they are half of all.
    if (left.length > 0 && left.length <= held.length / 2) {
      decoding = decoding.take(left);
      held = left.map((at) => held[at]!);
    }
  }
  return rows.map(({ tokens, ended, lines }) => ({ tokens, ended, lines }));
}
