// `unroll export`: a trained model for other programs.

import { resolve } from 'node:path';
import type { ExportFormat } from '../engine/requests.ts';
import { type Command, UsageError } from './command.ts';

const formats: readonly string[] = ['onnx', 'decoder', 'pytorch', 'safetensors'] satisfies ExportFormat[];
const isFormat = (text: string): text is ExportFormat => formats.includes(text);

/** As the name of what is written says. */
const formatOf = (out: string): ExportFormat => (out.endsWith('.onnx') ? 'onnx' : out.endsWith('.safetensors') ? 'safetensors' : 'pytorch');

export const exportCommand: Command = {
  usage: 'RUN --out M.onnx|W.safetensors|FOLDER [--format onnx|decoder|pytorch|safetensors]',
  summary: 'Writes a trained model as ONNX, as a PyTorch module in a folder, or its weights.',
  positionals: 1,
  options: { out: { type: 'string' }, format: { type: 'string' } },
  help: {
    out: 'the file to write, or the folder for PyTorch and a decoder',
    format:
      'onnx (standard operators), decoder (of a model that writes: encoder.onnx, step.onnx, and greedy.onnx, which decodes by itself), pytorch (a module, and a program that trains it on) or safetensors; told by --out otherwise',
  },
  async run(given, { terminal, engine }) {
    const run = resolve(terminal.folder, given.positionals[0]!);
    const out = resolve(terminal.folder, given.required('out'));
    const format = given.text('format') ?? formatOf(out);
    if (!isFormat(format)) throw new UsageError(`--format is onnx, decoder, pytorch or safetensors, and not ${format}.`);
    const { operators, files, bytes } = await engine.request('export', { run, out, format });
    const what = [...operators, ...files].join(', ');
    terminal.out(`${bytes.toLocaleString('en-US')} bytes in ${out}${what === '' ? '' : `: ${what}`}\n`);
    return 0;
  },
};
