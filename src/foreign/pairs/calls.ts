// An encoder's outputs and its decoder called in turn, each call with the ids that the one before chose, as whoever has two files would run them.

import type { Session, Tensor } from '../../runtime/runtime.ts';
import type { DecoderInput, PairSettings } from '../../shared/foreign.ts';
import { concreteDims, type Port, printPort } from '../streaming/ports.ts';
import { filled } from '../streaming/run.ts';
import { PairError } from './rule.ts';

type Tensors = Readonly<Record<string, Tensor>>;

export interface PairCalls {
  /** Sequences side by side. */
  readonly rows: number;
  /** The ids that each call was fed, and those that it chose: of every row. */
  readonly fed: readonly (readonly number[])[];
  readonly chosen: readonly (readonly number[])[];
  /** What the first call was fed, the token and the call's number apart. */
  readonly first: Tensors;
  /** What the last call was fed, and its token: all ids so far where the decoder reads these. */
  readonly last: Tensors;
  readonly token: Tensor;
  /** What each call gave; of a decoder that reads all so far only the last. */
  readonly outputs: readonly Tensors[];
}

export interface PairCallsRequest {
  readonly session: Pick<Session, 'compute'>;
  readonly rule: PairSettings;
  readonly inputs: readonly Port[];
  /** Of the encoder: what it was fed and what it gave. */
  readonly encoded: Tensors;
  readonly how: Pick<DecoderInput, 'begin' | 'end' | 'length' | 'tokens'>;
  /** Sizes of open dimensions of the decoder that nothing tells. */
  readonly sizes?: Readonly<Record<string, number>>;
  readonly signal?: AbortSignal;
}

/** Throws PairError where what comes out does not fit what goes in, RuntimeFailure, and the signal's reason. */
export async function callPair({ session, rule, inputs, encoded, how, sizes: said = {}, signal }: PairCallsRequest): Promise<PairCalls> {
  const portOf = (name: string): Port => inputs.find((each) => each.name === name)!;
  const given = Object.fromEntries(Object.entries(rule.given).map(([input, source]) => [input, encoded[source]!]));
  const sizes = { ...sizesOf(given, portOf), ...said };
  const starts = rule.state.filter(({ input }) => given[input] === undefined).map(({ input }) => [input, filled(portOf(input), 0, sizes)]);
  const constants = Object.entries(rule.constants).map(([input, value]) => [input, filled(portOf(input), value, sizes)]);
  const first: Tensors = { ...given, ...Object.fromEntries([...starts, ...constants]) };

  const token = portOf(rule.token.input);
  const { axis } = rule.token;
  const dims = tokenDims(token, axis, sizes, first, rule);
  const rows = dims.reduce((product, size) => product * size, 1);
  const { begin, end, tokens } = how;
  const calls = tokens === undefined ? how.length : Math.min(how.length, tokens.length + 1);
  const [fed, chosen]: [number[][], number[][]] = [[new Array<number>(rows).fill(begin)], []];
  const outputs: Tensors[] = [];
  let states: Tensors = {};
  let last: Tensors = {};
  for (let call = 0; call < calls; call += 1) {
    signal?.throwIfAborted();
    const time = rule.time === undefined ? {} : { [rule.time]: filled(portOf(rule.time), call, sizes) };
    const read = tensorOfIds(token, fed, dims, axis);
    last = { ...first, ...states, ...time, [token.name]: read };
    const answer = await session.compute(last);
    if (axis !== undefined) outputs.length = 0;
    outputs.push(answer);
    states = Object.fromEntries(rule.state.map(({ input, output }) => [input, next(answer[output]!, first[input]!, input, output)]));
    const best = largest(answer[rule.scores]!, rule.scores, read.dims, rows, axis);
    chosen.push(best);
    const isOver = (row: number): boolean => end !== undefined && chosen.some((each) => each[row] === end);
    if (call + 1 === calls || (tokens === undefined && best.every((_, row) => isOver(row)))) break;
    fed.push(best.map((id, row) => (tokens !== undefined ? tokens[call]! : end !== undefined && isOver(row) ? end : id)));
  }
  return { rows, fed, chosen, first, last, token: last[token.name]!, outputs };
}

