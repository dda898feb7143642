// Exported modules are the texts beside test/oracles/pytorch.py, and what PyTorch computed with them is what the model's own graph gives.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Value } from '../../src/graph/graph.ts';
import { interpret, type NamedArray } from '../../src/graph/interpret.ts';
import type { Model } from '../../src/graph/model.ts';
import { buildModel } from '../../src/language/index.ts';
import { writePytorch } from '../../src/pytorch/export.ts';
import { supportText } from '../../src/pytorch/support.ts';
import { array, assertClose, gradients } from '../graph/numeric.ts';
import { programOf } from '../language/load.ts';
import { type Case, cases } from './models.ts';

const folder = new URL('../oracles/pytorch/', import.meta.url);
const update = process.env.UPDATE_GOLDEN === '1';

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly (number | null)[];
}
interface Outcome {
  readonly output: Stored;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Stored>>;
}
interface Oracle {
  readonly weights: Readonly<Record<string, Stored>>;
  readonly inputs: Readonly<Record<string, Stored>>;
  readonly whole: Outcome;
  readonly ragged?: Outcome;
}

const sizes = { T: 5, S: 4, B: 3 };
const lengths: Readonly<Record<string, readonly number[]>> = { T: [5, 2, 3], S: [1, 4, 2] };

async function written({ text, model, sizes: known, arguments: given = {} }: Case) {
  const program = await programOf(text);
  assert.deepEqual(
    program.faults.filter(({ severity }) => severity === 'error').map(({ message }) => message),
    [],
  );
  return { program, module: writePytorch({ program, model, arguments: given, sizes: known }) };
}

/** A golden file; written where UPDATE_GOLDEN asks for it. */
function assertGolden(name: string, text: string): void {
  const path = new URL(name, folder);
  if (update) writeFileSync(path, text);
  assert.equal(text, readFileSync(path, 'utf8'), `${name}: UPDATE_GOLDEN=1 writes it anew, then python3 test/oracles/pytorch.py`);
}

/** What a model of ours is fed with: PyTorch's numbers, the batch behind the time. */
function feedsOf(model: Model, oracle: Oracle): Map<Value, NamedArray> {
  const feeds = new Map<Value, NamedArray>();
  const named = (value: Value, stored: Stored, names: readonly string[]): NamedArray => {
    const axes = stored.shape.map((size, k) => ({ name: names[k]!, size }));
    assert.equal(axes.length, value.type.axes.length, value.name);
    return { axes, data: Float64Array.from(stored.data, (each) => each ?? Number.NaN) };
  };
  for (const { name, value } of model.weights)
    feeds.set(
      value,
      named(
        value,
        oracle.weights[name]!,
        value.type.axes.map((axis) => axis.name),
      ),
    );
  for (const { name, value } of model.inputs) {
    const own = /^lengths\((.*)\)$/.exec(name)?.[1];
    if (own !== undefined)
      feeds.set(
        value,
        array(value, sizes, (row) => lengths[own]![row]!),
      );
    else {
      const ahead = /^next\((.*)\)$/.exec(name)?.[1];
      const rest = value.type.axes.filter((axis) => axis.name !== 'B').map((axis) => axis.name);
      feeds.set(value, named(value, oracle.inputs[ahead === undefined ? name : `next_${ahead}`]!, ['B', ...rest]));
    }
  }
  for (const { before, initial } of model.states)
    feeds.set(
      before,
      array(before, sizes, () => initial ?? 0),
    );
  for (const { value } of model.dropout)
    feeds.set(
      value,
      array(value, sizes, () => 1),
    );
  return feeds;
}

function assertOutcome(model: Model, oracle: Oracle, expected: Outcome, ragged: readonly string[]): void {
  const feeds = feedsOf(model, oracle);
  const scores = model.judged!.scores;
  const [output, loss] = interpret({ ...model.graph, results: [scores, model.loss!] }, feeds, sizes) as [NamedArray, NamedArray];
  assertClose(loss.data, [expected.loss], 1e-6, 'the loss');
  assertOutput(output, expected.output, ragged);
  const found = gradients(
    model.graph,
    model.loss!,
    model.weights.map(({ value }) => value),
    feeds,
    sizes,
  );
  model.weights.forEach(({ name }, k) => {
    assertClose(found[k]!.data, expected.gradients[name]!.data as number[], 1e-5, `the gradient of ${name}`);
  });
}

/** Where rows are real. */
function assertOutput({ axes, data }: NamedArray, expected: Stored, ragged: readonly string[]): void {
  const batch = axes.findIndex(({ name }) => name === 'B');
  const order = [batch, ...axes.keys().filter((k) => k !== batch)];
  assert.deepEqual(
    order.map((k) => axes[k]!.size),
    expected.shape,
    'the shape of the output',
  );
  const strides = axes.map((_, k) => axes.slice(k + 1).reduce((product, { size }) => product * size, 1));
  const [ours, theirs]: [number[], number[]] = [[], []];
  expected.data.forEach((value, place) => {
    let rest = place;
    const index = new Map<number, number>();
    for (const k of order.toReversed()) {
      index.set(k, rest % axes[k]!.size);
      rest = Math.floor(rest / axes[k]!.size);
    }
    const row = index.get(batch)!;
    const isPadding = axes.some(({ name }, k) => ragged.includes(name) && index.get(k)! >= lengths[name]![row]!);
    if (isPadding) return;
    theirs.push(value!);
    ours.push(data[[...index].reduce((sum, [k, at]) => sum + at * strides[k]!, 0)]!);
  });
  assertClose(ours, theirs, 1e-5, 'the output');
}

describe('PyTorch export', () => {
  const described: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(cases)) {
    it(name, async () => {
      const { program, module } = await written(each);
      const built = (ragged: readonly string[]): Model =>
        buildModel(program, { model: each.model, arguments: each.arguments ?? {}, classes: each.sizes, ragged });
      const model = built([]);
      const inputOf = (key: string) => model.inputs.find((input) => input.name === key)!;
      described[name] = {
        class: module.className,
        inputs: module.inputs.map(({ input, name: python, ahead }) => {
          const { value, classes } = inputOf(ahead ? `next(${input})` : input);
          const shape = value.type.axes.filter((axis) => axis.name !== 'B').map(({ size }) => size);
          return { name: python, shape, classes: classes === undefined ? null : each.sizes[classes] };
        }),
        read: module.read,
        lengths: module.lengths.map(({ argument }) => argument),
        forward_lengths: module.forwardLengths.map(({ argument }) => argument),
        ragged: each.ragged,
      };
      assertGolden(`${name}.py`, module.text);
      const path = new URL(`${name}.json`, folder);
      if (update && !existsSync(path)) return;
      const oracle = JSON.parse(readFileSync(path, 'utf8')) as Oracle;
      assertOutcome(model, oracle, oracle.whole, []);
      if (each.ragged.length > 0) assertOutcome(built(each.ragged), oracle, oracle.ragged!, each.ragged);
    }).timeout(20_000);
  }

  it('what all of them use', () => assertGolden('support.py', supportText));

  it('says what the oracle is told', () => {
    const path = new URL('cases.json', folder);
    if (update) writeFileSync(path, `${JSON.stringify(described, null, 2)}\n`);
    else assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), JSON.parse(JSON.stringify(described)));
  });
});
