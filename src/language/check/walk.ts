// The expressions that a checked expression is made of, in the same scope.

import type { Core } from './core.ts';

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
        core.layers[0]?.inputs.flatMap(({ argument, declaration }) =>
          argument === undefined || isDefault(argument, declaration) ? [] : [argument],
        ) ?? [];
      return core.from === undefined ? given : [...given, core.from];
    }
    default:
      return [];
  }
}

/** Evaluated in the scope of the cell, not of the caller. */
const isDefault = (argument: Core, declaration: { fallback?: unknown }): boolean => argument.source === declaration.fallback;
