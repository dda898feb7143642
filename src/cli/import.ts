// `unroll import`: weights from elsewhere, into a run.

import { resolve } from 'node:path';
import type { Command } from './command.ts';

export const importCommand: Command = {
  usage: 'FILE.rnn --weights W.safetensors|M.onnx [--out RUN] [--statement N] [--dry]',
  summary: 'Brings weights of PyTorch, Keras, ONNX or Unroll into a model of the same shape, as a run at step 0.',
  positionals: 1,
  options: { weights: { type: 'string' }, out: { type: 'string' }, statement: { type: 'string' }, dry: { type: 'boolean' } },
  help: {
    weights: 'the file of weights',
    out: "the run's folder; by default a new one in runs/",
    statement: 'which train statement of the file, from 1; each cell of a list is one',
    dry: 'says what would go where, and writes nothing',
  },
  async run(given, { terminal, engine }) {
    const statement = given.count('statement');
    const out = given.text('out');
    const { report, missing, unused, run } = await engine.request('importWeights', {
      file: resolve(terminal.folder, given.positionals[0]!),
      weights: resolve(terminal.folder, given.required('weights')),
      apply: !given.flag('dry'),
      ...(statement === undefined ? {} : { statement: statement - 1 }),
      ...(out === undefined ? {} : { out: resolve(terminal.folder, out) }),
    });
    const width = Math.max(0, ...report.map(({ weight }) => weight.length));
    for (const { weight, from, how } of report) terminal.out(`${weight.padEnd(width)}  <- ${from} (${how})\n`);
    for (const { weight, shape, why } of missing)
      terminal.error(
        `${weight} [${shape.join(', ')}] is not in the file${why === undefined ? '' : `: ${why}`}; it starts as the source says.\n`,
      );
    for (const { name, shape } of unused) terminal.error(`${name} [${shape.join(', ')}] of the file is not used.\n`);
    if (run !== undefined)
      terminal.out(`The run is in ${run.folder}. Train it with: unroll train ${given.positionals[0]} --resume --out ${run.folder}\n`);
    return 0;
  },
};
