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
import type { Reading } from '../data/text-stream.ts';
import { createRuntime } from '../runtime/onnxruntime.ts';
import type { InputShape, KeptData } from '../shared/dataset.ts';
import type { NetworkUse } from '../shared/network.ts';
import type { DataSource } from '../shared/settings.ts';

/** As loadDataset; inputs that networks make are made. Throws DataError. */
export async function loadData(source: DataSource, shapes: readonly InputShape[], kept?: KeptData, reading?: Reading): Promise<Dataset> {
  const own = shapes.filter(({ network }) => network === undefined);
  let dataset = await loadDataset(source, own, kept, reading);
  for (const shape of shapes) if (shape.network !== undefined) dataset = await withFeatures(dataset, shape, shape.network);
  return dataset;
}

const digestLength = 32;

async function withFeatures(dataset: Dataset, shape: InputShape, use: NetworkUse): Promise<Dataset> {
  const width = shape.shape.reduce<number>((product, size) => product * Number(size), 1);
  const dims = dataset.inputs
    .find(({ name }) => name === use.of)!
    .shape.map((size) => (typeof size === 'number' ? size : dataset.sizes[size]!));
  const bytes = await readFile(use.path).catch(() => {
    throw new DataError('data', `There is no file ${use.path}, whose output ${use.gives} the model reads.`);
  });
  const digest = createHash('sha256').update(bytes).update(use.gives).digest('hex');
  const path = `${use.path}.${use.gives.replaceAll(/[^\w.-]/g, '_')}-${digest.slice(0, 12)}.features`;
  const places = await readPlaces(path, width);
  await compute(dataset, { use, bytes, dims, width, path, places });
  const file = openSync(path, 'r');
  const part = (whole: Part): Part => ({
    ...whole,
    example(index, length) {
      const example = whole.example(index, length);
      const values = new Float32Array(width);
      readSync(file, new Uint8Array(values.buffer), 0, 4 * width, places.get(digestOf(example.inputs[use.of]!))! + digestLength);
      return { ...example, inputs: { ...example.inputs, [shape.name]: values } };
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
async function readPlaces(path: string, width: number): Promise<Map<string, number>> {
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
  readonly places: Map<string, number>;
}

async function compute({ parts }: Dataset, { use, bytes, dims, width, path, places }: Computing): Promise<void> {
  const missing = new Map<string, { readonly part: Part; readonly index: number }>();
  for (const part of Object.values(parts)) {
    if (!Number.isFinite(part.size)) throw new DataError('data', `${basename(use.path)} would run for ever: the data has no end.`);
    for (let index = 0; index < part.size; index += 1) {
      const digest = digestOf(part.example(index).inputs[use.of]!);
      if (!places.has(digest)) missing.set(digest, { part, index });
    }
  }
  if (missing.size === 0) return;
  const length = digestLength + 4 * width;
  let end = places.size * length;
  // Written aside and renamed, so that whoever reads it meanwhile reads whole records.
  const aside = `${path}.${process.pid}`;
  if (end > 0) await copyFile(path, aside);
  const file = await open(aside, 'a');
  const session = await createRuntime().open(bytes, { device: 'cpu' });
  try {
    await file.truncate(end);
    for (const [digest, { part, index }] of missing) {
      const data = part.example(index).inputs[use.of] as Float32Array;
      const found = (await session.compute({ [use.takes]: { type: 'float32', dims: [1, ...dims], data } }, [use.gives]))[use.gives]!;
      if (!(found.data instanceof Float32Array) || found.data.length !== width)
        throw new DataError('data', `${use.gives} of ${basename(use.path)} is [${found.dims}], and its file says otherwise.`);
      await file.write(Buffer.concat([Buffer.from(digest, 'hex'), new Uint8Array(found.data.buffer, found.data.byteOffset, 4 * width)]));
      places.set(digest, end);
      end += length;
    }
    await rename(aside, path);
  } finally {
    await file.close();
    await session.release();
    await rm(aside, { force: true });
  }
}
