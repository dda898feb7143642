// Breakpoints: where they stand, when they hold, and what a logpoint says.
//
// Whether a condition holds is a property of the trace, not of the way by which one comes: each occurrence of a line is judged once, in
// batches whose values are read a window at a time, and hits are counted from the start of the sequence, so that reverse and forward
// runs stop at the same places.

import type { Expression } from '../language/generated/ast.ts';
import { type Evaluated, evaluate, holds, parseWatch } from './evaluate.ts';
import { Names } from './names.ts';
import type { Site } from './program.ts';
import type { Position, Stepper } from './stepper.ts';
import { tensorText } from './tensor.ts';
import type { TraceValues } from './values.ts';

export type HitCount = { readonly kind: 'every' | 'equal' | 'above' | 'atLeast'; readonly count: number };

export type LogPart = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'expression'; readonly tree: Expression };

export interface Breakpoint {
  readonly id: number;
  readonly asked: Asked;
  /** The same line, once for each instance of its cell. */
  readonly sites: readonly Site[];
  readonly condition?: Expression;
  readonly hits?: HitCount;
  /** It writes this and does not stop. */
  readonly log?: readonly LogPart[];
}

/** What a person wrote for a breakpoint. */
export interface Asked {
  readonly condition: string | undefined;
  readonly hits: string | undefined;
  readonly log: string | undefined;
}

export const sameAsked = (a: Asked, b: Asked): boolean => a.condition === b.condition && a.hits === b.hits && a.log === b.log;

/** Reads what was asked for; the message of a fault is shown at the breakpoint. */
export const readBreakpoint = (id: number, sites: readonly Site[], asked: Asked): Breakpoint | { readonly fault: string } => {
  const { condition, hits, log } = asked;
  const parsed = condition?.trim() ? parseWatch(condition) : undefined;
  if (parsed?.kind === 'fault') return { fault: `Condition ${condition}: ${parsed.message}` };
  const count = hits?.trim() ? hitCount(hits) : undefined;
  if (count && 'fault' in count) return count;
  const parts = log ? logParts(log) : undefined;
  if (parts && 'fault' in parts) return parts;
  return { id, asked, sites, ...(parsed && { condition: parsed.tree }), ...(count && { hits: count }), ...(parts && { log: parts }) };
};

/** What is wrong with the condition or the log message, as far as the first time at the line can tell. */
export const conditionFault = async (
  { condition, log = [], sites }: Breakpoint,
  stepper: Stepper,
  values: TraceValues,
): Promise<string | undefined> => {
  const names = new Names(stepper, stepper.occurrence(sites[0]!, 0));
  if (condition) {
    const verdict = holds(await evaluate(condition, names, values));
    if (typeof verdict === 'object' && !verdict.notYet) return verdict.fault;
  }
  for (const part of log) {
    const result = part.kind === 'expression' ? await evaluate(part.tree, names, values) : undefined;
    if (result?.kind === 'fault' && !result.notYet) return result.message;
  }
  return undefined;
};

/** `3` or `= 3`: the third time; `> 3`, `>= 3`; `% 5`: every fifth. */
export const hitCount = (text: string): HitCount | { readonly fault: string } => {
  const match = /^(=|==|>|>=|%)?\s*(\d+)$/.exec(text.trim());
  const count = Number(match?.[2]);
  if (!match || count < 1) return { fault: `Hit count ${text}: a number, or one after =, >, >= or %, as in > 3.` };
  return { kind: match[1] === '%' ? 'every' : match[1] === '>' ? 'above' : match[1] === '>=' ? 'atLeast' : 'equal', count };
};

const counts = ({ kind, count }: HitCount, hit: number): boolean =>
  kind === 'every' ? hit % count === 0 : kind === 'above' ? hit > count : kind === 'atLeast' ? hit >= count : hit === count;

/** `f is {mean(f)}`: text, and expressions in braces; `\{` is a brace. */
export const logParts = (text: string): readonly LogPart[] | { readonly fault: string } => {
  const parts: LogPart[] = [];
  let plain = '';
  for (let k = 0; k < text.length; k++) {
    if (text[k] === '\\' && (text[k + 1] === '{' || text[k + 1] === '}')) plain += text[++k];
    else if (text[k] !== '{') plain += text[k];
    else {
      const end = text.indexOf('}', k);
      if (end < 0) return { fault: `Log message: the brace at column ${k + 1} is never closed.` };
      const parsed = parseWatch(text.slice(k + 1, end));
      if (parsed.kind === 'fault') return { fault: `Log message, {${text.slice(k + 1, end)}}: ${parsed.message}` };
      if (plain) parts.push({ kind: 'text', text: plain });
      plain = '';
      parts.push(parsed);
      k = end;
    }
  }
  if (plain) parts.push({ kind: 'text', text: plain });
  return parts;
};

export interface Judge {
  readonly stepper: Stepper;
  readonly values: TraceValues;
  /** Is told once what is wrong with a condition where it is judged. */
  readonly onFault: (breakpoint: Breakpoint, message: string) => void;
  /** Ends a long search early. */
  readonly cancelled: () => boolean;
}

/** How many occurrences are judged together: few at first, so that a near hit is found without reading far. */
const FIRST_BATCH = 32;
const LARGEST_BATCH = 1024;

/** One breakpoint in a trace: which of its occurrences are hits. */
export class Hits {
  readonly breakpoint: Breakpoint;
  readonly #judge: Judge;
  /** Per site: 0 not judged, 1 no, 2 yes, by number of occurrence. */
  readonly #verdicts: readonly Uint8Array[];
  #faulty = false;

