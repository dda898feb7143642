// A line of a trace in today's file: it may have moved since the export.

import type { PythonFrame } from './stack.ts';

export type LineMatch =
  /** The trace's text stands on its line. */
  | { readonly kind: 'same'; readonly line: number }
  /** It stands elsewhere now. */
  | { readonly kind: 'moved'; readonly line: number }
  /** The trace has no text to compare, and the file has that line. */
  | { readonly kind: 'unchecked'; readonly line: number }
  /** The text stands nowhere any more, or the file is shorter than the line. */
  | { readonly kind: 'gone' };

/** Where a frame's line stands in `source`: on its line, else the nearest line with that text, those in the frame's function first. Lines are one-based. */
export function findLine(frame: Pick<PythonFrame, 'line' | 'text' | 'function'>, source: string): LineMatch {
  const lines = source.split(/\r?\n/);
  const { line, text } = frame;
  if (text === undefined || squeezed(text) === '')
    return line >= 1 && line <= lines.length ? { kind: 'unchecked', line } : { kind: 'gone' };
  const wanted = squeezed(text);
  for (const fits of [(each: string) => each === wanted, (each: string) => wanted.length >= 8 && each.startsWith(wanted)]) {
    if (fits(squeezed(lines[line - 1] ?? ''))) return { kind: 'same', line };
    const places = lines.flatMap((each, k) => (each.length <= 4096 && fits(squeezed(each)) ? [k + 1] : []));
    const byDistance = places.sort((a, b) => Math.abs(a - line) - Math.abs(b - line) || a - b);
    const home = frame.function?.split('.').at(-1);
    const within = home === undefined ? undefined : byDistance.slice(0, considered).find((place) => functionAt(lines, place) === home);
    const nearest = within ?? byDistance[0];
    if (nearest !== undefined) return { kind: 'moved', line: nearest };
  }
  return { kind: 'gone' };
}

/** Of lines with the same text, so many are asked for their function. */
const considered = 100;

const squeezed = (text: string): string => text.trim().replace(/\s+/g, ' ');

/** The name of the function that a line (one-based) stands in: the nearest `def` above it that is indented less. */
function functionAt(lines: readonly string[], line: number): string | undefined {
  let indent = indentOf(lines[line - 1] ?? '');
  for (let k = line - 2; k >= 0 && indent > 0; k--) {
    const above = lines[k]!;
    if (above.trim() === '' || indentOf(above) >= indent) continue;
    const match = /^\s*(?:async\s+)?def\s+(\w+)/.exec(above);
    if (match !== null) return match[1];
    indent = indentOf(above);
  }
  return undefined;
}

export const indentOf = (line: string): number => line.length - line.trimStart().length;
