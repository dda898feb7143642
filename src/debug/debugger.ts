// A debugging session without its protocol: where it stands, and how far each move goes before something stops it.

import type { Objective, Trace } from '../shared/trace.ts';
import { type Breakpoint, Hits, type Judge } from './breakpoints.ts';
import { type DynamicsEvent, type DynamicsKind, dynamicsEvents } from './dynamics.ts';
import { type Position, Stepper } from './stepper.ts';
import { describeValue, TraceValues } from './values.ts';

export type Move = 'over' | 'into' | 'out' | 'back' | 'continue' | 'reverseContinue';

export interface Stop {
  readonly position: Position;
  readonly reason: 'entry' | 'step' | 'breakpoint' | 'exception' | 'goto' | 'pause' | 'end';
  /** Ids of the breakpoints that were hit. */
  readonly breakpoints: readonly number[];
  /** What happened, where the reason does not say it. */
  readonly text?: string;
}

/** A line that a logpoint wrote. */
export interface Logged {
  readonly breakpoint: Breakpoint;
  readonly position: Position;
  readonly text: string;
}

export interface DebuggerEvents {
  readonly onLog: (lines: readonly Logged[]) => void;
  /** A breakpoint's condition that cannot be judged. */
  readonly onFault: (breakpoint: Breakpoint, message: string) => void;
}

export class Debugger {
  readonly trace: Trace;
  readonly stepper: Stepper;
  position: Position;
  #values: TraceValues;
  readonly #events: DebuggerEvents;
  #breakpoints: readonly Hits[] = [];
  #filters: readonly DynamicsKind[] = [];
  #found = new Map<DynamicsKind, Promise<readonly DynamicsEvent[]>>();
  #cancelled = false;

  constructor(trace: Trace, events: DebuggerEvents) {
    this.trace = trace;
    this.stepper = new Stepper(trace.description);
    this.position = this.stepper.entry;
    this.#values = new TraceValues(trace);
    this.#events = events;
  }

  get values(): TraceValues {
    return this.#values;
  }

  get breakpoints(): readonly Breakpoint[] {
    return this.#breakpoints.map(({ breakpoint }) => breakpoint);
  }

