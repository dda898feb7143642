// Every pass keeps what a graph computes, for the training step of every cell: asked of the interpreter, in double precision.

import assert from 'node:assert/strict';
import { check } from '../../src/graph/check.ts';
import { differentiate } from '../../src/graph/differentiate.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { interpret } from '../../src/graph/interpret.ts';
import { passes } from '../../src/graph/passes/optimise.ts';
import { type CellName, cells } from '../graph/cells.ts';
import { assertClose, assertLowered, feedsFor } from '../onnx/lowered.ts';
import { languageModel, type Shape } from './models.ts';

const sizes = { T: 4, B: 2 };

/** Loss, states after the window, gradients of all weights. */
function stepOf(cell: CellName, shape: Shape): Graph {
  const model = languageModel(cell, shape);
  const weights = model.weights.map(({ value }) => value);
  return differentiate({ ...model.graph, results: [model.loss!, ...model.states.map(({ after }) => after)] }, model.loss!, weights).graph;
}

const cases: readonly [CellName, Shape][] = [
  ...(Object.keys(cells) as CellName[]).map((cell): [CellName, Shape] => [cell, {}]),
  ['lstm', { layers: 2, dropout: 0.2 }],
  ['gru', { layers: 2 }],
];

describe('passes', () => {
  for (const [cell, shape] of cases) {
    it(`keep the step of ${shape.layers ?? 1} x ${cell}`, () => {
      let graph = stepOf(cell, shape);
      const feeds = feedsFor(graph, sizes);
      const expected = interpret(graph, feeds, sizes);
      passes.forEach((pass, k) => {
        graph = pass(graph);
        assert.deepEqual(check(graph), [], `pass ${k}`);
        interpret(graph, feeds, sizes).forEach((result, j) => {
          const axes = expected[j]!.axes.map(({ name }) => name);
          assert.deepEqual(result.axes.map(({ name }) => name).sort(), axes.toSorted(), `pass ${k}, result ${j}`);
          if (result.axes.map(({ name }) => name).join() === axes.join())
            assertClose(result.data, expected[j]!.data, `pass ${k}, result ${j}`, 1e-9);
          else assertClose(sum(result.data), sum(expected[j]!.data), `pass ${k}, result ${j}`, 1e-9);
        });
      });
    });

    it(`and the runtime computes it: ${shape.layers ?? 1} x ${cell}`, async () => {
      await assertLowered(
        passes.reduce((graph, pass) => pass(graph), stepOf(cell, shape)),
        sizes,
      );
    });
  }
});

/** Something that does not depend on the order of the axes. */
const sum = (data: Float64Array): number[] => [data.reduce((a, b) => a + b, 0), data.reduce((a, b) => a + b * b, 0)];
