import { Builder } from '../../src/graph/builder.ts';
import { type Axis, type DataType, tensor, type Value } from '../../src/graph/graph.ts';
import { assertLowered } from './lowered.ts';

const axis = (name: string, size: number | string = name): Axis => ({ name, size });
const [T, B, H, I, J, S] = [axis('T'), axis('B'), axis('H', 4), axis('I', 3), axis('J', 4), axis('S')];
const [C, O, Y, X, K, L, P, Q] = [
  axis('C', 3),
  axis('O', 2),
  axis('Y', 7),
  axis('X', 5),
  axis('K', 3),
  axis('L', 2),
  axis('P', 4),
  axis('Q', 3),
];
const [N, M] = [axis('N'), axis('M')];
/** Strides 2; kernels 3 and 2. */
const seen = [
  { whole: Y, place: P, offset: K, stride: 2, before: 1 },
  { whole: X, place: Q, offset: L, stride: 2, before: 0 },
];
const pools = [
  { from: 'Y', to: P, size: 2 },
  { from: 'X', to: Q, size: 2 },
];
const unpools = [
  { from: 'P', to: Y, size: 2 },
  { from: 'Q', to: X, size: 2 },
];
const sizes = { T: 5, B: 2, S: 3 };

interface Makers {
  readonly b: Builder;
  readonly float: (...axes: Axis[]) => Value;
  readonly int: (...axes: Axis[]) => Value;
  readonly bool: (...axes: Axis[]) => Value;
}

