// The adapter in a process of its own, on models that the engine has trained and traced.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { createEngine } from '../../src/engine/client.ts';
import { type Client, spawnAdapter } from './client.ts';

const SOURCE = `cell blend(x: [I], size H) {
  state h: [H]
  param W: [H, I], U: [H, H], b: [H]

  f  = sigmoid(W @ x + U @ h + b)   // how much
  h' = f * tanh(W @ x) + (1 - f) * h
}

model Cells(input: [T] of Char) {
  x      = embed(input, 8)
  a      = lstm(x, 6, layers: 2)
  b      = gru(a, 5)
  c      = rnn(b, 4, activation: relu)
  d      = blend(c, 4)
  logits = linear(d, Char)
  loss   = cross_entropy(logits, next(input))
}

model Both(input: [T] of Char) {
  x      = embed(input, 8)
  h      = bidirectional(gru, x, 3)
  again  = h * 1
  logits = linear(again, Char)
  loss   = cross_entropy(logits, input)
}

data words = text("words.txt", by: char)

train Cells on words { steps: 3, batch: 2, window: 8, optimizer: adam(0.01), device: cpu }

train Both on words { steps: 3, batch: 2, window: 8, device: cpu }
`;

const adapter = fileURLToPath(new URL('../../src/debug-adapter.ts', import.meta.url));
const entry = fileURLToPath(new URL('../../src/engine/process.ts', import.meta.url));
const lineOf = (text: string): number => SOURCE.split('\n').findIndex((row) => row.includes(text)) + 1;

