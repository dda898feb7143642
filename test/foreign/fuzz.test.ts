// Seeded mutations of sound model files: each opens, or is refused with a ModelFileError, in bounded time.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelFileError } from '../../src/onnx/file/error.ts';
import { modelFileOf } from '../../src/onnx/file/open.ts';
import { tensorsOf } from '../../src/onnx/file/remarks.ts';
import { type ModelGraph, type ModelNode, nodeLabel } from '../../src/onnx/file/structure.ts';
import { describeModel } from '../../src/onnx/operators.ts';
import { decodeModel, encodeModel } from '../../src/onnx/proto.ts';
import { random } from '../../src/shared/random.ts';
import { functionModel, nestedModel, recurrentModel } from './models.ts';

/** More where asked for: FUZZ=100000, and FUZZ_FILES names files by their paths, divided by colons. */
const count = Number(process.env.FUZZ ?? 10_000);

describe('damaged model files', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-fuzz-'));
    await writeFile(join(folder, 'weights.bin'), new Uint8Array(20));
  });
  after(() => rm(folder, { recursive: true }));

  it(`${count} of them open, or are refused in a sentence`, async function () {
    this.timeout(120_000 + count * 12);
    const sound = [recurrentModel(), nestedModel(), functionModel()].map(encodeModel);
    for (const path of (process.env.FUZZ_FILES ?? '').split(':')) if (path !== '') sound.push(await readFile(path));
    const { uniform } = random('model files');
    const below = (limit: number): number => Math.floor(uniform() * limit);
    let [opened, refused, slowest] = [0, 0, 0];
    for (let k = 0; k < count; k += 1) {
      let bytes: Buffer = Buffer.from(sound[k % sound.length]!);
      // Half of them are bytes as no encoder writes them, half are sound bytes of a model that makes no sense.
      if (k % 2 === 0) for (let times = 1 + below(3); times > 0; times -= 1) bytes = mutations[below(mutations.length)]!(bytes, below);
      else bytes = distorted(bytes, below);
      const start = performance.now();
      try {
        const file = await modelFileOf(join(folder, 'm.onnx'), bytes);
        JSON.stringify(describeModel(file.model, file.bytes));
        encodeModel(file.model);
        for (const graph of file.structure.graphs) assertOrdered(graph);
        for (const remark of file.remarks) assert.match(remark, /^.{4,2000}\.$/, `mutation ${k}`);
        for (const { tensor, place } of tensorsOf(file.structure))
          await file
            .tensor(tensor, place)
            .catch((error: unknown) => assert.ok(error instanceof ModelFileError, `mutation ${k}: ${String(error)}`));
        opened += 1;
      } catch (error) {
        if (!(error instanceof ModelFileError)) throw new Error(`mutation ${k}: ${error instanceof Error ? error.stack : String(error)}`);
        assert.match(error.message, /^m\.onnx .{4,2000}\.$/, `mutation ${k}`);
        refused += 1;
      }
      slowest = Math.max(slowest, performance.now() - start);
    }
    assert.ok(slowest < 5000, `one took ${slowest} ms`);
    assert.ok(opened > count / 10 && refused > count / 10, `${opened} opened, ${refused} were refused`);
  });

  it('a file cut at any length opens, or is refused in a sentence', async () => {
    for (const model of [recurrentModel(), nestedModel(), functionModel()]) {
      const bytes = encodeModel(model);
      let refused = 0;
      for (let length = 0; length < bytes.length; length += 1 + (length % 3))
        await modelFileOf(join(folder, 'm.onnx'), bytes.subarray(0, length)).catch((error: unknown) => {
          assert.ok(error instanceof ModelFileError, String(error));
          assert.match(error.message, length === 0 ? /is empty/ : /cut short|has no graph/);
          refused += 1;
        });
      assert.ok(refused > bytes.length / 3);
    }
  });
});

