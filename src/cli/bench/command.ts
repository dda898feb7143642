// `unroll bench`: milliseconds of a full training step (forward, backward, clip, Adam) of a language model, beside the floor and PyTorch.

import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { physicalCores } from '../../runtime/cores.ts';
import { createRuntime } from '../../runtime/onnxruntime.ts';
import type { Command, Given } from '../command.ts';
import { cells, sizes } from './cases.ts';
import { type Measured, measure } from './measure.ts';
import { openPeer } from './peer.ts';

export const benchCommand: Command = {
  usage: '[--cells lstm,gru] [--sizes H128,H256] [--threads N] [--rounds N] [--json]',
  summary: 'Measures training steps beside the matrix products alone, and beside PyTorch where python3 (or UNROLL_PYTHON) has it.',
  positionals: 0,
  options: {
    cells: { type: 'string' },
    sizes: { type: 'string' },
    threads: { type: 'string' },
    rounds: { type: 'string' },
    json: { type: 'boolean' },
  },
  help: {
    cells: `of ${cells.map(({ name }) => name).join(', ')}; all by default`,
    sizes: `of ${sizes.map(({ name }) => name).join(', ')}; all by default`,
    threads: 'by default the physical cores',
    rounds: 'turns of ten steps each; 6 by default',
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
      for (const size of chosen(given, 'sizes', sizes)) {
        for (const cell of chosen(given, 'cells', cells)) {
          const measured = await measure(cell, size, threads, effort, runtime, peer);
          terminal.out(json ? `${JSON.stringify(measured)}\n` : line(measured));
        }
      }
    } finally {
      peer?.close();
    }
    return 0;
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
  const titles = ['size', 'cell', 'step', 'floor', 'other', 'ratio', 'target', ' beside'];
  return `${known.map(([name, value]) => `${name} ${value}`).join(', ')}\nMedians in ms of turns that alternate; ratio to the other.\n\n${row(titles)}`;
}

function line({ size, cell, step, floor, other, ratio, target, beside }: Measured): string {
  const optional = (value: number | undefined, digits: number): string => (value === undefined ? '' : value.toFixed(digits));
  return row([
    size,
    cell,
    step.toFixed(1),
    floor.toFixed(1),
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
