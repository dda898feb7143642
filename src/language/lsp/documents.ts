// Where a place of the editor is in a checked program.

import { type AstNode, AstUtils, CstUtils, GrammarUtils } from 'langium';
import type { Position, Range } from 'vscode-languageserver-types';
import type { SourceRange } from '../../shared/source.ts';
import type { Instance } from '../check/core.ts';
import type { Cell, Definition, File, Model, Reference } from '../generated/ast.ts';
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
  readonly range: Range;
}

const nameProperties = ['name', 'member', 'model', 'data', 'cell', 'classes', 'path', 'library'] as const;

/** The name at a place, or right before it. */
export function nameAt(program: Program, position: Position): NamePlace | undefined {
  const root = program.main.tree.$cstNode;
  if (root === undefined) return undefined;
  const offset = offsetAt(program.main.text, position);
  for (const at of [offset, offset - 1]) {
    const leaf = at < 0 ? undefined : CstUtils.findLeafNodeAtOffset(root, at);
    if (leaf === undefined) continue;
    for (let node: AstNode | undefined = leaf.astNode; node !== undefined; node = node.$container) {
      const found = placeOfName(node, leaf.offset);
      if (found !== undefined) return found;
      if (node !== leaf.astNode && node.$cstNode !== leaf.astNode.$cstNode) break;
    }
  }
  return undefined;
}

function placeOfName(node: AstNode, offset: number): NamePlace | undefined {
  for (const property of nameProperties) {
    const cst = GrammarUtils.findNodeForProperty(node.$cstNode, property);
    if (cst !== undefined && cst.offset <= offset && offset < cst.end) return { node, property, text: cst.text, range: cst.range };
  }
  return undefined;
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
    default:
      return property === 'name' ? here(node) : undefined;
  }
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

function argumentTarget(program: Program, node: AstNode, name: string): Target | undefined {
  const call = node.$container;
  if (call?.$type !== 'Call') return undefined;
  const instance = program.notes.instances.get(call)?.[0];
  const input = instance?.cell.inputs.find((each) => each.name === name);
  return input === undefined || instance === undefined ? undefined : { uri: instance.uri, node: input };
}

/** Every place of the main file where the same thing is named, its declaration included. */
export function occurrences(program: Program, target: Target): NamePlace[] {
  const found: NamePlace[] = [];
  const isDimension =
    target.node.$type === 'SizeInput' ||
    target.node.$type === 'Reference' ||
    target.node.$type === 'TensorType' ||
    target.node.$type === 'ClassType';
  for (const node of AstUtils.streamAst(program.main.tree)) {
    for (const property of nameProperties) {
      const cst = GrammarUtils.findNodeForProperty(node.$cstNode, property);
      if (cst === undefined || (property === 'path' && node.$type === 'Use')) continue;
      const place: NamePlace = { node, property, text: cst.text, range: cst.range };
      if (node === target.node && isOwnName(target, place, isDimension)) found.push(place);
      else if (node !== target.node && targetOf(program, place)?.node === target.node) found.push(place);
    }
  }
  return withPrimes(program, target, found);
}

const isOwnName = ({ node }: Target, { property }: NamePlace, isDimension: boolean): boolean =>
  property === 'name' || (isDimension && property === 'classes' && node.$type !== 'Reference');

/** A state and the line of its next value have one name. */
function withPrimes(program: Program, { node }: Target, found: NamePlace[]): NamePlace[] {
  const name = (node as { name?: string }).name;
  const definition = definitionOf(node);
  if (definition === undefined || name === undefined || (node.$type !== 'Variable' && node.$type !== 'Equation')) return found;
  const equations = definition.lines.filter((line) => line.$type === 'Equation' && line.next && line.name === name);
  const variables = definition.lines.flatMap((line) => (line.$type === 'State' ? line.groups.flatMap((group) => group.names) : []));
  const kin = [...equations, ...variables.filter((variable) => variable.name === name)];
  if (kin.length < 2 || !kin.includes(node as (typeof kin)[number])) return found;
  const known = new Set(found.map((place) => `${place.range.start.line}:${place.range.start.character}`));
  for (const other of kin)
    if (other !== node)
      for (const place of plainOccurrences(program, other))
        if (!known.has(`${place.range.start.line}:${place.range.start.character}`)) found.push(place);
  return found;
}

function plainOccurrences(program: Program, node: AstNode): NamePlace[] {
  const found: NamePlace[] = [];
  for (const each of AstUtils.streamAst(program.main.tree))
    for (const property of ['name', 'member'] as const) {
      const cst = GrammarUtils.findNodeForProperty(each.$cstNode, property);
      if (cst === undefined) continue;
      const place: NamePlace = { node: each, property, text: cst.text, range: cst.range };
      if (each === node ? property === 'name' : targetOf(program, place)?.node === node) found.push(place);
    }
  return found;
}

export const itemAt = (tree: File, offset: number): File['items'][number] | undefined =>
  tree.items.find(({ $cstNode }) => $cstNode !== undefined && $cstNode.offset <= offset && offset <= $cstNode.end);

export const isDefinition = (node: AstNode): node is Cell | Model => node.$type === 'Cell' || node.$type === 'Model';
