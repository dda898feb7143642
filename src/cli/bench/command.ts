// `unroll bench`: milliseconds of a full training step (forward, backward, clip, Adam) of a language model, beside the floor and PyTorch.

import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { physicalCores } from '../../runtime/cores.ts';
import { createRuntime } from '../../runtime/onnxruntime.ts';
import type { Command, Given } from '../command.ts';
import { cells, sizes } from './cases.ts';
import { type Measured, measure } from './measure.ts';
import { openPeer } from './peer.ts';
import { type MeasuredTrace, measureTrace, traceCases } from './traces.ts';
import { measureDecoding, measureTranslation, translationSize } from './translation.ts';

export const benchCommand: Command = {
  usage: '[--cells lstm,gru] [--sizes H128,H256] [--translation] [--traces] [--threads N] [--rounds N] [--json]',
  summary:
    'Measures training steps beside the matrix products alone, and beside PyTorch where python3 (or UNROLL_PYTHON) has it; and traces of ONNX models beside their runs.',
  positionals: 0,
  options: {
    cells: { type: 'string' },
    sizes: { type: 'string' },
    threads: { type: 'string' },
    rounds: { type: 'string' },
    translation: { type: 'boolean' },
    traces: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  help: {
    cells: `of ${cells.map(({ name }) => name).join(', ')}; all by default`,
    sizes: `of ${sizes.map(({ name }) => name).join(', ')}; all by default`,
    threads: 'by default the physical cores',
    rounds: 'turns of ten steps each; 6 by default',
    translation: 'only the translation model: its training step, and decoding a batch of 64 rows',
    traces: 'only the traces of ONNX models',
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
      const [onlyTranslation, onlyTraces] = [given.flag('translation'), given.flag('traces')];
      if (!onlyTranslation && !onlyTraces) await steps();
      if (onlyTranslation || (!onlyTraces && !isChosen)) await translation();
      if (onlyTraces || (!onlyTranslation && !isChosen)) await traces();
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

    async function traces(): Promise<void> {
      terminal.out(
        json ? '' : `\nTraces of ONNX operators over 1,000 timesteps; ratio of all to the untouched run.\n\n${row(traceTitles)}`,
      );
      for (const each of traceCases) {
        const measured = await measureTrace(each, 3 * effort.rounds, threads, runtime);
        terminal.out(json ? `${JSON.stringify(measured)}\n` : traceLine(measured));
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
