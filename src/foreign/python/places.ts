// The Python line of the workspace that made a node: the innermost frame of its trace that is found here; without a trace, a guess from
// the modules it lies in. Files are listed and read by whoever asks.

import type { NodeProto } from '../../onnx/proto.ts';
import { type Declaration, declarationsOf, guessFrom } from './declarations.ts';
import { type FileMatch, matchFile } from './files.ts';
import { findLine, type LineMatch } from './lines.ts';
import { scopesOf } from './scopes.ts';
import { isMachinery, type PythonFrame, stackOf, userFrame } from './stack.ts';

export interface Workspace {
  /** Paths of the Python files, in any notation; what `read` is given back. */
  readonly files: readonly string[];
  /** The text of one; undefined where it cannot be read. */
  read(path: string): Promise<string | undefined>;
}

/** Where a node comes from. Lines are one-based. `note` is a sentence for people, present where something is to be said. */
export type PythonPlace =
  | {
      readonly kind: 'line';
      readonly path: string;
      readonly line: number;
      readonly frame: PythonFrame;
      /** `same` and `moved` were told by the line's text; `unchecked`: the trace has none. */
      readonly found: 'same' | 'moved' | 'unchecked';
      readonly note?: string;
    }
  /** Several files, or several lines, fit equally well. */
  | { readonly kind: 'ambiguous'; readonly places: readonly { readonly path: string; readonly line: number }[]; readonly note: string }
  /** Told from the modules' names, not from a trace. */
  | { readonly kind: 'guess'; readonly path: string; readonly line: number; readonly note: string }
  | { readonly kind: 'none'; readonly note: string };

type TracedNode = Pick<NodeProto, 'name' | 'op_type' | 'input' | 'doc_string' | 'metadata_props'>;

export interface PythonSources {
  /** The line that made the node. */
  place(node: TracedNode): Promise<PythonPlace>;
  /** The line that made most of them: of a recurrent part, some of whose nodes may have no trace. */
  placeOfAll(nodes: readonly TracedNode[]): Promise<PythonPlace>;
  /** Every frame of the node's trace, innermost first, with its place here where it has one. */
  frames(node: TracedNode): Promise<readonly { readonly frame: PythonFrame; readonly place: PythonPlace }[]>;
}

/** At most so many files are searched for the class of a module, and so many texts are kept. */
const limits = { searched: 5000, kept: 64 };

/** Answers about nodes of one model; files are read once. Another one is made when files changed. */
export function pythonSources(workspace: Workspace): PythonSources {
  const matches = new Map<string, FileMatch>();
  const texts = new Map<string, Promise<string | undefined>>();
  const places = new Map<string, Promise<PythonPlace>>();
  let declarations: Promise<readonly Declaration[]> | undefined;

  const text = (path: string): Promise<string | undefined> => {
    const known = texts.get(path);
    if (known !== undefined) return known;
    if (texts.size >= limits.kept) texts.delete(texts.keys().next().value!);
    const reading = workspace.read(path).catch(() => undefined);
    texts.set(path, reading);
    return reading;
  };
  const match = (file: string): FileMatch => {
    const found = matches.get(file) ?? matchFile(file, workspace.files);
    matches.set(file, found);
    return found;
  };
  const locate = (frame: PythonFrame): Promise<PythonPlace> => {
    const key = JSON.stringify([frame.file, frame.line, frame.function, frame.text]);
    const found = places.get(key) ?? placeOf(frame, match(frame.file), text);
    places.set(key, found);
    return found;
  };
  const guess = async (node: TracedNode): Promise<PythonPlace | undefined> => {
    const scopes = scopesOf(node);
    if (scopes === undefined) return undefined;
    declarations ??= declared(workspace);
    const { places: found, sought } = guessFrom(scopes, node.op_type, await declarations);
    if (found.length === 0) return undefined;
    const why = `the model's ${scopes.path === '' ? 'own class' : `part ${scopes.path}`} was searched for (${sought})`;
    if (found.length > 1) return { kind: 'ambiguous', places: found.slice(0, 20), note: `${found.length} lines fit equally well: ${why}.` };
    return { kind: 'guess', path: found[0]!.path, line: found[0]!.line, note: `A guess: ${why}.` };
  };
  const place = async (node: TracedNode): Promise<PythonPlace> => {
    const frames = stackOf(node);
    let ambiguous: PythonPlace | undefined;
    for (const frame of candidates(frames)) {
      const place = await locate(frame);
      if (place.kind === 'line') return place;
      if (place.kind === 'ambiguous') ambiguous ??= place;
    }
    const guessed = ambiguous ?? (await guess(node));
    if (guessed !== undefined) return guessed;
    const user = userFrame(frames) ?? frames[0];
    if (user === undefined) return { kind: 'none', note: 'The model says nothing about the Python line of this node.' };
    return locate(user);
  };
  return {
    place,
    async placeOfAll(nodes) {
      const counted = new Map<string, { place: PythonPlace; count: number }>();
      for (const node of nodes) {
        const found = await place(node);
        const key = 'line' in found ? `${found.kind} ${found.path}:${found.line}` : found.kind;
        counted.set(key, { place: found, count: (counted.get(key)?.count ?? 0) + 1 });
      }
      const all = [...counted.values()].sort((a, b) => b.count - a.count);
      const best = (['line', 'guess', 'ambiguous', 'none'] as const).flatMap(
        (kind) => all.find((each) => each.place.kind === kind) ?? [],
      )[0];
      return best?.place ?? { kind: 'none', note: 'There is no node whose line could be told.' };
    },
    async frames(node) {
      return Promise.all(stackOf(node).map(async (frame) => ({ frame, place: await locate(frame) })));
    },
  };
}

