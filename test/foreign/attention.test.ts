// Attention of models of others: found where something is weighed, replayed to the weights that the untouched model gives.

import assert from 'node:assert/strict';
import { findParts } from '../../src/foreign/find.ts';
import { outputGradient } from '../../src/foreign/gradient.ts';
import { Evaluators, ForeignSession, groupsOf, replayGroup } from '../../src/foreign/session.ts';
import { portsOf } from '../../src/foreign/streaming/ports.ts';
import { parseRule } from '../../src/foreign/streaming/rule.ts';
import type { ModelProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { attendingScan, byHeads, classifier, lookingBack, type Making, sizes, type Weighing } from './attention-models.ts';
import { graphOf, modelOf, node } from './models.ts';
import { generator } from './random-operators.ts';
import { unrolledCase } from './random-unrolled.ts';

const runtime = createRuntime();
const { batch: B, source: S, target: T, input: I, hidden: H } = sizes;

const random = (seed: number, dims: readonly number[]): Tensor => {
  const next = generator(seed);
  return { type: 'float32', dims, data: Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => next() * 2 - 1) };
};

interface Lines {
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** `part/line` over all sequences, [T, B, ...]. */
  readonly lines: ReadonlyMap<string, { readonly steps: number; readonly items: number; readonly data: Float32Array }>;
  readonly parity: ReadonlyMap<string, number | undefined>;
  readonly idle: readonly string[];
  readonly text: string;
}

async function linesOf(model: ModelProto, feeds: Readonly<Record<string, Tensor>>): Promise<Lines> {
  const session = new ForeignSession(runtime, model);
  const evaluators = new Evaluators(runtime);
  try {
    const { outputs, ran, idle } = await session.run(feeds);
    const lines = new Map<string, { steps: number; items: number; data: Float32Array }>();
    const parity = new Map<string, number | undefined>();
    const texts: string[] = [];
    for (const group of groupsOf(ran)) {
      const replayed = await replayGroup(evaluators, group, { id: 0, title: '', model: 'One', file: 'one.onnx', uri: '/one.rnn' });
      for (const { part, value } of replayed.parity) parity.set(part, value);
      for (const { path, lines: all } of replayed.trace.description.instances)
        for (const { name } of path === '' ? [] : all) {
          const [data] = await replayed.trace.read({ addresses: [{ instance: path, line: name }], from: 0, to: group.steps });
          lines.set(`${path}/${name}`, { steps: group.steps, items: group.items.length, data: data! });
        }
      texts.push(replayed.source.text);
      await replayed.trace.close();
    }
    return { outputs, lines, parity, idle: idle.map(({ part, why }) => `${part.name}: ${why}`), text: texts.join('\n') };
  } finally {
    await session.release();
    await evaluators.close();
  }
}

/** The largest difference of a line [T, B, N] to one head of an output [B, heads, T, N]. */
function difference({ lines, text }: Lines, name: string, output: Tensor, heads = 1, head = 0): number {
  const line = lines.get(name);
  assert.ok(line !== undefined, `no ${name} in\n${text}`);
  const { steps, items, data } = line;
  const width = data.length / steps / items;
  assert.equal(output.data.length, data.length * heads, name);
  let most = 0;
  for (let t = 0; t < steps; t += 1)
    for (let b = 0; b < items; b += 1)
      for (let k = 0; k < width; k += 1) {
        const own = (output.data as Float32Array)[((b * heads + head) * steps + t) * width + k]!;
        most = Math.max(most, Math.abs(own - data[(t * items + b) * width + k]!));
      }
  return most;
}

