// What choices leave open is asked: sizes of dimensions in one line, options of files one by one.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import type { ForeignInfo, ForeignPort, InputNeed, InputNeeds, StreamSettings } from '../shared/foreign.ts';
import type { FileChoice, InputChoices } from '../shared/inputs.ts';
import { askText, pickOne, pickSeveral } from './asking.ts';
import { readSizes } from './input-texts.ts';

/** The person left a question. */
export class TurnedAway extends Error {}

/** The choices with nothing left open. Only the given inputs are asked about. Throws TurnedAway, and the engine's error where a file cannot be the input. */
export async function askNeeds(
  info: ForeignInfo,
  choices: InputChoices,
  ports: readonly ForeignPort[],
  engine: Engine,
  stream?: StreamSettings,
): Promise<InputChoices> {
  const streamed = stream === undefined ? {} : { stream };
  const needs = await engine.request('inputNeeds', { file: info.path, choices: { ...choices, ...streamed } });
  const names = new Set(ports.map(({ name }) => name));
  let answered = choices;
  for (const need of needs.options) {
    if (!names.has(need.input)) continue;
    const value = await askOption(need);
    if (value !== undefined) answered = withOption(answered, need, value);
  }
  const open = needs.dimensions.filter(({ inputs }) => inputs.some((input) => names.has(input)));
  const sizes = open.length === 0 ? {} : await askSizes(info, open);
  const dimensions = { ...answered.dimensions, ...sizes };
  return { ...answered, ...(Object.keys(dimensions).length === 0 ? {} : { dimensions }) };
}

type Value = string | number | boolean | readonly string[];

/** Of an input's own choice, else of the one for all. */
function withOption(choices: InputChoices, { input, option }: InputNeed, value: Value): InputChoices {
  const own = choices.inputs?.[input];
  const before = own ?? choices.all;
  if (before?.kind !== 'file') return choices;
  const changed = { ...before, [option]: value } as FileChoice;
  return own === undefined && option !== 'array'
    ? { ...choices, all: changed }
    : { ...choices, inputs: { ...choices.inputs, [input]: changed } };
}

const sizesText = (sizes: readonly (readonly [string, number])[]): string => sizes.map(([key, size]) => `${key} = ${size}`).join(', ');

async function askSizes({ path, usual }: ForeignInfo, open: InputNeeds['dimensions']): Promise<Record<string, number>> {
  const suggested = open.map(({ key, suggestion }) => [key, suggestion ?? usual.dimensions?.[key] ?? 12] as const);
  const text = await askText({
    title: `${basename(path)}: sizes that the model leaves open`,
    prompt: open.map(({ key, inputs }) => `${key} of ${inputs.join(', ')}`).join('; '),
    value: sizesText(suggested),
    fault: (each) => {
      const read = readSizes(
        each,
        open.map(({ key }) => key),
      );
      return typeof read === 'string' ? read : undefined;
    },
  });
  if (text === undefined) throw new TurnedAway();
  const sizes = readSizes(
    text,
    open.map(({ key }) => key),
  );
  return typeof sizes === 'string' ? Object.fromEntries(suggested) : sizes;
}

const numbers = new Set(['rate', 'channel', 'frame', 'hop', 'context']);

/** Undefined where it stays open. Throws TurnedAway. */
async function askOption(need: InputNeed): Promise<Value | undefined> {
  const { input, option, question, choices, suggestion, optional } = need;
  const title = `${input}: ${option}`;
  if (option === 'vocabulary') {
    const [uri] = (await vscode.window.showOpenDialog({ title: question, openLabel: 'Take This' })) ?? [];
    if (uri === undefined) throw new TurnedAway();
    return uri.fsPath;
  }
  if (option === 'columns' && choices !== undefined) return askColumns(title, question, choices, suggestion);
  if (choices !== undefined) {
    const listed = [...choices].sort((a, b) => Number(b === suggestion) - Number(a === suggestion));
    const items = [
      ...listed.map((label) => ({ label, value: label as string | undefined })),
      ...(optional ? [{ label: 'Neither', description: 'as it is', value: undefined }] : []),
    ];
    const ordered = optional && suggestion === undefined ? [...items.slice(-1), ...items.slice(0, -1)] : items;
    const item = await pickOne(ordered, { title, placeHolder: question });
    if (item === undefined) throw new TurnedAway();
    return item.value;
  }
  const text = await askText({
    title,
    prompt: `${question}${optional ? ' Leave it empty if it does not matter.' : ''}`,
    value: suggestion === undefined ? '' : String(suggestion),
    fault: (each) => {
      if (each.trim() === '') return optional ? undefined : 'This has to be said.';
      return numbers.has(option) && !/^\d+$/.test(each.trim()) ? 'A whole number.' : undefined;
    },
  });
  if (text === undefined) throw new TurnedAway();
  if (text.trim() === '') return undefined;
  return numbers.has(option) ? Number(text) : text;
}

async function askColumns(
  title: string,
  question: string,
  columns: readonly string[],
  suggestion: InputNeed['suggestion'],
): Promise<readonly string[]> {
  const picked = new Set(Array.isArray(suggestion) ? suggestion.map(String) : columns);
  const items = columns.map((label) => ({ label, picked: picked.has(label) }));
  const chosen = await pickSeveral(items, { title, placeHolder: question });
  if (chosen === undefined || chosen.length === 0) throw new TurnedAway();
  return chosen.map(({ label }) => label);
}
