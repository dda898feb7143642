import assert from 'node:assert/strict';
import { Builder } from '../../src/graph/builder.ts';
import { check } from '../../src/graph/check.ts';
import { differentiate } from '../../src/graph/differentiate.ts';
import { type AnyNode, type Axis, type Graph, type Node, tensor, type Value } from '../../src/graph/graph.ts';
import { interpret, type NamedArray } from '../../src/graph/interpret.ts';
import { print } from '../../src/graph/print.ts';
import { select } from '../../src/graph/prune.ts';
import { recurParts } from '../../src/graph/recur.ts';
import { type KnownStates, vectorise } from '../../src/graph/vectorise.ts';
import { B, type CellName, cellModel, cells, T } from './cells.ts';
import { assertClose, randomFeeds } from './numeric.ts';

const H: Axis = { name: 'H', size: 3 };
const sizes = { T: 4, B: 2 };

/** h' = tanh(W x + U h), a counter n' = n + 1 that nothing else needs, and a line that only an output needs. */
function small(): { graph: Graph; h: Value; line: Value; last: Value } {
  const b = new Builder();
  const x = b.parameter(tensor([T, B, H]), 'x');
  const u = b.parameter(tensor([H]), 'u');
  const w = b.parameter(tensor([H]), 'w');
  const zero = b.constant(0, [B, H]);
  const body = new Builder();
  const [xt, ut, wt, h, n] = [x, u, w, zero, zero].map((value) =>
    body.parameter(tensor(value.type.axes.filter((axis) => axis !== T)), value.name),
  );
  const next = body.tanh(body.plus(xt!, body.times(ut!, h!)));
  const line = body.exp(body.times(next, wt!));
  const count = body.plus(n!, body.constant(1));
  const attributes = { axis: T, reverse: false, scanned: 1, held: 2, states: 2, body: body.graph([next, line, next, count]) };
  const [hs, lines, last] = b.recur([x, u, w, zero, zero], attributes);
  return { graph: b.graph([hs!, lines!, last!]), h: hs!, line: lines!, last: last! };
}

describe('print', () => {
  it('writes a graph as short text', () => {
    assert.equal(
      print(small().graph),
      `given x: [T, B, H=3], u: [H=3], w: [H=3]
%1: [B, H=3] = constant(value: 0)
%2: [T, B, H=3], %3: [T, B, H=3], %4: [B, H=3], %5: [B, H=3] = recur over T, scanned (x), held (u, w), states (%1, %1)
  given x: [B, H=3], u: [H=3], w: [H=3], %1: [B, H=3], %2: [B, H=3]
  %3: [H=3, B] = mul(u, %1)
  %4: [B, H=3] = add(x, %3)
  %5: [B, H=3] = tanh(%4)
  %6: [B, H=3] = mul(%5, w)
  %7: [B, H=3] = exp(%6)
  %8: [] = constant(value: 1)
  %9: [B, H=3] = add(%2, %8)
  result %5, %7, %5, %9
result %2, %3, %4`,
    );
  });

  it('does not depend on ids', () => {
    assert.equal(print(small().graph), print(small().graph));
  });
});

describe('select', () => {
  it('keeps of a recurrence what the results need', () => {
    const { graph, h } = small();
    assert.equal(
      print(select(graph, [h])),
      `given x: [T, B, H=3], u: [H=3]
%1: [B, H=3] = constant(value: 0)
%2: [T, B, H=3], %3: [B, H=3] = recur over T, scanned (x), held (u), states (%1)
  given x: [B, H=3], u: [H=3], %1: [B, H=3]
  %2: [H=3, B] = mul(u, %1)
  %3: [B, H=3] = add(x, %2)
  %4: [B, H=3] = tanh(%3)
  result %4, %4
result %2`,
    );
  });

  it('changes no value', () => {
    const { graph, line, last } = small();
    const feeds = randomFeeds(graph, sizes);
    const smaller = select(graph, [last, line]);
    assert.deepEqual(check(smaller), []);
    const [, lines, lasts] = interpret(graph, feeds, sizes);
    assert.deepEqual(interpret(smaller, feeds, sizes), [lasts, lines]);
  });
});

