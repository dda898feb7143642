import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEngine } from '../../src/engine/client.ts';
import type { Analysis } from '../../src/shared/analysis.ts';
import { type Ended, unrollIn } from './command-line.ts';

const engine = createEngine({ entry: fileURLToPath(new URL('../../src/engine/process.ts', import.meta.url)) });
let folder: string;

const unroll = (...words: string[]): Promise<Ended> => unrollIn(folder, engine, words);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unroll-analyse-'));
  await writeFile(
    join(folder, 'text.rnn'),
    `model Text(input: [T] of Char) {
  x      = embed(input, 8)
  h      = lstm(x, 12)
  logits = linear(h, Char)
  loss   = cross_entropy(logits, next(input))
}

data some = text("some.txt", by: char)

train Text on some { steps: 4, batch: 4, window: 16 }
`,
  );
  await writeFile(join(folder, 'some.txt'), 'the cat sat on the mat, and the dog on the log. '.repeat(60));
});
after(async () => {
  await engine.dispose();
  await rm(folder, { recursive: true });
});

describe('unroll analyse', function () {
  this.timeout(60_000);

  it('tells of a file as it starts, with a report and a table', async () => {
    const { status, out, error } = await unroll('analyse', 'text.rnn', '--length', '24', '--sequences', '5', '--report', 'found.html');
    assert.equal(status, 0, error);
    assert.match(out, /^Text · untrained: 5 sequences of up to 24 steps/);
    assert.match(out, /Memory horizon of h at 0\.001/);
    assert.match(out, /direct way of c: f,/);
    assert.match(await readFile(join(folder, 'found.html'), 'utf8'), /<svg/);
    assert.match(
      await readFile(join(folder, 'found.csv'), 'utf8'),
      /^layer,quantity,name,place,value,low,high,sequences\nh,gradient by lag,h,0,1,1,1,5\n/,
    );
  });

  it('tells of a run and of an ONNX model the same', async () => {
    assert.equal((await unroll('train', 'text.rnn', '--out', 'run')).status, 0);
    const own: Analysis = JSON.parse((await unroll('analyse', 'run', '--json', '--length', '20')).out);
    assert.equal(own.title, 'Text · step 4');
    assert.equal((await unroll('export', 'run', '--out', 'text.onnx')).status, 0);
    const foreign = await unroll('analyse', 'text.onnx', '--random', '1', '--size', 'T=20,B=6', '--json');
    assert.equal(foreign.status, 0, foreign.error);
    const { layers, sequences, title }: Analysis = JSON.parse(foreign.out);
    assert.deepEqual([title, sequences], ['text.onnx', 6]);
    const mean = (analysis: readonly Analysis['layers'][number][]): number =>
      analysis[0]!.gates.find(({ line }) => line === 'f')!.mean.reduce((sum, each) => sum + each, 0) / 12;
    // Other inputs through the same weights.
    assert.ok(Math.abs(mean(layers) - mean(own.layers)) < 0.05, `${mean(layers)} and ${mean(own.layers)}`);
  });

  it('reproduces the timescales of forget biases', async () => {
    const { status, out } = await unroll('reproduce', 'timescale', '--json');
    assert.equal(status, 0);
    const { rows } = JSON.parse(out);
    const expected = [0, 1, 2, 3, 5].map((bias) => -1 / Math.log(1 / (1 + Math.exp(-bias))));
    assert.deepEqual(
      rows.map(({ ours }: { ours: number }) => Math.round(100 * ours) / 100),
      expected.map((tau) => Math.round(100 * tau) / 100),
    );
  });

  it('says what is written wrongly', async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['analyse', 'text.rnn', '--threshold', '2'], /--threshold takes a number between 0 and 1, not 2\./],
      [['analyse', 'text.rnn', '--length', '1'], /--length takes a whole number from 2 on, not 1\./],
      [['analyse', 'text.rnn', '--report', 'x.pdf'], /--report takes the name of an \.html file, not x\.pdf\./],
      [['analyse', 'text.onnx'], /Give the input by --input FILE, --random SEED or --choices FILE\.json\./],
      [['reproduce', 'nothing'], /There is no reproduction nothing\. There are timescale, initialisation, flip-flop\./],
    ];
    for (const [words, expected] of cases) {
      const { status, error } = await unroll(...words);
      assert.equal(status, 2, words.join(' '));
      assert.match(error, expected);
    }
  });

  it('says that a model without a recurrence has no memory to look at', async () => {
    await writeFile(join(folder, 'flat.rnn'), (await readFile(join(folder, 'text.rnn'), 'utf8')).replace('lstm(x, 12)', 'linear(x, 12)'));
    const { status, error } = await unroll('analyse', 'flat.rnn');
    assert.equal(status, 1);
    assert.match(error, /Text has no recurrent layer whose states could be followed\./);
  });
});
