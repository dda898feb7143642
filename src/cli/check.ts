// `unroll check`: what is wrong with a file and its data, each fault with its place; else what its models are.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { dataFaults, openJob } from '../engine/job.ts';
import { loadProgram, type Program } from '../language/index.ts';
import { parameterCount } from '../training/describe.ts';
import type { Command } from './command.ts';
import type { Info } from './info.ts';
import { placeText, type Terminal } from './terminal.ts';

export const checkCommand: Command = {
  usage: 'FILE.rnn',
  summary: 'Checks the syntax, names, shapes and data of a file. Errors stand as file:line:column: message.',
  positionals: 1,
  options: {},
  help: {},
  async run(given, { terminal }) {
    const file = resolve(terminal.folder, given.positionals[0]!);
    if (await reportFaults(file, terminal)) return 1;
    const faults = await dataFaults(file, (text) => terminal.error(`${given.positionals[0]}: note: ${text}\n`));
    // A model can be written before its text is there.
    for (const { place, about, message } of faults)
      terminal.error(
        `${place === undefined ? '' : placeText(place, terminal.folder)}${about === 'missing' ? 'warning: ' : ''}${message}\n`,
      );
    if (faults.some(({ about }) => about !== 'missing')) return 1;
    const { models, main } = await load(file);
    const cells = main.tree.items.filter((item) => item.$type === 'Cell');
    const names = [...models.map(({ name }) => `model ${name}`), ...cells.map(({ name }) => `cell ${name}`)];
    terminal.out(`${given.positionals[0]}: no errors${names.length === 0 ? '' : ` in ${names.join(', ')}`}\n`);
    return 0;
  },
};

/** Writes what is wrong with a file, hints too; whether there is an error. */
export async function reportFaults(file: string, { error, folder }: Terminal): Promise<boolean> {
  const { faults } = await load(file);
  for (const { range, severity, message } of faults)
    error(`${placeText(range, folder)}${severity === 'error' ? '' : `${severity}: `}${message}\n`);
  return faults.some(({ severity }) => severity === 'error');
}

async function load(file: string): Promise<Program> {
  return loadProgram(file, (path) =>
    readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new Error(error.code === 'ENOENT' ? `There is no file ${path}.` : `${path} could not be read: ${error.message}`);
    }),
  );
}

/** The models of a file with their weights, as far as its data is there. */
export async function describeSource(file: string): Promise<Info> {
  const { statements } = await load(file);
  const models: Record<string, Info> = {};
  for (const statement of statements.trains.keys()) {
    const { model, data } = await openJob(file, statement);
    models[model.name] = {
      parameters: parameterCount(model),
      classes: Object.fromEntries(Object.entries(data.vocabularies).map(([dimension, { tokens }]) => [dimension, tokens.length])),
      weights: Object.fromEntries(model.weights.map(({ name, value }) => [name, value.type.axes.map(({ size }) => size)])),
    };
  }
  return { kind: 'source', path: file, models };
}
