// Texts that are changed, and what was changed of them line by line.

import type { SourceRange } from './source.ts';

/** A stretch of a text that is replaced. */
export interface SourceEdit {
  readonly range: SourceRange;
  /** What stands there, so that it is known whether it still does. */
  readonly was: string;
  readonly text: string;
}

/** A stretch of a text by its offsets, and what takes its place. */
export interface OffsetEdit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The text with all edits made, which do not overlap. */
export const replaced = (text: string, edits: readonly OffsetEdit[]): string =>
  edits
    .toSorted((a, b) => b.from - a.from || b.to - a.to)
    .reduce((result, { from, to, text: own }) => result.slice(0, from) + own + result.slice(to), text);

/** The text of a file with those edits made that are of it. Undefined where it is no longer what the edits were made for. */
export function edited(text: string, uri: string, edits: readonly SourceEdit[]): string | undefined {
  const starts = lineStarts(text);
  const offset = ({ line, column }: SourceRange['start']): number => Math.min(text.length, (starts[line] ?? text.length) + column);
  const own = edits
    .filter(({ range }) => range.uri === uri)
    .map((edit) => ({ from: offset(edit.range.start), to: offset(edit.range.end), text: edit.text, was: edit.was }));
  return own.every(({ from, to, was }) => text.slice(from, to) === was) ? replaced(text, own) : undefined;
}

/** The lines in which two texts differ, as edits of whole lines of the first: the fewest that there are. */
export function lineEdits(before: string, after: string, uri: string): SourceEdit[] {
  const [a, b] = [linesOf(before), linesOf(after)];
  const found: SourceEdit[] = [];
  const add = (from: number, to: number, start: number, end: number): void => {
    const place = (line: number): SourceRange['start'] =>
      // Behind the last line, if that has no end, there is no next one to begin.
      line < a.length || before.endsWith('\n') || before === '' ? { line, column: 0 } : { line: line - 1, column: a.at(-1)!.length };
    found.push({
      range: { uri, start: place(from), end: place(to) },
      was: a.slice(from, to).join(''),
      text: b.slice(start, end).join(''),
    });
  };
  let [i, j] = [0, 0];
  for (const [x, y] of [...common(a, b), [a.length, b.length] as const]) {
    if (x > i || y > j) add(i, x, j, y);
    [i, j] = [x + 1, y + 1];
  }
  return found;
}

/** Each with its end. */
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** Offsets at which lines begin. */
export const lineStarts = (text: string): number[] => {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
};

/** The longest common subsequence, as pairs of places. */
function common(a: readonly string[], b: readonly string[]): (readonly [number, number])[] {
  let [head, tail] = [0, 0];
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const [n, m] = [a.length - head - tail, b.length - head - tail];
  const length = Array.from({ length: n + 1 }, () => new Int32Array(m + 1));
  for (let i = n - 1; i >= 0; i -= 1)
    for (let j = m - 1; j >= 0; j -= 1)
      length[i]![j] = a[head + i] === b[head + j] ? length[i + 1]![j + 1]! + 1 : Math.max(length[i + 1]![j]!, length[i]![j + 1]!);
  const pairs = Array.from({ length: head }, (_, k) => [k, k] as const);
  for (let i = 0, j = 0; i < n && j < m; ) {
    if (a[head + i] === b[head + j]) pairs.push([head + i++, head + j++]);
    else if (length[i + 1]![j]! >= length[i]![j + 1]!) i += 1;
    else j += 1;
  }
  for (let k = tail; k > 0; k -= 1) pairs.push([a.length - k, b.length - k]);
  return pairs;
}
