// Arguments of a call, matched to the inputs of its cell.

import type { Call, Cell, Definition, ValueInput } from '../generated/ast.ts';
import { textOf } from '../places.ts';
import type { Core } from './core.ts';
import { closest, fault, type Scope, suggestion } from './scope.ts';

/** What every call of a cell takes. */
export const callOptions = ['layers', 'heads', 'dropout', 'from', 'weights', 'over'] as const;
export type CallOption = (typeof callOptions)[number];
export const isCallOption = (name: string | undefined): name is CallOption =>
  (callOptions as readonly (string | undefined)[]).includes(name);

export type Input = Definition['inputs'][number];

export const isTensorInput = (input: ValueInput): boolean => input.type?.$type === 'TensorType' || input.type?.$type === 'ClassType';

/** The argument for each input, evaluated where the call stands. */
export function matchArguments(cell: Cell, node: Call, scope: Scope): Map<Input, Core> | undefined {
  const given = new Map<Input, Core>();
  const required = cell.inputs.filter((input) => input.fallback === undefined);
  const positional = node.arguments.filter((argument) => argument.name === undefined);
  if (positional.length > required.length) {
    const wanted = required.map(({ name }) => name).join(', ');
    const optional = cell.inputs.find((input) => input.fallback !== undefined);
    const hint = optional === undefined ? '' : ` What has a default is named: \`${optional.name}: ...\`.`;
    fault(scope, positional[required.length]!, 'argument', `${cell.name}(${wanted}) has no place for this argument.${hint}`);
    return undefined;
  }
  positional.forEach((argument, k) => {
    given.set(required[k]!, scope.checker.expression(argument.value, scope));
  });
  for (const argument of node.arguments) {
    if (argument.name === undefined || isCallOption(argument.name)) continue;
    const input = cell.inputs.find(({ name }) => name === argument.name);
    if (input === undefined) {
      const known = [...cell.inputs.map(({ name }) => name), ...callOptions];
      const meant = closest(argument.name, known);
      const repair = meant === undefined ? {} : { repair: `${meant}: ${textOf(argument.value)}` };
      fault(scope, argument, 'argument', `${cell.name} has no input \`${argument.name}\`.${suggestion(argument.name, known)}`, repair);
      return undefined;
    }
    if (given.has(input)) {
      fault(scope, argument, 'argument', `\`${argument.name}\` is given twice.`);
      return undefined;
    }
    given.set(input, scope.checker.expression(argument.value, scope));
  }
  return [...given.values()].some((value) => value.type.kind === 'unknown') ? undefined : given;
}

/** A call of a cell as it may look: `gru(x, 128)`. */
export const headerOf = (cell: Cell): string =>
  `${cell.name}(${cell.inputs
    .filter((input) => input.fallback === undefined)
    .map((input) => (input.$type === 'SizeInput' ? '128' : input.name))
    .join(', ')})`;
