// Names in a source: where they stand, and what they stand for.

import { type AstNode, AstUtils, type CstNode, GrammarUtils } from 'langium';
import type { Position, Range } from 'vscode-languageserver-types';
import type { SourceRange } from '../../shared/source.ts';
import type { Instance } from '../check/core.ts';
import type { Cell, Definition, File, Generate, Model, Reference, Setting, Train } from '../generated/ast.ts';
import { textOf } from '../places.ts';
import type { Program } from '../program.ts';

export const toRange = ({ start, end }: SourceRange): Range => ({
  start: { line: start.line, character: start.column },
  end: { line: end.line, character: end.column },
});

export function offsetAt(text: string, { line, character }: Position): number {
  let start = 0;
  for (let k = 0; k < line; k += 1) {
    const end = text.indexOf('\n', start);
    if (end < 0) return text.length;
    start = end + 1;
  }
  return Math.min(text.length, start + character);
}

/** A name in the text: the node that it belongs to, which of its properties it is, and where it stands. */
export interface NamePlace {
  readonly node: AstNode;
  readonly property: 'name' | 'member' | 'model' | 'data' | 'cell' | 'classes' | 'path' | 'library';
  readonly text: string;
  /** As it is now: an edit above moves it. */
  readonly range: Range;
  readonly offset: number;
}

const propertiesOf: Readonly<Record<string, readonly NamePlace['property'][]>> = {
  Use: ['path', 'library'],
  Train: ['model', 'data'],
  Generate: ['model'],
  Member: ['member'],
  StateType: ['cell'],
  TensorType: ['classes'],
  ClassType: ['classes'],
};
for (const type of ['Cell', 'Model', 'SizeInput', 'ValueInput', 'Variable', 'Equation', 'Data', 'Setting', 'Argument', 'Reference'])
  Object.assign(propertiesOf, { [type]: ['name'] });

class Place implements NamePlace {
  readonly node: AstNode;
  readonly property: NamePlace['property'];
  readonly text: string;
  readonly #cst: CstNode;

  constructor(node: AstNode, property: NamePlace['property'], cst: CstNode) {
    this.node = node;
    this.property = property;
    this.text = cst.text;
    this.#cst = cst;
  }

  get range(): Range {
    return this.#cst.range;
  }
  get offset(): number {
    return this.#cst.offset;
  }
  get end(): number {
    return this.#cst.end;
  }
}

const places = new WeakMap<AstNode, readonly Place[]>();

/** The names of an item, in the order of the text. */
function placesIn(item: AstNode): readonly Place[] {
  let found = places.get(item);
  if (found === undefined) {
    const all: Place[] = [];
    for (const node of AstUtils.streamAst(item))
      for (const property of propertiesOf[node.$type] ?? []) {
        const cst = GrammarUtils.findNodeForProperty(node.$cstNode, property);
        if (cst !== undefined && cst.length > 0) all.push(new Place(node, property, cst));
      }
    found = all.sort((a, b) => a.offset - b.offset);
    places.set(item, found);
  }
  return found;
}

/** All names of a file, in the order of the text. */
export const namesIn = (tree: File): readonly NamePlace[] => tree.items.flatMap(placesIn);

/** The name at a place, or right before it. */
export function nameAt(program: Program, position: Position): NamePlace | undefined {
  const offset = offsetAt(program.main.text, position);
  const item = itemAt(program.main.tree, offset);
  if (item === undefined) return undefined;
  const all = placesIn(item);
  return (
    all.find((place) => place.offset <= offset && offset < place.end) ?? all.find((place) => place.offset <= offset && offset === place.end)
  );
}

/** Where the name of a node stands. */
export function nameRange(node: AstNode): Range | undefined {
  return (GrammarUtils.findNodeForProperty(node.$cstNode, 'name') ?? node.$cstNode)?.range;
}

export const definitionOf = (node: AstNode): Definition | undefined =>
  AstUtils.getContainerOfType(node, (each): each is Definition => each.$type === 'Cell' || each.$type === 'Model');

export const instanceOf = (program: Program, node: AstNode): Instance | undefined => {
  const definition = definitionOf(node);
  return definition === undefined ? undefined : program.instances.get(definition);
};

/** What a name stands for: its declaration, and the file that it is in. */
export interface Target {
  readonly uri: string;
  readonly node: AstNode;
}

export function targetOf(program: Program, { node, property, text }: NamePlace): Target | undefined {
  const { main, notes } = program;
  const here = (found: AstNode | undefined): Target | undefined => (found === undefined ? undefined : { uri: main.uri, node: found });
  switch (node.$type) {
    case 'Reference':
    case 'Member': {
      const found = notes.declarations.get(node);
      if (found !== undefined) return 'uri' in found ? found : here(found);
      const statement = statementOf(node);
      if (statement !== undefined) return inStatement(program, statement, node, text);
      return node.$type === 'Reference' ? here(dimensionDeclaration(node, text)) : undefined;
    }
    case 'StateType': {
      const found = main.cells.get(text);
      return found === undefined ? here(inputNamed(node, text)) : { uri: found.file.uri, node: found.cell };
    }
    case 'TensorType':
    case 'ClassType':
      return here(dimensionDeclaration(node, text));
    case 'Train':
    case 'Generate':
      if (property === 'model') return here(program.models.find(({ name }) => name === text));
      return here(main.tree.items.find((item) => item.$type === 'Data' && item.name === text));
    case 'Argument':
      return argumentTarget(program, node, text);
    case 'Setting':
      return undefined;
    default:
      return property === 'name' ? here(node) : undefined;
  }
}

