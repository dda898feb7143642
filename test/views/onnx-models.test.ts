// What is known of ONNX models: read once for all who wait, and no longer than somebody does.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../../src/engine/client.ts';
import type { EngineEvent } from '../../src/engine/requests.ts';
import { OnnxModels } from '../../src/views/onnx-models.ts';

interface Asked {
  readonly hear: (event: EngineEvent) => void;
  readonly signal: AbortSignal;
  readonly resolve: (info: unknown) => void;
  readonly reject: (error: Error) => void;
}

describe('what is known of ONNX models', () => {
  let folder: string;
  let file: string;
  let asked: Asked[];
  let models: OnnxModels;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-models-'));
    file = join(folder, 'a.onnx');
    await writeFile(file, 'a');
    asked = [];
    const request = (_: string, __: unknown, hear: Asked['hear'], signal: AbortSignal): Promise<unknown> =>
      new Promise((resolve, reject) => asked.push({ hear, signal, resolve, reject }));
    models = new OnnxModels(() => ({ request }) as unknown as Engine);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const until = async (count: number): Promise<Asked> => {
    while (asked.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
    return asked[count - 1]!;
  };

  it('is asked for once, and all who wait hear how far it is', async () => {
    const said: string[] = [];
    const both = [models.info(file, { hear: (text) => said.push(`one: ${text}`) }), models.info(file, { hear: (text) => said.push(text) })];
    const { hear, resolve } = await until(1);
    await new Promise((next) => setTimeout(next, 20));
    hear({ name: 'reading', data: { share: 0.4 } });
    hear({ name: 'message', data: { text: '12,000 nodes are searched' } });
    assert.deepEqual(said.toSorted(), [
      '12,000 nodes are searched',
      'one: 12,000 nodes are searched',
      'one: the file is read, 40 %',
      'the file is read, 40 %',
    ]);
    resolve({ path: file });
    assert.deepEqual(await Promise.all(both), [{ path: file }, { path: file }]);
    assert.deepEqual(await models.info(file), { path: file });
    assert.equal(asked.length, 1);
  });

  it('is given up where nobody waits any more, and asked for anew by the next', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const both = [models.info(file, { signal: first.signal }), models.info(file, { signal: second.signal })];
    for (const each of both) each.catch(() => undefined);
    const { signal, reject } = await until(1);
    await new Promise((next) => setTimeout(next, 20));
    first.abort();
    assert.equal(signal.aborted, false);
    second.abort();
    assert.equal(signal.aborted, true);
    const again = models.info(file);
    const other = await until(2);
    reject(new Error('It was cancelled.'));
    other.resolve({ path: 'again' });
    assert.deepEqual(await again, { path: 'again' });
    // What was given up before does not make the new one forgotten.
    assert.deepEqual(await models.info(file), { path: 'again' });
    assert.equal(asked.length, 2);
  });

  it('is kept when a page closes that had it', async () => {
    const page = new AbortController();
    const info = models.info(file, { signal: page.signal });
    (await until(1)).resolve({ path: file });
    await info;
    page.abort();
    await models.info(file);
    assert.equal(asked.length, 1);
  });
});
