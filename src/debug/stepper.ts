// Stepping through a trace: where the next stop is. Knows places and timesteps only, no numbers and no protocol; every move is a pure
// function of the position.
//
// A position stands on a line whose value has just been computed; the lines that it calls come after it, so that one steps into a line
// to see how its value came about. All positions of a trace have one order (`compare`), and a program's moves are the usual ones in it.

import type { InstanceDescription, TraceDescription } from '../shared/trace.ts';
import { type Loop, type Program, programOf, type Segment, type Site } from './program.ts';

/** A stop: a line of an instance, and the timestep if it is met once a timestep. `line` is an index into the instance's lines. */
export interface Position {
  readonly instance: string;
  readonly line: number;
  readonly t?: number;
}

/** One frame of the stack, the innermost first: a line that stands, or whose call is under way. */
export interface Frame extends Position {
  readonly site: Site;
}

export class Stepper {
  readonly program: Program;

  constructor(trace: TraceDescription) {
    this.program = programOf(trace);
    if (this.program.sites.length === 0 || trace.steps < 1) throw new Error(`${trace.model} has no line at which to stop.`);
  }

  /** The very first line at the first timestep. */
  get first(): Position {
    return this.#into(this.#root)!;
  }

  /** The very last line at the last timestep. */
  get last(): Position {
    return this.#descend(this.#lastOf(this.#root, undefined));
  }

