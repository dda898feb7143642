import assert from 'node:assert/strict';
import type { Part } from '../../../src/data/dataset.ts';
import { sourceOfText, sourceShapes } from '../../../src/engine/writing.ts';
import { inputShapes } from '../../../src/language/index.ts';
import { createRuntime } from '../../../src/runtime/onnxruntime.ts';
import type { KeptData, Vocabulary } from '../../../src/shared/dataset.ts';
import type { GenerateSettings } from '../../../src/shared/settings.ts';
import { attentionLines } from '../../../src/training/decoding/attention.ts';
import { alignmentErrorOf } from '../../../src/training/decoding/figures.ts';
import { RowWriter, type WritingModel } from '../../../src/training/decoding/write.ts';
import { programOf } from '../../language/load.ts';
import { classes, logProbabilities, modelOf, texts, weightsOf, wholeOf } from './models.ts';

const vocabulary = (special: readonly string[], words: string): Vocabulary => {
  const tokens = [...special, ...words.split(' ')];
  const place = (token: string, name: string) => (special.includes(token) ? { [name]: tokens.indexOf(token) } : {});
  return {
    ...{ by: 'word', lower: false, tokens },
    ...place('‹unknown›', 'unknown'),
    ...place('‹begin›', 'begin'),
    ...place('‹end›', 'end'),
  };
};
const kept: KeptData = {
  vocabularies: {
    Symbol: vocabulary(['‹unknown›'], 'a b c d e'),
    Word: vocabulary(['‹unknown›', '‹begin›', '‹end›'], 'un deux trois quatre'),
  },
  sizes: {},
  ragged: ['S', 'T'],
  scales: {},
};

async function writingOf(name: string): Promise<WritingModel> {
  const text = texts[name]!;
  const program = await programOf(`${text}\ndata d = repeating(5)\ntrain M on d { }\n`);
  return { model: await modelOf(text), shapes: inputShapes(program, program.statements.trains[0]!), kept };
}

