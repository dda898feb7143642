// What steps and sequences of a part are of the model's inputs: by what arrives where when inputs are their own coordinates; and traces over either.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readArrays } from '../../src/data/npy-read.ts';
import { traceForeign } from '../../src/engine/foreign.ts';
import { openForeignTrace } from '../../src/engine/foreign-trace.ts';
import { AxisNames, madeUpSizes, placesOf } from '../../src/foreign/axes/names.ts';
import { findParts } from '../../src/foreign/find.ts';
import { ForeignModel } from '../../src/foreign/model.ts';
import { describeModel } from '../../src/onnx/operators.ts';
import { encodeModel, type ModelProto, type NodeProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import { partAxesText, stepChoices } from '../../src/shared/foreign.ts';
import { lookingBack } from './attention-models.ts';
import { graphOf, modelOf, node } from './models.ts';
import { generator } from './random-operators.ts';

const runtime = createRuntime();
const [F, C, H] = [4, 3, 5];

const weight = (name: string, dims: readonly number[], seed: number) => {
  const random = generator(seed);
  return tensorProto(
    'float32',
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b) }, () => random() - 0.5),
    name,
  );
};

/** An LSTM from both ends over the bands of each frame: x [B, T, F, C]. `shape`: how the frames become the batch. */
function overBands(shape: 'constant' | 'computed', free: readonly (number | string)[] = ['B', 'T', F, C]): ModelProto {
  const flat: NodeProto[] =
    shape === 'constant'
      ? [node('Reshape', ['x', 'minus'], ['flat'])]
      : [
          node('Shape', ['x'], ['all']),
          node('Gather', ['all', 'zero'], ['b']),
          node('Gather', ['all', 'one'], ['t']),
          node('Mul', ['b', 't'], ['bt']),
          node('Unsqueeze', ['bt', 'zeros'], ['bt1']),
          node('Slice', ['all', 'two1', 'four1'], ['rest']),
          node('Concat', ['bt1', 'rest'], ['target'], [attribute('axis', 0)]),
          node('Reshape', ['x', 'target'], ['flat']),
        ];
  return modelOf(
    graphOf(
      [
        ...flat,
        node('Transpose', ['flat'], ['turned'], [attribute('perm', [1, 0, 2])]),
        node('LSTM', ['turned', 'W', 'R'], ['Y', 'last'], [attribute('hidden_size', H), attribute('direction', 'bidirectional')], {
          name: '/intra/LSTM',
        }),
      ],
      {
        initializer: [
          weight('W', [2, 4 * H, C], 1),
          weight('R', [2, 4 * H, H], 2),
          tensorProto('int64', [3], [-1, F, C], 'minus'),
          tensorProto('int64', [], [0], 'zero'),
          tensorProto('int64', [], [1], 'one'),
          tensorProto('int64', [1], [0], 'zeros'),
          tensorProto('int64', [1], [2], 'two1'),
          tensorProto('int64', [1], [4], 'four1'),
        ],
        input: [valueInfo('x', 'float32', free)],
        output: [valueInfo('Y', 'float32')],
      },
    ),
  );
}

const axesOf = (model: ModelProto): string[] => {
  const ports = describeModel(model, 0).inputs;
  const { parts } = findParts(model);
  const names = new AxisNames(model.graph, ports, parts, madeUpSizes(ports));
  return parts.map((part) => {
    const info = names.info(part);
    return info === undefined ? '' : partAxesText(info);
  });
};

