// `unroll verify`, and what `unroll trace` does with an ONNX model of others.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ForeignTraceResult } from '../engine/foreign.ts';
import { type ForeignInput, lostText, type PairSettings, parityLimit, type StreamSettings, wrongParts } from '../shared/foreign.ts';
import type { FileChoice, InputChoice } from '../shared/inputs.ts';
import { type OutputObjective, outputObjectiveOf } from '../shared/objective.ts';
import { type Command, type Given, UsageError } from './command.ts';
import type { Surroundings, Terminal } from './terminal.ts';

export const verifyCommand: Command = {
  usage: 'M.onnx [--seed N] [--size NAME=N,...] [--json]',
  summary:
    'Replays the recurrent parts of an ONNX model on random input beside the untouched model; ends with 1 where they differ by more than 1e-4.',
  positionals: 1,
  options: { seed: { type: 'string' }, size: { type: 'string' }, json: { type: 'boolean' } },
  help: {
    seed: 'of the random input, 1',
    size: 'sizes of dimensions that the model leaves open, with commas between',
    json: 'as one JSON object',
  },
  async run(given, { terminal, engine }) {
    const file = resolve(terminal.folder, given.positionals[0]!);
    const result = await engine.request('verify', { file, seed: given.count('seed', 0) ?? 1, dimensions: sizesOf(given) });
    if (given.flag('json')) terminal.out(`${JSON.stringify(result)}\n`);
    else tell(result, terminal);
    return wrongParts(result.parity).length === 0 ? 0 : 1;
  },
};

/** Options that say what a model of others is run on. */
export const inputOptions = {
  size: { type: 'string' },
  random: { type: 'string' },
  frame: { type: 'string' },
  hop: { type: 'string' },
  context: { type: 'string' },
  rate: { type: 'string' },
  vocabulary: { type: 'string' },
  choices: { type: 'string' },
  over: { type: 'string' },
  stream: { type: 'string' },
  zeros: { type: 'string' },
  spectrum: { type: 'string' },
  window: { type: 'string' },
} as const;

/** The options of `unroll trace` that only a model of others has. */
export const foreignOptions = {
  ...inputOptions,
  begin: { type: 'string' },
  end: { type: 'string' },
  length: { type: 'string' },
  tokens: { type: 'string' },
  pair: { type: 'string' },
} as const;

export const inputHelp = {
  size: 'of an ONNX model: sizes of open dimensions, NAME=N with commas between',
  random: 'of an ONNX model: random input of this seed, instead of a file',
  frame: 'of a .wav: samples a frame',
  hop: 'of a .wav: samples from one frame to the next',
  context: 'of a .wav: samples before a frame that stand in it too',
  rate: 'of a .wav: samples a second that the model expects',
  vocabulary: 'of a .txt: a file of the tokens',
  stream:
    'of an ONNX model that is made for one frame a call: a JSON file with the rule (what is the frame, which output is which next input), or auto',
  zeros: 'of an ONNX model: inputs that are zero, with commas between',
  spectrum: 'of a .wav: magnitude or power of each frame',
  window: 'of a .wav: hann, before the spectrum',
  over: 'of an ONNX model whose recurrence stands inside each place of another axis: which one is the axis of time, as `unroll info` names it (F, frames, "axis 1"); along its sequences arrays are [frames, B x steps, H]',
  choices: 'of an ONNX model: a JSON file that says what each input is given, as the editor keeps it',
} as const;

export const foreignHelp = {
  ...inputHelp,
  begin: 'of an encoder and its decoder: the id that the decoder reads first',
  end: 'of an encoder and its decoder: the id after which a row is over',
  length: 'of an encoder and its decoder: calls of the decoder at most, 100',
  tokens: 'of an encoder and its decoder: ids that the decoder reads instead of its own choices, with commas between',
  pair: 'of an encoder and its decoder: a JSON file with the rule (what of the encoder feeds which input of the decoder, which output is which next input); as the two propose it otherwise',
} as const;

export async function traceModel(given: Given, { terminal, engine }: Surroundings): Promise<number> {
  const file = resolve(terminal.folder, given.positionals[0]!);
  const out = resolve(terminal.folder, given.required('out'));
  const objective = given.text('gradient');
  const gradient = objective === undefined ? {} : { gradient: objectiveOf(objective, terminal.folder) };
  const input = { ...(await inputOf(given, terminal)), ...(await decoderOf(given, terminal)) };
  const result = await engine.request('traceForeign', { file, out, input, ...gradient });
  tell(result, terminal);
  terminal.out(`${result.arrays} arrays in ${out}\n`);
  return 0;
}

