import assert from 'node:assert/strict';
import { scopesOf } from '../../src/debug/variables.ts';
import type { InstanceDescription } from '../../src/shared/trace.ts';

describe('scopes', () => {
  it('have of a state that is a record what there is of it', () => {
    const range = { uri: 'm.rnn', start: { line: 0, column: 0 }, end: { line: 0, column: 1 } };
    const line = { role: 'state', text: '', range, shape: [2], dimensions: ['H'], perStep: true } as const;
    const instance: InstanceDescription = {
      path: 'decoder',
      cell: 'attending_decoder',
      definition: range,
      runs: true,
      reverse: false,
      lines: [
        { ...line, name: 'context', role: 'value' },
        { ...line, name: "s'" },
        { ...line, name: "seen'" },
      ],
      states: [
        { name: 's.h', shape: [2] },
        { name: 'seen', shape: [2] },
      ],
      inputs: [],
      weights: [],
    };
    assert.deepEqual(
      scopesOf(instance).map(({ name, values }) => [name, values]),
      [
        ['State', ['s.h', 'seen', "seen'"]],
        ['Values', ['context', "s'"]],
        ['Gradients', ['context', "s'", "seen'", 's.h', 'seen']],
      ],
    );
  });
});
