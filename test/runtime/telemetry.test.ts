// Nothing of what is computed leaves the machine: onnxruntime's own telemetry, on unless it is told otherwise, leaves its traces in the home folder and
// the one for passing files.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const file = (path: string): string => JSON.stringify(new URL(`../../src/runtime/${path}`, import.meta.url).href);
const session = `
  import { createRuntime } from ${file('onnxruntime.ts')};
  import { identityModel } from ${file('identity.ts')};
  const session = await createRuntime().open(identityModel('float32'), { device: 'cpu', threads: 1 });
  await session.compute({ x: { type: 'float32', dims: [1], data: Float32Array.of(1) } });
  await session.release();`;
const inWorker = `
  import ${file('onnxruntime.ts')};
  import { Worker } from 'node:worker_threads';
  const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(session)})));
  await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));`;

describe('the runtime reports to nobody', () => {
  for (const [where, source] of [
    ['the first thread', session],
    ['a worker', inWorker],
  ] as const)
    it(`from ${where}`, async function () {
      this.timeout(30_000);
      const folder = await mkdtemp(join(tmpdir(), 'unroll-telemetry-'));
      try {
        // Machines that build software are left out by onnxruntime itself.
        const { ORT_DISABLE_TELEMETRY, GITHUB_ACTIONS, TF_BUILD, CI, ORT_RUNNING_UNIT_TESTS, XDG_CACHE_HOME, ...rest } = process.env;
        const env = { ...rest, HOME: folder, TMPDIR: folder };
        await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', source], { env });
        assert.deepEqual(await readdir(folder), []);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
});
