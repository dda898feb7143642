import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Value } from '../../src/graph/graph.ts';
import { interpret, type NamedArray } from '../../src/graph/interpret.ts';
import type { Model } from '../../src/graph/model.ts';
import { buildModel } from '../../src/language/index.ts';
import { exportModel } from '../../src/onnx/export.ts';
import { encodeModel } from '../../src/onnx/proto.ts';
import { encodeCheckpoint } from '../../src/training/checkpoint.ts';
import { initialise } from '../../src/training/initialise.ts';
import { WeightsError } from '../../src/weights/file.ts';
import { applyWeights, type MatchedWeights, matchWeights } from '../../src/weights/match.ts';
import { readWeights } from '../../src/weights/read.ts';
import { array, assertClose } from '../graph/numeric.ts';
import { programOf } from '../language/load.ts';

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
type Given = Readonly<Record<string, Stored & { readonly kind?: keyof typeof writers }>>;

const writers = {
  F64: (x: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(x);
    return bytes;
  },
  F32: (x: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(x);
    return bytes;
  },
  I64: (x: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(x));
    return bytes;
  },
  /** Bits, as they are. */
  F16: (bits: number): Buffer => Buffer.from([bits & 255, bits >> 8]),
  BF16: (bits: number): Buffer => Buffer.from([bits & 255, bits >> 8]),
} as const;

/** A safetensors file; `change` may spoil its header. */
function safetensors(given: Given, change: (header: Record<string, { data_offsets: number[] }>) => void = () => undefined): Buffer {
  const header: Record<string, { dtype: string; shape: readonly number[]; data_offsets: number[] }> = {};
  const parts: Buffer[] = [];
  let offset = 0;
  for (const [name, { shape, data, kind = 'F32' }] of Object.entries(given)) {
    const bytes = Buffer.concat(data.map((each) => writers[kind](each)));
    header[name] = { dtype: kind, shape, data_offsets: [offset, offset + bytes.length] };
    parts.push(bytes);
    offset += bytes.length;
  }
  change(header);
  const text = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([prefix, text, ...parts]);
}

const tagger = async (call: string): Promise<Model> => {
  const text = `model M(input: [T] of Char, tags: [T] of Tag) {
  x      = embed(input, 3)
  h      = ${call}
  logits = linear(h, Tag)
  loss   = cross_entropy(logits, tags)
}`;
  return buildModel(await programOf(text), { model: 'M', classes: { Char: 6, Tag: 5 } });
};

