// A run is a folder, and everything that it needs to be opened for ever is in it:
//
//   run.json       what it is, how it stands
//   source/        the `.rnn` files as they were, with the library's, and data.json: vocabularies, lengths, scales
//   checkpoints/   step-N.safetensors
//   log.jsonl      a line for each step
//   report.json    how it did on held-out data, once it has ended
//   events.out.*   the same as log.jsonl for TensorBoard, where it was asked for
//   note.md        a person's words about it
//   lock           while a process trains it

import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { KeptData } from '../shared/dataset.ts';
import type { DataSource, Device, TrainSettings } from '../shared/settings.ts';
import type { LossFunction, RunStatus, RunSummary } from '../shared/training.ts';
import { conversesOf } from './conversation.ts';
import { cannotWrite, type Files, nodeFiles, replaceFile } from './files.ts';
import { lockHolder } from './lock.ts';

/** The content of run.json. */
export interface RunRecord {
  readonly format: 2;
  readonly model: string;
  /** The `.rnn` file that was trained, absolute, and which of its `train` statements. */
  readonly file: string;
  readonly statement: number;
  /** The main file's name under `source/`. */
  readonly main: string;
  /** Edition of the standard library. */
  readonly edition: number;
  readonly settings: TrainSettings;
  readonly data: DataSource;
  /** What a list of cells gave to the model, as in `unit: gru`. */
  readonly label?: string;
  /** Its first weights came from elsewhere, and are in its checkpoint of step 0 only. */
  readonly imported?: true;
  /** SHA-256 of the data. */
  readonly digest: string;
  /** `lstm 256 · adam .002 · clip 1 · window 64` */
  readonly description: string;
  readonly lossFunction?: LossFunction;
  readonly device: Exclude<Device, 'auto'>;
  readonly threads?: number;
  readonly parameters: number;
  readonly steps: number;
  /** Steps of one pass over the data. */
  readonly pass: number;
  readonly status: RunStatus;
  readonly step: number;
  readonly loss?: number;
  readonly validationLoss?: number;
  /** The last that were measured on the validation part. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** Time spent in training, over all its sessions. */
  readonly seconds: number;
  /** ISO 8601. */
  readonly started: string;
}

export interface Run {
  readonly folder: string;
  readonly record: RunRecord;
  /** By name under `source/`, with forward slashes. */
  readonly sources: ReadonlyMap<string, string>;
  readonly data: KeptData;
}

/** What a person did to a run that cannot be. */
export class RunError extends Error {
  override name = 'RunError';
}

export const checkpointsOf = (folder: string): string => join(folder, 'checkpoints');
export const logOf = (folder: string): string => join(folder, 'log.jsonl');
export const sourceOf = (folder: string): string => join(folder, 'source');
export const reportOf = (folder: string): string => join(folder, 'report.json');
/** How the names of TensorBoard's event files begin. */
export const EVENTS = 'events.out.tfevents.';
const recordOf = (folder: string): string => join(folder, 'run.json');

/** Reads a run with the sources that it was trained from. Throws RunError where the folder is none. */
export async function openRun(folder: string): Promise<Run> {
  const record = await readRecord(folder);
  const names = await readdir(sourceOf(folder), { recursive: true }).catch(() => {
    throw new RunError(`${folder} has lost its folder source, without which the run cannot be opened.`);
  });
  const sources = new Map<string, string>();
  for (const name of names.filter((each) => each.endsWith('.rnn')).sort())
    sources.set(name.replaceAll('\\', '/'), await readFile(join(sourceOf(folder), name), 'utf8'));
  const data = await readFile(join(sourceOf(folder), 'data.json'), 'utf8').catch(() => {
    throw new RunError(`${folder} has lost source/data.json, which says what its numbers mean. Train anew.`);
  });
  return { folder, record, sources, data: JSON.parse(data) as KeptData };
}

/** Makes the folder of a new run; its record is written by `writeRecord`. */
export async function createRun(
  folder: string,
  sources: ReadonlyMap<string, string>,
  data: KeptData,
  files: Files = nodeFiles,
): Promise<void> {
  for (const [name, text] of sources) {
    const path = join(sourceOf(folder), name);
    await makeFolder(dirname(path), files);
    await replaceFile(path, [Buffer.from(text)], files);
  }
  await makeFolder(sourceOf(folder), files);
  await makeFolder(checkpointsOf(folder), files);
  await replaceFile(join(sourceOf(folder), 'data.json'), [Buffer.from(JSON.stringify(data))], files);
}

/** Removes what makes a folder a run, or all of the folder. */
export async function removeRun(folder: string, all: boolean, files: Files = nodeFiles): Promise<void> {
  if (all) return files.rm(folder, { recursive: true, force: true });
  const events = (await files.readdir(folder).catch(() => [])).filter((name) => name.startsWith(EVENTS)).map((name) => join(folder, name));
  for (const part of [recordOf(folder), sourceOf(folder), checkpointsOf(folder), logOf(folder), reportOf(folder), ...events])
    await files.rm(part, { recursive: true, force: true });
}

/** Whether the folder was not there before. Made one by one: where nothing may be written, Node's recursive mkdir says that a folder is missing. */
export async function makeFolder(path: string, files: Files = nodeFiles): Promise<boolean> {
  try {
    await files.mkdir(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && dirname(path) !== path) {
      await makeFolder(dirname(path), files);
      return makeFolder(path, files);
    }
    const there = code === 'EEXIST' && (await files.readdir(path).catch(() => undefined)) !== undefined;
    if (there) return false;
    throw cannotWrite(path, error);
  }
}