/** What an ONNX model is run on, by inputOptions and --input. */
export async function inputOf(given: Given, { folder }: Terminal): Promise<ForeignInput> {
  const dimensions = sizesOf(given);
  const rule = given.text('stream');
  const over = given.text('over');
  const more: Pick<ForeignInput, 'stream' | 'inputs' | 'over'> = {
    ...(over === undefined ? {} : { over }),
    ...(rule === undefined ? {} : { stream: rule === 'auto' ? 'auto' : await jsonOf<StreamSettings>(resolve(folder, rule)) }),
    ...(given.text('zeros') === undefined ? {} : { inputs: zerosOf(given.text('zeros')!) }),
  };
  const kept = given.text('choices');
  const file = given.text('input');
  const seed = given.count('random', 0);
  if ([kept, file, seed].filter((each) => each !== undefined).length !== 1)
    throw new UsageError('Give the input by --input FILE, --random SEED or --choices FILE.json.');
  if (kept !== undefined) {
    const choices = await jsonOf<ForeignInput>(resolve(folder, kept));
    return { ...choices, ...more, inputs: { ...choices.inputs, ...more.inputs }, dimensions: { ...choices.dimensions, ...dimensions } };
  }
  if (seed !== undefined) return { all: { kind: 'random', seed }, dimensions, ...more };
  const number = (name: string): number | undefined => given.count(name, 0);
  const options: Partial<FileChoice> = Object.fromEntries(
    (['frame', 'hop', 'context', 'rate'] as const).flatMap((name) => (number(name) === undefined ? [] : [[name, number(name)]])),
  );
  const vocabulary = given.text('vocabulary');
  const all: FileChoice = {
    kind: 'file',
    path: resolve(folder, file!),
    ...options,
    ...(given.choice('spectrum', ['magnitude', 'power']) === undefined
      ? {}
      : { spectrum: given.choice('spectrum', ['magnitude', 'power'])! }),
    ...(given.choice('window', ['hann']) === undefined ? {} : { window: 'hann' }),
    ...(vocabulary === undefined ? {} : { vocabulary: resolve(folder, vocabulary) }),
  };
  return { all, dimensions, ...more };
}

/** What is said of the decoder that stands behind an encoder. */
async function decoderOf(given: Given, { folder }: Terminal): Promise<Pick<ForeignInput, 'decoder'>> {
  const [, decoder] = given.positionals;
  const own = ['begin', 'end', 'length', 'tokens', 'pair'].find((name) => given.text(name) !== undefined);
  if (decoder === undefined) {
    if (own === undefined) return {};
    throw new UsageError(`--${own} is of an encoder and its decoder: name both, unroll trace encoder.onnx decoder.onnx.`);
  }
  if (!decoder.endsWith('.onnx')) throw new UsageError(`The decoder is an .onnx file, and not ${decoder}.`);
  const begin = given.count('begin', 0);
  if (begin === undefined)
    throw new UsageError('Say what the decoder reads first, an id of its vocabulary, by --begin; and what ends a row by --end.');
  const [end, rule] = [given.count('end', 0), given.text('pair')];
  const tokens = given.text('tokens')?.split(/[\s,]+/);
  const odd = tokens?.find((each) => !/^\d+$/.test(each));
  if (odd !== undefined) throw new UsageError(`--tokens takes ids with commas between, such as 4,9,2, and not ${odd}.`);
  return {
    decoder: {
      file: resolve(folder, decoder),
      begin,
      length: given.count('length', 1) ?? 100,
      ...(end === undefined ? {} : { end }),
      ...(tokens === undefined ? {} : { tokens: tokens.map(Number) }),
      ...(rule === undefined ? {} : { rule: await jsonOf<PairSettings>(resolve(folder, rule)) }),
    },
  };
}

/** `logits`, `logits[0,-1,3]`, `mse(logits, target.npy)`. */
function objectiveOf(text: string, folder: string): OutputObjective {
  const found = outputObjectiveOf(text);
  if (found === undefined)
    throw new UsageError(
      '--gradient takes the name of an output of the model, an element of it, or a loss against a file: --gradient logits, --gradient logits[0,3,:], --gradient "cross_entropy(logits, target.npy)".',
    );
  return found.kind === 'against' ? { ...found, target: resolve(folder, found.target) } : found;
}

const zerosOf = (names: string): Record<string, InputChoice> =>
  Object.fromEntries(names.split(',').map((name) => [name.trim(), { kind: 'zeros' }] as const));

async function jsonOf<Content>(path: string): Promise<Content> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new UsageError(`There is no file ${path} that can be read.`);
  });
  try {
    return JSON.parse(text) as Content;
  } catch (error) {
    throw new UsageError(`${path} is no JSON: ${error instanceof Error ? error.message : error}.`);
  }
}

function sizesOf(given: Given): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const each of given.text('size')?.split(',') ?? []) {
    const at = each.lastIndexOf('=');
    const size = Number(each.slice(at + 1));
    if (at < 1 || !Number.isSafeInteger(size) || size < 1) throw new UsageError(`--size takes NAME=N, such as batch=2, and not ${each}.`);
    sizes[each.slice(0, at).trim()] = size;
  }
  return sizes;
}

function tell({ parity, idle, refused, dimensions, remarks }: Omit<ForeignTraceResult, 'arrays'>, { out, error }: Terminal): void {
  for (const remark of remarks) error(`${remark}\n`);
  const sizes = Object.entries(dimensions).map(([name, size]) => `${name} = ${size}`);
  if (sizes.length > 0) out(`${sizes.join(', ')}\n`);
  for (const { part, value, halves } of parity) {
    const said = value === undefined ? 'nothing in the model to compare with' : `parity ${value.toExponential(1)}`;
    out(`${part}: ${said}${halves ? ', which the model rounds to halves' : ''}\n`);
  }
  for (const each of parity) if (each.lost !== undefined) error(`${lostText(each)}\n`);
  for (const each of wrongParts(parity))
    error(
      `${each.part}: the replay differs from the untouched model by more than ${parityLimit(each)}: its values are not those of the model.\n`,
    );
  for (const { part, why } of idle) out(`${part}: no values, ${why}\n`);
  for (const { title, why } of refused) out(`${title}: not replayed. ${why}\n`);
  if (parity.length + idle.length + refused.length === 0) out('The model has no recurrent part.\n');
}
