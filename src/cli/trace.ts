// `unroll trace`: the values of a run's lines over a sequence, and their gradients, as NumPy arrays.

import { resolve } from 'node:path';
import { type NamedArray, type NumericArray, npz } from '../data/npz.ts';
import type { SequenceChoice } from '../engine/requests.ts';
import { type Address, addressText, type LineDescription, sequenceAlong, type Trace } from '../shared/trace.ts';
import { replaceFile } from '../training/files.ts';
import { type Command, type Given, UsageError } from './command.ts';
import { foreignHelp, foreignOptions, traceModel } from './foreign.ts';
import type { Surroundings } from './terminal.ts';

export const traceCommand: Command = {
  usage:
    'RUN|M.onnx|ENCODER.onnx DECODER.onnx --text "..." [--writes "..."] | --input FILE [--values f,i,c] [--gradient [OUTPUT]] --out FILE.npz',
  summary:
    'Writes the values of every line at every timestep: arrays layer/value of the shape [T, B, H], of a state after the step. Of an ONNX model also its outputs, and how near the replay is.',
  positionals: 1,
  morePositionals: 1,
  options: {
    text: { type: 'string' },
    writes: { type: 'string' },
    input: { type: 'string' },
    values: { type: 'string' },
    gradient: { type: 'string' },
    out: { type: 'string' },
    ...foreignOptions,
  },
  valueOptional: ['gradient'],
  help: {
    text: 'the sequence',
    writes: 'what a model writes that has read the text: a translation, a reply; the values are those of its timesteps',
    input: 'a text file with the sequence; of an ONNX model .npz, .npy, .csv, .json, .wav, .txt or an image',
    values: 'names of lines, with commas between; all of them',
    gradient:
      'also the gradient for each value, as layer/value.gradient: of the loss; of an ONNX model of OUTPUT, an element of it, OUTPUT[0,3,:], or a loss, mse(OUTPUT, FILE) or cross_entropy(OUTPUT, FILE); also for its inputs, as INPUT.gradient',
    out: 'the .npz file to write',
    ...foreignHelp,
  },
  run: trace,
};

async function trace(given: Given, around: Surroundings): Promise<number> {
  if (given.positionals[0]!.endsWith('.onnx')) return traceModel(given, around);
  if (given.positionals.length > 1) throw new UsageError('Two files are an encoder and its decoder, both .onnx.');
  const { terminal, engine } = around;
  const folder = resolve(terminal.folder, given.positionals[0]!);
  const out = resolve(terminal.folder, given.required('out'));
  const opened = await engine.openTrace({ source: { kind: 'run', folder }, sequence: sequenceOf(given, terminal.folder) });
  try {
    const lines = linesOf(opened, given.text('values')?.split(','));
    const gradient = given.text('gradient') !== undefined;
    await replaceFile(out, npz(arraysOf(opened, lines, gradient)));
    terminal.out(
      `${lines.length * (gradient ? 2 : 1)} arrays of ${opened.description.steps.toLocaleString('en-US')} timesteps in ${out}\n`,
    );
  } finally {
    await opened.close();
  }
  return 0;
}

function sequenceOf(given: Given, folder: string): SequenceChoice {
  const text = given.text('text');
  const input = given.text('input');
  if ((text === undefined) === (input === undefined)) throw new UsageError('Give the sequence by --text or by --input.');
  const writes = given.text('writes');
  if (writes !== undefined && text === undefined)
    throw new UsageError('--writes is what the model writes that has read --text: give both.');
  if (text === undefined) return { kind: 'file', path: resolve(folder, input!) };
  return { kind: 'text', text, ...(writes === undefined ? {} : { writes }) };
}

/** What lies in memory at once on its way from the engine, in timesteps. */
const WINDOW = 1024;

interface PlacedLine {
  readonly address: Address;
  readonly line: LineDescription;
}

/** The lines of these names, or all. */
function linesOf({ description }: Trace, wanted: readonly string[] | undefined): PlacedLine[] {
  const all = description.instances.flatMap(({ path, lines }) =>
    lines.map((line) => ({ address: { instance: path, line: line.name }, line })),
  );
  for (const name of wanted ?? [])
    if (!all.some(({ line }) => matches(line, name)))
      throw new UsageError(`No line is called ${name}. There are ${[...new Set(all.map(({ line }) => bare(line.name)))].join(', ')}.`);
  return all.filter(({ line }) => wanted === undefined || wanted.some((name) => matches(line, name)));
}

async function* arraysOf(trace: Trace, lines: readonly PlacedLine[], gradient: boolean): AsyncGenerator<NamedArray> {
  for (const { address, line } of lines) {
    const name = bare(addressText(address));
    yield [name, await readAll(trace, address, line, false)];
    if (gradient) yield [`${name}.gradient`, await readAll(trace, address, line, true)];
  }
}

/** A state is called by its own name, its value being that after the step. */
const bare = (name: string): string => name.replace(/'$/, '');
const matches = (line: LineDescription, name: string): boolean => bare(line.name) === bare(name.trim());

/** A line over all timesteps, [T, 1, ...shape]; [1, ...shape] where it has one value a sequence. */
async function readAll(
  trace: Trace,
  address: Address,
  { shape, perStep, along }: LineDescription,
  gradient: boolean,
): Promise<NumericArray> {
  const size = shape.reduce((product, each) => product * each, 1);
  const steps = perStep ? sequenceAlong(trace.description, along).steps : 1;
  const data = new Float32Array(steps * size);
  for (let from = 0; from < steps; from += WINDOW) {
    const [part] = await trace.read({ addresses: [address], from, to: Math.min(from + WINDOW, steps), gradient });
    data.set(part!, from * size);
  }
  return { shape: perStep ? [steps, 1, ...shape] : [1, ...shape], data };
}
