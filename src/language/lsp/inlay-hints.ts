// What inference has found, at the end of each line: the shape of its value, and whether it runs.

import { type InlayHint, InlayHintKind, type Range } from 'vscode-languageserver-types';
import type { CheckedLine, Core } from '../check/core.ts';
import { show } from '../check/dimensions.ts';
import { showType } from '../check/scope.ts';
import type { Program } from '../program.ts';

/** Hints of the lines in a range. */
export function inlayHints(program: Program, { start, end }: Range): InlayHint[] {
  return [...program.instances.values()].flatMap(({ lines }) =>
    lines.flatMap((line): InlayHint[] => {
      const at = line.equation.$cstNode?.range.end;
      const type = line.binding.type;
      // What is written need not be said again.
      if (at === undefined || at.line < start.line || at.line > end.line || type.kind === 'unknown' || line.equation.type !== undefined)
        return [];
      const runs = runOf(line);
      const shape = showType(type);
      if (shape === '' || shape === '[]') return [];
      const over = runs === undefined ? '' : `  ↻ ${runs}`;
      const tooltip =
        runs === undefined
          ? `The value of this line is ${shape}.`
          : `This line runs over ${runs}, a step after the other, and gives ${shape}.`;
      return [{ position: at, label: `: ${shape}${over}`, kind: InlayHintKind.Type, paddingLeft: true, tooltip }];
    }),
  );
}

/** The dimension that the line's call runs over with a state. */
function runOf({ core }: CheckedLine): string | undefined {
  const call = callOf(core);
  const [first] = call?.layers ?? [];
  return first?.stateful === true && first.lift[0] !== undefined ? show(first.lift[0]) : undefined;
}

function callOf(core: Core): Extract<Core, { op: 'call' }> | undefined {
  if (core.op === 'call') return core;
  return core.op === 'function' && (core.name === 'dropout' || core.name === 'reverse') ? callOf(core.operands[0]!.core) : undefined;
}
