// The language's functions in PyTorch: one rule for each, so that a new one does not compile before it can be taken away.

import type { FunctionName, FunctionNode } from '../language/check/core.ts';
import type { Dimension } from '../language/check/dimensions.ts';
import { atom, binds, networkArgument, type Py, within } from './python.ts';

export interface Applied {
  readonly node: FunctionNode;
  readonly operands: readonly Py[];
  /** The operands with their dimensions where the result has them. */
  aligned(): readonly Py[];
  readonly where: Py | undefined;
  /** Of the result. */
  readonly shape: readonly Dimension[];
  /** The lengths of the rows along a place of the first operand; undefined where it has the same length in all. */
  lengths(place: number): string | undefined;
  /** The length of a dimension, as a number of Python. */
  size(dimension: Dimension): string;
  fail(what: string): Error;
  /** Some tensor on the device of the model. */
  readonly like: string;
  /** The target is data. */
  readonly compares: 'classes' | 'numbers' | undefined;
}

type Rule = (applied: Applied) => Py;

const rules: { readonly [Name in FunctionName]: Rule } = {
  exp: each('exp'),
  log: each('log'),
  ln: each('log'),
  sqrt: each('sqrt'),
  abs: each('abs'),
  sign: each('sign', false),
  sigmoid: each('sigmoid', false),
  tanh: each('tanh'),
  relu: each('relu', false),
  gelu: ({ operands: [x] }) => call(x!, `F.gelu(${tensorCode(x!)})`),
  softplus: ({ operands: [x] }) => call(x!, `F.softplus(${tensorCode(x!)})`),
  isnan: ({ operands: [x] }) => ({ ...call(x!, `torch.isnan(${tensorCode(x!)})`), truth: true }),
  minimum: pair('minimum'),
  maximum: pair('maximum'),
  where: (applied) => {
    const [condition, x, y] = applied.aligned() as [Py, Py, Py];
    const choice = condition.truth && !condition.scalar ? condition.code : `truth(${tensorCode(condition)})`;
    return result([condition, x, y], `torch.where(${choice}, ${tensorCode(x)}, ${tensorCode(y)})`);
  },
  clip: ({ node, operands: [x] }) =>
    call(x!, `${within({ code: tensorCode(x!), level: tensorLevel(x!) }, binds.atom)}.clamp(${node.numbers.join(', ')})`),
  dropout: ({ node, operands: [x] }) =>
    node.numbers[0] === 0 ? x! : call(x!, `F.dropout(${tensorCode(x!)}, ${node.numbers[0]}, self.training)`),

  sum: reduce('total', 'sum'),
  mean: reduce('mean', 'mean'),
  max: reduce('largest', 'amax'),
  min: reduce('smallest', 'amin'),
  variance: reduce('variance'),
  norm: reduce('norm'),
  entropy: reduce('entropy'),
  any: (applied) => truths(applied, reduce('largest', 'amax')(applied), '> 0'),
  all: (applied) => truths(applied, reduce('smallest', 'amin')(applied), '> 0'),
  argmax: (applied) => {
    const { operands, node } = applied;
    const x = operands[0]!;
    const place = node.along[0]!;
    return { ...call(x, `argmax(${code(x)}, ${place - x.rank}, ${applied.lengths(place) ?? 'None'})`), rank: x.rank - 1 };
  },
  softmax: (applied) => {
    const { operands, node, where } = applied;
    const x = operands[0]!;
    const place = node.along[0]!;
    const lengths = applied.lengths(place);
    const dim = place - x.rank;
    if (lengths === undefined && where === undefined) return call(x, `torch.softmax(${code(x)}, ${dim})`);
    const more = where === undefined ? '' : `, where=${where.code}`;
    return { ...call(x, `softmax(${code(x)}, ${dim}, ${lengths ?? 'None'}${more})`), lead: true };
  },
  cumsum: ({ operands: [x], node }) => call(x!, `${within(asNumber(x!), binds.atom)}.cumsum(${node.along[0]! - x!.rank})`),

  first: ({ operands: [x], node }) => ({
    ...call(x!, `${within(x!, binds.atom)}.select(${node.along[0]! - x!.rank}, 0)`),
    rank: x!.rank - 1,
  }),
  last: (applied) => {
    const [x] = applied.operands as [Py];
    const place = applied.node.along[0]!;
    const lengths = applied.lengths(place);
    const found =
      lengths === undefined ? `${within(x, binds.atom)}.select(${place - x.rank}, -1)` : `last(${code(x)}, ${place - x.rank}, ${lengths})`;
    return { ...call(x, found), rank: x.rank - 1, lead: x.lead || lengths !== undefined };
  },
  next: (applied) => {
    const [x] = applied.operands as [Py];
    const place = applied.node.along[0]!;
    const dim = place - x.rank;
    const counted = `has_next(${code(x)}, ${dim}, ${applied.lengths(place) ?? 'None'})`;
    return { ...call(x, `shifted(${code(x)}, ${dim}, -1)`), counted };
  },
  previous: ({ operands: [x], node }) => call(x!, `shifted(${code(x!)}, ${node.along[0]! - x!.rank}, 1)`),
  reverse: (applied) => {
    const [x] = applied.operands as [Py];
    const place = applied.node.along[0]!;
    const lengths = applied.lengths(place);
    const found =
      lengths === undefined ? `${within(x, binds.atom)}.flip(${place - x.rank})` : `turned(${code(x)}, ${place - x.rank}, ${lengths})`;
    return { ...call(x, found), lead: x.lead || lengths !== undefined };
  },
  range: ({ size, shape, like }) => atom(`number(torch.arange(${size(shape[0]!)}, device=${like}.device))`, 1, false),
  sinusoids: ({ size, shape, like }) => atom(`sinusoids(${size(shape[0]!)}, ${size(shape[1]!)}, ${like}.device)`, 2, false),
  repeat: ({ operands: [x], shape, size }) => ({
    ...call(x!, `repeat(${code(x!)}, ${-x!.rank - 1}, ${size(shape[0]!)})`),
    rank: x!.rank + 1,
  }),
  outer: ({ operands }) => {
    const [x, y] = operands as [Py, Py];
    const left = y.rank === 0 ? within(x, binds.product) : `${within(x, binds.atom)}[${['...', ...Array(y.rank).fill('None')].join(', ')}]`;
    const right = placed(
      y,
      [...Array(y.rank).keys()].map((k) => k + x.rank),
      x.rank + y.rank,
    );
    return { ...result([x, y], `${left} * ${within(right, binds.sign)}`), level: binds.product, rank: x.rank + y.rank };
  },

  convolve: ({ operands, node }) => {
    const [x, kernel] = operands as [Py, Py];
    const [stride] = node.numbers;
    return { ...result([x, kernel], `convolve(${code(x)}, ${code(kernel)}${stride === 1 ? '' : `, ${stride}`})`), rank: 3 };
  },
  max_pool: ({ operands: [x], node }) => call(x!, `max_pool(${code(x!)}, ${node.numbers[0]})`),
  mean_pool: ({ operands: [x], node }) => call(x!, `mean_pool(${code(x!)}, ${node.numbers[0]})`),
  places: ({ operands: [x] }) => ({ ...call(x!, `places(${code(x!)})`), rank: 2 }),
  // What the network makes is given: train.py has it from onnxruntime.
  onnx: ({ node, shape }) => atom(networkArgument(node.network!), shape.length, true),

  cross_entropy: (applied) => {
    const [scores, target] = applied.operands as [Py, Py];
    const dim = applied.node.along[0]! - scores.rank;
    const found = `cross_entropy(${code(scores)}, ${code(target)}${dim === -1 ? '' : `, ${dim}`})`;
    const counted = [`${within(target, binds.comparison + 1)} >= 0`, ...(target.counted === undefined ? [] : [target.counted])];
    return { ...result([scores, target], found), rank: scores.rank - 1, counted: both(counted)! };
  },
  binary: compare('binary'),
  mse: compare('mse'),
  mae: compare('mae'),
  huber: compare('huber'),
};

