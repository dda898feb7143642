// Models of halves (float16): found and replayed as those of floats are, with the halves' exact numbers.

import assert from 'node:assert/strict';
import { Evaluators, ForeignSession, groupsOf, type RanModel, replayGroup } from '../../src/foreign/session.ts';
import { encodeModel, type ModelProto } from '../../src/onnx/proto.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { type PartParity, wrongParts } from '../../src/shared/foreign.ts';
import { halfBits, halfValue } from '../../src/shared/half.ts';
import { feedsInHalves, modelInHalves } from './in-halves.ts';
import { cellCase } from './random-cells.ts';
import { operatorCase } from './random-operators.ts';
import { unrolledCase } from './random-unrolled.ts';

const runtime = createRuntime();
const evaluators = new Evaluators(runtime);

interface Case {
  readonly title: string;
  readonly model: ModelProto;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** A run of a model, what its parts are, and how near they are. */
async function ran({ title, model, feeds }: Case): Promise<{ run: RanModel; told: readonly unknown[]; parity: readonly PartParity[] }> {
  const session = new ForeignSession(runtime, model);
  try {
    assert.deepEqual(session.refused, [], title);
    const run = await session.run(feeds);
    assert.deepEqual(run.idle, [], title);
    const parity: PartParity[] = [];
    for (const group of groupsOf(run.ran)) {
      const replayed = await replayGroup(evaluators, group, { id: 0, title, model: 'One', file: 'one.onnx', uri: '/one.rnn' });
      for (const { value, ...rest } of replayed.parity) parity.push({ ...rest, ...(value === undefined ? {} : { value }) });
      await replayed.trace.close();
    }
    return {
      run,
      parity,
      told: run.ran.map(({ part: { kind, hidden, input, directions, values }, bound: { lengths } }) => ({
        kind,
        hidden,
        input,
        directions,
        values,
        lengths,
      })),
    };
  } finally {
    await session.release();
  }
}

/** Converts a case; its parts are the same, with the numbers of the weights as halves, and changes nothing of what the model gives. */
async function inHalves(given: Case): Promise<readonly PartParity[]> {
  const halves = { title: given.title, model: modelInHalves(given.model), feeds: feedsInHalves(given.feeds) };
  const [floats, found] = [await ran(given), await ran(halves)];
  assert.deepEqual(found.told, floats.told, given.title);
  for (const [place, { bound }] of found.run.ran.entries())
    for (const [k, { weights }] of bound.runs.entries())
      for (const [name, { data }] of weights) {
        const before = floats.run.ran[place]!.bound.runs[k]!.weights.get(name)!.data;
        // Sums of two biases were rounded one by one.
        if (/^[WU]/.test(name))
          assert.deepEqual(
            data,
            before.map((each) => halfValue(halfBits(each))),
            `${given.title}: ${name}`,
          );
      }
  const session = await runtime.open(encodeModel(halves.model), { device: 'cpu', optimise: 'extended' }).catch(() => undefined);
  if (session !== undefined) {
    const own = await session.compute(halves.feeds);
    await session.release();
    for (const [name, tensor] of Object.entries(own)) assert.deepEqual(found.run.outputs[name], tensor, `${given.title}: ${name}`);
  }
  assert.deepEqual(wrongParts(found.parity), [], given.title);
  return found.parity;
}

describe('models of halves', () => {
  after(() => evaluators.close());

  it('with operators are replayed as near as those of floats: the runtime computes with floats, and is asked for these', async function () {
    this.timeout(120_000);
    for (let seed = 0; seed < 60; seed += 1)
      for (const { part, value, halves } of await inHalves(operatorCase(seed))) {
        assert.equal(halves, undefined);
        assert.ok(value === undefined || value <= 1e-5, `${seed} ${part}: ${value}`);
      }
  });

  it('with loops are replayed as near as their own rounding lets anyone tell, which is said', async function () {
    this.timeout(120_000);
    for (let seed = 0; seed < 60; seed += 1) for (const { halves } of await inHalves(cellCase(seed))) assert.equal(halves, true);
  });

  it('that are unrolled, too', async function () {
    this.timeout(120_000);
    for (let seed = 0; seed < 25; seed += 1) for (const { halves } of await inHalves(unrolledCase(seed))) assert.equal(halves, true);
  });
});
