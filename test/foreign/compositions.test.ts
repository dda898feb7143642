// Several operators: values that are used twice, wanted ones on the path, types, and what is missing on one of two paths.

import assert from 'node:assert/strict';
import { backward } from '../../src/foreign/gradients/backward.ts';
import { encodeModel, type ModelProto, type NodeProto } from '../../src/onnx/proto.ts';
import { tensorProto } from '../../src/onnx/write.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { halfBits } from '../../src/shared/half.ts';
import { check, f, given, i, instrumented, modelOf, node, positive, w } from './differences.ts';

const never = (): boolean => false;

describe('gradients of compositions', () => {
  it('add up where a value is used twice', async () => {
    await check('residual', {
      nodes: [
        node('MatMul', ['x', 'w'], ['a']),
        node('Tanh', ['a'], ['b']),
        node('Add', ['b', 'x'], ['c']),
        node('Mul', ['c', 'c'], ['d']),
        node('Mul', ['d', 'x'], ['y']),
      ],
      inputs: { x: f(2, 3), w: f(3, 3) },
      outputs: ['y'],
      wanted: ['x', 'w', 'a', 'b', 'c', 'd'],
    });
  });

  it('come from several outputs at once, one of which is before another', async () => {
    await check('outputs', {
      nodes: [node('Exp', ['x'], ['a']), node('Mul', ['a', 'p'], ['b']), node('ReduceSum', ['b'], ['c'])],
      inputs: { x: f(2, 3), p: f(3) },
      outputs: ['a', 'c'],
      wanted: ['x', 'a', 'p'],
    });
  });

  it('broadcast on both sides', async () => {
    await check('both', {
      nodes: [node('Sub', ['x', 'p'], ['a']), node('Div', ['a', 'q'], ['b']), node('Softmax', ['b'], ['y'], { axis: 1 })],
      inputs: { x: f(2, 1, 3), p: f(4, 1), q: positive(1, 4, 1) },
      outputs: ['y'],
      wanted: ['x', 'p', 'q', 'a', 'b'],
    });
  });

  it('go through attention', async () => {
    await check('attention', {
      nodes: [
        node('MatMul', ['x', 'wq'], ['q']),
        node('MatMul', ['x', 'wk'], ['k']),
        node('Transpose', ['k'], ['kt'], { perm: [0, 2, 1] }),
        node('MatMul', ['q', 'kt'], ['scores']),
        node('Where', ['mask', 'scores', 'low'], ['masked']),
        node('Softmax', ['masked'], ['weights']),
        node('MatMul', ['weights', 'x'], ['mixed']),
        node('LayerNormalization', ['mixed', 'scale'], ['y']),
      ],
      inputs: { x: f(2, 3, 4), wq: w(4, 4), wk: w(4, 4), mask: given('bool', [3, 3], 1, 0, 0, 1, 1, 0, 1, 1, 1), low: w(1), scale: f(4) },
      outputs: ['y'],
      wanted: ['x', 'weights', 'scale'],
      opset: 17,
    });
  });

  it('know shapes that are computed', async () => {
    await check('shapes', {
      nodes: [
        node('Shape', ['x'], ['s']),
        node('Gather', ['s', 'zero'], ['n']),
        node('Unsqueeze', ['n', 'zeros'], ['n1']),
        node('Concat', ['n1', 'minus'], ['to'], { axis: 0 }),
        node('Reshape', ['x', 'to'], ['y']),
      ],
      inputs: { x: f(2, 3, 2), zero: given('int64', [], 0), zeros: i(0), minus: i(-1) },
      outputs: ['y'],
    });
  });

  it('do not go through rounding to whole numbers, and need nothing there', async () => {
    const trial = {
      nodes: [node('Cast', ['x'], ['a'], { to: 7 }), node('Cast', ['a'], ['b'], { to: 11 }), node('Mul', ['b', 'x'], ['y'])],
      inputs: { x: given('float64', [2], 2.3, 4.4) },
      outputs: ['y'],
    };
    const made = backward(modelOf(trial, 'float64', 's'), { cotangents: ['y'], wanted: ['x', 'b'], opaque: never });
    assert.deepEqual(made.missing, []);
    assert.deepEqual(made.zero, []);
    await check('whole', { ...trial, inputs: { x: { kind: 'f', dims: [2], low: 0, high: 0, fixed: false, values: [2.3, 4.4] } } });
  });

  it('are zero where nothing depends', () => {
    const trial = {
      nodes: [node('Exp', ['x'], ['a']), node('Exp', ['p'], ['b']), node('ArgMax', ['b'], ['c']), node('Gather', ['a', 'c'], ['y'])],
      inputs: { x: f(3, 2), p: f(3) },
      outputs: ['y', 'b'],
    };
    const made = backward(modelOf(trial, 'float64', 's'), { cotangents: ['y'], wanted: ['x', 'p', 'b'], opaque: never });
    assert.deepEqual(made.zero, ['p', 'b']);
    assert.deepEqual([...made.gradients.keys()], ['x']);
  });
});

