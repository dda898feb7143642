// `unroll info`, `verify` and `trace` of ONNX models of others.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { arrayNames, readArrays } from '../../src/data/npy-read.ts';
import { npy } from '../../src/data/npz.ts';
import { createEngine } from '../../src/engine/client.ts';
import { encodeModel, type ModelProto, type TensorProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { byHeads } from '../foreign/attention-models.ts';
import { additive } from '../foreign/pairs/models.ts';
import { generator } from '../foreign/random-operators.ts';
import { type Ended, unrollIn } from './command-line.ts';

const [I, H] = [3, 4];

/** An LSTM and what it says at each step; for whole sequences, or for one frame a call with its state in and out. */
function speech(isStreamed: boolean): ModelProto {
  const random = generator(3);
  const weight = (name: string, dims: readonly number[]): TensorProto =>
    tensorProto(
      'float32',
      dims,
      Float32Array.from({ length: dims.reduce((product, size) => product * size, 1) }, () => random() - 0.5),
      name,
    );
  const states = isStreamed ? ['h', 'c'] : ['', ''];
  return {
    ir_version: 8,
    opset_import: [{ domain: '', version: 17 }],
    producer_name: 'test',
    graph: {
      name: 'speech',
      node: [
        {
          op_type: 'LSTM',
          name: '/encoder/rnn/LSTM',
          input: ['x', 'W', 'R', 'B', '', ...states],
          output: ['Y', ...(isStreamed ? ['hn', 'cn'] : [])],
          attribute: [attribute('hidden_size', H)],
        },
        { op_type: 'Squeeze', input: ['Y', 'one'], output: ['Ys'], attribute: [] },
        { op_type: 'MatMul', input: ['Ys', 'V'], output: ['scores'], attribute: [] },
      ],
      initializer: [
        weight('W', [1, 4 * H, I]),
        weight('R', [1, 4 * H, H]),
        weight('B', [1, 8 * H]),
        weight('V', [H, 2]),
        tensorProto('int64', [1], [1], 'one'),
      ],
      input: [
        valueInfo('x', 'float32', [isStreamed ? 1 : 'T', 1, I]),
        ...(isStreamed ? ['h', 'c'].map((name) => valueInfo(name, 'float32', [1, 1, H])) : []),
      ],
      output: [
        valueInfo('scores', 'float32', [isStreamed ? 1 : 'T', 1, 2]),
        ...(isStreamed ? ['hn', 'cn'].map((name) => valueInfo(name, 'float32', [1, 1, H])) : []),
      ],
    },
  };
}

describe('unroll, of ONNX models of others', function () {
  this.timeout(60_000);
  const engine = createEngine({ entry: fileURLToPath(new URL('../../src/engine/process.ts', import.meta.url)) });
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-foreign-'));
    await writeFile(join(folder, 'whole.onnx'), encodeModel(speech(false)));
    await writeFile(join(folder, 'frames.onnx'), encodeModel(speech(true)));
    const random = generator(8);
    const data = Float32Array.from({ length: 9 * I }, () => 2 * random() - 1);
    await writeFile(join(folder, 'x.npy'), npy({ shape: [9, 1, I], data }));
  });
  after(async () => {
    await engine.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  const unroll = (...words: string[]): Promise<Ended> => unrollIn(folder, engine, words);

  async function arrays(
    file: string,
  ): Promise<ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>> {
    const path = join(folder, file);
    return (await readArrays(path, await arrayNames(path))).arrays as never;
  }

  it('trace runs an encoder and its decoder together', async () => {
    const { encoder, decoder } = additive();
    await writeFile(join(folder, 'encoder.onnx'), encodeModel(encoder));
    await writeFile(join(folder, 'decoder.onnx'), encodeModel(decoder));
    await writeFile(join(folder, 'src.json'), '[[4, 8, 0, 3, 3]]');
    const both = ['trace', 'encoder.onnx', 'decoder.onnx', '--input', 'src.json', '--out', 'T.npz'];
    const { status, out, error } = await unroll(...both, '--begin', '1', '--end', '2', '--length', '5');
    assert.equal(status, 0, error);
    assert.match(out, /decoder: parity/);
    assert.match(error, /hidden of the encoder feeds hidden at the first call: by their names/);
    assert.match(error, /The decoder was called \d times?; it chose [\d ]+/);
    const found = await arrays('T.npz');
    const calls = found.get('tokens')!.shape[0]!;
    assert.equal(found.get('tokens')!.data[0], 1);
    assert.deepEqual(found.get('decoder/attention')!.shape, [calls, 1, 5]);
    assert.deepEqual(found.get('rnn/h')!.shape, [5, 1, 6]);
    const given = await unroll(...both, '--begin', '1', '--tokens', '5,0,7');
    assert.match(given.error, /called 4 times with given tokens/);
    // What is missing is asked for.
    assert.match((await unroll(...both)).error, /--begin/);
    assert.match((await unroll('trace', 'encoder.onnx', '--random', '1', '--begin', '1', '--out', 'T.npz')).error, /name both/);
    assert.match((await unroll(...both, '--begin', '1', '--tokens', '5;x')).error, /--tokens takes ids/);
    assert.match((await unroll('trace', 'runs', 'decoder.onnx', '--text', 'a', '--out', 'T.npz')).error, /both \.onnx/);
  });

  it('info and trace have attention, head by head', async () => {
    await writeFile(join(folder, 'heads.onnx'), encodeModel(byHeads()));
    const { out } = await unroll('info', 'heads.onnx', '--json');
    const [{ source, ...attention }] = JSON.parse(out).attention;
    assert.deepEqual(attention, {
      name: 'layer_0_attn/weights',
      value: 'weights',
      axis: -1,
      line: 'weights',
      title: '/layer.0/attn/Softmax',
      where: '',
      shape: ['?', 2, '?', '?'],
      heads: 2,
      axes: {
        steps: [{ input: 'x', axis: 1, name: 'T' }],
        sequences: [{ input: 'x', axis: 0, name: 'B' }],
        places: [{ input: 'x', axis: 1, name: 'T' }],
      },
    });
    assert.deepEqual(source, []);
    const text = await unroll('info', 'heads.onnx');
    assert.match(text.out, /layer_0_attn\/weights: over axis -1 of "weights" \[\?, 2, \?, \?\], 2 heads/);
    const { status, error } = await unroll(
      'trace',
      'heads.onnx',
      '--random',
      '3',
      '--size',
      'B=2,T=4',
      '--gradient',
      'context',
      '--out',
      'heads.npz',
    );
    assert.equal(status, 0, error);
    const found = await arrays('heads.npz');
    // The sum of what a head adds up hangs on each weight by the sum of what stands there: alike at every step.
    const gradient = found.get('layer_0_attn/weights.gradient')!;
    assert.deepEqual(gradient.shape, [4, 2, 2, 4]);
    for (let k = 16; k < 64; k += 1) assert.ok(Math.abs(gradient.data[k]! - gradient.data[k % 16]!) < 1e-6);
    assert.ok(gradient.data[0] !== 0);
    const [own, said] = [found.get('layer_0_attn/weights')!, found.get('weights')!];
    assert.deepEqual(
      [own.shape, said.shape],
      [
        [4, 2, 2, 4],
        [2, 2, 4, 4],
      ],
    );
    for (let t = 0; t < 4; t += 1)
      for (let b = 0; b < 2; b += 1)
        for (let head = 0; head < 2; head += 1)
          for (let s = 0; s < 4; s += 1)
            assert.ok(Math.abs(own.data[((t * 2 + b) * 2 + head) * 4 + s]! - said.data[((b * 2 + head) * 4 + t) * 4 + s]!) < 1e-6);
  });

  it('info has the recurrent parts, by name, kind, layers, directions, sizes and place', async () => {
    const { status, out } = await unroll('info', 'whole.onnx', '--json');
    const [part, ...more] = JSON.parse(out).parts;
    assert.deepEqual([status, more.length], [0, 0]);
    const { name, kind, layers, directions, hidden, input, form, title, where, values } = part;
    assert.deepEqual(
      { name, kind, layers, directions, hidden, input, form, title, where, values },
      {
        name: 'encoder_rnn',
        kind: 'lstm',
        layers: 1,
        directions: 1,
        hidden: H,
        input: I,
        form: 'operator',
        title: '/encoder/rnn/LSTM',
        where: '',
        values: ['f', 'i', 'g', "c'", 'o', "h'"],
      },
    );
    assert.match(
      (await unroll('info', 'whole.onnx')).out,
      /encoder_rnn: lstm, 3 -> 4, operator "\/encoder\/rnn\/LSTM", values f i g c' o h'/,
    );
  });

  it('verify ends with 0 where the replay is what the model computes, and with 1 where it is not', async () => {
    const right = await unroll('verify', 'whole.onnx', '--seed', '5');
    assert.deepEqual([right.status, right.error], [0, '']);
    assert.match(right.out, /^T = 12\nencoder_rnn: parity (\d\.\de-[789]|0\.0e\+0)\n$/);

    // A model that wants more samples than are usually made: 100 that stand before are added by reflection.
    const long = speech(false);
    const [x, ...others] = long.graph.input;
    long.graph.node.unshift({ op_type: 'Pad', input: ['signal', 'pads'], output: [x!.name], attribute: [attribute('mode', 'reflect')] });
    long.graph.input = [{ ...x!, name: 'signal' }, ...others];
    long.graph.initializer.push(tensorProto('int64', [6], [100, 0, 0, 0, 0, 0], 'pads'));
    await writeFile(join(folder, 'long.onnx'), encodeModel(long));
    assert.match((await unroll('verify', 'long.onnx')).out, /^T = 256\nencoder_rnn: parity/);
    const short = await unroll('verify', 'long.onnx', '--size', 'T=50');
    assert.deepEqual([short.status, /Pad reflect/.test(short.error)], [1, true]);

    // Without its states, nobody can say what bytes the kernel made of them.
    const random = generator(1);
    const bytes = (name: string, dims: readonly number[]): TensorProto => ({
      name,
      data_type: 3,
      dims: [...dims],
      raw_data: Uint8Array.from({ length: dims.reduce((product, size) => product * size, 1) }, () => 256 * random()),
    });
    const model: ModelProto = {
      ir_version: 8,
      opset_import: [
        { domain: '', version: 17 },
        { domain: 'com.microsoft', version: 1 },
      ],
      graph: {
        name: 'bytes',
        node: [
          {
            op_type: 'DynamicQuantizeLSTM',
            domain: 'com.microsoft',
            name: 'quant',
            input: ['x', 'W', 'R', '', '', '', '', '', 'Ws', 'Wz', 'Rs', 'Rz'],
            output: ['', 'last'],
            attribute: [attribute('hidden_size', H)],
          },
        ],
        initializer: [
          bytes('W', [1, I, 4 * H]),
          bytes('R', [1, H, 4 * H]),
          tensorProto('float32', [1], [0.02], 'Ws'),
          tensorProto('float32', [1], [0.02], 'Rs'),
          { ...bytes('Wz', [1]), raw_data: new Uint8Array(1) },
          { ...bytes('Rz', [1]), raw_data: new Uint8Array(1) },
        ],
        input: [valueInfo('x', 'float32', ['T', 1, I])],
        output: [valueInfo('last', 'float32')],
      },
    };
    await writeFile(join(folder, 'bytes.onnx'), encodeModel(model));
    const wrong = await unroll('verify', 'bytes.onnx');
    assert.equal(wrong.status, 1);
    assert.match(wrong.error, /quant: the replay differs from the untouched model by more than 0\.0001/);
  });

  it('trace writes every line, the outputs, and the gradient of an element', async () => {
    const { status, out } = await unroll('trace', 'whole.onnx', '--input', 'x.npy', '--gradient', 'scores[6,0,1]', '--out', 'whole.npz');
    assert.equal(status, 0);
    assert.match(out, /encoder_rnn: parity/);
    const found = await arrays('whole.npz');
    for (const line of ['f', 'i', 'g', 'c', 'o', 'h']) {
      assert.deepEqual(found.get(`encoder_rnn/${line}`)?.shape, [9, 1, H], line);
      assert.deepEqual(found.get(`encoder_rnn/${line}.gradient`)?.shape, [9, 1, H], line);
    }
    assert.deepEqual(found.get('scores')?.shape, [9, 1, 2]);
    const gradient = Array.from(found.get('encoder_rnn/h.gradient')!.data);
    assert.ok(gradient.slice(6 * H, 7 * H).every((each) => each !== 0));
    assert.ok(
      gradient.slice(7 * H).every((each) => each === 0),
      'what comes later has no part in it',
    );
  });

  it('trace gives the gradient of a loss against a target', async () => {
    const before = (await unroll('trace', 'whole.onnx', '--random', '3', '--size', 'T=5,batch=1', '--out', 'loss.npz')).status;
    const scores = (await arrays('loss.npz')).get('scores')!;
    await writeFile(join(folder, 'classes.npy'), npy({ shape: [5, 1], data: BigInt64Array.of(0n, 1n, 1n, -1n, 0n) }));
    const { status, error } = await unroll(
      ...['trace', 'whole.onnx', '--random', '3', '--size', 'T=5,batch=1', '--out', 'loss.npz'],
      ...['--gradient', 'cross_entropy(scores, classes.npy)'],
    );
    assert.deepEqual([before, status], [0, 0], error);
    const value = Number(/cross_entropy\(scores, classes.npy\) is ([\d.]+)\./.exec(error)![1]);
    const rows = [0, 1, 1, -1, 0].flatMap((chosen, t) => {
      const [a, b] = [scores.data[2 * t]!, scores.data[2 * t + 1]!];
      return chosen < 0 ? [] : [Math.log(Math.exp(a) + Math.exp(b)) - (chosen === 0 ? a : b)];
    });
    assert.ok(Math.abs(value - rows.reduce((sum, each) => sum + each, 0) / 4) < 1e-6, `${value}`);
    const found = await arrays('loss.npz');
    // Where no class is chosen, and nothing comes after, nothing is asked of the scores; before, it is.
    assert.ok(Array.from(found.get('encoder_rnn/h.gradient')!.data).some((each) => each !== 0));
    const wrong = await unroll('trace', 'whole.onnx', '--random', '3', '--out', 'l.npz', '--gradient', 'mse(scores, none.npy)');
    assert.match(wrong.error, /There is no file .*none\.npy/);
    assert.match(
      (await unroll('trace', 'whole.onnx', '--random', '3', '--out', 'l.npz', '--gradient', 'scores[1-2]')).error,
      /--gradient takes/,
    );
  });

  it('streams frame by frame what another model does in one call', async () => {
    const streamed = await unroll('trace', 'frames.onnx', '--input', 'x.npy', '--stream', 'auto', '--out', 'frames.npz');
    assert.equal(streamed.status, 0, streamed.error);
    const rule = { frames: ['x'], state: { h: 'hn', c: 'cn' } };
    await writeFile(join(folder, 'rule.json'), JSON.stringify(rule));
    const ruled = await unroll('trace', 'frames.onnx', '--input', 'x.npy', '--stream', 'rule.json', '--out', 'ruled.npz');
    assert.equal(ruled.status, 0, ruled.error);
    await unroll('trace', 'whole.onnx', '--input', 'x.npy', '--out', 'plain.npz');
    const [frames, again, whole] = [await arrays('frames.npz'), await arrays('ruled.npz'), await arrays('plain.npz')];
    for (const name of ['encoder_rnn/f', 'encoder_rnn/c', 'encoder_rnn/h', 'scores']) {
      const expected = Array.from(whole.get(name)!.data);
      for (const each of [frames, again])
        Array.from(each.get(name)!.data).forEach((value, k) => {
          assert.ok(Math.abs(value - expected[k]!) < 1e-6, name);
        });
    }
  });

  it('takes the gradient of streamed frames through all calls, as of one call', async () => {
    const gradient = ['--gradient', 'scores[6,0,1]'];
    const { status, error } = await unroll('trace', 'frames.onnx', '--input', 'x.npy', '--stream', 'auto', ...gradient, '--out', 'fg.npz');
    assert.equal(status, 0, error);
    await unroll('trace', 'whole.onnx', '--input', 'x.npy', ...gradient, '--out', 'wg.npz');
    const [frames, whole] = [await arrays('fg.npz'), await arrays('wg.npz')];
    assert.deepEqual(frames.get('x.gradient')?.shape, [9, 1, 1, I]);
    assert.deepEqual(frames.get('h.gradient')?.shape, [1, 1, H], 'of the initial state');
    for (const name of ['encoder_rnn/f.gradient', 'encoder_rnn/c.gradient', 'encoder_rnn/h.gradient', 'x.gradient']) {
      const expected = Array.from(whole.get(name)!.data);
      assert.ok(expected.some((each) => each !== 0));
      Array.from(frames.get(name)!.data).forEach((value, k) => {
        assert.ok(Math.abs(value - expected[k]!) < 1e-6, name);
      });
    }
  });

  it('verify has models of halves, also such as end the process at the highest optimisation of onnxruntime 1.30', async () => {
    // torch.nn.RNN(8, 16, 2) behind an embedding, exported by PyTorch 2.13 and converted by onnxruntime.transformers.float16.
    const file = fileURLToPath(new URL('../foreign/data/rnn-halves.onnx', import.meta.url));
    const { status, out, error } = await unroll('verify', file, '--json');
    assert.equal(status, 0, error);
    const parity: { part: string; value: number }[] = JSON.parse(out).parity;
    assert.deepEqual(
      parity.map(({ part }) => part),
      ['r', 'r_2'],
    );
    for (const { value } of parity) assert.ok(value <= 1e-5, `${value}`);
  });

  it('streams random frames too, each its own', async () => {
    const { status, error } = await unroll('trace', 'frames.onnx', '--random', '4', '--stream', 'auto', '--out', 'random.npz');
    assert.equal(status, 0, error);
    const gates = (await arrays('random.npz')).get('encoder_rnn/f')!;
    assert.deepEqual(gates.shape, [32, 1, H]);
    assert.notDeepEqual(Array.from(gates.data).slice(20 * H, 21 * H), Array.from(gates.data).slice(21 * H, 22 * H));
  });

  it('says what is missing or wrong', async () => {
    assert.match(
      (await unroll('trace', 'whole.onnx', '--out', 'a.npz')).error,
      /Give the input by --input FILE, --random SEED or --choices/,
    );
    assert.match((await unroll('trace', 'whole.onnx', '--input', 'none.npy', '--out', 'a.npz')).error, /none\.npy/);
    const gradient = await unroll('trace', 'whole.onnx', '--random', '1', '--gradient', 'logits', '--out', 'a.npz');
    assert.match(gradient.error, /no output logits. It has scores/);
    const index = await unroll('trace', 'whole.onnx', '--random', '1', '--gradient', 'scores[99,0,1]', '--out', 'a.npz');
    assert.match(index.error, /along axis 0 there is no 99/);
    assert.equal((await unroll('verify', 'none.onnx')).status, 1);
  });
});
