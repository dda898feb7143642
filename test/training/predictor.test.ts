import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { sampler } from '../../src/engine/generating.ts';
import { interpret } from '../../src/graph/interpret.ts';
import type { Model } from '../../src/graph/model.ts';
import { select } from '../../src/graph/prune.ts';
import { buildModel, loadProgram } from '../../src/language/index.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { initialise } from '../../src/training/initialise.ts';
import { openPredictor, readBeside } from '../../src/training/predictor.ts';
import { samples } from '../language/samples.ts';

async function modelOf(loss: string): Promise<Model> {
  const text = `model M(input: [T] of Char) {
  x      = embed(input, 3)
  h      = lstm(x, 4, layers: 2, dropout: 0.5)
  s      = warm(h, 4)
  logits = linear(s, Char)
  loss   = ${loss}
}

cell warm(x: [I], size H) {
  state h: [H] = 0.5
  param W: [H, I], U: [H, H]

  h' = tanh(W @ x + U @ h)
}
`;
  const program = await loadProgram('m.rnn', async (path) => (path === 'm.rnn' ? text : readFile(path, 'utf8')));
  return buildModel(program, { model: 'M', classes: { Char: 5 } });
}

describe('predictor', () => {
  it('reads step by step what the model computes over the whole, without dropout', async () => {
    const model = await modelOf('cross_entropy(logits, next(input))');
    const weights = initialise(model.weights, 1);
    const ids = [3, 1, 4, 1, 0, 2];
    const logits = model.prediction!.logits;
    const graph = select(model.graph, [logits]);
    const feeds = new Map(
      graph.parameters.map((value) => {
        const dims = value.type.axes.map(({ name, size }) => (typeof size === 'number' ? size : name === 'B' ? 1 : ids.length));
        const state = model.states.find(({ before }) => before === value);
        const data =
          value === model.inputs[0]!.value
            ? ids
            : new Array(dims.reduce((a, b) => a * b, 1)).fill(state === undefined ? 1 : (state.initial ?? 0));
        const weight = weights.get(model.weights.find((each) => each.value === value)?.name ?? '');
        return [
          value,
          { axes: value.type.axes.map(({ name }, k) => ({ name, size: dims[k]! })), data: Float64Array.from(weight?.data ?? data) },
        ];
      }),
    );
    const [whole] = interpret(graph, feeds, { T: ids.length, B: 1 });
    const expected = whole!.data;
    assert.deepEqual(
      logits.type.axes.map(({ size }) => size),
      ['T', 'B', 5],
    );

    const predictor = await openPredictor(model, weights, createRuntime());
    const first = await predictor.read(Int32Array.from(ids.slice(0, 3)));
    const rest = [];
    for (const id of ids.slice(3)) rest.push(await predictor.read(Int32Array.of(id)));
    await predictor.close();
    for (const [t, scores] of [[2, first], ...rest.map((each, k) => [3 + k, each])] as [number, Float32Array][])
      scores.forEach((score, k) => {
        assert.ok(Math.abs(score - expected[5 * t + k]!) < 1e-5, `t ${t}: ${score} is not ${expected[5 * t + k]}`);
      });
  });

  it('is refused for a model that predicts nothing of its own', async () => {
    const model = await modelOf('cross_entropy(logits, input)');
    await assert.rejects(
      openPredictor(model, initialise(model.weights, 1), createRuntime()),
      /^RunError: M does not predict its own input/,
    );
  });

  it('is refused for a model that reads more than what it predicts, which writes no samples either', async () => {
    const program = await loadProgram('m.rnn', async (path) => (path === 'm.rnn' ? samples.looking : readFile(path, 'utf8')));
    const model = buildModel(program, { model: 'Translate', classes: { English: 5, French: 4 } });
    assert.deepEqual(readBeside(model, { input: model.prediction!.input, line: model.prediction!.logits }), ['source']);
    await assert.rejects(
      openPredictor(model, initialise(model.weights, 1), createRuntime()),
      /^RunError: Translate reads source beside target, and to generate from a source of its own is not possible yet/,
    );
    const vocabularies = { French: { by: 'char', lower: false, tokens: ['a', 'b', 'c', 'd'] } } as const;
    assert.equal(sampler(model, { vocabularies, scales: {}, sizes: {}, ragged: [] }, undefined, createRuntime), undefined);
  });
});
