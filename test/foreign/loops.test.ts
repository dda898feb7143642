// Recurrences in Scan and Loop, replayed beside the runtime's own run of the same model.

import assert from 'node:assert/strict';
import { type CellCase, cellCase } from './random-cells.ts';
import { replayed } from './replayed.ts';

async function check(given: CellCase): Promise<void> {
  const { parts, refused } = await replayed(given.model, given.feeds);
  assert.deepEqual(
    refused.map(({ why }) => why),
    [],
    given.title,
  );
  const [found] = parts;
  assert.ok(found !== undefined && parts.length === 1, given.title);
  const { part, bound, parity, compared, text } = found;
  const said = `${given.title}\n${text}`;
  assert.deepEqual(
    { kind: part.kind, form: part.form, directions: part.directions },
    { kind: given.kind, form: given.form, directions: [given.direction] },
    said,
  );
  if (given.isTold) assert.deepEqual([part.hidden, part.input], [given.hidden, given.input], said);
  assert.deepEqual(bound.lengths, new Array<number>(given.batch).fill(given.steps), said);
  assert.ok(parity !== undefined && parity <= 1e-5, `${parity} apart: ${said}`);
  assert.ok(compared.includes("h'") && compared.includes("c'") === (given.kind === 'lstm'), said);
  const [run] = bound.runs;
  assert.deepEqual([...run!.weights.keys()].sort(), [...given.weights.keys()].sort(), said);
  for (const [name, { shape, data }] of given.weights) {
    const own = run!.weights.get(name)!;
    assert.deepEqual(own.shape, shape, `${name}: ${said}`);
    const apart = own.data.reduce((most, each, k) => Math.max(most, Math.abs(each - data[k]!)), 0);
    assert.ok(apart < 1e-6, `${name} is ${apart} apart: ${said}`);
  }
}

describe('Scan and Loop', () => {
  it('of 1,000 spelled-out LSTM, GRU and RNN cells are told by what they compute, and equal the runtime', async function () {
    this.timeout(300_000);
    for (let seed = 0; seed < 1000; seed += 1) await check(cellCase(seed));
  });
});
