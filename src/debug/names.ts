// What a name means at a stop, and of which timestep its value is.
//
// The line at which one stands has its value, and so have the lines above it; lines below show the timestep before. A state without a
// prime is the state before the step. Names are looked up in the chosen frame, then in the frames around it; `h.f` and `h[1].f` are
// values of the call that line h makes.

import type { InstanceDescription } from '../shared/trace.ts';
import type { Site } from './program.ts';
import type { Position, Stepper } from './stepper.ts';
import { describeValue, type ValueDescription } from './values.ts';

/** Of which timestep a value is, as seen from a stop. */
export type Moment =
  /** `past`: not yet computed at this timestep, so it is that of the one before. */
  | { readonly kind: 'at'; readonly t: number; readonly past: boolean }
  /** One value a sequence, or all timesteps of a loop that is over. */
  | { readonly kind: 'once' }
  | { readonly kind: 'all' }
  | { readonly kind: 'notYet' };

export type Meaning =
  | { readonly kind: 'value'; readonly value: ValueDescription; readonly moment: Moment; readonly calls: readonly InstanceDescription[] }
  | { readonly kind: 'weight'; readonly weight: string; readonly shape: readonly number[] }
  | { readonly kind: 'size'; readonly size: number };

/** The names in reach of one frame of a stop. */
export class Names {
  readonly stepper: Stepper;
  readonly position: Position;
  readonly #frames: readonly Position[];
  #instances: readonly InstanceDescription[];

  /** `frame` counts from the innermost. */
  constructor(stepper: Stepper, position: Position, frame = 0) {
    this.stepper = stepper;
    this.position = position;
    this.#frames = stepper.frames(position);
    this.#instances = this.#frames.slice(frame).map(({ instance }) => stepper.program.of(instance)[0]!.instance);
  }

  /** Seen from within any instance, at the time of a stop that may be elsewhere. */
  static within(stepper: Stepper, position: Position, instance: InstanceDescription): Names {
    const around: InstanceDescription[] = [];
    for (let next: InstanceDescription | undefined = instance; next; next = stepper.program.of(next.path)[0]?.caller?.instance)
      around.push(next);
    const names = new Names(stepper, position);
    names.#instances = around;
    return names;
  }

  get instances(): readonly InstanceDescription[] {
    return this.#instances;
  }

  /** The instance of the frame itself. */
  get instance(): InstanceDescription {
    return this.instances[0]!;
  }

  /** The other sequence that the stop's timestep is of. */
  get along(): string | undefined {
    return this.stepper.moment(this.position).along;
  }

  find(name: string): Meaning | undefined {
    for (const instance of this.instances) {
      const meaning = this.field(instance, name);
      if (meaning) return meaning;
    }
    for (const { lines, inputs } of this.instances)
      for (const { dimensions, shape } of [...lines, ...inputs.map((input) => ({ ...input, dimensions: [] as string[] }))]) {
        const axis = dimensions.indexOf(name);
        if (axis >= 0) return { kind: 'size', size: shape[axis]! };
      }
    return undefined;
  }

  /** The calls that a name stands for: those of the nearest line of that name that makes any. */
  calls(name: string): readonly InstanceDescription[] {
    for (const instance of this.instances) {
      const meaning = this.field(instance, name);
      if (meaning?.kind === 'value' && meaning.calls.length > 0) return meaning.calls;
    }
    return [];
  }

  /** A value or weight of an instance by its own name for it. */
  field(instance: InstanceDescription, name: string): Meaning | undefined {
    const value = describeValue(instance, name);
    if (value) {
      const site = this.stepper.program.of(instance.path).find(({ line }) => line.name === name);
      return { kind: 'value', value, moment: this.momentOf(instance, name), calls: site?.calls ?? [] };
    }
    const weight = instance.weights.find((other) => other.name === name);
    return weight && { kind: 'weight', weight: weight.weight, shape: weight.shape };
  }

  /** Every name that can be said here, for completion. */
  all(): readonly { readonly name: string; readonly kind: 'line' | 'state' | 'input' | 'weight' }[] {
    const seen = new Set<string>();
    return this.instances
      .flatMap((instance) => [
        ...instance.lines.map(({ name }) => ({ name, kind: 'line' as const })),
        ...instance.states.map(({ name }) => ({ name, kind: 'state' as const })),
        ...instance.inputs.map(({ name }) => ({ name, kind: 'input' as const })),
        ...instance.weights.map(({ name }) => ({ name, kind: 'weight' as const })),
      ])
      .filter(({ name }) => !seen.has(name) && seen.add(name));
  }

  /** Of which timestep a line, input or state of any instance is. */
  momentOf(instance: InstanceDescription, name: string): Moment {
    const sites = this.stepper.program.of(instance.path);
    const own = sites.find(({ line }) => line.name === name);
    const site = own ?? sites[0];
    if (!site) return { kind: 'notYet' };
    const { perStep = false, along } = own?.line ?? describeValue(instance, name) ?? {};
    if (!own && site.body.kind === 'sequence') return perStep ? this.#wholeOf(along) : { kind: 'once' };
    const isComputed = (t: number | undefined): boolean => (own ? this.#complete(site, t) : this.#entered(site, t));
    if (!site.loop) return !isComputed(undefined) ? { kind: 'notYet' } : perStep ? this.#wholeOf(along) : { kind: 'once' };
    const t = this.#timeAlong(site.loop.along);
    const { steps } = site.loop;
    if (t === undefined) return isComputed(site.loop.reverse ? 0 : steps - 1) ? { kind: 'all' } : { kind: 'notYet' };
    if (isComputed(t)) return { kind: 'at', t, past: false };
    const before = site.loop.reverse ? t + 1 : t - 1;
    return before >= 0 && before < steps && isComputed(before) ? { kind: 'at', t: before, past: true } : { kind: 'notYet' };
  }

  /** A whole-sequence line's value within a loop below it is that of the timestep. */
  #wholeOf(along: string | undefined): Moment {
    const t = this.#timeAlong(along);
    return t === undefined ? { kind: 'all' } : { kind: 'at', t, past: false };
  }

  /** The stop's timestep, where it is of this sequence. */
  #timeAlong(along: string | undefined): number | undefined {
    const { t } = this.position;
    return t === undefined || this.stepper.site(this.position).loop?.along !== along ? undefined : t;
  }

  #complete(site: Site, t: number | undefined): boolean {
    const place = this.stepper.meet(site, t);
    if (this.#passed(place) && !this.#underWay(place)) return true;
    return site.caller !== undefined && this.#complete(site.caller, t);
  }

  #entered(site: Site, t: number | undefined): boolean {
    return this.#passed(this.stepper.meet(site, t)) || (site.caller !== undefined && this.#complete(site.caller, t));
  }

  #passed(place: Position): boolean {
    return this.stepper.compare(place, this.position) <= 0;
  }

  #underWay({ instance, line, t }: Position): boolean {
    return this.#frames.slice(1).some((frame) => frame.instance === instance && frame.line === line && frame.t === t);
  }
}
