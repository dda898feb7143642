// `unroll info`: what a run, a model's source, a file of weights or an ONNX model holds.

import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import type { Engine } from '../engine/client.ts';
import { openModelFile } from '../onnx/file/open.ts';
import { operatorUses } from '../onnx/file/remarks.ts';
import { describeModel, type PortInfo } from '../onnx/operators.ts';
import { type AttentionInfo, type ForeignInfo, type PartInfo, partAxesText } from '../shared/foreign.ts';
import { type Checkpoint, lastGoodCheckpoint, readCheckpoint } from '../training/checkpoint.ts';
import { checkpointsOf, summarise } from '../training/run.ts';
import { describeSource } from './check.ts';
import type { Command } from './command.ts';

export const infoCommand: Command = {
  usage: 'MODEL [--json]',
  summary: "Tells what MODEL is: a run's folder, a .rnn file, a .safetensors file of weights, or an .onnx file.",
  positionals: 1,
  options: { json: { type: 'boolean' } },
  help: { json: 'as one JSON object' },
  async run(given, { terminal, engine }) {
    const info = await infoOf(resolve(terminal.folder, given.positionals[0]!), engine);
    terminal.out(given.flag('json') ? `${JSON.stringify(info)}\n` : infoText(readable(info)));
    return 0;
  },
};

/** Plain data, as `--json` prints it. */
export type Info = Readonly<Record<string, unknown>>;

async function infoOf(path: string, engine: Engine): Promise<Info> {
  const found = await stat(path).catch(() => {
    throw new Error(`There is no file or folder ${path}.`);
  });
  if (found.isDirectory()) return runInfo(path);
  switch (extname(path)) {
    case '.rnn':
      return describeSource(path);
    case '.onnx':
      return onnxInfo(path, await engine.request('inspect', { file: path }));
    case '.safetensors': {
      const checkpoint = await readCheckpoint(path).catch((error: Error) => {
        throw new Error(`${path} is no checkpoint: ${error.message}.`);
      });
      return { kind: 'checkpoint', path, ...checkpointInfo(checkpoint) };
    }
    default:
      throw new Error(`${path} is neither a run's folder nor a .rnn, .safetensors or .onnx file.`);
  }
}

async function runInfo(folder: string): Promise<Info> {
  const { status, ...summary } = await summarise(folder);
  const { checkpoint } = await lastGoodCheckpoint(checkpointsOf(folder));
  return {
    kind: 'run',
    ...summary,
    status: status.kind,
    ...(status.kind === 'failed' ? { what: status.what } : {}),
    ...(checkpoint === undefined ? {} : { checkpoint: checkpoint.step, weights: weightsOf(checkpoint) }),
  };
}

const checkpointInfo = (checkpoint: Checkpoint): Info => ({
  step: checkpoint.step,
  epoch: checkpoint.epoch,
  ...(checkpoint.validationLoss === undefined ? {} : { validationLoss: checkpoint.validationLoss }),
  weights: weightsOf(checkpoint),
});

/** Shapes by name. Moments of the optimiser and carried states, `name#...`, are no weights. */
const weightsOf = ({ state }: Checkpoint): Record<string, readonly number[]> =>
  Object.fromEntries([...state].filter(([name]) => !name.includes('#')).map(([name, { shape }]) => [name, shape]));

async function onnxInfo(path: string, { parts, attention, refused }: ForeignInfo): Promise<Info> {
  const { model, bytes, structure, remarks } = await openModelFile(path);
  const found = describeModel(model, bytes);
  const unknown = operatorUses(structure).filter(({ kind }) => kind === 'unknown');
  const ports = (each: readonly PortInfo[]): Info => Object.fromEntries(each.map((port) => [port.name, portText(port)]));
  return {
    kind: 'onnx',
    path,
    name: found.name,
    producer: found.producer,
    ...(found.producerVersion === '' ? {} : { producerVersion: found.producerVersion }),
    irVersion: found.irVersion,
    opsets: Object.fromEntries(Object.entries(found.opsets).map(([domain, version]) => [domain || 'ai.onnx', version])),
    inputs: ports(found.inputs),
    ...(found.defaults.length === 0 ? {} : { defaults: ports(found.defaults) }),
    outputs: ports(found.outputs),
    parts,
    ...(attention.length === 0 ? {} : { attention }),
    ...(refused.length === 0 ? {} : { refused }),
    parameters: found.parameters,
    bytes: found.bytes,
    operators: found.operators,
    ...(unknown.length === 0 ? {} : { unknown: unknown.map(({ domain, name }) => (domain === '' ? name : `${domain}.${name}`)) }),
    ...(found.functions.length === 0 ? {} : { functions: found.functions }),
    ...(Object.keys(found.metadata).length === 0 ? {} : { metadata: found.metadata }),
    ...(remarks.length === 0 ? {} : { remarks }),
  };
}

