// Gradients of whole models through parts that are loops or unrolled: of the model's inputs by its own operators, of the cells' by their replay. Both
// against central differences of the untouched model.

import assert from 'node:assert/strict';
import { type OutputGradient, outputGradient, replaySeeded } from '../../src/foreign/gradient.ts';
import { pruned, unfold } from '../../src/foreign/gradients/unfolding.ts';
import { ForeignSession, type RanModel } from '../../src/foreign/session.ts';
import { encodeModel, type ModelProto } from '../../src/onnx/proto.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { cutAt, instrumented } from './differences.ts';
import { cellCase } from './random-cells.ts';
import { generator } from './random-operators.ts';
import { unrolledCase } from './random-unrolled.ts';

const runtime = createRuntime();
type Feeds = Readonly<Record<string, Tensor>>;

/** The cotangent of an output: random, or 1 at its last element. */
function cotangentOf({ dims, data }: Tensor, seed: number): Tensor {
  const random = generator(seed + 1000);
  return { type: 'float32', dims, data: Float32Array.from(data as Float32Array, () => 2 * random() - 1) };
}

/** The change of the weighted sum of an output with each element of an input, by steps of two widths: a kink lies within one at most. */
async function differences(model: ModelProto, feeds: Feeds, input: string, output: string, weights: Tensor): Promise<Differences> {
  const session = await runtime.open(encodeModel(model), { device: 'cpu', threads: 1 });
  const given = feeds[input]!;
  const at = async (place: number, change: number): Promise<number> => {
    const data = Float32Array.from(given.data as Float32Array);
    data[place]! += change;
    const found = (await session.compute({ ...feeds, [input]: { ...given, data } }, [output]))[output]!.data as Float32Array;
    return found.reduce((sum, each, k) => sum + each * (weights.data as Float32Array)[k]!, 0);
  };
  const slope = async (place: number, step: number): Promise<number> => {
    const [one, two] = [(await at(place, step)) - (await at(place, -step)), (await at(place, 2 * step)) - (await at(place, -2 * step))];
    return (8 * one - two) / (12 * step);
  };
  const found: (readonly [number, number])[] = [];
  for (let place = 0; place < given.data.length; place += 1) found.push([await slope(place, 8e-3), await slope(place, 1e-3)]);
  await session.release();
  return found;
}

/** By the wide step and by the narrow one. */
type Differences = readonly (readonly [number, number])[];

interface Gradients {
  readonly run: RanModel;
  readonly found: OutputGradient;
}

async function gradients(model: ModelProto, feeds: Feeds, output: string, seed: number) {
  const session = new ForeignSession(runtime, model);
  const run = await session.run(feeds);
  await session.release();
  const cotangent = cotangentOf(run.outputs[output]!, seed);
  const wanted = Object.keys(feeds).filter((name) => feeds[name]!.type === 'float32');
  const request = { model, calls: [feeds], ran: run.ran, output, cotangents: [cotangent], wanted };
  return { run, cotangent, found: await outputGradient(runtime, request) };
}

/** Each line of each part, at one of its steps, against differences of the value of a flat model that has the same numbers; how many were found. */
async function checkLines(flat: ModelProto, feeds: Feeds, output: string, cotangent: Tensor, { run, found }: Gradients, seed: number) {
  const others = /^(?:Identity|Constant|SplitToSequence|Sequence(?:Empty|Construct|Insert|Erase))$/;
  const names = flat.graph.node.flatMap(({ op_type, output: [name] }) => (others.test(op_type) ? [] : [name!]));
  const computed = await instrumented(flat, feeds, names);
  let compared = 0;
  for (const { part, bound } of run.ran) {
    const items = [...bound.lengths.keys()];
    const steps = bound.lengths[0]!;
    const t = seed % steps;
    const replayed = await replaySeeded(runtime, part, bound, items, found.of(bound));
    try {
      const { line: instance } = replayed.source.runs[0]!;
      for (const { name: line } of replayed.trace.description.instances.find(({ path }) => path === instance)!.lines) {
        const request = { addresses: [{ instance, line }], from: t, to: t + 1 };
        const [[value], [gradient]] = [await replayed.trace.read(request), await replayed.trace.read({ ...request, gradient: true })];
        const places = names.flatMap((name) => {
          const order = orderOf(computed[name]!, value!, items.length);
          return order === undefined ? [] : [{ name, order }];
        });
        // Of numbers that stand in several places, none is the line for certain.
        const [place] = places;
        if (places.length !== 1 || place === undefined) continue;
        const cut = pruned(cutAt(flat, place.name, 'float32'), [output]);
        const own = { ...feeds, [place.name]: computed[place.name]! };
        const given = Object.fromEntries(cut.graph.input.map(({ name }) => [name, own[name]!]));
        const expected =
          given[place.name] === undefined ? value!.map(() => 0) : await differences(cut, given, place.name, output, cotangent);
        assertNear(
          gradient,
          place.order.map((at): readonly [number, number] => (typeof expected[at] === 'number' ? [0, 0] : expected[at]!)),
          `${part.name}/${line} at ${t}`,
        );
        compared += 1;
      }
    } finally {
      await replayed.trace.close();
    }
  }
  return compared;
}

