// Opens a model file: the bytes read once, decoded, its structure and what is to be said of it; values of tensors when they are asked for.

import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Reading } from '../../shared/reading.ts';
import { dataLocations, decodeModel, type ModelProto, settledTensor, type TensorProto } from '../proto.ts';
import { fieldOf } from '../tensor-numbers.ts';
import { DecodeError, decodeLimits } from '../wire.ts';
import { ModelFileError, quoted } from './error.ts';
import { type ExternalFile, ExternalFiles, externalPlace } from './external.ts';
import { lengthFault, type Remarks, remarksOf } from './remarks.ts';
import { type Structure, structureOf } from './structure.ts';
import { claimOf, isExternal, type ModelTensor, type TensorClaim, tensorOf } from './tensors.ts';

export interface FileLimits {
  /** Of the file, in bytes. */
  readonly file?: number;
  /** Of what is made of it beside the values of tensors, in bytes, roughly. */
  readonly memory?: number;
  /** Of one tensor's values in a file beside the model, in bytes. */
  readonly tensor?: number;
}

export interface ModelFile extends Remarks {
  readonly path: string;
  /** Size of the file. */
  readonly bytes: number;
  readonly model: ModelProto;
  readonly structure: Structure;
  /** The files beside the model that it keeps values in. Where one lies outside of its folder, no one may run the model by its path. */
  readonly external: readonly ExternalFile[];
  /** The values of a tensor of this model. Throws ModelFileError, in which the tensor has its name or the place given. */
  tensor(tensor: TensorProto, place?: string): Promise<ModelTensor>;
  /** The bytes of one, little-endian and row-major as `raw_data` has them. Throws as `tensor` does. */
  raw(tensor: TensorProto, place?: string): Promise<Uint8Array>;
}

const defaults = { file: 2 ** 31 - 1, memory: decodeLimits.memory, tensor: 2 ** 32 };

/** Throws ModelFileError where the file is no ONNX model that can be read, and the signal's reason; what is wrong within a readable one is among the remarks. */
export async function openModelFile(path: string, limits: FileLimits = {}, reading: Reading = {}): Promise<ModelFile> {
  return modelFileOf(path, await readWhole(path, limits.file ?? defaults.file, reading), limits);
}

/** The same of bytes that were read already; files beside the model are looked for in the folder of `path`. */
export async function modelFileOf(path: string, bytes: Uint8Array, limits: FileLimits = {}): Promise<ModelFile> {
  const { memory, tensor: largest } = { ...defaults, ...limits };
  const model = decodeFile(path, bytes, memory);
  const structure = structureOf(model);
  const external = new ExternalFiles(path);
  const read = async (given: TensorProto, place: string): Promise<readonly [TensorClaim, Uint8Array]> => {
    const tensor = isSettled(given) ? given : settledTensor(given);
    const failed = (what: string): ModelFileError => new ModelFileError(`${basename(path)}: ${place} ${what}.`);
    const claim = claimOf(tensor);
    if (typeof claim === 'string') throw failed(claim);
    if (!isExternal(tensor)) return [claim, tensor.raw_data ?? new Uint8Array(0)];
    const at = externalPlace(tensor.external_data ?? []);
    if (typeof at === 'string') throw failed(at);
    if (at.length !== undefined && at.length !== claim.bytes) throw failed(lengthFault(at.length, claim.bytes, at.location));
    if (claim.bytes > largest) throw failed(`has ${claim.bytes} bytes, and at most ${largest} are read`);
    return [claim, await external.read(place, at, claim.bytes)];
  };
  return {
    path,
    bytes: bytes.length,
    model,
    structure,
    ...(await remarksOf(model, structure, external)),
    external: await Promise.all(external.found.values()),
    async tensor(tensor, place = placeOf(tensor)) {
      const [claim, bytes] = await read(tensor, place);
      return tensorOf(claim, tensor, bytes);
    },
    async raw(tensor, place = placeOf(tensor)) {
      return (await read(tensor, place))[1];
    },
  };
}

const placeOf = ({ name }: TensorProto): string => quoted(name || 'a tensor without a name');

