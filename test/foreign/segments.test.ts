// Models with parts: gradients that go through operators here, and through parts elsewhere, add up to those of the whole.

import assert from 'node:assert/strict';
import { backward } from '../../src/foreign/gradients/backward.ts';
import { segments } from '../../src/foreign/gradients/segments.ts';
import { unfolded } from '../../src/foreign/gradients/unfold.ts';
import { decodeModel, encodeModel, type ModelProto, type NodeProto } from '../../src/onnx/proto.ts';
import { valueInfo } from '../../src/onnx/write.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { random } from '../../src/shared/random.ts';
import { instrumented, node } from './differences.ts';

const runtime = createRuntime();

function model(nodes: readonly NodeProto[], inputs: readonly string[], outputs: readonly string[]): ModelProto {
  return {
    ir_version: 8,
    opset_import: [{ domain: '', version: 17 }],
    graph: {
      name: 'trial',
      node: [...nodes],
      initializer: [],
      input: inputs.map((name) => valueInfo(name, 'float64')),
      output: outputs.map((name) => ({ name })),
    },
  };
}

type Values = Record<string, Tensor>;

const draw = (name: string, ...dims: readonly number[]): Tensor => {
  const { normal } = random('segments', name);
  return { type: 'float64', dims, data: Float64Array.from({ length: dims.reduce((a, b) => a * b, 1) }, normal) };
};

/** Cotangents of the wanted values, by one backward model. */
async function run(
  whole: ModelProto,
  given: Values,
  wanted: readonly string[],
  feeds: Values,
  opaque: (each: NodeProto) => boolean,
): Promise<Values> {
  const made = backward(whole, { cotangents: Object.keys(given), wanted, opaque });
  if (made.gradients.size === 0) return {};
  const computed = {
    ...feeds,
    ...(await instrumented(whole, feeds, made.needs.filter((name) => feeds[name] === undefined).concat(whole.graph.output[0]!.name))),
  };
  const inputs: Values = {};
  for (const name of made.needs) inputs[name] = computed[name]!;
  for (const [name, input] of made.given) inputs[input] = given[name]!;
  const session = await runtime.open(encodeModel(made.model), { device: 'cpu', threads: 1 });
  const results = await session.compute(inputs);
  await session.release();
  return Object.fromEntries(Array.from(made.gradients, ([name, output]) => [name, results[output]!]));
}

const add = (a: Tensor | undefined, b: Tensor): Tensor =>
  a === undefined ? b : { ...b, data: (b.data as Float64Array).map((each, k) => each + (a.data as Float64Array)[k]!) };

/** All segments one after the other, with the parts differentiated by themselves. */
async function inSegments(
  whole: ModelProto,
  given: Values,
  wanted: readonly string[],
  feeds: Values,
  opaque: (each: NodeProto) => boolean,
): Promise<Values> {
  const total: Values = {};
  for (const segment of segments(whole, { cotangents: Object.keys(given), wanted, opaque })) {
    const part = segment.part;
    let start = given;
    if (part !== undefined) {
      const outputs = Object.fromEntries(part.output.flatMap((name) => (total[name] === undefined ? [] : [[name, total[name]]])));
      const others = (each: NodeProto): boolean => each.name !== part.name;
      start = await run(whole, outputs, segment.cotangents, feeds, others);
    }
    const found = await run(whole, start, segment.wanted, feeds, opaque);
    for (const [name, each] of Object.entries(found)) total[name] = add(total[name], each);
  }
  return Object.fromEntries(wanted.flatMap((name) => (total[name] === undefined ? [] : [[name, total[name]]])));
}

const near = (a: Values, b: Values): void => {
  assert.deepEqual(Object.keys(a).sort(), Object.keys(b).sort());
  for (const [name, each] of Object.entries(a)) {
    const expected = b[name]!.data as Float64Array;
    (each.data as Float64Array).forEach((value, k) => {
      assert.ok(
        Math.abs(value - expected[k]!) < 1e-12 * Math.max(1, Math.abs(expected[k]!)),
        `${name}[${k}]: ${value}, not ${expected[k]}`,
      );
    });
  }
};

/** Nodes that are called part-… are the parts. */
const isPart = ({ name = '' }: NodeProto): boolean => name.startsWith('part');
const part = (name: string, op: string, input: readonly string[], output: readonly string[]): NodeProto => ({
  ...node(op, input, output),
  name: `part-${name}`,
});