describe('axes', () => {
  it('are named by the file, or by what is fixed and what is open', () => {
    for (const shape of ['constant', 'computed'] as const) {
      assert.deepEqual(axesOf(overBands(shape)), ['steps: axis 2 of x (bands); sequences: axis 0 of x (B) by axis 1 of x (T)'], shape);
      assert.deepEqual(axesOf(overBands(shape, ['B', '?', F, C])), [
        'steps: axis 2 of x (bands); sequences: axis 0 of x (B) by axis 1 of x (frames)',
      ]);
      // Of two fixed sizes nobody knows which is which.
      assert.deepEqual(axesOf(overBands(shape, [1, 6, F, C])), ['steps: axis 2 of x; sequences: axis 1 of x']);
    }
  });

  it('say where each element of an input arrives, of 60 random ways to bring it there', async () => {
    for (let seed = 0; seed < 60; seed += 1) await checkRandomWay(seed);
  });

  describe('that are not time', function () {
    this.timeout(60_000);
    let folder: string;
    let file: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'unroll-axes-'));
      file = join(folder, 'bands.onnx');
      await writeFile(file, encodeModel(overBands('constant', ['B', 'T', F, C])));
    });
    after(() => rm(folder, { recursive: true, force: true }));
    const [B, T] = [2, 6];
    const input = { all: { kind: 'random', seed: 3 }, dimensions: { B, T } } as const;

    it('can be chosen to step over', async () => {
      const model = await ForeignModel.open(file, runtime);
      assert.deepEqual(
        stepChoices(model.info.parts).map(({ over }) => over),
        ['bands', 'T'],
      );
      await model.release();
    });

    it('are stepped over either way, and are the same numbers', async () => {
      const generated = folder;
      const [item, band] = [1, 2];
      const along = await openForeignTrace(1, { file, generated }, { ...input, over: 'T', item: item * F + band }, runtime);
      assert.equal(along.description.title, `bands.onnx · 6 steps over T · B 1, bands 2 · sequence 6 of 8`);
      assert.deepEqual([along.description.steps, along.description.tokens.length], [T, T]);
      assert.ok(along.description.parity < 1e-5);
      assert.deepEqual(along.description.sequences?.slice(2, 5), ['B 0, bands 2', 'B 0, bands 3', 'B 1, bands 0']);
      const line = { instance: 'intra_reverse', line: "h'" };
      const before = { instance: 'intra', line: 'c' };
      const all = await along.read({ addresses: [line, before], from: 0, to: T });
      const window = await along.read({ addresses: [line], from: 2, to: 4 });
      assert.deepEqual(window[0], all[0]!.slice(2 * H, 4 * H));
      for (let frame = 0; frame < T; frame += 1) {
        const own = await openForeignTrace(2, { file, generated }, { ...input, over: 'bands', item: item * T + frame }, runtime);
        assert.equal(own.description.title, `bands.onnx · 4 steps over bands · B 1, T ${frame} · sequence ${item * T + frame} of 12`);
        const values = await own.read({ addresses: [line, before], from: band, to: band + 1 });
        for (const [k, each] of values.entries()) {
          const found = all[k]!.subarray(frame * H, (frame + 1) * H);
          each.forEach((value, unit) => {
            assert.ok(Math.abs(value - found[unit]!) < 1e-6, `${k} ${frame} ${unit}: ${value} ${found[unit]}`);
          });
        }
        await own.close();
      }
      const mean = await along.summary({ kind: 'mean', address: line });
      assert.ok(Math.abs(mean[3]! - all[0]!.subarray(3 * H, 4 * H).reduce((sum, each) => sum + each / H, 0)) < 1e-6);
      const trajectory = await along.summary({ kind: 'trajectory', addresses: [line] });
      assert.equal(trajectory.length, 3 * T);
      // How far apart two frames are is no more in the plane than in the state.
      const apart = Math.hypot(...Array.from({ length: H }, (_, unit) => all[0]![3 * H + unit]! - all[0]![unit]!));
      const seen = Math.hypot(trajectory[9]! - trajectory[0]!, trajectory[10]! - trajectory[1]!);
      assert.ok(seen > 0 && seen <= apart + 1e-6, `${seen} of ${apart}`);
      await along.differentiate({ kind: 'output', output: 'Y', index: [band, 0, item * T + 4, null] });
      const [gradient] = await along.read({ addresses: [{ instance: 'intra', line: "h'" }], from: 0, to: T, gradient: true });
      // One frame's output hangs on that frame alone; at its own step each unit counts once.
      assert.deepEqual(
        Array.from({ length: T }, (_, frame) => gradient!.subarray(frame * H, (frame + 1) * H).some((each) => each !== 0)),
        Array.from({ length: T }, (_, frame) => frame === 4),
      );
      assert.ok(gradient!.subarray(4 * H, 5 * H).every((each) => Math.abs(each - 1) < 1e-6));
      await along.close();
    });

    it('are written either way', async () => {
      const reading = { signal: new AbortController().signal };
      const read = async (over?: string) => {
        const out = join(folder, `${over ?? 'plain'}.npz`);
        await traceForeign({ file, out, input: { ...input, ...(over === undefined ? {} : { over }) } }, runtime, reading);
        const { arrays } = await readArrays(out, ['intra/f']);
        return arrays.get('intra/f')!;
      };
      const plain = await read();
      const along = await read('T');
      assert.deepEqual(
        [plain.shape, along.shape],
        [
          [F, B * T, H],
          [T, B * F, H],
        ],
      );
      for (let b = 0; b < B; b += 1)
        for (let t = 0; t < T; t += 1)
          for (let f = 0; f < F; f += 1)
            for (let h = 0; h < H; h += 1)
              assert.equal(along.data[(t * B * F + b * F + f) * H + h], plain.data[(f * B * T + b * T + t) * H + h]);
    });

    it('are chosen among where an encoder and a decoder have each their own', async () => {
      const translator = join(folder, 'translator.onnx');
      await writeFile(translator, encodeModel(lookingBack()));
      const model = await ForeignModel.open(translator, runtime);
      assert.deepEqual(
        stepChoices(model.info.parts).map(({ over }) => over),
        ['S', 'T'],
      );
      await model.release();
      // The decoder and where it looks have T steps, the encoder has S.
      const of = async (over: string): Promise<readonly string[]> => {
        const choice = { all: { kind: 'random', seed: 3 }, dimensions: { S: 5, T: 4 }, over } as const;
        const trace = await openForeignTrace(1, { file: translator, generated: folder }, choice, runtime);
        await trace.close();
        return trace.description.instances.map(({ path }) => path).filter((path) => path !== '');
      };
      assert.deepEqual([await of('S'), await of('t')], [['encoder'], ['decoder', 'attention']]);
    });

    it('are said where there is no such', async () => {
      await assert.rejects(openForeignTrace(1, { file, generated: folder }, { ...input, over: 'words' }, runtime), /axis 2 of x \(bands\)/);
    });
  });
});

