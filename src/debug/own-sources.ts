// A run keeps its own copy of the sources that it was trained from, and a trace of it stands in that copy. Where the person's file still
// says the same, that file is shown and stopped in instead; where it has changed, the copy is.

import type { SourceRange } from '../shared/source.ts';
import type { InstanceDescription, TraceDescription } from '../shared/trace.ts';
import { absolutePath, uriOfPath } from './places.ts';

export interface OwnSources {
  readonly description: TraceDescription;
  /** Files that have changed since the run, by their paths. */
  readonly changed: readonly string[];
}

/** Moves a trace's places to the files beside `program`, where their text is the same. Files of the library stay where they are. */
export const inOwnSources = async (
  description: TraceDescription,
  program: string,
  read: (uri: string) => Promise<string>,
): Promise<OwnSources> => {
  const model = description.instances.find(({ parent }) => parent === undefined);
  const uris = [...new Set(description.instances.flatMap((instance) => rangesOf(instance).map(({ uri }) => uri)))];
  const moved = new Map<string, string>(uris.map((uri) => [uri, uriOf(uri)]));
  const changed: string[] = [];
  const root = model && folderOf(absolutePath(model.definition.uri));
  const home = folderOf(absolutePath(program));
  if (root !== undefined && home !== undefined && root !== home)
    for (const uri of uris) {
      const path = absolutePath(uri);
      if (!path?.startsWith(`${root}/`) || path.startsWith(`${root}/@`)) continue;
      const own = home + path.slice(root.length);
      const [copy, text] = await Promise.all([uri, uriOfPath(own)].map((source) => read(source).catch(() => undefined)));
      if (text !== undefined && text === copy) moved.set(uri, uriOfPath(own));
      else changed.push(own);
    }
  const move = (range: SourceRange): SourceRange => ({ ...range, uri: moved.get(range.uri) ?? range.uri });
  const instances = description.instances.map(
    (instance): InstanceDescription => ({
      ...instance,
      definition: move(instance.definition),
      ...(instance.call && { call: move(instance.call) }),
      lines: instance.lines.map((line) => ({ ...line, range: move(line.range) })),
    }),
  );
  return { description: { ...description, instances }, changed };
};

const rangesOf = ({ definition, lines }: InstanceDescription): readonly SourceRange[] => [definition, ...lines.map(({ range }) => range)];

const uriOf = (uri: string): string => (absolutePath(uri) === undefined ? uri : uriOfPath(absolutePath(uri)!));

const folderOf = (path: string | undefined): string | undefined => path?.slice(0, path.lastIndexOf('/'));
