// Where the lines of a trace stand for the person who reads them. A run is traced from its own copy of the sources; where the copy is still
// what the person has open, the debugger shall stand in the file itself, so that its breakpoints hold there.

import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { SourceRange } from '../shared/source.ts';
import type { Trace, TraceDescription } from '../shared/trace.ts';
import { type Run, readRecord } from './run.ts';

export interface AtHome {
  readonly trace: Trace;
  /** Files that have changed since the run was trained: their copies in the run are shown instead. */
  readonly changed: readonly string[];
}

/** `library`: the folder of the standard library that this version comes with. `run`: the folder of the run that was traced, if it was one. */
export async function atHome(trace: Trace, library: string, run: string | undefined): Promise<AtHome> {
  const changed: string[] = [];
  const homes = new Map<string, string>();
  const record = run === undefined ? undefined : await readRecord(run);
  for (const uri of urisOf(trace.description)) {
    const { path, other } = await homeOf(uri, library, run === undefined || record === undefined ? undefined : { folder: run, record });
    if (other !== undefined) changed.push(other);
    homes.set(uri, pathToFileURL(path).href);
  }
  const move = (range: SourceRange): SourceRange => ({ ...range, uri: homes.get(range.uri)! });
  const instances = trace.description.instances.map((instance) => ({
    ...instance,
    definition: move(instance.definition),
    lines: instance.lines.map((line) => ({ ...line, range: move(line.range) })),
    ...(instance.call === undefined ? {} : { call: move(instance.call) }),
  }));
  return { trace: withInstances(trace, instances), changed };
}

/** Where a person has a source that a trace or an analysis names: `other` is their file, where it is no longer what the run keeps. */
export async function homeOf(
  uri: string,
  library: string,
  run: Pick<Run, 'folder' | 'record'> | undefined,
): Promise<{ readonly path: string; readonly other?: string }> {
  const path = uri.startsWith('file:') ? fileURLToPath(uri) : uri;
  if (run === undefined) return { path };
  const name = relative(join(run.folder, 'source'), path).replaceAll(sep, '/');
  const isLibrary = name.startsWith('@std/');
  const own = isLibrary ? join(library, name.slice('@std/'.length)) : join(run.record.file, '..', name);
  if (await same(path, own)) return { path: own };
  return isLibrary ? { path } : { path, other: own };
}

function urisOf({ instances }: TraceDescription): Set<string> {
  const ranges = instances.flatMap(({ definition, call, lines }) => [
    definition,
    ...(call ? [call] : []),
    ...lines.map(({ range }) => range),
  ]);
  return new Set(ranges.map(({ uri }) => uri));
}

async function same(copy: string, original: string): Promise<boolean> {
  const [a, b] = await Promise.all([copy, original].map((path) => readFile(path, 'utf8').catch(() => undefined)));
  return a !== undefined && a === b;
}

function withInstances(trace: Trace, instances: TraceDescription['instances']): Trace {
  return {
    get description() {
      return { ...trace.description, instances };
    },
    read: (request) => trace.read(request),
    summary: (kind) => trace.summary(kind),
    weight: (name) => trace.weight(name),
    differentiate: (objective) => trace.differentiate(objective),
    close: () => trace.close(),
  };
}