/** Sizes of the decoder's open dimensions, by their names, as what feeds it has them. Throws PairError where two differ. */
function sizesOf(given: Tensors, portOf: (name: string) => Port): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [input, { dims }] of Object.entries(given)) {
    const port = portOf(input);
    if (port.dims !== undefined && port.dims.length !== dims.length)
      throw new PairError(`${input} of the decoder is ${printPort(port)}; the encoder gives it [${dims.join(', ')}].`);
    port.dims?.forEach((dim, k) => {
      if (typeof dim === 'number' && dim !== dims[k])
        throw new PairError(`${input} of the decoder is ${printPort(port)}; the encoder gives it [${dims.join(', ')}].`);
      if (typeof dim === 'string') found[dim] ??= dims[k]!;
    });
  }
  return found;
}

/** A call's token without the axis of what was written: free axes are the rows, which a state's free axis tells where no name does. */
function tokenDims(
  token: Port,
  axis: number | undefined,
  sizes: Readonly<Record<string, number>>,
  first: Tensors,
  rule: PairSettings,
): readonly number[] {
  const { dims } = token;
  if (dims === undefined) throw new PairError(`The decoder does not tell the shape of ${token.name}: export it with its axes.`);
  // One of two free axes is the one of time, and of size 1 in a call.
  const free = dims.flatMap((dim, k) => (typeof dim === 'number' ? [] : [k]));
  const known = free.filter((k) => typeof dims[k] === 'string' && sizes[dims[k]] !== undefined);
  const rows = known.length > 0 ? undefined : rowsOf(first, rule);
  const own = free.filter((k) => k !== axis);
  return concreteDims(token, sizes).map((size, k) => (k === axis ? 1 : rows !== undefined && k === own[0] ? rows : size));
}

/** How many sequences the first state has, by what it is beside its units: [rows, units], [layers, rows, units]. */
function rowsOf(first: Tensors, { state }: PairSettings): number {
  const dims = state[0] === undefined ? (Object.values(first)[0]?.dims ?? []) : first[state[0].input]!.dims;
  return dims.length < 2 ? 1 : state[0] === undefined ? dims[0]! : dims.at(-2)!;
}

/** Ids as the decoder reads them: those of the last call, or all of them along an axis. */
function tensorOfIds(port: Port, fed: readonly (readonly number[])[], dims: readonly number[], axis: number | undefined): Tensor {
  if (axis === undefined) return filled({ ...port, dims }, fed.at(-1)!);
  const own = dims.map((size, k) => (k === axis ? fed.length : size));
  const inner = own.slice(axis + 1).reduce((product, size) => product * size, 1);
  const ids = Array.from({ length: fed.length * fed[0]!.length }, (_, k) => {
    const [outer, step] = [Math.floor(k / inner / fed.length), Math.floor(k / inner) % fed.length];
    return fed[step]![outer * inner + (k % inner)]!;
  });
  return filled({ ...port, dims: own }, ids);
}

function next(after: Tensor, before: Tensor, input: string, output: string): Tensor {
  if (after.type !== before.type || after.data.length !== before.data.length)
    throw new PairError(
      `${output} came out as ${after.type} [${after.dims.join(', ')}], and ${input} was fed ${before.type} [${before.dims.join(', ')}]: it is not its next state.`,
    );
  return after.dims.length === before.dims.length ? after : { ...after, dims: before.dims };
}

/** The place of the largest number along the last axis, for each row; of all that was written, behind the last id. */
function largest({ dims, data }: Tensor, name: string, token: readonly number[], rows: number, axis: number | undefined): number[] {
  const classes = dims.at(-1) ?? 0;
  const lead = dims.slice(0, -1);
  const places = lead.reduce((product, size) => product * size, 1);
  const steps = axis === undefined ? 1 : token[axis]!;
  const isLast = places === rows;
  if (classes === 0 || !(isLast || places === rows * steps))
    throw new PairError(`${name} came out as [${dims.join(', ')}] for ${rows} row${rows === 1 ? '' : 's'}: it is no score of each id.`);
  // Whichever of two orders the token has, scores may have the other.
  const isStepFirst = lead.length >= 2 && lead[0] === steps && (lead[1] !== steps || axis === 0);
  return Array.from({ length: rows }, (_, row) => {
    const place = isLast ? row : isStepFirst ? (steps - 1) * rows + row : row * steps + steps - 1;
    let best = 0;
    for (let k = 1; k < classes; k += 1) if (Number(data[place * classes + k]) > Number(data[place * classes + best])) best = k;
    return best;
  });
}
