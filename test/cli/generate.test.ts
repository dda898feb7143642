// What a model writes that reads something first, by the command and by the engine's requests.

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { runCommand } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands.ts';
import { createEngine } from '../../src/engine/client.ts';

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
  const unroll = async (...words: string[]): Promise<{ status: number; out: string; error: string }> => {
    let [out, error] = ['', ''];
    const terminal = {
      out: (text: string) => {
        out += text;
      },
      error: (text: string) => {
        error += text;
      },
      folder,
      columns: undefined,
      onInterrupt: () => undefined,
    };
    const status = await runCommand(commands, words, { terminal, engine });
    return { status, out, error };
  };

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
});
