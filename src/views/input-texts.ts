// Choices of inputs in words, and the usual ones.

import { basename } from 'node:path';
import type { ForeignInput } from '../shared/foreign.ts';
import type { InputChoice, InputChoices } from '../shared/inputs.ts';

/** Kinds of files that are read, as a dialog wants them. */
export const readableFiles: Readonly<Record<string, string[]>> & Record<string, string[]> = {
  'All kinds that are read': [
    'npy',
    'npz',
    'csv',
    'tsv',
    'json',
    'jsonl',
    'ndjson',
    'txt',
    'text',
    'dat',
    'wav',
    'wave',
    'png',
    'jpg',
    'jpeg',
  ],
  'Arrays of NumPy': ['npy', 'npz'],
  Tables: ['csv', 'tsv', 'json', 'jsonl', 'ndjson'],
  Sound: ['wav', 'wave'],
  Texts: ['txt', 'text', 'dat'],
  Images: ['png', 'jpg', 'jpeg'],
};

export const kindsText = '.npy .npz .csv .json .txt .wav .png .jpg';

/** `noise.wav, streamed`, `random numbers of seed 1, B = 2`. */
export function inputText({ all, inputs, dimensions, stream, item, over }: ForeignInput): string {
  const each = [...(all === undefined ? [] : [all]), ...Object.values(inputs ?? {})];
  const kinds = [...new Set(each.map((choice) => (choice.kind === 'random' ? 'random numbers' : choiceText(choice))))];
  const seeds = each.flatMap((choice) => (choice.kind === 'random' ? [choice.seed] : []));
  const sizes = Object.entries(dimensions ?? {}).map(([name, size]) => `${name} = ${size}`);
  return [
    kinds.length > 3 ? `${kinds.slice(0, 3).join(', ')} ...` : kinds.join(', ') || 'nothing',
    ...(seeds.length > 0 ? [`seed ${Math.min(...seeds)}`] : []),
    ...sizes,
    ...(stream === undefined ? [] : ['streamed']),
    ...(over === undefined ? [] : [`over ${over}`]),
    ...(item === undefined || item === 0 ? [] : [`sequence ${item}`]),
  ].join(', ');
}

export function choiceText(choice: InputChoice | undefined): string {
  switch (choice?.kind) {
    case undefined:
      return 'nothing yet';
    case 'file':
      return `${basename(choice.path)}${choice.array === undefined ? '' : `, ${choice.array}`}`;
    case 'zeros':
      return 'zeros';
    case 'constant':
      return String(choice.value);
    case 'ramp':
      return 'a ramp';
    case 'size':
      return `size of ${choice.of}`;
    case 'random':
      return `random numbers of seed ${choice.seed}`;
  }
}

/** What is usual for an input, with another seed than 1. Lengths stay what they are, unless random numbers are wished for. */
export function usualWith(usual: InputChoices, name: string, seed: number, always = false): InputChoice {
  const choice = usual.inputs?.[name];
  if (choice?.kind === 'random') return { ...choice, seed: choice.seed + seed - 1 };
  return choice === undefined || always ? { kind: 'random', seed } : choice;
}

/** Zeros, save for what counts something: a length of 0 is no sequence. */
export function zeros(usual: InputChoices, name: string): InputChoice {
  const choice = usual.inputs?.[name];
  return choice?.kind === 'constant' || choice?.kind === 'size' ? choice : { kind: 'zeros' };
}

/** Beside a real input: whole numbers as usual, floats zero, as states start. */
export const ownChoice = (usual: InputChoices, name: string, type: string): InputChoice =>
  /float|double/.test(type) ? { kind: 'zeros' } : (usual.inputs?.[name] ?? { kind: 'zeros' });

/** `B = 2, T = 12` by the keys that are asked for, which may be any text; a sentence where one is missing. */
export function readSizes(text: string, keys: readonly string[]): Record<string, number> | string {
  const sizes: Record<string, number> = {};
  for (const key of keys) {
    const literal = key.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const size = Number(new RegExp(`(?:^|,)\\s*${literal}\\s*=\\s*(\\d+)\\s*(?=,|$)`).exec(text)?.[1]);
    if (!Number.isSafeInteger(size) || size < 1)
      return `How large is ${key}? Write ${key} = 1, or more${keys.length > 1 ? ', with commas between' : ''}.`;
    sizes[key] = size;
  }
  return sizes;
}
