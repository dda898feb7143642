import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { launchedInput } from '../../src/debug/foreign-launch.ts';
import { readLaunch } from '../../src/debug/launch.ts';
import type { ForeignInfo } from '../../src/shared/foreign.ts';

const files: Readonly<Record<string, string>> = {
  '/w/in/choices.json': '{ "inputs": { "x": { "kind": "file", "path": "x.npy" } }, "dimensions": { "T": 9 } }',
  '/w/rule.json': '{ "frames": [{ "input": "x" }], "state": [], "constants": {} }',
  '/w/bad.json': '{',
};
const disk = {
  absolute: (path: string, base = '/w') => posix.resolve(base, path),
  read: async (path: string) => files[path] ?? assert.fail(path),
};
const info = async () =>
  ({
    usual: { inputs: { x: { kind: 'random', seed: 1 }, n: { kind: 'constant', value: 3 } }, dimensions: { B: 2 } },
  }) as unknown as ForeignInfo;
const input = (launch: object) => {
  const read = readLaunch({ program: 'm.onnx', ...launch });
  if ('fault' in read) throw new Error(read.fault);
  return launchedInput(read, info, disk);
};

describe('launch configurations of ONNX models', () => {
  it('name a file, choices, or a seed; else they are asked for', async () => {
    assert.deepEqual(await input({ input: 'a.wav', item: 2 }), { all: { kind: 'file', path: '/w/a.wav' }, item: 2 });
    // Beside the file that says so.
    assert.deepEqual(await input({ choices: 'in/choices.json' }), {
      inputs: { x: { kind: 'file', path: '/w/in/x.npy' } },
      dimensions: { T: 9 },
    });
    assert.deepEqual(await input({ choices: { all: { kind: 'zeros' } }, stream: 'auto' }), { all: { kind: 'zeros' }, stream: 'auto' });
    assert.deepEqual(await input({ random: 5 }), {
      inputs: { x: { kind: 'random', seed: 5 }, n: { kind: 'constant', value: 3 } },
      dimensions: { B: 2 },
    });
    assert.deepEqual((await input({ random: 1, stream: 'rule.json' }))?.stream, { frames: [{ input: 'x' }], state: [], constants: {} });
    assert.equal(await input({}), undefined);
  });

  it('are refused with what to change', async () => {
    const fault = (launch: object): string => (readLaunch(launch) as { fault: string }).fault;
    assert.match(fault({ program: 'm.onnx', run: 'latest' }), /"run" .* is for \.rnn sources; for m\.onnx there are "input", "choices"/);
    assert.match(fault({ program: 'm.rnn', random: 1 }), /"random" .* is for \.onnx models/);
    assert.match(fault({ program: 'm.onnx', random: 1, input: 'x' }), /one is enough/);
    assert.match(fault({ program: 'm.onnx', item: -1 }), /"item" .* whole number from 0/);
    assert.match(fault({ program: 'm.onnx', objective: { kind: 'loss' } }), /"objective" .* of an \.onnx model/);
    assert.match(fault({ program: 'm.onnx', objective: { kind: 'output', output: 'y', index: ['0'] } }), /"objective"/);
    assert.equal(fault({ program: 'm.onnx', objective: { kind: 'output', output: 'y', index: [0, null] } }), undefined);
    assert.match(fault({ program: 'm.rnn', writes: 'ja' }), /"writes" .* has read "text": give it both/);
    assert.equal(fault({ program: 'm.rnn', text: 'yes', writes: 'ja' }), undefined);
    assert.match(fault({ program: 'm.onnx', choices: [] }), /"choices" .* path of a file of JSON/);
    await assert.rejects(input({ choices: 'bad.json' }), /^Error: \/w\/bad\.json is no JSON: /);
    await assert.rejects(input({ stream: 'none.json' }), /^Error: There is no file \/w\/none\.json that can be read\.$/);
  });
});
