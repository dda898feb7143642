import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readArrays } from '../../../src/data/npy-read.ts';
import { traceForeign } from '../../../src/engine/foreign.ts';
import { openForeignTrace } from '../../../src/engine/foreign-trace.ts';
import { openAndRun, proposalOf } from '../../../src/foreign/pairs/open.ts';
import { PairError } from '../../../src/foreign/pairs/rule.ts';
import { exportDecoder } from '../../../src/onnx/export-decoder.ts';
import { encodeModel, type ModelProto } from '../../../src/onnx/proto.ts';
import { createRuntime } from '../../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../../src/runtime/runtime.ts';
import type { DecoderInput, ForeignInput } from '../../../src/shared/foreign.ts';
import { attentionLines } from '../../../src/training/decoding/attention.ts';
import { decoderGraphs } from '../../../src/training/decoding/graphs.ts';
import { modelOf, texts, weightsOf } from '../../training/decoding/models.ts';
import { additive, type Pair, products, reading, sizes } from './models.ts';

const runtime = createRuntime();
const { classes: V } = sizes;
const [B, S] = [2, 7];
const length = 6;
const begin = 1;

const ids = (dims: readonly number[], data: readonly number[]): Tensor => ({
  type: 'int64',
  dims,
  data: BigInt64Array.from(data, (each) => BigInt(each)),
});
const source = [4, 8, 0, 3, 3, 7, 1, 2, 5, 6, 1, 0, 8, 4];

/** Two sessions of onnxruntime and a loop of one's own: what `step` makes of the ids so far. Gives the scores of each call, and the ids chosen. */
async function byHand(
  { encoder, decoder }: Pair,
  step: (encoded: Record<string, Tensor>, state: Record<string, Tensor>, written: number[][]) => Record<string, Tensor>,
  next: (answer: Record<string, Tensor>) => Record<string, Tensor>,
  scores: string,
  end?: number,
  calls = length,
) {
  const [one, other] = await Promise.all(
    [encoder, decoder].map((model) => runtime.open(encodeModel(model), { device: 'cpu', threads: 1 })),
  );
  const encoded = await one!.compute({ src: ids([B, S], source) });
  const written: number[][] = [[begin, begin]];
  const answers: Record<string, Tensor>[] = [];
  let state: Record<string, Tensor> = {};
  const ended = [false, false];
  while (answers.length < calls && !ended.every((each) => each)) {
    const answer = await other!.compute(step(encoded, state, written));
    answers.push(answer);
    state = next(answer);
    const { data, dims } = answer[scores]!;
    const perRow = data.length / B;
    assert.equal(dims.at(-1), V);
    const chosen = [0, 1].map((row) => {
      const own = Array.from((data as Float32Array).subarray((row + 1) * perRow - V, (row + 1) * perRow));
      return own.indexOf(Math.max(...own));
    });
    written.push(chosen.map((id, row) => (ended[row] ? end! : id)));
    chosen.forEach((id, row) => {
      if (id === end) ended[row] = true;
    });
  }
  await Promise.all([one!.release(), other!.release()]);
  return { answers, written };
}

const ofAdditive = (pair: Pair, end?: number, given?: readonly number[]) =>
  byHand(
    pair,
    (encoded, state, written) => ({
      memory: encoded.memory!,
      hidden: encoded.hidden!,
      ...state,
      token: ids(
        [B],
        given === undefined ? written.at(-1)! : [begin, ...given].slice(written.length - 1, written.length).flatMap((id) => [id, id]),
      ),
    }),
    (answer) => ({ hidden: answer.hidden_out! }),
    'logits',
    end,
    given === undefined ? length : given.length + 1,
  );

const arraysOf = async (
  path: string,
): Promise<ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>> =>
  (await readArrays(path)).arrays as never;

const numbers = (tensor: Tensor): number[] => Array.from(tensor.data as Float32Array, Number);

function near(found: ArrayLike<number | bigint>, expected: readonly number[], what: string): void {
  assert.equal(found.length, expected.length, what);
  expected.forEach((value, k) => {
    assert.ok(Math.abs(Number(found[k]) - value) < 1e-5, `${what} ${k}: ${found[k]}, by hand ${value}`);
  });
}

