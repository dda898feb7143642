// The order in which a traced model's lines are stopped at, as a program.
//
// A model's lines in a row that share T form a loop: all of them at the first timestep, then all at the next. A line that needs a whole
// sequence (a bidirectional layer, `last(h)`) ends the row and stands alone; what it calls may hold loops of its own. Below a line of a
// loop everything is one step: the lines of the called cell, one after the other. So a place in the source is met either once or once a
// timestep, never in nested loops.

import { type InstanceDescription, type LineDescription, sequenceAlong, type TraceDescription } from '../shared/trace.ts';

/** The way round of a loop: over `steps` timesteps, those of another sequence where `along` names one. */
export interface Loop {
  readonly reverse: boolean;
  readonly along?: string;
  readonly steps: number;
}

/** Lines that run over time together, or one line that is met once. Lines are indices into the instance's lines. */
export type Segment =
  | (Loop & { readonly kind: 'loop'; readonly lines: readonly number[] })
  | { readonly kind: 'once'; readonly line: number };

/** The lines of an instance as they are gone through: within one timestep, or over the sequence. */
export type Body = { readonly kind: 'step' } | { readonly kind: 'sequence'; readonly segments: readonly Segment[] };

/** One line of one instance: a place where the debugger stops. */
export interface Site {
  readonly instance: InstanceDescription;
  readonly index: number;
  readonly line: LineDescription;
  readonly body: Body;
  /** The line that calls this instance, and which of its calls this is; absent for the model's own lines. */
  readonly caller?: Site;
  readonly ordinal: number;
  /** The loop around it; absent where it is met once. */
  readonly loop?: Loop;
  /** Instances that the line calls, in order of evaluation. */
  readonly calls: readonly InstanceDescription[];
}

export interface Program {
  readonly trace: TraceDescription;
  /** Every line that is met, callers before what they call. */
  readonly sites: readonly Site[];
  /** The sites of an instance, one a line. */
  of(instance: string): readonly Site[];
  body(instance: string): Body;
}

/** Reads the program off a trace's description. An instance that no line calls is left out. */
export const programOf = (trace: TraceDescription): Program => {
  const children = new Map<string, InstanceDescription[]>();
  for (const instance of trace.instances) {
    if (instance.parent === undefined) continue;
    children.set(instance.parent, [...(children.get(instance.parent) ?? []), instance]);
  }
  const sites: Site[] = [];
  const perInstance = new Map<string, readonly Site[]>();
  const bodies = new Map<string, Body>();

  const visit = (instance: InstanceDescription, caller: Site | undefined, ordinal: number): void => {
    const calls = callsByLine(instance, children.get(instance.path) ?? []);
    const runs = (path: string): boolean => (children.get(path) ?? []).some((child) => child.runs || runs(child.path));
    const body: Body = caller?.loop
      ? { kind: 'step' }
      : { kind: 'sequence', segments: segmentsOf(trace, instance, calls, (callee) => !callee.runs && runs(callee.path)) };
    bodies.set(instance.path, body);
    const own = instance.lines.map((line, index): Site => {
      const loop = body.kind === 'step' ? caller?.loop : loopAround(body.segments, index);
      return {
        instance,
        index,
        line,
        body,
        ordinal,
        calls: calls[index]!,
        ...(caller && { caller }),
        ...(loop && { loop }),
      };
    });
    perInstance.set(instance.path, own);
    sites.push(...own);
    for (const site of own) for (const [index, callee] of site.calls.entries()) visit(callee, site, index);
  };
  const model = trace.instances.find(({ parent }) => parent === undefined);
  if (model) visit(model, undefined, 0);
  return {
    trace,
    sites,
    of: (instance) => perInstance.get(instance) ?? [],
    body: (instance) => bodies.get(instance) ?? { kind: 'step' },
  };
};

/** Which line of the parent calls which child: paths are made of the names of lines (`h`, `h[1]`, `loss.linear`). */
const callsByLine = (instance: InstanceDescription, children: readonly InstanceDescription[]): readonly InstanceDescription[][] => {
  const calls: InstanceDescription[][] = instance.lines.map(() => []);
  for (const child of children) {
    if (child.lines.length === 0) continue;
    const relative = instance.path === '' ? child.path : child.path.slice(instance.path.length + 1);
    const name = /^[^.[]*/.exec(relative)![0];
    const index = instance.lines.findIndex((line) => line.calls === child.path || line.name.replace(/'$/, '') === name);
    if (index >= 0) calls[index]!.push(child);
  }
  return calls;
};

const segmentsOf = (
  trace: TraceDescription,
  instance: InstanceDescription,
  calls: readonly InstanceDescription[][],
  needsWhole: (callee: InstanceDescription) => boolean,
): readonly Segment[] => {
  const segments: Segment[] = [];
  let row: (Loop & { kind: 'loop'; lines: number[] }) | undefined;
  instance.lines.forEach((line, index) => {
    if (!line.perStep || calls[index]!.some(needsWhole)) {
      row = undefined;
      segments.push({ kind: 'once', line: index });
      return;
    }
    const reverse = calls[index]!.some((callee) => callee.reverse);
    if (
      !row ||
      row.reverse !== reverse ||
      row.along !== line.along ||
      looksAhead(
        line.text,
        row.lines.map((other) => instance.lines[other]!.name),
      )
    ) {
      const { steps } = sequenceAlong(trace, line.along);
      row = { kind: 'loop', lines: [], reverse, steps, ...(line.along !== undefined && { along: line.along }) };
      segments.push(row);
    }
    row.lines.push(index);
  });
  return segments;
};

/** A line that reads another step of a line above it cannot be in step with it. */
const looksAhead = (text: string, names: readonly string[]): boolean =>
  [...text.matchAll(/\b(?:first|last|next|reverse)\(\s*([\p{L}\p{N}_]+'?)/gu)].some((match) => names.includes(match[1]!));

const loopAround = (segments: readonly Segment[], line: number): Loop | undefined =>
  segments.find((segment): segment is Extract<Segment, { kind: 'loop' }> => segment.kind === 'loop' && segment.lines.includes(line));
