// What a launch configuration says of an ONNX model of others: what it is run on, and how.

import { dirname } from 'node:path';
import type { ForeignInfo, ForeignInput, StreamSettings } from '../shared/foreign.ts';
import type { InputChoice, InputChoices } from '../shared/inputs.ts';
import type { LaunchArguments } from './launch.ts';

export interface Disk {
  /** A path of the configuration, from `base` or the folder that it stands for. */
  absolute(path: string, base?: string): string;
  /** Throws where the file cannot be read. */
  read(path: string): Promise<string>;
}

/** The input that is named; undefined where it has to be asked for. Throws a sentence where a file is not what it should be. */
export async function launchedInput(
  launch: LaunchArguments,
  info: () => Promise<ForeignInfo>,
  disk: Disk,
): Promise<ForeignInput | undefined> {
  const { input, choices, random, stream, item, over } = launch;
  const more: Pick<ForeignInput, 'item' | 'stream' | 'over'> = {
    ...(item === undefined ? {} : { item }),
    ...(over === undefined ? {} : { over }),
    ...(stream === undefined ? {} : { stream: await ruleOf(stream, disk) }),
  };
  if (choices !== undefined) {
    const base = typeof choices === 'string' ? dirname(disk.absolute(choices)) : undefined;
    const given = typeof choices === 'string' ? await json<ForeignInput>(disk.absolute(choices), disk) : (choices as ForeignInput);
    return { ...withPaths(given, (path) => disk.absolute(path, base)), ...more };
  }
  if (input !== undefined) return { all: { kind: 'file', path: disk.absolute(input) }, ...more };
  if (random !== undefined) return { ...seeded((await info()).usual, random), ...more };
  return undefined;
}

/** The usual random numbers of a model, of another seed. */
export function seeded(usual: InputChoices, seed: number): InputChoices {
  const inputs = Object.entries(usual.inputs ?? {}).map(([name, choice]) => [
    name,
    choice.kind === 'random' ? { ...choice, seed: choice.seed + seed - 1 } : choice,
  ]);
  return { ...usual, inputs: Object.fromEntries(inputs) };
}

async function ruleOf(stream: NonNullable<LaunchArguments['stream']>, disk: Disk): Promise<StreamSettings | 'auto'> {
  if (stream === 'auto') return stream;
  return typeof stream === 'string' ? json<StreamSettings>(disk.absolute(stream), disk) : (stream as StreamSettings);
}

async function json<Content>(path: string, disk: Disk): Promise<Content> {
  const text = await disk.read(path).catch(() => {
    throw new Error(`There is no file ${path} that can be read.`);
  });
  try {
    return JSON.parse(text) as Content;
  } catch (error) {
    throw new Error(`${path} is no JSON: ${error instanceof Error ? error.message : error}.`);
  }
}

function withPaths(given: ForeignInput, absolute: (path: string) => string): ForeignInput {
  const placed = (choice: InputChoice): InputChoice =>
    choice.kind !== 'file'
      ? choice
      : {
          ...choice,
          path: absolute(choice.path),
          ...(choice.vocabulary === undefined ? {} : { vocabulary: absolute(choice.vocabulary) }),
        };
  return {
    ...given,
    ...(given.decoder === undefined ? {} : { decoder: { ...given.decoder, file: absolute(given.decoder.file) } }),
    ...(given.all === undefined ? {} : { all: placed(given.all) }),
    ...(given.inputs === undefined
      ? {}
      : { inputs: Object.fromEntries(Object.entries(given.inputs).map(([name, choice]) => [name, placed(choice)])) }),
  };
}
