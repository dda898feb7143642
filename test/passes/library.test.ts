// The step of the library's cells, from their text: what the runtime computes after all passes is what the interpreter computes before them.

import { readFile } from 'node:fs/promises';
import { differentiate } from '../../src/graph/differentiate.ts';
import { interpret } from '../../src/graph/interpret.ts';
import { select } from '../../src/graph/prune.ts';
import { buildModel, loadProgram } from '../../src/language/index.ts';
import { gradientGraph } from '../../src/training/step.ts';
import { assertClose, feedsFor, runLowered } from '../onnx/lowered.ts';

const calls = [
  'rnn(x, 4)',
  'rnn(x, 4, activation: relu)',
  'irnn(x, 4)',
  'lstm(x, 4)',
  'peephole_lstm(x, 4)',
  'gru(x, 4)',
  'gru_2014(x, 4)',
  'normed_lstm(x, 4)',
  'lstm(x, 4, layers: 2, dropout: 0.3)',
  'bidirectional(gru, x, 4)',
  'residual(lstm, x)',
  'residual(gru, x, layers: 2)',
  'two_states(x, 4)',
];

/** A cell whose value is joined of two states, and is read as such. */
const cells = `
cell two_states(x: [I], size H) {
  fast = gru(x, H)
  slow = gru(fast, H)
  both = [fast; slow]
}
`;
const sizes = { T: 4, B: 3 };

describe('the optimised step of', () => {
  for (const call of calls) {
    it(call, async () => {
      const model = await modelWith(call);
      const { graph } = gradientGraph(model);
      const feeds = feedsFor(model.graph, sizes);
      const losses = model.losses!;
      const weights = model.weights.map(({ value }) => value);
      const plain = differentiate(select(model.graph, [model.loss!, losses.counted]), model.loss!, weights);
      const [loss, counted, ...gradients] = interpret(plain.graph, feeds, sizes);
      const count = counted!.data.reduce((sum, each) => sum + each, 0);

      const [sum, total, ...rest] = await runLowered(graph, feeds);
      const actual = rest.slice(model.states.length);
      assertClose([Number(total!.data[0]), Number(sum!.data[0]) / count], [count, loss!.data[0]!], 'count and loss');
      const expected = gradients.flatMap((gradient, k) => [
        ...ordered(
          gradient,
          weights[k]!.type.axes.map(({ name }) => name),
        ),
      ]);
      const means = actual.flatMap(({ data }) => Array.from(data as Float32Array, (each) => each / count));
      assertClose(means, expected, 'the gradient', 1e-5);
    });
  }
});

async function modelWith(call: string) {
  const text = `use std 1
${cells}
model M(input: [T] of Char) {
  x      = embed(input, 3)
  h      = ${call}
  logits = linear(h, Char)
  loss   = cross_entropy(logits, ${call.startsWith('bidirectional') ? 'input' : 'next(input)'})
}
`;
  const program = await loadProgram('/m.rnn', (file) => (file === '/m.rnn' ? Promise.resolve(text) : readFile(file, 'utf8')));
  return buildModel(program, { model: 'M', classes: { Char: 5 } });
}

/** A matrix or vector with its axes in this order. */
function ordered({ axes, data }: ReturnType<typeof interpret>[number], names: readonly string[]): Float64Array {
  if (axes.every(({ name }, k) => name === names[k])) return data;
  const [rows, columns] = axes.map(({ size }) => size) as [number, number];
  return Float64Array.from({ length: data.length }, (_, k) => data[(k % rows) * columns + Math.floor(k / rows)]!);
}
