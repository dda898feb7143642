// Proposes how a model is streamed. Evidence, strongest first: the graph (an output is the next value of the very elements that are an
// operator's initial state; little is computed between an input and an output), names, and shapes that fit.

import { type InputHint, noHints, type PairHint, type StreamHints } from './hints.ts';
import { looksLikeFrame, looksLikeOption, looksLikeRate, looksLikeState, nameLikeness } from './names.ts';
import { canFeed, concreteDims, elementCount, type Port, printPort } from './ports.ts';
import type { FrameRule, StateRule, StreamRule } from './rule.ts';

export interface StreamProposal extends StreamRule {
  /** Sentences for a person: why each input is what it is, and what could not be told. */
  readonly reasons: readonly string[];
  /** `graph`: every state was read off the graph; `names`: some follow from names; `shapes`: some are guesses. `none`: the model carries no state. */
  readonly confidence: 'graph' | 'names' | 'shapes' | 'none';
}

interface Candidate {
  readonly input: Port;
  readonly output: Port;
  readonly points: number;
  readonly basis: 'graph' | 'names' | 'shapes';
  readonly reason: string;
}

/** Points of a pair from which it is a state whatever else its input looks like. */
const sure = 60;
/** Points of a pair whose every element is known: another such output has the same numbers. */
const proven = 100;

export function proposeRule(inputs: readonly Port[], outputs: readonly Port[], hints: StreamHints = noHints): StreamProposal {
  const reasons: string[] = [];
  const options = inputs.filter((port) => isOption(port, outputs, hints));
  const others = inputs.filter((port) => !options.includes(port));
  const candidates = others.flatMap((input) =>
    outputs.filter((output) => canFeed(output, input)).map((output) => judged(input, output, hints)),
  );
  const frame = mostFrameLike(others, candidates, hints);
  const possible = candidates.filter((each) => each.input !== frame && plausible(each, hints));
  const taken = assigned(possible, candidates, others, outputs);

  const state = taken.map(({ pick, rivals }): StateRule => {
    const { input, output } = pick;
    const tie = rivals.length === 0 ? '' : ` ${rivals.join(' and ')} would do as well: taken in order.`;
    reasons.push(`${output.name} feeds ${input.name}: ${pick.reason}.${tie}`);
    const slots = hints.inputs[input.name]?.slots ?? [];
    if (slots.length > 1) reasons.push(`${input.name} holds ${slots.map((slot) => `${slot.state} of ${slot.operator}`).join(', ')}.`);
    return { input: input.name, output: output.name, initial: 'zeros', ...(slots.length === 0 ? {} : { slots }) };
  });
  const rest = others.filter((port) => port === frame || !state.some(({ input }) => input === port.name));
  const frames = rest.map((port): FrameRule => frameOf(port, hints.inputs[port.name], options, reasons));
  if (rest.length > 1)
    reasons.push(`${rest.map(({ name }) => name).join(' and ')} have no output that would feed them: each gets frames of its own.`);
  if (state.length === 0) reasons.push('No output can feed an input: the model carries no state from call to call.');
  const constants = Object.fromEntries(options.map((port) => [port.name, constantOf(port, hints.inputs[port.name], reasons)]));
  const bases = taken.map(({ pick, rivals }) => (rivals.length > 0 ? 'shapes' : pick.basis));
  const confidence =
    state.length === 0
      ? 'none'
      : bases.includes('shapes') || rest.some((port) => port !== frame && hints.inputs[port.name]?.read !== true)
        ? 'shapes'
        : bases.includes('names')
          ? 'names'
          : 'graph';
  return { frames, state, constants, reasons, confidence };
}

