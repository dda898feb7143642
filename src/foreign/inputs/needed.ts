// What a file leaves open for an input: what a person is asked before it is read.

import { openTable } from '../../data/table-rows.ts';
import type { FileChoice } from '../../shared/inputs.ts';
import { openArrays } from './array-files.ts';
import { asInputError, withFile } from './bytes.ts';
import { numberOf } from './elements.ts';
import { InputError } from './errors.ts';
import { layoutOf } from './image.ts';
import { type FileKind, kindOf } from './kinds.ts';
import { isObject, isRecords, readJson } from './nested.ts';
import { dimensionKey, type Port } from './ports.ts';
import { beginsWithNumbers } from './table.ts';
import { waveFormat } from './wave.ts';

export type FileOption = Exclude<keyof FileChoice, 'kind' | 'path'>;

export interface NeededOption {
  readonly option: FileOption;
  readonly question: string;
  /** What there is to choose from. */
  readonly choices?: readonly string[];
  /** What it most likely is; as the option is written. */
  readonly suggestion?: FileChoice[FileOption];
  /** It may stay open. */
  readonly optional?: boolean;
}

/** What has to be asked before a file is read for an input; `streamed`: it is cut into one frame a call. Throws InputError where the file cannot be it. */
export async function neededOptions(port: Port, path: string, streamed = false): Promise<readonly NeededOption[]> {
  const { kind } = await withFile(path, kindOf);
  return asked[kind](port, path, streamed);
}

const nothing = async (): Promise<readonly NeededOption[]> => [];

const asked: Readonly<Record<FileKind, (port: Port, path: string, streamed: boolean) => Promise<readonly NeededOption[]>>> = {
  npy: nothing,
  npz: async (port, path) => arrayQuestion(port, (await openArrays(path, {}, () => false)).names),
  json: async (port, path) => {
    const value = await readJson(path, {});
    if (isObject(value)) return arrayQuestion(port, Object.keys(value));
    if (!isRecords(value)) return [];
    const [first] = value;
    return columnQuestion(port, Object.keys(first!), Object.values(first!));
  },
  table: (port, path) =>
    asInputError(async () => {
      const table = await openTable(path, { chunk: 2 ** 16 });
      try {
        return columnQuestion(port, table.columns, table.first);
      } finally {
        await table.close();
      }
    }),
  wave: waveQuestions,
  text: async (port, path) => {
    if (await beginsWithNumbers(path)) return [];
    return [
      { option: 'vocabulary', question: `Which file has the ids of the tokens for ${port.name}?` },
      { option: 'by', question: 'How is the text cut?', choices: ['char', 'word'], suggestion: 'char' },
      { option: 'unknown', question: 'Which token stands for those that the vocabulary lacks?', optional: true },
    ];
  },
  image: async (port) => {
    try {
      layoutOf(port, {});
      return [];
    } catch (error) {
      if (!(error instanceof InputError) || (port.shape?.length ?? 0) < 3) throw error;
      return [{ option: 'layout', question: `Where are the channels of ${port.name}?`, choices: ['channels-first', 'channels-last'] }];
    }
  },
};

function arrayQuestion(port: Port, names: readonly string[]): readonly NeededOption[] {
  if (names.length <= 1 || names.includes(port.name)) return [];
  const near = names.find((name) => name.toLowerCase() === port.name.toLowerCase());
  return [
    {
      option: 'array',
      question: `Which array is ${port.name}?`,
      choices: names,
      ...(near === undefined ? {} : { suggestion: near }),
    },
  ];
}

function columnQuestion(port: Port, columns: readonly string[], cells: readonly unknown[]): readonly NeededOption[] {
  const wanted = lastSize(port);
  const numeric = columns.filter((_, k) => isNumber(cells[k]));
  if (numeric.length === columns.length && (wanted === undefined || wanted === columns.length)) return [];
  return [
    {
      option: 'columns',
      question: `Which columns are ${port.name}${wanted === undefined ? '' : ` (${wanted})`}?`,
      choices: columns,
      ...(wanted === undefined || wanted === numeric.length ? { suggestion: numeric } : {}),
    },
  ];
}

const isNumber = (cell: unknown): boolean =>
  typeof cell === 'number' ||
  typeof cell === 'boolean' ||
  Array.isArray(cell) ||
  (typeof cell === 'string' && numberOf(cell) !== undefined);

/** The size of the last axis, where it is fixed. */
function lastSize(port: Port): number | undefined {
  const axis = (port.shape?.length ?? 0) - 1;
  return axis < 0 || dimensionKey(port, axis) !== undefined ? undefined : (port.shape![axis] as number);
}

/** Samples of a frame where the model does not say how many it takes: what models of speech mostly do. */
const USUAL_FRAME = 512;

/** Of sound that is streamed to an input which does not say how many samples it takes. */
export async function assumedFrame(port: Port, path: string): Promise<number | undefined> {
  const { kind } = await withFile(path, kindOf);
  return kind === 'wave' && lastSize(port) === undefined ? USUAL_FRAME : undefined;
}

async function waveQuestions(port: Port, path: string, streamed: boolean): Promise<readonly NeededOption[]> {
  const { rate, channels } = await withFile(path, waveFormat);
  const width = lastSize(port);
  const questions: NeededOption[] = [
    { option: 'rate', question: 'How many samples a second does the model expect?', suggestion: rate, optional: true },
  ];
  if (channels > 1)
    questions.push({
      option: 'channel',
      question: `Which of the ${channels} channels? All are averaged if none is chosen.`,
      optional: true,
    });
  if (width === undefined && streamed)
    return [
      ...questions,
      { option: 'frame', question: 'How many samples has a frame, without its context? The model does not say.', suggestion: USUAL_FRAME },
      { option: 'context', question: 'How many samples before a frame stand in it too?', suggestion: 0, optional: true },
      { option: 'hop', question: 'How many samples from one frame to the next? As many as it has, if none is chosen.', optional: true },
    ];
  if (width === undefined || width === 1) return questions;
  // 257 magnitudes come from 512 samples, 64 + 512 samples are a context and a frame.
  const isSpectrum = isPower(width - 1) && width > 32;
  const frame = isSpectrum ? 2 * (width - 1) : 2 ** Math.floor(Math.log2(width));
  const context = isSpectrum ? 0 : width - frame;
  const isEven = isSpectrum || 8 * context === frame;
  return [
    ...questions,
    {
      option: 'frame',
      question: 'How many samples has a frame, without its context?',
      suggestion: isEven || context === 0 ? frame : width,
    },
    { option: 'context', question: 'How many samples before a frame stand in it too?', suggestion: isEven ? context : 0, optional: true },
    {
      option: 'hop',
      question: 'How many samples from one frame to the next?',
      suggestion: isSpectrum ? frame / 4 : isEven || context === 0 ? frame : width,
      optional: true,
    },
    {
      option: 'spectrum',
      question: 'Does the model take samples, or magnitudes of their Fourier transform?',
      choices: ['magnitude', 'power'],
      optional: true,
      ...(isSpectrum ? { suggestion: 'magnitude' as const } : {}),
    },
  ];
}

const isPower = (value: number): boolean => value > 0 && Number.isInteger(Math.log2(value));
