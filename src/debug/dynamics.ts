// Stops that nobody set a breakpoint for: the first value that is not finite, a gradient that has vanished, a gate that is shut or open
// for nearly all units. Found from one number a timestep, which the trace gives for the whole sequence at once.

import { numberText, shareText } from '../shared/numbers.ts';
import type { Address } from '../shared/trace.ts';
import type { Site } from './program.ts';
import type { Position, Stepper } from './stepper.ts';
import { describeValue, type TraceValues } from './values.ts';

export type DynamicsKind = 'nonFinite' | 'vanished' | 'saturated';

export interface DynamicsEvent {
  readonly position: Position;
  readonly kind: DynamicsKind;
  /** What happened, in a sentence. */
  readonly message: string;
}

export const DYNAMICS: Readonly<
  Record<DynamicsKind, { readonly label: string; readonly description: string; readonly initially: boolean }>
> = {
  nonFinite: { label: 'NaN or infinite value', description: 'Stops where a value first is not a finite number.', initially: true },
  vanished: {
    label: 'Vanished gradient',
    description: 'Stops at the timestep before which the gradient with respect to a state is less than a millionth of its largest.',
    initially: false,
  },
  saturated: {
    label: 'Saturated gate',
    description: 'Stops where 9 of 10 units of a gate come to be below .1 or above .9.',
    initially: false,
  },
};

const VANISHED = 1e-6;
const SATURATED = 0.9;

/** All events of a kind in a trace, in order of execution. */
export const dynamicsEvents = async (kind: DynamicsKind, stepper: Stepper, values: TraceValues): Promise<readonly DynamicsEvent[]> => {
  const sites = stepper.program.sites.filter(({ line, loop }) => line.perStep && loop !== undefined);
  const found = await Promise.all(sites.filter(WATCHED[kind]).map((site) => FINDERS[kind](site, stepper, values)));
  const events = found.flat();
  return stepper.sorted(events.map(({ position }) => position)).map((position) => events.find((event) => event.position === position)!);
};

/** A state carries what is wrong in any line of its cell; the model's own lines show what comes after. */
const WATCHED: Readonly<Record<DynamicsKind, (site: Site) => boolean>> = {
  nonFinite: (site) => isState(site) || site.instance.parent === undefined,
  vanished: isState,
  saturated: ({ line }) => line.role === 'gate',
};

function isState({ instance, line }: Site): boolean {
  return instance.states.some(({ name }) => `${name}'` === line.name);
}

const addressOf = (site: Site): Address => ({ instance: site.instance.path, line: site.line.name });
const nameOf = (site: Site): string => `${site.instance.path === '' ? '' : `${site.instance.path}.`}${site.line.name}`;

type Finder = (site: Site, stepper: Stepper, values: TraceValues) => Promise<readonly DynamicsEvent[]>;

const FINDERS: Readonly<Record<DynamicsKind, Finder>> = {
  nonFinite: async (site, stepper, values) => {
    const norms = await values.trace.summary({ kind: 'norm', address: addressOf(site), gradient: false });
    return await Promise.all(
      onsets(site, norms, (norm) => !Number.isFinite(norm)).map(async (t) => {
        const first = await firstBroken(site, t, stepper, values);
        return {
          position: stepper.meet(first.site, t),
          kind: 'nonFinite' as const,
          message: `${nameOf(first.site)}${first.unit} is ${first.what} at t = ${t}.`,
        };
      }),
    );
  },
  vanished: async (site, stepper, values) => {
    const norms = await values.trace.summary({ kind: 'norm', address: addressOf(site), gradient: true });
    const largest = norms.reduce((most, norm) => Math.max(most, norm), 0);
    if (!(largest > 0)) return [];
    const backwards = site.loop?.reverse ? norms : norms.toReversed();
    const start = backwards.indexOf(largest);
    const place = backwards.findIndex((norm, k) => k > start && norm < VANISHED * largest);
    if (place < 0) return [];
    const t = site.loop?.reverse ? place : norms.length - 1 - place;
    const message = `The gradient with respect to ${nameOf(site)} has vanished: ${numberText(norms[t]!)} at t = ${t}, against ${numberText(largest)} at its largest.`;
    return [{ position: stepper.meet(site, t), kind: 'vanished', message }];
  },
  saturated: async (site, stepper, values) => {
    const [below, above] = await Promise.all(
      (['below', 'above'] as const).map((side) => values.trace.summary({ kind: 'share', address: addressOf(site), side })),
    );
    const shares = below!.map((share, t) => share + above![t]!);
    return onsets(site, shares, (share) => share > SATURATED).map((t) => ({
      position: stepper.meet(site, t),
      kind: 'saturated',
      message: `${nameOf(site)} is saturated at t = ${t}: ${shareText(below![t]!)} of its units are below .1, ${shareText(above![t]!)} above .9.`,
    }));
  },
};

/** Timesteps at which something holds that did not hold the step before, in the run's order. */
const onsets = (site: Site, numbers: Float32Array, holds: (value: number) => boolean): readonly number[] => {
  const found: number[] = [];
  for (let t = 0; t < numbers.length; t++) {
    const before = site.loop?.reverse ? t + 1 : t - 1;
    const held = before >= 0 && before < numbers.length && holds(numbers[before]!);
    if (holds(numbers[t]!) && !held) found.push(t);
  }
  return found;
};

/** The line of the instance, at or above this one, where it begins, and the unit. */
const firstBroken = async (
  site: Site,
  t: number,
  stepper: Stepper,
  values: TraceValues,
): Promise<{ site: Site; unit: string; what: string }> => {
  const lines = site.instance.parent === undefined ? [site] : stepper.program.of(site.instance.path).slice(0, site.index + 1);
  for (const candidate of lines) {
    const value = describeValue(candidate.instance, candidate.line.name);
    if (!value) continue;
    const data = await values.at(value, t);
    const unit = data.findIndex((x) => !Number.isFinite(x));
    if (unit >= 0) return { site: candidate, unit: value.shape.length === 1 ? `[${unit}]` : '', what: numberText(data[unit]!) };
  }
  return { site, unit: '', what: 'not finite' };
};