/** One number, or a whole number a batch item, that nothing feeds. */
function isOption(port: Port, outputs: readonly Port[], hints: StreamHints): boolean {
  if (looksLikeRate(port.name) && (port.dims?.length ?? 0) <= 1) return true;
  const small = port.dims !== undefined && port.dims.length <= 1 && elementCount(concreteDims(port)) === 1;
  if (!small || hints.inputs[port.name]?.read === true) return false;
  const fed = outputs.some(
    (output) =>
      canFeed(output, port) && (nameLikeness(port.name, output.name) > 0 || (distanceOf(hints, port, output)?.distance ?? 99) < 5),
  );
  return !fed && (looksLikeOption(port.name) || port.dims!.length === 0 || /^(int|uint|bool)/.test(port.type));
}

const distanceOf = (hints: StreamHints, input: Port, output: Port): PairHint | undefined =>
  hints.pairs.find((pair) => pair.input === input.name && pair.output === output.name);

function judged(input: Port, output: Port, hints: StreamHints): Candidate {
  const pair = distanceOf(hints, input, output);
  const likeness = nameLikeness(input.name, output.name);
  const named = 20 * likeness;
  const shape = `both are ${printPort(input)}`;
  if (pair !== undefined && pair.aligned > 0 && pair.crossed === 0) {
    const share = pair.aligned === pair.elements ? 'it is' : 'part of it is';
    return {
      input,
      output,
      points: proven + named,
      basis: 'graph',
      reason: `${share} the last state of the operators that start from ${input.name}`,
    };
  }
  // What ends in the output though it is near the input is most often a prediction that the frame was added to, or multiplied with.
  const goesOn = hints.continued.includes(output.name) || pair?.distance === 0;
  const near = pair === undefined ? 0 : Math.max(0, 30 - pair.distance);
  const few = `it is computed from it in few steps${hints.continued.includes(output.name) ? ' and goes on to other outputs' : ''}, and ${shape}`;
  if (pair !== undefined && pair.distance <= 4 && (goesOn || looksLikeState(input.name)))
    return { input, output, points: sure + near + named, basis: 'graph', reason: few };
  const stated = looksLikeState(input.name) ? 20 : 0;
  if (likeness > 0)
    return { input, output, points: near + named + stated, basis: 'names', reason: `their names belong together, and ${shape}` };
  const depends = pair === undefined && hints.pairs.length > 0 ? ', though it does not depend on it' : '';
  return { input, output, points: near / 2 + stated + (goesOn ? 20 : 0) + 1, basis: 'shapes', reason: `${shape}${depends}` };
}

/** Whether a pair may be a state at all where the graph is known: shapes alone are no reason. */
function plausible({ input, output, basis }: Candidate, hints: StreamHints): boolean {
  if (basis !== 'shapes' || hints.pairs.length === 0) return true;
  return hints.continued.includes(output.name) || looksLikeState(input.name) || looksLikeState(output.name);
}

/** The input that is least like a state and most like a frame; the first of equals. */
function mostFrameLike(inputs: readonly Port[], candidates: readonly Candidate[], hints: StreamHints): Port | undefined {
  const likeness = (port: Port): number => {
    const asState = Math.max(-20, ...candidates.filter(({ input }) => input === port).map(({ points }) => points));
    const hint = hints.inputs[port.name];
    const asFrame = (looksLikeFrame(port.name) ? 15 : 0) + (looksLikeState(port.name) ? -30 : 0) + (hint?.read === true ? 30 : 0);
    return asFrame - asState - ((hint?.slots.length ?? 0) > 0 ? 50 : 0);
  };
  return inputs.reduce<Port | undefined>((best, port) => (best === undefined || likeness(port) > likeness(best) ? port : best), undefined);
}