export const applyFunction = (applied: Applied): Py => rules[applied.node.name](applied);

/** All of several conditions. */
export const both = (conditions: readonly (string | undefined)[]): string | undefined => {
  const there = conditions.filter((each) => each !== undefined);
  return there.length < 2 ? there[0] : there.map((each) => (/^[\w.]+\([^()]*\)$/.test(each) ? each : `(${each})`)).join(' & ');
};

const code = (x: Py): string => (x.scalar ? `tensor(${x.code})` : x.code);
const tensorCode = (x: Py): string => (x.scalar ? `tensor(${x.code})` : x.truth ? `number(${x.code})` : x.code);
const tensorLevel = (x: Py): number => (x.scalar || x.truth ? binds.atom : x.level);
export const asNumber = (x: Py): Py => {
  if (!x.truth) return x;
  const { truth: _, ...rest } = x;
  return x.scalar ? { ...rest, code: `float(${x.code})`, level: binds.atom } : { ...rest, code: `number(${x.code})`, level: binds.atom };
};

function call(x: Py, text: string): Py {
  return atom(text, x.rank, x.lead, x.counted === undefined ? {} : { counted: x.counted });
}

function result(operands: readonly Py[], text: string): Py {
  const counted = both(operands.map((each) => each.counted));
  return atom(
    text,
    Math.max(...operands.map(({ rank }) => rank)),
    operands.some(({ lead }) => lead),
    counted === undefined ? {} : { counted },
  );
}

