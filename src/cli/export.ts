// `unroll export` and `unroll generate`: what a trained model is for.

import { resolve } from 'node:path';
import type { Command } from './command.ts';

export const exportCommand: Command = {
  usage: 'RUN --out M.onnx',
  summary: 'Writes a trained model as ONNX, with the standard LSTM, GRU and RNN operators where a cell is one of them.',
  positionals: 1,
  options: { out: { type: 'string' } },
  help: { out: 'the .onnx file to write' },
  async run(given, { terminal, engine }) {
    const run = resolve(terminal.folder, given.positionals[0]!);
    const out = resolve(terminal.folder, given.required('out'));
    const { operators, bytes } = await engine.request('export', { run, out });
    terminal.out(`${bytes.toLocaleString('en-US')} bytes in ${out}: ${operators.join(', ')}\n`);
    return 0;
  },
};

export const generateCommand: Command = {
  usage: 'RUN [--prompt "..."] [--length N] [--seed N]',
  summary: "Lets a trained model write, as its file's generate statement says.",
  positionals: 1,
  options: { prompt: { type: 'string' }, length: { type: 'string' }, seed: { type: 'string' } },
  help: { prompt: 'what it goes on from', length: 'how much it writes, in characters or words', seed: 'decides what is drawn' },
  async run(given, { terminal, engine }) {
    const run = resolve(terminal.folder, given.positionals[0]!);
    const prompt = given.text('prompt');
    const length = given.count('length');
    const seed = given.count('seed', 0);
    const { text } = await engine.request('generate', {
      run,
      ...(prompt === undefined ? {} : { prompt }),
      ...(length === undefined ? {} : { length }),
      ...(seed === undefined ? {} : { seed }),
    });
    terminal.out(`${text}\n`);
    return 0;
  },
};
