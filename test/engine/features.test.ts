// Networks in files: what a source may say of them, what they make of each example, and how long it is kept.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { npz } from '../../src/data/npz.ts';
import { openJob, PlacedError } from '../../src/engine/job.ts';
import { Builder } from '../../src/graph/builder.ts';
import { type Graph, tensor } from '../../src/graph/graph.ts';
import { interpret } from '../../src/graph/interpret.ts';
import { loadProgram } from '../../src/language/index.ts';
import { lower } from '../../src/onnx/lower.ts';
import { encodeModel } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { random } from '../../src/shared/random.ts';

const source = `model Eyes(image: [2, 4, 4], tag: one of Tag) {
  seen = onnx("nets/eye.onnx", image, output: "seen")
  loss = cross_entropy(linear(mean(places(seen), over: 4), Tag), tag)
}

data eyes = arrays("eyes.npz")

train Eyes on eyes { steps: 1, batch: 4 }
`;
const name = 'onnx(eye, image, seen)';
const B = { name: 'B', size: 'B' };

/** [B, 2, 4, 4] to [B, 3, 2, 2]: tanh of a product, the largest of each window. */
function network(): Graph {
  const b = new Builder();
  const [C, Y, X, O] = [2, 4, 4, 3].map((size, k) => ({ name: 'CYXO'[k]!, size })) as [never, never, never, { name: string; size: number }];
  const image = b.parameter(tensor([B, C, Y, X]), 'image');
  const weights = b.plus(b.cast(b.iota(O), 'float'), b.scale(b.cast(b.iota(C), 'float'), -1.5));
  const windows = [
    { from: 'Y', to: { name: 'V', size: 2 }, size: 2 },
    { from: 'X', to: { name: 'U', size: 2 }, size: 2 },
  ];
  const seen = b.pool(b.tanh(b.contract(weights, image, ['C'])), 'max', windows);
  return b.graph([b.plus(b.constant(0, [B, O, ...windows.map(({ to }) => to)]), seen), b.sum(seen)]);
}

