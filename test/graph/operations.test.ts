import assert from 'node:assert/strict';
import { Builder } from '../../src/graph/builder.ts';
import { check } from '../../src/graph/check.ts';
import { differentiate } from '../../src/graph/differentiate.ts';
import { type Axis, type Graph, type OperationName, tensor, type Value, type Window, type WindowPart } from '../../src/graph/graph.ts';
import { erf } from '../../src/graph/interpret.ts';
import { B, T } from './cells.ts';
import { array, assertClose, centralDifference, chance, checkGradients, gradients, randomFeeds } from './numeric.ts';

const H: Axis = { name: 'H', size: 3 };
const K: Axis = { name: 'K', size: 5 };
const J: Axis = { name: 'J', size: 2 };
const sizes = { T: 4, B: 2 };
/** The places that a mask chooses. */
const N: Axis = { name: 'N', size: 'N' };
/** 3 as 2 and 1. */
const pools = [{ from: 'H', to: J, size: 2 }] as const;

/** Along H, in whichever part of the window it is. */
function convolution(b: Builder, x: Value, y: Value, over: readonly string[], makes: WindowPart, stride = 1): Value {
  const [first, second] = (['whole', 'place', 'offset'] as const).filter((part) => part !== makes);
  const named = { whole: 'I', place: 'J', offset: 'K', [first!]: 'H', [second!]: 'second' };
  const size = (part: WindowPart): Axis => ({ name: named[part], size: part === makes ? (part === 'whole' ? 5 : 2) : 3 });
  const window: Window = { whole: size('whole'), place: size('place'), offset: size('offset'), stride, before: 1 };
  return b.convolve(x, b.rename(y, 'H', 'second'), over, [window], makes);
}

interface Given {
  readonly b: Builder;
  /** [T, B, H] */
  readonly x: Value;
  /** [B, H] */
  readonly y: Value;
  /** [H] */
  readonly v: Value;
  /** [B, T], integers of 0 .. 1 */
  readonly n: Value;
  /** [B], integers of 0 .. 1 */
  readonly m: Value;
}