  /** Replaces all breakpoints; those that were there keep what is known of them. */
  setBreakpoints(breakpoints: readonly Breakpoint[]): void {
    this.#breakpoints = breakpoints.map((breakpoint) => {
      const known = this.#breakpoints.find((hits) => hits.breakpoint === breakpoint);
      return known ?? new Hits(breakpoint, this.#judge());
    });
  }

  setFilters(filters: readonly DynamicsKind[]): void {
    this.#filters = filters;
  }

  /** Gradients of something else from now on. */
  async differentiate(objective: Objective): Promise<void> {
    await this.trace.differentiate(objective);
    this.#values = new TraceValues(this.trace);
    this.#found = new Map();
    this.#breakpoints = this.breakpoints.map((breakpoint) => new Hits(breakpoint, this.#judge()));
  }

  /** Ends a search that is under way; the session stays where it was. */
  pause(): void {
    this.#cancelled = true;
  }

  /** Goes on until the move is done or something stops it on the way. `call` chooses among the calls of a line. */
  async move(move: Move, call?: number): Promise<Stop> {
    return await this.#travel(this.position, this.#target(move, call), false);
  }

  /** To the first stop, as if the session had just begun; stops there if `stop`, else at the first breakpoint. */
  async begin(stop: boolean): Promise<Stop> {
    this.position = this.stepper.entry;
    if (stop) return this.#stopped('entry');
    return await this.#travel(this.stepper.first, this.stepper.last, true);
  }

  /** Starts to read what is likely to be shown here and at the next steps: the values of the cells on the stack, and of those that the line calls. */
  prefetch(): void {
    const t = this.stepper.timestep(this.position);
    const frames = this.stepper.frames(this.position);
    for (const instance of [...frames.map(({ site }) => site.instance), ...frames[0]!.site.calls]) {
      const names = [...instance.lines, ...instance.states, ...instance.inputs].map(({ name }) => name);
      this.#values.prefetch(
        names.map((name) => describeValue(instance, name)!),
        t,
      );
    }
  }

  /** Jumps; nothing on the way stops it. */
  goto(position: Position): Stop {
    this.position = position;
    return this.#stopped('goto');
  }

  #judge(): Judge {
    return {
      stepper: this.stepper,
      values: this.#values,
      onFault: this.#events.onFault,
      cancelled: () => this.#cancelled,
    };
  }

  #target(move: Move, call: number | undefined): Position {
    const { stepper, position } = this;
    switch (move) {
      case 'over':
        return stepper.over(position);
      case 'into':
        return stepper.into(position, call);
      case 'out':
        return stepper.out(position);
      case 'back':
        return stepper.back(position);
      case 'continue':
        return stepper.last;
      case 'reverseContinue':
        return stepper.compare(stepper.entry, position) < 0 ? stepper.entry : stepper.first;
    }
  }

  /** `begins`: what stops it may also stand at the position it comes from. */
  async #travel(from: Position, to: Position, begins: boolean): Promise<Stop> {
    this.#cancelled = false;
    if (!begins && this.stepper.compare(from, to) === 0) return this.#stopped('end', endText(this.stepper, to));
    const interruption = await this.#interruption(from, to, begins);
    if (this.#cancelled) return this.#stopped('pause');
    await this.#log(from, interruption?.position ?? to, begins);
    if (interruption) return this.#at(interruption);
    this.position = to;
    const { first, entry, last } = this.stepper;
    const ended = [first, entry, last].some((end) => this.stepper.compare(end, to) === 0);
    return ended ? this.#stopped('end', endText(this.stepper, to)) : this.#stopped('step');
  }

  #at(interruption: Interruption): Stop {
    this.position = interruption.position;
    const { breakpoints, text } = interruption;
    return {
      position: this.position,
      reason: breakpoints.length > 0 ? 'breakpoint' : 'exception',
      breakpoints,
      ...(text !== undefined && { text }),
    };
  }

  #stopped(reason: Stop['reason'], text?: string): Stop {
    return { position: this.position, reason, breakpoints: [], ...(text !== undefined && { text }) };
  }

  /** The first thing after `from`, up to and with `to`, that stops. */
  async #interruption(from: Position, to: Position, begins: boolean): Promise<Interruption | undefined> {
    const { stepper } = this;
    const forward = stepper.compare(from, to) < 0;
    let best: { position: Position; breakpoints: number[]; text?: string } | undefined;
    for (const hits of this.#breakpoints) {
      if (hits.breakpoint.log) continue;
      const position = await hits.first(from, best?.position ?? to, begins);
      if (!position) continue;
      if (best && stepper.compare(position, best.position) === 0) best.breakpoints.push(hits.breakpoint.id);
      else best = { position, breakpoints: [hits.breakpoint.id] };
    }
    for (const kind of this.#filters) {
      const limit = best?.position ?? to;
      const [low, high] = forward ? [from, limit] : [limit, from];
      const events = (await this.#dynamics(kind)).filter(
        ({ position }) =>
          (begins || stepper.compare(position, from) !== 0) && stepper.compare(position, low) >= 0 && stepper.compare(position, high) <= 0,
      );
      const event = forward ? events[0] : events.at(-1);
      if (!event) continue;
      const together = best && stepper.compare(event.position, best.position) === 0 ? best.breakpoints : [];
      best = { position: event.position, breakpoints: together, text: event.message };
    }
    return best;
  }

  #dynamics(kind: DynamicsKind): Promise<readonly DynamicsEvent[]> {
    let events = this.#found.get(kind);
    if (!events) {
      events = dynamicsEvents(kind, this.stepper, this.#values);
      this.#found.set(kind, events);
    }
    return events;
  }

  async #log(from: Position, to: Position, begins: boolean): Promise<void> {
    const forward = this.stepper.compare(from, to) < 0;
    const lines: Logged[] = [];
    for (const hits of this.#breakpoints) {
      if (!hits.breakpoint.log) continue;
      const positions = await hits.all(from, to, begins);
      lines.push(
        ...(await Promise.all(
          positions.map(async (position) => ({ breakpoint: hits.breakpoint, position, text: await hits.message(position) })),
        )),
      );
    }
    if (lines.length === 0) return;
    const order = new Map(this.stepper.sorted(lines.map(({ position }) => position)).map((position, k) => [position, k]));
    lines.sort((a, b) => (order.get(a.position)! - order.get(b.position)!) * (forward ? 1 : -1));
    this.#events.onLog(lines);
  }
}

interface Interruption {
  readonly position: Position;
  readonly breakpoints: readonly number[];
  readonly text?: string;
}

const endText = (stepper: Stepper, position: Position): string =>
  stepper.compare(position, stepper.last) === 0 ? 'The end of the sequence' : 'The beginning of the sequence';