/** One line a case: what the graph computes from parameters made on the spot. */
const cases: Readonly<Record<string, (makers: Makers) => Value | readonly Value[]>> = {
  'a constant with symbolic axes': ({ b, float }) => [b.constant(2.5, [T, H]), float(T)],
  'iota along a symbolic axis': ({ b, float }) => [b.iota(T), float(T)],
  'unary functions': ({ b, float }) => {
    const x = float(B, H);
    return (['neg', 'exp', 'abs', 'sign', 'sigmoid', 'tanh', 'relu', 'gelu', 'softplus', 'erf', 'sin', 'cos'] as const).map((name) =>
      b.unary(name, x),
    );
  },
  'log and sqrt': ({ b, float }) => {
    const x = b.unary('abs', float(B, H));
    return [b.log(x), b.sqrt(x)];
  },
  'isnan, not, and, or, cast': ({ b, float, bool }) => {
    const nan = b.unary('isnan', b.log(float(B, H)));
    const other = bool(H);
    return [nan, b.unary('not', nan), b.binary('and', nan, other), b.binary('or', nan, other), b.cast(nan, 'float'), b.cast(nan, 'int')];
  },
  'binary functions of floats': ({ b, float }) => {
    const [x, y] = [float(T, B, H), float(B, T)];
    return (['add', 'sub', 'mul', 'div', 'minimum', 'maximum', 'less', 'lessEqual', 'equal'] as const).map((name) => b.binary(name, x, y));
  },
  'binary functions of integers': ({ b, int }) => {
    const [x, y] = [int(B, H), int(H)];
    return (['add', 'sub', 'mul', 'minimum', 'maximum', 'less', 'lessEqual', 'equal'] as const).map((name) => b.binary(name, x, y));
  },
  pow: ({ b, float }) => b.binary('pow', b.unary('abs', float(B, H)), float(H)),
  'operands that have no axis in common': ({ b, float }) => b.plus(float(H), float(B)),
  'operands in different orders, with a constant': ({ b, float }) => b.plus(b.times(float(H, B), float(B, H)), b.constant(3)),
  'two constants': ({ b, float }) => [b.plus(b.constant(3, [T]), b.constant(1, [H])), float(T)],
  where: ({ b, float, bool }) => b.where(bool(B), float(H), float(T, B)),
  'where of integers and of truth values': ({ b, int, bool }) => [b.where(bool(B), int(H), int(B)), b.where(bool(B), bool(H), bool(B))],

  'a matrix by a vector': ({ b, float }) => b.contract(float(H, I), float(I), ['I']),
  'a weight by a sequence': ({ b, float }) => b.contract(float(H, I), float(T, B, I), ['I']),
  'a sequence by a weight, transposed': ({ b, float }) => b.contract(float(T, B, I), float(I, H), ['I']),
  'a weight gradient, over time and batch': ({ b, float }) => b.contract(float(T, B, H), float(T, B, I), ['T', 'B']),
  'the same in different orders': ({ b, float }) => b.contract(float(B, T, H), float(T, I, B), ['T', 'B']),
  'over all axes': ({ b, float }) => b.contract(float(B, H), float(H, B), ['B', 'H']),
  'a vector by a matrix whose summed axes come first, last, and around its own': ({ b, float }) => [
    b.contract(float(H), float(H, T, B), ['H']),
    b.contract(float(T, H, B), float(H), ['H']),
    b.contract(float(T, S, B), float(T, H, S, B), ['T', 'S', 'B']),
    b.contract(float(T, H, I, B), float(T, B), ['T', 'B']),
  ],
  'a batched product': ({ b, float }) => b.contract(float(B, S, H), float(B, H), ['H']),
  'a batched product with several free axes': ({ b, float }) => b.contract(float(T, B, S, H), float(B, H, I, J), ['H']),
  'batch axes in different orders': ({ b, float }) => b.contract(float(T, B, H), float(H, T, S, B), ['H']),
  'an outer product': ({ b, float }) => b.contract(float(B, H), float(B, I), []),
  'summed over several free and common axes': ({ b, float }) => b.contract(float(T, B, H, I), float(B, I, J), ['B', 'I']),

  'sum and max': ({ b, float }) => {
    const x = float(T, B, H);
    return [b.sum(x), b.sum(x, ['T', 'H']), b.max(x, ['B']), b.sum(b.rename(x, 'T', 'S'), ['S'])];
  },
  'sums of integers': ({ b, int }) => {
    const x = int(T, B);
    return [b.sum(x), b.max(x, ['T']), b.cumsum(x, 'T')];
  },
  'argmax, the first of equals': ({ b, int, float }) => [b.argmax(b.cast(int(B, H), 'float'), 'H'), b.argmax(float(H, B), 'H')],
  'softmax and logsumexp': ({ b, float }) => {
    const x = b.scale(float(T, H, B), 50);
    return [b.softmax(x, 'H'), b.logsumexp(x, 'H'), b.softmax(x, 'T')];
  },
  cumsum: ({ b, float }) => {
    const x = float(B, T);
    return [b.cumsum(x, 'T'), b.cumsum(x, 'T', true)];
  },

  'split and merge': ({ b, float }) => {
    const x = float(T, axis('HI', 12), B);
    return [b.split(x, 'HI', [H, I]), b.merge(float(B, H, T, I), ['I', 'H'], axis('IH', 12))];
  },
  'a convolution, its two gradients': ({ b, float }) => {
    const [x, kernel, places] = [float(B, C, Y, X), float(O, C, K, L), float(B, O, P, Q)];
    return [
      b.convolve(x, kernel, ['C'], seen),
      b.convolve(places, kernel, ['O'], seen, 'whole'),
      b.convolve(x, places, ['B'], seen, 'offset'),
    ];
  },
  'a convolution over time, without channels, in other orders': ({ b, float }) => {
    const [x, kernel, places] = [float(X, T, Y, B), float(L, K), float(Q, B, P, T)];
    return [b.convolve(x, kernel, [], seen), b.convolve(kernel, places, [], seen, 'whole'), b.convolve(x, places, ['B'], seen, 'offset')];
  },
  'a convolution with a stride beyond its kernel, along one axis': ({ b, float }) => {
    const window = { whole: axis('W', 8), place: axis('P', 3), offset: axis('K', 1), stride: 3, before: 0 };
    const [x, kernel, places] = [float(B, I, axis('W', 8)), float(I, axis('K', 1)), float(axis('P', 3), B)];
    const [made, whole, offset] = (['place', 'whole', 'offset'] as const).map((makes) =>
      makes === 'place'
        ? b.convolve(x, kernel, ['I'], [window], makes)
        : makes === 'whole'
          ? b.convolve(places, kernel, [], [window], makes)
          : b.convolve(x, places, ['B'], [window], makes),
    );
    return [made!, whole!, offset!];
  },
  'pools, the last window smaller': ({ b, float }) => {
    const x = float(B, C, Y, X, T);
    return [b.pool(x, 'max', pools), b.pool(x, 'mean', pools), b.unpool(float(C, P, Q, B), unpools)];
  },

  concat: ({ b, float }) => b.concat([float(B, I), float(J, B)], ['I', 'J'], axis('IJ', 7)),
  slice: ({ b, float }) => {
    const x = float(B, H);
    return [b.slice(x, 'H', 1, axis('K', 2)), b.slice(x, 'H', 0, axis('H', 3))];
  },
  'slice to a symbolic length': ({ b, float }) => [b.slice(float(T, H), 'T', 1, S), float(S)],
  pad: ({ b, float }) => [b.pad(float(B, axis('K', 2)), 'K', 1, H), b.pad(float(S, H), 'S', 1, T), float(T)],
  rename: ({ b, float }) => b.rename(float(B, H), 'H', 'J'),
  broadcast: ({ b, float }) => [b.broadcast(float(H), B), float(B)],
  gather: ({ b, float, int }) => b.gather(float(I, H), int(T, B), 'I'),
  'gather with batch axes': ({ b, float, int }) => b.gather(float(B, S, H), int(T, B), 'S'),
  'gather along the axis of the index': ({ b, float, int }) => b.gather(float(S, B, H), int(S, B), 'S'),
  scatterAdd: ({ b, float, int }) => b.scatterAdd(float(T, B, H), int(T, B), I),
  'scatterAdd to many rows': ({ b, float, int }) =>
    b.scatterAdd(float(T, H, B), b.minus(int(T, B), b.constant(1, [], 'int')), axis('V', 300)),
  'scatterAdd that keeps an axis': ({ b, float, int }) => b.scatterAdd(float(T, B, H), int(T, B), I, ['B']),
  oneHot: ({ b, int }) => {
    const x = int(T, B);
    return [b.oneHot(x, I), b.oneHot(b.minus(x, b.constant(1, [], 'int')), I, 'bool')];
  },
  'rows less one-hot rows, some outside': ({ b, float, int }) => {
    const index = b.minus(int(B, T), b.constant(1, [], 'int'));
    return [
      b.minus(float(T, B, L), b.oneHot(index, L)),
      b.minus(float(L, T, B), b.oneHot(index, L)),
      b.minus(float(L), b.oneHot(index, L)),
    ];
  },
  pack: ({ b, float, int, bool }) => {
    const [x, mask, other] = [float(B, H, T), bool(T, B), bool(H)];
    const many = b.exp(b.contract(b.pack(x, mask, N), float(H, I), ['H']));
    return [b.unpack(many, mask, 'N'), b.sum(many, ['N']), b.unpack(b.pack(int(H, B), other, M), other, 'M')];
  },
  'pack where nothing is chosen': ({ b, float }) => {
    const [x, weight] = [float(T, B, H), float(H, I)];
    const mask = b.binary('less', b.iota(T), b.constant(0, [B], 'int'));
    const none = b.pack(x, mask, N);
    const many = b.softmax(b.plus(b.contract(none, weight, ['H']), float(I)), 'I');
    const back = b.contract(many, weight, ['I']);
    return [b.unpack(back, mask, 'N'), b.contract(none, many, ['N']), b.sum(many, ['N']), b.sum(b.max(many, ['I']))];
  },
  shift: ({ b, float }) => {
    const x = float(T, H);
    return [b.shift(x, 'T', 2), b.shift(x, 'T', -1, 7), b.shift(x, 'T', 0)];
  },
  reverse: ({ b, float, int }) => {
    const x = float(B, T, H);
    return [b.reverse(x, 'T'), b.reverse(x, 'T', int(B))];
  },
  stopGradient: ({ b, float }) => b.stopGradient(float(B, H)),

  'a recurrence': ({ b, float }) => elman({ b, float }, false),
  'a recurrence from the last step to the first': ({ b, float }) => elman({ b, float }, true),
  'a recurrence without scanned inputs': ({ b, float }) => {
    const body = new Builder();
    const h = body.parameter(tensor([B, H]));
    const next = body.scale(h, 0.5);
    return [
      ...b.recur([float(B, H)], { axis: T, reverse: false, scanned: 0, held: 0, states: 1, body: body.graph([next, next]) }),
      float(T),
    ];
  },
  'a body that passes on what it is given': ({ b, float }) => {
    const body = new Builder();
    const x = body.parameter(tensor([B, H]));
    const k = body.parameter(tensor([H]));
    const h = body.parameter(tensor([B, H]));
    const attributes = { axis: T, reverse: false, scanned: 1, held: 1, states: 1 } as const;
    return b.recur([float(T, B, H), float(H), float(B, H)], { ...attributes, body: body.graph([h, x, x, k, x]) });
  },
  'a recurrence within a recurrence': ({ b, float }) => {
    const inner = new Builder();
    const x = inner.parameter(tensor([B, H]));
    const w = inner.parameter(tensor([B, H]));
    const s = inner.parameter(tensor([B, H]));
    const after = inner.plus(inner.times(s, w), x);
    const outer = new Builder();
    const memory = outer.parameter(tensor([S, B, H]));
    const h = outer.parameter(tensor([B, H]));
    const [, last] = outer.recur([memory, h, h], {
      axis: S,
      reverse: false,
      scanned: 1,
      held: 1,
      states: 1,
      body: inner.graph([after, after]),
    });
    const next = outer.tanh(last!);
    return [
      ...b.recur([float(S, B, H), float(B, H)], {
        axis: T,
        reverse: false,
        scanned: 0,
        held: 1,
        states: 1,
        body: outer.graph([next, next]),
      }),
      float(T),
    ];
  },
};