describe('weights from files', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-weights-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  const file = async (name: string, bytes: Uint8Array): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return path;
  };
  const matched = async (model: Model, given: Given): Promise<MatchedWeights> =>
    matchWeights(model, await readWeights(await file('w.safetensors', safetensors(given))));

  const { tokens, cases } = JSON.parse(readFileSync(new URL('../oracles/state_dicts.json', import.meta.url), 'utf8')) as {
    tokens: Stored;
    cases: Record<string, { state: Record<string, Stored>; logits: Stored }>;
  };

  describe('of PyTorch give what PyTorch computes', () => {
    for (const [call, { state, logits }] of Object.entries(cases)) {
      it(call, async () => {
        const model = await tagger(call);
        const { taken, missing, unused } = await matched(model, state);
        assert.deepEqual([missing, unused], [[], []]);
        assertClose(logitsOf(model, taken), logits.data, 1e-5, 'logits');
      });
    }
  });

  /** [B, T, Tag] */
  function logitsOf(model: Model, weights: MatchedWeights['taken']): number[] {
    const [B, T] = tokens.shape as [number, number];
    const sizes = { B, T };
    const feeds = new Map<Value, NamedArray>();
    for (const { name, value } of model.weights)
      feeds.set(
        value,
        array(value, sizes, (k) => weights.get(name)!.data[k]!),
      );
    for (const { value } of model.inputs)
      feeds.set(
        value,
        array(value, sizes, (k) => tokens.data[(k % B) * T + Math.floor(k / B)]!),
      );
    for (const { before } of model.states)
      feeds.set(
        before,
        array(before, sizes, () => 0),
      );
    const [found] = interpret({ ...model.graph, results: [model.judged!.scores] }, feeds, sizes);
    const { axes, data } = found!;
    const place = (name: string): number => axes.findIndex((axis) => axis.name === name);
    const stride = (k: number): number => axes.slice(k + 1).reduce((product, { size }) => product * size, 1);
    const last = [0, 1, 2].find((k) => k !== place('B') && k !== place('T'))!;
    const result: number[] = [];
    for (let b = 0; b < B; b += 1)
      for (let t = 0; t < T; t += 1)
        for (let o = 0; o < axes[last]!.size; o += 1)
          result.push(data[b * stride(place('B')) + t * stride(place('T')) + o * stride(last)]!);
    return result;
  }

  it('says which rows went where, and that two biases were added up', async () => {
    const { report } = await matched(await tagger('lstm(x, 4)'), cases['lstm(x, 4)']!.state);
    const of = (weight: string) => report.find((each) => each.weight === weight);
    assert.deepEqual(of('h.W_f'), { weight: 'h.W_f', from: 'rnn.weight_ih_l0', how: 'by its kind and sizes, the rows of gate f' });
    assert.match(of('h.b_o')!.how, /both biases added up/);
    assert.deepEqual(of('x.table'), { weight: 'x.table', from: 'embedding.weight', how: 'by its shape' });
    assert.match(of('logits.b')!.how, /with its matrix/);
  });

  describe('of ours come back bit for bit', () => {
    for (const call of [
      'lstm(x, 4, layers: 2)',
      'gru(x, 4)',
      'gru_2014(x, 4)',
      'rnn(x, 4)',
      'bidirectional(lstm, x, 4, layers: 2)',
      'normed_lstm(x, 4)',
    ])
      for (const format of ['safetensors', 'onnx'])
        it(`${call}, ${format}`, async () => {
          const model = await tagger(call);
          const weights = initialise(model.weights, 3);
          const state = new Map([...weights].flatMap(([name, tensor]) => [[name, tensor] as const, [`${name}#m`, tensor] as const]));
          const bytes =
            format === 'onnx'
              ? exportModel(model, { weights }).bytes
              : Buffer.concat(encodeCheckpoint({ step: 1, epoch: 1, window: 0, seed: 1, state }));
          const found = matchWeights(model, await readWeights(await file(`back.${format}`, bytes)));
          assert.deepEqual(found.missing, []);
          const back = applyWeights(initialise(model.weights, 4), found);
          for (const [name, { data }] of weights) assert.deepEqual(back.get(name)!.data, data, name);
        });
  });

  describe('of Keras', () => {
    it('are transposed, and their gates found', async () => {
      const model = await tagger('gru(x, 4)');
      const numbers = (shape: number[], from: number): Stored => ({
        shape,
        data: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, k) => from + k),
      });
      const { taken, missing } = await matched(model, {
        'embedding/embeddings': numbers([6, 3], 0),
        'gru/kernel': numbers([3, 12], 100),
        'gru/recurrent_kernel': numbers([4, 12], 200),
        'gru/bias': numbers([2, 12], 300),
        'dense/kernel': numbers([4, 5], 400),
        'dense/bias': numbers([5], 500),
      });
      assert.deepEqual(missing, []);
      // the blocks are z, r, h: the first row of r is column 4
      assert.deepEqual([...taken.get('h.W_r')!.data.subarray(0, 3)], [104, 116, 128]);
      assert.deepEqual([...taken.get('h.U_z')!.data.subarray(0, 4)], [200, 212, 224, 236]);
      assert.deepEqual([...taken.get('h.b_n')!.data], [308, 309, 310, 311]);
      assert.deepEqual([...taken.get('h.d_n')!.data], [320, 321, 322, 323]);
      assert.deepEqual([...taken.get('logits.W')!.data.subarray(0, 4)], [400, 405, 410, 415]);
    });
  });

  describe('are not guessed', () => {
    it('where two layers could be one line', async () => {
      const { state } = cases['lstm(x, 4)']!;
      const twice = Object.fromEntries(
        Object.entries(state).flatMap(([name, tensor]) =>
          name.startsWith('rnn.')
            ? [
                [`a${name}`, tensor],
                [`b${name}`, tensor],
              ]
            : [[name, tensor]],
        ),
      );
      const { missing, unused } = await matched(await tagger('lstm(x, 4)'), twice);
      assert.match(missing.find(({ weight }) => weight === 'h.W_f')!.why!, /h could be arnn layer 0, brnn layer 0: rename/);
      assert.equal(unused.length, 2);
      const named = Object.fromEntries(Object.entries(twice).map(([name, tensor]) => [name.replace(/^brnn/, 'h'), tensor]));
      const found = await matched(await tagger('lstm(x, 4)'), named);
      assert.deepEqual(found.missing, []);
    });

    it('where a GRU resets elsewhere', async () => {
      const { missing } = await matched(await tagger('gru_2014(x, 4)'), cases['gru(x, 4)']!.state);
      assert.match(missing.find(({ weight }) => weight === 'h.W_r')!.why!, /that is gru$/);
    });

    it('where a shape occurs twice', async () => {
      const { missing } = await matched(await tagger('rnn(x, 4)'), {
        a: { shape: [6, 3], data: Array(18).fill(1) },
        b: { shape: [6, 3], data: Array(18).fill(2) },
      });
      assert.match(missing.find(({ weight }) => weight === 'x.table')!.why!, /a, b have its shape/);
    });
  });

  it('of every type of number are read', async () => {
    const path = await file(
      'types.safetensors',
      safetensors({
        half: { kind: 'F16', shape: [4], data: [0x3c00, 0xc000, 0x0001, 0x7bff] },
        brain: { kind: 'BF16', shape: [2], data: [0x3f80, 0xc040] },
        double: { kind: 'F64', shape: [1], data: [0.1] },
        long: { kind: 'I64', shape: [2], data: [-3, 7] },
        none: { shape: [0, 3], data: [] },
      }),
    );
    const { tensors } = await readWeights(path);
    const of = (name: string): number[] => [...tensors.get(name)!.data];
    assert.deepEqual(of('half'), [1, -2, 2 ** -24, 65504]);
    assert.deepEqual([of('brain'), of('double'), of('long'), of('none')], [[1, -3], [Math.fround(0.1)], [-3, 7], []]);
  });

  describe('that are damaged say how', () => {
    const two: Given = { a: { shape: [2], data: [1, 2] }, b: { shape: [2], data: [3, 4] } };
    const refused = async (bytes: Uint8Array, expected: RegExp, name = 'bad.safetensors'): Promise<void> => {
      const path = await file(name, bytes);
      await assert.rejects(readWeights(path), (error: Error) => error instanceof WeightsError && expected.test(error.message));
    };
    it('cut short', async () => {
      const bytes = safetensors(two);
      await refused(bytes.subarray(0, bytes.length - 3), /cut short/);
      await refused(bytes.subarray(0, 20), /cut short/);
      await refused(bytes.subarray(0, 4), /cut short/);
    });
    it('a huge header', () => refused(Buffer.alloc(64, 0xff), /its header would have \d+ bytes/));
    it('a header that is no JSON', () => {
      const bytes = safetensors(two);
      bytes.fill('x', 8, 20);
      return refused(bytes, /not JSON/);
    });
    it('tensors over each other', () =>
      refused(
        safetensors(two, (header) => {
          header.b!.data_offsets = [4, 12];
        }),
        /a and b lie over each other/,
      ));
    it('a tensor of another size', () =>
      refused(
        safetensors(two, (header) => {
          header.b!.data_offsets = [8, 12];
        }),
        /b is \[2\] and has 4 bytes instead of 8/,
      ));
    it('no ONNX', () => refused(Buffer.from('no model at all'), /no ONNX model/, 'bad.onnx'));
    it('another ending', () => refused(Buffer.from(''), /neither .safetensors nor .onnx/, 'weights.pt'));
    it('a file that is not there', () => assert.rejects(readWeights(join(folder, 'nowhere.onnx')), /There is no file/));
  });

  describe('beside an ONNX model', () => {
    const external = (location: string, length = 8): Uint8Array =>
      encodeModel({
        ir_version: 8,
        opset_import: [{ domain: '', version: 17 }],
        graph: {
          name: 'g',
          node: [],
          input: [],
          output: [],
          initializer: [
            {
              name: 'w',
              dims: [2],
              data_type: 1,
              data_location: 1,
              external_data: [
                { key: 'location', value: location },
                { key: 'offset', value: '4' },
                { key: 'length', value: `${length}` },
              ],
            },
          ],
        },
      });
    it('are read where they lie in its folder', async () => {
      await file('w.bin', Buffer.concat([0, 1.5, -2].map(writers.F32)));
      const { tensors } = await readWeights(await file('outside.onnx', external('w.bin')));
      assert.deepEqual([...tensors.get('w')!.data], [1.5, -2]);
    });
    it('are not read elsewhere, nor behind the end', async () => {
      await mkdir(join(folder, 'inner'), { recursive: true });
      await file('w.bin', Buffer.concat([0, 1.5, -2].map(writers.F32)));
      await assert.rejects(readWeights(await file('inner/m.onnx', external('../w.bin'))), /outside its folder/);
      await assert.rejects(readWeights(await file('gone.onnx', external('gone.bin'))), /gone\.bin, which is not there/);
      await truncate(join(folder, 'w.bin'), 8);
      await assert.rejects(readWeights(await file('short.onnx', external('w.bin'))), /cut short/);
    });
  });
});