/** Recurrent parts as a line each. */
function readable(info: Info): Info {
  const { parts, attention, refused, ...rest } = info as Info & Partial<Pick<ForeignInfo, 'parts' | 'attention' | 'refused'>>;
  if (parts === undefined) return info;
  const lines = Object.fromEntries(parts.map((part) => [part.name, partText(part)]));
  const none = Object.fromEntries((refused ?? []).map(({ title, why }) => [title, why]));
  return {
    ...rest,
    parts: parts.length === 0 ? 'none' : lines,
    ...(attention === undefined ? {} : { attention: Object.fromEntries(attention.map((each) => [each.name, attentionText(each)])) }),
    ...(refused === undefined ? {} : { 'not replayed': none }),
  };
}

/** `lstm, 2 layers, both directions, 8 -> 16, operator "/rnn/LSTM", f i g c' o h'` */
const partText = ({ kind, layers, directions, reverse, hidden, input, form, title, where, values, sources, axes }: PartInfo): string =>
  [
    kind,
    ...(layers > 1 ? [`${layers} layers`] : []),
    ...(directions > 1 ? ['both directions'] : reverse ? ['from the end'] : []),
    ...(hidden === undefined ? [] : [input === undefined ? `${hidden} units` : `${input} -> ${hidden}`]),
    `${form}${title === '' ? '' : ` "${title}"`}${where === '' ? '' : ` in ${where}`}`,
    `values ${values.join(' ')}`,
    ...(axes === undefined ? [] : [partAxesText(axes)]),
    ...new Set(sources.flatMap((source) => source.slice(0, 1).map(({ file, line }) => `${file}:${line}`))),
  ].join(', ');

/** `over axis 2 of "weights" [2, 4, 5], 2 heads, "/attention/Softmax"` */
const attentionText = ({ part, value, axis, shape, heads, title, where, axes }: AttentionInfo): string =>
  [
    ...(part === undefined
      ? [`over axis ${axis} of "${value}"${shape === undefined ? '' : ` [${shape.join(', ')}]`}`]
      : [`at each step of ${part}`]),
    ...(heads === undefined ? [] : [`${heads} heads`]),
    `${title === '' ? '' : `"${title}"`}${where === '' ? '' : ` in ${where}`}`,
    ...(axes === undefined ? [] : [partAxesText(axes)]),
  ]
    .filter((each) => each !== '')
    .join(', ');

const portText = ({ type, shape }: PortInfo): string => `${type}${shape === undefined ? '' : ` [${shape.join(', ')}]`}`;

/** One line an entry; those of an entry that holds others below it, and sentences too. */
function infoText(info: Info, indent = ''): string {
  return Object.entries(info)
    .map(([key, value]) => {
      const name = plain(key);
      if (Array.isArray(value) && value.some((each) => typeof each === 'string' && each.endsWith('.')))
        return `${indent}${name}:\n${value.map((each) => `${indent}  ${plain(String(each))}\n`).join('')}`;
      if (Array.isArray(value)) return `${indent}${name}: [${value.map((each) => plain(String(each))).join(', ')}]\n`;
      if (typeof value === 'object' && value !== null) return `${indent}${name}:\n${infoText(value as Info, `${indent}  `)}`;
      return `${indent}${name}: ${typeof value === 'number' ? value.toLocaleString('en-US') : plain(String(value))}\n`;
    })
    .join('');
}

/** What files say, on one line of a terminal: no control characters, nothing endless. */
function plain(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
