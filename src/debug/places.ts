// Between places in source files and the lines of a trace. Files are compared by their URI.

import { pathToFileURL } from 'node:url';
import type { SourceRange } from '../shared/source.ts';
import type { Program, Site } from './program.ts';

/** The lines that a breakpoint on a source line means: those written there, else the next line of the same cell. Empty where there is none. */
export const sitesAt = (program: Program, uri: string, line: number): readonly Site[] => {
  const here = program.sites.filter((site) => sameFile(site.line.range.uri, uri));
  const exact = here.filter((site) => covers(site.line.range, line));
  if (exact.length > 0) return exact;
  const within = here.filter(({ instance }) => sameFile(instance.definition.uri, uri) && covers(instance.definition, line));
  const next = within.map((site) => site.line.range.start.line).filter((start) => start > line);
  const nearest = Math.min(...next);
  return within.filter((site) => site.line.range.start.line === nearest);
};

/** Zero-based source lines, from `from` to `to`, at which one can stop. */
export const stoppableLines = (program: Program, uri: string, from: number, to: number): readonly SourceRange[] => {
  const lines = new Map<number, SourceRange>();
  for (const { line } of program.sites)
    if (sameFile(line.range.uri, uri) && line.range.start.line >= from && line.range.start.line <= to)
      lines.set(line.range.start.line, line.range);
  return [...lines.values()].sort((a, b) => a.start.line - b.start.line);
};

export const sameFile = (a: string, b: string): boolean => a === b || normal(a) === normal(b);

/** A file's URI in one spelling; what is no file stays as it is. */
const normal = (uri: string): string => {
  if (!uri.startsWith('file:')) return uri;
  try {
    return decodeURIComponent(new URL(uri).pathname).replace(/^\/([A-Za-z]):/, (_, drive: string) => `/${drive.toLowerCase()}:`);
  } catch {
    return uri;
  }
};

export const uriOfPath = (path: string): string => (/^[a-z][a-z0-9+.-]+:\/\//i.test(path) ? path : pathToFileURL(path).href);

const covers = (range: SourceRange, line: number): boolean => range.start.line <= line && line <= range.end.line;
