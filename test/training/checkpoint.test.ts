import assert from 'node:assert/strict';
import * as node from 'node:fs/promises';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Checkpoint, lastGoodCheckpoint, readCheckpoint, writeCheckpoint } from '../../src/training/checkpoint.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unroll-checkpoint-'));
});
afterEach(() => rm(folder, { recursive: true }));

const checkpoint = (step: number, validationLoss?: number): Checkpoint => ({
  step,
  epoch: 1,
  window: step,
  seed: 5,
  ...(validationLoss === undefined ? {} : { validationLoss }),
  state: new Map([
    ['h.W_f', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, step) }],
    ['h.W_f#m', { shape: [], data: Float32Array.of(-0) }],
  ]),
});

describe('checkpoints', () => {
  it('come back as they were', async () => {
    const written = checkpoint(12, 1.5);
    const read = await readCheckpoint(await writeCheckpoint(folder, written));
    assert.deepEqual(read, written);
  });

  it('are safetensors: a length, a JSON header, the numbers', async () => {
    const bytes = await readFile(await writeCheckpoint(folder, checkpoint(3)));
    const length = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
    assert.equal(length % 8, 0);
    assert.deepEqual(header['h.W_f'], { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] });
    assert.deepEqual(header['h.W_f#m'], { dtype: 'F32', shape: [], data_offsets: [24, 28] });
    assert.ok(Object.values(header.__metadata__).every((value) => typeof value === 'string'));
    assert.equal(bytes.length, 8 + length + 28);
    assert.equal(bytes.readFloatLE(8 + length + 20), 3);
  });

  it('keep the last three and the best', async () => {
    for (const [step, loss] of [[1], [2, 1.2], [3, 1.4], [4], [5], [6, 1.3], [7]] as const)
      await writeCheckpoint(folder, checkpoint(step, loss));
    assert.deepEqual(
      (await readdir(folder)).sort(),
      [2, 5, 6, 7].map((step) => `step-0000000${step}.safetensors`),
    );
  });

  it('are passed over where they are cut short or changed', async () => {
    await writeCheckpoint(folder, checkpoint(1));
    const second = await writeCheckpoint(folder, checkpoint(2));
    const third = await writeCheckpoint(folder, checkpoint(3));
    await truncate(third, (await readFile(third)).length - 5);
    const changed = await readFile(second);
    changed[changed.length - 9]! ^= 1;
    await writeFile(second, changed);
    const { checkpoint: found, refused } = await lastGoodCheckpoint(folder);
    assert.equal(found?.step, 1);
    assert.deepEqual(
      refused.map(({ why }) => why.replace(/\d+/g, 'N')),
      ['it is cut short: N of N bytes of numbers are there', 'its checksum does not agree with its content'],
    );
  });

  it('are refused whatever byte is damaged, and wherever they end', async () => {
    const path = await writeCheckpoint(folder, checkpoint(1));
    const bytes = await readFile(path);
    for (let place = 0; place < bytes.length; place += 7) {
      const changed = Buffer.from(bytes);
      changed[place]! ^= 4;
      await writeFile(path, changed);
      await assert.rejects(readCheckpoint(path), { name: 'CheckpointError' }, `byte ${place}`);
      await writeFile(path, bytes.subarray(0, place));
      await assert.rejects(readCheckpoint(path), { name: 'CheckpointError' }, `cut at ${place}`);
    }
  });

  it('leave the folder as it was when the disk is full', async () => {
    await writeCheckpoint(folder, checkpoint(1));
    const full = {
      ...node,
      async open(path: string, flags: string) {
        const handle = await node.open(path, flags);
        if (flags === 'w') {
          handle.writeFile = async () => {
            throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
          };
        }
        return handle;
      },
    } as typeof node;
    await assert.rejects(writeCheckpoint(folder, checkpoint(2), full), /^DiskError: The disk is full: .*step-00000002.* Make room\./);
    assert.deepEqual(await readdir(folder), ['step-00000001.safetensors']);
    assert.equal((await lastGoodCheckpoint(folder)).checkpoint?.step, 1);
  });

  it('leave no half a file where the rename fails', async () => {
    const broken = {
      ...node,
      rename: async () => {
        throw Object.assign(new Error('EROFS'), { code: 'EROFS', syscall: 'rename' });
      },
    };
    await assert.rejects(writeCheckpoint(folder, checkpoint(2), broken), /may not be written/);
    assert.deepEqual(await readdir(folder), []);
  });
});
