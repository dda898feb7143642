// What a launch configuration of the type `unroll` may say, and what is wrong with one.

import type { Objective } from '../shared/trace.ts';

export interface LaunchArguments {
  /** The `.rnn` file. */
  readonly program: string;
  /** Which model of the file; by default its first. */
  readonly model?: string;
  /** The folder of a run, `latest`, or `untrained` for the weights as they start. By default the newest run. */
  readonly run?: string;
  /** What is stepped through: a text, the text in a file, or a part of the model's own data. */
  readonly text?: string;
  readonly file?: string;
  readonly data?: { readonly part: 'training' | 'validation'; readonly from?: number; readonly length?: number };
  /** By default true. */
  readonly stopOnEntry?: boolean;
  /** What the gradients are of; by default the loss. */
  readonly objective?: Objective;
  /** What the host has made of all this, where it has asked the person itself. */
  readonly trace?: unknown;
}

/** Checks what came as JSON. A fault names the property, and says what it should be. */
export const readLaunch = (given: object): LaunchArguments | { readonly fault: string } => {
  const asked = given as Partial<Record<keyof LaunchArguments, unknown>>;
  if (typeof asked.program !== 'string' || asked.program === '')
    return { fault: 'The launch configuration names no model: set "program" to a .rnn file.' };
  for (const property of ['model', 'run', 'text', 'file'] as const)
    if (asked[property] !== undefined && typeof asked[property] !== 'string')
      return { fault: `"${property}" in the launch configuration is a text.` };
  const data = asked.data as Partial<LaunchArguments['data'] & object> | undefined;
  if (data !== undefined && data.part !== 'training' && data.part !== 'validation')
    return { fault: '"data" in the launch configuration is { "part": "training" or "validation", "from": 0, "length": 200 }.' };
  const objective = asked.objective as { readonly kind?: unknown; readonly t?: unknown } | undefined;
  if (objective !== undefined && objective.kind !== 'loss' && !(objective.kind === 'lossAt' && Number.isInteger(objective.t)))
    return { fault: '"objective" in the launch configuration is { "kind": "loss" } or { "kind": "lossAt", "t": 40 }.' };
  return given as LaunchArguments;
};