/** Paths are kept relative to the run, so that a project can be moved with its runs. */
export function writeRecord(folder: string, record: RunRecord, files: Files = nodeFiles): Promise<void> {
  const outward = (path: string): string => relative(folder, path).replaceAll(sep, '/');
  const { start } = record.settings;
  const settings = start === undefined ? record.settings : { ...record.settings, start: outward(start) };
  const kept: RunRecord = { ...record, file: outward(record.file), data: moved(record.data, outward), settings };
  return replaceFile(recordOf(folder), [Buffer.from(`${JSON.stringify(kept, undefined, 2)}\n`)], files);
}

export async function readRecord(folder: string): Promise<RunRecord> {
  const text = await readFile(recordOf(folder), 'utf8').catch(() => {
    throw new RunError(`${folder} is no run: it has no run.json.`);
  });
  try {
    const record = JSON.parse(text) as RunRecord;
    const inward = (path: string): string => resolve(folder, path);
    if (record.format === 2) {
      const { start } = record.settings;
      const settings = start === undefined ? record.settings : { ...record.settings, start: inward(start) };
      return { ...record, file: inward(record.file), data: moved(record.data, inward), settings };
    }
    if ((record.format as number) === 1) throw new RunError(`${folder} was trained by an older version of Unroll. Train it anew.`);
  } catch (error) {
    if (error instanceof RunError) throw error;
    throw new RunError(`${recordOf(folder)} is damaged: it is no JSON.`);
  }
  throw new RunError(`${recordOf(folder)} is of a newer version of Unroll.`);
}

/** A source whose file is named from elsewhere. */
const moved = (source: DataSource, change: (path: string) => string): DataSource => {
  if (source.kind === 'task') return source;
  const path = change(source.path);
  if (source.kind === 'images') return { ...source, path, captions: change(source.captions) };
  if (source.kind === 'pairs' && source.alignments !== undefined) return { ...source, path, alignments: change(source.alignments) };
  return { ...source, path };
};

/** How a run stands. One whose process ended without saying so is told by its lock. */
export async function summarise(folder: string, record?: RunRecord): Promise<RunSummary> {
  const known = record ?? (await readRecord(folder));
  const converses = conversesOf(known.data);
  return {
    name: basename(folder),
    folder,
    model: known.model,
    file: known.file,
    started: known.started,
    settings: known.description,
    ...(converses === undefined ? {} : { converses }),
    ...(known.lossFunction === undefined ? {} : { lossFunction: known.lossFunction }),
    status: await trueStatus(folder, known.status),
    step: known.step,
    steps: known.steps,
    ...(known.loss === undefined ? {} : { loss: known.loss }),
    ...(known.validationLoss === undefined ? {} : { validationLoss: known.validationLoss }),
    ...(known.metrics === undefined ? {} : { metrics: known.metrics }),
    ...(await noteOf(folder)),
    device: known.device,
    parameters: known.parameters,
    seconds: known.seconds,
  };
}

/** A person's words about a run. */
export const notePath = (folder: string): string => join(folder, 'note.md');

async function noteOf(folder: string): Promise<{ readonly note?: string }> {
  const note = (await readFile(notePath(folder), 'utf8').catch(() => '')).trim();
  return note === '' ? {} : { note };
}

async function trueStatus(folder: string, status: RunStatus): Promise<RunStatus> {
  if (status.kind !== 'running' || (await lockHolder(folder)) !== undefined) return status;
  return { kind: 'failed', what: 'The process ended before the training did. Resume goes on from the last checkpoint.' };
}

/** The runs in a folder `runs`, the newest first. What is no run is left out. */
export async function listRuns(runs: string): Promise<RunSummary[]> {
  const found = await recordsIn(runs);
  return Promise.all(found.map(({ folder, record }) => summarise(folder, record)));
}

/** The newest run of a `.rnn` file. Throws RunError where there is none. */
export async function newestRun(file: string, model?: string): Promise<string> {
  const runs = join(dirname(file), 'runs');
  const found = (await recordsIn(runs)).find(
    ({ record }) => basename(record.file) === basename(file) && (model === undefined || record.model === model),
  );
  if (found === undefined) throw new RunError(`There is no run of ${basename(file)} in ${runs}. Train it first, without resume.`);
  return found.folder;
}

async function recordsIn(runs: string): Promise<{ folder: string; record: RunRecord }[]> {
  const names = await readdir(runs).catch(() => []);
  const found: { folder: string; record: RunRecord }[] = [];
  for (const name of names) {
    const folder = join(runs, name);
    const record = await readRecord(folder).catch(() => undefined);
    if (record !== undefined) found.push({ folder, record });
  }
  return found.sort((a, b) => (a.record.started < b.record.started ? 1 : a.record.started > b.record.started ? -1 : 0));
}

/** The folder of a new run of a model: `runs/Shakespeare-1` beside the file, the first number that is free. */
export async function newRunFolder(file: string, model: string): Promise<string> {
  const runs = resolve(dirname(file), 'runs');
  const names = new Set(await readdir(runs).catch(() => []));
  for (let k = 1; ; k += 1) if (!names.has(`${model}-${k}`)) return join(runs, `${model}-${k}`);
}
