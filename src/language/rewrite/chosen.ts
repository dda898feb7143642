// Where a person's files say which cell an instance is: the name that is called, or that is handed on as an argument (`bidirectional(lstm, x, 128)`,
// `train Adding(unit: lstm)`), or the call that would take another cell than it does unless told.

import { AstUtils, GrammarUtils } from 'langium';
import type { Model, Instance as ModelInstance } from '../../graph/model.ts';
import type { SourceRange } from '../../shared/source.ts';
import type { Call, Cell, Definition, Reference, Train } from '../generated/ast.ts';
import { isInside, rangeOf } from '../places.ts';
import type { Program, ProgramFile } from '../program.ts';
import type { TrainStatement } from '../statements/statements.ts';

/** A file, the one of its `train` statements that is meant, and the model that is built of it. */
export interface Rewritable {
  readonly program: Program;
  readonly train: TrainStatement;
  readonly model: Model;
}

/** `reference`: another name there is another cell. `argument`: the call takes the cell as an input that it is not given. */
export type Chosen =
  | { readonly kind: 'reference'; readonly file: ProgramFile; readonly node: Reference }
  | { readonly kind: 'argument'; readonly file: ProgramFile; readonly call: Call; readonly name: string };

export const instanceAt = ({ model }: Rewritable, path: string): ModelInstance | undefined =>
  model.instances.find((each) => each.path === path);

export const fileAt = ({ program }: Rewritable, uri: string): ProgramFile | undefined => program.files.find((file) => file.uri === uri);

/** The definition of an instance's cell, and its file. */
export function cellOf(source: Rewritable, { definition }: ModelInstance): { readonly cell: Cell; readonly file: ProgramFile } | undefined {
  const file = fileAt(source, definition.uri);
  const cell = file?.tree.items.find(
    (item): item is Cell => item.$type === 'Cell' && item.$cstNode?.range.start.line === definition.start.line,
  );
  return file === undefined || cell === undefined ? undefined : { cell, file };
}

/** Undefined where only the library says it. */
export function chosenAt(source: Rewritable, { call, parent }: ModelInstance): Chosen | undefined {
  const found = call === undefined ? undefined : callAt(source, call);
  return found === undefined || parent === undefined ? undefined : followed(source, found.file, found.call.callee, parent);
}

/** The call of an instance, or of one around it, that stands in a person's file. */
export function callInSource(source: Rewritable, path: string): SourceRange | undefined {
  for (let each = instanceAt(source, path); each?.call !== undefined; each = instanceAt(source, each.parent ?? ''))
    if (fileAt(source, each.call.uri)?.isLibrary === false) return each.call;
  return undefined;
}

function callAt(source: Rewritable, range: SourceRange): { readonly file: ProgramFile; readonly call: Call } | undefined {
  const file = fileAt(source, range.uri);
  if (file === undefined) return undefined;
  const isThere = (node: Call): boolean => {
    const { start, end } = rangeOf(node, range.uri);
    return JSON.stringify([start, end]) === JSON.stringify([range.start, range.end]);
  };
  const call = [...AstUtils.streamAst(file.tree)].find((node): node is Call => node.$type === 'Call' && isThere(node as Call));
  return call === undefined ? undefined : { file, call };
}

/** `owner`: the path of the instance in whose definition the name stands. */
function followed(source: Rewritable, file: ProgramFile, node: Reference, owner: string): Chosen | undefined {
  const here: Chosen | undefined = file.isLibrary ? undefined : { kind: 'reference', file, node };
  const definition = AstUtils.getContainerOfType(node, (each): each is Definition => each.$type === 'Cell' || each.$type === 'Model');
  const input = definition?.inputs.find(({ name }) => name === node.name);
  if (definition === undefined || input?.$type !== 'ValueInput' || input.type?.$type !== 'CellType') return here;
  const usual = input.fallback?.$type === 'Reference' ? input.fallback : undefined;
  if (definition.$type === 'Model') {
    const given = statementOf(source).arguments.find(({ name }) => name === input.name)?.value;
    const own = given?.$type === 'Brackets' ? given.parts : given === undefined ? [] : [given];
    const meant = own.find((each): each is Reference => each.$type === 'Reference' && each.name === source.train.arguments[input.name]);
    const chosen = meant ?? (given === undefined ? usual : undefined);
    return chosen === undefined ? undefined : { kind: 'reference', file: source.program.main, node: chosen };
  }
  const instance = instanceAt(source, owner);
  const around = instance?.call === undefined ? undefined : callAt(source, instance.call);
  if (around === undefined || instance?.parent === undefined) return undefined;
  const needed = definition.inputs.filter(({ fallback }) => fallback === undefined);
  const argument =
    around.call.arguments.find(({ name }) => name === input.name) ??
    around.call.arguments.filter(({ name }) => name === undefined)[needed.indexOf(input)];
  if (argument !== undefined)
    return argument.value.$type === 'Reference' ? followed(source, around.file, argument.value, instance.parent) : undefined;
  if (!file.isLibrary && usual !== undefined) return { kind: 'reference', file, node: usual };
  return around.file.isLibrary ? undefined : { kind: 'argument', file: around.file, call: around.call, name: input.name };
}

export const statementOf = ({ program, train }: Rewritable): Train =>
  program.main.tree.items.filter((item): item is Train => item.$type === 'Train')[train.item]!;

/** Every place of a file where a cell is named by its name, where it is called, handed on, or where its state is declared. */
export function namings({ tree }: ProgramFile, program: Program, name: string): { readonly from: number; readonly to: number }[] {
  return [...AstUtils.streamAst(tree)].flatMap((node) => {
    const cst = GrammarUtils.findNodeForProperty(node.$cstNode, node.$type === 'StateType' ? 'cell' : 'name');
    if (cst?.text !== name) return [];
    if (node.$type === 'StateType') return [{ from: cst.offset, to: cst.end }];
    if (node.$type !== 'Reference') return [];
    const declared = program.notes.declarations.get(node);
    const isGiven = tree.items.some((item) => item.$type === 'Train' && isInside(cst.offset, item));
    const isCell = declared !== undefined && 'uri' in declared && declared.node.$type === 'Cell';
    return isGiven || isCell ? [{ from: cst.offset, to: cst.end }] : [];
  });
}
