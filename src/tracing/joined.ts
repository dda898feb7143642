// A model that reads one sequence while it predicts another, as one trace: a trace for each, along which its own lines are stepped through.

import { type Address, alongOf, type ReadRequest, type SequenceDescription, type Trace, type TraceDescription } from '../shared/trace.ts';
import { TraceError } from './errors.ts';

export interface Beside {
  readonly sequence: SequenceDescription;
  readonly trace: Trace;
}

/** `main` says where each line has its steps: `beside` has a trace for each dimension that an `along` of its description names. */
export function joined(main: Trace, beside: ReadonlyMap<string, Beside>): Trace {
  return beside.size === 0 ? main : new JoinedTrace(main, beside);
}

class JoinedTrace implements Trace {
  readonly #main: Trace;
  readonly #beside: ReadonlyMap<string, Beside>;
  readonly #along: ReadonlyMap<string, string | undefined>;

  constructor(main: Trace, beside: ReadonlyMap<string, Beside>) {
    this.#main = main;
    this.#beside = beside;
    this.#along = new Map(
      main.description.instances.flatMap((instance) => {
        const { path, lines, states, inputs } = instance;
        const before = states.map(({ name, along = alongOf(instance) }) => [`${path}/${name}`, along] as const);
        const others = [...inputs, ...lines].map(({ name, along }) => [`${path}/${name}`, along] as const);
        return [...before, ...others];
      }),
    );
  }

  get description(): TraceDescription {
    const { description } = this.#main;
    const parities = [...this.#beside.values()].map(({ trace }) => trace.description.parity);
    return {
      ...description,
      beside: Object.fromEntries([...this.#beside].map(([name, { sequence }]) => [name, sequence])),
      parity: Math.max(description.parity, ...parities),
    };
  }

  async read({ addresses, ...window }: ReadRequest): Promise<readonly Float32Array[]> {
    const result: Float32Array[] = [];
    const places = Map.groupBy([...addresses.keys()], (place) => this.#traceOf(addresses[place]!));
    await Promise.all(
      [...places].map(async ([trace, own]) => {
        const read = await trace.read({ ...window, addresses: own.map((place) => addresses[place]!) });
        for (const [k, place] of own.entries()) result[place] = read[k]!;
      }),
    );
    return result;
  }

  summary(kind: Parameters<Trace['summary']>[0]): Promise<Float32Array> {
    if (kind.kind === 'surprise') return this.#main.summary(kind);
    return this.#traceOf(kind.kind === 'trajectory' ? kind.addresses[0]! : kind.address).summary(kind);
  }

  weight(name: string): ReturnType<Trace['weight']> {
    return this.#main.weight(name);
  }

  async differentiate(objective: TraceDescription['objective']): Promise<void> {
    for (const trace of this.#traces) await trace.differentiate(objective);
  }

  async close(): Promise<void> {
    await Promise.all(this.#traces.map((trace) => trace.close()));
  }

  get #traces(): readonly Trace[] {
    return [this.#main, ...[...this.#beside.values()].map(({ trace }) => trace)];
  }

  #traceOf({ instance, line }: Address): Trace {
    const along = this.#along.get(`${instance}/${line}`);
    if (along === undefined) return this.#main;
    const found = this.#beside.get(along);
    if (found === undefined) throw new TraceError(`There is no sequence along ${along}.`);
    return found.trace;
  }
}
