// A trace stepped over its sequences instead of its steps: what a recurrence over bands does at one band, frame by frame. Nothing is computed
// anew: a timestep is a sequence, and the step of the recurrence stands still.
//
// A state before the step is that of the step before in the same sequence, as the cell has it; it is not the state of the timestep before.

import type { Address, InstanceDescription, Objective, ReadRequest, SummaryKind, Trace, TraceDescription } from '../shared/trace.ts';
import { TraceError } from '../tracing/errors.ts';
import { trajectory } from '../tracing/trajectory.ts';

export class AlongSequences implements Trace {
  readonly #trace: Trace;
  readonly #step: number;
  readonly #count: number;

  /** `trace`: of so many sequences side by side, that read [T, B, ...]. `step`: where it stands still. */
  constructor(trace: Trace, step: number, count: number) {
    this.#trace = trace;
    this.#step = step;
    this.#count = count;
  }

  get description(): TraceDescription {
    const { description } = this.#trace;
    return {
      ...description,
      steps: this.#count,
      tokens: Array.from({ length: this.#count }, (_, k) => String(k)),
      by: 'number',
      instances: description.instances.map(alongSequences),
    };
  }

  async read({ addresses, from, to, gradient }: ReadRequest): Promise<readonly Float32Array[]> {
    const all = await this.#trace.read({
      addresses,
      from: this.#step,
      to: this.#step + 1,
      ...(gradient === undefined ? {} : { gradient }),
    });
    return all.map((values) => {
      const width = values.length / this.#count;
      return values.slice(from * width, to * width);
    });
  }

  /** Throws TraceError of surprise, which goes from step to step. */
  async summary(kind: SummaryKind): Promise<Float32Array> {
    if (kind.kind === 'surprise')
      throw new TraceError('Sequences side by side do not follow each other: none is a surprise after another.');
    if (kind.kind === 'trajectory') return trajectory((request) => this.read(request), kind.addresses, this.#count);
    const [values] = await this.read({
      addresses: [kind.address satisfies Address],
      from: 0,
      to: this.#count,
      gradient: kind.kind === 'norm' && kind.gradient,
    });
    const width = values!.length / this.#count;
    return Float32Array.from({ length: this.#count }, (_, k) => summaryOf(kind, values!.subarray(k * width, (k + 1) * width)));
  }

  weight(name: string): ReturnType<Trace['weight']> {
    return this.#trace.weight(name);
  }

  differentiate(objective: Objective): Promise<void> {
    return this.#trace.differentiate(objective);
  }

  close(): Promise<void> {
    return this.#trace.close();
  }
}

/** What was one a sequence is one a timestep now; no direction is left. */
const alongSequences = (instance: InstanceDescription): InstanceDescription => ({
  ...instance,
  reverse: false,
  lines: instance.lines.map((line) => ({ ...line, perStep: true })),
  inputs: instance.inputs.map((input) => ({ ...input, perStep: true })),
});

function summaryOf(kind: Exclude<SummaryKind, { kind: 'surprise' | 'trajectory' }>, values: Float32Array): number {
  switch (kind.kind) {
    case 'norm':
      return Math.hypot(...values);
    case 'mean':
      return values.reduce((sum, each) => sum + each, 0) / values.length;
    case 'share':
      return values.filter((each) => (kind.side === 'below' ? each < 0.1 : each > 0.9)).length / values.length;
  }
}