function elman({ b, float }: Pick<Makers, 'b' | 'float'>, reverse: boolean): readonly Value[] {
  const body = new Builder();
  const [x, W] = [body.parameter(tensor([B, I])), body.parameter(tensor([H, I]))];
  const [U, bias, h] = [body.parameter(tensor([H, J])), body.parameter(tensor([H])), body.parameter(tensor([B, H]))];
  const recurrent = body.contract(U, body.rename(h, 'H', 'J'), ['J']);
  const next = body.tanh(body.plus(body.plus(body.contract(W, x, ['I']), recurrent), bias));
  const inputs = [float(T, B, I), float(H, I), float(H, J), float(H), float(B, H)];
  const outputs = b.recur(inputs, { axis: T, reverse, scanned: 1, held: 3, states: 1, body: body.graph([next, next]) });
  return [...outputs, b.sum(outputs[0]!, ['T', 'B'])];
}

describe('lowering to ONNX', () => {
  for (const [name, make] of Object.entries(cases)) {
    it(name, async () => {
      const b = new Builder();
      const of =
        (dtype: DataType) =>
        (...axes: Axis[]) =>
          b.parameter(tensor(axes, dtype));
      const made = make({ b, float: of('float'), int: of('int'), bool: of('bool') });
      await assertLowered(b.graph('id' in made ? [made] : made), sizes);
    });
  }
});