describe('gradients of long and of half models', () => {
  it('of steps that are taken one by one out of a sequence are added up at once', async () => {
    const steps = [0, 2, 1, 2];
    const trial = {
      nodes: [
        ...steps.flatMap((_, k) => [node('Gather', ['x', `t${k}`], [`x${k}`], { axis: 1 }), node('Tanh', [`x${k}`], [`h${k}`])]),
        node('Slice', ['x', 'from', 'to', 'axes'], ['part']),
        node('ReduceSum', ['part', 'axes'], ['sum'], { keepdims: 0 }),
        node('Sum', [...steps.map((_, k) => `h${k}`), 'sum'], ['y']),
      ],
      inputs: {
        x: f(2, 3, 2),
        ...Object.fromEntries(steps.map((step, k) => [`t${k}`, given('int64', [], step)])),
        from: i(1),
        to: i(3),
        axes: i(1),
      },
      outputs: ['y'],
    };
    await check('steps', trial);
    const made = backward(modelOf(trial, 'float64', 's'), { cotangents: ['y'], wanted: ['x'], opaque: never });
    assert.equal(made.model.graph.node.filter(({ op_type }) => op_type === 'ScatterElements').length, 1);
  });

  it('of a chain of 20,000 operators are made in less than 5 s', function () {
    this.timeout(20_000);
    const nodes = Array.from({ length: 20_000 }, (_, k) =>
      node(k % 2 === 0 ? 'Tanh' : 'Add', k % 2 === 0 ? [`v${k}`] : [`v${k}`, 'v0'], [`v${k + 1}`]),
    );
    const model = modelOf({ nodes, inputs: { v0: f(2) }, outputs: ['v20000'] }, 'float32', 's');
    const begin = performance.now();
    const made = backward(model, { cotangents: ['v20000'], wanted: ['v0'], opaque: never });
    assert.ok(made.model.graph.node.length > 20_000);
    assert.ok(performance.now() - begin < 5000);
  });

  it('are computed in float32', async () => {
    const model = modelOf(
      { nodes: [node('Mul', ['x', 'x'], ['a']), node('Tanh', ['a'], ['y'])], inputs: { x: f(2) }, outputs: ['y'] },
      'float32',
      's',
    );
    model.graph.input[0]!.type!.tensor_type!.elem_type = 10;
    const made = backward(model, { cotangents: ['y'], wanted: ['x', 'a'], opaque: never });
    const numbers = [0.5, -1.25];
    const x: Tensor = { type: 'float16', dims: [2], data: Uint16Array.from(numbers, (each) => halfBits(each)) };
    const computed = await instrumented(model, { x }, ['a', 'y']);
    const session = await createRuntime().open(encodeModel(made.model), { device: 'cpu', threads: 1 });
    const results = await session.compute({
      ...Object.fromEntries(made.needs.map((name) => [name, name === 'x' ? x : computed[name]!])),
      [made.given.get('y')!]: { type: 'float32', dims: [2], data: Float32Array.of(1, 1) },
    });
    await session.release();
    const gradient = results[made.gradients.get('x')!]!;
    assert.equal(gradient.type, 'float32');
    numbers.forEach((at, k) => {
      const expected = 2 * at * (1 - Math.tanh(at * at) ** 2);
      // The result that is read has 11 bits.
      assert.ok(Math.abs(Number(gradient.data[k]) - expected) < 4e-3, `${gradient.data[k]}, not ${expected}`);
    });
  });
});

