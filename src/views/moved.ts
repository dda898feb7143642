// Where a place in a text is after the text was changed elsewhere.

import type { SourceRange } from '../shared/source.ts';

type Position = SourceRange['start'];

/** A stretch that was replaced, as it was before. */
export interface TextChange {
  readonly start: Position;
  readonly end: Position;
  readonly text: string;
}

const isBefore = (a: Position, b: Position): boolean => a.line < b.line || (a.line === b.line && a.column <= b.column);

/** Undefined where the change touches one of its lines; of a place between two characters, where it stands inside the change. */
export function moved(range: SourceRange, { start, end, text }: TextChange): SourceRange | undefined {
  const delta = text.split('\n').length - 1 - (end.line - start.line);
  const by = (place: Position): Position => ({ ...place, line: place.line + delta });
  const isEmpty = range.start.line === range.end.line && range.start.column === range.end.column;
  if (isEmpty && isBefore(range.start, start)) return range;
  const last = !isEmpty && range.end.column === 0 ? range.end.line - 1 : range.end.line;
  if (start.line > last) return range;
  // Up to the beginning of its first line, which stays one.
  const stays = text.endsWith('\n') || (text === '' && start.column === 0);
  const isAbove = end.line < range.start.line || (end.line === range.start.line && end.column === 0 && stays);
  return isAbove ? { ...range, start: by(range.start), end: by(range.end) } : undefined;
}
