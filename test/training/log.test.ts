import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StepRecord } from '../../src/shared/training.ts';
import { openLog, parseLog, readLog } from '../../src/training/log.ts';

const record = (step: number, loss = step): StepRecord => ({
  kind: 'step',
  step,
  epoch: 1,
  loss,
  gradientNorm: 1,
  clipped: false,
  learningRate: 0.1,
  stepsPerSecond: 10,
});

describe('log', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-log-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('drops a torn last line, wherever it is torn, and writes on behind the last whole one', async () => {
    const path = join(folder, 'log.jsonl');
    const line = JSON.stringify(record(2));
    for (let cut = 1; cut <= line.length; cut += 20) {
      await rm(path, { force: true });
      const first = openLog(path);
      first.append(record(1));
      first.close();
      await appendFile(path, line.slice(0, cut));
      assert.deepEqual(await readLog(path), [record(1)]);
      const second = openLog(path);
      second.append(record(2, 7));
      second.close();
      assert.deepEqual(await readLog(path), [record(1), record(2, 7)]);
      assert.equal((await readFile(path, 'utf8')).split('\n').length, 3);
    }
  });

  it('forgets what came after the step that a run went on from', () => {
    const lines = [record(1), record(2), record(3), { kind: 'resumed', step: 1 }, record(2, 9)];
    assert.deepEqual(parseLog(lines.map((line) => `${JSON.stringify(line)}\n`).join('')), [record(1), record(2, 9)]);
  });

  it('says that the disk is full', () => {
    const log = openLog(join(folder, 'log.jsonl'), () => {
      throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
    });
    assert.throws(() => log.append(record(1)), /The disk is full/);
    log.close();
  });

  it('has no records where there is no file', async () => {
    assert.deepEqual(await readLog(join(folder, 'none')), []);
  });
});
