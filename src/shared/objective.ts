// What gradients of a model of others can be of, as a person writes it: `logits`, `logits[0,-1,:]`, `mse(logits, target.npy)`.

import { count } from './figures.ts';
import type { Objective } from './trace.ts';

export type OutputObjective = Extract<Objective, { kind: 'output' | 'against' }>;

const LOSSES: Readonly<Record<string, Extract<Objective, { kind: 'against' }>['loss']>> = {
  mse: 'mse',
  cross_entropy: 'cross_entropy',
};

/** Undefined where it is none. Names of outputs may hold anything but a bracket at their end. */
export function outputObjectiveOf(text: string): OutputObjective | undefined {
  const call = /^\s*(\w+)\s*\((.*),\s*("?)([^,"]+)\3\s*\)\s*$/.exec(text);
  const loss = call === null ? undefined : LOSSES[call[1]!];
  if (call !== null && loss !== undefined) return { kind: 'against', loss, output: call[2]!.trim(), target: call[4]!.trim() };
  const [, output, inner] = /^(.*)\[([-\d,:\s]*)\]\s*$/.exec(text) ?? [];
  if (output === undefined || inner === undefined) return text.trim() === '' ? undefined : { kind: 'output', output: text.trim() };
  const index = inner.split(',').map((each) => each.trim());
  if (!index.every((each) => each === ':' || /^-?\d+$/.test(each))) return undefined;
  return { kind: 'output', output: output.trim(), index: index.map((each) => (each === ':' ? null : Number(each))) };
}

export function objectiveText(objective: Objective): string {
  switch (objective.kind) {
    case 'loss':
      return 'the mean loss';
    case 'lossAt':
      return `the loss at t ${count(objective.t)}`;
    case 'against':
      return `${objective.loss}(${objective.output}, ${objective.target.split(/[\\/]/).at(-1)})`;
    case 'output':
      return objective.index === undefined
        ? objective.output
        : `${objective.output}[${objective.index.map((each) => each ?? ':').join(', ')}]`;
  }
}