  /** Where a session begins: the model's first line that runs a cell with state, at its first timestep. */
  get entry(): Position {
    const body = this.program.body(this.#root);
    return body.kind === 'sequence' ? this.#enter(this.#root, body.segments[0]!) : this.first;
  }

  site(position: Position): Site {
    const site = this.program.of(position.instance)[position.line];
    if (!site) throw new Error(`No line ${position.line} in ${position.instance || 'the model'}.`);
    return site;
  }

  /** The stack, innermost frame first. */
  frames(position: Position): readonly Frame[] {
    const frames: Frame[] = [];
    for (let site: Site | undefined = this.site(position); site; site = site.caller) frames.push({ site, ...this.#at(site, position.t) });
    return frames;
  }

  /** The next stop of all: into a call, else the next line, else out of it. */
  into(position: Position, call = 0): Position {
    const site = this.site(position);
    const callee = site.calls[call];
    if (callee) return this.#into(callee.path, position.t)!;
    return this.#after(position) ?? this.last;
  }

  /** The stop before this one: the inverse of `into`. */
  backInto(position: Position): Position {
    const site = this.site(position);
    const before = this.#before(position);
    if (before) return this.#descend(before);
    if (!site.caller) return this.first;
    const previous = site.caller.calls[site.ordinal - 1];
    return previous ? this.#descend(this.#lastOf(previous.path, position.t)) : this.#at(site.caller, position.t);
  }

  /** On a line of a loop: the same line at the next timestep. In a cell: the next equation; after the last, the next layer, or the caller
   *  at its next timestep. */
  over(position: Position): Position {
    const site = this.site(position);
    if (site.body.kind === 'step') {
      return site.index + 1 < site.instance.lines.length ? { ...position, line: site.index + 1 } : this.#leaveForward(site, position);
    }
    const here = segmentOf(site);
    if (here.segment.kind === 'loop') {
      const t = this.#move(here.segment, position.t!, 1);
      if (t !== undefined) return { ...position, t };
    }
    const next = here.segments[here.index + 1];
    return next ? this.#enter(position.instance, next) : this.#leaveForward(site, position);
  }

  /** The inverse of `over` within a frame; from a frame's first line, its caller. */
  back(position: Position): Position {
    const site = this.site(position);
    if (site.body.kind === 'step') {
      return site.index > 0 ? { ...position, line: site.index - 1 } : this.#leaveBackward(site, position);
    }
    const here = segmentOf(site);
    if (here.segment.kind === 'loop') {
      const t = this.#move(here.segment, position.t!, -1);
      if (t !== undefined) return { ...position, t };
    }
    const previous = here.segments[here.index - 1];
    return previous ? this.#leave(position.instance, previous) : this.#leaveBackward(site, position);
  }

  /** The rest of the call: the caller at its next timestep. From the model itself: the end. */
  out(position: Position): Position {
    const { caller } = this.site(position);
    return caller ? this.over(this.#at(caller, position.t)) : this.last;
  }

  /** The same line at another timestep; from a line outside a loop, the first loop's running line. `instance`: whose timestep is meant; where it runs
   *  along another sequence, its own first line then, or the line that runs it from the model. */
  goto(position: Position, t: number, instance?: string): Position {
    const [there] = instance === undefined ? [] : this.program.of(instance);
    const loop = this.site(position).loop;
    const isElsewhere = there?.loop !== undefined && (position.t === undefined || there.loop.along !== loop?.along);
    if (isElsewhere) {
      let site = there;
      while (site.body.kind === 'step' && site.caller?.loop) site = site.caller;
      return this.#at(site, clamped(t, there.loop!));
    }
    if (loop !== undefined && position.t !== undefined) return { ...position, t: clamped(t, loop) };
    const body = this.program.body(this.#root);
    const first = body.kind === 'sequence' ? body.segments.find((segment) => segment.kind === 'loop') : undefined;
    return first ? { ...this.#enter(this.#root, first), t: clamped(t, first) } : position;
  }

  /** The first line of a frame's call, at its time. */
  beginning(frame: Position): Position {
    return this.#into(frame.instance, frame.t)!;
  }

  /** Where a site is met at timestep t; once-only sites ignore t. */
  meet(site: Site, t: number | undefined): Position {
    return this.#at(site, t);
  }

  /** Negative where a comes before b. */
  compare(a: Position, b: Position): number {
    return compareKeys(this.#key(a), this.#key(b));
  }

  /** How often a site is met. */
  occurrences(site: Site): number {
    return site.loop?.steps ?? 1;
  }

  /** The k-th time that a site is met, from 0. */
  occurrence(site: Site, k: number): Position {
    return this.#at(site, site.loop?.reverse ? site.loop.steps - 1 - k : k);
  }

  /** First and last number of the occurrences from `low` (or the start) to `high`, both included; the first is greater where there is none. */
  between(site: Site, low: Position | undefined, high: Position): readonly [first: number, last: number] {
    const count = this.occurrences(site);
    const firstWhere = (holds: (position: Position) => boolean): number => {
      let [from, to] = [0, count];
      while (from < to) {
        const middle = (from + to) >> 1;
        if (holds(this.occurrence(site, middle))) to = middle;
        else from = middle + 1;
      }
      return from;
    };
    const first = low ? firstWhere((position) => this.compare(position, low) >= 0) : 0;
    return [first, firstWhere((position) => this.compare(position, high) > 0) - 1];
  }

  /** In order of execution. */
  sorted(positions: readonly Position[]): readonly Position[] {
    return positions
      .map((position) => ({ position, key: this.#key(position) }))
      .sort((a, b) => compareKeys(a.key, b.key))
      .map(({ position }) => position);
  }

  /** The timestep that the panel marks: the position's own, else that of the loop which was last gone through. */
  timestep(position: Position): number {
    return this.moment(position).t;
  }

  /** The same with the sequence that it is of. */
  moment(position: Position): { readonly t: number; readonly along?: string } {
    for (const { t, site } of this.frames(position)) {
      if (t !== undefined) return { t, ...alongOf(site.loop) };
      const { segments, index } = segmentOf(site);
      const loop = segments.slice(0, index).findLast((segment) => segment.kind === 'loop');
      if (loop !== undefined) return { t: loop.reverse ? 0 : loop.steps - 1, ...alongOf(loop) };
    }
    return { t: 0, ...alongOf(this.site(position).line) };
  }

  get #root(): string {
    return this.program.sites[0]!.instance.path;
  }

  #at(site: Site, t: number | undefined): Position {
    const place = { instance: site.instance.path, line: site.index };
    return site.loop && t !== undefined ? { ...place, t } : place;
  }

  #start(segment: Segment): number | undefined {
    return segment.kind === 'once' ? undefined : segment.reverse ? segment.steps - 1 : 0;
  }

  #end(segment: Segment): number | undefined {
    return segment.kind === 'once' ? undefined : segment.reverse ? 0 : segment.steps - 1;
  }

  #move(segment: Segment & { kind: 'loop' }, t: number, by: 1 | -1): number | undefined {
    const moved = segment.reverse ? t - by : t + by;
    return moved >= 0 && moved < segment.steps ? moved : undefined;
  }

  /** The first line of an instance. */
  #into(instance: string, t?: number): Position | undefined {
    const [site] = this.program.of(instance);
    if (!site) return undefined;
    return this.#at(site, site.body.kind === 'step' ? t : this.#start(site.body.segments[0]!));
  }

  /** The last line of an instance, before what it calls. */
  #lastOf(instance: string, t: number | undefined): Position {
    const site = this.program.of(instance).at(-1)!;
    return this.#at(site, site.body.kind === 'step' ? t : this.#end(site.body.segments.at(-1)!));
  }

  /** The last stop within a line: the end of its last call. */
  #descend(position: Position): Position {
    const callee = this.site(position).calls.at(-1);
    return callee ? this.#descend(this.#lastOf(callee.path, position.t)) : position;
  }

  /** From the end of a frame: the next call of the same line, else out of it. */
  #leaveForward(site: Site, position: Position): Position {
    const sibling = site.caller?.calls[site.ordinal + 1];
    return sibling ? this.#into(sibling.path, position.t)! : this.out(position);
  }

  /** From the beginning of a frame: the end of the call before it on the same line, else the line. */
  #leaveBackward(site: Site, position: Position): Position {
    if (!site.caller) return this.first;
    const sibling = site.caller.calls[site.ordinal - 1];
    return sibling ? this.#lastOf(sibling.path, position.t) : this.#at(site.caller, position.t);
  }