describe('missing gradients', () => {
  const trial = (middle: NodeProto): ModelProto =>
    modelOf(
      {
        nodes: [node('Sin', ['x'], ['a']), middle, node('Mul', ['a', 'b'], ['y'])],
        inputs: { x: f(2, 3), p: f(3) },
        outputs: ['y'],
      },
      'float32',
      's',
    );
  const of = (model: ModelProto, wanted: readonly string[] = ['x', 'a', 'p', 'b']) =>
    backward(model, { cotangents: ['y'], wanted, opaque: never });

  it('are named, and other paths come through', () => {
    const made = of(trial(node('custom:Mystery', ['a', 'p'], ['b'])));
    assert.deepEqual([...made.gradients.keys()], ['x', 'a', 'b']);
    assert.deepEqual(
      made.missing.map(({ node: { name }, operator, why, blocks }) => ({ name, operator, why, blocks })),
      [{ name: '/Mystery/b', operator: 'custom.Mystery', why: 'custom.Mystery has no gradient here.', blocks: ['x', 'a', 'p'] }],
    );
    assert.deepEqual(made.zero, []);
  });

  it('are not mentioned where nothing wanted is behind them', () => {
    assert.deepEqual(of(trial(node('custom:Mystery', ['p'], ['b'])), ['x']).missing, []);
    assert.deepEqual(of(trial(node('custom:Mystery', ['a', 'p'], ['b'])), ['b']).missing, []);
  });

  it('say what form of an operator it is', () => {
    const model = trial(node('Resize', ['a', 'p', 'p'], ['b'], { mode: 'linear', coordinate_transformation_mode: 'tf_crop_and_resize' }));
    const [first] = of(model).missing;
    assert.equal(first!.why, 'Resize: its gradient with tf_crop_and_resize is not known here.');
    assert.deepEqual(first!.blocks, ['x', 'a']);
  });

  it('are one input of an operator, while another has its own', () => {
    const made = of(trial(node('Einsum', ['a', 'p'], ['b'], { equation: 'ij,jj->ij' })));
    assert.deepEqual(made.missing[0]!.blocks, ['p']);
    assert.deepEqual([...made.gradients.keys()], ['x', 'a', 'b']);
  });

  it('name what rounds to small integers, and not only its end', () => {
    const model = modelOf(
      {
        nodes: [
          node('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']),
          node('MatMulInteger', ['q', 'w', 'z'], ['i']),
          node('Cast', ['i'], ['c'], { to: 1 }),
          node('Mul', ['c', 's'], ['y']),
        ],
        inputs: { x: f(2, 3), w: given('uint8', [3, 2], 1, 2, 3, 4, 5, 6) },
        outputs: ['y'],
      },
      'float32',
      's',
    );
    const made = backward(model, { cotangents: ['y'], wanted: ['x', 'c'], opaque: never });
    assert.deepEqual([...made.gradients.keys()], ['c']);
    assert.deepEqual(
      made.missing.map(({ operator, blocks }) => [operator, blocks]),
      [
        ['MatMulInteger', ['x']],
        ['DynamicQuantizeLinear', ['x']],
      ],
    );
  });

  it('of values that are not there are refused in words', () => {
    const model = trial(node('Sin', ['p'], ['b']));
    assert.throws(() => of(model, ['nothing']), /The model has no value called nothing/);
    const shape = modelOf({ nodes: [node('Shape', ['x'], ['s'])], inputs: { x: f(2) }, outputs: ['s'] }, 'float32', 's');
    assert.throws(() => backward(shape, { cotangents: ['s'], wanted: ['x'], opaque: never }), /s is no tensor of floating-point numbers/);
  });

  it('keep clear of names that the model has', async () => {
    await check('names', {
      nodes: [node('Exp', ['d/x'], ['d.mul.1']), node('Mul', ['d.mul.1', 'd/x'], ['dgiven/y'])],
      inputs: { 'd/x': f(2, 3) },
      outputs: ['dgiven/y'],
      wanted: ['d/x', 'd.mul.1'],
    });
  });

  it('are carried over with constants of the model', () => {
    const model = modelOf(
      {
        nodes: [{ ...node('Constant', [], ['k'], { value: tensorProto('float64', [2], [3, 4]) }) }, node('Mul', ['x', 'k'], ['y'])],
        inputs: { x: f(2) },
        outputs: ['y'],
      },
      'float64',
      's',
    );
    const made = backward(model, { cotangents: ['y'], wanted: ['x'], opaque: never });
    assert.deepEqual(made.needs, ['x']);
    assert.ok(made.model.graph.initializer.some(({ name }) => name === 'k'));
  });
});
