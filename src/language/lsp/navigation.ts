// From a name to what it stands for, and to every other place where that is named, in all files that use it; and giving it another name.

import type { AstNode } from 'langium';
import {
  type DocumentHighlight,
  DocumentHighlightKind,
  type Location,
  type Position,
  type Range,
  type TextEdit,
} from 'vscode-languageserver-types';
import { lineStarts, replaced } from '../../shared/edits.ts';
import { isFunctionName } from '../check/core.ts';
import { besides } from '../places.ts';
import { loadProgram, type Program } from '../program.ts';
import {
  definitionOf,
  isDefinition,
  isDimension,
  keyOf,
  type NamePlace,
  nameAt,
  nameRange,
  occurrences,
  type Target,
  targetOf,
} from './documents.ts';
import { uriOf } from './uris.ts';

const start: Range = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

export function definition(program: Program, position: Position): Location | undefined {
  const place = nameAt(program, position);
  if (place === undefined) return undefined;
  if (place.property === 'path') return { uri: uriOf(besides(program.path, place.text.slice(1, -1))), range: start };
  const target = targetOf(program, place);
  const range = target === undefined ? undefined : nameRange(target.node);
  return target === undefined || range === undefined ? undefined : { uri: uriOf(target.uri), range };
}

/** The programs of a file and of those that use it, as Workspace.users has them. */
export type Users = (path: string) => Promise<readonly Program[]>;

const alone =
  (program: Program): Users =>
  async () => [program];

/** Every place where what stands at a place is named, its declaration among them. */
export async function references(program: Program, position: Position, users: Users = alone(program)): Promise<Location[]> {
  const place = nameAt(program, position);
  const target = place === undefined ? undefined : targetOf(program, place);
  return target === undefined
    ? []
    : (await everywhere(program, place!, target, users)).map(({ uri, range }) => ({ uri: uriOf(uri), range }));
}

interface Found {
  readonly program: Program;
  readonly uri: string;
  readonly range: Range;
}

async function everywhere(program: Program, place: NamePlace, target: Target, users: Users): Promise<Found[]> {
  const key = keyOf(target);
  const isLocal = isDimension(target.node) || (target.uri === program.path && !isVisible(target.node));
  const programs = isLocal ? [program] : await users(target.uri);
  const all = programs.some(({ path }) => path === program.path) ? programs : [program, ...programs];
  return all.flatMap((each) => occurrences(each, key, place.text).map(({ range }): Found => ({ program: each, uri: each.path, range })));
}

/** Other files see cells, and what a call has as fields and arguments. */
const isVisible = (node: AstNode): boolean => {
  const definition = isDefinition(node) ? node : definitionOf(node);
  return definition?.$type === 'Cell';
};

/** The same name in this file: where it is given, and where it is read. */
export function highlights(program: Program, position: Position): DocumentHighlight[] {
  const place = nameAt(program, position);
  const target = place === undefined ? undefined : targetOf(program, place);
  if (target === undefined) return [];
  return occurrences(program, keyOf(target), place!.text).map(({ node, range }) => ({
    range,
    kind: /^(Equation|Variable|ValueInput|SizeInput|Cell|Model|Data)$/.test(node.$type)
      ? DocumentHighlightKind.Write
      : DocumentHighlightKind.Read,
  }));
}

export const isName = (text: string): boolean =>
  /^[\p{L}_][\p{L}\p{M}\p{N}_]*$/u.test(text) && !/^(cell|state|param|and|or|not|true|false)$/.test(text);

/** The range of the name at a place, or why it keeps its name. */
export function renameRange(program: Program, position: Position): Range | string {
  const place = nameAt(program, position);
  if (place === undefined) return 'Nothing that has a name stands here.';
  const { node, text } = place;
  if (node.$type === 'Setting') return `\`${text}\` is a setting of the language.`;
  const target = targetOf(program, place);
  if (target === undefined) {
    if (node.$type === 'Reference' && isFunctionName(text)) return `\`${text}\` is a function of the language.`;
    return `\`${text}\` is not declared in a file that is open here.`;
  }
  const file = program.files.find(({ uri }) => uri === target.uri);
  if (file?.isLibrary !== true) return place.range;
  const what = isDefinition(target.node)
    ? `\`${text}\` is a cell of the standard library`
    : `\`${text}\` belongs to a cell of the standard library`;
  return `${what}, and keeps its name. "Write out the library cell here" makes it a cell of this file.`;
}