  #enter(instance: string, segment: Segment): Position {
    const line = runningLine(segment, this.program, instance);
    return this.#at(this.program.of(instance)[line]!, this.#start(segment));
  }

  #leave(instance: string, segment: Segment): Position {
    const line = runningLine(segment, this.program, instance);
    return this.#at(this.program.of(instance)[line]!, this.#end(segment));
  }

  /** The stop after all that this line calls; undefined at the very end. */
  #after(position: Position): Position | undefined {
    const site = this.site(position);
    const own = this.program.of(position.instance);
    if (site.body.kind === 'step') {
      const next = own[site.index + 1];
      if (next) return this.#at(next, position.t);
    } else {
      const { segments, index, segment } = segmentOf(site);
      if (segment.kind === 'loop') {
        const next = segment.lines[segment.lines.indexOf(site.index) + 1];
        if (next !== undefined) return { ...position, line: next };
        const t = this.#move(segment, position.t!, 1);
        if (t !== undefined) return { ...position, line: segment.lines[0]!, t };
      }
      const following = segments[index + 1];
      if (following) return this.#at(own[firstLine(following)]!, this.#start(following));
    }
    if (!site.caller) return undefined;
    const sibling = site.caller.calls[site.ordinal + 1];
    return sibling ? this.#into(sibling.path, position.t) : this.#after(this.#at(site.caller, position.t));
  }

  /** The line before this one in its own frame, at its time; undefined at the frame's beginning. */
  #before(position: Position): Position | undefined {
    const site = this.site(position);
    const own = this.program.of(position.instance);
    if (site.body.kind === 'step') return site.index > 0 ? this.#at(own[site.index - 1]!, position.t) : undefined;
    const { segments, index, segment } = segmentOf(site);
    if (segment.kind === 'loop') {
      const previous = segment.lines[segment.lines.indexOf(site.index) - 1];
      if (previous !== undefined) return { ...position, line: previous };
      const t = this.#move(segment, position.t!, -1);
      if (t !== undefined) return { ...position, line: segment.lines.at(-1)!, t };
    }
    const preceding = segments[index - 1];
    return preceding && this.#at(own[lastLine(preceding)]!, this.#end(preceding));
  }

  /** Numbers that sort positions: for each frame from the outermost which segment, which time round, which line; between frames which call. */
  #key(position: Position): readonly number[] {
    const key: number[] = [];
    for (const frame of this.frames(position).toReversed()) {
      const { site } = frame;
      if (site.caller) key.push(site.ordinal);
      if (site.body.kind === 'sequence') {
        const { index, segment } = segmentOf(site);
        key.push(index);
        if (segment.kind === 'loop') key.push(segment.reverse ? segment.steps - 1 - frame.t! : frame.t!);
      }
      key.push(site.index);
    }
    return key;
  }
}

const clamped = (t: number, { steps }: Loop): number => Math.min(Math.max(Math.trunc(t), 0), steps - 1);

const alongOf = (of: { readonly along?: string } | undefined): { readonly along?: string } =>
  of?.along === undefined ? {} : { along: of.along };

/** `h[0]/f @ 17`, `h`: for tests and messages. */
export const positionText = (stepper: Stepper, position: Position): string => {
  const { instance, line } = stepper.site(position);
  return `${instance.path === '' ? '' : `${instance.path}/`}${line.name}${position.t === undefined ? '' : ` @ ${position.t}`}`;
};

const compareKeys = (left: readonly number[], right: readonly number[]): number => {
  for (let k = 0; k < Math.min(left.length, right.length); k++) if (left[k] !== right[k]) return left[k]! - right[k]!;
  return left.length - right.length;
};

const segmentOf = (site: Site): { segments: readonly Segment[]; index: number; segment: Segment } => {
  const segments = site.body.kind === 'sequence' ? site.body.segments : [];
  const index = segments.findIndex((segment) =>
    segment.kind === 'once' ? segment.line === site.index : segment.lines.includes(site.index),
  );
  return { segments, index, segment: segments[index]! };
};

/** The line of a loop at which one steps from timestep to timestep: the first that runs a cell with state. */
const runningLine = (segment: Segment, program: Program, instance: string): number => {
  if (segment.kind === 'once') return segment.line;
  const sites = program.of(instance);
  const remembers = (callee: InstanceDescription): boolean =>
    callee.states.length > 0 || program.of(callee.path).some(({ calls }) => calls.some(remembers));
  return segment.lines.find((line) => sites[line]!.calls.some(remembers)) ?? segment.lines[0]!;
};

const firstLine = (segment: Segment): number => (segment.kind === 'once' ? segment.line : segment.lines[0]!);
const lastLine = (segment: Segment): number => (segment.kind === 'once' ? segment.line : segment.lines.at(-1)!);
