import assert from 'node:assert/strict';
import { Builder } from '../../src/graph/builder.ts';
import { check } from '../../src/graph/check.ts';
import { type Graph, type Node, tensor, type Value } from '../../src/graph/graph.ts';
import { interpret } from '../../src/graph/interpret.ts';
import { fixParameters } from '../../src/graph/passes/fix.ts';
import { orderResults } from '../../src/graph/passes/order.ts';
import { foldReversals } from '../../src/graph/passes/reversal.ts';
import { sinkOutputs } from '../../src/graph/passes/sink.ts';
import { select } from '../../src/graph/prune.ts';
import { B, cellModel, layer, T } from '../graph/cells.ts';
import { array, assertClose, randomFeeds } from '../graph/numeric.ts';

const sizes = { T: 5, B: 2 };
const I = { name: 'I', size: 3 };

function assertSame(graph: Graph, rewritten: Graph, feeds = randomFeeds(graph, sizes)): void {
  assert.deepEqual(check(rewritten), []);
  const expected = interpret(graph, feeds, sizes);
  interpret(rewritten, feeds, sizes).forEach((result, k) => {
    assertClose(result.data, expected[k]!.data, 1e-12, `result ${k}`);
  });
}

const loops = (graph: Graph): Node<'recur'>[] => graph.nodes.filter((node) => node.operation === 'recur');

describe('sinking outputs', () => {
  /** h' = tanh(x + h); stacked is line(h', h, x). */
  function loop(line: (b: Builder, values: Record<'next' | 'h' | 'x' | 'w', Value>) => Value): Graph {
    const body = new Builder();
    const [x, w, h] = [body.parameter(tensor([B, I])), body.parameter(tensor([I])), body.parameter(tensor([B, I]))];
    const next = body.tanh(body.plus(x, h));
    const output = line(body, { next, h, x, w });
    const b = new Builder();
    const inputs = [b.parameter(tensor([T, B, I])), b.parameter(tensor([I])), b.parameter(tensor([B, I]))];
    return b.graph(
      b.recur(inputs, { axis: T, reverse: false, scanned: 1, held: 1, states: 1, body: body.graph([output, output, next, next]) }),
    );
  }
  const bodySize = (graph: Graph): number => loops(graph)[0]!.attributes.body.nodes.length;

  it('computes behind the loop what needs the state after the step and the input', () => {
    const graph = loop((b, { next, x, w }) => b.plus(x, b.times(b.exp(next), w)));
    const sunk = sinkOutputs(graph);
    assertSame(graph, sunk);
    assert.equal(bodySize(select(sunk, sunk.results)), 2);
    assert.equal(bodySize(graph), 5);
  });

  it('leaves in the loop what needs the state before the step', () => {
    const graph = loop((b, { next, h }) => b.times(next, h));
    assertSame(graph, sinkOutputs(graph));
    const sunk = sinkOutputs(graph);
    assert.equal(bodySize(select(sunk, sunk.results)), 3);
  });

  it('gives what is the same at each step the axis of the loop', () => {
    const graph = loop((b, { w }) => b.exp(w));
    assertSame(graph, sinkOutputs(graph));
  });
});

describe('fixing parameters', () => {
  it('takes away products with one, in bodies too', () => {
    const b = new Builder();
    const x = b.parameter(tensor([T, B, I]));
    const mask = b.parameter(tensor([T, B, I]));
    const inner = b.parameter(tensor([I]));
    const body = new Builder();
    const [xt, mt, held, h] = [tensor([B, I]), tensor([B, I]), tensor([I]), tensor([B, I])].map((type) => body.parameter(type));
    const next = body.tanh(body.plus(body.times(body.times(xt!, mt!), held!), h!));
    const start = b.parameter(tensor([B, I]));
    const [ys, last] = b.recur([b.times(x, mask), mask, inner, start], {
      axis: T,
      reverse: false,
      scanned: 2,
      held: 1,
      states: 1,
      body: body.graph([next, next]),
    });
    const graph = b.graph([ys!, last!]);
    const fixed = fixParameters(
      graph,
      new Map([
        [mask, 1],
        [inner, 1],
      ]),
    );
    assert.deepEqual(fixed.parameters, [x, start]);
    const feeds = randomFeeds(graph, sizes);
    for (const value of [mask, inner])
      feeds.set(
        value,
        array(value, sizes, () => 1),
      );
    assertSame(graph, fixed, feeds);
    const lean = select(fixed, fixed.results);
    assert.ok(lean.nodes.every(({ operation }) => operation !== 'mul'));
    assert.ok(loops(lean)[0]!.attributes.body.nodes.every(({ operation }) => operation !== 'mul'));
  });

  it('keeps a product that has axes of the one', () => {
    const b = new Builder();
    const [x, mask] = [b.parameter(tensor([I])), b.parameter(tensor([B, I]))];
    const graph = b.graph([b.times(x, mask)]);
    const fixed = fixParameters(graph, new Map([[mask, 1]]));
    assert.deepEqual(
      fixed.results[0]!.type.axes.map(({ name }) => name),
      ['I', 'B'],
    );
  });
});

describe('folding reversals', () => {
  function model(after: (b: Builder, ys: Value) => Value[]): Graph {
    const b = new Builder();
    const x = b.parameter(tensor([T, B, I]), 'x');
    const { lines, final } = layer(b, 'gru', b.reverse(x, 'T'), 4);
    return b.graph([...after(b, lines["h'"]!), final.h!]);
  }
  const folded = (graph: Graph): Graph => {
    const all = foldReversals(select(graph, graph.results));
    return select(all, all.results);
  };

  it('a run over the reversed sequence, reversed, is a run from the end', () => {
    const graph = model((b, ys) => [b.reverse(ys, 'T')]);
    assertSame(graph, folded(graph));
    assert.deepEqual(
      folded(graph).nodes.map((node) => (node.operation === 'recur' ? `recur ${node.attributes.reverse}` : node.operation)),
      ['recur true'],
    );
  });

  it('stays where the output is read as it is', () => {
    const graph = model((b, ys) => [b.reverse(ys, 'T'), ys]);
    assertSame(graph, folded(graph));
    assert.equal(loops(folded(graph))[0]!.attributes.reverse, false);
  });
});

describe('ordering results', () => {
  it('gives results the axes in the order that is asked for', () => {
    const { graph, layer: one } = cellModel('lstm');
    const both = { ...graph, results: [one.lines["h'"]!, one.final.c!] };
    const [H] = one.final.c!.type.axes.filter(({ name }) => name === 'H');
    const ordered = orderResults(both, [
      [H!, B, T],
      [H!, B],
    ]);
    assert.deepEqual(check(ordered), []);
    const feeds = randomFeeds(both, sizes);
    const [h] = interpret(both, feeds, sizes);
    const [turned] = interpret(ordered, feeds, sizes);
    assert.deepEqual(
      turned!.axes.map(({ name }) => name),
      ['H', 'B', 'T'],
    );
    const place = (names: readonly string[], at: Record<string, number>, array: typeof h): number =>
      names.reduce((sum, name) => sum * array!.axes.find((axis) => axis.name === name)!.size + at[name]!, 0);
    const at = { H: 2, B: 1, T: 3 };
    const names = (array: typeof h): string[] => array!.axes.map(({ name }) => name);
    assert.equal(turned!.data[place(names(turned), at, turned)], h!.data[place(names(h), at, h)]);
  });
});