describe('debug adapter on the engine', function () {
  this.timeout(30_000);
  let folder: string;
  let program: string;
  const running: { client: Client; kill: () => void; ended: Promise<number | null> }[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'unroll-debug-'));
    program = join(folder, 'cells.rnn');
    writeFileSync(program, SOURCE);
    writeFileSync(join(folder, 'words.txt'), 'the cat sat on the mat, and the dog lay on the log. '.repeat(12));
    const engine = createEngine({ entry });
    await engine.request('train', { file: program });
    await engine.dispose();
  });

  after(async () => {
    for (const { kill, ended } of running) {
      kill();
      await ended;
    }
    for (const used of [folder, `${folder}-changed`]) rmSync(used, { recursive: true, force: true });
  });

  const open = async (launch: object): Promise<Client> => {
    const started = spawnAdapter(adapter);
    running.push(started);
    await started.client.launch(launch);
    return started.client;
  };
  const short = (stop: string): string => stop.replace(/ of \d+, .*$/, '');
  const walk = async (client: Client, moves: readonly string[]): Promise<string[]> => {
    const stops: string[] = [];
    for (const move of moves) stops.push(short(await client.go(move)));
    return stops;
  };

  it('steps a trained model: the source in the person’s own file, library cells in the library', async () => {
    const client = await open({ program, data: { part: 'training', from: 0, length: 20 } });
    assert.equal(await client.start(), `entry: Cells.a  t = 0 of 20, 't' @ ${lineOf('a      = lstm')}`);
    assert.deepEqual(await walk(client, ['next', 'stepIn', 'next', 'next', 'next', 'next', 'next', 'next', 'stepBack', 'stepOut']), [
      'Cells.a  t = 1',
      'lstm.f in a[0]  t = 1',
      'lstm.i in a[0]  t = 1',
      'lstm.g in a[0]  t = 1',
      'lstm.o in a[0]  t = 1',
      "lstm.c' in a[0]  t = 1",
      "lstm.h' in a[0]  t = 1",
      'lstm.f in a[1]  t = 1',
      "lstm.h' in a[0]  t = 1",
      'Cells.a  t = 2',
    ]);
    await client.go('stepIn');
    const { stackFrames } = await client.ask('stackTrace', { threadId: 1 });
    assert.equal(stackFrames[1].source.path, program);
    assert.match(stackFrames[0].source.path, /recurrent\.rnn$/);
    await client.ask('setBreakpoints', {
      source: stackFrames[0].source,
      breakpoints: [{ line: stackFrames[0].line + 4, condition: 't == 5' }],
    });
    assert.deepEqual(await walk(client, ['continue', 'continue']), [
      "breakpoint: lstm.c' in a[0]  t = 5",
      "breakpoint: lstm.c' in a[1]  t = 5",
    ]);
    assert.equal(await client.evaluate("max(abs(c' - (f * c + i * g))) < 1e-5"), '1');
    assert.equal(await client.evaluate("max(abs(c - at(c', 4))) < 1e-6"), '1');
    assert.deepEqual(
      (await client.scope('Gates')).map(({ name }) => name),
      ['f', 'i', 'g', 'o'],
    );
    const [gradient] = await client.scope('Gradients');
    assert.match(gradient!.value, /^\[6\] mean .* [▁-█]{6}$/);
    assert.notEqual(await client.evaluate("norm(grad(c')) > 0"), '0');
  });

  it('stops in cells of one’s own, in gru and in rnn, and changes of the gradients’ objective are seen', async () => {
    const client = await open({ program, text: 'the cat sat on', stopOnEntry: false });
    const at = async (text: string): Promise<void> => {
      const { breakpoints } = await client.ask('setBreakpoints', {
        source: { path: program },
        breakpoints: [{ line: lineOf(text), condition: 'token == "c"' }],
      });
      assert.deepEqual(
        breakpoints.map(({ verified }: DebugProtocol.Breakpoint) => verified),
        [true],
      );
    };
    await at('f  = sigmoid');
    assert.equal(short(await client.start()), 'breakpoint: blend.f  t = 4');
    assert.equal(await client.evaluate('at(f, 3)[0] != f[0]'), '1');
    assert.equal(await client.evaluate("max(abs(h - at(h', t - 1))) < 1e-6"), '1');
    await at('c      = rnn');
    assert.deepEqual(await walk(client, ['reverseContinue', 'stepIn']), ['breakpoint: Cells.c  t = 4', "rnn.h'  t = 4"]);
    assert.equal(await client.evaluate("min(h') >= 0"), '1');
    await at('b      = gru');
    assert.deepEqual(await walk(client, ['reverseContinue', 'stepIn', 'next', 'next', 'next', 'next']), [
      'breakpoint: Cells.b  t = 4',
      'gru.r  t = 4',
      'gru.z  t = 4',
      'gru.n  t = 4',
      "gru.h'  t = 4",
      'Cells.b  t = 5',
    ]);
    await client.ask('unroll/objective', { objective: { kind: 'lossAt', t: 2 } });
    assert.equal(await client.evaluate('norm(at(grad(b), 2)) > 0 and norm(grad(b)) == 0'), '1');
  });

  it('steps a bidirectional layer of an untrained model, its backward run backwards', async () => {
    const client = await open({ program, model: 'Both', run: 'untrained', text: 'abcd'.replace(/./g, 't') });
    assert.equal(short(await client.start()), 'entry: Both.x  t = 0');
    assert.deepEqual(
      await walk(client, [
        'stepOut',
        'reverseContinue',
        'next',
        'next',
        'next',
        'next',
        'stepIn',
        'next',
        'next',
        'next',
        'next',
        'stepIn',
        'stepOut',
      ]),
      [
        'The end of the sequence: Both.loss  t = 3',
        'The beginning of the sequence: Both.x  t = 0',
        'Both.x  t = 1',
        'Both.x  t = 2',
        'Both.x  t = 3',
        `Both.h @ ${lineOf('h      = bidirectional')}`,
        'bidirectional.forward  t = 0',
        'bidirectional.forward  t = 1',
        'bidirectional.forward  t = 2',
        'bidirectional.forward  t = 3',
        'bidirectional.backward  t = 3',
        'gru.r in h.backward  t = 3',
        'bidirectional.backward  t = 2',
      ],
    );
    assert.equal(await client.evaluate("max(abs(h.backward.h' - backward)) < 1e-6"), '1');
  });

  it('shows the run’s own copy where the file has changed since', async () => {
    const copy = `${folder}-changed`;
    cpSync(folder, copy, { recursive: true });
    const changed = join(copy, 'cells.rnn');
    writeFileSync(changed, `// something new\n${SOURCE}`);
    const client = await open({ program: changed, text: 'the cat' });
    await client.start();
    const { stackFrames } = await client.ask('stackTrace', { threadId: 1 });
    assert.notEqual(stackFrames[0].source.path, changed);
    assert.match(client.output(), /cells\.rnn has changed since this run was trained/);
  });

  it('without a run says what to do', async () => {
    const { client, kill, ended } = spawnAdapter(adapter);
    const lonely = join(mkdtempSync(join(folder, 'lonely-')), 'cells.rnn');
    writeFileSync(lonely, SOURCE);
    await client.ask('initialize', { adapterID: 'unroll', pathFormat: 'path' });
    await assert.rejects(
      client.ask('launch', { program: lonely, text: 'the' }),
      /^Error: No run of .*cells\.rnn yet: train it first, or debug untrained weights/,
    );
    kill();
    await ended;
  });
});
