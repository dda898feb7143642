// Names at the border of the two graphs of a decoder: what is read once, and a step.

import type { Value } from '../graph/graph.ts';
import type { Stepwise } from '../graph/stepwise.ts';

type Border = Pick<Stepwise, 'rows' | 'input' | 'time' | 'given' | 'states'>;

export const decoderPorts = {
  rows: 'rows',
  input: 'token',
  time: 'time',
  scores: 'scores',
  line: (place: number): string => `line_${place}`,
  given: (place: number): string => `given_${place}`,
  state: (place: number): string => `state_${place}`,
  after: (place: number): string => `next_state_${place}`,
} as const;

/** Of the parameters that are no weights and no inputs of the model. */
export function borderNames({ rows, input, time, given, states }: Border): Map<Value, string> {
  return new Map([
    [rows, decoderPorts.rows],
    [input, decoderPorts.input],
    [time, decoderPorts.time],
    ...given.map((value, k) => [value, decoderPorts.given(k)] as const),
    ...states.map((value, k) => [value, decoderPorts.state(k)] as const),
  ]);
}

export const onceOutputs = ({ given, states }: Pick<Border, 'given' | 'states'>): string[] => [
  ...given.map((_, k) => decoderPorts.given(k)),
  ...states.map((_, k) => decoderPorts.state(k)),
];

export const stepOutputs = ({ states }: Pick<Border, 'states'>, lines: number): string[] => [
  decoderPorts.scores,
  ...Array.from({ length: lines }, (_, k) => decoderPorts.line(k)),
  ...states.map((_, k) => decoderPorts.after(k)),
];
