// A conversation at the command line: lines in, replies out.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { writeChat } from '../engine/talk.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly error: string;
}

describe('unroll chat', function () {
  this.timeout(60_000);
  let folder: string;
  const unroll = (words: readonly string[], piped = ''): Promise<Ended> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [main, ...words], { cwd: folder });
      let [out, error] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        error += text;
      });
      child.on('close', (status) => resolve({ status, out, error }));
      child.stdin.end(piped);
    });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'unroll-chat-'));
    writeChat(folder);
    const { status, error } = await unroll(['train', 'chat.rnn']);
    assert.equal(status, 0, error);
  });
  after(() => rmSync(folder, { recursive: true }));

  it('answers a line with a line', async () => {
    const piped = 'Do you have a red cat?\n\nWhere is a purple dog?\nDo you have a green mouse?';
    const { status, out, error } = await unroll(['chat', 'chat.rnn', '--greedy'], piped);
    assert.equal(status, 0, error);
    const lines = out.split('\n');
    assert.deepEqual([lines.length, lines[0], lines[2], lines[3]], [4, 'yes, i have a red cat.', 'yes, i have a green mouse.', '']);
    assert.equal(error, 'Unknown to the model: purple.\n');
  });

  it('draws by its seed, and ends at a length', async () => {
    const asked = 'Do you have a red cat?\n'.repeat(3);
    const drawn = (...more: string[]) => unroll(['chat', join('runs', 'Chat-1'), '--temperature', '9', ...more], asked);
    const [one, two, same] = await Promise.all([drawn('--seed', '1'), drawn('--seed', '50'), drawn('--seed', '1')]);
    assert.equal(one!.out, same!.out);
    assert.notEqual(one!.out, two!.out);
    // Each line is drawn anew.
    assert.equal(new Set(one!.out.trim().split('\n')).size, 3);
    const { out, error } = await unroll(['chat', 'chat.rnn', '--beam', '3', '--length', '2'], asked);
    assert.equal(out, 'yes,\nyes,\nyes,\n');
    assert.match(error, /^(Cut at 2 tokens; --length gives more\.\n){3}$/);
  });

  it('says what is wrong, and goes on where it can', async () => {
    const wrong = async (...words: string[]): Promise<string> => {
      const { status, error } = await unroll(['chat', ...words]);
      assert.equal(status, 2);
      return error;
    };
    assert.match(await wrong('chat.rnn', '--greedy', '--beam', '2'), /say one of them/);
    assert.match(await wrong('chat.rnn', '--top-p', '1.5'), /--top-p takes a number above 0, at most 1, not 1\.5/);
    assert.match(await wrong('chat.rnn', '--penalty', '1'), /give its width with --beam/);
    assert.match((await unroll(['chat', 'runs'])).error, /is no run/);
    const { status, out, error } = await unroll(['chat', 'chat.rnn', '--greedy'], '   \nWhere is the bird?\n');
    assert.equal(status, 0, error);
    assert.match(out, /the bird is/);
  });

  it('and what was said is traced along the reply', async () => {
    const words = [
      'trace',
      'runs/Chat-1',
      '--text',
      'Where is the bird?',
      '--writes',
      'The bird is.',
      '--values',
      'weights',
      '--out',
      'a.npz',
    ];
    const { status, error } = await unroll(words);
    assert.equal(status, 0, error);
    const [array] = Object.values(unzipSync(await readFile(join(folder, 'a.npz'))));
    assert.match(Buffer.from(array!).toString('latin1'), /'shape': \(6, 1, 5\)/);
  });
});
