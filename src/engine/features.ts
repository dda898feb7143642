// What networks in files make of a data set's inputs: computed once for each example, and kept in a file beside the network.
//
// The file is a list of records: the SHA-256 of the example's numbers, and what the network makes of them. It is only added to; which network and output it
// is of, its name says. So another split, seed or model over the same examples computes nothing again, and a record that was cut off is left out.

import { createHash } from 'node:crypto';
import { openSync, readSync } from 'node:fs';
import { copyFile, open, readFile, rename, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Dataset, Part } from '../data/dataset.ts';
import { DataError } from '../data/errors.ts';
import { loadDataset } from '../data/load.ts';
import { madeWhenAsked } from '../data/store.ts';
import type { Reading } from '../data/text-stream.ts';
import { decodeModel, encodeModel } from '../onnx/proto.ts';
import { createRuntime } from '../runtime/onnxruntime.ts';
import type { InputShape, KeptData, PartName } from '../shared/dataset.ts';
import type { NetworkUse } from '../shared/network.ts';
import type { DataSource } from '../shared/settings.ts';
import { cannotWrite } from '../training/files.ts';

/** As loadDataset; inputs that networks make are made. Throws DataError. */
export async function loadData(source: DataSource, shapes: readonly InputShape[], kept?: KeptData, reading?: Reading): Promise<Dataset> {
  const own = shapes.filter(({ network }) => network === undefined);
  let dataset = await loadDataset(source, own, kept, reading);
  if (own.length === shapes.length) return dataset;
  for (const shape of shapes) if (shape.network !== undefined) dataset = await withFeatures(dataset, shape, shape.network, reading);
  return { ...dataset, inputs: dataset.inputs.filter(({ forNetworks }) => !forNetworks) };
}

