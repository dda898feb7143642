// Recurrences found in graphs that have none: rolled up again, and each stepped by the runtime beside the unrolled model itself.

import assert from 'node:assert/strict';
import { relativeDifference } from '../../src/foreign/replay.ts';
import { ForeignSession, LARGE } from '../../src/foreign/session.ts';
import { findUnrolled } from '../../src/foreign/unrolled/find-unrolled.ts';
import { encodeModel, type ModelProto } from '../../src/onnx/proto.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { FlatGraph, generator, type UnrolledSettings, unrolledCase } from './random-unrolled.ts';
import { replayed } from './replayed.ts';
import { steppedDifference } from './stepping.ts';

const runtime = createRuntime();
const found = ({ graph }: ModelProto) => findUnrolled({ graph });

const sorted = (list: readonly { readonly states: number; readonly direction: string }[]): string[] =>
  list.map(({ states, direction }) => `${states} ${direction}`).sort();

async function check(seed: number, settings: Partial<UnrolledSettings> = {}): Promise<void> {
  const { title, model, feeds, steps, expected } = unrolledCase(seed, settings);
  const recurrences = found(model);
  assert.deepEqual(
    recurrences.map((each) => each.steps),
    expected.map(() => steps),
    title,
  );
  const kinds = recurrences.map(({ body, direction }) => ({ states: body.states.length, direction }));
  assert.deepEqual(sorted(kinds), sorted(expected), title);
  for (const each of recurrences) {
    const { worst, compared } = await steppedDifference(runtime, model, each, feeds);
    assert.ok(worst <= 1e-6, `${title}: apart by ${worst}`);
    assert.ok(compared >= steps * each.body.states.length, title);
  }
}

/** A graph of layers, each made by `layer` of what is before it. */
function stack(layers: number, layer: (graph: FlatGraph, x: string, k: number) => string, dims: readonly number[] = [2, 4]): ModelProto {
  const graph = new FlatGraph(generator(9));
  let x = graph.input(dims).name;
  for (let k = 0; k < layers; k += 1) x = layer(graph, x, k);
  graph.output(x);
  return graph.model();
}

const square = (graph: FlatGraph, x: string): string =>
  graph.node('Add', [graph.node('MatMul', [x, graph.numbers([4, 4])]), graph.numbers([4])]);

