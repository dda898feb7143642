// Small graphs for the tests of single passes, and their text after the pass.

import assert from 'node:assert/strict';
import { Builder } from '../../src/graph/builder.ts';
import { check } from '../../src/graph/check.ts';
import { type Axis, type Graph, tensor, type Value } from '../../src/graph/graph.ts';
import { interpret } from '../../src/graph/interpret.ts';
import { everywhere, type Place } from '../../src/graph/passes/levels.ts';
import { print } from '../../src/graph/print.ts';
import { select } from '../../src/graph/prune.ts';
import { assertClose, feedsFor } from '../onnx/lowered.ts';

export const axis = (name: string, size: number | string = name): Axis => ({ name, size });
export const [T, B, H, I, V, S] = [axis('T'), axis('B'), axis('H', 3), axis('I', 2), axis('V', 5), axis('S')];
export const sizes = { T: 4, B: 2, S: 3 };

export const inEach = (pass: (place: Place) => Graph) => (graph: Graph) => everywhere(graph, pass);

/** The text after the pass, without parameters and results; the pass must keep what the graph computes. */
export function after(
  pass: (graph: Graph) => Graph,
  build: (b: Builder, float: (name: string, ...axes: Axis[]) => Value) => readonly Value[],
): string {
  const b = new Builder();
  const graph = b.graph(build(b, (name, ...axes) => b.parameter(tensor(axes), name)));
  const passed = pass(graph);
  const lean = select(passed, passed.results);
  assert.deepEqual(check(lean), []);
  const feeds = feedsFor(graph, sizes);
  const expected = interpret(graph, feeds, sizes);
  interpret(lean, feeds, sizes).forEach((result, k) => {
    assertClose([...result.data].sort(), [...expected[k]!.data].sort(), `result ${k}`, 1e-12);
  });
  return print(lean)
    .split('\n')
    .filter((line) => !/^(given|result)/.test(line))
    .join('\n');
}

/** A recurrence over T of one state [B, H], over x [T, B, I] with what it holds. */
export function loop(
  b: Builder,
  given: { readonly scanned: readonly Value[]; readonly held: readonly Value[]; readonly state: Value },
  step: (body: Builder, parameters: readonly Value[], state: Value) => { readonly next: Value; readonly outputs?: readonly Value[] },
): readonly Value[] {
  const body = new Builder();
  const parameters = [
    ...given.scanned.map((value) => body.parameter(tensor(value.type.axes.filter(({ name }) => name !== 'T')), value.name)),
    ...given.held.map((value) => body.parameter(value.type, value.name)),
  ];
  const state = body.parameter(given.state.type, given.state.name);
  const { next, outputs = [next] } = step(body, parameters, state);
  return b.recur([...given.scanned, ...given.held, given.state], {
    axis: T,
    reverse: false,
    scanned: given.scanned.length,
    held: given.held.length,
    states: 1,
    body: body.graph([...outputs, next]),
  });
}