describe('networks in files', function () {
  this.timeout(30_000);
  let folder: string;
  let file: string;
  const images = Float32Array.from(
    { length: 10 * 32 },
    (
      (chance) => () =>
        2 * chance.uniform() - 1
    )(random('images')),
  );

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-features-'));
    file = join(folder, 'eyes.rnn');
    await mkdir(join(folder, 'nets'));
    await writeFile(file, source);
    await writeFile(join(folder, 'nets', 'eye.onnx'), lower(network(), { inputs: ['image'], outputs: ['seen', 'total'] }).bytes);
    const parts: Uint8Array[] = [];
    const arrays = [
      ['image', { shape: [10, 2, 4, 4], data: images }],
      ['tag', { shape: [10], data: Int32Array.from({ length: 10 }, (_, k) => k % 3) }],
    ] as const;
    for await (const part of npz(arrays)) parts.push(part);
    await writeFile(join(folder, 'eyes.npz'), Buffer.concat(parts));
  });
  after(() => rm(folder, { recursive: true }));

  const kept = async (): Promise<string> => {
    const [found, ...more] = (await readdir(join(folder, 'nets'))).filter((each) => each.endsWith('.features'));
    assert.deepEqual(more, []);
    return join(folder, 'nets', found!);
  };
  const faultsOf = async (from: string, to: string): Promise<readonly string[]> => {
    const text = source.replace(from, to);
    assert.notEqual(text, source);
    const { faults } = await loadProgram(file, async (path) => (path === file ? text : readFile(path, 'utf8')));
    return faults.filter(({ severity }) => severity === 'error').map(({ message }) => message);
  };

  it('have the shapes that their files say', async () => {
    assert.deepEqual(await faultsOf('nets/eye', 'nets/ear'), ['There is no file nets/ear.onnx. Paths are relative to this file.']);
    assert.deepEqual(await faultsOf('"seen"', '"sen"'), ['nets/eye.onnx has no output sen. It has seen, total. Did you mean `seen`?']);
    assert.deepEqual(await faultsOf(', output: "seen"', ''), ['Which of its outputs? `output:` says it. It has seen, total.']);
    assert.deepEqual(await faultsOf('[2, 4, 4]', '[2, 4, 5]'), ['nets/eye.onnx takes image: float32 [2, 4, 4], and image is [2, 4, 5].']);
    assert.deepEqual(await faultsOf('.onnx", image', '.onnx", tanh(image)'), [
      'onnx runs once for each example, so that tanh(image) has to be an input of the model.',
    ]);
    assert.deepEqual(await faultsOf('nets/eye.onnx', 'eyes.npz').then((all) => all.map((each) => each.slice(0, 33))), [
      'eyes.npz: This is no ONNX model: ',
    ]);
  });

  it('make what they make of each example, once', async () => {
    const { data, model } = await openJob(file);
    assert.deepEqual(
      model.inputs.map((input) => [input.name, input.value.type.axes.map(({ size }) => size)]),
      [
        ['tag', ['B']],
        [name, ['B', 3, 2, 2]],
      ],
    );
    // No batch has images that only the network sees.
    assert.deepEqual(
      data.inputs.map((input) => input.name),
      ['tag', name],
    );
    const graph = network();
    for (const part of Object.values(data.parts))
      for (let index = 0; index < part.size; index += 1) {
        const { inputs } = part.example(index);
        const axes = graph.parameters[0]!.type.axes.map((axis) => ({
          name: axis.name,
          size: axis.size === 'B' ? 1 : (axis.size as number),
        }));
        const feed = { axes, data: Float64Array.from(inputs.image!) };
        const [expected] = interpret(graph, new Map([[graph.parameters[0]!, feed]]), { B: 1 });
        const found = inputs[name]!;
        assert.equal(found.length, 12);
        for (const [k, value] of expected!.data.entries()) assert.ok(Math.abs(found[k]! - value) < 1e-6);
      }
  });

  it('are not asked again, but for what is missing', async () => {
    const path = await kept();
    const [before, whole] = [await stat(path), await readFile(path)];
    await openJob(file);
    assert.equal((await stat(path)).mtimeMs, before.mtimeMs);
    await truncate(path, whole.length - 70);
    const { data } = await openJob(file);
    assert.equal(data.parts.training.example(0).inputs[name]!.length, 12);
    assert.deepEqual(await readFile(path), whole);
  });

  it('are given up between two examples, and what was made stays', async () => {
    const path = await kept();
    const whole = await readFile(path);
    await truncate(path, 0);
    const control = new AbortController();
    let made = 0;
    const progress = (done: number, all: number): void => {
      // Bytes of the data are told as well.
      if (all !== 10) return;
      made = done;
      if (done === 3) control.abort(new Error('given up'));
    };
    await assert.rejects(openJob(file, 0, { signal: control.signal, progress }), /given up/);
    assert.equal(made, 3);
    assert.equal((await stat(path)).size, (3 * whole.length) / 10);
    await openJob(file);
    assert.equal((await stat(path)).size, whole.length);
  });

  it('give values inside them, also where their files leave lengths open', async () => {
    const weights = Float32Array.from({ length: 3 * 2 * 3 * 3 }, (_, k) => Math.sin(k));
    const inside = encodeModel({
      ir_version: 8,
      opset_import: [{ domain: '', version: 17 }],
      graph: {
        name: 'inside',
        node: [
          { op_type: 'Conv', input: ['image', 'W'], output: ['mid'], attribute: [attribute('pads', [1, 1, 1, 1])] },
          { op_type: 'GlobalAveragePool', input: ['mid'], output: ['out'], attribute: [] },
        ],
        initializer: [tensorProto('float32', [3, 2, 3, 3], weights, 'W')],
        input: [valueInfo('image', 'float32', ['N', 2, 'H', 'W_'])],
        output: [valueInfo('out', 'float32', ['N', 3, 1, 1])],
      },
    });
    await mkdir(join(folder, 'inner'), { recursive: true });
    await writeFile(join(folder, 'inner', 'open.onnx'), inside);
    const path = join(folder, 'inside.rnn');
    const text = source.replace('nets/eye.onnx', 'inner/open.onnx');
    await writeFile(path, text.replace('"seen")', '"mid")').replace('over: 4', 'over: 16'));
    const { data, model } = await openJob(path);
    const { name: made, value } = model.inputs.at(-1)!;
    assert.deepEqual([made, value.type.axes.map(({ size }) => size)], ['onnx(open, image, mid)', ['B', 3, 4, 4]]);
    const { inputs } = data.parts.training.example(2);
    const at = (o: number, y: number, x: number): number => {
      let sum = 0;
      for (const [c, i, j] of [0, 1].flatMap((c) => [-1, 0, 1].flatMap((i) => [-1, 0, 1].map((j) => [c, i, j] as const))))
        if (y + i >= 0 && y + i < 4 && x + j >= 0 && x + j < 4)
          sum += weights[((o * 2 + c) * 3 + i + 1) * 3 + j + 1]! * Number(inputs.image![(c * 4 + y + i) * 4 + x + j]);
      return sum;
    };
    for (const [o, y, x] of [
      [0, 0, 0],
      [1, 2, 3],
      [2, 3, 1],
    ] as const)
      assert.ok(Math.abs(inputs[made]![(o * 4 + y) * 4 + x]! - at(o, y, x)) < 1e-5);
    const { faults } = await loadProgram(path, async (each) => (each === path ? text : readFile(each, 'utf8')));
    assert.match(
      faults.map(({ message }) => message).join(),
      /has no output seen\. It has out\. Values inside can be asked for too, as mid \[3, 4, 4\]/,
    );
  });

  it('are other networks when their files change', async () => {
    await writeFile(join(folder, 'nets', 'eye.onnx'), lower(network(), { inputs: ['image'], outputs: ['seen', 'sum'] }).bytes);
    const { data } = await openJob(file);
    assert.equal(data.parts.training.example(0).inputs[name]!.length, 12);
    assert.equal((await readdir(join(folder, 'nets'))).filter((each) => each.endsWith('.features')).length, 2);
  });

  it('need not be there to open a run, but to train', async () => {
    const { sources, main } = await openJob(file);
    const run = join(folder, 'run');
    for (const [path, text] of sources) {
      await mkdir(dirname(join(run, path)), { recursive: true });
      await writeFile(join(run, path), text);
    }
    await rm(join(folder, 'nets', 'eye.onnx'));
    const again = await loadProgram(join(run, main), (path) => readFile(path, 'utf8'), { library: join(run, '@std') });
    assert.deepEqual(again.faults, []);
    await assert.rejects(
      openJob(file),
      (error) => error instanceof PlacedError && error.message.startsWith('There is no file nets/eye.onnx'),
    );
  });
});
