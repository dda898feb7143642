import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { createEngine, type Engine, EngineError } from '../../src/engine/client.ts';
import type { EngineEvent } from '../../src/engine/requests.ts';

const entry = fileURLToPath(new URL('fake-process.ts', import.meta.url));

/** Resolves when a training of the fake process says its number; `ended` is the training. */
function training(engine: Engine, file: string): { ended: Promise<unknown>; pid: Promise<number> } {
  let heard: (pid: number) => void;
  const pid = new Promise<number>((resolve) => {
    heard = resolve;
  });
  const ended = engine.request('train', { file }, (event: EngineEvent) => {
    if (event.name === 'message') heard(Number(event.data.text.split(' ')[1]));
  });
  ended.catch(() => undefined);
  return { ended, pid };
}

const processLives = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('engine client', () => {
  let engine: Engine;
  let log: string;
  beforeEach(() => {
    log = '';
    engine = createEngine({
      entry,
      log: (text) => {
        log += text;
      },
    });
  });
  afterEach(() => engine.dispose());

  const generate = (run: string, prompt = 'hello') => engine.request('generate', { run, prompt });

  it('brings numbers back as they were', async () => {
    const answer = await engine.request('read', { trace: 1, addresses: [], from: 2, to: 5 });
    assert.deepEqual(answer, [Float32Array.of(2, 3, 4)]);
  });

  it('brings an error with its message, code and place', async () => {
    await assert.rejects(generate('error'), (error: EngineError) => {
      assert.ok(error instanceof EngineError);
      assert.equal(error.message, 'unknown cell lstn');
      assert.equal(error.code, 'language');
      assert.deepEqual(error.place?.start, { line: 3, column: 8 });
      return true;
    });
  });

  it('cancels a request, before it and in its midst, and no other', async () => {
    const abort = new AbortController();
    const other = generate('until cancelled');
    other.catch(() => undefined);
    const midst = engine.request('generate', { run: 'until cancelled' }, () => abort.abort(), abort.signal);
    await assert.rejects(midst, { code: 'cancelled', message: 'It was cancelled.' });
    await assert.rejects(engine.request('generate', { run: '' }, undefined, abort.signal), { code: 'cancelled' });
    const still = await Promise.race([other.then(() => 'ended'), generate('').then(() => 'waits')]);
    assert.equal(still, 'waits');
  });

  it('says which model it was at when a native fault ended it, and lives', async () => {
    await assert.rejects(engine.request('verify', { file: '/models/odd.onnx', seed: 1 }), {
      code: 'engine-died',
      message: /was ended by signal SIGSEGV\. It was at work on odd\.onnx\.$/,
    });
    assert.match((await generate('')).text, /^hello/);
  });

  it('rejects a request that the engine does not know', async () => {
    await assert.rejects(engine.request('devices', {}), /knows no request devices/);
  });

  it('rejects all that waits when the process ends, with its last words, and goes on with a new one', async () => {
    const first = (await generate('')).text;
    const waiting = generate('never');
    waiting.catch(() => undefined);
    await assert.rejects(generate('exit'), (error: EngineError) => {
      assert.equal(error.code, 'engine-died');
      assert.equal(error.message, 'The tracing process ended with exit code 7. It said last: out of memory');
      return true;
    });
    await assert.rejects(waiting, { code: 'engine-died' });
    assert.match(log, /out of memory/);
    assert.notEqual((await generate('')).text, first);
  });

  it('names the signal that ended a training, while the other processes live on', async () => {
    const shared = (await generate('')).text;
    const one = training(engine, '/one');
    const two = training(engine, '/two');
    process.kill(await one.pid, 'SIGKILL');
    await assert.rejects(one.ended, { code: 'engine-died', message: 'The training process was ended by signal SIGKILL.' });
    assert.equal((await generate('')).text, shared);
    assert.ok(processLives(await two.pid));
    await engine.request('stopTraining', { kind: 'pause' });
    assert.equal(((await two.ended) as { folder: string }).folder, '/two');
  });

  it('stops only the training of the run that is named', async () => {
    const one = training(engine, '/one');
    const two = training(engine, '/two');
    await Promise.all([one.pid, two.pid]);
    await engine.request('stopTraining', { kind: 'pause', run: '/one' });
    await one.ended;
    assert.ok(processLives(await two.pid));
    await engine.request('stopTraining', { kind: 'pause', run: '/two' });
    await two.ended;
  });

  it('is done with stopping a training that dies of it', async () => {
    const one = training(engine, '/one');
    await one.pid;
    await engine.request('stopTraining', { kind: 'cancel' });
    await assert.rejects(one.ended, { code: 'engine-died' });
  });

  it('ends its processes when it is disposed, and rejects what waits', async () => {
    const one = training(engine, '/one');
    const waiting = generate('never');
    waiting.catch(() => undefined);
    const pid = await one.pid;
    await engine.dispose();
    await assert.rejects(one.ended, { code: 'engine-closed' });
    await assert.rejects(waiting, { code: 'engine-closed' });
    await assert.rejects(generate(''), { code: 'engine-closed' });
    assert.ok(!processLives(pid));
  });

  it('says when the engine is not there', async () => {
    const broken = createEngine({ entry: `${entry}.absent` });
    await assert.rejects(broken.request('devices', {}), /The tracing process ended with exit code 1.*Cannot find module/s);
    await broken.dispose();
  });
});
