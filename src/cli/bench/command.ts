// `unroll bench`: milliseconds of a full training step (forward, backward, clip, Adam) of a language model, beside the floor and PyTorch.

import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { physicalCores } from '../../runtime/cores.ts';
import { createRuntime } from '../../runtime/onnxruntime.ts';
import type { Command, Given } from '../command.ts';
import { analysisCases, type MeasuredAnalysis, measureAnalysis } from './analysis.ts';
import { captionsSize, measureCaptions } from './captions.ts';
import { cells, sizes } from './cases.ts';
import { type Measured, measure } from './measure.ts';
import { openPeer } from './peer.ts';
import { type MeasuredTrace, measureTrace, traceCases } from './traces.ts';
import { measureDecoding, measureTranslation, translationSize } from './translation.ts';

export const benchCommand: Command = {
  usage: '[--cells lstm,gru] [--sizes H128,H256] [--translation] [--captions] [--traces] [--analysis] [--threads N] [--rounds N] [--json]',
  summary:
    'Measures training steps beside the matrix products alone, and beside PyTorch where python3 (or UNROLL_PYTHON) has it; traces of ONNX models beside their runs; and analyses beside training steps.',
  positionals: 0,
  options: {
    cells: { type: 'string' },
    sizes: { type: 'string' },
    threads: { type: 'string' },
    rounds: { type: 'string' },
    translation: { type: 'boolean' },
    captions: { type: 'boolean' },
    traces: { type: 'boolean' },
    analysis: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  help: {
    cells: `of ${cells.map(({ name }) => name).join(', ')}; all by default`,
    sizes: `of ${sizes.map(({ name }) => name).join(', ')}; all by default`,
    threads: 'by default the physical cores',
    rounds: 'turns of ten steps each; 6 by default',
    translation: 'only the translation model: its training step, and decoding a batch of 64 rows',
    captions: 'only the model of images',
    traces: 'only the traces of ONNX models',
    analysis: 'only the analyses',
    json: 'one JSON object a case',
  },
  async run(given, { terminal }) {
    const threads = given.count('threads') ?? physicalCores();
    const effort = { rounds: given.count('rounds') ?? 6, steps: 10 };
    const peer = await openPeer(threads);
    const runtime = createRuntime();
    const versions = { threads, node: process.version, onnxruntime: runtimeVersion(), pytorch: peer?.version, processor: cpus()[0]?.model };
    const json = given.flag('json');
    terminal.out(json ? `${JSON.stringify(versions)}\n` : heading(versions));
    try {
      const isChosen = given.text('cells') !== undefined || given.text('sizes') !== undefined;
      const only = (['translation', 'captions', 'traces', 'analysis'] as const).filter((name) => given.flag(name));
      const isMeant = (name: (typeof only)[number]): boolean => (only.length === 0 ? !isChosen : only.includes(name));
      if (only.length === 0) await steps();
      if (isMeant('translation')) await translation();
      if (isMeant('captions')) await captions();
      if (isMeant('traces')) await traces();
      if (isMeant('analysis')) await analyses();
    } finally {
      peer?.close();
    }
    return 0;

    async function steps(): Promise<void> {
      terminal.out(json ? '' : row(titles));
      for (const size of chosen(given, 'sizes', sizes)) {
        for (const cell of chosen(given, 'cells', cells)) {
          const measured = await measure(cell, size, threads, effort, runtime, peer);
          terminal.out(json ? `${JSON.stringify(measured)}\n` : line(measured));
        }
      }
    }

    async function translation(): Promise<void> {
      const { words, embedding, units, batch, lengths } = translationSize;
      terminal.out(
        json
          ? ''
          : `\nA translation model: ${words} words, embedding ${embedding}, GRUs of ${units}, ${batch} sentences of ${lengths.join(' to ')} words.\n\n${row(titles)}`,
      );
      const measured = await measureTranslation(translationSize, threads, effort, peer);
      terminal.out(json ? `${JSON.stringify(measured)}\n` : line(measured));
      const decoded = await measureDecoding(translationSize, effort, peer);
      terminal.out(json ? `${JSON.stringify(decoded)}\n` : line(decoded));
    }

    async function captions(): Promise<void> {
      const { pixels, channels, units, batch } = captionsSize;
      terminal.out(
        json
          ? ''
          : `\nCaptions of images: ${batch} of ${pixels} x ${pixels} pixels, blocks of ${channels.join(', ')} channels, a GRU of ${units} that attends.\n\n${row(titles)}`,
      );
      const measured = await measureCaptions(captionsSize, threads, effort, peer);
      terminal.out(json ? `${JSON.stringify(measured)}\n` : line(measured));
    }

    async function traces(): Promise<void> {
      terminal.out(
        json ? '' : `\nTraces of ONNX operators over 1,000 timesteps; ratio of all to the untouched run.\n\n${row(traceTitles)}`,
      );
      for (const each of traceCases) {
        const measured = await measureTrace(each, 3 * effort.rounds, threads, runtime);
        terminal.out(json ? `${JSON.stringify(measured)}\n` : traceLine(measured));
      }
    }

    async function analyses(): Promise<void> {
      terminal.out(
        json
          ? ''
          : `\nAnalyses, from the model and its sequences: the gradient by all lags, its ratio to a training step on the same sequences; and all of it, in ms.\n\n${row(analysisTitles)}`,
      );
      for (const each of analysisCases) {
        const measured = await measureAnalysis(each, effort.rounds, threads, runtime);
        terminal.out(json ? `${JSON.stringify(measured)}\n` : analysisLine(measured));
      }
    }
  },
};

function chosen<Each extends { readonly name: string }>(given: Given, option: string, all: readonly Each[]): readonly Each[] {
  const names = given.text(option)?.split(',');
  if (names === undefined) return all;
  return names.map((name) => {
    const found = all.find((each) => each.name === name);
    if (found === undefined) throw new Error(`--${option}: there is no ${name}; there are ${all.map((each) => each.name).join(', ')}.`);
    return found;
  });
}

function heading(versions: Readonly<Record<string, unknown>>): string {
  const known = Object.entries(versions).filter(([, value]) => value !== undefined);
  return `${known.map(([name, value]) => `${name} ${value}`).join(', ')}\nMedians in ms of turns that alternate; ratio to the other.\n\n`;
}

const titles = ['size', 'cell', 'step', 'floor', 'other', 'ratio', 'target', ' beside'];
const traceTitles = ['size', 'operator', 'run', 'replay', 'all', 'ratio', 'target', ''];

const traceLine = ({ size, operator, untouched, replayed, traced, ratio, target }: MeasuredTrace): string =>
  row([size, operator, untouched.toFixed(1), replayed.toFixed(1), traced.toFixed(1), ratio.toFixed(2), target.toFixed(2), '']);

const analysisTitles = ['size', 'cell', 'analysis', 'step', 'what', 'measured', 'target', ''];
const analysisLine = ({ size, cell, took, step, what, ratio, target }: MeasuredAnalysis): string =>
  row([size, cell, took.toFixed(1), step.toFixed(1), what, ratio.toFixed(2), target.toFixed(2), '']);

function line({ size, cell, step, floor, other, ratio, target, beside }: Omit<Measured, 'floor'> & { readonly floor?: number }): string {
  const optional = (value: number | undefined, digits: number): string => (value === undefined ? '' : value.toFixed(digits));
  return row([
    size,
    cell,
    step.toFixed(1),
    optional(floor, 1),
    optional(other, 1),
    optional(ratio, 2),
    optional(target, 2),
    ` ${beside ?? ''}`,
  ]);
}

const row = (fields: readonly string[]): string =>
  `${fields.map((field, k) => (k < 2 || k === 7 ? field.padEnd(8) : field.padStart(9))).join(' ')}\n`;

const runtimeVersion = (): string =>
  (createRequire(import.meta.url)('onnxruntime-node/package.json') as { readonly version: string }).version;
