// Scores of decoded texts, beside those of sacreBLEU (../oracles/scores.py).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alignmentErrorRate, strongestLinks } from '../../src/shared/alignment.ts';
import { bleu, tokens13a } from '../../src/training/bleu.ts';
import { chrf } from '../../src/training/chrf.ts';
import { decodedScores } from '../../src/training/decoded.ts';

interface Scores {
  readonly cases: readonly {
    readonly hypotheses: readonly string[];
    readonly references: readonly (readonly string[])[];
    readonly bleu: number;
    readonly chrf: number;
  }[];
  readonly tokens: readonly { readonly text: string; readonly tokens: readonly string[] }[];
}

const { cases, tokens } = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'oracles', 'scores.json'), 'utf8')) as Scores;

describe('decoded texts', () => {
  it('are cut into the tokens of mteval 13a', () => {
    for (const { text, tokens: expected } of tokens) assert.deepEqual(tokens13a(text), expected, JSON.stringify(text));
  });

  it('have the BLEU and the chrF of sacreBLEU', () => {
    assert.ok(cases.some(({ bleu: score }) => score > 30) && cases.some(({ bleu: score }) => score === 0));
    cases.forEach(({ hypotheses, references, bleu: expected, chrf: other }, k) => {
      assert.ok(
        Math.abs(bleu(hypotheses, references) - expected) < 1e-9,
        `case ${k}: BLEU ${bleu(hypotheses, references)}, not ${expected}`,
      );
      assert.ok(Math.abs(chrf(hypotheses, references) - other) < 1e-9, `case ${k}: chrF ${chrf(hypotheses, references)}, not ${other}`);
    });
  });

  it('are exact where they are one of their references, spaces apart', () => {
    const scores = decodedScores(['exact'], ['va !', 'cours', 'a b'], [['va!'], ['courez', 'cours'], ['a', 'b']]);
    assert.deepEqual(scores, { exact: 2 / 3 });
    assert.deepEqual(decodedScores(['bleu', 'exact'], [], []), {});
    assert.throws(() => decodedScores(['bleu'], ['a'], [[]]), /1 hypotheses have references for 0/);
  });

  it('of which alignments are judged by their error rate', () => {
    const link = (source: number, target: number, sure = true) => ({ source, target, sure });
    const truth = [[link(0, 0), link(1, 1), link(2, 1, false)]];
    assert.equal(alignmentErrorRate([[link(0, 0), link(1, 1)]], truth), 0);
    // Two steps of two heads over three places; the second step writes ‹end›.
    const weights = [0.1, 0.8, 0.1, 0.3, 0.3, 0.4, 1, 0, 0, 1, 0, 0];
    assert.deepEqual(strongestLinks(weights, { heads: 2, places: 3 }, 1), [{ source: 1, target: 1 }]);
    assert.deepEqual(strongestLinks(weights, { heads: 2, places: 3 }, 9).at(-1), { source: 0, target: 2 });
    assert.equal(alignmentErrorRate([[link(0, 0), link(1, 1), link(2, 1)]], truth), 0);
    // One of two sure links is found, and one link is wrong: 1 - (1 + 1) / (2 + 2).
    assert.equal(alignmentErrorRate([[link(0, 0), link(2, 2)]], truth), 0.5);
  });
});
