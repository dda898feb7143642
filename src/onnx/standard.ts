// Recognises recurrences that ONNX has an operator for: LSTM, GRU, RNN. A body is matched by what it computes, up to the order of sums and
// products, and never by the names of its lines. Equations as in ONNX's operator documents (LSTM-14, GRU-14, RNN-14).
//
//   LSTM  f, i, o = sigmoid(W x + U h + p * c + b)   g = tanh(W x + U h + b)   c' = f * c + i * g   h' = o * tanh(c'); o's peephole sees c'
//   GRU   r, z = sigmoid(W x + U h + b)   n = tanh(W x + b + r * (U h + d)) or tanh(W x + U (r * h) + b)   h' = (1 - z) * n + z * h
//   RNN   h' = tanh, relu or sigmoid of (W x + U h + b)

import { axisNames, type Node, type Value } from '../graph/graph.ts';
import { recurParts } from '../graph/recur.ts';
import { type Affine, AffineReader, type Term } from './affine.ts';

export interface StandardRecurrence {
  readonly operator: 'LSTM' | 'GRU' | 'RNN';
  /** Of the graph around: what is scanned, and the initial states. */
  readonly x: Value;
  readonly initial: { readonly h: Value; readonly c?: Value };
  /** Stacked outputs that are the hidden state, and the final states. */
  readonly outputs: { readonly stacked: readonly Value[]; readonly h?: Value; readonly c?: Value };
  readonly reverse: boolean;
  /** How long each row is, where they differ: integers [B] of the graph around. */
  readonly lengths?: Value;
  readonly axis: string;
  /** Names of the batch axis and of the features of x and h. */
  readonly axes: { readonly batch: string; readonly input: string; readonly hidden: string };
  /** In the operator's order: LSTM i, o, f, c; GRU z, r, h; RNN its only one. Their weights are values of the graph around. */
  readonly gates: readonly Affine[];
  readonly activation?: 'Tanh' | 'Relu' | 'Sigmoid';
  /** GRU: the reset gate acts after the product with U; `past` is then that product with its own bias. */
  readonly past?: Affine;
}

/** The standard operator that the recurrence is, if it is one. Its unread outputs must have been removed (select). */
export function standardRecurrence(node: Node<'recur'>): StandardRecurrence | undefined {
  const { inputs, outputs, body } = recurParts(node);
  const { axis, reverse } = node.attributes;
  if (body.scanned.length !== 1) return undefined;
  const x = body.scanned[0]!;
  const reader = new AffineReader(node);
  const batch = x.type.axes.find((each) => typeof each.size === 'string')?.name;
  const input = axisNames(x).find((name) => name !== batch);
  const hidden = axisNames(body.before[0]!).find((name) => name !== batch);
  if (batch === undefined || input === undefined || hidden === undefined || x.type.axes.length !== 2) return undefined;

  const match = matchers
    .map((matcher) => matcher({ reader, x, before: body.before, after: body.after }))
    .find((each) => each !== undefined);
  if (match === undefined) return undefined;
  const { h, c, ...rest } = match;
  if (body.outputs.some((output) => reader.base(output) !== reader.base(body.after[h]!))) return undefined;
  const final = (k: number): Value | undefined => outputs.final[k];
  const finalC = c === undefined ? undefined : final(c);
  const finalH = final(h);
  return {
    ...rest,
    x: inputs.scanned[0]!,
    initial: { h: inputs.initial[h]!, ...(c === undefined ? {} : { c: inputs.initial[c]! }) },
    outputs: {
      stacked: outputs.stacked,
      ...(finalH === undefined ? {} : { h: finalH }),
      ...(finalC === undefined ? {} : { c: finalC }),
    },
    reverse,
    axis: axis.name,
    axes: { batch, input, hidden },
  };
}

interface Body {
  readonly reader: AffineReader;
  readonly x: Value;
  readonly before: readonly Value[];
  readonly after: readonly Value[];
}

/** The places of h and c among the states, and what the operator needs beside. */
interface Match extends Pick<StandardRecurrence, 'operator' | 'gates' | 'activation' | 'past'> {
  readonly h: number;
  readonly c?: number;
}

const matchers: readonly ((body: Body) => Match | undefined)[] = [matchRnn, matchGru, matchLstm];

function matchRnn({ reader, x, before, after }: Body): Match | undefined {
  if (before.length !== 1) return undefined;
  for (const [operation, activation] of [
    ['tanh', 'Tanh'],
    ['relu', 'Relu'],
    ['sigmoid', 'Sigmoid'],
  ] as const) {
    const sum = reader.argument(after[0]!, operation);
    if (sum === undefined) continue;
    const gate = reader.affine(sum, { x, h: before[0]! });
    if (gate !== undefined) return { operator: 'RNN', h: 0, gates: [gate], activation };
  }
  return undefined;
}