describe('segments of gradients', () => {
  const dims = [2, 3];
  // x goes through two parts, beside both (a residual path), and between them; the second part reads two values.
  const deep = model(
    [
      node('Sin', ['x'], ['embedded']),
      part('1', 'Tanh', ['embedded'], ['h1']),
      node('Mul', ['h1', 'embedded'], ['mixed']),
      node('Exp', ['w'], ['gain']),
      part('2', 'Mul', ['mixed', 'gain'], ['h2']),
      node('Add', ['h2', 'mixed'], ['sum']),
      node('Mul', ['sum', 'h1'], ['y']),
    ],
    ['x', 'w'],
    ['y'],
  );
  const feeds = { x: draw('x', ...dims), w: draw('w', 3) };

  it('add up to the gradient of the whole, for values anywhere', async () => {
    const given = { y: draw('y', ...dims) };
    const wanted = ['x', 'w', 'embedded', 'h1', 'mixed', 'h2', 'y'];
    near(await inSegments(deep, given, wanted, feeds, isPart), await run(deep, given, wanted, feeds, () => false));
  });

  it('come from the back to the front, and name what each is from and for', () => {
    const list = segments(deep, { cotangents: ['y'], wanted: ['x'], opaque: isPart });
    assert.deepEqual(
      list.map((each) => [each.part?.name, each.cotangents, each.wanted]),
      [
        [undefined, ['y'], ['x', 'h1', 'h2']],
        ['part-2', ['mixed'], ['x', 'h1']],
        ['part-1', ['embedded'], ['x']],
      ],
    );
  });

  it('leave out parts that the objective does not depend on, or that nothing wanted is before', () => {
    const list = segments(deep, { cotangents: ['mixed'], wanted: ['embedded'], opaque: isPart });
    assert.deepEqual(
      list.map((each) => each.part?.name),
      [undefined, 'part-1'],
    );
    const behind = segments(deep, { cotangents: ['y'], wanted: ['h2'], opaque: isPart });
    assert.deepEqual(
      behind.map((each) => [each.part?.name, each.cotangents]),
      [
        [undefined, ['y']],
        ['part-2', []],
      ],
    );
  });

  it('visit a part whose inside is wanted', () => {
    const list = segments(deep, { cotangents: ['y'], wanted: [], opaque: isPart, visit: (each) => each.name === 'part-1' });
    assert.deepEqual(
      list.map((each) => [each.part?.name, each.cotangents, each.wanted]),
      [
        [undefined, ['y'], ['h1', 'h2']],
        ['part-2', ['mixed'], ['h1']],
        ['part-1', [], []],
      ],
    );
  });

  it('take nodes in any order', async () => {
    const shuffled = { ...deep, graph: { ...deep.graph, node: deep.graph.node.toReversed() } };
    const given = { y: draw('y', ...dims) };
    // The runtime wants them in order for the forward values.
    const order = await run(deep, given, ['x'], feeds, () => false);
    const made = backward(shuffled, { cotangents: ['y'], wanted: ['x'], opaque: () => false });
    assert.deepEqual([...made.gradients.keys()], Object.keys(order));
    assert.equal(
      made.model.graph.node.length,
      backward(deep, { cotangents: ['y'], wanted: ['x'], opaque: () => false }).model.graph.node.length,
    );
  });

  it('say where a graph has a cycle', () => {
    const cyclic = model([node('Add', ['x', 'b'], ['a']), node('Neg', ['a'], ['b'])], ['x'], ['a']);
    assert.throws(() => segments(cyclic, { cotangents: ['a'], wanted: ['x'], opaque: isPart }), /cycle: node \/Add\/a \(Add\)/);
  });
});

describe('branches that ran', () => {
  const branch = (name: string, nodes: readonly NodeProto[], output: string) => ({
    name,
    node: [...nodes],
    initializer: [],
    input: [],
    output: [{ name: output }],
  });
  const inner = branch('inner', [node('Mul', ['t', 'x'], ['r'])], 'r');
  const other = branch('other', [node('Identity', ['x'], ['r'])], 'r');
  const chosen = node('If', ['flag'], ['deep'], { then_branch: inner, else_branch: other });
  const whole = model(
    [
      node('Tanh', ['x'], ['t']),
      node('If', ['flag'], ['u'], {
        // The same name in both branches, as exporters write them.
        then_branch: branch('then', [node('Exp', ['x'], ['t.inner']), chosen, node('Add', ['deep', 't.inner'], ['sum'])], 'sum'),
        else_branch: branch('else', [node('Identity', ['t'], ['sum'])], 'sum'),
      }),
      node('Mul', ['u', 'x'], ['y']),
    ],
    ['x'],
    ['y'],
  );
  whole.graph.input.push(valueInfo('flag', 'bool', []));

  for (const flag of [true, false]) {
    it(`compute the same and have gradients (${flag})`, async () => {
      const given = { y: draw('y', 4) };
      const feeds: Values = { x: draw('x', 4), flag: { type: 'bool', dims: [], data: Uint8Array.of(flag ? 1 : 0) } };
      const flat = unfolded(decodeModel(encodeModel(whole)), () => (flag ? 'then' : 'else'));
      assert.ok(flat.graph.node.every(({ op_type }) => op_type !== 'If'));
      // An input that nothing reads any more is not fed.
      const own = { ...flat, graph: { ...flat.graph, input: flat.graph.input.filter(({ name }) => name !== 'flag') } };
      const x = feeds.x!.data as Float64Array;
      const { y: before } = await instrumented(whole, feeds, ['y']);
      const { y: after } = await instrumented(own, { x: feeds.x! }, ['y']);
      assert.deepEqual(after!.data, before!.data);
      const { x: gradient } = await run(own, given, ['x'], { x: feeds.x! }, () => false);
      (gradient!.data as Float64Array).forEach((slope, k) => {
        const [at, t] = [x[k]!, Math.tanh(x[k]!)];
        // y = (x tanh x + exp x) x, or tanh(x) x
        const derivative = flag ? 2 * at * t + at * at * (1 - t * t) + Math.exp(at) * (1 + at) : t + at * (1 - t * t);
        assert.ok(Math.abs(slope - derivative * (given.y.data as Float64Array)[k]!) < 1e-12);
      });
    });
  }

  it('stay as they are where it is not known which ran: named, and the rest works', () => {
    const left = unfolded(whole, () => undefined);
    assert.equal(left, whole);
    const made = backward(whole, { cotangents: ['y'], wanted: ['x', 't', 'u'], opaque: () => false });
    assert.deepEqual([...made.gradients.keys()], ['x', 'u']);
    assert.deepEqual(
      made.missing.map(({ operator, blocks }) => [operator, blocks]),
      [['If', ['x', 't']]],
    );
  });
});
