// The parts of a recurrence by name, for whoever rewrites one.

import type { Node, Value } from './graph.ts';

export interface RecurParts {
  /** Outside: what it is given, and what it makes. */
  readonly inputs: { readonly scanned: readonly Value[]; readonly held: readonly Value[]; readonly initial: readonly Value[] };
  readonly outputs: { readonly stacked: readonly Value[]; readonly final: readonly Value[] };
  /** The body's parameters and results: `before` and `after` are the states around one step, `outputs` are what is stacked. */
  readonly body: {
    readonly scanned: readonly Value[];
    readonly held: readonly Value[];
    readonly before: readonly Value[];
    readonly outputs: readonly Value[];
    readonly after: readonly Value[];
  };
}

export function recurParts({ attributes, inputs, outputs }: Node<'recur'>): RecurParts {
  const { scanned, held, states, body } = attributes;
  const stacked = outputs.length - states;
  return {
    inputs: { scanned: inputs.slice(0, scanned), held: inputs.slice(scanned, scanned + held), initial: inputs.slice(scanned + held) },
    outputs: { stacked: outputs.slice(0, stacked), final: outputs.slice(stacked) },
    body: {
      scanned: body.parameters.slice(0, scanned),
      held: body.parameters.slice(scanned, scanned + held),
      before: body.parameters.slice(scanned + held),
      outputs: body.results.slice(0, stacked),
      after: body.results.slice(stacked),
    },
  };
}
