import assert from 'node:assert/strict';
import { Worker } from 'node:worker_threads';
import { distinctCores } from '../../src/runtime/cores.ts';
import { identityModel } from '../../src/runtime/identity.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';

const runtime = createRuntime();
const open = (type: 'float32' | 'float64' | 'int32' | 'int64' | 'bool', resident: readonly string[] = []) =>
  runtime.open(identityModel(type), { device: 'cpu', resident });

describe('runtime', () => {
  const samples: (Tensor & { readonly type: Parameters<typeof open>[0] })[] = [
    { type: 'float32', dims: [2, 2], data: Float32Array.of(1, -2, 0.5, Number.NaN) },
    { type: 'float64', dims: [1], data: Float64Array.of(1 / 3) },
    { type: 'int32', dims: [3], data: Int32Array.of(1, -2, 3) },
    { type: 'int64', dims: [2], data: BigInt64Array.of(2n ** 40n, -1n) },
    { type: 'bool', dims: [3], data: Uint8Array.of(1, 0, 1) },
    { type: 'float32', dims: [], data: Float32Array.of(7) },
    { type: 'float32', dims: [0, 4], data: new Float32Array(0) },
  ];
  for (const sample of samples) {
    it(`carries ${sample.type} [${sample.dims}] there and back`, async () => {
      const session = await open(sample.type);
      const { y } = await session.compute({ x: sample });
      assert.deepEqual({ type: y!.type, dims: [...y!.dims], data: y!.data }, { ...sample, dims: [...sample.dims] });
      await session.release();
    });
  }

  it('takes tensors over shared memory', async () => {
    const session = await open('float32');
    const data = new Float32Array(new SharedArrayBuffer(8));
    data.set([3, 4]);
    const { y } = await session.compute({ x: { type: 'float32', dims: [2], data } });
    assert.deepEqual([...(y!.data as Float32Array)], [3, 4]);
    await session.release();
  });

  it('writes an output into given memory', async () => {
    const session = await open('float32');
    const y: Tensor = { type: 'float32', dims: [2], data: new Float32Array(2) };
    const answer = await session.compute({ x: { type: 'float32', dims: [2], data: Float32Array.of(5, 6) } }, ['y'], { y });
    assert.equal(answer.y, y);
    assert.deepEqual([...(y.data as Float32Array)], [5, 6]);
    await session.release();
  });

  it('holds no memory for an output that it has written into given memory, run after run', async () => {
    const session = await open('float32');
    const [x, y] = [0, 1].map((value): Tensor => ({ type: 'float32', dims: [100_000], data: new Float32Array(100_000).fill(value) }));
    await session.compute({ x: x! }, ['y'], { y: y! });
    const before = process.memoryUsage().arrayBuffers;
    for (let k = 0; k < 20; k += 1) await session.compute({ x: x! }, ['y'], { y: y! });
    assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000);
    assert.equal((y!.data as Float32Array)[99_999], 0);
    await session.release();
  });

  it('feeds a resident output to the next run, and reads it', async () => {
    const session = await open('float32', ['y']);
    const first = await session.run({ x: { type: 'float32', dims: [1], data: Float32Array.of(9) } });
    const resident = first.y!;
    assert.ok('kind' in resident);
    const second = (await session.run({ x: resident })).y!;
    assert.ok('kind' in second);
    assert.deepEqual([...((await session.read(second)).data as Float32Array)], [9]);
    resident.dispose();
    await assert.rejects(session.run({ x: resident }), /has been disposed/);
    await session.release();
    await assert.rejects(session.run({ x: second }), /has been released/);
  });

  it('reports a CPU, and why the others are absent', async () => {
    const reports = await runtime.devices();
    assert.equal(reports.find((report) => report.device === 'cpu')?.available, true);
    for (const report of reports) assert.equal(report.available, report.reason === undefined, report.device);
  });

  it('never falls back from a device that is absent', async () => {
    const absent = (await runtime.devices()).find((report) => !report.available);
    assert.ok(absent);
    await assert.rejects(runtime.open(identityModel('float32'), { device: absent.device }), (error: Error) => {
      assert.match(error.message, new RegExp(`^${absent.device} was asked for, but .+; devices here: .*cpu`));
      return true;
    });
  });

  it('says in plain words that a model is broken', async () => {
    await assert.rejects(runtime.open(Uint8Array.of(1, 2, 3), { device: 'cpu' }), /The runtime refused the model on cpu: .*[Pp]rotobuf/);
  });

  it('works in a worker thread beside this one', async function () {
    this.timeout(20_000);
    const source = `
      import { createRuntime } from ${JSON.stringify(new URL('../../src/runtime/onnxruntime.ts', import.meta.url).href)};
      import { identityModel } from ${JSON.stringify(new URL('../../src/runtime/identity.ts', import.meta.url).href)};
      import { parentPort } from 'node:worker_threads';
      const session = await createRuntime().open(identityModel('float32'), { device: 'cpu', threads: 1 });
      const { y } = await session.compute({ x: { type: 'float32', dims: [1], data: Float32Array.of(11) } });
      await session.release();
      parentPort.postMessage(y.data[0]);`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    const value = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    assert.equal(value, 11);
    await ended;
  });

  it('counts physical cores, not threads', () => {
    const block = (processor: number, socket: number, core: number): string =>
      `processor\t: ${processor}\nphysical id\t: ${socket}\ncore id\t\t: ${core}\n`;
    assert.equal(distinctCores([block(0, 0, 0), block(1, 0, 1), block(2, 0, 0), block(3, 0, 1)].join('\n')), 2);
    assert.equal(distinctCores('processor\t: 0\nBogoMIPS: 50\n\nprocessor\t: 1\nBogoMIPS: 50\n'), 2);
  });
});
