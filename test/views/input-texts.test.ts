import assert from 'node:assert/strict';
import { inputText, ownChoice, readSizes, usualWith, zeros } from '../../src/views/input-texts.ts';

describe('inputs in words', () => {
  it('sizes are read by the keys that are asked for', () => {
    assert.deepEqual(readSizes('B = 2, T = 12', ['T', 'B']), { T: 12, B: 2 });
    assert.deepEqual(readSizes('x[0]=3,a b (c) = 4', ['x[0]', 'a b (c)']), { 'x[0]': 3, 'a b (c)': 4 });
    assert.match(String(readSizes('xT = 3', ['T'])), /^How large is T\?/);
    assert.match(String(readSizes('T = 0', ['T'])), /^How large is T\?/);
    assert.match(String(readSizes('T = 1.5', ['T'])), /^How large is T\?/);
    assert.match(String(readSizes('T = 2', ['T', 'B'])), /^How large is B\? .*commas/);
  });

  it('a choice is told as it was made', () => {
    const seeded = { x: { kind: 'random', seed: 4 }, h: { kind: 'random', seed: 5 } } as const;
    assert.equal(inputText({ inputs: seeded, dimensions: { B: 2 } }), 'random numbers, seed 4, B = 2');
    const file = { kind: 'file', path: '/data/noise.wav' } as const;
    assert.equal(inputText({ inputs: { x: file }, stream: 'auto', item: 3 }), 'noise.wav, streamed, sequence 3');
    assert.equal(inputText({ all: { kind: 'zeros' } }), 'zeros');
  });

  it('lengths stay lengths, whole numbers stay below the rows of their table', () => {
    const usual = { inputs: { ids: { kind: 'random', seed: 1, below: 20 }, length: { kind: 'constant', value: 12 } } } as const;
    assert.deepEqual(usualWith(usual, 'ids', 5), { kind: 'random', seed: 5, below: 20 });
    assert.deepEqual(usualWith(usual, 'length', 5), { kind: 'constant', value: 12 });
    assert.deepEqual(zeros(usual, 'length'), { kind: 'constant', value: 12 });
    assert.deepEqual(zeros(usual, 'ids'), { kind: 'zeros' });
    assert.deepEqual(ownChoice(usual, 'ids', 'int64'), { kind: 'random', seed: 1, below: 20 });
    assert.deepEqual(ownChoice(usual, 'h0', 'float16'), { kind: 'zeros' });
  });
});
