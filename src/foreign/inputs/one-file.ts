// One file for a model of several inputs: which of them it is, and what the others get meanwhile.

import type { FileChoice, InputChoice, InputChoices } from '../../shared/inputs.ts';
import { looksLikeFrame, looksLikeOption, looksLikeRate, looksLikeState } from '../streaming/names.ts';
import { openArrays } from './array-files.ts';
import { withFile } from './bytes.ts';
import { InputError, listed } from './errors.ts';
import { layoutOf } from './image.ts';
import { type FileKind, kindOf } from './kinds.ts';
import { isObject, readJson } from './nested.ts';
import { dimensionKey, isBatch, type Port } from './ports.ts';
import { waveFormat } from './wave.ts';

export interface FileChoices {
  readonly choices: InputChoices;
  /** What the inputs get that the file says nothing of. */
  readonly remarks: readonly string[];
}

/** Choices for all inputs from one file: arrays go to the inputs of their names; a file of one array to the input that is called and shaped most
 *  like data. Of the others a sample rate is the file's, a length that of the sequence, and all else, states above all, zeros. Throws
 *  InputError where the file cannot be read, or is for no input. */
export async function choicesForFile(
  ports: readonly Port[],
  file: FileChoice,
  dimensions: Readonly<Record<string, number>> = {},
): Promise<FileChoices> {
  const { path } = file;
  const { kind } = await withFile(path, kindOf);
  const names = await namesIn(kind, file);
  const taken = names === undefined || file.array !== undefined ? [] : ports.filter(({ name }) => names.includes(name));
  // Arrays of other names: either there is one for each input, or reading says which are missing.
  if (names !== undefined && names.length > 1 && taken.length === 0 && file.array === undefined)
    return { choices: { all: file, dimensions }, remarks: [] };
  const main = taken.length > 0 ? taken : [mainPort(ports, kind, file)];
  const inputs: Record<string, InputChoice> = {};
  const zeros: string[] = [];
  const remarks: string[] = [];
  for (const port of ports) {
    const other = main.includes(port) ? file : await otherChoice(port, kind, path, main);
    inputs[port.name] = other;
    if (other.kind === 'zeros') zeros.push(port.name);
    if (other.kind === 'size') remarks.push(`${port.name} is the size of ${other.of}.`);
    if (other.kind === 'constant') remarks.push(`${port.name} is ${other.value}, the sample rate of the file.`);
  }
  if (zeros.length > 0) remarks.push(`Zeros are fed to ${listed(zeros)}; the file is for ${listed(main.map(({ name }) => name))}.`);
  return { choices: { inputs, dimensions }, remarks };
}

/** The names of what is in a file of several arrays. */
async function namesIn(kind: FileKind, { path }: FileChoice): Promise<readonly string[] | undefined> {
  if (kind === 'npz') return (await openArrays(path, {}, () => false)).names;
  if (kind !== 'json') return undefined;
  const value = await readJson(path, {});
  return isObject(value) ? Object.keys(value) : undefined;
}

function mainPort(ports: readonly Port[], kind: FileKind, file: FileChoice): Port {
  const able = ports.filter((port) => kind !== 'image' || isImage(port, file));
  const [best] = able.toSorted((one, other) => likeness(other, kind, file) - likeness(one, kind, file));
  if (best === undefined)
    throw new InputError(`${file.path} is for none of the inputs ${listed(ports.map(({ name }) => name))}. Choose another file.`);
  return best;
}

/** How much an input is called and shaped like data of a kind. */
function likeness(port: Port, kind: FileKind, { vocabulary, oneHot }: FileChoice): number {
  const isWhole = /^u?int/.test(port.type);
  const wantsWhole = kind === 'text' && vocabulary !== undefined && oneHot !== true;
  const mayBeEither = kind !== 'wave' && !wantsWhole;
  return (
    (mayBeEither || isWhole === wantsWhole ? 4 : 0) +
    (looksLikeFrame(port.name) ? 1 : 0) -
    (looksLikeState(port.name) ? 2 : 0) -
    (looksLikeOption(port.name) || looksLikeRate(port.name) ? 3 : 0) -
    ((port.shape?.length ?? 2) === 0 ? 3 : 0)
  );
}

function isImage(port: Port, file: FileChoice): boolean {
  try {
    layoutOf(port, file);
    return true;
  } catch {
    return false;
  }
}

async function otherChoice(port: Port, kind: FileKind, path: string, main: readonly Port[]): Promise<InputChoice> {
  if (kind === 'wave' && looksLikeRate(port.name)) return { kind: 'constant', value: (await withFile(path, waveFormat)).rate };
  const times = main
    .flatMap((each) => (each.shape ?? []).flatMap((_, axis) => dimensionKey(each, axis) ?? []))
    .filter((key) => !isBatch(key));
  const [time] = times;
  if (time !== undefined && times.length === 1 && /^u?int/.test(port.type) && /len/i.test(port.name)) return { kind: 'size', of: time };
  return { kind: 'zeros' };
}
