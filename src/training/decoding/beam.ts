// Beam search (Graves 2012; Sutskever, Vinyals & Le 2014) with the length penalty of Wu et al. 2016, equation 14: a hypothesis y is worth
// log p(y | x) / ((5 + |y|) / 6)^a, |y| being its tokens with ‹end›. What was in the beam at each step stays as a tree.

import { rowOf } from './attention.ts';
import type { Decoding } from './decoder.ts';
import type { Hypothesis, Rules, Watch } from './search.ts';

export interface BeamNode {
  /** Its place among the nodes. */
  readonly id: number;
  /** The node that it continues; absent where it is the first token. */
  readonly parent?: number;
  /** Of the token, from 0. */
  readonly step: number;
  readonly token: number;
  /** log p(token | what stands before it, source), in nats. */
  readonly logProbability: number;
  /** The sum of the log probabilities from the first token on. */
  readonly sum: number;
  /** `sum` by the length penalty. */
  readonly score: number;
  /** Was given, not found. */
  readonly isForced: boolean;
  /** The token is ‹end›. */
  readonly isEnd: boolean;
}

export interface BeamHypothesis extends Hypothesis {
  /** Its last node; absent where it is empty. */
  readonly node?: number;
  readonly score: number;
}

export interface Beam {
  /** In the order of their steps, of one step the best first. */
  readonly nodes: readonly BeamNode[];
  /** The best first; those that ended before those that were cut at their length. At most as many as the beam is wide. */
  readonly hypotheses: readonly BeamHypothesis[];
}

/** Divides the log probability of `length` tokens. */
export const lengthPenalty = (length: number, power: number): number => ((5 + length) / 6) ** power;

/** The beam over one row, from a decoding that has read nothing yet. At each step the best `width` continuations are kept; those that end leave the beam,
 *  and others take their places. It is over where no hypothesis can become better than the `width` best that have ended. */
export async function beamSearch(
  begun: Decoding,
  rules: Rules,
  { width, penalty }: { readonly width: number; readonly penalty: number },
  watch?: Watch,
): Promise<Beam> {
  const { begin, end, never, length, prefix = [], real = [] } = rules;
  const nodes: BeamNode[] = [];
  const lines: (readonly Float32Array[])[] = [];
  const add = (node: Omit<BeamNode, 'id' | 'score'>, said: readonly Float32Array[]): BeamNode => {
    const whole = { ...node, id: nodes.length, score: node.sum / lengthPenalty(node.step + 1, penalty) };
    nodes.push(whole);
    lines.push(said);
    return whole;
  };
  const barred = new Set(never);
  const ended: BeamNode[] = [];
  let live: (BeamNode | undefined)[] = [undefined];
  let decoding = begun;
  for (let step = 0; ; step += 1) {
    // At the full length it is only seen which of them end.
    if (step === length && end === undefined) break;
    const { scores, lines: said, after } = await decoding.read(Int32Array.from(live, (node) => node?.token ?? begin));
    const classes = scores.length / live.length;
    const looked = live.map((_, at) => said.map((line, k) => rowOf(line, at, real[k]?.[0] ?? line.dims.at(-1)!)));
    const node = (at: number, token: number, logProbability: number, isForced: boolean): BeamNode => {
      const parent = live[at];
      const sum = (parent?.sum ?? 0) + logProbability;
      const isEnd = token === end && !isForced;
      return add(
        { ...(parent === undefined ? {} : { parent: parent.id }), step, token, logProbability, sum, isForced, isEnd },
        looked[at]!,
      );
    };
    const logs = live.map((_, at) => logSoftmax(scores.subarray(at * classes, (at + 1) * classes)));
    const forced = prefix[step];
    if (forced !== undefined) {
      live = [node(0, forced, logs[0]![forced]!, true)];
      decoding = after;
      continue;
    }
    const candidates = logs.flatMap((own, at) => bestOf(own, width + 1, barred).map((token) => ({ at, token, log: own[token]! })));
    const sumOf = ({ at, log }: (typeof candidates)[number]): number => (live[at]?.sum ?? 0) + log;
    candidates.sort((a, b) => sumOf(b) - sumOf(a));
    const kept: { readonly at: number; readonly node: BeamNode }[] = [];
    candidates.forEach(({ at, token, log }, rank) => {
      if (token === end) {
        if (rank < width) ended.push(node(at, token, log, false));
      } else if (kept.length < width && step < length) kept.push({ at, node: node(at, token, log, false) });
    });
    ended.sort((a, b) => b.score - a.score);
    if (step === length || kept.length === 0) break;
    decoding = after.take(kept.map(({ at }) => at));
    live = kept.map((each) => each.node);
    await watch?.(pathOf(nodes, live[0]!).map((each) => each.token));
    const bound = live[0]!.sum / lengthPenalty(length + 1, penalty);
    if (ended.length >= width && ended[width - 1]!.score >= bound) break;
  }
  const cut = live.filter((each) => each !== undefined && !ended.some(({ parent }) => parent === each.id));
  const all = [...ended, ...cut.sort((a, b) => b!.score - a!.score)].slice(0, width);
  const hypotheses = all.map((last) => hypothesis(nodes, lines, last!));
  return { nodes, hypotheses: hypotheses.length > 0 ? hypotheses : [{ tokens: [], ended: false, lines: [], score: 0 }] };
}

/** The tokens from the first to a node. */
export function pathOf(nodes: readonly BeamNode[], last: BeamNode): readonly BeamNode[] {
  const path: BeamNode[] = [];
  for (let node: BeamNode | undefined = last; node !== undefined; node = node.parent === undefined ? undefined : nodes[node.parent])
    path.push(node);
  return path.reverse();
}

function hypothesis(nodes: readonly BeamNode[], lines: readonly (readonly Float32Array[])[], last: BeamNode): BeamHypothesis {
  const path = pathOf(nodes, last);
  return {
    tokens: path.filter(({ isEnd }) => !isEnd).map(({ token }) => token),
    ended: last.isEnd,
    lines: path.map(({ id }) => lines[id]!),
    node: last.id,
    score: last.score,
  };
}

/** In nats, in double precision. */
export function logSoftmax(scores: Float32Array): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > most) most = score;
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - most);
  const log = most + Math.log(sum);
  return Float64Array.from(scores, (score) => score - log);
}

/** The places of the largest numbers, largest first, the first of equals before the others. */
function bestOf(values: Float64Array, count: number, never: ReadonlySet<number>): number[] {
  const found: number[] = [];
  for (let k = 0; k < values.length; k += 1) {
    const value = values[k]!;
    if ((found.length === count && value <= values[found[count - 1]!]!) || never.has(k)) continue;
    let at = found.length === count ? count - 1 : found.length;
    while (at > 0 && values[found[at - 1]!]! < value) {
      found[at] = found[at - 1]!;
      at -= 1;
    }
    found[at] = k;
  }
  return found;
}
