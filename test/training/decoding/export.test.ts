import assert from 'node:assert/strict';
import type { Model } from '../../../src/graph/model.ts';
import { type DecoderToExport, exportDecoder } from '../../../src/onnx/export-decoder.ts';
import { decodeModel } from '../../../src/onnx/proto.ts';
import { createRuntime } from '../../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../../src/runtime/runtime.ts';
import { attentionLines } from '../../../src/training/decoding/attention.ts';
import { decoderGraphs } from '../../../src/training/decoding/graphs.ts';
import { best } from '../../../src/training/generate.ts';
import { classes, logProbabilities, modelOf, texts, weightsOf } from './models.ts';

/** Sources of one length, as an exported encoder takes them: three rows. */
const rows = 3;
const read = [
  [3, 0, 5, 2],
  [1, 1, 4, 0],
  [2, 5, 0, 3],
];
const int = (dims: readonly number[], data: readonly number[]): Tensor => ({ type: 'int32', dims, data: Int32Array.from(data) });
const sources: Record<string, Tensor> = {
  source: int(
    [4, rows],
    [0, 1, 2, 3].flatMap((t) => read.map((row) => row[t]!)),
  ),
  kind: int(
    [rows],
    read.map(([first]) => first!),
  ),
};
const length = 6;
const rules = { begin: 1, end: 2, never: [0, 1] };

