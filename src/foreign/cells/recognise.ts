// Tells the standard cells by what they compute, and names their gates by what they do there; never by the names of tensors.
//
//   LSTM  c' = f * c + i * g   h' = o * tanh(c'), or a projection of that; f = 1 - i or i = 1 - f where they are coupled
//   GRU   h' = (1 - z) * n + z * h in any of its ways to be written; the candidate n sees h through a reset gate r
//   RNN   h' = tanh or another function of W x + U h + b

import type { PartKind } from '../part.ts';
import { type Expression, isMadeOf, operandsOf, scaleOf } from './expression.ts';

export interface RecognisedCell {
  readonly kind: PartKind;
  /** Of expressions that are lines, in the order in which they are best read. */
  readonly lines: readonly { readonly of: Expression; readonly name: string; readonly comment?: string }[];
  /** By place: `h`, `c`; absent where nothing tells. */
  readonly states: ReadonlyMap<number, string>;
  /** The term that a sum begins with. */
  readonly leading: ReadonlyMap<Expression, Expression>;
  /** Place of the state that is the cell's value. */
  readonly value: number | undefined;
}

export interface StepState {
  readonly before: Expression;
  readonly after: Expression;
}

interface Match {
  readonly kind: PartKind;
  readonly lines: readonly { readonly of: Expression; readonly name: string; readonly comment?: string }[];
  readonly states: readonly { readonly place: number; readonly name: string }[];
  readonly leading?: readonly [Expression, Expression];
}

export function recognised(states: readonly StepState[]): RecognisedCell {
  const left = new Set(states.keys());
  const found: Match[] = [];
  for (const matcher of [matchLstm, matchGru, matchRnn])
    for (;;) {
      const match = matcher(states, left);
      if (match === undefined) break;
      found.push(match);
      for (const { place } of match.states) left.delete(place);
    }
  // The layers of a stack come in the order in which one feeds the next.
  found.sort((a, b) => last(a).id - last(b).id);
  const isOne = found.length === 1 && left.size === 0;
  const numbered = (name: string, k: number): string => (found.length === 1 ? name : `${name}${k + 1}`);
  const kinds = new Set(found.map(({ kind }) => kind));
  return {
    kind: left.size === 0 && kinds.size === 1 ? [...kinds][0]! : 'cell',
    lines: found.flatMap(({ lines }, k) => lines.map((line) => ({ ...line, name: numbered(line.name, k) }))),
    states: new Map(found.flatMap(({ states: own }, k) => own.map(({ place, name }) => [place, numbered(name, k)] as const))),
    leading: new Map(found.flatMap(({ leading }) => (leading === undefined ? [] : [leading]))),
    value: isOne || found.length > 0 ? found.at(-1)!.states[0]!.place : undefined,
  };
}

const last = ({ lines }: Match): Expression => lines.at(-1)!.of;

type Matcher = (states: readonly StepState[], left: ReadonlySet<number>) => Match | undefined;

const matchLstm: Matcher = (states, left) => {
  for (const c of left)
    for (const h of left) {
      if (c === h) continue;
      const cell = states[c]!;
      const next = unmasked(cell);
      const hidden = unmasked(states[h]!);
      const shown = hidden.kind === 'linear' ? hidden.vector : hidden;
      if (next.kind !== 'sum' || next.terms.length !== 2 || next.terms.some(({ sign }) => sign < 0)) continue;
      const terms = next.terms.map(({ of }) => of);
      const kept = terms.find((term) => factorsOf(term).includes(cell.before));
      const stored = terms.find((term) => term !== kept);
      if (kept === undefined || stored === undefined || factorsOf(kept).length !== 2) continue;
      const f = factorsOf(kept).find((factor) => factor !== cell.before)!;
      const parts = factorsOf(stored);
      if (parts.length !== 2) continue;
      const [i, g] = isStoreGate(parts[1]!, f) && !isStoreGate(parts[0]!, f) ? [parts[1]!, parts[0]!] : [parts[0]!, parts[1]!];
      if (!isStoreGate(i, f)) continue;
      const outputs = factorsOf(shown);
      if (outputs.length !== 2) continue;
      const squashed =
        outputs.find((factor) => isMadeOf(factor, next) && !isGate(factor)) ?? outputs.find((factor) => isMadeOf(factor, next));
      const o = outputs.find((factor) => factor !== squashed);
      if (squashed === undefined || o === undefined || !isGate(o)) continue;
      const gates = [
        {
          of: f,
          name: 'f',
          comment: isComplement(f, i) ? 'forget gate, coupled with the input gate' : 'forget gate: what to keep of the cell',
        },
        { of: i, name: 'i', comment: isComplement(i, f) ? 'input gate, coupled with the forget gate' : 'input gate: what to store' },
      ];
      return {
        kind: 'lstm',
        lines: [
          ...(isComplement(f, i) ? gates.reverse() : gates),
          { of: g, name: 'g', comment: 'candidate' },
          ...(next === cell.after ? [] : [{ of: next, name: 'c_new' }]),
          { of: cell.after, name: "c'" },
          { of: o, name: 'o', comment: 'output gate: what to show' },
          ...(hidden === states[h]!.after ? [] : [{ of: hidden, name: 'h_new' }]),
          { of: states[h]!.after, name: "h'" },
        ],
        states: [
          { place: h, name: 'h' },
          { place: c, name: 'c' },
        ],
        leading: [next, kept],
      };
    }
  return undefined;
};