describe('check', () => {
  const { graph } = small();
  const [constant, recur] = graph.nodes as [AnyNode, AnyNode];

  it('finds nothing wrong with sound graphs', () => {
    assert.deepEqual(check(graph), []);
    for (const name of Object.keys(cells) as CellName[]) {
      const model = cellModel(name);
      const derivative = differentiate(model.graph, model.objective, [...model.graph.parameters, ...Object.values(model.layer.lines)]);
      assert.deepEqual(check(derivative.graph), [], name);
    }
  });

  it('a value read before it is made', () => {
    assert.match(check({ ...graph, nodes: [recur, constant] }).join('\n'), /^recur reads %\d+: \[B, H=3\], which is not made before it/);
  });

  it('a value made twice', () => {
    assert.match(check({ ...graph, nodes: [constant, constant, recur] }).join('\n'), /is made twice$/);
  });

  it('a result that is not made', () => {
    assert.match(check({ ...graph, nodes: [constant] }).join('\n'), /^the result .* is not made/);
  });

  it('an output of another type than the rule gives', () => {
    const wrong = { ...constant, attributes: { value: 0, type: tensor([B]) } } as AnyNode;
    assert.match(check({ ...graph, nodes: [wrong, recur] }).join('\n'), /^constant gives %\d+: \[B\], not %\d+: \[B, H=3\]$/);
  });

  it('a body that reads what it is not given', () => {
    const { body } = (recur as Node<'recur'>).attributes;
    const open = { ...recur, attributes: { ...recur.attributes, body: { ...body, nodes: body.nodes.slice(1) } } } as AnyNode;
    assert.match(check({ ...graph, nodes: [constant, open] }).join('\n'), /^recur over T: add reads %\d+: \[H=3, B\], which is not made/);
  });
});

describe('vectorise', () => {
  /** The graph in which the states of each recurrence are fed, and the feeds for it, taken from a run with the loop. */
  function withKnownStates(graph: Graph, feeds: ReadonlyMap<Value, NamedArray>, keepAfter: boolean) {
    const recurs = graph.nodes.filter((node) => node.operation === 'recur');
    const known = new Map<AnyNode, KnownStates>();
    const all = new Map(feeds);
    const observed: Graph = {
      ...graph,
      nodes: graph.nodes.map((node) => {
        if (node.operation !== 'recur') return node;
        const { inputs, outputs, body } = recurParts(node);
        const stacks = [...body.before, ...body.after].map((state) => {
          const value = new Builder().parameter(tensor([T, ...state.type.axes], state.type.dtype));
          return value;
        });
        const count = inputs.initial.length;
        known.set(node, { before: stacks.slice(0, count), final: outputs.final, ...(keepAfter ? { after: stacks.slice(count) } : {}) });
        return {
          ...node,
          attributes: {
            ...node.attributes,
            body: { ...node.attributes.body, results: [...body.outputs, ...body.before, ...body.after, ...body.after] },
          },
          outputs: [...outputs.stacked, ...stacks, ...outputs.final],
        };
      }),
    };
    assert.deepEqual(check(observed), []);
    const states = [...known.values()].flatMap(({ before, after, final }) => [...before, ...(after ?? []), ...final]);
    interpret({ ...observed, results: states }, feeds, sizes).forEach((value, k) => {
      all.set(states[k]!, value);
    });
    assert.ok(recurs.length > 0);
    return { graph: vectorise(graph, known), feeds: all };
  }

  for (const name of Object.keys(cells) as CellName[])
    for (const keepAfter of [false, true])
      it(`${name}: lines and gradients are those of the loop${keepAfter ? ', states not computed again' : ''}`, () => {
        const model = cellModel(name, { reverse: keepAfter });
        const lines = [...Object.values(model.layer.lines), model.x];
        const { graph, gradients } = differentiate(model.graph, model.objective, lines);
        const whole = { ...graph, results: [...Object.values(model.layer.lines), ...gradients] };
        const feeds = randomFeeds(whole, sizes);
        const vectorised = withKnownStates(whole, feeds, keepAfter);
        assert.deepEqual(check(vectorised.graph), []);
        const pruned = select(vectorised.graph, vectorised.graph.results);
        assert.ok(pruned.nodes.every((node) => node.operation !== 'recur'));
        const expected = interpret(whole, feeds, sizes);
        interpret(pruned, vectorised.feeds, sizes).forEach((value, k) => {
          assertClose(rearranged(value), rearranged(expected[k]!), 1e-12, `result ${k}`);
        });
      });
});

/** The elements, sorted by the names of the axes. */
function rearranged(array: NamedArray): Float64Array {
  const value = new Builder().parameter(tensor([...array.axes].sort((a, b) => (a.name < b.name ? -1 : 1))));
  return interpret({ parameters: [value], nodes: [], results: [value] }, new Map([[value, array]]))[0]!.data;
}