describe('rows that are written', () => {
  const runtime = createRuntime();
  const greedy: GenerateSettings = { search: { kind: 'greedy' }, length: 6, prompt: '' };
  let writing: WritingModel;
  before(async () => {
    writing = await writingOf('additive');
  });
  const write = async (texts: readonly string[], settings: GenerateSettings, attention = false, prefix?: readonly number[]) => {
    const writer = await RowWriter.open(writing, weightsOf(writing.model, 4), settings, runtime, attention);
    try {
      const shapes = sourceShapes(writing);
      const sources = texts.map((text) => sourceOfText(kept, shapes, text));
      return await writer.write(sources, prefix === undefined ? {} : { prefix });
    } finally {
      await writer.close();
    }
  };

  it('have the alignment error rate of the strongest places while the model is told what people wrote', async () => {
    const rows = [
      { source: [1, 2, 3], target: [1, 3, 5, 4, 2] },
      { source: [5, 4], target: [1, 6, 3, 3, 4, 2] },
    ];
    const part: Part = {
      name: 'test',
      size: rows.length,
      example: (index) => {
        const { source, target } = rows[index]!;
        return {
          inputs: {
            source: Int32Array.from(source),
            target: Int32Array.from(target),
            'next(target)': Int32Array.from([...target.slice(1), -1]),
          },
          lengths: { S: source.length, T: target.length },
        };
      },
      alignment: (index) => [
        { source: 0, target: 1, sure: true },
        { source: 1, target: 2, sure: index === 0 },
      ],
    };
    const weights = weightsOf(writing.model, 4);
    const [line] = attentionLines(writing.model);
    // By the interpreter: the links of each row, and the definition of the rate.
    let [right, all] = [0, 0];
    rows.forEach(({ source, target }, index) => {
      const looked = wholeOf(writing.model, weights, line!.line.value, 0, target, source);
      const steps = looked.axes.findIndex(({ name }) => name === 'T');
      assert.ok(steps < looked.axes.findIndex(({ name }) => name === 'S'));
      const truth = part.alignment!(index)!;
      for (let step = 0; step < target.length - 2; step += 1) {
        const own = Array.from(looked.data.subarray(step * source.length, (step + 1) * source.length));
        const place = own.indexOf(Math.max(...own));
        const link = truth.find((each) => each.source === place && each.target === step + 1);
        right += Number(link !== undefined) + Number(link?.sure === true);
        all += 1;
      }
      all += truth.filter(({ sure }) => sure).length;
    });
    assert.ok(Math.abs((await alignmentErrorOf(writing, weights, part, runtime))! - (1 - right / all)) < 1e-12);
    const { alignment: _, ...plain } = part;
    assert.equal(await alignmentErrorOf(writing, weights, plain, runtime), undefined);
  });

  it('are the same by themselves and beside others of any length', async () => {
    const texts = Array.from({ length: 70 }, (_, k) =>
      Array.from({ length: 1 + ((k * 7) % 9) }, (_, t) => 'abcde'[(k + t * t) % 5]).join(' '),
    );
    const together = await write(texts, greedy);
    for (const k of [0, 1, 5, 63, 64, 69]) assert.deepEqual(await write([texts[k]!], greedy), [together[k]]);
    assert.ok(new Set(together.map(({ text }) => text)).size > 3);
    assert.ok(together.every(({ tokens, ended }) => !tokens.includes('‹unknown›') && (ended || tokens.length === 6)));
  });

  it('tell where the model looked: a weight for each place of the source, at each token and at the end', async () => {
    const rows = await write(['a b c', 'e', 'd d a b a'], greedy, true);
    rows.forEach(({ attention, tokens, ended, source }, row) => {
      const { shape, data } = attention['decoder.weights']!;
      assert.deepEqual(shape, [tokens.length + (ended ? 1 : 0), [3, 1, 5][row]]);
      assert.equal(source.length, shape[1]);
      for (let t = 0; t < shape[0]!; t += 1) {
        const sum = data.subarray(t * shape[1]!, (t + 1) * shape[1]!).reduce((total, each) => total + each, 0);
        assert.ok(Math.abs(sum - 1) < 1e-5);
      }
    });
  });

  it('of several heads tell of each', async () => {
    writing = await writingOf('of self-attention');
    const [row] = await write(['a b c'], greedy, true);
    assert.deepEqual(Object.keys(row!.attention), ['decoder.attend[0].weights', 'decoder.attend[1].weights']);
    writing = await writingOf('additive');
  });

  it('have the word of the source at the largest weight where the model says ‹unknown›', async () => {
    // Words that the vocabulary has not are seen as they were typed.
    const texts = ['zebra b c', 'a giraffe', 'hippo lion c d e'];
    const copying = { ...greedy, copy: 'decoder.weights' };
    // A model that says ‹unknown› first of all.
    const weights = new Map(weightsOf(writing.model, 4));
    const bias = weights.get('logits.b')!;
    weights.set('logits.b', { ...bias, data: bias.data.map((value, id) => (id === 0 ? 50 : value)) });
    const writer = await RowWriter.open(writing, weights, copying, runtime, true);
    const shapes = sourceShapes(writing);
    const rows = await writer.write(texts.map((text) => sourceOfText(kept, shapes, text)));
    await writer.close();
    rows.forEach(({ tokens, ids, attention }, row) => {
      const words = texts[row]!.split(' ');
      const { data, shape } = attention['decoder.weights']!;
      assert.deepEqual(new Set(ids), new Set([0]));
      tokens.forEach((token, t) => {
        const own = [...data.subarray(t * shape[1]!, (t + 1) * shape[1]!)];
        assert.equal(token, words[own.indexOf(Math.max(...own))]);
      });
    });
    assert.ok(rows.some(({ tokens }) => tokens.some((token) => ['zebra', 'giraffe', 'hippo', 'lion'].includes(token))));
    await assert.rejects(
      RowWriter.open(writing, weights, { ...greedy, copy: 'decoder.scores' }, runtime),
      /^RunError: `unknown: copy\(decoder\.scores\)`: .* There is decoder\.weights\.$/,
    );
  });

  it('continue where a beam had another branch', async () => {
    const settings: GenerateSettings = { ...greedy, search: { kind: 'beam', width: 3, penalty: 0.6 } };
    const [row] = await write(['a b c'], settings);
    const best = row!.beam!.hypotheses[0]!;
    assert.deepEqual([row!.ids, row!.score], [best.tokens, best.score]);
    const other = row!.beam!.nodes.find(({ step, isEnd, token }) => step === 0 && !isEnd && token !== best.tokens[0])!;
    const [again] = await write(['a b c'], settings, false, [other.token]);
    assert.equal(again!.ids[0], other.token);
    assert.ok(Math.abs(again!.beam!.nodes[0]!.logProbability - other.logProbability) < 1e-5);
    const first = logProbabilitiesOf(writing, [1, other.token]);
    assert.ok(
      again!
        .beam!.nodes.filter(({ step }) => step === 1)
        .every(({ token, logProbability }) => Math.abs(first[token]! - logProbability) < 1e-5),
    );
  });

  it('begin with the prompt', async () => {
    const [row] = await write(['a b c'], { ...greedy, prompt: 'deux trois' });
    assert.deepEqual(row!.tokens.slice(0, 2), ['deux', 'trois']);
    assert.ok(row!.text.startsWith('deux trois'));
  });

  it('of a class are asked for by its label', async () => {
    writing = await writingOf('of a class');
    const [a, b] = await write(['a', 'e'], greedy);
    assert.notEqual(a!.text, b!.text);
    await assert.rejects(write(['z'], greedy), /has never seen "z"/);
    writing = await writingOf('additive');
  });

  /** For the source `a b c`, whose numbers the interpreter is given as row 0 of its own. */
  function logProbabilitiesOf({ model }: WritingModel, written: readonly number[]): number[] {
    return logProbabilities(model, weightsOf(model, 4), 0, written, [1, 2, 3]);
  }
  assert.equal(classes.Word, kept.vocabularies.Word!.tokens.length);

  it('tell where they look in an image, whose places are a fixed number; a softmax over classes looks nowhere', async () => {
    const text = `model M(image: [3, 8, 8], target: [T] of Word) {
  regions = places(conv_block(image, 5))
  y       = embed(target, 4)
  decoder = additive(gru(y, 6), regions, 5)
  shares  = softmax(linear(decoder, Word), over: Word)
  logits  = linear([shares; decoder], Word)
  loss    = cross_entropy(logits, next(target))
}
`;
    const model = await modelOf(text, ['T']);
    assert.deepEqual(
      attentionLines(model).map(({ name, over }) => [name, over]),
      [['decoder.weights', 16]],
    );
    const shapes = [
      { name: 'image', shape: [3, 8, 8], predicted: false, compared: false },
      { name: 'target', shape: ['T'], classes: 'Word', predicted: true, compared: true },
    ];
    const writer = await RowWriter.open({ model, shapes, kept: { ...kept, ragged: ['T'] } }, weightsOf(model, 4), greedy, runtime, true);
    try {
      const image = Float32Array.from({ length: 192 }, (_, k) => Math.sin(k * k));
      const [row] = await writer.write([{ example: { inputs: { image }, lengths: {} } }]);
      const { shape, data } = row!.attention['decoder.weights']!;
      assert.deepEqual([shape, row!.source], [[row!.tokens.length + Number(row!.ended), 16], []]);
      for (let step = 0; step < shape[0]!; step += 1) {
        const sum = data.subarray(16 * step, 16 * step + 16).reduce((all, each) => all + each, 0);
        assert.ok(Math.abs(sum - 1) < 1e-5);
      }
    } finally {
      await writer.close();
    }
  });
});
