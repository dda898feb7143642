// The expressions that a checked expression is made of, in the same scope.

import type { Core, InstanceInput } from './core.ts';

export function operandsOf(core: Core): readonly Core[] {
  switch (core.op) {
    case 'field':
    case 'layer':
    case 'negate':
    case 'not':
    case 'transpose':
    case 'subscript':
      return [core.of];
    case 'rows':
      return [core.of, core.index];
    case 'binary':
      return core.operands.map(({ core: operand }) => operand);
    case 'product':
      return [core.left, core.right];
    case 'join':
    case 'stack':
      return core.parts;
    case 'function':
      return [...core.operands.map(({ core: operand }) => operand), ...(core.where === undefined ? [] : [core.where.core])];
    case 'call': {
      const given =
        core.layers[0]?.inputs.flatMap((input) => (input.argument === undefined || isDefault(input) ? [] : [input.argument])) ?? [];
      return core.from === undefined ? given : [...given, core.from];
    }
    default:
      return [];
  }
}

/** The same expression over other operands. */
export function mapOperands(core: Core, map: (core: Core) => Core): Core {
  switch (core.op) {
    case 'field':
    case 'layer':
    case 'negate':
    case 'not':
    case 'transpose':
    case 'subscript':
      return { ...core, of: map(core.of) };
    case 'rows':
      return { ...core, of: map(core.of), index: map(core.index) };
    case 'binary': {
      const [a, b] = core.operands;
      return {
        ...core,
        operands: [
          { ...a, core: map(a.core) },
          { ...b, core: map(b.core) },
        ],
      };
    }
    case 'product':
      return { ...core, left: map(core.left), right: map(core.right) };
    case 'join':
    case 'stack':
      return { ...core, parts: core.parts.map(map) };
    case 'function':
      return {
        ...core,
        operands: core.operands.map((each) => ({ ...each, core: map(each.core) })),
        ...(core.where === undefined ? {} : { where: { ...core.where, core: map(core.where.core) } }),
      };
    default:
      return core;
  }
}

/** The input has the value of the header: nobody gave it, and it is evaluated in the scope of the cell, not of the caller. */
export const isDefault = ({ argument, declaration }: InstanceInput): boolean =>
  argument !== undefined && argument.source === declaration.fallback;