function matchLstm({ reader, x, before, after }: Body): Match | undefined {
  if (before.length !== 2) return undefined;
  for (const [h, c] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const given = { x, h: before[h]! };
    const shown = reader.product(after[h]!, (a) => sameArgument(reader, a, 'tanh', after[c]!));
    const output = shown === undefined ? undefined : gateOf(reader, shown, { ...given, c: after[c]! });
    if (output === undefined) continue;
    const terms = reader.terms(after[c]!);
    if (terms.length !== 2 || terms.some((term) => term.sign < 0)) continue;
    for (const [kept, stored] of bothWays(terms)) {
      const forget = reader.product(kept.value, (value) => reader.base(value) === before[c]);
      const candidate = reader.product(stored.value, (value) => reader.argument(value, 'sigmoid') !== undefined);
      const store = reader.product(stored.value, (value) => reader.argument(value, 'tanh') !== undefined);
      if (forget === undefined || candidate === undefined || store === undefined) continue;
      const sees = { ...given, c: before[c]! };
      const f = gateOf(reader, forget, sees);
      const i = gateOf(reader, store, sees);
      const g = reader.affine(reader.argument(candidate, 'tanh')!, given);
      if (f !== undefined && i !== undefined && g !== undefined) return { operator: 'LSTM', h, c, gates: [i, output, f, g] };
    }
  }
  return undefined;
}

function matchGru({ reader, x, before, after }: Body): Match | undefined {
  if (before.length !== 1) return undefined;
  const h = before[0]!;
  const given = { x, h };
  const mixed = mixture(reader, after[0]!, h);
  if (mixed === undefined) return undefined;
  const z = gateOf(reader, mixed.gate, given);
  const sum = reader.argument(mixed.candidate, 'tanh');
  if (z === undefined || sum === undefined) return undefined;
  const update = mixed.keeps ? z : reader.negated(z);

  // n = tanh(W x + b + r * (U h + d))
  const terms = reader.terms(sum);
  for (const term of terms) {
    for (const [gate, value] of reader.factors(term.value)) {
      const r = gateOf(reader, gate, given);
      const past = reader.affine(value, { h });
      if (r === undefined || past === undefined || term.sign < 0) continue;
      const rest = reader.affineOf(
        terms.filter((each) => each !== term),
        { x },
      );
      if (rest !== undefined) return { operator: 'GRU', h: 0, gates: [update, r, rest], past };
    }
  }

  // n = tanh(W x + U (r * h) + b)
  for (const vector of reader.vectors(sum)) {
    const reset = reader.product(vector, (value) => reader.base(value) === h);
    const r = reset === undefined ? undefined : gateOf(reader, reset, given);
    const n = r === undefined ? undefined : reader.affine(sum, { x, h: reader.base(vector) });
    if (r !== undefined && n !== undefined) return { operator: 'GRU', h: 0, gates: [update, r, n] };
  }
  return undefined;
}

/** h' = (1 - z) * n + z * h, or n + z * (h - n): z keeps. With n and h the other way round it renews, and its negated argument keeps. */
function mixture(reader: AffineReader, next: Value, h: Value): { gate: Value; candidate: Value; keeps: boolean } | undefined {
  const terms = reader.terms(next);
  if (terms.length !== 2 || terms.some((term) => term.sign < 0)) return undefined;
  for (const [one, other] of bothWays(terms)) {
    const keep = reader.product(one.value, (value) => reader.base(value) === h);
    for (const [renew, candidate] of keep === undefined ? [] : reader.factors(other.value)) {
      if (reader.complements(renew, keep!)) return { gate: keep!, candidate, keeps: true };
      if (reader.complements(keep!, renew)) return { gate: renew, candidate, keeps: false };
    }
    for (const [gate, change] of reader.factors(other.value)) {
      const difference = reader.difference(change);
      if (difference === undefined || reader.base(difference[1]) !== reader.base(one.value)) continue;
      if (reader.base(difference[0]) === h) return { gate, candidate: one.value, keeps: true };
      if (reader.base(one.value) === h) return { gate, candidate: difference[0], keeps: false };
    }
  }
  return undefined;
}

function gateOf(reader: AffineReader, gate: Value, given: Parameters<AffineReader['affine']>[1]): Affine | undefined {
  const sum = reader.argument(gate, 'sigmoid');
  return sum === undefined ? undefined : reader.affine(sum, given);
}

function sameArgument(reader: AffineReader, value: Value, operation: 'tanh', argument: Value): boolean {
  const found = reader.argument(value, operation);
  return found !== undefined && reader.base(found) === reader.base(argument);
}

function bothWays([a, b]: readonly Term[]): readonly (readonly [Term, Term])[] {
  return [
    [a!, b!],
    [b!, a!],
  ];
}
