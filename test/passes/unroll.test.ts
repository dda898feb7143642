import assert from 'node:assert/strict';
import { Builder } from '../../src/graph/builder.ts';
import { differentiate } from '../../src/graph/differentiate.ts';
import { type Graph, tensor, type Value } from '../../src/graph/graph.ts';
import { interpret } from '../../src/graph/interpret.ts';
import { basicOperations } from '../../src/graph/passes/basic.ts';
import { unroll } from '../../src/graph/passes/unroll.ts';
import { B, type CellName, cellModel, cells, layer, T } from '../graph/cells.ts';
import { assertClose, randomFeeds } from '../graph/numeric.ts';

const sizes = { T: 8, B: 2 };
const options = { fanIn: 3, sizes };

/** The results of both graphs on the same random feeds; the second has other parameters, in the same order. */
function assertSame(graph: Graph, rewritten: Graph): void {
  const feeds = randomFeeds(graph, sizes);
  const again = new Map(rewritten.parameters.map((parameter, k) => [parameter, feeds.get(graph.parameters[k]!)!]));
  const expected = interpret(graph, feeds, sizes);
  interpret(rewritten, again, sizes).forEach((result, k) => {
    assert.deepEqual(result.axes, expected[k]!.axes);
    assertClose(result.data, expected[k]!.data, 1e-12, `result ${k}`);
  });
}

describe('unrolling', () => {
  for (const name of Object.keys(cells) as CellName[]) {
    for (const reverse of [false, true]) {
      it(`${name}${reverse ? ' from the end' : ''}: values and gradients stay, no recurrence is left`, () => {
        const { graph, objective } = cellModel(name, { I: 2, H: 3, reverse });
        const whole = differentiate(graph, objective, graph.parameters).graph;
        const unrolled = unroll(whole, options);
        assertSame(whole, unrolled);
        assert.ok(unrolled.nodes.every((node) => node.operation !== 'recur'));
      });
    }
  }

  it('joins at most fanIn values at once', () => {
    const { graph, layer: one } = cellModel('rnn');
    const unrolled = unroll({ ...graph, results: [one.lines["h'"]!] }, options);
    const widths = unrolled.nodes.filter((node) => node.operation === 'concat').map((node) => node.inputs.length);
    assert.deepEqual(widths, [3, 3, 2, 3]);
  });

  it('stacks only what is read', () => {
    const { graph, layer: one } = cellModel('lstm');
    const recurrence = graph.nodes.filter((node) => node.operation === 'recur');
    const unrolled = unroll({ ...graph, nodes: recurrence, results: [one.final.c!] }, options);
    assert.ok(unrolled.nodes.every((node) => node.operation !== 'concat'));
  });

  it('computes what is the same at each step once', () => {
    const body = new Builder();
    const [x, w, h] = [body.parameter(tensor([B])), body.parameter(tensor([])), body.parameter(tensor([B]))];
    const next = body.plus(body.times(h, body.exp(w)), x);
    const b = new Builder();
    const inputs = [b.parameter(tensor([T, B])), b.parameter(tensor([])), b.parameter(tensor([B]))];
    const outputs = b.recur(inputs, { axis: T, reverse: false, scanned: 1, held: 1, states: 1, body: body.graph([next, next]) });
    const graph = b.graph(outputs);
    const unrolled = unroll(graph, options);
    assertSame(graph, unrolled);
    assert.equal(unrolled.nodes.filter((node) => node.operation === 'exp').length, 1);
  });

  it('unrolls a recurrence within a recurrence', () => {
    const inner = new Builder();
    const [u, k] = [inner.parameter(tensor([B])), inner.parameter(tensor([B]))];
    const innerNext = inner.tanh(inner.plus(u, k));
    const body = new Builder();
    const [x, memory, h] = [body.parameter(tensor([B])), body.parameter(tensor([T, B])), body.parameter(tensor([B]))];
    const attributes = { axis: T, reverse: true, scanned: 1, held: 0, states: 1, body: inner.graph([innerNext]) };
    const [sum] = body.recur([memory, h], attributes);
    const next = body.times(sum!, x);
    const b = new Builder();
    const steps = { name: 'S', size: 4 };
    const inputs = [b.parameter(tensor([steps, B])), b.parameter(tensor([T, B])), b.parameter(tensor([B]))];
    const outputs = b.recur(inputs, { axis: steps, reverse: false, scanned: 1, held: 1, states: 1, body: body.graph([next, next]) });
    const graph = b.graph(outputs);
    assertSame(graph, unroll(graph, options));
  });
});

describe('basic operations', () => {
  const V = { name: 'V', size: 5 };
  type Case = (b: Builder, x: Value, index: Value) => Value;
  const positive = (b: Builder, x: Value): Value => b.binary('less', b.constant(0), x);
  const small = (b: Builder, x: Value): Value => b.binary('less', x, b.constant(0.5));
  const cases: Record<string, Case> = {
    sign: (b, x) => b.unary('sign', x),
    isnan: (b, x) => b.unary('isnan', x),
    or: (b, x) => b.binary('or', b.unary('not', small(b, x)), b.unary('not', positive(b, x))),
    equal: (b, x) => b.binary('equal', small(b, x), positive(b, x)),
    oneHot: (b, _, index) => b.oneHot(index, V),
    logsumexp: (b, x) => b.logsumexp(b.scale(x, 1000), 'V'),
    scatterAdd: (b, x, index) => b.scatterAdd(b.rename(x, 'V', 'W'), index, V),
    gather: (b, x, index) => b.gather(x, index, 'V'),
    argmax: (b, x) => b.argmax(x, 'V'),
    // Signs are often equal: the first of them it is.
    'argmax of equals': (b, x) => b.argmax(b.cast(positive(b, x), 'float'), 'V'),
    reverse: (b, x, index) => b.reverse(x, 'T', b.max(index, ['T'])),
    'reverse of integers': (b, _, index) => b.reverse(index, 'T', b.max(index, ['T'])),
  };
  for (const [name, make] of Object.entries(cases)) {
    it(`writes ${name} out`, () => {
      const b = new Builder();
      const graph = b.graph([make(b, b.parameter(tensor([T, B, V])), b.parameter(tensor([T, B], 'int')))]);
      const rewritten = basicOperations(graph);
      const operation = name.replace(/ .*/, '');
      assert.ok(graph.nodes.some((node) => node.operation === operation));
      if (name !== 'equal') assert.ok(rewritten.nodes.every((node) => node.operation !== operation));
      assertSame(graph, rewritten);
    });
  }

  it('writes them out in bodies', () => {
    const b = new Builder();
    const x = b.parameter(tensor([T, B, { name: 'I', size: 2 }]), 'x');
    const { lines } = layer(b, 'gru', x, 3);
    const objective = b.sum(b.unary('sign', lines["h'"]!));
    const graph = b.graph([objective]);
    assertSame(graph, basicOperations(graph));
  });
});
