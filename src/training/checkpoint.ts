// Checkpoints: everything that a training needs to go on as if it had never stopped, as a safetensors file that any reader of that format opens.
// A file is complete or absent; one that was damaged later is known by its length or its checksum, and the one before it is used.

import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Files, nodeFiles, replaceFile } from './files.ts';
import type { Waiting } from './plateau.ts';
import type { RateState } from './rate.ts';
import type { TrainerState } from './trainer.ts';

export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  readonly epoch: number;
  /** The window of the data that comes next, of the pass in hand. */
  readonly window: number;
  readonly seed: number;
  /** Where it was measured at this step. */
  readonly validationLoss?: number;
  /** What the schedule and early stopping wait for; absent at the start. */
  readonly progress?: TrainingProgress;
  /** The step that the numbers are of, where they are the best of a training that went further. */
  readonly bestOf?: number;
  readonly state: TrainerState;
}

/** What a training has to remember besides numbers. */
export interface TrainingProgress {
  readonly rate: RateState;
  readonly stopping: Waiting;
}

/** Why a file is no checkpoint. */
export class CheckpointError extends Error {
  override name = 'CheckpointError';
}

/** How many of the newest are kept, beside the best. */
const KEPT = 3;

/** Writes `step-N.safetensors` into the folder and removes those that are neither among the newest nor the best. Returns its path. */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint, files: Files = nodeFiles): Promise<string> {
  const path = join(folder, fileName(checkpoint.step));
  await replaceFile(path, encodeCheckpoint(checkpoint), files);
  await removeOld(folder, files);
  return path;
}

/** Reads a checkpoint. Throws CheckpointError where the file is cut short or damaged. */
export async function readCheckpoint(path: string, files: Files = nodeFiles): Promise<Checkpoint> {
  return decodeCheckpoint(await files.readFile(path));
}

export interface Refused {
  readonly path: string;
  readonly why: string;
}

/** The newest checkpoint of a folder that is sound, and those newer ones that are not. */
export async function lastGoodCheckpoint(
  folder: string,
  files: Files = nodeFiles,
): Promise<{ readonly checkpoint?: Checkpoint; readonly refused: readonly Refused[] }> {
  const refused: Refused[] = [];
  for (const name of (await checkpointNames(folder, files)).reverse()) {
    const path = join(folder, name);
    try {
      return { checkpoint: await readCheckpoint(path, files), refused };
    } catch (error) {
      refused.push({ path, why: error instanceof Error ? error.message : String(error) });
    }
  }
  return { refused };
}

const fileName = (step: number): string => `step-${String(step).padStart(8, '0')}.safetensors`;

/** Is another whenever there is a newer checkpoint, or another in its place. */
export async function checkpointStamp(folder: string): Promise<string> {
  const newest = (await checkpointNames(folder, nodeFiles)).at(-1);
  if (newest === undefined) return '';
  const { mtimeMs, size } = await stat(join(folder, newest)).catch(() => ({ mtimeMs: 0, size: 0 }));
  return `${newest} ${mtimeMs} ${size}`;
}

export interface KeptCheckpoint {
  readonly step: number;
  /** Where it was measured at that step. */
  readonly validationLoss?: number;
}

/** The checkpoints of a folder, oldest first, by their headers alone. */
export async function keptCheckpoints(folder: string, files: Files = nodeFiles): Promise<KeptCheckpoint[]> {
  const names = await checkpointNames(folder, files);
  return Promise.all(
    names.map(async (name) => {
      const loss = await validationLossOf(join(folder, name), files);
      return { step: stepOf(name), ...(loss === undefined ? {} : { validationLoss: loss }) };
    }),
  );
}

/** The checkpoint after so many steps. Throws CheckpointError where it is damaged, and the error of reading where it is not there. */
export const checkpointAt = (folder: string, step: number, files: Files = nodeFiles): Promise<Checkpoint> =>
  readCheckpoint(join(folder, fileName(step)), files);

/** Oldest first. */
async function checkpointNames(folder: string, files: Files): Promise<string[]> {
  const names = await files.readdir(folder).catch(() => []);
  return names.filter((name) => /^step-\d+\.safetensors$/.test(name)).sort((a, b) => stepOf(a) - stepOf(b));
}

const stepOf = (name: string): number => Number(name.slice(5, name.indexOf('.')));