/** Decoded tensors are; one that was made in memory may have its numbers in a typed field. */
const isSettled = ({ raw_data, data_location, ...tensor }: TensorProto): boolean =>
  (raw_data?.length ?? 0) > 0 || data_location === dataLocations.external || (tensor[fieldOf(tensor.data_type)]?.length ?? 0) === 0;

/** A model of bytes of which `name` is said in errors. Throws ModelFileError. */
export function decodeFile(name: string, bytes: Uint8Array, memory = decodeLimits.memory): ModelProto {
  const file = quoted(basename(name));
  const other = otherFormat(bytes);
  if (other !== undefined) throw new ModelFileError(`${file} is no ONNX model: ${other}`);
  let model: ModelProto;
  try {
    model = decodeModel(bytes, { ...decodeLimits, memory });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const place = placeText(error.place);
    const at = place === '' ? '' : ` in ${place}`;
    switch (error.kind) {
      case 'short':
      case 'damaged':
        throw new ModelFileError(
          `${file} is no ONNX model, or it is ${error.kind === 'short' ? 'cut short' : 'damaged'}: ${error.message}${at}. Copy it or export it again.`,
          { cause: error },
        );
      case 'deep':
        throw new ModelFileError(`${file} is not read: ${error.message}${at}, and onnxruntime reads no more. Export it with fewer.`, {
          cause: error,
        });
      case 'large':
        throw new ModelFileError(`${file} is not read: ${error.message}${at}. Simplify the model, or keep its values as raw_data.`, {
          cause: error,
        });
    }
  }
  if (model.graph === undefined) throw new ModelFileError(`${file} is no ONNX model: it has no graph.`);
  return model;
}

/** `graph.node[3].attribute[0]`, the middle left out where it is long. */
function placeText(place: readonly string[]): string {
  const shown = place.length > 9 ? [...place.slice(0, 4), '…', ...place.slice(-4)] : place;
  return shown.join('.');
}

/** The formats that are met under the name of a model, by their first bytes. */
function otherFormat(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return 'the file is empty. Copy it or export it again.';
  const start = Buffer.from(bytes.subarray(0, 64)).toString('latin1');
  if (start.startsWith('version https://git-lfs')) return 'it is a pointer of Git LFS. Fetch the file itself: git lfs pull.';
  if (/^\s*<(!doctype|html|\?xml)/i.test(start)) return 'it is a web page. Download the file itself.';
  if (start.startsWith('PK\x03\x04')) return 'it is a zip archive, perhaps of PyTorch. Unpack it, or export the model as ONNX.';
  if (start.slice(4, 8) === 'ORTM') return "it is in onnxruntime's own format (.ort). Use the .onnx file that it was made of.";
  if (start.slice(4, 8) === 'TFL3') return 'it is a TensorFlow Lite model. Convert it to ONNX.';
  if (start.startsWith('\x89HDF')) return 'it is an HDF5 file, perhaps of Keras. Export the model as ONNX.';
  if (start.startsWith('\x1f\x8b')) return 'it is compressed (gzip). Unpack it.';
  return undefined;
}

/** Bytes that are read at once. */
const CHUNK = 2 ** 26;

/** Refuses what is no file of the size allowed, before anything is allocated. */
async function readWhole(path: string, largest: number, { signal, progress }: Reading): Promise<Uint8Array> {
  const name = quoted(basename(path));
  const found = await stat(path).catch(() => {
    throw new ModelFileError(`There is no file ${path} that can be read.`);
  });
  if (!found.isFile()) throw new ModelFileError(`${name} is no file.`);
  const handle = await open(path, 'r').catch(() => {
    throw new ModelFileError(`${path} cannot be read. See to its permissions.`);
  });
  try {
    const { size } = await handle.stat();
    if (size > largest)
      throw new ModelFileError(
        `${name} has ${size} bytes, and at most ${largest} are read. Export it with its weights in a file beside it (external data).`,
      );
    const buffer = new Uint8Array(size);
    for (let done = 0; done < size; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, done, Math.min(size - done, CHUNK), done);
      if (bytesRead === 0) throw new ModelFileError(`${name} ends while it is read.`);
      done += bytesRead;
      progress?.(done, size);
    }
    return buffer;
  } finally {
    await handle.close();
  }
}