describe('an exported decoder', () => {
  const runtime = createRuntime();
  const skipped = ['of a class', 'of a text without a source'];
  for (const name of Object.keys(texts).filter((each) => !skipped.includes(each)))
    it(`decodes greedily by itself what the model writes, and step by step: ${name}`, async () => {
      const model = await modelOf(texts[name]!, []);
      // By the interpreter, on the whole model; with weights that write something else for each source.
      const writtenWith = (seed: number): number[][] =>
        read.map((source, row) => {
          const written: number[] = [];
          while (written.length < length && written.at(-1) !== rules.end)
            written.push(
              best(Float32Array.from(logProbabilities(model, weightsOf(model, seed), row, [rules.begin, ...written], source)), rules.never),
            );
          return written;
        });
      const seed = Array.from({ length: 60 }, (_, k) => k).find((each) => new Set(writtenWith(each).map(String)).size === rows);
      assert.ok(seed !== undefined, 'rows differ, or this test says little');
      const weights = weightsOf(model, seed);
      const expected = writtenWith(seed);

      const attention = attentionLines(model);
      const graphs = decoderGraphs(
        model,
        attention.map(({ line }) => line.value),
        (graph) => graph,
      );
      const decoder: DecoderToExport = { ...graphs, lines: attention.map((each) => each.name), ...rules };
      const { files, operators } = exportDecoder(model, decoder, { weights });
      assert.ok(operators.includes('Loop'));
      for (const bytes of files.values())
        assert.deepEqual(
          decodeModel(bytes).opset_import.map(({ domain }) => domain),
          [''],
        );

      const greedy = await runtime.open(files.get('greedy.onnx')!, { device: 'cpu', threads: 1 });
      const given = Object.fromEntries(greedy.inputs.flatMap((each) => (sources[each] === undefined ? [] : [[each, sources[each]]])));
      const starts = statesOf(model, greedy.inputs);
      const { tokens } = await greedy.compute({
        ...given,
        ...starts,
        length: { type: 'int64', dims: [], data: BigInt64Array.of(BigInt(length)) },
      });
      const longest = Math.max(...expected.map((row) => row.length));
      assert.deepEqual(tokens!.dims, [rows, longest]);
      assert.deepEqual(
        [...(tokens!.data as Int32Array)],
        expected.flatMap((row) => [...row, ...new Array(longest - row.length).fill(rules.end)]),
      );
      await greedy.release();

      // A loop of one's own around the two others.
      const [encoder, step] = await Promise.all(
        ['encoder.onnx', 'step.onnx'].map((file) => runtime.open(files.get(file)!, { device: 'cpu', threads: 1 })),
      );
      const held = await encoder!.compute({ ...given, ...starts });
      let states = Object.fromEntries(Object.entries(held).filter(([each]) => each.startsWith('state_')));
      const written: number[][] = read.map(() => []);
      for (let t = 0; t < longest; t += 1) {
        const all = [read.map(() => rules.begin), ...Array.from({ length: t }, (_, k) => written.map((row) => row[k]!))];
        const token = graphs.isPrefix ? int([t + 1, rows], all.flat()) : int([rows], all[t]!);
        const found = await step!.compute(
          Object.fromEntries(
            Object.entries({ ...held, ...states, token, time: int([], [t]) }).filter(([each]) => step!.inputs.includes(each)),
          ),
        );
        for (const { name: line } of attention) assert.ok(found[line]!.data.length >= rows * 4);
        states = Object.fromEntries(Object.keys(states).map((each) => [each, found[`next_${each}`]!]));
        const scores = found.scores!.data as Float32Array;
        written.forEach((row, k) => {
          row.push(best(scores.subarray(k * classes.Word, (k + 1) * classes.Word), rules.never));
        });
      }
      expected.forEach((row, k) => {
        assert.deepEqual(written[k]!.slice(0, row.length), row);
      });
      await encoder!.release();
      await step!.release();
    });

  /** Sources of 4, 1 and 3 symbols, and what stands behind their ends. */
  const ends = [4, 1, 3];
  for (const name of Object.keys(texts).filter((each) => !skipped.includes(each)))
    it(`of rows that end where they end, each is written as if it stood alone: ${name}`, async () => {
      const [model, whole] = await Promise.all([modelOf(texts[name]!, ['S']), modelOf(texts[name]!, [])]);
      const attention = attentionLines(model);
      const lines = attention.map(({ line }) => line.value);
      const graphs = decoderGraphs(model, lines, (graph) => graph);
      const writtenWith = (seed: number): number[][] =>
        read.map((source, row) => {
          const written: number[] = [];
          while (written.length < length && written.at(-1) !== rules.end) {
            const scores = logProbabilities(whole, weightsOf(whole, seed), row, [rules.begin, ...written], source.slice(0, ends[row]!));
            written.push(best(Float32Array.from(scores), rules.never));
          }
          return written;
        });
      // As if the rows had no end, the padding would be read.
      const seed = Array.from({ length: 60 }, (_, k) => k).find((each) => new Set(writtenWith(each).map(String)).size === rows);
      assert.ok(seed !== undefined, 'rows differ, or this test says little');
      const weights = weightsOf(model, seed);
      const expected = writtenWith(seed);
      const { files } = exportDecoder(model, { ...graphs, lines: attention.map((each) => each.name), ...rules }, { weights });
      const longest = Math.max(...expected.map((row) => row.length));
      const filled = expected.flatMap((row) => [...row, ...new Array(longest - row.length).fill(rules.end)]);
      const write = async (source: Tensor): Promise<number[]> => {
        const greedy = await runtime.open(files.get('greedy.onnx')!, { device: 'cpu', threads: 1 });
        const { tokens } = await greedy.compute({
          ...{ source, 'lengths(S)': int([rows], ends), length: { type: 'int64', dims: [], data: BigInt64Array.of(BigInt(length)) } },
          ...statesOf(model, greedy.inputs),
        });
        await greedy.release();
        return [...(tokens!.data as Int32Array)];
      };
      assert.deepEqual(await write(sources.source!), filled);
      const other = (sources.source!.data as Int32Array).map((id, k) =>
        Math.floor(k / rows) < ends[k % rows]! ? id : (id + 1) % classes.Symbol,
      );
      assert.deepEqual(await write({ ...sources.source!, data: other }), filled, 'what stands behind the ends counts nowhere');

      const encoder = await runtime.open(files.get('encoder.onnx')!, { device: 'cpu', threads: 1 });
      const step = await runtime.open(files.get('step.onnx')!, { device: 'cpu', threads: 1 });
      const held = await encoder.compute({ source: sources.source!, 'lengths(S)': int([rows], ends), ...statesOf(model, encoder.inputs) });
      const token = graphs.isPrefix
        ? int(
            [1, rows],
            read.map(() => rules.begin),
          )
        : int(
            [rows],
            read.map(() => rules.begin),
          );
      const found = await step.compute(
        Object.fromEntries(
          Object.entries({ ...held, token, time: int([], [0]), 'lengths(S)': int([rows], ends) }).filter(([each]) =>
            step.inputs.includes(each),
          ),
        ),
      );
      for (const { name: line, heads } of attention) {
        const { data } = found[line]!;
        const places = heads.reduce((product, size) => product * size, 1);
        for (let k = 0; k < data.length; k += 1)
          if (k % 4 >= ends[Math.floor(k / (4 * places))]!) assert.equal(data[k], 0, `${line} of row ${Math.floor(k / (4 * places))}`);
      }
      await encoder.release();
      await step.release();
    });

  const statesOf = (model: Model, inputs: readonly string[]): Record<string, Tensor> =>
    Object.fromEntries(
      model.states.flatMap(({ name: state, before, initial }) => {
        if (!inputs.includes(state)) return [];
        const dims = before.type.axes.map(({ name: axis, size }) => (typeof size === 'number' ? size : axis === 'B' ? rows : 4));
        const data = new Float32Array(dims.reduce((product, size) => product * size, 1)).fill(initial ?? 0);
        return [[state, { type: 'float32', dims, data } as Tensor]];
      }),
    );

  it('has the operators of ONNX for the layers of the encoder', async () => {
    for (const ragged of [[], ['S']])
      for (const text of [texts.additive!, texts['with input feeding']!]) {
        const model = await modelOf(text, ragged);
        const graphs = decoderGraphs(model, [], (graph) => graph);
        const { operators } = exportDecoder(model, { ...graphs, lines: [], ...rules }, { weights: weightsOf(model) });
        assert.ok((operators.includes('GRU') || operators.includes('LSTM')) && !operators.includes('Scan'), operators.join(' '));
      }
  });
});
