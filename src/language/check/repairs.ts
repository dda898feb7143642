// Repairs that add to a file a line that is missing in it.

import type { Repair } from '../../shared/source.ts';
import { rangeOf } from '../places.ts';
import type { Binding, CheckedLine, Core, Instance, TensorType } from './core.ts';
import { type Dimension, isSame, numberOf } from './dimensions.ts';
import { asTensor, type Scope } from './scope.ts';
import { operandsOf } from './walk.ts';

type Place = Pick<Scope, 'instance' | 'file'>;

/** `c' = c` before the line that is the cell's value: the state stays what it is until one writes what becomes of it. */
export function addNextValue({ instance, file }: Place, state: string): readonly Repair[] {
  const { lines } = instance.cell;
  const last = lines.at(-1);
  const cst = last?.$cstNode;
  if (last?.$type !== 'Equation' || cst === undefined) return addLast({ instance, file }, `${state}'`, state);
  const { start } = rangeOf(last, file.uri);
  const before = cst.root.fullText.slice(0, cst.offset);
  const indent = /[ \t]*$/.exec(before)?.[0] ?? '';
  const isFirstOfLine = /(^|\n)[ \t]*$/.test(before);
  const text = `${isFirstOfLine ? '' : '\n'}${state}' = ${state}\n${isFirstOfLine ? indent : ''}`;
  return [{ title: `Add \`${state}' = ${state}\``, edits: [{ range: { uri: file.uri, start, end: start }, text }] }];
}

/** A line after all others of the cell. */
export function addLast({ instance, file }: Place, name: string, value: string): readonly Repair[] {
  const last = instance.cell.lines.at(-1);
  const cst = last?.$cstNode;
  if (last === undefined || cst === undefined) return [];
  const { fullText } = cst.root;
  const indent = /(?:^|\n)([ \t]*)$/.exec(fullText.slice(0, cst.offset))?.[1] ?? '  ';
  const [rest = ''] = fullText.slice(cst.end).split('\n', 1);
  const isClosed = rest.replace(/\/\/.*$/, '').includes('}'); // the brace stands on the same line
  const { end } = rangeOf(last, file.uri);
  const at = isClosed ? end : { line: end.line, column: end.column + rest.trimEnd().length };
  const text = `\n${indent}${name} = ${value}${isClosed ? '\n' : ''}`;
  return [{ title: `Add \`${name} = ${value}\``, edits: [{ range: { uri: file.uri, start: at, end: at }, text }] }];
}

/** What a model without a loss seems to want: its scores compared with classes, or its last line with numbers of the same shape. */
export function lossFor({ inputs, lines }: Instance): string | undefined {
  for (const line of [...lines].reverse()) {
    const type = numbersOf(line);
    const classes = type?.shape.at(-1);
    if (type === undefined || classes === undefined) continue;
    const isTarget = (input: TensorType): boolean =>
      input.classes !== undefined && isSame(input.classes, classes) && isShape(input.shape, type.shape.slice(0, -1));
    const target = targetOf(line, lines, inputs, isTarget);
    if (target !== undefined) return `cross_entropy(${line.binding.name}, ${target})`;
  }
  const last = lines.at(-1);
  const type = last === undefined ? undefined : numbersOf(last);
  if (last === undefined || type === undefined) return undefined;
  const target = targetOf(last, lines, inputs, (input) => input.classes === undefined && isShape(input.shape, type.shape));
  return target === undefined ? undefined : `mse(${last.binding.name}, ${target})`;
}

function numbersOf({ binding }: CheckedLine): TensorType | undefined {
  const type = asTensor(binding.type);
  return type?.classes === undefined && type?.boolean === undefined ? type : undefined;
}

const isShape = (a: readonly Dimension[], b: readonly Dimension[]): boolean =>
  a.length === b.length && a.every((dimension, k) => isSame(dimension, b[k]!));

/** An input that the line does not see; else one of a sequence that it sees, one step ahead. */
function targetOf(
  line: CheckedLine,
  lines: readonly CheckedLine[],
  inputs: Instance['inputs'],
  isTarget: (type: TensorType) => boolean,
): string | undefined {
  const possible = inputs.filter(({ binding, argument, declaration }) => {
    const type = asTensor(binding.type);
    return declaration.type !== undefined && argument === undefined && type !== undefined && isTarget(type);
  });
  const seen = seenBy(line.core, lines);
  const unseen = possible.find(({ binding }) => !seen.has(binding));
  if (unseen !== undefined) return unseen.binding.name;
  const ahead = possible.find(({ binding }) => {
    const [time] = asTensor(binding.type)!.shape;
    return time !== undefined && numberOf(time) === undefined;
  });
  return ahead === undefined ? undefined : `next(${ahead.binding.name})`;
}

/** What an expression reads, itself or by the lines above it. */
function seenBy(core: Core, lines: readonly CheckedLine[]): Set<Binding> {
  const seen = new Set<Binding>();
  const visit = (node: Core): void => {
    if (node.op === 'read' && !seen.has(node.binding)) {
      seen.add(node.binding);
      const line = lines.find(({ binding }) => binding === node.binding);
      if (line !== undefined) visit(line.core);
    }
    operandsOf(node).forEach(visit);
  };
  visit(core);
  return seen;
}