/** The edits that rename what stands at a place, by the path of their file; or why it cannot be called so. */
export async function rename(
  program: Program,
  position: Position,
  to: string,
  users: Users = alone(program),
): Promise<ReadonlyMap<string, readonly TextEdit[]> | string> {
  const range = renameRange(program, position);
  if (typeof range === 'string') return range;
  if (!isName(to)) return `\`${to}\` is no name: letters, digits and _, and no word of the language.`;
  const place = nameAt(program, position)!;
  if (place.text === to) return new Map();
  const target = targetOf(program, place)!;
  const found = await everywhere(program, place, target, users);
  for (const each of new Set(found.map((one) => one.program))) {
    const taken = takenBy(each, target, to);
    if (taken !== undefined) return taken;
  }
  const edits = new Map<string, TextEdit[]>();
  for (const { uri, range: at } of found) edits.set(uri, [...(edits.get(uri) ?? []), { range: at, newText: to }]);
  return (await whatBreaks(found, edits)) ?? edits;
}

/** What has the name already, where the renamed thing would be seen. */
function takenBy(program: Program, { uri, node }: Target, to: string): string | undefined {
  const definition = isDefinition(node) ? undefined : definitionOf(node);
  if (definition !== undefined) {
    if (uri !== program.path) return undefined;
    const inputs = definition.inputs.map(({ name }) => name);
    const names = definition.lines.flatMap((line) =>
      line.$type === 'Equation' ? [line.name] : line.groups.flatMap((group) => group.names.map(({ name }) => name)),
    );
    const dimensions = [...(program.instances.get(definition)?.dimensions.keys() ?? [])];
    return [...inputs, ...names, ...dimensions].includes(to) ? `${definition.name} has \`${to}\` already.` : undefined;
  }
  if (node.$type === 'Cell') {
    const cell = program.main.cells.get(to);
    if (cell === undefined) return undefined;
    const where =
      program.files.find((file) => file.uri === cell.file.uri)?.isLibrary === true
        ? 'the standard library'
        : 'this file or one that it uses';
    return `There is a cell \`${to}\` in ${where} already.`;
  }
  const same = program.main.tree.items.find((item) => item.$type === node.$type && (item as { name?: string }).name === to);
  return same === undefined ? undefined : `There is a ${node.$type.toLowerCase()} \`${to}\` in this file already.`;
}

/** What a file would complain of, renamed so, that it does not complain of now. */
async function whatBreaks(found: readonly Found[], edits: ReadonlyMap<string, readonly TextEdit[]>): Promise<string | undefined> {
  const texts = new Map<string, string>();
  for (const { program } of found) texts.set(program.path, applied(program.main.text, edits.get(program.path) ?? []));
  for (const program of new Set(found.map((each) => each.program))) {
    const read = async (path: string): Promise<string> => {
      const text = texts.get(path) ?? program.files.find(({ uri }) => uri === path)?.text;
      if (text === undefined) throw new RangeError(`no file ${path}`);
      return text;
    };
    const errors = (each: Program): number => each.faults.filter(({ severity }) => severity === 'error').length;
    const renamed = await loadProgram(program.path, read);
    const known = new Set(program.faults.map(({ range }) => range.start.line));
    const first = renamed.faults.find(({ severity, range }) => severity === 'error' && !known.has(range.start.line));
    if (errors(renamed) > errors(program) && first !== undefined)
      return `Called so, line ${first.range.start.line + 1} would be at fault: ${first.message}`;
  }
  return undefined;
}

export function applied(text: string, edits: readonly TextEdit[]): string {
  const starts = lineStarts(text);
  const offset = ({ line, character }: Position): number => Math.min(text.length, (starts[line] ?? text.length) + character);
  return replaced(
    text,
    edits.map(({ range, newText }) => ({ from: offset(range.start), to: offset(range.end), text: newText })),
  );
}
