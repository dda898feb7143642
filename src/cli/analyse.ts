// `unroll analyse`: why a model remembers or forgets, in words with the numbers behind them.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { studies } from '../analysis/studies/studies.ts';
import type { AnalyseRequest } from '../engine/requests.ts';
import { analysisDocument } from '../report/document.ts';
import { analysisText } from '../report/plain.ts';
import { analysisTable } from '../report/table.ts';
import type { Analysis, StudyName } from '../shared/analysis.ts';
import { replaceFile } from '../training/files.ts';
import { type Command, type Given, UsageError } from './command.ts';
import { inputHelp, inputOf, inputOptions } from './foreign.ts';
import type { Surroundings } from './terminal.ts';

export const analyseCommand: Command = {
  usage: 'RUN|FILE.rnn|MODEL.onnx [--json] [--report FILE.html] [--sequences N] [--length T] [--needs K] [--also STUDIES]',
  summary:
    'Tells how far back a model remembers, where its gradient is lost, and what would mend it: gradients by lag, the factors of each step, spectra of the Jacobians, gates and units. A FILE is analysed as it starts, untrained; of an ONNX model the first recurrent layers, on --input or --random.',
  positionals: 1,
  options: {
    json: { type: 'boolean' },
    report: { type: 'string' },
    model: { type: 'string' },
    sequences: { type: 'string' },
    length: { type: 'string' },
    needs: { type: 'string' },
    threshold: { type: 'string' },
    seed: { type: 'string' },
    also: { type: 'string' },
    input: { type: 'string' },
    ...inputOptions,
  },
  help: {
    json: 'all of it as one JSON object',
    report: 'also as a page with charts, which needs nothing beside it; the numbers are in a .csv file of the same name',
    model: 'of a FILE: which of its models; the first that is trained',
    sequences: 'how many sequences of the held-out data, 16',
    length: 'the steps after which they are cut, 100',
    needs: 'the lag that memory should reach; the length of the sequences',
    threshold: 'of the gradient, below which it counts as forgotten, 0.001',
    seed: 'of the vector that the gradient begins with, 1',
    also: `what takes longer, with commas between: ${Object.entries(studies)
      .map(([name, { title }]) => `${name} (${title})`)
      .join(', ')}`,
    input: 'of an ONNX model: the file that it is run on, .npz, .npy, .csv, .json, .wav, .txt or an image',
    ...inputHelp,
  },
  run: analyse,
};

async function analyse(given: Given, around: Surroundings): Promise<number> {
  const { terminal } = around;
  const path = resolve(terminal.folder, given.positionals[0]!);
  const report = given.text('report');
  if (report !== undefined && !/\.html?$/.test(report)) throw new UsageError(`--report takes the name of an .html file, not ${report}.`);
  const analysis = path.endsWith('.onnx')
    ? await analyseForeign(path, given, around)
    : await analyseOwn(sourceOf(path, given), given, around);
  if (report !== undefined) {
    const file = resolve(terminal.folder, report);
    await replaceFile(file, [Buffer.from(analysisDocument(analysis))]);
    await replaceFile(file.replace(/\.html?$/, '.csv'), [Buffer.from(analysisTable(analysis))]);
  }
  if (given.flag('json')) terminal.out(`${JSON.stringify(analysis)}\n`);
  else terminal.out(analysisText(analysis));
  return 0;
}

const sourceOf = (path: string, given: Given): AnalyseRequest['source'] => {
  const model = given.text('model');
  return path.endsWith('.rnn') ? { kind: 'file', file: path, ...(model === undefined ? {} : { model }) } : { kind: 'run', folder: path };
};

function analyseOwn(source: AnalyseRequest['source'], given: Given, { engine }: Surroundings): Promise<Analysis> {
  const optional = {
    sequences: given.count('sequences'),
    length: given.count('length', 2),
    needs: given.count('needs'),
    seed: given.count('seed', 0),
    also: studiesOf(given.text('also')),
    threshold: thresholdOf(given.text('threshold')),
  };
  const told = Object.entries(optional).filter(([, value]) => value !== undefined);
  return engine.request('analyse', { source, ...(Object.fromEntries(told) as Partial<AnalyseRequest>) });
}

/** Its layers as a model of one's own, in a folder that is gone afterwards, on what they read while the untouched model ran. */
async function analyseForeign(file: string, given: Given, around: Surroundings): Promise<Analysis> {
  const { terminal, engine } = around;
  const folder = await mkdtemp(join(tmpdir(), 'unroll-analyse-'));
  try {
    const { run } = await engine.request('openAsModel', { file, input: await inputOf(given, terminal), folder });
    const analysis = await analyseOwn({ kind: 'run', folder: run.folder }, given, around);
    return { ...analysis, title: basename(file) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function studiesOf(written: string | undefined): StudyName[] | undefined {
  return written?.split(',').map((each) => {
    const name = each.trim();
    if (!Object.hasOwn(studies, name)) throw new UsageError(`There is no study ${name}. There are ${Object.keys(studies).join(', ')}.`);
    return name as StudyName;
  });
}

function thresholdOf(written: string | undefined): number | undefined {
  if (written === undefined) return undefined;
  const value = Number(written);
  if (!(value > 0 && value < 1)) throw new UsageError(`--threshold takes a number between 0 and 1, not ${written}.`);
  return value;
}