/** A function of each element; of a number of Python by \`math\`. */
function each(name: string, inMath = true): Rule {
  return ({ operands: [x] }) => {
    if (x!.scalar && inMath) return { ...atom(name === 'abs' ? `abs(${x!.code})` : `math.${name}(${x!.code})`, 0, false), scalar: true };
    return call(x!, `torch.${name}(${tensorCode(x!)})`);
  };
}

function pair(name: string): Rule {
  return (applied) => {
    const [x, y] = applied.aligned() as [Py, Py];
    return result([x, y], `torch.${name}(${tensorCode(x)}, ${tensorCode(y)})`);
  };
}

/** Along all the places of the node: PyTorch's method where every row is whole, ours where it may end. */
function reduce(masked: string, method?: string): Rule {
  return (applied) => {
    const x = asNumber(applied.operands[0]!);
    const { along } = applied.node;
    if (along.length === 0) return masked === 'variance' ? atom('torch.tensor(0.0)', 0, false) : x;
    const dims = along.map((place) => place - x.rank);
    const lengths = along.map((place) => applied.lengths(place));
    const isWhole = lengths.every((own) => own === undefined);
    const at = dims.length === 1 ? `${dims[0]}` : `(${dims.join(', ')})`;
    const own = lengths.map((each) => each ?? 'None');
    const text =
      isWhole && method !== undefined
        ? `${within(x, binds.atom)}.${method}(${at})`
        : `${masked}(${code(x)}, ${at}, ${own.length === 1 ? own[0] : `(${own.join(', ')})`})`;
    return { ...call(x, text), rank: x.rank - along.length, lead: x.lead || !isWhole };
  };
}

const truths = (_: Applied, x: Py, test: string): Py => ({
  ...x,
  code: `${within(x, binds.bitOr)} ${test}`,
  level: binds.comparison,
  truth: true,
});

/** A loss of numbers. Where the data has none (NaN), nothing is lost and nothing counted. */
function compare(name: string): Rule {
  return (applied) => {
    const [x, y] = applied.aligned() as [Py, Py];
    const found = result([x, y], '');
    if (applied.compares === undefined) return { ...found, code: `${name}(${tensorCode(x)}, ${tensorCode(y)})` };
    const target = within(y, binds.atom);
    const counted = both([`~torch.isnan(${y.code})`, found.counted])!;
    return { ...found, code: `${name}(${tensorCode(x)}, ${target}.nan_to_num())`, counted };
  };
}

/** A tensor with its dimensions at places of a larger one, ready to be combined with others of that size. -1: a length of 1 that goes. */
export function placed(x: Py, at: readonly number[], rank: number): Py {
  if (x.scalar || (at.length === rank && at.every((place, k) => place === k || place === -1))) return { ...x, rank: x.scalar ? 0 : rank };
  const kept = at.filter((place) => place >= 0);
  const inOrder = kept.every((place, k) => k === 0 || place > kept[k - 1]!);
  const first = x.lead ? 0 : (kept[0] ?? rank);
  const entries: string[] = [];
  if (x.rank !== at.length) throw new Error('an operand is aligned by other dimensions than it has');
  let own = x.code;
  let level = x.level;
  if (at.includes(-1)) {
    own = `${within(x, binds.atom)}[..., ${at.map((place) => (place < 0 ? '0' : ':')).join(', ')}]`;
    level = binds.atom;
  }
  if (!inOrder) {
    const order = kept.map((place, k) => [place, k] as const).sort(([a], [b]) => a - b);
    own = `${within({ code: own, level }, binds.atom)}.permute(${order.map(([, k]) => k - kept.length).join(', ')})`;
    if (x.lead) throw new Error('an operand is aligned in another order');
    level = binds.atom;
  }
  const places = new Set(kept);
  for (let place = first; place < rank; place += 1) entries.push(places.has(place) ? ':' : 'None');
  if (!entries.includes('None')) return { ...x, code: own, level, rank };
  // what stands in front of the first new place is in the ellipsis
  const trimmed = entries.slice(entries.indexOf('None'));
  return { ...x, code: `${within({ code: own, level }, binds.atom)}[..., ${trimmed.join(', ')}]`, level: binds.atom, rank };
}
