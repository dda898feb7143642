// Where numbers go wrong or something happens: the first value that is not a number, and the events that N and P jump to.

import type { Fault, Window } from '../shared/messages.ts';
import { numberText } from '../shared/numbers.ts';
import type { Layer } from './layer.ts';
import { meanChange, saturation } from './pooling.ts';

/** Share of a gate's units that must be shut or open for the gate to count as saturated. */
const SATURATED = 0.8;
/** Deviations above the mean change of the states. */
const SUDDEN = 4;
const LOOKED_AT = 256;

/** The first value in or before a window that is NaN or infinite, if the window has one. */
export async function findFault(layer: Layer, window: Window): Promise<Fault | undefined> {
  let found: { t: number; line: string; unit: number } | undefined;
  for (let { from, to } = window; from < to; ) {
    const earlier = await firstNonFinite(layer, from, to);
    if (earlier === undefined) break;
    found = earlier;
    // States hand a NaN on: if the stretch begins with one, it comes from further back.
    if (earlier.t > from || from === 0) break;
    to = from;
    from = Math.max(0, from - LOOKED_AT);
  }
  if (found === undefined) return undefined;
  const { t, line, unit } = found;
  const row = layer.row(line)!;
  const before = t > 0 ? (await layer.values(line, { from: t - 1, to: t }))[unit]! : undefined;
  const what =
    before === undefined ? 'It is so from the first timestep.' : `${row.letter} of this unit was ${numberText(before)} at t ${t - 1}.`;
  return {
    t,
    layer: layer.instance.path,
    line,
    unit,
    text: `${what} From t ${t} on, cells that are no numbers are crossed out, not coloured.`,
    actions: [{ id: 'fault', label: `Go to t ${t}` }],
  };
}

async function firstNonFinite(layer: Layer, from: number, to: number): Promise<{ t: number; line: string; unit: number } | undefined> {
  for await (const stretch of layer.read(from, to)) {
    let found: { t: number; line: string; unit: number } | undefined;
    for (const row of layer.rows) {
      const at = stretch.values.get(row.line)!.findIndex((v) => !Number.isFinite(v));
      if (at < 0) continue;
      const t = stretch.from + Math.floor(at / row.units);
      if (found === undefined || t < found.t) found = { t, line: row.line, unit: at % row.units };
    }
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The nearest event after (or before) t, with what it is. `marks` are timesteps of breakpoints that were hit. */
export async function nearestEvent(
  layer: Layer,
  t: number,
  direction: 1 | -1,
  steps: number,
  marks: ReadonlyMap<number, string>,
  stale: () => boolean,
): Promise<{ readonly t: number; readonly what: string } | undefined> {
  const sudden = layer.changeThreshold(SUDDEN);
  for (let at = t; at >= 0 && at < steps && !stale(); ) {
    const from = Math.max(0, direction > 0 ? at : at - LOOKED_AT);
    const to = Math.min(steps, direction > 0 ? at + LOOKED_AT + 1 : at + 1);
    const events = [...(await eventsOf(layer, from, to, sudden)), ...[...marks].map(([t, what]) => ({ t, what }))]
      .filter((event) => event.t >= from && event.t < to && (event.t - t) * direction > 0)
      .sort((a, b) => (a.t - b.t) * direction);
    if (events.length > 0) return events[0];
    if (direction > 0 ? to >= steps : from <= 0) return undefined;
    at = direction > 0 ? to - 1 : from;
  }
  return undefined;
}

async function eventsOf(layer: Layer, from: number, to: number, sudden: number): Promise<{ t: number; what: string }[]> {
  const events: { t: number; what: string }[] = [];
  for (const row of layer.rows) {
    const values = await layer.values(row.line, { from, to });
    const state = row === layer.stateRows[0];
    const shares = row.quantity === 'gate' ? saturation(values, row.units) : undefined;
    let before = true;
    for (let t = from; t < to; t++) {
      const now = values.subarray((t - from) * row.units, (t - from + 1) * row.units);
      const finite = now.every(Number.isFinite);
      if (!finite && before && t > from) events.push({ t, what: `${row.letter} is not a number` });
      before = finite;
      if (t === from) continue;
      if (shares !== undefined) {
        const share = (at: number) => shares.below[at - from]! + shares.above[at - from]!;
        if (share(t) >= SATURATED && share(t - 1) < SATURATED) events.push({ t, what: `${row.letter} saturates` });
      }
      if (state) {
        const previous = values.subarray((t - from - 1) * row.units, (t - from) * row.units);
        if (meanChange(previous, now) > sudden) events.push({ t, what: `${row.letter} changes suddenly` });
      }
    }
  }
  return events;
}