/** Frames that can be the node's line, best first: the user's own, innermost first; then those of packages that may lie in the workspace. */
function candidates(frames: readonly PythonFrame[]): PythonFrame[] {
  const own = frames.filter(({ library }) => library === undefined);
  const packaged = frames.filter(({ library }) => library !== undefined && !isMachinery(library));
  return [
    ...own.filter(({ function: name }) => name !== '<module>'),
    ...packaged,
    ...own.filter(({ function: name }) => name === '<module>'),
  ].slice(0, 200);
}

async function placeOf(frame: PythonFrame, match: FileMatch, text: (path: string) => Promise<string | undefined>): Promise<PythonPlace> {
  const traced = `${frame.file}:${frame.line}`;
  if (match.kind === 'none' || (match.common === 1 && frame.library !== undefined))
    return { kind: 'none', note: `${traced} is no file of this workspace.` };
  const paths = match.kind === 'one' ? [match.path] : match.paths.slice(0, 50);
  const found: { path: string; line: LineMatch }[] = [];
  for (const path of paths) {
    const source = await text(path);
    if (source !== undefined) found.push({ path, line: findLine(frame, source) });
  }
  for (const kind of ['same', 'moved', 'unchecked'] as const) {
    const fitting = found.flatMap(({ path, line }) => (line.kind === kind ? [{ path, line: line.line }] : []));
    if (fitting.length > 1)
      return { kind: 'ambiguous', places: fitting, note: `${traced} may be any of ${fitting.map(({ path }) => path).join(', ')}.` };
    const [only] = fitting;
    if (only !== undefined) return { kind: 'line', ...only, frame, found: kind, ...noteOf(kind, frame, only) };
  }
  return {
    kind: 'none',
    note:
      frame.text === undefined
        ? `${paths.join(', ')} has no line ${frame.line}: it was changed since the export.`
        : `${paths.join(', ')} has the line "${frame.text.slice(0, 80)}" no more: it was changed since the export.`,
  };
}

function noteOf(kind: 'same' | 'moved' | 'unchecked', { line, file }: PythonFrame, place: { line: number }): { note?: string } {
  if (kind === 'same') return {};
  if (kind === 'moved') return { note: `The line has moved from ${line} to ${place.line} since the export.` };
  return { note: `The trace has no text to check line ${line} of ${file} by.` };
}

async function declared(workspace: Workspace): Promise<readonly Declaration[]> {
  const found: Declaration[] = [];
  for (const path of workspace.files.filter((each) => each.endsWith('.py')).slice(0, limits.searched)) {
    const source = await workspace.read(path).catch(() => undefined);
    if (source !== undefined) found.push(...declarationsOf(path, source));
  }
  return found;
}
