// Every view by keyboard. One table: what a key does, in the words of the help.

import type { TraceState, UnitOrder } from '../src/shared/messages.ts';
import type { Host } from './channel.ts';
import { otherObjective } from './objectives.ts';
import { lengthOf, type Shown, unitAt } from './shown.ts';
import { zoomed } from './timeline-view.ts';

/** What the page itself does for a key. */
export interface PageActions {
  readonly openRow: () => void;
  readonly showTable: () => void;
  readonly exportView: () => void;
  readonly escape: () => void;
  readonly say: (text: string) => void;
  /** Looks at another point of a trajectory, so many further along. */
  readonly lookAlong: (by: number) => void;
}

const ORDERS: readonly UnitOrder[] = ['timescale', 'similarity', 'index'];

/** Acts on a key; true if it was one of ours. */
export function pressKey(event: KeyboardEvent, shown: Shown, host: Host, page: PageActions): boolean {
  if (event.key === 'Escape') {
    page.escape();
    return true;
  }
  if (event.altKey || event.metaKey || (event.ctrlKey && !event.key.startsWith('Arrow'))) return false;
  if (event.key === 'e' || event.key === 'E') {
    page.exportView();
    return true;
  }
  const { trace, tab } = shown.state;
  if (trace === null || tab === 'training') return false;
  const quietly = (request: Promise<unknown>) => void request.catch(() => {});
  const go = (place: { t?: number; unit?: number }) => quietly(host.request('go', place));
  const length = lengthOf(trace.window);
  const rank = unitsAbout(shown, trace);
  const vertically = (by: number): void => (tab === 'trajectory' ? page.lookAlong(by) : go({ unit: rank(by) }));
  const keys: Readonly<Record<string, () => void>> = {
    ArrowLeft: () =>
      event.ctrlKey ? quietly(host.request('window', moved(trace, -length))) : go({ t: trace.t - (event.shiftKey ? 10 : 1) }),
    ArrowRight: () =>
      event.ctrlKey ? quietly(host.request('window', moved(trace, length))) : go({ t: trace.t + (event.shiftKey ? 10 : 1) }),
    ArrowUp: () => vertically(event.shiftKey ? -10 : -1),
    ArrowDown: () => vertically(event.shiftKey ? 10 : 1),
    '[': () => go({ unit: rank(-1) }),
    ']': () => go({ unit: rank(1) }),
    Home: () => go({ t: 0 }),
    End: () => go({ t: trace.steps - 1 }),
    '+': () => quietly(host.request('window', zoomed(trace, trace.t, 0.5))),
    '=': () => quietly(host.request('window', zoomed(trace, trace.t, 0.5))),
    '-': () => quietly(host.request('window', zoomed(trace, trace.t, 2))),
    '0': () => quietly(host.request('window', { from: 0, to: trace.steps })),
    o: () => quietly(host.request('choose', { kind: 'order', order: ORDERS[(ORDERS.indexOf(trace.order) + 1) % ORDERS.length]! })),
    c: () => {
      const tint = trace.tints[(trace.tints.indexOf(trace.tint) + 1) % Math.max(1, trace.tints.length)];
      if (tint !== undefined) quietly(host.request('choose', { kind: 'tint', tint }));
    },
    n: () => jump(host, 1, page),
    p: () => jump(host, -1, page),
    l: () => {
      const objective = trace.gradientWaits ? trace.objective : otherObjective(trace);
      if (trace.gradient) quietly(host.request('choose', { kind: 'objective', objective }));
    },
    t: page.showTable,
    Enter: page.openRow,
  };
  const action = keys[event.key] ?? keys[event.key.toLowerCase()];
  action?.();
  return action !== undefined;
}

/** A jump to an event says what it is, or that there is none. */
function jump(host: Host, direction: 1 | -1, page: PageActions): void {
  host
    .request('event', { direction })
    .then((found) => page.say('t' in found ? `t ${found.t}: ${found.what}` : `No ${direction > 0 ? 'later' : 'earlier'} event.`))
    .catch(() => {});
}

/** The unit some ranks from the chosen one, in the order of the rows. */
function unitsAbout(shown: Shown, trace: TraceState): (by: number) => number {
  const row = trace.rows.find((row) => row.units === trace.units);
  return (by) => {
    if (row === undefined) return trace.unit;
    const place = shown.numbers.order?.values.order?.indexOf(trace.unit) ?? trace.unit;
    return unitAt(shown, row, Math.max(0, Math.min(trace.units - 1, place + by)));
  };
}

const moved = ({ window }: TraceState, by: number) => ({ from: window.from + by, to: window.to + by });
