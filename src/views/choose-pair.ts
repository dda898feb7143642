// An encoder and its decoder, each in a file of its own: which file is the decoder, how the two fit together, what the decoder reads first and what ends it, and
// what the encoder runs on.

import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import type { DecoderInput, ForeignInfo, ForeignInput, PairSettings } from '../shared/foreign.ts';
import { askText, doneAsking, pickOne } from './asking.ts';
import { chooseInput, type InputMemory } from './choose-input.ts';

const keyOf = (file: string): string => `pair:${file}`;

/** Asks all of it; undefined where the person turned away. Throws a sentence where the two do not fit together at all. */
export async function choosePair(info: ForeignInfo, engine: () => Engine, kept: InputMemory): Promise<ForeignInput | undefined> {
  const last = kept.memory.get<DecoderInput>(keyOf(info.path));
  const file = await chooseDecoder(info.path, last?.file);
  if (file === undefined) return undefined;
  const before = last?.file === file ? last : undefined;
  try {
    const rule = await chooseRule(info.path, file, engine, before?.side ?? 'decoder');
    if (rule === undefined) return undefined;
    const decoder = await askDecoder(file, before);
    if (decoder === undefined) return undefined;
    const whole: DecoderInput = { ...decoder, ...rule };
    await kept.memory.update(keyOf(info.path), whole);
    // An encoder reads all at once, whatever it may look like.
    const { proposal: _, ...once } = info;
    const input = await chooseInput(once, engine, kept);
    if (input === undefined) return undefined;
    const { stream: __, over: ___, ...choices } = input;
    return { ...choices, decoder: whole };
  } finally {
    doneAsking();
  }
}

async function chooseDecoder(encoder: string, before: string | undefined): Promise<string | undefined> {
  const [uri] =
    (await vscode.window.showOpenDialog({
      title: `The decoder of ${basename(encoder)}`,
      openLabel: 'Debug Together',
      filters: { 'ONNX models': ['onnx'] },
      defaultUri: vscode.Uri.file(before ?? dirname(encoder)),
    })) ?? [];
  return uri?.fsPath;
}

/** The proposed rule (nothing is kept then), or one in a file. */
async function chooseRule(
  encoder: string,
  decoder: string,
  engine: () => Engine,
  before: 'encoder' | 'decoder',
): Promise<Pick<DecoderInput, 'rule' | 'side'> | undefined> {
  const { reasons } = await engine().request('pairProposal', { encoder, decoder });
  let side = before;
  const items = (): (vscode.QuickPickItem & { readonly act?: 'proposed' | 'own' | 'side' })[] => [
    { label: '$(link) As the two files propose it', act: 'proposed' },
    { label: '$(json) By a rule of my own ...', description: 'a file of JSON: token, scores, given, state', act: 'own' },
    {
      label: `$(list-tree) ${side === 'decoder' ? 'A timestep is a call of the decoder' : 'A timestep is a step of the encoder'}`,
      description: 'choose otherwise',
      act: 'side',
    },
    { label: 'What they propose', kind: vscode.QuickPickItemKind.Separator },
    ...reasons.map((label) => ({ label })),
  ];
  for (;;) {
    const item = await pickOne(items(), { title: `${basename(encoder)} and ${basename(decoder)}` });
    if (item === undefined) return undefined;
    if (item.act === 'side') side = side === 'decoder' ? 'encoder' : 'decoder';
    else if (item.act === 'own') {
      const [uri] = (await vscode.window.showOpenDialog({ title: 'The rule', filters: { JSON: ['json'] } })) ?? [];
      if (uri !== undefined) return { rule: await ruleIn(uri.fsPath), side };
    } else return { side };
  }
}

async function ruleIn(path: string): Promise<PairSettings> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as PairSettings;
  } catch (error) {
    throw new Error(`${path} is no JSON: ${error instanceof Error ? error.message : error}.`);
  }
}

const isIds = (text: string): boolean => /^\s*\d+([\s,]+\d+)*\s*$/.test(text);
const isId = (text: string): boolean => /^\s*\d{1,9}\s*$/.test(text);

async function askDecoder(file: string, before: DecoderInput | undefined): Promise<DecoderInput | undefined> {
  const title = basename(file);
  const isEmpty = (text: string): boolean => text.trim() === '';
  const begin = await askText({
    title,
    prompt: 'The id that the decoder reads first',
    value: String(before?.begin ?? 1),
    fault: (text) => (isId(text) ? undefined : 'An id of its vocabulary, such as 1.'),
  });
  if (begin === undefined) return undefined;
  const end = await askText({
    title,
    prompt: 'The id after which a row is over; empty where there is none',
    value: before === undefined ? '2' : String(before.end ?? ''),
    fault: (text) => (isEmpty(text) || isId(text) ? undefined : 'An id of its vocabulary, such as 2, or nothing.'),
  });
  if (end === undefined) return undefined;
  const length = await askText({
    title,
    prompt: 'Calls of the decoder at most',
    value: String(before?.length ?? 50),
    fault: (text) => (isId(text) && Number(text) > 0 ? undefined : 'A whole number from 1, such as 50.'),
  });
  if (length === undefined) return undefined;
  const tokens = await askText({
    title,
    prompt: 'Ids that it reads instead of its own choices; empty: each call reads what the one before chose',
    value: before?.tokens?.join(', ') ?? '',
    fault: (text) => (isEmpty(text) || isIds(text) ? undefined : 'Ids of its vocabulary, such as 4, 9, 2, or nothing.'),
  });
  if (tokens === undefined) return undefined;
  return {
    file,
    begin: Number(begin),
    length: Number(length),
    ...(isEmpty(end) ? {} : { end: Number(end) }),
    ...(isEmpty(tokens)
      ? {}
      : {
          tokens: tokens
            .trim()
            .split(/[\s,]+/)
            .map(Number),
        }),
  };
}
