import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { createEngine } from '../../src/engine/client.ts';
import { runTraining } from '../../src/engine/training.ts';
import { encodeModel } from '../../src/onnx/proto.ts';
import { random } from '../../src/shared/random.ts';
import { checkpointsOf } from '../../src/training/run.ts';
import { functionModel } from '../foreign/models.ts';
import { type Ended, unrollIn } from './command-line.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const engine = createEngine({ entry: fileURLToPath(new URL('../../src/engine/process.ts', import.meta.url)) });
let folder: string;

interface Exited {
  readonly status: number | null;
  readonly out: string;
  readonly error: string;
}

interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<Exited>;
  /** Resolves when a line of the output says this. */
  said(text: string): Promise<void>;
}

function start(...words: string[]): Started {
  const child = spawn(process.execPath, [main, ...words], { cwd: folder });
  let out = '';
  let error = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    error += text;
  });
  const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, out, error: error.replaceAll(folder, '') }));
  return {
    process: child,
    ended,
    async said(text) {
      while (!out.includes(text)) {
        assert.equal(child.exitCode, null, `it ended without saying ${text}: ${out}${error}`);
        await delay(5);
      }
    },
  };
}

const unroll = (...words: string[]): Promise<Ended> => unrollIn(folder, engine, words);

const lines = (out: string): Record<string, unknown>[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

async function succeeds(...words: string[]): Promise<Ended> {
  const ended = await unroll(...words);
  assert.equal(ended.status, 0, ended.error);
  return ended;
}

const source = (train: string): string => `use "cells.rnn"

model Tiny(input: [T] of Char) {
  x      = embed(input, 4)
  h      = mine(x, 6)
  k      = lstm(dropout(h, 0.1), 5)
  logits = linear(k, Char)
  loss   = cross_entropy(logits, next(input))
}

data some = text("some.txt", by: char)

train Tiny on some { device: cpu, batch: 4, window: 8, clip: 1, ${train} }
`;

const cells = `cell mine(x: [I], size H) {
  state h: [H]
  param W: [H, I], U: [H, H], b: [H]

  h' = tanh(W @ x + U @ h + b)
}
`;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unroll-cli-'));
  const chance = random(1);
  const text = Array.from({ length: 1200 }, () => 'the cat. '[Math.floor(chance.uniform() * 9)]).join('');
  await writeFile(join(folder, 'some.txt'), text);
  await writeFile(join(folder, 'cells.rnn'), cells);
  await writeFile(join(folder, 'tiny.rnn'), source('steps: 40, optimizer: adam(0.01)'));
});
after(async () => {
  await engine.dispose();
  await rm(folder, { recursive: true });
});

/** Resumes a run up to a step, and compares its last checkpoint with that of a training without a break. */
async function sameAsWhole(run: string, steps: number): Promise<void> {
  const whole = `${run}-whole`;
  const [resumed] = await Promise.all([
    succeeds('train', 'tiny.rnn', '--resume', '--steps', `${steps}`, '--out', run),
    succeeds('train', 'tiny.rnn', '--steps', `${steps}`, '--out', whole),
  ]);
  assert.match(resumed.out, /^Resumed from step \d+\.$/m);
  const name = `step-${String(steps).padStart(8, '0')}.safetensors`;
  const [a, b] = await Promise.all([run, whole].map((each) => readFile(join(checkpointsOf(join(folder, each)), name))));
  assert.ok(a!.equals(b!));
}

