// What is said of a name under the mouse: shape, parameters, when it is computed, its doc comment.

import type { AstNode } from 'langium';
import type { Hover, Position } from 'vscode-languageserver-types';
import { type Instance, isFunctionName, type Level } from '../check/core.ts';
import { evaluate, show } from '../check/dimensions.ts';
import { showType } from '../check/scope.ts';
import type { Call, Cell, Definition, Equation } from '../generated/ast.ts';
import { parameterCounts } from '../parameters.ts';
import { docComment, lineComment, textOf } from '../places.ts';
import type { Program } from '../program.ts';
import { instanceOf, isDefinition, type NamePlace, nameAt, targetOf } from './documents.ts';
import { callWords, functionWords, generateWords, startWords, trainWords, type Word } from './words.ts';

export function hover(program: Program, position: Position): Hover | undefined {
  const place = nameAt(program, position);
  if (place === undefined) return undefined;
  const parts = describe(program, place);
  return parts.length === 0 ? undefined : { contents: { kind: 'markdown', value: parts.join('\n\n') }, range: place.range };
}

const code = (text: string): string => `\`\`\`unroll\n${text}\n\`\`\``;
const wordText = ({ use, says }: Word): string[] => [code(use), says];

function describe(program: Program, place: NamePlace): string[] {
  const { node, text } = place;
  const { notes } = program;
  if (node.$type === 'Setting') {
    const words = node.$container?.$type === 'Generate' ? generateWords : trainWords;
    const found = (words as Readonly<Record<string, Word>>)[text];
    return found === undefined ? [] : wordText(found);
  }
  const target = targetOf(program, place);
  if (node.$type === 'Argument' && target === undefined && text in callWords) return wordText(callWords[text as keyof typeof callWords]);
  const isCallee = node.$type === 'Reference' && node.$container?.$type === 'Call' && node.$containerProperty === 'callee';
  if (target === undefined) {
    if (node.$type === 'Reference' && text === 't') return [code('t'), 'The number of the step, from 0.'];
    if (node.$type === 'Reference' && isFunctionName(text)) return wordText(functionWords[text]);
    return node.$type === 'Reference' && startWords[text] !== undefined ? wordText(startWords[text]) : [];
  }
  if (isDefinition(target.node)) return definitionText(target.node, isCallee ? notes.instances.get(node.$container!) : undefined);
  if (target.node.$type === 'Equation') return lineText(program, target.node as Equation, node);
  const type = notes.types.get(node) ?? notes.types.get(target.node);
  const shown = type === undefined || type.kind === 'unknown' ? undefined : showType(type);
  const comment = lineComment(target.node);
  const said = comment === undefined ? [] : [comment];
  switch (target.node.$type) {
    case 'SizeInput':
      return [code(`size ${text}`), ...dimensionText(program, target.node, text)];
    case 'Reference':
    case 'TensorType':
    case 'ClassType':
      return [code(`dimension ${text}`), ...dimensionText(program, target.node, text)];
    case 'ValueInput':
      return [code(`${text}: ${shown ?? '?'}`), 'An input.', ...said];
    case 'Variable': {
      const isState = target.node.$container?.$container?.$type === 'State';
      const meaning = isState
        ? `State: the value before the step. \`${text}'\` is the value after it.`
        : 'A parameter: training changes it.';
      return [code(`${isState ? 'state' : 'param'} ${text}: ${shown ?? '?'}`), meaning, ...said];
    }
    case 'Data':
      return [code(textOf(target.node))];
    default:
      return [];
  }
}

function lineText(program: Program, line: Equation, at: AstNode): string[] {
  const name = line.next ? `${line.name}'` : line.name;
  const type = program.notes.types.get(at) ?? program.notes.types.get(line);
  const shown = type === undefined || type.kind === 'unknown' ? '?' : showType(type);
  const checked = instanceOf(program, line)?.lines.find(({ equation }) => equation === line);
  const parts = [code(`${name}: ${shown}`)];
  const comment = lineComment(line);
  if (comment !== undefined) parts.push(comment);
  const isInCell = line.$container.$type === 'Cell';
  if (checked !== undefined && isInCell) parts.push(levels[checked.level]);
  const callNode = callIn(line);
  const instances = callNode === undefined ? undefined : program.notes.instances.get(callNode);
  if (instances !== undefined && instances.length > 0) parts.push(...parametersText(instances));
  return parts;
}

const levels: Readonly<Record<Level, string>> = {
  0: 'Computed once: it depends on parameters only.',
  1: 'Computed once a sequence: it is the same at each step.',
  2: 'Computed for all steps at once: it depends on the input, not on the state.',
  3: 'Computed step after step: it depends on the state.',
};

function callIn(line: Equation): Call | undefined {
  let node = line.value;
  for (;;) {
    if (node?.$type === 'Parentheses') node = node.inner;
    else if (
      node?.$type === 'Call' &&
      node.callee?.$type === 'Reference' &&
      /^(reverse|dropout)$/.test(node.callee.name) &&
      node.arguments[0] !== undefined
    )
      node = node.arguments[0].value;
    else return node?.$type === 'Call' ? node : undefined;
  }
}

function definitionText(definition: Definition, instances: readonly Instance[] | undefined): string[] {
  const kind = definition.$type === 'Cell' ? 'cell' : 'model';
  const parts = [code(`${kind} ${definition.name}(${definition.inputs.map(textOf).join(', ')})`)];
  const doc = docComment(definition);
  if (doc !== undefined) parts.push(doc);
  if (definition.$type === 'Cell' && instances !== undefined) parts.push(...parametersText(instances));
  return parts;
}

const grouped = (count: number): string => count.toLocaleString('en');

/** What it has to learn; and what it would have, were the weights not shared by all steps. */
function parametersText(instances: readonly Instance[]): string[] {
  const counts = instances.map((instance) => parameterCounts(instance)[0]!.count);
  if (counts.some((count) => count === undefined)) return ['The number of parameters depends on the vocabulary.'];
  const count = counts.reduce<number>((a, b) => a + b!, 0);
  if (count === 0) return [];
  const [first] = instances;
  const over = first!.lift[0];
  const layers = instances.length > 1 ? ` in ${instances.length} layers` : '';
  const said = [`${grouped(count)} parameters${layers}.`];
  if (over !== undefined && first!.stateful) {
    const steps = evaluate(over, () => undefined) ?? 100;
    said.push(
      `↻ ${show(over)}: one set of weights for all steps. A network without recurrence, ${grouped(steps)} steps deep, would have ${grouped(count * steps)}.`,
    );
  }
  return said;
}

function dimensionText(program: Program, node: AstNode, name: string): string[] {
  const dimension = instanceOf(program, node)?.dimensions.get(name);
  const size = dimension === undefined ? undefined : evaluate(dimension, () => undefined);
  return [size === undefined ? 'A dimension: found by inference, and checked wherever it is used.' : `A dimension of size ${size}.`];
}

export const headerText = (cell: Cell): string => `${cell.name}(${cell.inputs.map(textOf).join(', ')})`;
