import assert from 'node:assert/strict';
import type { Model } from '../../../src/graph/model.ts';
import { createRuntime } from '../../../src/runtime/onnxruntime.ts';
import { beamSearch, lengthPenalty, pathOf } from '../../../src/training/decoding/beam.ts';
import { type Decoder, openDecoder } from '../../../src/training/decoding/decoder.ts';
import { GreedyLoop } from '../../../src/training/decoding/loop.ts';
import { type Rules, searchRows } from '../../../src/training/decoding/search.ts';
import type { TrainerState } from '../../../src/training/trainer.ts';
import { classes, lengths, logProbabilities, modelOf, sizes, sources, texts, weightsOf } from './models.ts';

/** Of the words: 0 is ‹unknown›, 1 ‹begin›, 2 ‹end›. */
const rules: Rules = { begin: 1, end: 2, never: [0, 1], length: 3 };
const words = Array.from({ length: classes.Word }, (_, id) => id).filter((id) => !rules.never.includes(id));
const rows = lengths.length;

interface Scored {
  readonly tokens: readonly number[];
  readonly ended: boolean;
  readonly score: number;
}

describe('search', () => {
  const runtime = createRuntime();
  let model: Model;
  let weights: TrainerState;
  let decoder: Decoder;
  /** log p of every word after a beginning, by the interpreter, for one row. */
  const known = new Map<string, number[]>();
  const logs = (row: number, tokens: readonly number[]): number[] => {
    const key = `${row} ${tokens}`;
    let found = known.get(key);
    if (found === undefined) {
      found = logProbabilities(model, weights, row, [rules.begin, ...tokens]);
      known.set(key, found);
    }
    return found;
  };
  const begun = async (row: number) => (await decoder.begin({ rows, sizes, inputs: sources(model) })).take([row]);

  before(async () => {
    model = await modelOf(texts.additive!);
    weights = weightsOf(model, 5);
    decoder = await openDecoder(model, weights, runtime);
  });
  after(() => decoder.close());

  it('greedily writes the best word after each, as the whole model says, whatever rows are beside it', async () => {
    for (const name of ['additive', 'with coverage', 'of self-attention', 'of a class']) {
      const own = await modelOf(texts[name]!);
      const ownWeights = weightsOf(own, 2);
      const ownDecoder = await openDecoder(own, ownWeights, runtime);
      const found = await searchRows(
        await ownDecoder.begin({ rows, sizes, inputs: sources(own) }),
        { ...rules, length: 8 },
        { kind: 'greedy' },
      );
      found.forEach(({ tokens, ended }, row) => {
        const expected: number[] = [];
        let isEnd = false;
        while (!isEnd) {
          const scores = logProbabilities(own, ownWeights, row, [rules.begin, ...expected]);
          const word = words.reduce((most, each) => (scores[each]! > scores[most]! ? each : most));
          isEnd = word === rules.end;
          if (expected.length === 8) break;
          if (!isEnd) expected.push(word);
        }
        assert.deepEqual({ tokens, ended }, { tokens: expected, ended: isEnd }, `${name}, row ${row}`);
      });
      await ownDecoder.close();
      // The same in one call of the runtime.
      for (const length of [8, 2, 1]) {
        const loop = await GreedyLoop.open(own, ownWeights, rules, runtime);
        const plain = found.map(({ tokens, ended }) => ({
          tokens: tokens.slice(0, length),
          ended: ended && tokens.length <= length,
          lines: [],
        }));
        assert.deepEqual(await loop.write({ rows, sizes, inputs: sources(own) }, length), plain, name);
        await loop.close();
      }
    }
  });

  for (const count of [512, 521, 4000])
    it(`of ${count} classes finds the same in one call of the runtime, stretch by stretch`, async () => {
      const own = await modelOf(texts.additive!, ['S', 'T'], count);
      const ownWeights = weightsOf(own, 2);
      // Places of the largest: the last class of all, in one row and another, and what is never chosen would be larger.
      const bias = ownWeights.get('logits.b')!.data;
      bias[count - 1]! += 4;
      bias[0]! += 100;
      const ownDecoder = await openDecoder(own, ownWeights, runtime);
      const given = { rows, sizes, inputs: sources(own) };
      const found = await searchRows(await ownDecoder.begin(given), { ...rules, length: 12 }, { kind: 'greedy' });
      await ownDecoder.close();
      const loop = await GreedyLoop.open(own, ownWeights, rules, runtime);
      const written = await loop.write(given, 12);
      await loop.close();
      assert.deepEqual(
        written.map(({ tokens, ended }) => ({ tokens, ended })),
        found.map(({ tokens, ended }) => ({ tokens, ended })),
      );
      const chosen = new Set(written.flatMap(({ tokens }) => tokens));
      assert.ok(chosen.size > 3 && chosen.has(count - 1) && !chosen.has(0), [...chosen].join());
    });

  /** Every text of at most `length` words that ends. */
  const everything = (row: number, penalty: number): Scored[] => {
    const all: Scored[] = [];
    const visit = (tokens: readonly number[], sum: number): void => {
      const next = logs(row, tokens);
      all.push({ tokens, ended: true, score: (sum + next[rules.end!]!) / lengthPenalty(tokens.length + 1, penalty) });
      if (tokens.length < rules.length) for (const word of words) if (word !== rules.end) visit([...tokens, word], sum + next[word]!);
    };
    visit([], 0);
    return all.sort((a, b) => b.score - a.score);
  };

  for (const penalty of [0, 0.6, 1])
    it(`finds with a beam wide enough what trying all texts finds, penalty ${penalty}`, async () => {
      for (let row = 0; row < rows; row += 1) {
        const { hypotheses } = await beamSearch(await begun(row), rules, { width: 800, penalty });
        const all = everything(row, penalty);
        const found = hypotheses.filter(({ ended }) => ended);
        assert.equal(found.length, all.length);
        found.slice(0, 20).forEach(({ tokens, score }, k) => {
          assert.deepEqual(tokens, all[k]!.tokens);
          assert.ok(Math.abs(score - all[k]!.score) < 1e-5);
        });
      }
    });

  /** The beam as its definition has it, on the interpreter's numbers and with all continuations sorted. */
  const plainBeam = (row: number, width: number, penalty: number): Scored[] => {
    let live: { tokens: number[]; sum: number }[] = [{ tokens: [], sum: 0 }];
    const ended: Scored[] = [];
    for (let step = 0; step <= rules.length; step += 1) {
      const all = live
        .flatMap(({ tokens, sum }) => words.map((word) => ({ tokens: [...tokens, word], sum: sum + logs(row, tokens)[word]! })))
        .sort((a, b) => b.sum - a.sum);
      const isEnd = ({ tokens }: (typeof all)[number]): boolean => tokens.at(-1) === rules.end;
      for (const each of all.slice(0, width).filter(isEnd))
        ended.push({ tokens: each.tokens.slice(0, -1), ended: true, score: each.sum / lengthPenalty(step + 1, penalty) });
      if (step < rules.length) live = all.filter((each) => !isEnd(each)).slice(0, width);
    }
    const cut = live.map(({ tokens, sum }) => ({ tokens, ended: false, score: sum / lengthPenalty(tokens.length, penalty) }));
    const isKnown = ({ tokens }: Scored): boolean => ended.some((each) => String(each.tokens) === String(tokens));
    const order = (a: Scored, b: Scored): number => b.score - a.score;
    return [...ended.sort(order), ...cut.filter((each) => !isKnown(each)).sort(order)].slice(0, width);
  };

  it('keeps as many beginnings as the beam is wide', async () => {
    let differs = 0;
    for (const width of [1, 2, 3, 5])
      for (let row = 0; row < rows; row += 1) {
        const { hypotheses, nodes } = await beamSearch(await begun(row), rules, { width, penalty: 0.6 });
        const expected = plainBeam(row, width, 0.6);
        assert.deepEqual(
          hypotheses.map(({ tokens, ended }) => ({ tokens, ended })).slice(0, 1),
          expected.map(({ tokens, ended }) => ({ tokens, ended })).slice(0, 1),
          `width ${width}, row ${row}`,
        );
        // It may be over before all of the others are known.
        for (const { tokens, ended, score } of hypotheses.filter((each) => each.ended)) {
          const same = expected.find((each) => String(each.tokens) === String(tokens) && each.ended === ended);
          assert.ok(same !== undefined && Math.abs(same.score - score) < 1e-5, `width ${width}, row ${row}: ${tokens}`);
        }
        for (let step = 0; step < rules.length; step += 1)
          assert.ok(nodes.filter((node) => node.step === step && !node.isEnd).length <= width);
        if (String(expected[0]!.tokens) !== String(everything(row, 0.6)[0]!.tokens)) differs += 1;
      }
    assert.ok(differs > 0, 'a narrow beam misses something, or this test says nothing');
  });

  it('keeps the tree: each node with its word, probability and what it continues', async () => {
    const { nodes, hypotheses } = await beamSearch(await begun(2), rules, { width: 3, penalty: 0.6 });
    for (const node of nodes) {
      const path = pathOf(nodes, node);
      assert.equal(path.length, node.step + 1);
      const before = path.slice(0, -1).map(({ token }) => token);
      assert.ok(Math.abs(node.logProbability - logs(2, before)[node.token]!) < 1e-5);
      assert.ok(Math.abs(node.sum - path.reduce((sum, each) => sum + each.logProbability, 0)) < 1e-9);
      assert.equal(node.isEnd, node.token === rules.end);
    }
    for (const { node, tokens } of hypotheses)
      assert.deepEqual(
        pathOf(nodes, nodes[node!]!)
          .map(({ token }) => token)
          .filter((token) => token !== rules.end),
        tokens,
      );
  });

  it('continues from another branch', async () => {
    const prefix = [5, 3];
    const { nodes, hypotheses } = await beamSearch(await begun(0), { ...rules, prefix }, { width: 800, penalty: 0 });
    const all = everything(0, 0).filter(({ tokens }) => String(tokens.slice(0, 2)) === String(prefix));
    const ended = hypotheses.filter((each) => each.ended);
    assert.deepEqual(
      ended.map(({ tokens }) => tokens),
      all.map(({ tokens }) => tokens),
    );
    assert.ok(Math.abs(ended[0]!.score - all[0]!.score) < 1e-5);
    assert.deepEqual(nodes.map(({ isForced }) => isForced).slice(0, 3), [true, true, false]);
    const [row] = await searchRows(await begun(0), { ...rules, prefix }, { kind: 'greedy' });
    assert.deepEqual(row!.tokens.slice(0, 2), prefix);
    const third = logs(0, prefix);
    const best = words.reduce((most, each) => (third[each]! > third[most]! ? each : most));
    assert.equal(row!.tokens[2] ?? rules.end, best);
  });

  it('draws whole texts as often as their probabilities say', async () => {
    const count = 4000;
    const decoding = (await decoder.begin({ rows, sizes, inputs: sources(model) })).take(new Array(count).fill(1));
    const drawn = await searchRows(decoding, { ...rules, never: [], length: 1 }, { kind: 'sample', temperature: 0.7 }, 3);
    const sharpened = (tokens: readonly number[]): number[] => {
      const weighted = logs(1, tokens).map((log) => Math.exp(log / 0.7));
      const total = weighted.reduce((sum, each) => sum + each, 0);
      return weighted.map((each) => each / total);
    };
    const first = sharpened([]);
    for (let word = 0; word < classes.Word; word += 1) {
      const isIt = ({ tokens }: (typeof drawn)[number]): boolean => (word === rules.end ? tokens.length === 0 : tokens[0] === word);
      expectShare(drawn.filter(isIt).length, count, first[word]!, `word ${word}`);
      if (word === rules.end) continue;
      const ended = drawn.filter((each) => isIt(each) && each.ended).length;
      expectShare(ended, count, first[word]! * sharpened([word])[rules.end!]!, `end after ${word}`);
    }
  });

  it('draws for a row what it draws without the others', async () => {
    const sampled = { kind: 'sample', temperature: 2 } as const;
    const all = await searchRows(await decoder.begin({ rows, sizes, inputs: sources(model) }), { ...rules, length: 6 }, sampled, 9);
    const first = await searchRows(await begun(0), { ...rules, length: 6 }, sampled, 9);
    assert.deepEqual(all[0]!.tokens, first[0]!.tokens);
  });
});

/** Within four standard deviations. */
function expectShare(found: number, of: number, probability: number, what: string): void {
  const deviation = Math.sqrt(of * probability * (1 - probability));
  assert.ok(Math.abs(found - of * probability) <= 4 * deviation + 1, `${what}: ${found} of ${of}, expected ${of * probability}`);
}
