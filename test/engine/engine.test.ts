import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createEngine, type Engine, type EngineError } from '../../src/engine/client.ts';
import type { EngineEvent, TrainRequest } from '../../src/engine/requests.ts';
import { modelInfo } from '../../src/onnx/operators.ts';
import type { RunSummary, StepRecord } from '../../src/shared/training.ts';
import { summarise } from '../../src/training/run.ts';

const entry = fileURLToPath(new URL('../../src/engine/process.ts', import.meta.url));

const source = (steps: number): string => `
model Tiny(input: [T] of Char) {
  x      = embed(input, 6)
  h      = lstm(x, 12)
  logits = linear(h, Char)
  loss   = cross_entropy(logits, next(input))
}
data text = text("text.txt", by: char)
train Tiny on text { steps: ${steps}, batch: 4, window: 8, optimizer: adam(0.02), clip: 1 }
generate Tiny { prompt: "the ", length: 20, search: greedy }
`;

function lives(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch {
    return false;
  }
}

interface Training {
  readonly ended: Promise<RunSummary>;
  readonly records: StepRecord[];
  readonly messages: string[];
  /** Resolves with the number of the process when that many steps are done. */
  reaches(step: number): Promise<number>;
}

describe('engine', function () {
  this.timeout(120_000);
  let folder: string;
  let file: string;
  let engine: Engine;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-engine-'));
    file = join(folder, 'tiny.rnn');
    await writeFile(join(folder, 'text.txt'), 'the cat sat on the mat. the dog ate the cat. '.repeat(30));
    await writeFile(file, source(30));
    engine = createEngine({ entry });
  });
  after(async () => {
    await engine.dispose();
    await rm(folder, { recursive: true });
  });

  function train(request: Partial<TrainRequest> = {}): Training {
    const records: StepRecord[] = [];
    const messages: string[] = [];
    let process: number | undefined;
    const waiting: { step: number; resolve: (process: number) => void }[] = [];
    const ended = engine.request('train', { file, everyStep: true, device: 'cpu', threads: 1, ...request }, (event: EngineEvent) => {
      if (event.name === 'started' && event.data.run.status.kind === 'running') process = event.data.run.status.process;
      if (event.name === 'message') messages.push(event.data.text);
      if (event.name !== 'progress') return;
      records.push(event.data.record);
      for (const each of waiting) if (event.data.record.step >= each.step) each.resolve(process!);
    });
    ended.catch(() => undefined);
    return { ended, records, messages, reaches: (step) => new Promise((resolve) => waiting.push({ step, resolve })) };
  }

  const run = (): string => join(folder, 'runs', 'Tiny-1');
  const source1 = () => ({ kind: 'run', folder: run() }) as const;

  it('trains, and tells every step', async () => {
    const { ended, records } = train();
    const summary = await ended;
    assert.equal(summary.folder, run());
    assert.deepEqual(summary.status, { kind: 'done' });
    assert.equal(summary.device, 'cpu');
    assert.deepEqual(
      records.map(({ step }) => step),
      Array.from({ length: 30 }, (_, k) => k + 1),
    );
    assert.ok(records.at(-1)!.loss < records[0]!.loss - 0.5);
  });

  it('traces typed text: values, gradients, weights, summaries', async () => {
    const trace = await engine.openTrace({ source: source1(), sequence: { kind: 'text', text: 'the cat' } });
    const { description } = trace;
    assert.equal(description.title, 'Tiny · step 30 · typed text');
    assert.deepEqual(description.tokens, [...'the cat']);
    assert.ok(description.parity < 1e-4);
    const h = { instance: 'h', line: "h'" };
    const f = { instance: 'h', line: 'f' };
    const [hidden, gate] = await trace.read({ addresses: [h, f], from: 2, to: 5 });
    assert.equal(hidden!.length, 3 * 12);
    assert.ok(hidden!.some((value) => value !== 0) && hidden!.every((value) => Math.abs(value) < 1));
    assert.ok(gate!.every((value) => value > 0 && value < 1));
    const [gradient] = await trace.read({ addresses: [h], from: 0, to: 7, gradient: true });
    const norm = (t: number): number => Math.hypot(...gradient!.subarray(t * 12, t * 12 + 12));
    assert.ok(norm(2) > 0);
    // Nothing follows the last step, so its loss is not counted.
    assert.equal(norm(6), 0);
    const surprise = await trace.summary({ kind: 'surprise' });
    assert.equal(surprise.length, 7);
    assert.deepEqual((await trace.weight('h.W_f')).shape, [12, 6]);
    await trace.differentiate({ kind: 'lossAt', t: 3 });
    const [at3] = await trace.read({ addresses: [h], from: 0, to: 7, gradient: true });
    assert.ok(at3!.subarray(4 * 12).every((value) => value === 0));
    assert.ok(at3!.subarray(3 * 12, 4 * 12).some((value) => value !== 0));
    await trace.close();
    await assert.rejects(trace.read({ addresses: [h], from: 0, to: 1 }), /no longer open/);
  });

  it('traces the held-out text from a place that it offers', async () => {
    const [first] = await engine.request('beginnings', { source: source1(), count: 3 });
    const from = first!.sequence.kind === 'data' ? first!.sequence.from : -1;
    const sequence = { kind: 'data', part: 'validation', from, length: 20 } as const;
    const trace = await engine.openTrace({ source: source1(), sequence });
    assert.equal(trace.description.steps, 20);
    assert.ok(first!.text.startsWith(trace.description.tokens.join('').trim()));
    await trace.close();
  });

  it('traces a file that was never trained', async () => {
    const trace = await engine.openTrace({ source: { kind: 'file', file }, sequence: { kind: 'text', text: 'a cat' } });
    assert.match(trace.description.title, /untrained/);
    await trace.close();
  });

  it('says which character the model does not know', async () => {
    await assert.rejects(engine.openTrace({ source: source1(), sequence: { kind: 'text', text: 'the Ümlaut' } }), /"Ü"/);
  });

  it('exports with the standard operator', async () => {
    const out = join(folder, 'tiny.onnx');
    const { operators, bytes } = await engine.request('export', { run: run(), out });
    assert.ok(operators.includes('LSTM'));
    const info = modelInfo(await readFile(out));
    assert.equal(info.bytes, bytes);
    assert.deepEqual(
      info.inputs.map(({ name }) => name),
      ['input', 'h.h', 'h.c'],
    );
  });

  it('lets the model write, the same by the same seed', async () => {
    const { text } = await engine.request('generate', { run: run(), prompt: 'the c', length: 12 });
    assert.equal(text.length, 12);
    assert.equal((await engine.request('generate', { run: run(), prompt: 'the c', length: 12 })).text, text);
  });

  it('tells the place of a fault in the source', async () => {
    const broken = join(folder, 'broken.rnn');
    await writeFile(broken, source(30).replace('lstm(x', 'lstn(x'));
    await assert.rejects(engine.request('train', { file: broken }), (error: EngineError) => {
      assert.match(error.message, /lstn/);
      assert.deepEqual(error.place?.start, { line: 3, column: 11 });
      return true;
    });
  });

  it('reports a training that was killed, and resumes it; traces meanwhile live on', async () => {
    await writeFile(file, source(100_000));
    const trace = await engine.openTrace({ source: source1(), sequence: { kind: 'text', text: 'the' } });
    const out = join(folder, 'runs', 'killed');
    const killed = train({ out });
    process.kill(await killed.reaches(20), 'SIGKILL');
    await assert.rejects(killed.ended, (error: EngineError) => {
      assert.equal(error.code, 'engine-died');
      assert.match(error.message, /The training process was ended by signal SIGKILL/);
      return true;
    });
    assert.equal((await trace.read({ addresses: [{ instance: 'h', line: 'f' }], from: 0, to: 3 }))[0]!.length, 36);
    await trace.close();

    const resumed = train({ out, resume: true });
    await resumed.reaches(30);
    await engine.request('stopTraining', { kind: 'pause', run: out });
    const { status, step } = await resumed.ended;
    assert.deepEqual(status, { kind: 'paused' });
    assert.match(resumed.messages.join('\n'), /Resumed from step/);
    const again = train({ out, resume: true, steps: step + 5 });
    assert.deepEqual((await again.ended).status, { kind: 'done' });
    assert.equal(again.records[0]!.step, step + 1);
  });

  it('refuses a second training of one run', async () => {
    const out = join(folder, 'runs', 'twice');
    const first = train({ out });
    await first.reaches(2);
    await assert.rejects(train({ out, resume: true }).ended, /[Tt]rain/);
    await engine.request('stopTraining', { kind: 'cancel', run: out });
    assert.deepEqual((await first.ended).status, { kind: 'cancelled' });
  });

  it('writes a checkpoint when the editor goes away', async () => {
    const other = createEngine({ entry });
    const out = join(folder, 'runs', 'left');
    const began = new Promise<void>((resolve) => {
      other
        .request('train', { file, out, device: 'cpu', threads: 1 }, (event) => {
          if (event.name === 'progress') resolve();
        })
        .catch(() => undefined);
    });
    await began;
    await other.dispose();
    const resumed = train({ out, resume: true });
    await resumed.reaches(1);
    assert.ok(resumed.records[0]!.step > 1);
    await engine.request('stopTraining', { kind: 'cancel', run: out });
    await resumed.ended;
  });

  it('does not outlive the editor that was killed', async () => {
    const out = join(folder, 'runs', 'orphan');
    const parent = spawn(process.execPath, [fileURLToPath(new URL('parent.ts', import.meta.url)), file, out]);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const child = Number(line.toString());
    assert.ok(lives(child));
    parent.kill('SIGKILL');
    while (lives(child)) await delay(20);
    const { status, step } = await summarise(out);
    assert.deepEqual(status, { kind: 'paused' });
    assert.ok(step > 0);
  });

  it('says that a device is absent, and which are there', async () => {
    const devices = await engine.request('devices', {});
    const absent = devices.find(({ available }) => !available)!;
    await assert.rejects(
      train({ out: join(folder, 'runs', 'device'), device: absent.device as 'cuda' }).ended,
      new RegExp(`${absent.device} was asked for, but .*; devices here: .*cpu`),
    );
  });
});