/** x [B, T, F, C] to X [steps, sequences, features] by moves that keep every element; fed with its coordinates. */
async function checkRandomWay(seed: number): Promise<void> {
  const random = generator(seed + 100);
  const pick = <T>(...items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const sizes = [pick<number>(1, 2), pick<number>(3, 4, 6), pick<number>(2, 4, 6), pick<number>(1, 2, 3)] as const;
  const order = pick([0, 1, 2, 3], [0, 2, 1, 3], [2, 0, 1, 3], [1, 0, 2, 3], [2, 1, 0, 3]);
  const dims = order.map((axis) => sizes[axis]!);
  // The steps are the first or the third of the axes, the others the batch.
  const isFirst = pick(true, false);
  const merged = isFirst ? [dims[0]!, dims[1]! * dims[2]!, dims[3]!] : [dims[0]! * dims[1]!, dims[2]!, dims[3]!];
  const odd = pick(true, false);
  const nodes = [
    node('Transpose', ['x'], ['t'], [attribute('perm', order)]),
    ...(odd
      ? [node('Unsqueeze', ['t', 'zeros'], ['u']), node('Neg', ['u'], ['n']), node('Neg', ['n'], ['m'])]
      : [node('Identity', ['t'], ['m'])]),
    node('Reshape', ['m', 'target'], ['r']),
    ...(isFirst ? [node('Identity', ['r'], ['X'])] : [node('Transpose', ['r'], ['X'], [attribute('perm', [1, 0, 2])])]),
    node('LSTM', ['X', 'W', 'R'], ['Y'], [attribute('hidden_size', 2)]),
  ];
  const model = modelOf(
    graphOf(nodes, {
      initializer: [
        weight('W', [1, 8, sizes[3]], 1),
        weight('R', [1, 8, 2], 2),
        tensorProto('int64', [3], merged, 'target'),
        tensorProto('int64', [1], [0], 'zeros'),
      ],
      input: [valueInfo('x', 'float32', sizes)],
      output: [valueInfo('X', 'float32'), valueInfo('Y', 'float32')],
    }),
  );
  const [part] = findParts(model).parts;
  const ports = describeModel(model, 0).inputs;
  const axes = new AxisNames(model.graph, ports, [part!], new Map([['x', sizes]])).of(part!)!;
  const data = Float32Array.from({ length: sizes.reduce((a, b) => a * b) }, (_, k) => k);
  const session = await runtime.open(encodeModel(model), { device: 'cpu' });
  const { X } = await session.compute({ x: { type: 'float32', dims: sizes, data } }, ['X']);
  await session.release();
  const [steps, sequences, features] = X!.dims as [number, number, number];
  const said = `${seed}: ${JSON.stringify({ sizes, order, isFirst, axes })}`;
  for (let s = 0; s < steps; s += 1)
    for (let n = 0; n < sequences; n += 1) {
      const element = (X!.data as Float32Array)[(s * sequences + n) * features]!;
      const at = [0, 0, 0, 0];
      let rest = element;
      for (let axis = 3; axis >= 0; axis -= 1) {
        at[axis] = rest % sizes[axis]!;
        rest = Math.floor(rest / sizes[axis]!);
      }
      for (const [factors, number] of [
        [axes.steps, s],
        [axes.sequences, n],
      ] as const)
        placesOf(factors, number).forEach((place, k) => {
          assert.equal(at[factors[k]!.of!.axis], place, said);
        });
    }
  assert.deepEqual(
    [...axes.steps, ...axes.sequences].map(({ of }) => of!.axis).sort(),
    [0, 1, 2].filter((axis) => sizes[axis]! > 1),
    said,
  );
}
