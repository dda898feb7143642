// How a model that is made for one frame a call is streamed: plain data that a person confirms, edits and keeps beside the model.

import type { StateSlot } from './hints.ts';
import { canFeed, concreteDims, elementCount, type Port, printPort } from './ports.ts';

export interface StreamRule {
  /** Inputs that get a frame at each call; most often one. */
  readonly frames: readonly FrameRule[];
  readonly state: readonly StateRule[];
  /** Inputs that stay the same: a sample rate, for instance. One number fills the tensor. */
  readonly constants: Readonly<Record<string, number | readonly number[]>>;
}

export interface FrameRule {
  readonly input: string;
  /** The axis along which frames follow each other, of size 1 in a call; absent where a call's tensor has no such axis. */
  readonly axis?: number;
  /** So many of the last numbers of the frame before are put before each frame, zeros before the first. 0 by default. */
  readonly context?: number;
}

export interface StateRule {
  readonly input: string;
  readonly output: string;
  /** Zeros by default; else one number for all, or the tensor's numbers in row-major order. */
  readonly initial?: 'zeros' | number | readonly number[];
  /** Which elements are h and c of which operator, where the graph shows it. */
  readonly slots?: readonly StateSlot[];
}

/** A fault of a rule or of its frames, told in sentences. */
export class StreamError extends Error {
  override name = 'StreamError';
}

/**
 * A rule as JSON has it. `frame` may stand for `frames` and a name for `{ input }`; `state` may be an object of input to output.
 * Throws StreamError with what is wrong; names and shapes are not looked at (checkRule does).
 */