describe('unroll', function () {
  this.timeout(180_000);

  it('tells how it is used', async () => {
    const [help, none, unknown, wrong, missing] = await Promise.all([
      start('train', '--help').ended,
      unroll(),
      unroll('trian'),
      unroll('train', 'tiny.rnn', '--stps', '3'),
      unroll('train', 'tiny.rnn', '--steps', 'many'),
    ]);
    assert.equal(help.status, 0);
    assert.match(
      help.out,
      /--out DIR\] \[--device D\] \[--threads N\] \[--epochs N \| --steps N\] \[--seed N\] \[--statement N \| --all\] \[--watch N\] \[--resume\] \[--json\]/,
    );
    assert.equal(none.status, 2);
    assert.match(none.out, /check .*\n.*train /);
    assert.deepEqual([unknown.status, unknown.error.split('.')[0]], [2, 'unroll: there is no command trian']);
    assert.deepEqual([wrong.status, wrong.error.split('\n')[0]], [2, "unroll train: Unknown option '--stps'."]);
    assert.deepEqual(
      [missing.status, missing.error.split('\n')[0]],
      [2, 'unroll train: --steps takes a whole number from 1 on, not many.'],
    );
  });

  it('checks a file, each fault at its place', async () => {
    await writeFile(join(folder, 'wrong.rnn'), cells.replace('[H, I]', '[H, J]').replace('tanh', 'tahn'));
    const [sound, wrong, none] = await Promise.all([
      unroll('check', 'tiny.rnn'),
      unroll('check', 'wrong.rnn'),
      unroll('check', 'none.rnn'),
    ]);
    assert.deepEqual([sound.status, sound.out, sound.error], [0, 'tiny.rnn: no errors in model Tiny\n', '']);
    assert.equal(wrong.status, 1);
    assert.match(wrong.error, /^wrong\.rnn:5:8: .*tahn.*$/m);
    assert.match(wrong.error, /^wrong\.rnn:3:\d+: .*\bJ\b.*$/m);
    assert.deepEqual([none.status, none.error], [1, 'There is no file /none.rnn.\n']);
  });

  it('trains, traces, generates, exports and tells of it', async () => {
    const trained = lines((await succeeds('train', 'tiny.rnn', '--json', '--seed', '3')).out);
    const steps = trained.slice(0, -1);
    const last = trained.at(-1)!;
    assert.deepEqual(
      steps.map(({ step }) => step),
      Array.from({ length: 40 }, (_, k) => k + 1),
    );
    for (const name of ['loss', 'gradientNorm', 'stepsPerSecond'])
      assert.ok(
        steps.every((record) => Number.isFinite(record[name])),
        name,
      );
    assert.ok((steps[39]!.loss as number) < (steps[0]!.loss as number));
    assert.deepEqual(
      steps.filter((record) => 'validationLoss' in record).map(({ step }) => step),
      [20, 40],
    );
    assert.equal(last.done, true);
    assert.equal(last.settings, 'mine 6 · lstm 5 · adam .01 · clip 1 · batch 4 · window 8');
    assert.equal(last.run, join(folder, 'runs', 'Tiny-1'));

    const [trace, wrong, exported, info, source, written] = await Promise.all([
      succeeds('trace', 'runs/Tiny-1', '--text', 'the cat', '--values', 'f,c', '--gradient', '--out', 'some.npz'),
      unroll('trace', 'runs/Tiny-1', '--text', 'the dog', '--out', 'none.npz'),
      succeeds('export', 'runs/Tiny-1', '--out', 'm.onnx'),
      succeeds('info', 'runs/Tiny-1', '--json'),
      succeeds('info', 'tiny.rnn'),
      succeeds('generate', 'runs/Tiny-1', '--prompt', 'the ', '--length', '20'),
    ]);
    assert.match(trace.out, /^4 arrays of 7 timesteps/);
    const arrays = unzipSync(await readFile(join(folder, 'some.npz')));
    assert.deepEqual(Object.keys(arrays).sort(), ['k/c.gradient.npy', 'k/c.npy', 'k/f.gradient.npy', 'k/f.npy']);
    assert.match(Buffer.from(arrays['k/f.npy']!.subarray(10, 128)).toString('latin1'), /'shape': \(7, 1, 5\)/);
    const gates = new Float32Array(arrays['k/f.npy']!.slice(128).buffer);
    assert.ok(gates.length === 35 && gates.every((gate) => gate > 0 && gate < 1));
    assert.equal(wrong.status, 1);
    assert.match(wrong.error, /has never seen "d", "o", "g"/);
    assert.match(exported.out, /LSTM/);
    assert.deepEqual(JSON.parse(info.out).weights['k.U_f'], [5, 5]);
    assert.equal(JSON.parse(info.out).status, 'done');
    assert.match(source.out, /Char: 7/);
    assert.equal(written.out.length, 21);
    const model = JSON.parse((await succeeds('info', 'm.onnx', '--json')).out);
    assert.equal(model.operators.LSTM, 1);
  });

  it('is paused by Ctrl+C, refuses a second training meanwhile, and goes on as if nothing had been', async () => {
    const first = start('train', 'tiny.rnn', '--json', '--steps', '100000', '--out', 'stopped');
    await first.said('"step":5,');
    const second = runTraining({ file: join(folder, 'tiny.rnn'), resume: true, out: join(folder, 'stopped') }, {});
    await assert.rejects(second, /The run is being trained by process \d+\. Stop that training first/);
    first.process.kill('SIGINT');
    const paused = await first.ended;
    assert.equal(paused.status, 130, paused.error);
    const end = lines(paused.out).at(-1)!;
    assert.deepEqual([end.done, end.status], [false, 'paused']);

    const third = await unroll('train', 'tiny.rnn', '--out', 'stopped');
    assert.match(third.error, /There is a run in \/stopped already\. Resume it, or train into another folder\./);
    await sameAsWhole('stopped', (end.step as number) + 20);
  });

  it('goes on as if nothing had been after its process was killed', async () => {
    const killing = start('train', 'tiny.rnn', '--json', '--steps', '100000', '--out', 'killed');
    await killing.said('"step":5,');
    process.kill(JSON.parse(await readFile(join(folder, 'killed', 'lock'), 'utf8')).process, 'SIGKILL');
    const killed = await killing.ended;
    assert.equal(killed.status, 1);
    assert.match(
      killed.error,
      /training process was ended by signal SIGKILL\. Go on from the last checkpoint with --resume --out \/killed\.$/m,
    );
    await sameAsWhole('killed', 60);
  });

  it('goes on from the checkpoint before a damaged one, with its own source', async () => {
    await succeeds('train', 'tiny.rnn', '--out', 'damaged', '--steps', '20');
    await truncate(join(checkpointsOf(join(folder, 'damaged')), 'step-00000020.safetensors'), 500);
    await copyFile(join(folder, 'tiny.rnn'), join(folder, 'kept.rnn'));
    await writeFile(join(folder, 'tiny.rnn'), 'model Tiny(input: [T] of Char) { nonsense }\n');
    const { out } = await succeeds('train', 'tiny.rnn', '--out', 'damaged', '--resume');
    await copyFile(join(folder, 'kept.rnn'), join(folder, 'tiny.rnn'));
    assert.match(out, /step-00000020\.safetensors is not used: it is cut short/);
    assert.match(out, /tiny\.rnn has changed since the run began\. The run goes on with the source that it was begun with\./);
    assert.match(out, /Done at step 20/);
  });

  it('stops where the numbers are no longer finite', async () => {
    await writeFile(join(folder, 'wild.rnn'), source('steps: 50, optimizer: adam(3e38)'));
    const { status, out, error } = await unroll('train', 'wild.rnn', '--json', '--out', 'wild');
    assert.equal(status, 1);
    assert.match(
      error,
      /^The (loss|norm of the gradient) became (NaN|-?Infinity) at step \d+\. The first number that is not finite is -?\w+, of `x\/vector`, at t = 0, .* Its weight x\.table had a number .* The checkpoint of step 0 is safe\. Set a smaller rate than 3e\+38\.$/m,
    );
    assert.deepEqual([lines(out).at(-1)!.done, lines(out).at(-1)!.status], [false, 'failed']);
    assert.deepEqual(await readdir(checkpointsOf(join(folder, 'wild'))), ['step-00000000.safetensors']);
  });

  it('says what is wrong with data and devices, where it stands in the source', async () => {
    const cases: [name: string, text: string, expected: RegExp][] = [
      ['missing', source('steps: 2').replace('some.txt', 'none.txt'), /^missing\.rnn:11:1: There is no file \/none\.txt\./],
      [
        'window',
        source('steps: 2').replace('window: 8', 'window: 5000'),
        /^window\.rnn:13:53: The window of 5000 is longer than the training part of some\.txt/,
      ],
      [
        'held',
        source('steps: 2').replace('window: 8', 'window: 200'),
        /^held\.rnn:13:53: The window of 200 is longer than the validation part of some\.txt \(120 characters\)/,
      ],
      [
        'batch',
        source('steps: 2').replace('batch: 4', 'batch: 400'),
        /^batch\.rnn:13:42: The training part of some\.txt .* is too short for 400 rows/,
      ],
    ];
    for (const [name, text] of cases) await writeFile(join(folder, `${name}.rnn`), text);
    for (const [name, , expected] of cases) {
      const checked = await unroll('check', `${name}.rnn`);
      assert.match(checked.error.replace('warning: ', ''), expected);
      assert.equal(checked.status, name === 'missing' ? 0 : 1);
    }
    const [missing, held] = await Promise.all([unroll('train', 'missing.rnn'), unroll('train', 'held.rnn')]);
    assert.deepEqual([missing.status, held.status], [1, 1]);
    assert.match(missing.error, cases[0]![2]);
    assert.match(held.error, cases[2]![2]);
    const device = await unroll('train', 'tiny.rnn', '--device', 'gpu');
    assert.deepEqual(
      [device.status, device.error.split('\n')[0]],
      [2, 'unroll train: --device takes auto, cpu, webgpu, cuda, directml or coreml, not gpu.'],
    );
    const absent = await unroll('train', 'tiny.rnn', '--device', 'coreml', '--out', 'absent');
    assert.equal(absent.status, 1);
    assert.match(absent.error, /coreml/);
    assert.ok(!(await readdir(folder)).includes('absent'));
  });

  it('says that the place of a run cannot be written', async () => {
    await mkdir(join(folder, 'blocked'));
    await writeFile(join(folder, 'blocked', 'file'), '');
    const { status, error } = await unroll('train', 'tiny.rnn', '--out', 'blocked/file/run');
    assert.equal(status, 1);
    assert.match(error, /blocked\/file\/run cannot be made: a file of that name stands in the way/);
  });

  it('tells of ONNX models of others, and refuses what is none', async () => {
    await writeFile(join(folder, 'foreign.onnx'), encodeModel(functionModel()));
    await writeFile(join(folder, 'cut.onnx'), encodeModel(functionModel()).subarray(0, 200));
    const told = await unroll('info', 'foreign.onnx', '--json');
    const { defaults, functions, unknown, remarks, producer } = JSON.parse(told.out);
    assert.deepEqual([defaults, functions, unknown, producer], [undefined, ['mine.Gate'], ['custom.ops.Whirl'], 'test']);
    assert.match(remarks.join('\n'), /The model keeps w in weights\.bin, which is not there\. Copy it beside the model\./);
    assert.match((await unroll('info', 'foreign.onnx')).out, /\nremarks:\n {2}The model keeps w in/);
    const cut = await unroll('info', 'cut.onnx');
    assert.deepEqual([cut.status, cut.out], [1, '']);
    assert.match(cut.error, /cut\.onnx is no ONNX model, or it is cut short: .*\. Copy it or export it again\.\n$/);
  });
});
