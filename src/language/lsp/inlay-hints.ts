// What inference has found, at the end of each line: the shape of its value, and whether it runs. And the inputs that arguments are for.

import { AstUtils } from 'langium';
import { type InlayHint, InlayHintKind, type Position, type Range } from 'vscode-languageserver-types';
import type { CheckedLine, Core, Instance } from '../check/core.ts';
import { evaluate, show } from '../check/dimensions.ts';
import { showType } from '../check/scope.ts';
import type { Call } from '../generated/ast.ts';
import type { Program } from '../program.ts';

export interface HintSettings {
  readonly shapes: boolean;
  readonly arguments: boolean;
}

export const usualHints: HintSettings = { shapes: true, arguments: false };

/** Hints of the lines in a range. */
export function inlayHints(program: Program, { start, end }: Range, settings: HintSettings = usualHints): InlayHint[] {
  const isIn = (at: Position): boolean => at.line >= start.line && at.line <= end.line;
  return [...program.instances.values()].flatMap((instance) => {
    const range = instance.cell.$cstNode?.range;
    if (range === undefined || range.end.line < start.line || range.start.line > end.line) return [];
    return [
      ...(settings.shapes ? instance.lines.flatMap(shapeHint) : []),
      ...(settings.arguments ? argumentHints(program, instance) : []),
    ].filter(({ position }) => isIn(position));
  });
}

function shapeHint(line: CheckedLine): InlayHint[] {
  const at = line.equation.$cstNode?.range.end;
  const { type } = line.binding;
  // what is written need not be said again
  if (at === undefined || type.kind === 'unknown' || line.equation.type !== undefined || line.core.op === 'unknown') return [];
  const shape = showType(type);
  if (shape === '' || shape === '[]') return [];
  const run = runOf(line.core);
  const over = run === undefined ? '' : `  ↻ ${show(run.lift[0]!)}`;
  const value = `The value of \`${line.binding.name}\` is ${inWords(type)}.`;
  const running =
    run === undefined
      ? ''
      : `\n\nIt runs over ${show(run.lift[0]!)}: \`${run.cell.name}\` takes one step after the other, each with the state that the step before has left and the same parameters.`;
  return [
    {
      position: at,
      label: `: ${shape}${over}`,
      kind: InlayHintKind.Type,
      paddingLeft: true,
      tooltip: { kind: 'markdown', value: `${value}${running}` },
    },
  ];
}

/** `T vectors of 128 numbers`, `one class out of Char`. */
function inWords(type: CheckedLine['binding']['type']): string {
  const tensor = type.kind === 'record' ? type.value : type;
  if (tensor?.kind !== 'tensor') return showType(type);
  const shape = tensor.shape.map(show);
  const [first, ...rest] = shape;
  if (tensor.classes !== undefined) {
    const classes = show(tensor.classes);
    return first === undefined ? `one class out of ${classes}` : `${shape.join(' times ')} classes out of ${classes}`;
  }
  if (first === undefined) return 'one number';
  if (rest.length === 0) return `a vector of ${evaluate(tensor.shape[0]!, () => undefined) ?? first} numbers`;
  return rest.length === 1 ? `${first} vectors of ${rest[0]} numbers` : `${first} times [${rest.join(', ')}] numbers`;
}

/** The instance that the line's call runs over a dimension with a state. */
function runOf(core: Core): Instance | undefined {
  const [first] = callOf(core)?.layers ?? [];
  return first?.stateful === true && first.lift[0] !== undefined ? first : undefined;
}

function callOf(core: Core): Extract<Core, { op: 'call' }> | undefined {
  if (core.op === 'call') return core;
  return core.op === 'function' && (core.name === 'dropout' || core.name === 'reverse') ? callOf(core.operands[0]!.core) : undefined;
}

/** `size H:` before 128; nothing before an argument that is called as its input. */
function argumentHints(program: Program, { cell }: Instance): InlayHint[] {
  return [...AstUtils.streamAst(cell)].flatMap((node): InlayHint[] => {
    const called = node.$type === 'Call' ? program.notes.instances.get(node)?.[0]?.cell : undefined;
    if (called === undefined) return [];
    const wanted = called.inputs.filter(({ fallback }) => fallback === undefined);
    return (node as Call).arguments
      .filter(({ name }) => name === undefined)
      .flatMap(({ value }, k): InlayHint[] => {
        const position = value.$cstNode?.range.start;
        const input = wanted[k]?.name;
        if (position === undefined || input === undefined || value.$cstNode?.text === input) return [];
        return [{ position, label: `${input}:`, kind: InlayHintKind.Parameter, paddingRight: true }];
      });
  });
}