/** A use of each operation; several where its operands can lie differently. */
const uses: { readonly [Name in Exclude<OperationName, 'recur'>]: (given: Given) => Value | readonly Value[] } = {
  constant: ({ b, x }) => b.times(b.constant(2, [H]), x),
  iota: ({ b, x }) => b.times(b.cast(b.iota(T), 'float'), x),
  neg: ({ b, x }) => b.neg(x),
  exp: ({ b, x }) => b.exp(x),
  log: ({ b, x }) => b.log(positive(b, x)),
  sqrt: ({ b, x }) => b.sqrt(positive(b, x)),
  abs: ({ b, x }) => b.unary('abs', x),
  sign: ({ b, x }) => b.times(b.unary('sign', x), x),
  sigmoid: ({ b, x }) => b.sigmoid(x),
  tanh: ({ b, x }) => b.tanh(x),
  relu: ({ b, x }) => b.relu(x),
  gelu: ({ b, x }) => b.unary('gelu', b.scale(x, 3)),
  softplus: ({ b, x }) => b.unary('softplus', b.scale(x, 3)),
  erf: ({ b, x }) => b.unary('erf', b.scale(x, 2)),
  sin: ({ b, x }) => b.unary('sin', b.scale(x, 3)),
  cos: ({ b, x }) => b.unary('cos', b.scale(x, 3)),
  isnan: ({ b, x }) => b.where(b.unary('isnan', x), b.constant(0), x),
  not: ({ b, x, y }) => b.where(b.unary('not', b.binary('less', y, b.constant(0))), x, b.constant(0)),
  cast: ({ b, x, n }) => [b.cast(x, 'float'), b.times(b.cast(n, 'float'), x)],
  add: ({ b, x, y, v }) => [b.plus(x, y), b.plus(v, y), b.plus(b.sum(x, ['H']), v)],
  sub: ({ b, x, y, v }) => [b.minus(x, y), b.minus(v, y), b.minus(b.constant(1), v)],
  mul: ({ b, x, y, v }) => [b.times(x, y), b.times(y, v), b.times(b.sum(x, ['H']), v), b.times(x, x)],
  div: ({ b, x, y, v }) => [b.over(x, positive(b, y)), b.over(v, positive(b, x)), b.over(b.sum(x, ['H']), positive(b, v))],
  pow: ({ b, x, y }) => [b.binary('pow', positive(b, x), y), b.binary('pow', x, b.constant(3)), b.binary('pow', x, b.constant(0))],
  minimum: ({ b, x, y }) => b.binary('minimum', x, y),
  maximum: ({ b, x, y }) => b.binary('maximum', y, x),
  less: ({ b, x, y }) => b.where(b.binary('less', x, y), x, y),
  lessEqual: ({ b, x, y }) => b.where(b.binary('lessEqual', x, y), x, y),
  equal: ({ b, x, n }) => b.where(b.binary('equal', n, b.constant(1, [], 'int')), x, b.constant(0)),
  and: ({ b, x, y, v }) => b.where(b.binary('and', b.binary('less', x, y), b.binary('less', v, y)), x, v),
  or: ({ b, x, y, v }) => b.where(b.binary('or', b.binary('less', x, y), b.binary('less', v, y)), y, v),
  where: ({ b, x, y, v }) => b.where(b.binary('less', y, v), x, v),
  contract: ({ b, x, y, v }) => [b.contract(x, y, ['B']), b.contract(v, x, ['H']), b.contract(x, x, ['T', 'H']), b.contract(y, v, [])],
  sum: ({ b, x }) => [b.sum(x), b.sum(x, ['T', 'H'])],
  max: ({ b, x }) => [b.max(x, ['H']), b.max(x, ['T', 'B'])],
  argmax: ({ b, x }) => b.times(b.cast(b.argmax(x, 'H'), 'float'), x),
  softmax: ({ b, x }) => [b.softmax(x, 'H'), b.softmax(x, 'T')],
  logsumexp: ({ b, x }) => b.logsumexp(x, 'H'),
  cumsum: ({ b, x }) => [b.cumsum(x, 'T'), b.cumsum(x, 'T', true)],
  concat: ({ b, x, y }) => b.concat([x, b.pad(b.broadcast(y, T), 'H', 1, K)], ['H', 'K'], { name: 'C', size: 8 }),
  slice: ({ b, x }) => b.slice(x, 'H', 1, { name: 'C', size: 2 }),
  pad: ({ b, x }) => b.pad(x, 'H', 1, K),
  split: ({ b, y }) => b.split(b.pad(y, 'H', 1, { name: 'L', size: 6 }), 'L', [J, { name: 'I', size: 3 }]),
  merge: ({ b, x, v }) => b.times(b.merge(b.times(x, b.rename(v, 'H', 'V')), ['H', 'V'], { name: 'HV', size: 9 }), x),
  convolve: ({ b, x, y, v }) => [
    ...(['whole', 'place', 'offset'] as const).map((makes) => convolution(b, x, y, ['B'], makes)),
    convolution(b, x, v, [], 'place', 2),
    convolution(b, x, v, [], 'whole', 2),
    convolution(b, v, x, [], 'offset', 2),
  ],
  pool: ({ b, x }) => [
    b.pool(x, 'max', pools),
    b.pool(x, 'mean', pools),
    b.pool(b.pad(x, 'H', 1, K), 'mean', [{ from: 'K', to: J, size: 3 }]),
  ],
  unpool: ({ b, x }) => b.unpool(x, [{ from: 'H', to: K, size: 2 }]),
  pack: ({ b, x, n }) => b.sum(b.exp(b.pack(x, chosen(b, n), N)), ['N']),
  unpack: ({ b, x, n }) => [
    b.unpack(b.pack(x, chosen(b, n), N), chosen(b, n), 'N'),
    b.unpack(b.sum(b.pack(x, chosen(b, n), N), ['H']), chosen(b, n), 'N'),
  ],
  rename: ({ b, x }) => b.rename(x, 'H', 'C'),
  broadcast: ({ b, y }) => b.broadcast(y, K),
  gather: ({ b, x, v, n, m }) => [b.gather(v, n, 'H'), b.gather(x, m, 'T'), b.gather(x, n, 'T'), b.gather(x, n, 'H')],
  scatterAdd: ({ b, x, n, m }) => [b.scatterAdd(x, n, K), b.scatterAdd(x, n, K, ['B']), b.scatterAdd(x, m, K)],
  oneHot: ({ b, x, n }) => b.times(b.oneHot(n, K), x),
  shift: ({ b, x }) => [b.shift(x, 'T', 1, 2), b.shift(x, 'T', -2)],
  reverse: ({ b, x, m }) => [b.reverse(x, 'T'), b.reverse(x, 'T', b.binary('add', m, b.constant(2, [], 'int')))],
  stopGradient: ({ b, x }) => b.plus(x, b.minus(b.stopGradient(x), b.stopGradient(x))),
};