/** Where the numbers of a line of [B, H] stand in a tensor that has the same: in its order, or turned; undefined where it has others. */
function orderOf({ type, data }: Tensor, line: Float32Array, batch: number): number[] | undefined {
  if (type !== 'float32' || data.length !== line.length) return undefined;
  const width = line.length / batch;
  const plain = Array.from(line, (_, k) => k);
  const turned = plain.map((k) => (k % width) * batch + Math.floor(k / width));
  return [plain, turned].find((order) => order.every((at, k) => Math.abs((data as Float32Array)[at]! - line[k]!) < 2e-6));
}

/** The unfolded model computes what the untouched one does. */
function near({ data }: Tensor, expected: Tensor): void {
  assert.equal(data.length, expected.data.length);
  const most = (data as Float32Array).reduce((largest, each, k) => Math.max(largest, Math.abs(each - (expected.data[k] as number))), 0);
  assert.ok(most < 1e-5, `${most} apart`);
}

function assertNear(found: ArrayLike<number> | undefined, expected: Differences, what: string): void {
  const largest = Math.max(...expected.map(([wide]) => Math.abs(wide)));
  expected.forEach(([wide, narrow], k) => {
    const own = found?.[k] ?? 0;
    const isNear = Math.abs(wide - own) < 4e-3 * largest + 1e-4 || Math.abs(narrow - own) < 8e-3 * largest + 5e-4;
    assert.ok(isNear, `${what}[${k}]: ${own} instead of ${wide}`);
  });
}

describe('gradients through Scan and Loop', () => {
  let lines = 0;
  for (let seed = 0; seed < 30; seed += 1) {
    const { title, model, feeds } = cellCase(seed);
    const outputs = model.graph.output.map(({ name }) => name).filter((name) => name !== 'scale_last');
    const output = outputs[seed % outputs.length]!;
    it(`are those of the untouched model: ${output} of ${title}`, async function () {
      this.timeout(60_000);
      const { run, cotangent, found } = await gradients(model, feeds, output, seed);
      assert.deepEqual(found.missing, []);
      assert.equal(run.ran.length, 1);
      for (const name of Object.keys(feeds)) {
        const expected = await differences(model, feeds, name, output, cotangent);
        assertNear(found.cotangents.get(name)?.data as Float32Array | undefined, expected, name);
      }
      const { model: flat } = await unfold(runtime, model, feeds, [output]);
      near((await instrumented(flat, feeds, [output]))[output]!, run.outputs[output]!);
      lines += await checkLines(flat, feeds, output, cotangent, { run, found }, seed);
    });
  }

  it('include those of gates and states', () => assert.ok(lines > 60, `${lines} lines were compared`));
});

describe('gradients through unrolled cells', () => {
  let lines = 0;
  for (let seed = 0; seed < 24; seed += 1) {
    const { title, model, feeds, expected: parts } = unrolledCase(seed);
    const outputs = model.graph.output.map(({ name }) => name);
    const output = outputs[seed % outputs.length]!;
    it(`are those of the untouched model: ${output} of ${title}`, async function () {
      this.timeout(60_000);
      const { run, cotangent, found } = await gradients(model, feeds, output, seed);
      assert.deepEqual(found.missing, []);
      assert.equal(run.ran.length, parts.length);
      for (const name of Object.keys(feeds)) {
        const expected = await differences(model, feeds, name, output, cotangent);
        assertNear(found.cotangents.get(name)?.data as Float32Array | undefined, expected, name);
      }
      lines += await checkLines(model, feeds, output, cotangent, { run, found }, seed);
    });
  }

  it('include those of gates and states', () => assert.ok(lines > 60, `${lines} lines were compared`));
});
