// Dimensions in the words of one instance: `H` where its cell says so, whatever number H is.

import type { Instance } from './core.ts';
import { type Dimension, show, type Variable } from './dimensions.ts';

export function showWritten(dimension: Dimension, instance: Instance): string {
  const own = new Set<Variable>();
  for (const { terms } of instance.dimensions.values())
    for (const { variables } of terms) for (const variable of variables) own.add(variable);
  const isOwn = ({ terms }: Dimension): boolean => terms.every(({ variables }) => variables.every((variable) => own.has(variable)));
  if (isOwn(dimension)) return write(dimension);
  const [term] = dimension.terms;
  const binding =
    dimension.terms.length === 1 && term!.factor === 1 && term!.variables.length === 1 ? term!.variables[0]!.binding : undefined;
  return binding === undefined ? show(dimension) : showWritten(binding, instance);
}

const write = ({ terms }: Dimension): string =>
  terms
    .map(({ factor, variables }) => {
      const names = variables.map(({ name }) => name).join(' * ');
      if (names === '') return `${factor}`;
      return factor === 1 ? names : `${factor} * ${names}`;
    })
    .join(' + ') || '0';