describe("every operation's gradient equals central differences", () => {
  for (const [name, use] of Object.entries(uses)) {
    it(name, () => {
      const b = new Builder();
      const given = {
        b,
        x: b.parameter(tensor([T, B, H]), 'x'),
        y: b.parameter(tensor([B, H]), 'y'),
        v: b.parameter(tensor([H]), 'v'),
        n: b.parameter(tensor([B, T], 'int'), 'n'),
        m: b.parameter(tensor([B], 'int'), 'm'),
      };
      for (const used of [use(given)].flat()) {
        const weights = b.parameter(used.type, 'direction');
        const graph = b.graph([b.sum(b.times(used, weights))]);
        assert.ok(check(graph).length === 0, check(graph).join('\n'));
        checkGradients(graph, graph.results[0]!, sizes);
      }
    });
  }

  it('shares a gradient between equal operands', () => {
    const b = new Builder();
    const x = b.parameter(tensor([H]), 'x');
    for (const value of [b.binary('maximum', x, b.constant(0)), b.binary('minimum', b.constant(0), x), b.max(b.pad(x, 'H', 1, K), ['K'])]) {
      const objective = b.sum(value);
      const [gradient] = gradients(b.graph([]), objective, [x], new Map([[x, array(x, {}, () => 0)]]), {});
      assert.deepEqual([...gradient!.data], value.type.axes.length > 0 ? [0.5, 0.5, 0.5] : [0.2, 0.2, 0.2]);
    }
  });

  it('stops at stopGradient', () => {
    const b = new Builder();
    const x = b.parameter(tensor([H]), 'x');
    const objective = b.sum(b.times(b.stopGradient(x), x));
    const feeds = randomFeeds(b.graph([]), {});
    const [gradient] = gradients(b.graph([]), objective, [x], feeds, {});
    assert.deepEqual(gradient!.data, feeds.get(x)!.data);
  });

  it('multiplies a vector with the Jacobian where seeds are given', () => {
    const b = new Builder();
    const x = b.parameter(tensor([H]), 'x');
    const y = b.exp(x);
    const cotangent = new Builder().parameter(y.type, 'dy');
    const derivative = differentiate(b.graph([y]), [{ value: y, cotangent }], [x]);
    assert.deepEqual(derivative.graph.parameters, [x, cotangent]);
    assert.deepEqual(check(derivative.graph), []);
  });

  it('is zero where nothing flows', () => {
    const b = new Builder();
    const [x, y] = [b.parameter(tensor([H]), 'x'), b.parameter(tensor([H]), 'y')];
    const objective = b.sum(x);
    const [gradient] = gradients(b.graph([]), objective, [y], randomFeeds(b.graph([]), {}), {});
    assert.deepEqual([...gradient!.data], [0, 0, 0]);
  });
}).timeout(30_000);

describe('random graphs', () => {
  for (let seed = 1; seed <= 40; seed += 1)
    it(`seed ${seed}: gradients equal central differences`, () => {
      const { graph, sizes } = randomGraph(seed);
      assert.deepEqual(check(graph), []);
      const [objective] = graph.results;
      const feeds = randomFeeds(graph, sizes, seed);
      const found = gradients(graph, objective!, graph.parameters, feeds, sizes);
      graph.parameters.forEach((parameter, k) => {
        assertClose(found[k]!.data, centralDifference(graph, objective!, parameter, feeds, sizes), 1e-6, `${parameter.name}`);
      });
    });
}).timeout(30_000);

