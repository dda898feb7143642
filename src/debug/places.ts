// Between places in source files and the lines of a trace. Files are compared by their URI.

import { pathToFileURL } from 'node:url';
import type { SourceRange } from '../shared/source.ts';
import type { InstanceDescription } from '../shared/trace.ts';
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

/** The instances whose cell is written around a source line. */
export const definedAt = (program: Program, uri: string, line: number): readonly InstanceDescription[] =>
  program.trace.instances.filter(({ definition }) => sameFile(definition.uri, uri) && covers(definition, line));

/** The source of the trace that a person means by a file: itself, else one of the same name and text (the library that is shipped, for the copy
 *  that a run keeps). */
export const tracedSource = async (program: Program, uri: string, read: (uri: string) => Promise<string>): Promise<string> => {
  const traced = [...new Set(program.sites.map(({ line }) => line.range.uri))];
  const name = (source: string): string => source.slice(source.lastIndexOf('/') + 1);
  const alike = traced.filter((other) => name(other) === name(uri));
  if (alike.length === 0 || alike.some((other) => sameFile(other, uri))) return uri;
  const text = await read(uri).catch(() => undefined);
  for (const other of alike) if (text !== undefined && (await read(other).catch(() => undefined)) === text) return other;
  return uri;
};

/** Zero-based source lines, from `from` to `to`, at which one can stop. */
export const stoppableLines = (program: Program, uri: string, from: number, to: number): readonly SourceRange[] => {
  const lines = new Map<number, SourceRange>();
  for (const { line } of program.sites)
    if (sameFile(line.range.uri, uri) && line.range.start.line >= from && line.range.start.line <= to)
      lines.set(line.range.start.line, line.range);
  return [...lines.values()].sort((a, b) => a.start.line - b.start.line);
};

export const sameFile = (a: string, b: string): boolean =>
  a === b || (absolutePath(a) !== undefined && absolutePath(a) === absolutePath(b));

/** The path of a file's URI, or of an absolute path, in one spelling: forward slashes, a small drive letter. Undefined for what is no file. */
export const absolutePath = (source: string): string | undefined => {
  if (!source.startsWith('file:')) return /^([a-z]:)?[\\/]/i.test(source) ? spelled(source) : undefined;
  try {
    return spelled(decodeURIComponent(new URL(source).pathname));
  } catch {
    return undefined;
  }
};

const spelled = (path: string): string =>
  path.replaceAll('\\', '/').replace(/^\/?([A-Za-z]):/, (_, drive: string) => `${drive.toLowerCase()}:`);

export const uriOfPath = (path: string): string => (/^[a-z][a-z0-9+.-]+:\//i.test(path) ? path : pathToFileURL(path).href);

const covers = (range: SourceRange, line: number): boolean => range.start.line <= line && line <= range.end.line;