/** Each node after those that make what it reads, where nothing keeps them from it. */
function assertOrdered({ nodes, cycles, proto, path }: ModelGraph): void {
  assert.equal(new Set(nodes).size, proto.node.length, path);
  if (cycles.length > 0) return;
  const done = new Set<ModelNode>();
  for (const each of nodes) {
    for (const name of each.proto.input) {
      const producer = each.graph.values.get(name)?.producer;
      assert.ok(producer === undefined || done.has(producer), `${path}: ${nodeLabel(each)} comes before what it reads`);
    }
    done.add(each);
  }
}

/** A model of which some parts are doubled, moved, left out, or have values from elsewhere. */
function distorted(bytes: Buffer, below: (limit: number) => number): Buffer {
  const model = decodeModel(bytes);
  const lists: unknown[][] = [];
  const texts: [Record<string, unknown>, string][] = [];
  const numbers: [Record<string, unknown>, string][] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value) && value.length > 0) lists.push(value);
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
    for (const [key, each] of Object.entries(value)) {
      if (typeof each === 'string') texts.push([value as Record<string, unknown>, key]);
      else if (typeof each === 'number') numbers.push([value as Record<string, unknown>, key]);
      else walk(each);
    }
  };
  walk(model);
  const one = <T>(from: readonly T[]): T => from[below(from.length)]!;
  /** Where the place is still there: no list gets holes. */
  const put = (at: Record<string, unknown>, key: string, value: unknown): void => {
    if (key in at) at[key] = value;
  };
  const odd = [0, 1, -1, 2, 3, 7, 16, 17, 23, 99, 2 ** 31, 2 ** 60, -(2 ** 40)];
  for (let times = 1 + below(6); times > 0; times -= 1) {
    const list = one(lists);
    const [to, key] = one(texts);
    const [from, other] = one(texts);
    const [number, name] = one(numbers);
    [
      () => list.length > 0 && list.push(one(list)),
      () => list.reverse(),
      () => list.splice(below(list.length), 1),
      () => put(to, key, from[other] ?? ''),
      () => put(to, key, one(['', '/', '::', '\u0000', '../weights.bin', 'None', '__proto__', 'x'.repeat(500)])),
      () => put(number, name, one(odd)),
      () => put(number, name, one(odd)),
    ][below(7)]!();
  }
  return Buffer.from(encodeModel(model));
}

type Mutation = (bytes: Buffer, below: (limit: number) => number) => Buffer;

const mutations: readonly Mutation[] = [
  function flipped(bytes, below) {
    for (let times = 1 + below(8); times > 0 && bytes.length > 0; times -= 1) bytes[below(bytes.length)]! ^= 1 << below(8);
    return bytes;
  },
  function cut(bytes, below) {
    return bytes.subarray(0, below(bytes.length + 1));
  },
  function inserted(bytes, below) {
    const at = below(bytes.length + 1);
    const more = Buffer.from(Array.from({ length: 1 + below(16) }, () => below(256)));
    return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
  },
  function removed(bytes, below) {
    const at = below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + below(16))]);
  },
  function doubled(bytes, below) {
    const from = below(bytes.length + 1);
    const to = from + below(Math.min(400, bytes.length - from) + 1);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  function swapped(bytes, below) {
    const places = [0, 0, 0, 0].map(() => below(bytes.length + 1)).sort((a, b) => a - b) as [number, number, number, number];
    const [a, b, c, d] = places;
    return Buffer.concat([bytes.subarray(0, a), bytes.subarray(c, d), bytes.subarray(b, c), bytes.subarray(a, b), bytes.subarray(d)]);
  },
  /** A length, or whatever is at that byte, becomes another, a huge one too. */
  function lengthened(bytes, below) {
    const at = below(bytes.length + 1);
    const others = [[0], [1], [127], [255, 127], [255, 255, 3], [255, 255, 255, 255, 7], [255, 255, 255, 255, 255, 255, 255, 255, 255, 1]];
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(others[below(others.length)]!), bytes.subarray(at + 1)]);
  },
];
