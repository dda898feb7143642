// What gradients can be of: the loss, or the loss of a step; of a model of others its outputs, or what they say at a step.

import { count } from '../src/shared/figures.ts';
import type { TraceState } from '../src/shared/messages.ts';
import { objectiveText } from '../src/shared/objective.ts';
import type { Objective } from '../src/shared/trace.ts';

export interface ObjectiveOption {
  readonly objective: Objective;
  readonly text: string;
}

type Shown = Pick<TraceState, 'objective' | 'outputs' | 't' | 'steps' | 'along'>;

/** The one in force is among them. */
export function objectivesOf({ objective, outputs, t, steps, along }: Shown, short: boolean): ObjectiveOption[] {
  // An encoder's steps have no losses.
  const places = (own: number | undefined): number[] => [
    ...new Set([...(own === undefined ? [] : [own]), ...(along === undefined ? [t] : [])]),
  ];
  if (outputs === undefined) {
    const own = objective.kind === 'lossAt' ? objective.t : undefined;
    return [
      { objective: { kind: 'loss' }, text: short ? 'loss' : 'mean loss' },
      ...places(own).map((each): ObjectiveOption => {
        return { objective: { kind: 'lossAt', t: each }, text: short ? `t ${count(each)}` : `loss at t ${count(each)}` };
      }),
    ];
  }
  const found = outputs.flatMap(({ name, dims }): ObjectiveOption[] => {
    const axis = dims.indexOf(steps);
    const at = (place: number): Objective => ({ kind: 'output', output: name, index: dims.map((_, k) => (k === axis ? place : null)) });
    const own = objective.kind === 'output' && objective.output === name ? objective.index?.[axis] : undefined;
    return [
      { objective: { kind: 'output', output: name }, text: `sum of ${name}` },
      ...(axis < 0 ? [] : places(own ?? undefined).map((each) => ({ objective: at(each), text: `${name} at t ${count(each)}` }))),
    ];
  });
  const isThere = found.some((option) => JSON.stringify(option.objective) === JSON.stringify(objective));
  return isThere ? found : [...found, { objective, text: objectiveText(objective) }];
}

/** The next of the two that a key goes back and forth between: all, and the step in sight. */
export function otherObjective(trace: Shown): Objective {
  const options = objectivesOf(trace, false);
  const { objective, outputs } = trace;
  if (trace.along !== undefined) return { kind: 'loss' };
  if (outputs === undefined)
    return objective.kind === 'lossAt' && objective.t === trace.t ? { kind: 'loss' } : { kind: 'lossAt', t: trace.t };
  const place = options.findIndex((option) => JSON.stringify(option.objective) === JSON.stringify(objective));
  return options[(place + 1) % options.length]!.objective;
}