/** The sound checkpoint with the least validation loss. */
export async function bestCheckpoint(folder: string, files: Files = nodeFiles): Promise<Checkpoint | undefined> {
  const names = await checkpointNames(folder, files);
  const losses = await Promise.all(names.map(async (name) => ({ name, loss: await validationLossOf(join(folder, name), files) })));
  const order = losses.filter(({ loss }) => loss !== undefined).sort((a, b) => a.loss! - b.loss!);
  for (const { name } of order) {
    const found = await readCheckpoint(join(folder, name), files).catch(() => undefined);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function removeOld(folder: string, files: Files): Promise<void> {
  const names = await checkpointNames(folder, files);
  const losses = await Promise.all(names.map((name) => validationLossOf(join(folder, name), files)));
  const best = losses.reduce<number | undefined>(
    (found, loss, k) => (loss !== undefined && (found === undefined || loss <= losses[found]!) ? k : found),
    undefined,
  );
  for (const [k, name] of names.entries()) if (k < names.length - KEPT && k !== best) await files.unlink(join(folder, name));
}

/** Reads no more than the header. */
async function validationLossOf(path: string, files: Files): Promise<number | undefined> {
  const handle = await files.open(path, 'r');
  try {
    const { buffer: prefix } = await handle.read(Buffer.alloc(8), 0, 8, 0);
    const length = Number(prefix.readBigUInt64LE());
    if (length > LARGEST_HEADER) return undefined;
    const { buffer: text } = await handle.read(Buffer.alloc(length), 0, length, 8);
    const loss = (JSON.parse(text.toString()) as Header).__metadata__?.validationLoss;
    return loss === undefined ? undefined : Number(loss);
  } catch {
    return undefined;
  } finally {
    await handle.close();
  }
}

// The format: 8 bytes little-endian length of the header, the header in JSON padded with spaces to a multiple of 8, the tensors.

interface TensorEntry {
  readonly dtype: 'F32';
  readonly shape: readonly number[];
  readonly data_offsets: readonly [begin: number, end: number];
}

type Metadata = Record<string, string>;
type Header = { __metadata__?: Metadata } & Record<string, TensorEntry | Metadata | undefined>;

/** The format's own limit, 100 MB. */
const LARGEST_HEADER = 1e8;

export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array[] {
  const metadata: Metadata = {
    format: 'unroll-checkpoint-1',
    step: String(checkpoint.step),
    epoch: String(checkpoint.epoch),
    window: String(checkpoint.window),
    seed: String(checkpoint.seed),
    ...(checkpoint.validationLoss === undefined ? {} : { validationLoss: String(checkpoint.validationLoss) }),
    ...(checkpoint.progress === undefined ? {} : { progress: JSON.stringify(checkpoint.progress) }),
    ...(checkpoint.bestOf === undefined ? {} : { bestOf: String(checkpoint.bestOf) }),
  };
  const header: Header = { __metadata__: metadata };
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of checkpoint.state) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset += data.byteLength;
  }
  metadata.bytes = String(offset);
  metadata.checksum = checksum(header, parts);
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, ' ')]);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(padded.length));
  return [prefix, padded, ...parts];
}

/** The reverse of `encodeCheckpoint`. Throws CheckpointError. */
export function decodeCheckpoint(bytes: Buffer): Checkpoint {
  const length = bytes.length < 8 ? Number.POSITIVE_INFINITY : Number(bytes.readBigUInt64LE());
  if (bytes.length < 8 + length) throw new CheckpointError('it is cut short');
  const header = parseHeader(bytes.subarray(8, 8 + length).toString());
  const { __metadata__: metadata, ...entries } = header;
  const data = bytes.subarray(8 + length);
  const { checksum: expected, bytes: whole } = metadata ?? {};
  if (metadata === undefined || expected === undefined) throw new CheckpointError('it has no checksum');
  if (data.length < Number(whole)) throw new CheckpointError(`it is cut short: ${data.length} of ${whole} bytes of numbers are there`);
  delete metadata.checksum;
  if (checksum(header, [data]) !== expected) throw new CheckpointError('its checksum does not agree with its content');

  const tensors = Object.entries(entries) as [string, TensorEntry][];
  const state = new Map(
    tensors.map(
      ([
        name,
        {
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        // A copy, for a Float32Array must begin at a multiple of 4 bytes.
        const copy = new Uint8Array(data.subarray(from, to));
        return [name, { shape, data: new Float32Array(copy.buffer) }] as const;
      },
    ),
  );
  return {
    step: Number(metadata.step),
    epoch: Number(metadata.epoch),
    window: Number(metadata.window),
    seed: Number(metadata.seed),
    ...(metadata.validationLoss === undefined ? {} : { validationLoss: Number(metadata.validationLoss) }),
    ...(metadata.progress === undefined ? {} : { progress: JSON.parse(metadata.progress) as TrainingProgress }),
    ...(metadata.bestOf === undefined ? {} : { bestOf: Number(metadata.bestOf) }),
    state,
  };
}

function parseHeader(text: string): Header {
  try {
    const header = JSON.parse(text) as Header | null;
    if (header !== null && typeof header === 'object') return header;
  } catch {
    // Told below.
  }
  throw new CheckpointError('its header is damaged');
}

/** SHA-256 of the header without its checksum, and of the tensors. */
function checksum(header: Header, parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256').update(JSON.stringify(header));
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
