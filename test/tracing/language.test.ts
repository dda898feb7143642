import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { buildModel, loadProgram } from '../../src/language/index.ts';
import { openTrace } from '../../src/tracing/trace.ts';
import { initialise } from '../../src/training/initialise.ts';
import { assertClose, chance } from '../graph/numeric.ts';
import { InterpreterEvaluator } from './interpreter.ts';
import { wholeGraph } from './whole.ts';

const steps = 7;

/** The line that makes h of x; `x` has 3 units. */
const layers = [
  'rnn(x, 4, activation: relu)',
  'lstm(x, 4, layers: 2, dropout: 0.2)',
  'peephole_lstm(x, 4)',
  'gru(x, 4)',
  'gru_2014(x, 4)',
  'normed_lstm(x, 4)',
  'bidirectional(gru, x, 2)',
  'residual(lstm, x, layers: 2)',
  'mine(x, 4)',
];

/** What sees the future cannot predict it. */
const target = (layer: string): string => (layer.startsWith('bidirectional') ? 'input' : 'next(input)');

const sourceWith = (layer: string): string => `
cell mine(x: [I], size H) {
  state h: [H]
  param W: [H, I], U: [H, H], b: [H]

  f  = sigmoid(W @ x + U @ h + b)
  n  = tanh(W @ x + U @ (f * h))
  h' = (1 - f) * h + f * n
}

model Small(input: [T] of Char) {
  x      = embed(input, 3)
  h      = ${layer}
  logits = linear(h, Char)
  loss   = cross_entropy(logits, ${target(layer)})
}
`;

describe('a trace of a model written in the language', () => {
  for (const layer of layers)
    it(layer, async () => {
      const path = '/small.rnn';
      const program = await loadProgram(path, (file) => (file === path ? Promise.resolve(sourceWith(layer)) : readFile(file, 'utf8')));
      const model = buildModel(program, { model: 'Small', classes: { Char: 5 } });
      const next = chance(3);
      const text = Int32Array.from({ length: steps + 1 }, () => Math.floor(5 * next()));
      const source = {
        id: 1,
        title: '',
        model,
        weights: initialise(model.weights, 1),
        inputs: { input: text.subarray(0, steps), 'next(input)': text.subarray(1) },
        steps,
        tokens: Array.from(text.subarray(0, steps), String),
        by: 'char' as const,
      };
      const trace = await openTrace(source, new InterpreterEvaluator());
      assert.ok(trace.description.parity < 1e-6, `parity ${trace.description.parity}`);
      const expected = wholeGraph(source);
      for (const { path: instance, lines } of model.instances)
        for (const { name, value } of lines)
          for (const gradient of [false, true]) {
            const [read] = await trace.read({ addresses: [{ instance, line: name }], from: 2, to: 6, gradient });
            const whole = (gradient ? expected.gradients : expected.values).get(value)!;
            const width = whole.length / steps;
            assertClose(read!, whole.subarray(2 * width, 6 * width), 2e-6, `${gradient ? 'gradient of ' : ''}${instance}/${name}`);
          }
    });
}).timeout(30_000);