describe('unrolled recurrences', () => {
  it('400 forms of them are rolled up, and step as the unrolled model does', async function () {
    this.timeout(120_000);
    for (let seed = 0; seed < 400; seed += 1) await check(seed);
  });

  it('become parts whose replay equals what the model computed', async function () {
    this.timeout(120_000);
    for (let seed = 1000; seed < 1080; seed += 1) {
      const { title, model, feeds, steps, expected } = unrolledCase(seed, { kind: (['rnn', 'lstm', 'gru', 'own'] as const)[seed % 4]! });
      const { parts, refused } = await replayed(model, feeds);
      assert.deepEqual(refused, [], title);
      assert.equal(parts.length, expected.length, title);
      for (const { part, bound, parity, compared } of parts) {
        assert.equal(part.form, 'unrolled');
        // Two steps, of which the first was simplified, can be written in more than one way.
        if (steps > 2) assert.equal(part.kind, ['rnn', 'lstm', 'gru', 'cell'][seed % 4], title);
        assert.deepEqual(bound.lengths, [steps, steps], title);
        assert.ok(parity !== undefined && parity <= 2e-6, `${title}: apart by ${parity}`);
        assert.ok(compared.filter((line) => line.endsWith("'")).length >= bound.runs[0]!.cell.states.length, title);
      }
    }
  });

  it('of many nodes are opened without optimisations, which changes nothing of what comes out', async function () {
    this.timeout(120_000);
    const { model, feeds, expected } = unrolledCase(5, { kind: 'lstm', steps: 700, layers: 1, directions: ['forward'], start: 'zeros' });
    assert.ok(model.graph.node.length > LARGE);
    const session = new ForeignSession(runtime, model);
    try {
      const said: string[] = [];
      await session.open({ say: (text) => said.push(text) });
      assert.deepEqual(said, [
        `${model.graph.node.length.toLocaleString('en-US')} nodes are opened by the runtime, without its optimisations: they would take even longer`,
      ]);
      const { outputs, ran } = await session.run(feeds);
      assert.equal(ran.length, expected.length);
      const optimised = await runtime.open(encodeModel(model), { device: 'cpu' });
      const own = await optimised.compute(feeds);
      await optimised.release();
      for (const [name, { data }] of Object.entries(own))
        assert.ok(relativeDifference(outputs[name]!.data as Float32Array, data as Float32Array) <= 1e-6, name);
    } finally {
      await session.release();
    }
  });

  it('of two steps, of which the first was simplified', async () => {
    for (const kind of ['rnn', 'lstm', 'gru', 'own', 'attention'] as const)
      for (const start of ['folded', 'eliminated'] as const)
        for (const affine of ['Gemm', 'MatMul'] as const) await check(1, { kind, start, affine, steps: 2, layers: 1 });
  });

  it('whose names and nodes say which repetition is which', () => {
    const { model, steps } = unrolledCase(3, {
      kind: 'lstm',
      start: 'folded',
      affine: 'Gemm',
      layers: 1,
      directions: ['forward'],
      steps: 5,
    });
    const [recurrence] = found(model);
    const { body, names, nodes } = recurrence!;
    const producer = new Map(model.graph.node.flatMap((node) => node.output.map((name) => [name, node])));
    assert.equal(nodes.length, steps);
    nodes.forEach((step, t) => {
      step.forEach((node, k) => {
        const { output, op_type } = body.nodes[k]!;
        // The product with the zero state is gone from the first step.
        if (node === undefined) assert.deepEqual([t, op_type], [0, 'Gemm']);
        output.forEach((name, j) => {
          const own = names.get(name)![t];
          if (node !== undefined && own !== undefined) assert.equal(producer.get(own), node, `${op_type}, result ${j} of step ${t}`);
        });
      });
    });
    const known = nodes.flat().filter((node) => node !== undefined);
    assert.equal(new Set(known).size, known.length);
    for (const { before, after } of body.states) assert.deepEqual(names.get(before)!.slice(1), names.get(after)!.slice(0, -1));
    // Of h's zeros nothing is left, of c's there is.
    const started = body.states.filter(({ before }) => names.get(before)![0] !== undefined);
    assert.equal(started.length, 1);
  });

  it('of 67,000 nodes', () => {
    const { model, expected, steps } = unrolledCase(7, {
      kind: 'lstm',
      steps: 1000,
      layers: 4,
      interleaved: true,
      directions: ['forward'],
      start: 'folded',
      slices: 'slice',
      affine: 'MatMul',
      readout: true,
      result: 'stack',
      shuffled: false,
    });
    assert.ok(model.graph.node.length > 60_000);
    const recurrences = found(model);
    assert.deepEqual(
      recurrences.map((each) => [each.steps, each.body.states.length, each.names.get(each.body.states[0]!.after)!.length]),
      expected.map(() => [steps, 2, steps]),
    );
  });

  it('that start where another one ends are two, and a cell that runs twice is two', async () => {
    for (const isShared of [false, true]) {
      const graph = new FlatGraph(generator(6));
      const [a, b] = [graph.input([2, 5, 3]), graph.input([2, 7, 3])];
      const weights = () => [graph.numbers([3, 4]), graph.numbers([4]), graph.numbers([4, 4]), graph.numbers([4])] as const;
      const start = graph.numbers([2, 4], new Array<number>(8).fill(0));
      const run = (x: string, steps: number, from: string, [W, c, U, d]: ReturnType<typeof weights>): string => {
        let h = from;
        for (let step = 0; step < steps; step += 1) {
          const own = graph.node('Gemm', [graph.node('Gather', [x, graph.integers([step], true)], { axis: 1 }), W, c]);
          h = graph.node('Tanh', [graph.node('Add', [own, graph.node('Gemm', [h, U, d])])]);
        }
        return h;
      };
      const first = weights();
      const end = run(a.name, 5, start, first);
      graph.output(run(b.name, 7, isShared ? start : end, isShared ? first : weights()));
      graph.output(end);
      const model = graph.model();
      const recurrences = found(model);
      assert.deepEqual(recurrences.map(({ steps }) => steps).sort(), [5, 7]);
      for (const each of recurrences) {
        assert.equal(each.body.states.length, 1);
        const { worst } = await steppedDifference(runtime, model, each, { [a.name]: a.tensor, [b.name]: b.tensor });
        assert.ok(worst <= 1e-6);
      }
    }
  });

  it('that choose have their choices as inputs', async () => {
    const graph = new FlatGraph(generator(8));
    const { name, tensor } = graph.input([2, 4]);
    const [table, W, U, b, V] = [
      graph.numbers([6, 3]),
      graph.numbers([3, 4]),
      graph.numbers([4, 4]),
      graph.numbers([4]),
      graph.numbers([4, 6]),
    ];
    let h = name;
    let word = graph.node('ArgMax', [graph.node('MatMul', [h, V])], { axis: 1, keepdims: 0 });
    for (let step = 0; step < 6; step += 1) {
      const x = graph.node('MatMul', [graph.node('Gather', [table, word]), W]);
      h = graph.node('Tanh', [graph.node('Add', [x, graph.node('Gemm', [h, U, b])])]);
      const scores = graph.node('MatMul', [h, V]);
      graph.output(scores);
      word = graph.node('ArgMax', [scores], { axis: 1, keepdims: 0 });
    }
    graph.output(word);
    const { parts, refused } = await replayed(graph.model(), { [name]: tensor });
    assert.deepEqual(refused, []);
    const [{ part, bound, parity }] = parts as [(typeof parts)[number]];
    assert.equal(part.kind, 'rnn');
    assert.equal(bound.runs[0]!.cell.states.length, 1);
    assert.ok(bound.lengths[0]! >= 5);
    assert.ok(parity !== undefined && parity <= 2e-6);
  });

  describe('are none', () => {
    const none = (model: ModelProto): void => assert.deepEqual(found(model), []);

    it('in one step', () => {
      for (const kind of ['rnn', 'lstm', 'gru', 'own', 'attention'] as const)
        for (const start of ['given', 'zeros', 'folded'] as const) none(unrolledCase(1, { kind, start, steps: 1, layers: 1 }).model);
    });

    it('in layers with weights of their own', () => {
      none(stack(6, (graph, x) => graph.node('Tanh', [square(graph, x)])));
      none(stack(6, (graph, x) => graph.node('Add', [x, graph.node('Relu', [square(graph, x)])])));
    });

    it('in layers with weights of their own and scalars in common', () => {
      let half = '';
      none(
        stack(8, (graph, x) => {
          if (half === '') half = graph.numbers([], [0.5]);
          const [q, k, v] = [square(graph, x), square(graph, x), square(graph, x)];
          const weights = graph.node('Softmax', [graph.node('Mul', [graph.node('MatMul', [q, graph.node('Transpose', [k])]), half])]);
          const own = graph.node('Add', [x, graph.node('MatMul', [weights, v])]);
          return graph.node('LayerNormalization', [own, graph.numbers([4]), graph.numbers([4])], { axis: -1 });
        }),
      );
    });

    it('in convolutions, sums and chains of activations', () => {
      none(
        stack(
          5,
          (graph, x) => graph.node('Relu', [graph.node('Conv', [x, graph.numbers([3, 3, 3]), graph.numbers([3])], { pads: [1, 1] })]),
          [1, 3, 8],
        ),
      );
      none(stack(9, (graph, x) => graph.node('Add', [x, graph.numbers([4])])));
      none(stack(9, (graph, x) => graph.node('Sigmoid', [graph.node('Tanh', [x])])));
    });

    it('where a step reads what all earlier ones computed', () => {
      const graph = new FlatGraph(generator(4));
      const x = graph.input([2, 4]).name;
      const [W, U, axis] = [graph.numbers([4, 4]), graph.numbers([4, 4]), graph.integers([1])];
      const memory: string[] = [];
      let h = x;
      for (let step = 0; step < 6; step += 1) {
        memory.push(graph.node('Unsqueeze', [h, axis]));
        const mean = graph.node('ReduceMean', [graph.node('Concat', memory, { axis: 1 }), axis], { keepdims: 0 });
        h = graph.node('Tanh', [graph.node('Add', [graph.node('MatMul', [h, W]), graph.node('MatMul', [mean, U])])]);
      }
      graph.output(h);
      none(graph.model());
    });
  });

  it('in depth are said to be so', async () => {
    const graph = new FlatGraph(generator(5));
    const { name, tensor } = graph.input([2, 4]);
    const [W, V] = [graph.numbers([4, 6]), graph.numbers([6, 4])];
    let x = name;
    for (let layer = 0; layer < 5; layer += 1) {
      const inner = graph.node('Relu', [graph.node('MatMul', [x, W])]);
      x = graph.node('Add', [x, graph.node('MatMul', [inner, V])]);
    }
    graph.output(x);
    const model = graph.model();
    const [recurrence, ...others] = found(model);
    assert.deepEqual([recurrence!.axis, recurrence!.steps, others.length], ['depth', 5, 0]);
    assert.ok((await steppedDifference(runtime, model, recurrence!, { [name]: tensor })).worst <= 1e-6);
  });
});