export function parseRule(json: unknown): StreamRule {
  if (!isRecord(json)) throw new StreamError('A streaming rule is an object with "frames", "state" and "constants".');
  const unknown = Object.keys(json).find((key) => !['frame', 'frames', 'state', 'constants', 'reasons', 'confidence'].includes(key));
  if (unknown !== undefined) throw new StreamError(`A streaming rule has "frames", "state" and "constants"; "${unknown}" is none of them.`);
  const given = json.frames ?? json.frame;
  if (given === undefined)
    throw new StreamError('The rule does not say which input the frames go to: "frames": [{ "input": "...", "axis": 1 }].');
  const frames = (Array.isArray(given) ? given : [given]).map((each: unknown): FrameRule => {
    if (typeof each === 'string') return { input: each };
    if (!isRecord(each) || typeof each.input !== 'string')
      throw new StreamError('Each of "frames" is { "input": name, "axis": number, "context": number }.');
    return { input: each.input, ...optionalCount(each, 'axis'), ...optionalCount(each, 'context') };
  });
  const pairs = json.state ?? [];
  const listed = Array.isArray(pairs)
    ? pairs
    : isRecord(pairs)
      ? Object.entries(pairs).map(([input, output]) => ({ input, output }))
      : undefined;
  if (listed === undefined) throw new StreamError('"state" is a list of { "input": name, "output": name }.');
  const state = listed.map((each: unknown): StateRule => {
    if (!isRecord(each) || typeof each.input !== 'string' || typeof each.output !== 'string')
      throw new StreamError('Each of "state" is { "input": name, "output": name }.');
    const { input, output, initial } = each;
    if (initial !== undefined && initial !== 'zeros' && !isNumbers(initial))
      throw new StreamError(`The initial state of ${input} is "zeros", a number, or a list of numbers.`);
    return {
      input,
      output,
      ...(initial === undefined ? {} : { initial: initial as 'zeros' | number }),
      ...(Array.isArray(each.slots) ? { slots: each.slots.map(slotOf) } : {}),
    };
  });
  const constants = json.constants ?? {};
  if (!isRecord(constants)) throw new StreamError('"constants" is an object of input names and their numbers.');
  for (const [name, value] of Object.entries(constants))
    if (!isNumbers(value)) throw new StreamError(`The constant ${name} has no number: give it one, or a list of them.`);
  return { frames, state, constants: constants as StreamRule['constants'] };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNumbers = (value: unknown): boolean =>
  Number.isFinite(value) || (Array.isArray(value) && value.every((each) => typeof each === 'number'));

function optionalCount(from: Readonly<Record<string, unknown>>, key: 'axis' | 'context'): { axis?: number; context?: number } {
  const value = from[key];
  if (value === undefined || value === null) return {};
  if (!Number.isSafeInteger(value) || (key === 'context' && (value as number) < 0))
    throw new StreamError(`"${key}" of ${String(from.input)} is a whole number.`);
  return { [key]: value as number };
}

function slotOf(given: unknown): StateSlot {
  const isList = (list: unknown): boolean =>
    Array.isArray(list) && list.length === 3 && list.every((each) => Number.isSafeInteger(each) && each >= 0);
  if (!isRecord(given) || typeof given.operator !== 'string' || !/^[hc]$/.test(String(given.state)) || !Number.isSafeInteger(given.offset))
    throw new StreamError('Each of "slots" is { "operator", "state": "h" or "c", "offset", "strides", "sizes" }.');
  if (!isList(given.strides) || !isList(given.sizes))
    throw new StreamError(`"strides" and "sizes" of the slot ${given.operator} are three whole numbers each.`);
  return given as unknown as StateSlot;
}

/** What is wrong with a rule for a model with these ports: sentences, none where it can be run. `sizes`: free dimensions by name. */
export function checkRule(
  rule: StreamRule,
  inputs: readonly Port[],
  outputs: readonly Port[],
  sizes: Readonly<Record<string, number>> = {},
): string[] {
  const faults: string[] = [];
  const roles = new Map<string, string>();
  const take = (name: string, role: string): Port | undefined => {
    const port = inputs.find((each) => each.name === name);
    const before = roles.get(name);
    if (port === undefined) faults.push(`The model has no input ${name}; its inputs are ${namesOf(inputs)}.`);
    else if (before !== undefined) faults.push(`${name} is ${before} and ${role}: an input is one of them.`);
    else roles.set(name, role);
    return before === undefined ? port : undefined;
  };
  if (rule.frames.length === 0) faults.push('No input gets the frames.');
  for (const frame of rule.frames) {
    const port = take(frame.input, 'a frame');
    if (port !== undefined) faults.push(...frameFaults(frame, port));
  }
  const fed = new Map<string, string>();
  for (const { input, output, initial } of rule.state) {
    const to = take(input, 'a state');
    const from = outputs.find((each) => each.name === output);
    if (from === undefined) faults.push(`The model has no output ${output}; its outputs are ${namesOf(outputs)}.`);
    else if (fed.has(output)) faults.push(`${output} feeds both ${fed.get(output)} and ${input}: each state has an output of its own.`);
    else fed.set(output, input);
    if (to === undefined || from === undefined) continue;
    if (!canFeed(from, to)) faults.push(`${output} is ${printPort(from)} and cannot feed ${input}, which is ${printPort(to)}.`);
    const count = elementCount(concreteDims(to, sizes));
    if (Array.isArray(initial) && initial.length !== count)
      faults.push(`The initial state of ${input} has ${initial.length} numbers; ${printPort(to)} takes ${count}.`);
  }
  for (const [name, value] of Object.entries(rule.constants)) {
    const port = take(name, 'a constant');
    const count = port === undefined ? 0 : elementCount(concreteDims(port, sizes));
    if (port !== undefined && typeof value !== 'number' && value.length !== count)
      faults.push(`The constant ${name} has ${value.length} numbers; ${printPort(port)} takes ${count}.`);
  }
  for (const port of inputs)
    if (!roles.has(port.name))
      faults.push(
        `${port.name} (${printPort(port)}) is neither a frame nor a state: give it a number under "constants", or an output under "state".`,
      );
  return faults;
}

function frameFaults({ input, axis, context = 0 }: FrameRule, { dims, ...port }: Port): string[] {
  const told = printPort(dims === undefined ? port : { ...port, dims });
  if (dims === undefined) return axis === undefined ? [] : [`The model does not tell the shape of ${input}, so it has no axis ${axis}.`];
  const faults: string[] = [];
  if (axis !== undefined) {
    const size = dims[axis < 0 ? axis + dims.length : axis];
    if (axis >= dims.length || axis < -dims.length) faults.push(`${input} is ${told}: it has no axis ${axis}.`);
    else if (typeof size === 'number' && size !== 1)
      faults.push(
        `Axis ${axis} of ${input} (${told}) has ${size} timesteps a call; an axis of frames has one. Leave "axis" out, or name another.`,
      );
  }
  const last = dims.at(-1);
  if (context > 0 && dims.length === 0) faults.push(`${input} is a single number: there is no room for ${context} of context.`);
  if (typeof last === 'number' && context >= last)
    faults.push(`${input} is ${told}: ${context} numbers of context leave no room for a frame.`);
  return faults;
}

const namesOf = (ports: readonly Port[]): string => ports.map(({ name }) => name).join(', ') || 'none';
