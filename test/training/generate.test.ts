import assert from 'node:assert/strict';
import type { Vocabulary } from '../../src/data/vocabulary.ts';
import { random } from '../../src/shared/random.ts';
import { choose, generate, type Predictor, type StepwiseSearch } from '../../src/training/generate.ts';

const vocabulary: Vocabulary = { by: 'char', lower: false, tokens: ['\n', 'a', 'b', 'c'] };
/** Scores the token after the last one highest, and hears what it is given. */
const next = (heard: number[][] = []): Predictor => ({
  async read(ids) {
    heard.push([...ids]);
    return Float32Array.from({ length: 4 }, (_, k) => (k === (ids.at(-1)! + 1) % 4 ? 2 : 0));
  },
});
const share = (search: StepwiseSearch, scores: number[], never?: number): number[] => {
  const chance = random(1);
  const counts = scores.map(() => 0);
  for (let k = 0; k < 20_000; k += 1) counts[choose(Float32Array.from(scores), search, chance, [never])]! += 1;
  return counts.map((count) => Math.round(count / 200) / 100);
};

describe('generating', () => {
  const logs = [0.1, 0.2, 0.3, 0.4].map(Math.log);

  it('reads the prompt at once, then its own words', async () => {
    const heard: number[][] = [];
    const grown: string[] = [];
    const text = await generate(next(heard), vocabulary, { search: { kind: 'greedy' }, length: 5, prompt: 'ab' }, 1, (token) =>
      grown.push(token),
    );
    assert.equal(text, 'c\nabc');
    assert.deepEqual(grown, ['c', '\n', 'a', 'b', 'c']);
    assert.deepEqual(heard, [[1, 2], [3], [0], [1], [2]]);
  });

  it('begins after a line end where there is no prompt', async () => {
    assert.equal(await generate(next(), vocabulary, { search: { kind: 'greedy' }, length: 3, prompt: '' }, 1), 'abc');
  });

  it('begins with ‹begin› where the classes are labels and there is no prompt', async () => {
    const labels: Vocabulary = { by: 'label', lower: false, tokens: ['‹begin›', '‹end›', 'B', 'T'], begin: 0, end: 1 };
    const heard: number[][] = [];
    await generate(next(heard), labels, { search: { kind: 'greedy' }, length: 1, prompt: '' }, 1);
    assert.deepEqual(heard, [[0]]);
  });

  it('writes the same for the same seed', async () => {
    const settings: Parameters<typeof generate>[2] = { search: { kind: 'sample', temperature: 1 }, length: 40, prompt: 'a' };
    const write = (seed: number): Promise<string> => generate(next(), vocabulary, settings, seed);
    assert.equal(await write(1), await write(1));
    assert.notEqual(await write(1), await write(2));
  });

  it('draws by probability, sharpened by temperature', () => {
    assert.deepEqual(share({ kind: 'sample', temperature: 1 }, logs), [0.1, 0.2, 0.3, 0.4]);
    assert.deepEqual(share({ kind: 'sample', temperature: 0.5 }, logs), [0.03, 0.13, 0.3, 0.53]);
  });

  it('draws among the best only', () => {
    assert.deepEqual(share({ kind: 'sample', temperature: 1, topK: 2 }, logs), [0, 0, 0.43, 0.57]);
    assert.deepEqual(share({ kind: 'sample', temperature: 1, topP: 0.65 }, logs), [0, 0, 0.43, 0.57]);
    assert.deepEqual(share({ kind: 'sample', temperature: 1, topP: 0.01 }, logs), [0, 0, 0, 1]);
  });

  it('never writes ‹unknown›', () => {
    assert.deepEqual(share({ kind: 'greedy' }, logs, 3), [0, 0, 1, 0]);
  });

  it('refuses characters that the model has not seen', async () => {
    await assert.rejects(generate(next(), vocabulary, { search: { kind: 'greedy' }, length: 3, prompt: 'az' }, 1), /has never seen "z"/);
  });
});