const matchGru: Matcher = (states, left) => {
  for (const place of left) {
    const state = states[place]!;
    const next = unmasked(state);
    const mixed = mixture(next, state.before);
    if (mixed === undefined) continue;
    const { z, n } = mixed;
    const r = resetGate(n, state.before, z);
    return {
      kind: r === undefined ? 'cell' : 'gru',
      lines: [
        ...(r === undefined ? [] : [{ of: r, name: 'r', comment: 'reset gate: what of the past the candidate may see' }]),
        {
          of: z,
          name: 'z',
          comment: mixed.keeps ? 'update gate: what of the past to keep' : 'update gate: what of the past to replace',
        },
        { of: n, name: 'n', comment: 'candidate' },
        ...(next === state.after ? [] : [{ of: next, name: 'h_new' }]),
        { of: state.after, name: "h'" },
      ],
      states: [{ place, name: 'h' }],
      ...(mixed.leading === undefined ? {} : { leading: [next, mixed.leading] as const }),
    };
  }
  return undefined;
};

const matchRnn: Matcher = (states, left) => {
  for (const place of left) {
    const state = states[place]!;
    const next = unmasked(state);
    const net = argumentOf(next);
    if (net === undefined || net.kind !== 'sum') continue;
    const inputs = net.terms.map(({ of }) => of);
    const isPlain = inputs.every((of) => of.isWeight || (of.kind === 'linear' && isLeaf(of.vector)) || (isLeaf(of) && of !== state.before));
    if (!isPlain || !inputs.some((of) => of.kind === 'linear' && of.vector === state.before)) continue;
    return {
      kind: 'rnn',
      lines: [...(next === state.after ? [] : [{ of: next, name: 'h_new' }]), { of: state.after, name: "h'" }],
      states: [{ place, name: 'h' }],
    };
  }
  return undefined;
};

const isLeaf = (of: Expression): boolean => of.kind === 'leaf' || (of.kind === 'view' && of.of.kind === 'leaf');

/** The new state without bounds on it, and without the choice to stand still where a sequence has ended. */
function unmasked({ before, after }: StepState): Expression {
  let at = after;
  for (;;) {
    const chosen = masked(at, before);
    if (chosen !== undefined) {
      at = chosen;
      continue;
    }
    const plain = unnormalised(at);
    if (plain !== at) {
      at = plain;
      continue;
    }
    if (at.kind !== 'elementwise') return at;
    const { name, operands } = at;
    if (name === 'clip' && operands[0]!.kind !== 'linear' && !isNet(operands[0]!)) at = operands[0]!;
    else if (name === 'where' && operands[2] === before && !isMadeOf(operands[0]!, before)) at = operands[1]!;
    else if (name === 'where' && operands[1] === before && !isMadeOf(operands[0]!, before)) at = operands[2]!;
    else return at;
  }
}

