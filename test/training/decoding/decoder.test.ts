import assert from 'node:assert/strict';
import { select } from '../../../src/graph/prune.ts';
import { stepwise } from '../../../src/graph/stepwise.ts';
import { createRuntime } from '../../../src/runtime/onnxruntime.ts';
import { random } from '../../../src/shared/random.ts';
import { attentionLines, rowOf } from '../../../src/training/decoding/attention.ts';
import { openDecoder } from '../../../src/training/decoding/decoder.ts';
import { classes, lengths, modelOf, sizes, sources, texts, weightsOf, wholeOf } from './models.ts';

describe('decoder', () => {
  const runtime = createRuntime();
  const rows = lengths.length;

  for (const [name, text] of Object.entries(texts))
    it(`reads step by step what the interpreter computes over the whole: ${name}`, async () => {
      const model = await modelOf(text);
      const weights = weightsOf(model);
      const inputs = sources(model);
      const { logits } = model.prediction!;
      const attention = attentionLines(model).map(({ line }) => line.value);
      const decoder = await openDecoder(model, weights, runtime, attention);
      try {
        const chance = random('written', name);
        const written = Array.from({ length: rows }, () => Array.from({ length: 5 }, () => Math.floor(chance.uniform() * classes.Word)));
        let decoding = await decoder.begin({ rows, sizes, inputs: sources(model) });
        const whole = written.map((ids, row) => [logits, ...attention].map((value) => wholeOf(model, weights, value, row, ids)));
        for (let t = 0; t < 5; t += 1) {
          const { scores, lines, after } = await decoding.read(Int32Array.from(written, (ids) => ids[t]!));
          decoding = after;
          whole.forEach(([expected, ...weighted], row) => {
            near(scores.subarray(row * classes.Word, (row + 1) * classes.Word), part(expected!, t), `scores of row ${row}, t ${t}`);
            weighted.forEach((each, k) => {
              const real = 'source' in inputs ? lengths[row]! : 0;
              near(rowOf(lines[k]!, row, real), part(each, t), `line ${k} of row ${row}, t ${t}`);
              // Behind the end of a source there is nothing to look at.
              const sum = lines[k]!.data.length / rows / sizes.S;
              const all = rowOf(lines[k]!, row, sizes.S).reduce((total, weight) => total + weight, 0);
              assert.ok(Math.abs(all - sum) < 1e-5, `the weights sum to ${all}`);
            });
          });
        }
      } finally {
        await decoder.close();
      }
    });

  it('goes on from the same place more than once, with rows chosen', async () => {
    for (const name of ['with input feeding', 'of self-attention']) {
      const model = await modelOf(texts[name]!);
      const decoder = await openDecoder(model, weightsOf(model), runtime);
      const begun = await decoder.begin({ rows, sizes, inputs: sources(model) });
      const { after } = await begun.read(new Int32Array(rows).fill(1));
      const plain = await after.read(Int32Array.of(2, 3, 4, 5));
      const turned = await after.take([2, 0, 2]).read(Int32Array.of(4, 2, 4));
      const row = (scores: Float32Array, k: number): number[] => [...scores.subarray(k * classes.Word, (k + 1) * classes.Word)];
      near(row(turned.scores, 0), row(plain.scores, 2), name);
      near(row(turned.scores, 1), row(plain.scores, 0), name);
      near(row(turned.scores, 2), row(plain.scores, 2), name);
      await decoder.close();
    }
  });

  it('keeps states where a model has them, and reads all again only where it looks back', async () => {
    const isPrefix = async (name: string): Promise<boolean> => {
      const { graph, prediction, inputs } = await modelOf(texts[name]!);
      return stepwise(select(graph, [prediction!.logits]), inputs.find((each) => each.name === 'target')!.value).isPrefix;
    };
    const again = [];
    for (const name of Object.keys(texts)) if (await isPrefix(name)) again.push(name);
    assert.deepEqual(again, ['of self-attention']);
  });

  it('computes what the source alone decides once', async () => {
    const { graph, prediction, inputs } = await modelOf(texts.additive!);
    const { once, step } = stepwise(select(graph, [prediction!.logits]), inputs.find((each) => each.name === 'target')!.value);
    const products = (nodes: typeof step.nodes): string[] =>
      nodes.flatMap(({ operation, origin }) => (operation === 'contract' ? [`${origin!.instance}.${origin!.line}`] : []));
    // source @ U is of the source, W @ s of the step.
    assert.equal(products(once.nodes).filter((name) => name === 'decoder.scores').length, 1);
    assert.equal(products(step.nodes).filter((name) => name === 'decoder.scores').length, 2);
    assert.ok(step.nodes.every(({ operation }) => operation !== 'recur'));
  });

  it('is refused where the source runs with what is written, and where nothing is predicted', async () => {
    const same = await modelOf(
      `model M(source: [T] of Symbol, target: [T] of Word) {
  logits = linear(gru([embed(source, 3); embed(target, 3)], 4), Word)
  loss   = cross_entropy(logits, next(target))
}`,
      ['T'],
    );
    await assert.rejects(openDecoder(same, weightsOf(same), runtime), /^RunError: M reads source step by step beside target/);
    const none = await modelOf(
      'model M(source: [S] of Symbol, kind: one of Word) {\n  loss = cross_entropy(linear(last(gru(embed(source, 3), 4)), Word), kind)\n}',
      ['S'],
    );
    await assert.rejects(openDecoder(none, weightsOf(none), runtime), /^RunError: M does not predict its own input/);
    const unnamed = await modelOf(
      'model M(target: [T] of Word) {\n  loss = cross_entropy(linear(gru(embed(target, 4), 5), Word), next(target))\n}\n',
    );
    await assert.rejects(
      openDecoder(unnamed, weightsOf(unnamed), runtime),
      /M cannot write: the scores .* have no line of their own\. Write logits = /,
    );
  });
});

/** A step of what has one value for each: [T, 1, ...]. */
const part = ({ axes, data }: ReturnType<typeof wholeOf>, t: number): number[] => {
  const width = data.length / axes.find(({ name }) => name === 'T')!.size;
  assert.equal(axes[0]!.name, 'T');
  return [...data.slice(t * width, (t + 1) * width)];
};

function near(found: ArrayLike<number>, expected: readonly number[], what: string): void {
  assert.equal(found.length, expected.length, what);
  expected.forEach((value, k) => {
    assert.ok(Math.abs(found[k]! - value) < 2e-5 * Math.max(1, Math.abs(value)), `${what}: ${found[k]} is not ${value}`);
  });
}