describe('attention', () => {
  const makings: readonly Making[] = ['softmax', 'spelled out', 'exp', 'masked', 'added'];
  const weighings: readonly Weighing[] = ['matmul', 'turned', 'einsum', 'sum'];
  for (const making of makings)
    for (const weighing of making === 'softmax' || making === 'masked' ? weighings : weighings.slice(0, 1))
      it(`over a whole sequence, ${making}, weighed by ${weighing}, is the runtime's`, async () => {
        const model = lookingBack(weighing, making);
        const { parts, attention, refused } = findParts(model);
        assert.deepEqual(refused, []);
        assert.deepEqual(
          parts.map(({ name }) => name),
          ['encoder', 'decoder'],
        );
        assert.deepEqual(
          attention.map(({ name, weighing: found }) => [name, found?.value]),
          [['attention', 'weights']],
        );
        const found = await linesOf(model, { source: random(1, [S, B, I]), target: random(2, [T, B, I]) });
        assert.deepEqual(found.idle, []);
        const { weights, context } = found.outputs;
        assert.deepEqual(weights!.dims, [B, T, S]);
        assert.ok(difference(found, 'attention/weights', weights!) < 1e-6);
        assert.ok(difference(found, "attention/context'", context!) < 1e-5);
        const parity = found.parity.get('attention');
        assert.ok(parity !== undefined && parity < 1e-5, String(parity));
      });

  it('has the gradient of an output: at the context, and of the weights', async () => {
    const model = lookingBack();
    const feeds = { source: random(1, [S, B, I]), target: random(2, [T, B, I]) };
    const session = new ForeignSession(runtime, model);
    const evaluators = new Evaluators(runtime);
    try {
      const { outputs, ran } = await session.run(feeds);
      // d classes[1, 2, 3] / d context = p_3 (delta - p) at [1, 2].
      const classes = outputs.classes!.data as Float32Array;
      const [item, step, chosen] = [1, 2, 3];
      const at = (item * T + step) * H;
      const cotangent: Tensor = { ...outputs.classes!, data: new Float32Array(classes.length) };
      (cotangent.data as Float32Array)[at + chosen] = 1;
      const back = await outputGradient(runtime, {
        model,
        calls: [feeds],
        ran,
        output: 'classes',
        cotangents: [cotangent],
        wanted: [],
      });
      const p = classes.subarray(at, at + H);
      const expected = p.map((each, k) => p[chosen]! * ((k === chosen ? 1 : 0) - each));
      const group = groupsOf(ran).find(({ parts }) => parts.some(({ part }) => part.name === 'attention'))!;
      const request = { id: 0, title: '', model: 'One', file: 'one.onnx', uri: '/one.rnn', cotangents: back.of };
      const { trace } = await replayGroup(evaluators, group, request);
      const addresses = ["context'", 'weights'].map((line) => ({ instance: 'attention', line }));
      const [context, weights] = await trace.read({ addresses, from: step, to: step + 1, gradient: true });
      await trace.close();
      const { values } = group.parts.find(({ part }) => part.name === 'attention')!.bound.runs[0]!.sequence(item).inputs;
      for (let k = 0; k < H; k += 1) assert.ok(Math.abs(context![item * H + k]! - expected[k]!) < 1e-6);
      for (let place = 0; place < S; place += 1) {
        const own = expected.reduce((sum, each, k) => sum + each * values![place * H + k]!, 0);
        assert.ok(Math.abs(weights![item * S + place]! - own) < 1e-6);
      }
      assert.ok(weights!.subarray(0, S).every((each) => each === 0));
    } finally {
      await session.release();
      await evaluators.close();
    }
  });

  it('by heads has a line for each head, also where nothing is recurrent', async () => {
    const model = byHeads();
    const { parts, attention } = findParts(model);
    assert.deepEqual(parts, []);
    assert.deepEqual(
      attention.map(({ name }) => name),
      ['layer_0_attn'],
    );
    const found = await linesOf(model, { x: random(3, [B, T, I]) });
    assert.deepEqual(found.idle, []);
    for (const head of [0, 1]) {
      assert.ok(difference(found, `layer_0_attn/weights_${head}`, found.outputs.weights!, 2, head) < 1e-6);
      assert.ok(difference(found, `layer_0_attn/context_${head}'`, found.outputs.context!, 2, head) < 1e-5);
    }
  });

  it('at each step of a loop is a line of its cell, and marked', async () => {
    const model = attendingScan();
    const { parts, attention, refused } = findParts(model);
    assert.deepEqual([attention.length, refused.length], [0, 0]);
    assert.deepEqual(
      parts.map(({ name, attention: lines }) => [name, lines]),
      [['decoder', ['look']]],
    );
    const found = await linesOf(model, { x: random(4, [T, B, I]), source: random(5, [B, S, H]), start: random(6, [B, H]) });
    const { looks } = found.outputs;
    const line = found.lines.get('decoder/look');
    assert.ok(line !== undefined, found.text);
    assert.deepEqual([line.steps, line.items, line.data.length], [T, B, T * B * S]);
    const apart = line.data.reduce((most, each, k) => Math.max(most, Math.abs(each - (looks!.data as Float32Array)[k]!)), 0);
    assert.ok(apart < 1e-5, String(apart));
  });

  it('at each step of what was unrolled is a line of its cell, and no part of its own', () => {
    for (let seed = 0; seed < 12; seed += 1) {
      const given = unrolledCase(seed, { kind: 'attention' });
      const { parts, attention, refused } = findParts(given.model);
      assert.deepEqual([attention.length, refused.length], [0, 0], given.title);
      for (const { attention: lines, values } of parts) assert.equal(lines?.length, 1, `${given.title}\n${values.join(' ')}`);
    }
  });

  it('of a model that is called once a step has the values of each call', async () => {
    // One query a call, over a memory that each call brings.
    const nodes = [
      node('MatMul', ['q', 'W'], ['query']),
      node('MatMul', ['query', 'keys'], ['scores']),
      node('Softmax', ['scores'], ['weights'], [attribute('axis', -1)]),
      node('Transpose', ['keys'], ['memory'], [attribute('perm', [0, 2, 1])]),
      node('MatMul', ['weights', 'memory'], ['context']),
      node('Add', ['context', 'state'], ['next']),
    ];
    const W = random(8, [H, H]);
    const model = modelOf(
      graphOf(nodes, {
        initializer: [tensorProto('float32', [H, H], W.data as Float32Array, 'W')],
        input: [valueInfo('q', 'float32', [1, 1, H]), valueInfo('keys', 'float32', [1, H, S]), valueInfo('state', 'float32', [1, 1, H])],
        output: [
          valueInfo('weights', 'float32', [1, 1, S]),
          valueInfo('context', 'float32', [1, 1, H]),
          valueInfo('next', 'float32', [1, 1, H]),
        ],
      }),
    );
    const session = new ForeignSession(runtime, model);
    const evaluators = new Evaluators(runtime);
    try {
      const rule = {
        frames: [{ input: 'q' }, { input: 'keys' }],
        state: [{ input: 'state', output: 'next', initial: 'zeros' as const }],
        constants: {},
      };
      const frames = {
        q: { dims: [T, 1, 1, H], data: Array.from(random(9, [T, H]).data as Float32Array) },
        keys: { dims: [T, 1, H, S], data: Array.from(random(10, [T, H, S]).data as Float32Array) },
      };
      const { ran, idle, outputs } = await session.stream(parseRule(rule), frames, { ...portsOf(model.graph), sizes: {} });
      assert.deepEqual(idle, []);
      const [group] = groupsOf(ran);
      assert.equal(group!.steps, T);
      const { trace, parity } = await replayGroup(evaluators, group!, {
        id: 0,
        title: '',
        model: 'One',
        file: 'one.onnx',
        uri: '/one.rnn',
      });
      const [found] = await trace.read({ addresses: [{ instance: 'attention', line: 'weights' }], from: 0, to: T });
      await trace.close();
      assert.ok((parity[0]!.value ?? 1) < 1e-5);
      const said = outputs.weights!.data as Float32Array;
      assert.equal(said.length, found!.length);
      found!.forEach((each, k) => {
        assert.ok(Math.abs(each - said[k]!) < 1e-6);
      });
    } finally {
      await session.release();
      await evaluators.close();
    }
  });

  it('is none where classes are told, or something is looked up in a table', () => {
    const { parts, attention } = findParts(classifier());
    assert.equal(parts.length, 1);
    assert.deepEqual(attention, []);
    assert.equal(parts[0]!.attention, undefined);
  });
});
