// What a model writes that reads something first, by the command and by the engine's requests.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { pictureAddress } from '../../src/data/images/png-write.ts';
import { createEngine } from '../../src/engine/client.ts';
import { encodeModel } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { type Ended, unrollIn } from './command-line.ts';

const source = `model Repeat(source: [S] of Symbol, target: [T] of Symbol) {
  encoder = bidirectional(gru, embed(source, 8), 12)
  decoder = attending_decoder(embed(target, 8), encoder, 16)
  logits  = linear(decoder, Symbol)
  loss    = cross_entropy(logits, next(target))
}

data repeating = repeating(200, symbols: 5, length: [2, 4], seed: 1)

train Repeat on repeating { device: cpu, steps: 60, batch: 20, optimizer: adam(0.02) }
generate Repeat { search: beam(3, penalty: 0.6), length: 5, unknown: copy(decoder.weights) }
`;

describe('unroll generate', function () {
  this.timeout(60_000);
  const engine = createEngine({ entry: fileURLToPath(new URL('../../src/engine/process.ts', import.meta.url)) });
  let folder: string;
  const run = (): string => join(folder, 'runs', 'Repeat-1');
  const unroll = (...words: string[]): Promise<Ended> => unrollIn(folder, engine, words);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-generate-'));
    await writeFile(join(folder, 'repeat.rnn'), source);
    const { status, error } = await unroll('train', 'repeat.rnn');
    assert.equal(status, 0, error);
  });
  after(async () => {
    await engine.dispose();
    await rm(folder, { recursive: true });
  });

  it('writes a row for a text, and for each line of a file', async () => {
    await writeFile(join(folder, 'rows.txt'), 'a b\nc d e\na\n');
    const all = await unroll('generate', 'repeat.rnn', '--input', 'rows.txt');
    assert.equal(all.status, 0, all.error);
    const lines = all.out.trimEnd().split('\n');
    assert.equal(lines.length, 3);
    assert.ok(lines.every((line) => /^[a-e]?( [a-e])*$/.test(line)));
    for (const [k, text] of ['a b', 'c d e', 'a'].entries())
      assert.equal((await unroll('generate', run(), '--input', text)).out, `${lines[k]}\n`);
    assert.equal((await unroll('generate', run(), '--example', 'validation:0')).status, 0);
  });

  it('writes where the model looked, as arrays and as a table', async () => {
    await writeFile(join(folder, 'two.txt'), 'a b c\nd\n');
    assert.equal((await unroll('generate', run(), '--input', 'two.txt', '--attention', 'looked.npz')).status, 0);
    const arrays = unzipSync(await readFile(join(folder, 'looked.npz')));
    assert.deepEqual(Object.keys(arrays), ['0/decoder.weights.npy', '1/decoder.weights.npy']);
    assert.match(Buffer.from(arrays['0/decoder.weights.npy']!).toString('latin1'), /'shape': \(\d, 3\)/);
    assert.equal((await unroll('generate', run(), '--input', 'two.txt', '--attention', 'looked.csv')).status, 0);
    const [head, ...rows] = (await readFile(join(folder, 'looked.csv'), 'utf8')).trim().split('\n');
    assert.equal(head, 'row,line,head,step,token,place,word,weight');
    const sums = new Map<string, number>();
    for (const row of rows) {
      const [place, , , step, , , , weight] = row.split(',');
      sums.set(`${place} ${step}`, (sums.get(`${place} ${step}`) ?? 0) + Number(weight));
    }
    assert.ok([...sums.values()].every((sum) => Math.abs(sum - 1) < 1e-5));
    assert.ok(rows.some((row) => /^0,decoder\.weights,0,0,[^,]+,1,b,/.test(row)));
  });

  it('says what is missing or wrong', async () => {
    const wrong = async (...words: string[]): Promise<string> => {
      const { status, error } = await unroll('generate', run(), ...words);
      assert.notEqual(status, 0);
      return error;
    };
    assert.match(await wrong(), /Repeat reads source before it writes/);
    assert.match(await wrong('--input', 'a z'), /has never seen "z"/);
    assert.match(await wrong('--input', 'a', '--attention', 'looked.txt'), /--attention takes a \.npz or \.csv file/);
    assert.match(await wrong('--input', 'a', '--example', '1'), /not by both/);
    await writeFile(join(folder, 'gap.txt'), 'a\n\nb\n');
    assert.match(await wrong('--input', 'gap.txt'), /gap\.txt, line 2: there is nothing to read/);
  });

  it('tells what has to be asked for, and goes on from another branch of a beam', async () => {
    const { reads, name, examples } = await engine.request('sourceOf', { run: run() });
    assert.deepEqual([reads, name], [true, 'source']);
    assert.ok(examples.length > 1 && examples.every((text) => /^[a-e]( [a-e])*$/.test(text)));
    const sources = [{ kind: 'text', text: 'a b c' }] as const;
    const { rows, text } = await engine.request('generate', { run: run(), sources, beam: 4 });
    const [row] = rows;
    assert.equal(row!.text, text);
    const other = row!.beam!.nodes.find(({ step, isEnd, token }) => step === 0 && !isEnd && token !== row!.ids[0])!;
    const again = await engine.request('generate', { run: run(), sources, beam: 4, continue: [other.token] });
    assert.equal(again.rows[0]!.ids[0], other.token);
    assert.deepEqual(again.rows[0]!.source, ['a', 'b', 'c']);
  });

  it('exports a decoder', async () => {
    const { status, out, error } = await unroll('export', run(), '--format', 'decoder', '--out', 'decoder');
    assert.equal(status, 0, error);
    assert.match(out, /GRU.*Loop.*encoder\.onnx, step\.onnx, greedy\.onnx/);
    assert.deepEqual((await readdir(join(folder, 'decoder'))).sort(), ['encoder.onnx', 'greedy.onnx', 'step.onnx']);
  });

  it('tells of an image in a file what it tells of the same image in its data, through a network too', async () => {
    const eyes = encodeModel({
      ir_version: 8,
      opset_import: [{ domain: '', version: 17 }],
      graph: {
        name: 'eyes',
        node: [
          { op_type: 'Conv', input: ['image', 'W'], output: ['seen'], attribute: [attribute('strides', [2, 2])] },
          { op_type: 'GlobalAveragePool', input: ['seen'], output: ['out'], attribute: [] },
        ],
        initializer: [
          tensorProto(
            'float32',
            [4, 3, 2, 2],
            Float32Array.from({ length: 48 }, (_, k) => Math.sin(k)),
            'W',
          ),
        ],
        input: [valueInfo('image', 'float32', ['N', 3, 8, 8])],
        output: [valueInfo('out', 'float32', ['N', 4, 1, 1])],
      },
    });
    await writeFile(join(folder, 'eyes.onnx'), eyes);
    await mkdir(join(folder, 'images'));
    const colours = ['red', 'green', 'blue'];
    let captions = 'image,caption\n';
    for (const [k, colour] of colours.entries()) {
      const values = Float32Array.from({ length: 192 }, (_, at) => (Math.floor(at / 64) === k ? 1 : 0.1));
      await writeFile(join(folder, 'images', `${k}.png`), Buffer.from(pictureAddress(values, 3, 8, 8).split(',')[1]!, 'base64'));
      captions += `${k}.png,a ${colour} page\n`;
    }
    await writeFile(join(folder, 'captions.csv'), captions);
    await writeFile(
      join(folder, 'tell.rnn'),
      `model Tell(image: [3, 8, 8], caption: [T] of Word) {
  features = onnx("eyes.onnx", image, output: "seen")
  decoder  = attending_decoder(embed(caption, 8), places(features), 16)
  logits   = linear(decoder, Word)
  loss     = cross_entropy(logits, next(caption))
}
data pages = images("images", captions: "captions.csv", by: word, validation: 0)
train Tell on pages { device: cpu, steps: 80, batch: 3, optimizer: adam(0.03) }
generate Tell { search: greedy, length: 8 }
`,
    );
    assert.equal((await unroll('train', 'tell.rnn')).status, 0);
    for (const [k, colour] of colours.entries()) {
      const { out, error } = await unroll('generate', 'tell.rnn', '--input', join('images', `${k}.png`));
      assert.deepEqual([out, error], [`a ${colour} page\n`, '']);
      assert.equal((await unroll('generate', 'tell.rnn', '--example', `${k}`)).out, out);
    }
    assert.equal((await unroll('generate', 'tell.rnn', '--example', '0', '--attention', 'looked.csv')).status, 0);
    const rows = (await readFile(join(folder, 'looked.csv'), 'utf8')).trimEnd().split('\n').slice(1);
    // Four words and the end, each over 16 places.
    assert.equal(rows.length, 4 * 16);
    // For PyTorch, what the network makes is an input, and the program is told how to have it.
    const run = (await readdir(join(folder, 'runs'))).find((each) => each.startsWith('Tell'));
    assert.equal((await unroll('export', join('runs', run!), '--out', 'tell-pytorch')).status, 0);
    const python = join(folder, 'tell-pytorch');
    assert.match(await readFile(join(python, 'model.py'), 'utf8'), /def forward\(self, caption, eyes_seen, .*eyes_seen \[B, 4, 4, 4\]/s);
    const data = JSON.parse(await readFile(join(python, 'data.json'), 'utf8'));
    assert.deepEqual(
      [data.arguments, data.inputs.map((each: { network: unknown }) => each.network)],
      [
        { caption: 'caption', 'onnx(eyes, image, seen)': 'eyes_seen' },
        [null, null, { path: 'eyes.onnx', takes: 'image', gives: 'seen', of: 'image' }],
      ],
    );
    await writeFile(join(folder, 'bad.png'), 'no image');
    assert.match((await unroll('generate', 'tell.rnn', '--input', 'bad.png')).error, /bad\.png: it is neither a PNG nor a JPEG/);
    assert.match((await unroll('generate', 'repeat.rnn', '--input', join('images', '0.png'))).error, /reads source, and no image/);
    assert.match((await unroll('generate', 'tell.rnn', '--input', 'none.png')).error, /none\.png/);
  });
});
