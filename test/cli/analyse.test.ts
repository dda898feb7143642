import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readArrays } from '../../src/data/npy-read.ts';
import { createEngine } from '../../src/engine/client.ts';
import { encodeModel } from '../../src/onnx/proto.ts';
import type { Analysis, Comparison } from '../../src/shared/analysis.ts';
import { translator } from '../e2e/onnx-models.ts';
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
    const { arrays } = await readArrays(join(folder, 'found.npz'));
    const found = (name: string): { readonly shape: readonly number[]; readonly data: ArrayLike<unknown> } => arrays.get(name)!;
    assert.deepEqual(found('h/gradient by lag/c/mean').shape, [24]);
    assert.equal(found('h/gradient by lag/c/mean').data[0], 1);
    assert.deepEqual(found('h/timescales/c').shape, [12]);
    assert.deepEqual(found('h/ways/U_f/derivative of f').shape, [24]);
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

  it('says on a terminal how far it is, and is given up by Ctrl+C', async () => {
    const words = ['analyse', 'text.rnn', '--length', '16', '--sequences', '4', '--also', 'ablation', '--report', 'given-up.html'];
    const done = await unrollIn(folder, engine, [...words.slice(0, -1), 'done.html'], { columns: 80 });
    assert.equal(done.status, 0, done.error);
    const written = done.out.split('\r\u001b[K');
    const shares = written.flatMap((each) => (/^\d+ %$/.test(each) ? [Number.parseInt(each, 10)] : []));
    assert.ok(shares.length > 4 && shares.at(-1) === 100);
    // The line is gone before the result.
    assert.match(written.at(-1)!, /^Text · untrained/);
    const { status, out, error } = await unrollIn(folder, engine, words, { columns: 80, interrupt: /\d %/ });
    assert.deepEqual([status, error], [130, 'Interrupted. Nothing is written.\n']);
    assert.doesNotMatch(out, /Text · untrained/);
    await assert.rejects(readFile(join(folder, 'given-up.html')), /ENOENT/);
    // What is written for a program has nothing else in it.
    const { out: json } = await unrollIn(folder, engine, ['analyse', 'text.rnn', '--length', '16', '--sequences', '4', '--json'], {
      columns: 80,
    });
    assert.equal((JSON.parse(json) as Analysis).steps, 16);
  });

  it('takes the checkpoint of a run that is chosen, or what its training started with', async () => {
    assert.equal((await unroll('train', 'text.rnn', '--out', 'kept')).status, 0);
    const found = async (...words: string[]): Promise<Analysis> =>
      JSON.parse((await unroll('analyse', ...words, '--json', '--length', '12', '--sequences', '2')).out);
    const untrained = await found('text.rnn');
    const start = await found('kept', '--checkpoint', 'start');
    const last = await found('kept', '--checkpoint', '4');
    assert.deepEqual([start.title, last.title], ['Text · untrained', 'Text · step 4']);
    const curves = ({ layers }: Analysis) => layers.map((layer) => layer.curves);
    assert.deepEqual(curves(start), curves(untrained));
    assert.deepEqual(curves(last), curves(await found('kept')));
    assert.notDeepEqual(curves(last), curves(start));
    assert.deepEqual(last.first, { kind: 'data', part: 'validation', from: 0, length: 12 });
    const none = await unroll('analyse', 'kept', '--checkpoint', '3');
    assert.deepEqual(
      [none.status, /keeps no checkpoint of step 3\. It keeps those of the steps 0, 4\./.test(none.error)],
      [1, true],
      none.error,
    );
    assert.match(
      (await unroll('analyse', 'kept', '--checkpoint', 'first')).error,
      /takes last, best, start, or a number of steps, not first\./,
    );
    assert.match((await unroll('analyse', 'text.rnn', '--checkpoint', 'last')).error, /--checkpoint is of a run/);
  });

  it('analyses all recurrent layers of an ONNX model, whatever their lengths, or those that are named', async () => {
    await writeFile(join(folder, 'translator.onnx'), encodeModel(translator()));
    const layersOf = async (...words: string[]): Promise<readonly string[]> => {
      const { out, error, status } = await unroll('analyse', 'translator.onnx', '--random', '1', '--size', 'S=9,T=14', '--json', ...words);
      assert.equal(status, 0, error);
      const { layers }: Analysis = JSON.parse(out);
      return layers.map(({ layer, curves }) => `${layer} ${curves[0]!.mean.length}`);
    };
    const all = await layersOf();
    assert.deepEqual(all, ['encoder 9', 'decoder 14']);
    assert.deepEqual(await layersOf('--part', 'decoder', '--length', '10'), ['decoder 10']);
    const none = await unroll('analyse', 'translator.onnx', '--random', '1', '--size', 'S=9,T=14', '--part', 'nothing');
    assert.match(none.error, /No recurrent part nothing of translator\.onnx ran\./);
  });

  it('tries every repair on a copy', async () => {
    const { status, out, error } = await unroll('analyse', 'text.rnn', '--length', '40', '--try', '--json');
    assert.equal(status, 0, error);
    const { tried, verdicts }: Analysis = JSON.parse(out);
    assert.deepEqual(
      tried!.map(({ repair }) => repair.title),
      verdicts.flatMap(({ repairs }) => repairs.flatMap(({ title, edits }) => (edits === undefined ? [] : [title]))),
    );
    assert.ok(tried!.length >= 2 && tried!.every(({ before, after }) => before.steps === 40 && after.steps === 40));
    assert.match((await unroll('analyse', 'text.rnn', '--length', '40', '--try')).out, /\nBefore and after\. .*\n {2}Start b_f at /);
  });

  it('compares models side by side, and cells in one of them', async () => {
    const two = await unroll('analyse', 'text.rnn', 'text.rnn:Text', '--length', '20', '--report', 'two.html');
    assert.equal(two.status, 0, two.error);
    assert.match(two.out, /^text\.rnn \| text\.rnn:Text: \d+ sequences of up to 20 steps/);
    assert.match(await readFile(join(folder, 'two.html'), 'utf8'), /<h1>Memory compared: text\.rnn \| text\.rnn:Text<\/h1>/);
    assert.match(await readFile(join(folder, 'two.csv'), 'utf8'), /^model,layer,quantity,name,place,value,low,high\ntext\.rnn,h,horizon,/);
    const cells: Comparison = JSON.parse((await unroll('analyse', 'text.rnn', '--cells', 'rnn, gru', '--length', '20', '--json')).out);
    assert.deepEqual(
      cells.compared.map(({ name }) => name),
      ['rnn', 'gru'],
    );
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
      [['analyse', 'text.rnn', '--cells', 'rnn'], /--cells takes two cells or more/],
      [['analyse', 'text.rnn', 'text.rnn', '--cells', 'rnn,gru'], /--cells is of one \.rnn file/],
      [['analyse', 'text.rnn', 'text.rnn', '--try'], /--try is of one model/],
      [['analyse', 'text.rnn', '--train', '4'], /--train is for --cells and --try/],
      [['analyse', 'text.onnx'], /Give the input by --input FILE, --random SEED or --choices FILE\.json\./],
      [['reproduce', 'nothing'], /There is no reproduction nothing\. There are timescale, initialisation, /],
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
    assert.match(error, /Text has no recurrent layer whose states could be followed\. Give it one, such as/);
  });
});