describe('an encoder and a decoder of two files', function () {
  this.timeout(60_000);
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-pairs-'));
  });
  after(async () => rm(folder, { recursive: true }));

  async function written(name: string, { encoder, decoder }: Pair): Promise<{ encoder: string; decoder: string; src: string }> {
    const own = join(folder, name);
    await mkdir(own, { recursive: true });
    const paths = { encoder: join(own, 'encoder.onnx'), decoder: join(own, 'decoder.onnx'), src: join(own, 'src.json') };
    await writeFile(paths.encoder, encodeModel(encoder));
    await writeFile(paths.decoder, encodeModel(decoder));
    await writeFile(paths.src, JSON.stringify([source.slice(0, S), source.slice(S)]));
    return paths;
  }

  const inputOf = (files: { decoder: string; src: string }, how: Partial<DecoderInput> = {}): ForeignInput => ({
    all: { kind: 'file', path: files.src },
    decoder: { file: files.decoder, begin, length, ...how },
  });

  it('writes what both do when they are called in turn: a spelled-out cell behind additive attention', async () => {
    const pair = additive();
    const files = await written('additive', pair);
    const { written: expected, answers } = await ofAdditive(pair);
    assert.ok(new Set(expected.flat()).size > 3, 'the ids differ, or this test says little');
    const out = join(folder, 'additive.npz');
    const { parity, idle, remarks } = await traceForeign({ file: files.encoder, input: inputOf(files), out }, runtime, {});
    assert.deepEqual(idle, []);
    assert.deepEqual(parity.map(({ part }) => part).sort(), ['decoder', 'rnn']);
    for (const { part, value } of parity) assert.ok(value! < 1e-6, `${part} ${value}`);
    assert.ok(!remarks.some((each) => each.includes('differs')), remarks.join('\n'));
    const arrays = await arraysOf(out);
    assert.deepEqual(Array.from(arrays.get('tokens')!.data, Number), expected.slice(0, -1).flat());
    assert.deepEqual(Array.from(arrays.get('chosen')!.data, Number), expected.slice(1).flat());
    near(
      arrays.get('logits')!.data,
      answers.flatMap(({ logits }) => numbers(logits!)),
      'logits',
    );
    near(
      arrays.get('attention')!.data,
      answers.flatMap(({ attention }) => numbers(attention!)),
      'attention',
    );
    // The replay's own lines: the weights of attention, and the state after each step.
    const lines = [...arrays.keys()].filter((name) => name.startsWith('decoder/'));
    const weights = lines.find((name) => arrays.get(name)!.shape.join() === [length, B, S].join() && name.endsWith('attention'))!;
    near(
      arrays.get(weights)!.data,
      answers.flatMap(({ attention }) => numbers(attention!)),
      weights,
    );
    near(
      arrays.get('decoder/h')!.data,
      answers.flatMap(({ hidden_out }) => numbers(hidden_out!)),
      'decoder/h',
    );
  });

  it('ends where every row has chosen its end, and feeds it to rows that have', async () => {
    // Weights by which the rows end at different calls.
    for (let seed = 3; ; seed += 1) {
      assert.ok(seed < 60, 'no weights end');
      const pair = additive(seed);
      const free = (await ofAdditive(pair)).written.slice(1);
      const end = free.flat().find((id) => {
        const at = [0, 1].map((row) => free.findIndex((each) => each[row] === id));
        return at.every((place) => place >= 0) && at[0] !== at[1] && Math.max(...at) < length - 1;
      });
      if (end === undefined) continue;
      const { written: expected } = await ofAdditive(pair, end);
      const files = await written(`ends-${seed}`, pair);
      const { run, model } = await openAndRun(files.encoder, inputOf(files, { end }), runtime);
      assert.deepEqual(Array.from(run.outputs.tokens!.data as BigInt64Array, Number), expected.slice(0, -1).flat());
      assert.ok(expected.length - 1 < length);
      assert.ok(run.remarks.some((each) => /its end/.test(each)));
      await model.release();
      break;
    }
  });

  it('reads given tokens instead of its choices', async () => {
    const pair = additive();
    const files = await written('given', pair);
    const tokens = [5, 0, 7];
    const { answers } = await ofAdditive(pair, undefined, tokens);
    const { run, model } = await openAndRun(files.encoder, inputOf(files, { tokens }), runtime);
    assert.deepEqual(Array.from(run.outputs.tokens!.data as BigInt64Array, Number), [1, 1, 5, 5, 0, 0, 7, 7]);
    near(
      run.outputs.logits!.data,
      answers.flatMap(({ logits }) => numbers(logits!)),
      'logits',
    );
    await model.release();
  });

  it('an LSTM operator of one step before attention by products; names differ', async () => {
    const pair = products();
    const files = await written('products', pair);
    const { answers, written: expected } = await byHand(
      pair,
      (encoded, state, ids_) => ({
        encoder_outputs: encoded.memory!,
        h0: encoded.hidden!,
        c0: encoded.cell!,
        ...state,
        prev_token: ids([B, 1], ids_.at(-1)!),
      }),
      ({ hn, cn }) => ({ h0: hn!, c0: cn! }),
      'scores',
    );
    const out = join(folder, 'products.npz');
    const { parity } = await traceForeign({ file: files.encoder, input: inputOf(files), out }, runtime, {});
    for (const { part, value } of parity) assert.ok(value! < 1e-6, `${part} ${value}`);
    const arrays = await arraysOf(out);
    assert.deepEqual(Array.from(arrays.get('tokens')!.data, Number), expected.slice(0, -1).flat());
    near(
      arrays.get('scores')!.data,
      answers.flatMap(({ scores }) => numbers(scores!)),
      'scores',
    );
    near(
      arrays.get('decoder/c')!.data,
      answers.flatMap(({ cn }) => numbers(cn!)),
      'c',
    );
    assert.ok(
      [...arrays.keys()].some((name) => /^decoder\/.*weights/.test(name)),
      [...arrays.keys()].join(' '),
    );
  });

  it('a decoder that reads all it wrote at each call', async () => {
    const pair = reading();
    const files = await written('reading', pair);
    const { answers, written: expected } = await byHand(
      pair,
      (encoded, _, ids_) => ({
        memory: encoded.memory!,
        hidden: encoded.hidden!,
        tgt: ids(
          [B, ids_.length],
          [0, 1].flatMap((row) => ids_.map((each) => each[row]!)),
        ),
      }),
      () => ({}),
      'logits',
    );
    const out = join(folder, 'reading.npz');
    const { parity } = await traceForeign({ file: files.encoder, input: inputOf(files), out }, runtime, {});
    for (const { part, value } of parity) assert.ok(value! < 1e-6, `${part} ${value}`);
    const arrays = await arraysOf(out);
    assert.deepEqual(
      Array.from(arrays.get('tokens')!.data, Number),
      [0, 1].flatMap((row) => expected.slice(0, -1).map((each) => each[row]!)),
    );
    near(arrays.get('logits')!.data, numbers(answers.at(-1)!.logits!), 'logits');
  });

  it('steps through the decoder with its attention, or through the encoder', async () => {
    const files = await written('stepped', additive());
    const source = { file: files.encoder, generated: join(folder, 'generated') };
    const trace = await openForeignTrace(1, source, inputOf(files), runtime);
    const { steps, instances, idle, title, objective } = trace.description;
    assert.deepEqual(objective, { kind: 'output', output: 'logits' });
    assert.equal(steps, length);
    assert.match(title, /encoder and decoder\.onnx/);
    assert.ok(instances.some(({ lines }) => lines.some(({ attention, shape }) => attention === true && shape.join() === String(S))));
    assert.deepEqual(
      idle?.map(({ part }) => part),
      ['rnn'],
    );
    await trace.close();
    const other = await openForeignTrace(2, source, inputOf(files, { side: 'encoder' }), runtime);
    assert.equal(other.description.steps, S);
    await other.close();
  });

  it('the gradient of a score goes through the decoder into the encoder: central differences', async () => {
    const pair = additive();
    const files = await written('gradient', pair);
    const tokens = [5, 0, 7];
    const out = join(folder, 'gradient.npz');
    const input = inputOf(files, { tokens });
    const gradient = { kind: 'output', output: 'logits', index: [3, 0, 4] } as const;
    await traceForeign({ file: files.encoder, input, out, gradient }, runtime, {});
    const arrays = await arraysOf(out);
    // The state of the encoder after its last step is what the decoder starts from and looks at.
    const analytic = arrays.get('rnn/h.gradient')!;
    const at = ((S - 1) * B + 0) * sizes.hidden + 2;
    const nudged = async (by: number): Promise<number> => {
      const [one, other] = await Promise.all(
        [pair.encoder, pair.decoder].map((model) => runtime.open(encodeModel(model), { device: 'cpu', threads: 1 })),
      );
      const encoded = await one!.compute({ src: ids([B, S], [4, 8, 0, 3, 3, 7, 1, 2, 5, 6, 1, 0, 8, 4]) });
      const [memory, hidden] = [
        Float32Array.from(encoded.memory!.data as Float32Array),
        Float32Array.from(encoded.hidden!.data as Float32Array),
      ];
      memory[(0 * S + S - 1) * sizes.hidden + 2]! += by;
      hidden[2]! += by;
      let state: Tensor = { ...encoded.hidden!, data: hidden };
      let value = 0;
      for (const id of [begin, ...tokens]) {
        const answer = await other!.compute({ token: ids([B], [id, id]), memory: { ...encoded.memory!, data: memory }, hidden: state });
        state = answer.hidden_out!;
        value = numbers(answer.logits!)[4]!;
      }
      await Promise.all([one!.release(), other!.release()]);
      return value;
    };
    const difference = ((await nudged(5e-3)) - (await nudged(-5e-3))) / 1e-2;
    assert.ok(Math.abs(difference) > 1e-3, `the score depends on it: ${difference}`);
    assert.ok(
      Math.abs(Number(analytic.data[at]) - difference) < 2e-3 * Math.max(1, Math.abs(difference)),
      `${analytic.data[at]} ${difference}`,
    );
  });

  for (const name of Object.keys(texts).filter((each) => each !== 'of a class' && each !== 'of a text without a source'))
    it(`files of unroll export --format decoder: ${name}`, async () => {
      // As they are written of a run: rows may end before others.
      const model = await modelOf(texts[name]!, ['S']);
      const attention = attentionLines(model);
      const graphs = decoderGraphs(
        model,
        attention.map(({ line }) => line.value),
        (graph) => graph,
      );
      const lines = attention.map((each) => each.name);
      const rules = { begin: 1, end: 2, never: [] };
      const { files } = exportDecoder(model, { ...graphs, lines, ...rules }, { weights: weightsOf(model, 4) });
      const own = join(folder, `own-${name}`);
      await mkdir(own);
      for (const [file, bytes] of files) await writeFile(join(own, file), bytes);
      await writeFile(join(own, 'source.json'), JSON.stringify([[3], [0], [5], [2]]));
      const input: ForeignInput = {
        all: { kind: 'file', path: join(own, 'source.json') },
        decoder: { file: join(own, 'step.onnx'), begin: 1, end: 2, length },
      };
      const { run, model: joined } = await openAndRun(join(own, 'encoder.onnx'), input, runtime);
      const greedy = await runtime.open(files.get('greedy.onnx')!, { device: 'cpu', threads: 1 });
      const starts = model.states.flatMap(({ name: state, before, initial }) => {
        if (!greedy.inputs.includes(state)) return [];
        const dims = before.type.axes.map(({ name: axis, size }) => (typeof size === 'number' ? size : axis === 'B' ? 1 : 4));
        const data = new Float32Array(dims.reduce((product, size) => product * size, 1)).fill(initial ?? 0);
        return [[state, { type: 'float32', dims, data } as Tensor]];
      });
      const { tokens } = await greedy.compute({
        ...Object.fromEntries(starts),
        source: { type: 'int32', dims: [4, 1], data: Int32Array.of(3, 0, 5, 2) },
        'lengths(S)': { type: 'int32', dims: [1], data: Int32Array.of(4) },
        length: { type: 'int64', dims: [], data: BigInt64Array.of(BigInt(length)) },
      });
      await greedy.release();
      // Of a decoder that reads all so far, the ids that were read; what was chosen last is not among them.
      const fed = Array.from(run.outputs.tokens!.data as Int32Array).slice(1);
      const last = Number(run.outputs.chosen!.data.at(-1));
      assert.deepEqual([...fed, last], Array.from(tokens!.data as Int32Array));
      assert.ok(!run.remarks.some((each) => each.includes('differs')), run.remarks.join('\n'));
      const decoders = run.ran.filter(({ part }) => joined.isDecoder!(part));
      assert.deepEqual(joined.refused, []);
      assert.ok(
        decoders.some(({ part }) => (part.attention ?? []).length > 0) ||
          attention.length === 0 ||
          name === 'that sees what it read before',
        run.ran.map(({ part }) => part.name).join(),
      );
      const { parity } = await traceForeign({ file: join(own, 'encoder.onnx'), input, out: join(own, 'values.npz') }, runtime, {});
      for (const { part, value } of parity) assert.ok(value! < 1e-5, `${part} ${value}`);
      await joined.release();
    });

  it('says what does not fit', async () => {
    const pair = additive();
    const files = await written('faults', pair);
    const fails = (input: ForeignInput, message: RegExp, file = files.encoder) =>
      assert.rejects(openAndRun(file, input, runtime), (error: Error) => {
        assert.ok(error instanceof PairError, String(error));
        assert.match(error.message, message);
        return true;
      });
    const rule = { ...(await proposalOf(files.encoder, files.decoder, runtime)) };
    await fails(inputOf(files, { rule: { ...rule, given: { hidden: 'hidden' } } }), /Nothing feeds memory/);
    await fails(inputOf(files, { rule: { ...rule, given: { ...rule.given, memory: 'hiden' } } }), /no output hiden/);
    await fails(inputOf(files, { rule: { ...rule, token: { input: 'memory' } } }), /ids of tokens are whole numbers/);
    await fails(inputOf(files, { begin: -1 }), /"begin"/);
    await fails(inputOf(files, { length: 0 }), /"length"/);
    await fails({ ...inputOf(files), decoder: { file: files.encoder, begin, length } }, /fit together|No (?:in|out)put/);
    const older: ModelProto = { ...pair.decoder, opset_import: [{ domain: '', version: 13 }] };
    const mixed = await written('mixed', { encoder: pair.encoder, decoder: older });
    await fails(inputOf(mixed), /export both with the same opset/, mixed.encoder);
  });
});