/** What a network makes of one example that is in no data set: [dims] numbers. */
export async function featuresOf(use: NetworkUse, dims: readonly number[], values: Float32Array): Promise<Float32Array> {
  const bytes = await networkBytes(use);
  const session = await createRuntime().open(giving(bytes, use.gives), { device: 'cpu' });
  try {
    const feed = { [use.takes]: { type: 'float32', dims: [1, ...dims], data: values } } as const;
    return (await session.compute(feed, [use.gives]))[use.gives]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

const networkBytes = ({ path, gives }: NetworkUse): Promise<Uint8Array> =>
  readFile(path).catch(() => {
    throw new DataError('data', `There is no file ${path}, whose output ${gives} the model reads.`);
  });

const digestLength = 32;

/** The network with a value inside it as an output. */
function giving(bytes: Uint8Array, name: string): Uint8Array {
  const model = decodeModel(bytes);
  const { graph } = model;
  if (graph.output.some((output) => output.name === name)) return bytes;
  return encodeModel({ ...model, graph: { ...graph, output: [...graph.output, { name }] } });
}

async function withFeatures(dataset: Dataset, shape: InputShape, use: NetworkUse, reading: Reading | undefined): Promise<Dataset> {
  const width = shape.shape.reduce<number>((product, size) => product * Number(size), 1);
  const dims = dataset.inputs
    .find(({ name }) => name === use.of)!
    .shape.map((size) => (typeof size === 'number' ? size : dataset.sizes[size]!));
  const bytes = await networkBytes(use);
  const digest = createHash('sha256').update(bytes).update(use.gives).digest('hex');
  const path = `${use.path}.${use.gives.replaceAll(/[^\w.-]/g, '_')}-${digest.slice(0, 12)}.features`;
  const places = await placesOf(dataset, { use, bytes, dims, width, path, ...(reading === undefined ? {} : { reading }) });
  const file = openSync(path, 'r');
  const part = (whole: Part): Part => ({
    ...whole,
    example(index, length) {
      const example = whole.example(index, length);
      // Images that are made when they are looked at stay so.
      const inputs: Record<string, Int32Array | Float32Array> = {};
      Object.defineProperties(inputs, Object.getOwnPropertyDescriptors(example.inputs));
      madeWhenAsked(inputs, shape.name, () => {
        const values = new Float32Array(width);
        readSync(file, new Uint8Array(values.buffer), 0, 4 * width, places[whole.name][index]! + digestLength);
        return values;
      });
      return { ...example, inputs };
    },
  });
  const { training, validation, test } = dataset.parts;
  return {
    ...dataset,
    inputs: [...dataset.inputs, shape],
    parts: { training: part(training), validation: part(validation), test: part(test) },
  };
}

const digestOf = (values: Float32Array | Int32Array): string =>
  createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');

/** Where the records of a file begin, by the digests of their examples. */
async function recordsOf(path: string, width: number): Promise<Map<string, number>> {
  const places = new Map<string, number>();
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return places;
  const { size } = await file.stat();
  const length = digestLength + 4 * width;
  for (let place = 0; place + length <= size; place += length) {
    const { buffer } = await file.read(new Uint8Array(digestLength), 0, digestLength, place);
    places.set(Buffer.from(buffer).toString('hex'), place);
  }
  await file.close();
  return places;
}

interface Computing {
  readonly use: NetworkUse;
  readonly bytes: Uint8Array;
  /** Of an example, as the network takes it. */
  readonly dims: readonly number[];
  readonly width: number;
  readonly path: string;
  readonly reading?: Reading;
}

/** Where the record of each example begins; what is missing is computed. */
async function placesOf({ parts }: Dataset, computing: Computing): Promise<Readonly<Record<PartName, readonly number[]>>> {
  const { use, path, width } = computing;
  const records = await recordsOf(path, width);
  const missing = new Map<string, () => Float32Array>();
  const digests = Object.values(parts).map((part) => {
    if (!Number.isFinite(part.size)) throw new DataError('data', `${basename(use.path)} would run for ever: the data has no end.`);
    const own = Array.from({ length: part.size }, (_, index) => {
      const digest = digestOf(part.example(index).inputs[use.of]!);
      if (!records.has(digest)) missing.set(digest, () => part.example(index).inputs[use.of] as Float32Array);
      return digest;
    });
    return [part.name, own] as const;
  });
  if (missing.size > 0) await compute(missing, records, computing);
  return Object.fromEntries(digests.map(([name, own]) => [name, own.map((digest) => records.get(digest)!)])) as Record<PartName, number[]>;
}

/** What was made before it is given up stays. */
async function compute(
  missing: ReadonlyMap<string, () => Float32Array>,
  records: Map<string, number>,
  { use, bytes, dims, width, path, reading: { signal, progress } = {} }: Computing,
): Promise<void> {
  const length = digestLength + 4 * width;
  let end = records.size * length;
  // Written aside and renamed, so that whoever reads it meanwhile reads whole records.
  const aside = `${path}.${process.pid}`;
  const session = await createRuntime().open(giving(bytes, use.gives), { device: 'cpu' });
  try {
    if (end > 0) await copyFile(path, aside);
    const file = await open(aside, 'a');
    try {
      await file.truncate(end);
      let done = 0;
      for (const [digest, read] of missing) {
        if (signal?.aborted) break;
        const feed = { [use.takes]: { type: 'float32', dims: [1, ...dims], data: read() } } as const;
        const found = (await session.compute(feed, [use.gives]))[use.gives]!;
        if (!(found.data instanceof Float32Array) || found.data.length !== width)
          throw new DataError('data', `${use.gives} of ${basename(use.path)} is [${found.dims}], and its file says otherwise.`);
        const numbers = new Uint8Array(found.data.buffer, found.data.byteOffset, 4 * width);
        await file.write(Buffer.concat([Buffer.from(digest, 'hex'), numbers]));
        records.set(digest, end);
        end += length;
        done += 1;
        progress?.(done, missing.size);
        // A message that gives it up is heard between two examples.
        await new Promise(setImmediate);
      }
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : cannotWrite(path, error);
  } finally {
    await session.release();
    await rm(aside, { force: true });
  }
  signal?.throwIfAborted();
}
