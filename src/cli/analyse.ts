// `unroll analyse`: why a model remembers or forgets, in words with the numbers behind them.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { analysisDocument, analysisTable } from '../analysis/page.ts';
import { horizonText, longest, text } from '../analysis/verdict.ts';
import type { AnalyseRequest } from '../engine/requests.ts';
import type { Analysis, LayerAnalysis, Verdict } from '../shared/analysis.ts';
import { replaceFile } from '../training/files.ts';
import { type Command, type Given, UsageError } from './command.ts';
import { inputHelp, inputOf, inputOptions } from './foreign.ts';
import type { Surroundings } from './terminal.ts';

export const analyseCommand: Command = {
  usage: 'RUN|FILE.rnn|MODEL.onnx [--json] [--report FILE.html] [--sequences N] [--length T] [--needs K]',
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

function thresholdOf(written: string | undefined): number | undefined {
  if (written === undefined) return undefined;
  const value = Number(written);
  if (!(value > 0 && value < 1)) throw new UsageError(`--threshold takes a number between 0 and 1, not ${written}.`);
  return value;
}

function analysisText(analysis: Analysis): string {
  const { title, sequences, steps, threshold, layers, verdicts, seconds } = analysis;
  const head = `${title}: ${sequences} sequences of up to ${steps} steps, ${text(seconds)} s\n`;
  return `${head}\n${verdicts.map(verdictText).join('\n')}\n${layers.map((layer) => layerText(layer, threshold)).join('\n')}`;
}

const verdictText = ({ text: said, evidence, repairs, place }: Verdict): string =>
  [
    said,
    ...evidence.map((each) => `  ${each}`),
    ...repairs.map((each) => `  → ${each}`),
    ...(place === undefined ? [] : [`  ${place.uri.slice(place.uri.lastIndexOf('/') + 1)}:${place.start.line + 1}`]),
    '',
  ].join('\n');

function layerText(layer: LayerAnalysis, threshold: number): string {
  const { curves, ways, direct, spectrum, gates, units } = layer;
  const best = longest(layer);
  const lags = [1, 2, 5, 10, 20, 50, 100, 200, 500].filter((lag) => lag < best.mean.length);
  const rows = [
    `${layer.layer} (${layer.cell}${layer.reverse ? ', from the end' : ''})`,
    ...curves.map(
      (curve) =>
        `  g(k) of ${curve.state}: ${lags.map((lag) => `${lag}: ${text(curve.mean[lag]!)}`).join('  ')}   horizon at ${text(threshold)}: ${horizonText(curve)}`,
    ),
    ...direct.map(
      ({ state, factor, timescale }) =>
        `  direct way of ${state}: ${factor.factor}, ${text(factor.mean)} a step, timescale ${text(timescale)} steps, smallest ${text(factor.smallest.value)} at t = ${factor.smallest.t}`,
    ),
    ...ways.map(
      ({ name, share, gain, factors }) =>
        `  way ${name}: ${Math.round(100 * share)} % of what a step leaves, gain ${text(gain)} (${factors.map((each) => `${each.factor} ${text(each.mean)}`).join(' · ')})`,
    ),
    `  Jacobian: ${spectrum.steps
      .slice(-1)
      .map(({ t, largest, smallest, radius }) => `σ ${text(smallest)} to ${text(largest)}, radius ${text(radius)} at t = ${t}`)
      .join('')}; Lyapunov exponents ${spectrum.lyapunov.slice(0, 3).map(text).join(', ')}`,
    ...gates.map(({ line, mean: means, below, above }) => {
      const all = (values: readonly number[]): string => text(values.reduce((sum, each) => sum + each, 0) / values.length);
      return `  gate ${line}: mean ${all(means)}, below 0.1 ${all(below)}, above 0.9 ${all(above)}`;
    }),
    ...units.map(
      ({ state, dead, stuck, drifting, participation, mean: means }) =>
        `  state ${state}: ${dead.length} dead, ${stuck.length} stuck, ${drifting.length} drifting of ${means.length}; fills ${text(participation)} dimensions`,
    ),
  ];
  return `${rows.join('\n')}\n`;
}