describe('erf', () => {
  // Abramowitz & Stegun 1964, table 7.1, and 1 - erfc for the last.
  const table: readonly (readonly [number, number])[] = [
    [0.5, 0.5204998778],
    [1, 0.8427007929],
    [2, 0.995322265],
    [3.5, 0.9999992569016],
  ];
  for (const [x, expected] of table)
    it(`erf(${x})`, () => {
      assert.ok(Math.abs(erf(x) - expected) < 1e-10);
      assert.equal(erf(-x), -erf(x));
    });
}).timeout(30_000);

const chosen = (b: Builder, n: Value): Value => b.binary('equal', n, b.constant(1, [], 'int'));
const positive = (b: Builder, x: Value): Value => b.plus(b.times(x, x), b.constant(0.5));

/** Smooth operations applied to each other at random, some of them inside a recurrence with one state, itself perhaps inside another. */
function randomGraph(seed: number): { graph: Graph; sizes: Record<string, number> } {
  const next = chance(seed);
  const choose = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;
  const grow = (b: Builder, pool: Value[], steps: number): Value[] => {
    for (let step = 0; step < steps; step += 1) {
      const [p, q] = [choose(pool), choose(pool)];
      const over = p.type.axes.filter((axis) => q.type.axes.includes(axis)).map((axis) => axis.name);
      const made = choose([
        () => b.tanh(p),
        () => b.sigmoid(b.plus(p, q)),
        () => b.times(p, q),
        () => b.minus(p, b.tanh(q)),
        () => (p.type.axes.length > 0 ? b.softmax(p, choose(p.type.axes).name) : b.exp(b.tanh(p))),
        () => (over.length > 0 ? b.tanh(b.contract(p, q, [choose(over)])) : b.over(p, positive(b, q))),
      ])();
      pool.push(made);
    }
    return pool;
  };
  /** A recurrence over the axis whose body is random; gives stacked outputs and the final state. */
  const loop = (b: Builder, pool: readonly Value[], depth: number): readonly Value[] => {
    const axis: Axis = { name: `T${depth}`, size: `T${depth}` };
    const free = pool.filter((value) => !value.type.axes.some((each) => each.name === axis.name));
    const scanned = pool.filter((value) => value.type.axes.some((each) => each.name === axis.name)).slice(0, 2);
    const held = [choose(free), choose(free)];
    const start = choose(free);
    const inner = new Builder();
    const parameters = [
      ...scanned.map((value) => inner.parameter(tensor(value.type.axes.filter((each) => each.name !== axis.name)))),
      ...[...held, start].map((value) => inner.parameter(value.type)),
    ];
    const made = grow(inner, [...parameters], 4);
    const more = depth > 1 ? grow(inner, [...made, ...loop(inner, made, depth - 1)], 3) : made;
    const state = parameters.at(-1)!;
    const to = more.at(-1)!;
    const has = (value: Value, name: string): boolean => value.type.axes.some((each) => each.name === name);
    const summed = inner.sum(
      to,
      to.type.axes.map((each) => each.name).filter((name) => !has(state, name)),
    );
    const after = inner.tanh(inner.plus(state, summed));
    return b.recur([...scanned, ...held, start], {
      axis,
      reverse: next() < 0.5,
      scanned: scanned.length,
      held: held.length,
      states: 1,
      body: inner.graph([...more.slice(-2), after]),
    });
  };
  const b = new Builder();
  const T1: Axis = { name: 'T1', size: 'T1' };
  const T2: Axis = { name: 'T2', size: 'T2' };
  const pool = [[T1, B], [T2, B, H], [T2], [B], [H, B], [H]].map((axes, k) => b.parameter(tensor(axes), `p${k}`));
  const all = grow(b, [...pool, ...loop(b, pool, 2)], 3);
  const objective = all.slice(-4).reduce((sum, value) => b.plus(sum, b.sum(b.tanh(value))), b.constant(0));
  return { graph: b.graph([objective]), sizes: { T1: 2, T2: 3, B: 2 } };
}