/** Pairs, best first, each input and each output once; `rivals` are outputs, or inputs of `all`, that were as good. */
function assigned(
  candidates: readonly Candidate[],
  all: readonly Candidate[],
  inputs: readonly Port[],
  outputs: readonly Port[],
): { pick: Candidate; rivals: string[] }[] {
  const order = (each: Candidate): number => Math.abs(inputs.indexOf(each.input) - outputs.indexOf(each.output));
  const sorted = [...candidates].sort(
    (a, b) =>
      b.points - a.points ||
      inputs.indexOf(a.input) - inputs.indexOf(b.input) ||
      order(a) - order(b) ||
      outputs.indexOf(a.output) - outputs.indexOf(b.output),
  );
  const [fed, used] = [new Set<Port>(), new Set<Port>()];
  const picks: { pick: Candidate; rivals: string[] }[] = [];
  for (const pick of sorted) {
    if (fed.has(pick.input) || used.has(pick.output)) continue;
    const rivals = all.flatMap((each) => {
      if (pick.points >= proven || each.points !== pick.points || fed.has(each.input) || used.has(each.output)) return [];
      if (each.input === pick.input) return each.output === pick.output ? [] : [each.output.name];
      return each.output === pick.output ? [each.input.name] : [];
    });
    fed.add(pick.input);
    used.add(pick.output);
    picks.push({ pick, rivals });
  }
  return picks.sort((a, b) => inputs.indexOf(a.pick.input) - inputs.indexOf(b.pick.input));
}

function frameOf(port: Port, hint: InputHint | undefined, options: readonly Port[], reasons: string[]): FrameRule {
  const { name, dims = [] } = port;
  const could = (axis: number | undefined): axis is number => axis !== undefined && (typeof dims[axis] !== 'number' || dims[axis] === 1);
  const named = dims.findIndex((dim) => typeof dim === 'string' && /^(t|time|seq\w*|frames?|steps?|timesteps?|length)$/i.test(dim));
  const single = dims.length >= 3 ? dims.findIndex((dim, axis) => axis > 0 && dim === 1) : -1;
  const tokens = dims.length === 2 && /^int/.test(port.type) && could(1) ? 1 : undefined;
  const axis = could(hint?.timeAxis) ? hint.timeAxis : named >= 0 ? named : single >= 0 ? single : tokens;
  const told = printPort(port);
  if (axis === undefined) reasons.push(`${name} (${told}) is the frame; none of its axes is time.`);
  else {
    const free = typeof dims[axis] === 'number' ? '' : ' It is free: whole sequences can be given in one call too.';
    reasons.push(
      `${name} (${told}) is the frame; axis ${axis} is time${axis === hint?.timeAxis ? ', as a recurrent operator reads it' : ''}.${free}`,
    );
  }
  const context = axis === undefined ? contextOf(port, options, reasons) : 0;
  return { input: name, ...(axis === undefined ? {} : { axis }), ...(context === 0 ? {} : { context }) };
}

/** Detectors of speech read windows of a power of two, with an eighth of them from the window before. */
function contextOf({ name, dims = [] }: Port, options: readonly Port[], reasons: string[]): number {
  const last = dims.at(-1);
  if (dims.length > 2 || !options.some((port) => looksLikeRate(port.name))) return 0;
  if (typeof last === 'number' && last % 9 === 0 && Number.isInteger(Math.log2((8 * last) / 9))) {
    reasons.push(`${last} samples are ${(8 * last) / 9} and an eighth of them from the frame before: ${last / 9} of context.`);
    return last / 9;
  }
  if (typeof last !== 'number')
    reasons.push(
      `The graph does not tell whether ${name} wants samples of the frame before in front of each frame; if so, give their number as "context".`,
    );
  return 0;
}

function constantOf(port: Port, hint: InputHint | undefined, reasons: string[]): number {
  const [compared] = hint?.compared ?? [];
  const value = compared ?? (looksLikeRate(port.name) ? 16000 : 1);
  const rest = (hint?.compared.length ?? 0) > 1 ? `, as well as with ${hint!.compared.slice(1).join(', ')}` : '';
  const why = compared === undefined ? 'the graph does not tell; look whether that is right' : `the graph compares it with that${rest}`;
  reasons.push(`${port.name} stays ${value}: ${why}.`);
  return value;
}