const statementOf = (node: AstNode): Train | Generate | undefined =>
  AstUtils.getContainerOfType(node, (each): each is Train | Generate => each.$type === 'Train' || each.$type === 'Generate');

/** Names within `train` and `generate`: cells that are given, lines that are frozen. */
function inStatement(program: Program, statement: Train | Generate, node: AstNode, text: string): Target | undefined {
  if (node.$type !== 'Reference') return undefined;
  const setting = AstUtils.getContainerOfType(node, (each): each is Setting => each.$type === 'Setting');
  if (setting === undefined) {
    const cell = program.main.cells.get(text);
    return cell === undefined ? undefined : { uri: cell.file.uri, node: cell.cell };
  }
  if (setting.name !== 'freeze' && setting.name !== 'unknown') return undefined;
  const model = program.models.find(({ name }) => name === statement.model);
  const line = model?.lines.find((each) => each.$type === 'Equation' && each.name === text);
  return line === undefined ? undefined : { uri: program.main.uri, node: line };
}

/** Where a dimension is declared: after `size`, or in the first shape of an input that has it. */
function dimensionDeclaration(node: AstNode, name: string): AstNode | undefined {
  const definition = definitionOf(node);
  const size = definition?.inputs.find((input) => input.$type === 'SizeInput' && input.name === name);
  if (size !== undefined) return size;
  for (const input of definition?.inputs ?? []) {
    if (input.$type !== 'ValueInput' || input.type === undefined) continue;
    for (const each of AstUtils.streamAst(input.type)) {
      if (each.$type === 'Reference' && (each as Reference).name === name) return each;
      if ((each.$type === 'TensorType' || each.$type === 'ClassType') && (each as { classes?: string }).classes === name) return each;
    }
  }
  return undefined;
}

const inputNamed = (node: AstNode, name: string): AstNode | undefined => definitionOf(node)?.inputs.find((input) => input.name === name);

/** The input that a named argument is for: of the cell that is called, the model that is trained, the models that data binds. */
function argumentTarget(program: Program, node: AstNode, name: string): Target | undefined {
  const around = node.$container;
  const uri = program.main.uri;
  const inModel = (models: readonly (Model | undefined)[]): Target | undefined => {
    const input = models.flatMap((model) => model?.inputs ?? []).find((each) => each.name === name);
    return input === undefined ? undefined : { uri, node: input };
  };
  if (around?.$type === 'Train' || around?.$type === 'Generate')
    return inModel(program.models.filter((each) => each.name === (around as Train | Generate).model));
  if (around?.$type !== 'Call') return undefined;
  if (around.$container?.$type === 'Data') {
    const data = (around.$container as unknown as { readonly name: string }).name;
    const trained = program.statements.trains.filter((each) => each.data === data).map(({ model }) => model);
    return inModel(program.models.filter((each) => trained.includes(each.name)));
  }
  const instance = program.notes.instances.get(around)?.[0];
  const input = instance?.cell.inputs.find((each) => each.name === name);
  return input === undefined || instance === undefined ? undefined : { uri: instance.uri, node: input };
}

/** What a target is known by in whatever program: the same in a file that declares it and in one that uses that. */
export function keyOf({ uri, node }: Target): string {
  const definition = definitionOf(node);
  if (isDimension(node)) return `${uri}#${definition?.name} [${dimensionName(node)}]`;
  const declared = stateOf(node) ?? node;
  const range = nameRange(declared);
  return `${uri}#${range?.start.line}:${range?.start.character}`;
}

export const isDimension = (node: AstNode): boolean => /^(SizeInput|Reference|TensorType|ClassType)$/.test(node.$type);
const dimensionName = (node: AstNode): string => {
  const { name, classes } = node as { name?: string; classes?: string };
  return name ?? classes ?? textOf(node);
};

/** The line of a next value has the name of its state. */
function stateOf(node: AstNode): AstNode | undefined {
  if (node.$type !== 'Equation') return undefined;
  const { name, next } = node as unknown as { name: string; next?: boolean };
  if (next !== true) return undefined;
  for (const line of definitionOf(node)?.lines ?? [])
    if (line.$type === 'State')
      for (const group of line.groups) for (const variable of group.names) if (variable.name === name) return variable;
  return undefined;
}

/** Every place of the main file where the same thing is named, its declaration included. */
export function occurrences(program: Program, key: string, name: string): NamePlace[] {
  return namesIn(program.main.tree).filter((place) => {
    if (place.text !== name || place.property === 'path') return false;
    const target = targetOf(program, place);
    return target !== undefined && keyOf(target) === key;
  });
}

export const itemAt = (tree: File, offset: number): File['items'][number] | undefined =>
  tree.items.find(({ $cstNode }) => $cstNode !== undefined && $cstNode.offset <= offset && offset <= $cstNode.end);

export const isDefinition = (node: AstNode): node is Cell | Model => node.$type === 'Cell' || node.$type === 'Model';
