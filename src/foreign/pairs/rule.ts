// How an encoder and a decoder of two files are run together: plain data that a person confirms, edits and keeps.

import type { PairSettings } from '../../shared/foreign.ts';
import { canFeed, type Port, printPort } from '../streaming/ports.ts';

export interface PairPorts {
  readonly encoder: { readonly inputs: readonly Port[]; readonly outputs: readonly Port[] };
  readonly decoder: { readonly inputs: readonly Port[]; readonly outputs: readonly Port[] };
}

/** A fault of two files that are to be run together, of their rule or of what they are fed, told in sentences. */
export class PairError extends Error {
  override name = 'PairError';
}

const keys = ['token', 'scores', 'given', 'state', 'constants', 'time', 'reasons'];

/** A rule as JSON has it; `token` may be a name. Throws PairError with what is wrong; names and shapes are not looked at (checkPair does). */
export function parsePair(json: unknown): PairSettings {
  if (!isRecord(json)) throw new PairError('The rule of a pair is an object with "token", "scores", "given", "state" and "constants".');
  const unknown = Object.keys(json).find((key) => !keys.includes(key));
  if (unknown !== undefined)
    throw new PairError(
      `The rule of a pair has "token", "scores", "given", "state", "constants" and "time"; "${unknown}" is none of them.`,
    );
  const { token, scores, given = {}, state = [], constants = {}, time } = json;
  const own = typeof token === 'string' ? { input: token } : token;
  if (!isRecord(own) || typeof own.input !== 'string' || !(own.axis === undefined || Number.isSafeInteger(own.axis)))
    throw new PairError(
      '"token" is the name of the decoder\'s input of ids, or { "input": name, "axis": number } where it reads all so far.',
    );
  if (typeof scores !== 'string') throw new PairError('"scores" is the name of the decoder\'s output of which the largest is the next id.');
  if (!isRecord(given) || !Object.values(given).every((each) => typeof each === 'string'))
    throw new PairError('"given" is an object: an input of the decoder, and the output of the encoder that it is given.');
  const listed = Array.isArray(state) ? state : isRecord(state) ? Object.entries(state).map(([input, output]) => ({ input, output })) : [0];
  if (!listed.every((each) => isRecord(each) && typeof each.input === 'string' && typeof each.output === 'string'))
    throw new PairError('"state" is a list of { "input": name, "output": name }, both of the decoder.');
  const isNumbers = (value: unknown): boolean =>
    Number.isFinite(value) || (Array.isArray(value) && value.every((each) => typeof each === 'number'));
  if (!isRecord(constants) || !Object.values(constants).every(isNumbers))
    throw new PairError('"constants" is an object of inputs of the decoder and their numbers.');
  if (time !== undefined && typeof time !== 'string')
    throw new PairError('"time" is the name of the input that is told the call\'s number.');
  return {
    token: { input: own.input, ...(own.axis === undefined ? {} : { axis: own.axis as number }) },
    scores,
    given: given as PairSettings['given'],
    state: listed.map((each) => ({
      input: String((each as Record<string, unknown>).input),
      output: String((each as Record<string, unknown>).output),
    })),
    constants: constants as PairSettings['constants'],
    ...(time === undefined ? {} : { time }),
  };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is wrong with a rule for these two models: sentences, none where it can be run. */
export function checkPair(rule: PairSettings, { encoder, decoder }: PairPorts): string[] {
  const faults: string[] = [];
  const namesOf = (ports: readonly Port[]): string => ports.map(({ name }) => name).join(', ') || 'none';
  const inputOf = (name: string): Port | undefined => {
    const port = decoder.inputs.find((each) => each.name === name);
    if (port === undefined) faults.push(`The decoder has no input ${name}; its inputs are ${namesOf(decoder.inputs)}.`);
    return port;
  };
  const outputOf = (name: string): Port | undefined => {
    const port = decoder.outputs.find((each) => each.name === name);
    if (port === undefined) faults.push(`The decoder has no output ${name}; its outputs are ${namesOf(decoder.outputs)}.`);
    return port;
  };
  const feed = (from: Port, to: Port): void => {
    if (!canFeed(from, to)) faults.push(`${from.name} is ${printPort(from)} and cannot feed ${to.name}, which is ${printPort(to)}.`);
  };
  const token = inputOf(rule.token.input);
  if (token !== undefined && !/^u?int/.test(token.type))
    faults.push(`${token.name} is ${printPort(token)}: ids of tokens are whole numbers.`);
  const { axis } = rule.token;
  if (token?.dims !== undefined && axis !== undefined && !(axis >= 0 && axis < token.dims.length))
    faults.push(`${token.name} is ${printPort(token)}: it has no axis ${axis}.`);
  const scores = outputOf(rule.scores);
  if (scores !== undefined && !scores.type.startsWith('float')) faults.push(`${scores.name} is ${printPort(scores)}: scores are floats.`);
  for (const [input, source] of Object.entries(rule.given)) {
    const to = inputOf(input);
    const from = [...encoder.outputs, ...encoder.inputs].find(({ name }) => name === source);
    if (from === undefined)
      faults.push(
        `The encoder has no output ${source}; its outputs are ${namesOf(encoder.outputs)}, its inputs ${namesOf(encoder.inputs)}.`,
      );
    else if (to !== undefined) feed(from, to);
  }
  for (const { input, output } of rule.state) {
    const [to, from] = [inputOf(input), outputOf(output)];
    if (to !== undefined && from !== undefined) feed(from, to);
  }
  if (rule.state.length > 0 && axis !== undefined)
    faults.push('A decoder that reads all ids so far at each call carries no state: leave "axis" of "token" out, or "state".');
  for (const name of [...Object.keys(rule.constants), ...(rule.time === undefined ? [] : [rule.time])]) inputOf(name);
  const fed = new Map<string, string>();
  const take = (name: string, role: string): void => {
    const before = fed.get(name);
    if (before !== undefined) faults.push(`${name} is ${before} and ${role}: an input of the decoder is one of them.`);
    fed.set(name, role);
  };
  take(rule.token.input, 'the token');
  if (rule.time !== undefined) take(rule.time, 'the number of the call');
  for (const { input } of rule.state) take(input, 'a state');
  for (const input of Object.keys(rule.given)) if (fed.get(input) !== 'a state') take(input, 'given by the encoder');
  for (const name of Object.keys(rule.constants)) take(name, 'a constant');
  for (const port of decoder.inputs)
    if (!fed.has(port.name))
      faults.push(
        `Nothing feeds ${port.name} (${printPort(port)}) of the decoder: name an output of the encoder under "given", an output of the decoder under "state", or a number under "constants".`,
      );
  return faults;
}
