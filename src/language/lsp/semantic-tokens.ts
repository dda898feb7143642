// Names by what they stand for: weights, states, dimensions, cells, functions, settings.

import type { AstNode } from 'langium';
import type { Range } from 'vscode-languageserver-types';
import { isFunctionName } from '../check/core.ts';
import type { Program } from '../program.ts';
import { isDefinition, isDimension, type NamePlace, namesIn, targetOf } from './documents.ts';

export const tokenTypes = ['class', 'function', 'typeParameter', 'parameter', 'variable', 'property', 'enumMember'] as const;
export const tokenModifiers = ['declaration', 'defaultLibrary', 'state', 'weight', 'readonly'] as const;

/** In order: line, column, length, type, modifiers as bits. */
export function semanticTokens(program: Program, within?: Range): [number, number, number, number, number][] {
  return namesIn(program.main.tree).flatMap((place): [number, number, number, number, number][] => {
    const { start, end } = place.range;
    if (within !== undefined && (end.line < within.start.line || start.line > within.end.line)) return [];
    const kind = kindOf(program, place);
    if (kind === undefined) return [];
    const [type, ...modifiers] = kind;
    const bits = modifiers.reduce((sum, modifier) => sum | (1 << tokenModifiers.indexOf(modifier)), 0);
    return [[start.line, start.character, end.character - start.character, tokenTypes.indexOf(type), bits]];
  });
}

type Kind = readonly [(typeof tokenTypes)[number], ...(typeof tokenModifiers)[number][]];

function kindOf(program: Program, place: NamePlace): Kind | undefined {
  const { node, property, text } = place;
  switch (node.$type) {
    case 'Cell':
    case 'Model':
      return ['class', 'declaration'];
    case 'SizeInput':
      return ['typeParameter', 'declaration'];
    case 'ValueInput':
      return ['parameter', 'declaration'];
    case 'Variable':
      return ['variable', 'declaration', weightOrState(node)];
    case 'Equation':
      return (node as unknown as { next?: boolean }).next === true ? ['variable', 'declaration', 'state'] : ['variable', 'declaration'];
    case 'Data':
      return ['variable', 'declaration', 'readonly'];
    case 'Train':
    case 'Generate':
      return property === 'data' ? ['variable', 'readonly'] : ['class'];
    case 'StateType':
      return targetOf(program, place)?.node.$type === 'ValueInput' ? ['parameter'] : ['class'];
    case 'TensorType':
    case 'ClassType':
      return ['typeParameter'];
    case 'Member':
      return text === 'T' ? ['property', 'defaultLibrary'] : ['property'];
    case 'Setting':
      return ['property'];
    case 'Argument':
      return ['parameter'];
    case 'Reference':
      return ofReference(program, place);
    default:
      return undefined;
  }
}

function ofReference(program: Program, place: NamePlace): Kind | undefined {
  const { node, text } = place;
  const target = targetOf(program, place)?.node;
  if (target === undefined) {
    if (program.notes.types.get(node) === undefined && isInStatement(node))
      return isCallee(node) ? ['function', 'defaultLibrary'] : ['enumMember'];
    if (isFunctionName(text)) return ['function', 'defaultLibrary'];
    if (text === 't') return ['variable', 'defaultLibrary', 'readonly'];
    return node.$containerProperty === 'initial' || node.$container?.$containerProperty === 'initial'
      ? ['enumMember', 'defaultLibrary']
      : undefined;
  }
  if (isDefinition(target)) return ['class'];
  if (isDimension(target)) return ['typeParameter'];
  if (target.$type === 'ValueInput') return ['parameter'];
  if (target.$type === 'Variable') return ['variable', weightOrState(target)];
  return (target as unknown as { next?: boolean }).next === true ? ['variable', 'state'] : ['variable'];
}

const isCallee = (node: AstNode): boolean => node.$containerProperty === 'callee';
const weightOrState = (node: AstNode): 'weight' | 'state' => (node.$container?.$container?.$type === 'Param' ? 'weight' : 'state');

function isInStatement(node: AstNode): boolean {
  for (let each: AstNode | undefined = node; each !== undefined; each = each.$container)
    if (/^(Data|Train|Generate)$/.test(each.$type)) return true;
  return false;
}