/** gain * (x - mean(x)) / sqrt(...) + bias as x. */
function unnormalised(of: Expression): Expression {
  if (of.kind === 'sum') {
    const moving = of.terms.filter((term) => !term.of.isWeight);
    if (moving.length === 1 && moving[0]!.sign > 0 && moving.length < of.terms.length) {
      const inner = unnormalised(moving[0]!.of);
      return inner === moving[0]!.of ? of : inner;
    }
    const mean = of.terms.find((term) => term.sign < 0 && term.of.kind === 'reduction' && term.of.name === 'mean')?.of;
    const base = of.terms.find((term) => term.sign > 0)?.of;
    return of.terms.length === 2 && mean?.kind === 'reduction' && mean.of === base ? base : of;
  }
  if (of.kind === 'product') {
    const moving = of.factors.filter((factor) => !factor.isWeight);
    if (moving.length !== 1) return of;
    const inner = unnormalised(moving[0]!);
    return inner === moving[0]! ? of : inner;
  }
  if (
    of.kind === 'elementwise' &&
    of.name === 'quotient' &&
    of.operands[1]!.shape.length === 0 &&
    isMadeOf(of.operands[1]!, of.operands[0]!)
  ) {
    return unnormalised(of.operands[0]!);
  }
  return of;
}

/** m * new + (1 - m) * h, where m is none of the step's doing. */
function masked(of: Expression, before: Expression): Expression | undefined {
  if (of.kind !== 'sum' || of.terms.length !== 2 || of.terms.some(({ sign }) => sign < 0)) return undefined;
  const [a, b] = of.terms.map((term) => scaleOf(term.of)) as [ReturnType<typeof scaleOf>, ReturnType<typeof scaleOf>];
  // A share of the old value, as zoneout and leaky units have it.
  if (Math.abs(a.by + b.by - 1) < 1e-6 && a.by > 0 && b.by > 0 && a.by !== 1) {
    if (a.of === before) return b.of;
    if (b.of === before) return a.of;
  }
  for (const [{ of: kept }, { of: taken }] of [
    [of.terms[0]!, of.terms[1]!],
    [of.terms[1]!, of.terms[0]!],
  ] as const) {
    const still = factorsOf(kept);
    const moving = factorsOf(taken);
    if (still.length !== 2 || moving.length !== 2 || !still.includes(before)) continue;
    const keep = still.find((each) => each !== before)!;
    const renew = moving.find((each) => isComplement(keep, each) || isComplement(each, keep));
    if (renew === undefined || isMadeOf(keep, before) || isGate(keep) || isGate(renew)) continue;
    if (!isLeaf(renew) && !isLeaf(keep)) continue;
    return moving.find((each) => each !== renew);
  }
  return undefined;
}

/** The input that says whether a step counts, as a state's next value has it. */
export function maskOf({ before, after }: StepState): Expression | undefined {
  if (after.kind === 'elementwise' && after.name === 'where') {
    const [condition] = after.operands;
    const leaf = condition?.kind === 'elementwise' ? condition.operands.find(({ kind }) => kind === 'leaf') : undefined;
    return unmasked({ before, after }) === after ? undefined : leaf;
  }
  if (masked(after, before) === undefined || after.kind !== 'sum') return undefined;
  return after.terms.flatMap(({ of }) => factorsOf(of)).find((each) => each.kind === 'leaf' && each.role === 'scanned');
}

/** Sums of products with weights: what an activation is taken of. */
const isNet = (of: Expression): boolean => of.kind === 'sum' && of.terms.some((term) => term.of.kind === 'linear');

/** Factors besides constants. */
const factorsOf = (of: Expression): readonly Expression[] =>
  of.kind === 'product' ? of.factors.filter(({ kind }) => kind !== 'constant') : [of];

/** Whether a value lies between 0 and 1 by how it is made. */
export function isGate(of: Expression): boolean {
  if (of.kind === 'elementwise') {
    if (of.name === 'sigmoid') return true;
    const [, low, high] = of.operands;
    return of.name === 'clip' && low?.kind === 'constant' && low.value === 0 && high?.kind === 'constant' && high.value === 1;
  }
  return false;
}

const isStoreGate = (of: Expression, f: Expression): boolean => isGate(of) || isComplement(of, f);

/** a = 1 - b */
export function isComplement(a: Expression, b: Expression): boolean {
  if (a.kind !== 'sum' || a.terms.length !== 2) return false;
  return (
    a.terms.some(({ sign, of }) => sign < 0 && of === b) &&
    a.terms.some(({ sign, of }) => sign > 0 && of.kind === 'constant' && of.value === 1)
  );
}

