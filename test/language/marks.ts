// Texts with «marked» places, where faults are expected.

import assert from 'node:assert/strict';
import type { Fault } from '../../src/shared/source.ts';

export interface Marked {
  readonly text: string;
  /** Offsets, in the order of the text. */
  readonly marks: readonly { readonly from: number; readonly to: number }[];
}

export function marked(source: string): Marked {
  let text = '';
  const open: number[] = [];
  const marks: { from: number; to: number }[] = [];
  for (const part of source.split(/([«»])/)) {
    if (part === '«') open.push(text.length);
    else if (part === '»') marks.push({ from: open.pop()!, to: text.length });
    else text += part;
  }
  return { text, marks: marks.sort((a, b) => a.from - b.from) };
}

export function offsetOf(text: string, { line, column }: Fault['range']['start']): number {
  const lines = text.split('\n');
  return lines.slice(0, line).reduce((sum, each) => sum + each.length + 1, 0) + column;
}

/** The faults, one a line: the marked text, and what is said of it. */
export const shown = (text: string, faults: readonly Fault[]): string[] =>
  faults.map(({ range, message }) => `${text.slice(offsetOf(text, range.start), offsetOf(text, range.end))} | ${message}`);

/** Each mark has a fault with the message (all of it, or what a pattern matches), and there are no others. */
export function assertFaults({ text, marks }: Marked, faults: readonly Fault[], messages: readonly (string | RegExp)[]): void {
  const found = faults.map(({ range }) => ({ from: offsetOf(text, range.start), to: offsetOf(text, range.end) }));
  assert.deepEqual(
    { places: found, faults: shown(text, faults).length },
    { places: [...marks], faults: messages.length },
    shown(text, faults).join('\n'),
  );
  faults.forEach(({ message }, k) => {
    const expected = messages[k]!;
    if (typeof expected === 'string') assert.equal(message, expected);
    else assert.match(message, expected);
  });
}