  constructor(breakpoint: Breakpoint, judge: Judge) {
    this.breakpoint = breakpoint;
    this.#judge = judge;
    this.#verdicts = breakpoint.sites.map((site) => new Uint8Array(judge.stepper.occurrences(site)).fill(breakpoint.condition ? 0 : 2));
  }

  /** The first hit after `from` (or at it, with `begins`), up to and with `to`, in the direction from one to the other. */
  async first(from: Position, to: Position, begins = false): Promise<Position | undefined> {
    const { stepper } = this.#judge;
    const forward = stepper.compare(from, to) <= 0;
    if (this.breakpoint.hits) {
      const hits = await this.all(from, to, begins);
      return forward ? hits[0] : hits.at(-1);
    }
    let best: Position | undefined;
    for (const [index, site] of this.breakpoint.sites.entries()) {
      const found = await this.#firstAt(index, site, from, best ?? to, begins);
      if (found) best = found;
    }
    return best;
  }

  /** All of them, in order of execution. */
  async all(from: Position, to: Position, begins = false): Promise<readonly Position[]> {
    const { stepper } = this.#judge;
    const forward = stepper.compare(from, to) <= 0;
    const [low, high] = forward ? [from, to] : [to, from];
    const start = this.breakpoint.hits ? undefined : low;
    const found: Position[] = [];
    for (const [index, site] of this.breakpoint.sites.entries()) {
      const [first, last] = stepper.between(site, start, high);
      await this.#decide(index, site, first, last);
      for (let k = first; k <= last; k++) if (this.#verdicts[index]![k] === 2) found.push(stepper.occurrence(site, k));
    }
    const ordered = this.breakpoint.sites.length > 1 ? stepper.sorted(found) : found;
    const { hits } = this.breakpoint;
    const counted = hits ? ordered.filter((_, k) => counts(hits, k + 1)) : ordered;
    const excluded = begins ? undefined : from;
    return counted.filter((hit) => stepper.compare(hit, low) >= 0 && (!excluded || stepper.compare(hit, excluded) !== 0));
  }

  /** What a logpoint says at a hit. */
  async message(position: Position): Promise<string> {
    const names = new Names(this.#judge.stepper, position);
    const said = await Promise.all(
      this.breakpoint.log!.map(async (part) =>
        part.kind === 'text' ? part.text : evaluatedText(await evaluate(part.tree, names, this.#judge.values)),
      ),
    );
    return said.join('');
  }

  async #firstAt(index: number, site: Site, from: Position, to: Position, begins: boolean): Promise<Position | undefined> {
    const { stepper } = this.#judge;
    const forward = stepper.compare(from, to) <= 0;
    const [low, high] = forward ? [from, to] : [to, from];
    let [first, last] = stepper.between(site, low, high);
    if (!begins && first <= last && stepper.compare(stepper.occurrence(site, forward ? first : last), from) === 0)
      forward ? first++ : last--;
    const batches = [...inBatches(first, last, forward)];
    const decided: Promise<void>[] = [];
    for (const [number, [a, b]] of batches.entries()) {
      // While one batch is judged, the next is being read.
      for (const ahead of [number, number + 1]) {
        const range = batches[ahead];
        if (!range || decided[ahead]) continue;
        decided[ahead] = this.#decide(index, site, ...range);
        decided[ahead].catch(() => {});
      }
      await decided[number];
      if (this.#judge.cancelled()) return undefined;
      const part = this.#verdicts[index]!.subarray(a, b + 1);
      const place = forward ? part.indexOf(2) : part.lastIndexOf(2);
      if (place >= 0) return stepper.occurrence(site, a + place);
    }
    return undefined;
  }

  async #decide(index: number, site: Site, first: number, last: number): Promise<void> {
    const verdicts = this.#verdicts[index]!;
    const { condition } = this.breakpoint;
    if (!condition) return;
    for (let start = first; start <= last && !this.#judge.cancelled(); start += LARGEST_BATCH) {
      const open: number[] = [];
      for (let k = start; k <= Math.min(last, start + LARGEST_BATCH - 1); k++) if (verdicts[k] === 0) open.push(k);
      await Promise.all(
        open.map(async (k) => {
          const verdict = holds(
            await evaluate(condition, new Names(this.#judge.stepper, this.#judge.stepper.occurrence(site, k)), this.#judge.values),
          );
          if (typeof verdict === 'object') this.#fault(verdict);
          verdicts[k] = verdict === true ? 2 : 1;
        }),
      );
    }
  }

  #fault(fault: { readonly fault: string; readonly notYet: boolean }): void {
    if (fault.notYet || this.#faulty) return;
    this.#faulty = true;
    this.#judge.onFault(this.breakpoint, fault.fault);
  }
}

/** The numbers first .. last in batches, from the front or from the back. */
function* inBatches(first: number, last: number, forward: boolean): Generator<[number, number]> {
  let size = FIRST_BATCH;
  for (let done = 0; done <= last - first; size = Math.min(size * 2, LARGEST_BATCH)) {
    const count = Math.min(size, last - first + 1 - done);
    yield forward ? [first + done, first + done + count - 1] : [last - done - count + 1, last - done];
    done += count;
  }
}

/** A result in one line, as watches and log messages show it. */
export const evaluatedText = (result: Evaluated): string =>
  result.kind === 'fault'
    ? result.message
    : result.kind === 'text'
      ? result.text
      : `${tensorText(result.tensor)}${result.past === undefined ? '' : ` (of t = ${result.past}, not yet computed)`}`;