/** What a squashing function is taken of. */
export function argumentOf(of: Expression): Expression | undefined {
  if (of.kind !== 'elementwise') return undefined;
  switch (of.name) {
    case 'sigmoid':
    case 'tanh':
    case 'relu':
    case 'softplus':
    case 'gelu':
    case 'clip':
      return of.operands[0];
    case 'minimum':
    case 'maximum':
      return of.operands[1]!.kind === 'constant' ? of.operands[0] : undefined;
    case 'where': {
      // LeakyRelu, Elu and the like.
      const [condition, above] = of.operands;
      return condition!.kind === 'elementwise' && condition!.operands.includes(above!) ? above : undefined;
    }
    case 'quotient': {
      const [above, below] = of.operands;
      const isSoftsign =
        below!.kind === 'sum' &&
        below!.terms.some(({ of: each }) => each.kind === 'elementwise' && each.name === 'abs' && each.operands[0] === above);
      return isSoftsign ? above : undefined;
    }
    default:
      return undefined;
  }
}

interface Mixture {
  readonly z: Expression;
  readonly n: Expression;
  /** z keeps the past; else it replaces it. */
  readonly keeps: boolean;
  readonly leading?: Expression;
}

/** h' as a mixture of h and a candidate. */
function mixture(next: Expression, h: Expression): Mixture | undefined {
  if (next.kind !== 'sum') return undefined;
  const positive = next.terms.filter(({ sign }) => sign > 0).map(({ of }) => of);
  const negative = next.terms.filter(({ sign }) => sign < 0).map(({ of }) => of);
  const without = (of: Expression, factor: Expression): Expression | undefined => {
    const factors = factorsOf(of);
    return factors.length === 2 && factors.includes(factor) ? factors.find((each) => each !== factor) : undefined;
  };
  const gate = (z: Expression | undefined, n: Expression | undefined, keeps: boolean, leading?: Expression): Mixture | undefined =>
    z !== undefined && n !== undefined && n !== h && isGate(z) ? { z, n, keeps, ...(leading === undefined ? {} : { leading }) } : undefined;
  if (positive.length === 2 && negative.length === 0) {
    const kept = positive.find((term) => without(term, h) !== undefined);
    const other = positive.find((term) => term !== kept);
    // (1 - z) * n + z * h
    if (kept !== undefined && other !== undefined) {
      const keep = without(kept, h)!;
      const [a, b] = factorsOf(other);
      for (const [renew, n] of [
        [a, b],
        [b, a],
      ])
        if (renew !== undefined && n !== undefined && factorsOf(other).length === 2) {
          if (isComplement(renew, keep)) return gate(keep, n, true, other);
          if (isComplement(keep, renew)) return gate(renew, n, false, kept);
        }
    }
    // n + z * (h - n), h + z * (n - h)
    for (const [base, change] of [
      [positive[0]!, positive[1]!],
      [positive[1]!, positive[0]!],
    ] as const) {
      const difference = factorsOf(change).find(
        (each) => each.kind === 'sum' && each.terms.length === 2 && each.terms.some(({ sign, of }) => sign < 0 && of === base),
      );
      if (difference?.kind !== 'sum' || factorsOf(change).length !== 2) continue;
      const to = difference.terms.find(({ sign }) => sign > 0)?.of;
      const z = factorsOf(change).find((each) => each !== difference);
      if (base === h) return gate(z, to, false, h);
      if (to === h) return gate(z, base, true, base);
    }
  }
  if (positive.length === 2 && negative.length === 1) {
    const [taken] = negative as [Expression];
    for (const [base, change] of [
      [positive[0]!, positive[1]!],
      [positive[1]!, positive[0]!],
    ] as const) {
      const z = without(taken, base);
      const to = z === undefined ? undefined : without(change, z);
      if (z === undefined || to === undefined) continue;
      if (base === h) return gate(z, to, false);
      if (to === h) return gate(z, base, true);
    }
  }
  return undefined;
}

/** The gate through which the candidate sees h: r * (U h + d) or U (r * h). */
function resetGate(n: Expression, h: Expression, z: Expression): Expression | undefined {
  const net = argumentOf(n) ?? n;
  const open: Expression[] = [net];
  const seen = new Set<Expression>();
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at) || at === z || isGate(at) || at.isWeight) continue;
    seen.add(at);
    if (at.kind === 'product') {
      const gate = at.factors.find((factor) => isGate(factor));
      if (gate !== undefined && at.factors.some((factor) => factor !== gate && isMadeOf(factor, h))) return gate;
    }
    open.push(...operandsOf(at));
  }
  return undefined;
}
