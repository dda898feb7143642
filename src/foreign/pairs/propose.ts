// Proposes how an encoder and a decoder of two files fit together. What is carried from call to call is told as of a model that is streamed; what the
// encoder gives is told by names, and by the words and sizes of axes.

import type { ModelProto } from '../../onnx/proto.ts';
import type { PairProposal } from '../../shared/foreign.ts';
import { hintsOf, type StreamHints } from '../streaming/hints.ts';
import { looksLikeFrame, looksLikeOption, looksLikeState, nameLikeness } from '../streaming/names.ts';
import { canFeed, type Port, portsOf, printPort } from '../streaming/ports.ts';
import { proposeRule } from '../streaming/propose.ts';
import { rowsOf } from '../usual.ts';
import { PairError, type PairPorts } from './rule.ts';

/** Throws PairError where the decoder has no input that could be a token, or no scores. */
export function proposePair(encoder: ModelProto, decoder: ModelProto): PairProposal {
  const ports: PairPorts = { encoder: portsOf(encoder.graph), decoder: portsOf(decoder.graph) };
  const { inputs, outputs } = ports.decoder;
  const reasons: string[] = [];
  const hints = hintsOf(decoder);
  const token = tokenOf(inputs, hints);
  if (token === undefined)
    throw new PairError(
      `No input of the decoder takes ids: it has ${inputs.map((port) => `${port.name} ${printPort(port)}`).join(', ')}. The second file is the decoder, which reads the token before.`,
    );
  const classes = rowsOf(decoder.graph, token.name);
  const time = inputs.find(
    (port) =>
      port !== token && /^u?int/.test(port.type) && (port.dims?.length ?? 9) <= 1 && /^(time|t|step|pos|position|index)$/i.test(port.name),
  );
  const others = inputs.filter((port) => port !== token && port !== time);
  const scores = scoresOf(outputs, others, classes);
  if (scores === undefined)
    throw new PairError(
      `No output of the decoder is scores of ids: it has ${outputs.map((port) => `${port.name} ${printPort(port)}`).join(', ')}.`,
    );
  reasons.push(`${token.name} (${printPort(token)}) is the token; the largest of ${scores.name} (${printPort(scores)}) is the next one.`);
  if (time !== undefined) reasons.push(`${time.name} is the number of the call.`);

  const streamed = proposeRule(
    inputs.filter((port) => port !== time),
    outputs.filter((port) => port !== scores),
    hints,
  );
  const state = streamed.state.flatMap(({ input, output }) => {
    const [to, from] = [inputs.find(({ name }) => name === input)!, outputs.find(({ name }) => name === output)!];
    if (to === token || !isCarried(from, to, hints)) return [];
    reasons.push(`${output} feeds ${input} of the next call.`);
    return [{ input, output }];
  });
  const carried = new Set(state.map(({ input }) => input));
  const axis = state.length === 0 ? prefixAxis(token, hints) : undefined;
  if (axis !== undefined) reasons.push(`${token.name} is all ids so far, along axis ${axis}: the decoder carries no state.`);

  const given = givenOf(others, carried, ports, reasons);
  const constants: Record<string, number> = {};
  for (const port of others) {
    if (given[port.name] !== undefined) continue;
    if (carried.has(port.name)) reasons.push(`${port.name} starts as zeros: the encoder gives nothing like it.`);
    else if (port.dims?.length === 0 || looksLikeOption(port.name)) {
      constants[port.name] = 1;
      reasons.push(`${port.name} stays 1: neither file tells; look whether that is right.`);
    }
  }
  return {
    token: { input: token.name, ...(axis === undefined ? {} : { axis }) },
    scores: scores.name,
    given,
    state,
    constants,
    ...(time === undefined ? {} : { time: time.name }),
    reasons,
  };
}

/** The whole numbers that look up vectors, or are called like tokens. */
function tokenOf(inputs: readonly Port[], hints: StreamHints): Port | undefined {
  const points = ({ name }: Port): number =>
    (hints.inputs[name]?.read === true ? 4 : 0) +
    (/tok|tgt|target|ids|trg|prev|word|^y$/i.test(name) ? 3 : 0) +
    (looksLikeFrame(name) ? 1 : 0) -
    (/mask|len|pos|step|time|src|source/i.test(name) ? 6 : 0);
  const whole = inputs.filter(({ type }) => /^u?int/.test(type));
  return whole.reduce<Port | undefined>((best, port) => (best === undefined || points(port) > points(best) ? port : best), undefined);
}

