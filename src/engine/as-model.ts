// The request `openAsModel`: recurrent layers of an ONNX model as a source file, its data, and a run with their weights to go on from.

import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { npz } from '../data/npz.ts';
import type { Reading } from '../data/text-stream.ts';
import { ownModel } from '../foreign/as-model.ts';
import { ForeignModel } from '../foreign/model.ts';
import { wordOf } from '../foreign/names.ts';
import { PartError } from '../foreign/part.ts';
import { stacksOf } from '../foreign/stacks.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ForeignInput } from '../shared/foreign.ts';
import type { RunSummary } from '../shared/training.ts';
import { replaceFile } from '../training/files.ts';
import { writeImportedRun } from '../training/imported.ts';
import { openJob } from './job.ts';

export interface AsModelRequest {
  readonly file: string;
  /** What the model is run on: the layers' inputs and outputs become the data. */
  readonly input: ForeignInput;
  /** The name of the lowest layer's part; the first of the model by default. */
  readonly part?: string;
  /** The folder for the `.rnn` file, its arrays and its run. */
  readonly folder: string;
}

export interface AsModelResult {
  readonly file: string;
  readonly run: RunSummary;
  readonly remarks: readonly string[];
}

/** Throws PartError where a file of that name is there already, and whatever running the model throws. */
export async function openAsModel(
  { file, input, part, folder }: AsModelRequest,
  runtime: Runtime,
  reading?: Reading,
): Promise<AsModelResult> {
  const model = await ForeignModel.open(file, runtime, reading);
  try {
    const base = basename(file).replace(/\.onnx$/i, '');
    const [source, arrays] = [join(folder, `${base}.rnn`), join(folder, `${base}-recorded.npz`)];
    for (const path of [source, arrays])
      if (await stat(path).catch(() => undefined))
        throw new PartError(`There is a file ${path} already. Rename it, or choose another folder.`);
    const { ran } = await model.run(input, reading);
    const stacks = stacksOf(ran.filter(({ iteration }) => iteration === 0).map((each) => each.part));
    const stack = stacks.find(([lowest]) => part === undefined || lowest!.name === part);
    if (stack === undefined)
      throw new PartError(part === undefined ? 'The model has no recurrent part that ran.' : `No part is called ${part}.`);
    const layers = stack.map((each) => ran.find((one) => one.part === each)!);
    const names = { model: wordOf(base) || 'Model', from: basename(file), arrays: basename(arrays) };
    const own = ownModel(layers, names);
    await replaceFile(arrays, npz(own.arrays));
    await replaceFile(source, [Buffer.from(own.source)]);
    const job = await openJob(source);
    const run = await writeImportedRun(job, own.weights);
    return { file: source, run, remarks: own.remarks };
  } finally {
    await model.release();
  }
}