/** Floats with a number for each id; where that does not tell, by their name, else the first that no state looks like. */
function scoresOf(outputs: readonly Port[], inputs: readonly Port[], classes: number | undefined): Port | undefined {
  const points = (port: Port): number =>
    (classes !== undefined && port.dims?.at(-1) === classes ? 4 : 0) +
    (/logit|score|prob|pred|out(put)?s?$/i.test(port.name) ? 3 : 0) -
    (looksLikeState(port.name) || inputs.some(({ name }) => nameLikeness(name, port.name) > 0) ? 5 : 0) -
    (/attn|attention|weight|align/i.test(port.name) ? 5 : 0);
  const floats = outputs.filter((port) => port.type.startsWith('float') && points(port) >= 0);
  return floats.reduce<Port | undefined>((best, port) => (best === undefined || points(port) > points(best) ? port : best), undefined);
}

/** Shapes alone do not make what is handed on: memory and a context look alike. */
function isCarried(from: Port, to: Port, hints: StreamHints): boolean {
  if (nameLikeness(to.name, from.name) > 0) return true;
  const pair = hints.pairs.find(({ input, output }) => input === to.name && output === from.name);
  if ((pair?.aligned ?? 0) > 0) return true;
  if (/mem|enc|src|source|key|value|mask/i.test(to.name)) return false;
  return from.dims !== undefined && from.dims.length === to.dims?.length && from.dims.every((dim, k) => dim === to.dims![k]);
}

/** The axis along which a decoder without states reads what it wrote. */
function prefixAxis({ dims = [], name }: Port, hints: StreamHints): number | undefined {
  const free = (axis: number): boolean => typeof dims[axis] !== 'number';
  const read = hints.inputs[name]?.timeAxis;
  if (read !== undefined && free(read)) return read;
  const called = dims.findIndex((dim) => typeof dim === 'string' && /^(t|time|.*(seq|len|step|tgt|target).*)$/i.test(dim));
  if (called >= 0) return called;
  return dims.length === 2 && free(1) ? 1 : undefined;
}

/** Each input of the decoder and what of the encoder it is given, the likeliest first; what is no state may share an output. */
function givenOf(others: readonly Port[], carried: ReadonlySet<string>, { encoder }: PairPorts, reasons: string[]): Record<string, string> {
  const sources = [...encoder.outputs, ...encoder.inputs];
  const all = others
    .flatMap((to) =>
      sources.flatMap((from) => (canFeed(from, to) ? [{ to, from, ...likeness(from, to, encoder.inputs.includes(from)) }] : [])),
    )
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points);
  const given: Record<string, string> = {};
  const used = new Set<Port>();
  for (const isSecond of [false, true])
    for (const { to, from, points, why } of all) {
      if (given[to.name] !== undefined || (used.has(from) && (!isSecond || carried.has(to.name)))) continue;
      const rivals = all.filter((each) => each.to === to && each.from !== from && each.points === points && !used.has(each.from));
      const tie = rivals.length === 0 ? '' : ` ${rivals.map((each) => each.from.name).join(' and ')} would do as well: taken in order.`;
      given[to.name] = from.name;
      used.add(from);
      reasons.push(`${from.name} of the encoder feeds ${to.name}${carried.has(to.name) ? ' at the first call' : ''}: ${why}.${tie}`);
    }
  return given;
}

function likeness(from: Port, to: Port, isInput: boolean): { points: number; why: string } {
  const sameAxes = (from.dims ?? []).filter((dim, k) => dim !== undefined && dim === to.dims?.[k]).length;
  const isSame = letterOf(from.name) !== undefined && letterOf(from.name) === letterOf(to.name);
  const named = from.name === to.name ? 40 : 10 * Math.max(nameLikeness(to.name, from.name), isSame ? 1 : 0);
  // What the encoder read feeds the decoder too only where it is called so.
  if (isInput && named < 20) return { points: 0, why: '' };
  const shape = from.dims === undefined || to.dims === undefined ? 'neither tells more' : `both are ${printPort(to)}`;
  return { points: named + 3 * sameAxes + 1 - (isInput ? 5 : 0), why: named > 0 ? 'by their names' : shape };
}

/** What a state is called by most: h of `hidden`, `h_n`, `enc_h0`; c of `cell`, `c0`. */
const letterOf = (name: string): string | undefined =>
  /(?:^|[^a-z])(?:(h)(?:idden)?|(c)(?:ell)?)(?![a-z]{2})/i
    .exec(name)
    ?.slice(1)
    .find((each) => each !== undefined)
    ?.toLowerCase();
