// What a model of others is run on: as last time, random numbers, zeros, a file, or something of its own for each input. One list, the last
// choice on top; what a choice leaves open is asked after it.

import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import { type ForeignInfo, type ForeignInput, type ForeignPort, stepChoices } from '../shared/foreign.ts';
import type { InputChoice, InputChoices } from '../shared/inputs.ts';
import { askText, doneAsking, pickOne } from './asking.ts';
import { askNeeds, TurnedAway } from './input-needs.ts';
import { choiceText, inputText, kindsText, ownChoice, readableFiles, usualWith, zeros } from './input-texts.ts';
import { chooseStreaming, type Streaming, streamingOf, streamingText } from './streaming-choice.ts';

export interface InputMemory {
  readonly memory: vscode.Memento;
  /** Where rules of one's own are kept. */
  readonly storage: string;
}

interface Item extends vscode.QuickPickItem {
  readonly act?: 'last' | 'random' | 'zeros' | 'file' | 'each' | 'streaming' | 'over';
}

/** What the file was run on the last time. */
export const lastInput = (file: string, memory: vscode.Memento): ForeignInput | undefined => memory.get<ForeignInput>(keyOf(file));

export const rememberInput = async (file: string, input: ForeignInput, memory: vscode.Memento): Promise<void> =>
  memory.update(keyOf(file), input);

const keyOf = (file: string): string => `input:${file}`;

/** Asks what a model is run on; undefined where the person turned away. */
export async function chooseInput(info: ForeignInfo, engine: () => Engine, kept: InputMemory): Promise<ForeignInput | undefined> {
  const { memory } = kept;
  const last = lastInput(info.path, memory);
  let streaming: Streaming = await streamingOf(info, kept);
  let over = last?.over;
  try {
    for (;;) {
      const item = await pickOne(firstItems(info, last, streaming, over), {
        title: `${basename(info.path)} runs on ...`,
        placeHolder: 'An input to step through',
      });
      if (item?.act === undefined) return undefined;
      if (item.act === 'streaming') {
        streaming = (await chooseStreaming(info, streaming, kept)) ?? streaming;
        if (streaming.kind === 'editing') return undefined;
        continue;
      }
      if (item.act === 'over') {
        over = await chooseOver(info, over);
        continue;
      }
      const found = item.act === 'last' ? last : await chosen(item.act, info, streaming, engine);
      if (found === undefined) continue;
      const input = withOver(found, over);
      await rememberInput(info.path, input, memory);
      return input;
    }
  } catch (error) {
    if (error instanceof TurnedAway) return undefined;
    throw error;
  } finally {
    doneAsking();
  }
}

function firstItems(info: ForeignInfo, last: ForeignInput | undefined, streaming: Streaming, over: string | undefined): Item[] {
  const fed = fedPorts(info, streaming);
  return [
    ...(last === undefined ? [] : [{ label: `$(history) ${inputText(last)}`, description: 'as last time', act: 'last' as const }]),
    separator('Made here'),
    {
      label: '$(symbol-numeric) Random numbers',
      description: streaming.kind === 'streamed' ? 'for 32 calls' : 'of a seed: the same each time',
      act: 'random',
    },
    { label: '$(circle-large-outline) Zeros', act: 'zeros' },
    separator('A real input'),
    { label: '$(file) Choose a file ...', description: kindsText, act: 'file' },
    ...(fed.length < 2
      ? []
      : [
          {
            label: '$(list-unordered) Each input by itself ...',
            description: fed.map(({ name }) => name).join(', '),
            act: 'each' as const,
          },
        ]),
    ...(info.proposal === undefined && stepChoices(info.parts).length < 2 ? [] : [separator('How it is run')]),
    ...(stepChoices(info.parts).length < 2
      ? []
      : [{ label: `$(list-tree) ${overText(over)}`, description: 'choose otherwise', act: 'over' as const }]),
    ...(info.proposal === undefined
      ? []
      : [{ label: `$(layers) ${streamingText(streaming)}`, description: 'choose otherwise', act: 'streaming' as const }]),
  ];
}

const overText = (over: string | undefined): string =>
  over === undefined ? 'A timestep is a step of the recurrence' : `A timestep is one of ${over}`;

/** Another thing that is stepped over has other sequences. */
function withOver({ over: before, item, ...input }: ForeignInput, over: string | undefined): ForeignInput {
  return { ...input, ...(item === undefined || before !== over ? {} : { item }), ...(over === undefined ? {} : { over }) };
}

/** What is stepped over, of recurrences that stand inside another axis. */
async function chooseOver(info: ForeignInfo, now: string | undefined): Promise<string | undefined> {
  const items: (vscode.QuickPickItem & { readonly over?: string })[] = [
    { label: overText(undefined), description: now === undefined ? 'as now' : '' },
    ...stepChoices(info.parts).map(({ over, text }) => ({
      label: overText(over),
      description: over === now ? 'as now' : '',
      detail: text,
      over,
    })),
  ];
  const item = await pickOne(items, { title: `${basename(info.path)}: what is a timestep?` });
  return item === undefined ? now : item.over;
}

const separator = (label: string): Item => ({ label, kind: vscode.QuickPickItemKind.Separator });

/** The inputs that are chosen for: of a model that is streamed, its frames; states and constants are the rule's. */
export function fedPorts(info: ForeignInfo, streaming: Streaming): readonly ForeignPort[] {
  if (streaming.kind !== 'streamed') return info.inputs;
  const frames = new Set(streaming.rule.frames.map(({ input }) => input));
  return info.inputs.filter(({ name }) => frames.has(name));
}

async function chosen(
  act: 'random' | 'zeros' | 'file' | 'each',
  info: ForeignInfo,
  streaming: Streaming,
  engine: () => Engine,
): Promise<ForeignInput | undefined> {
  const ports = fedPorts(info, streaming);
  const choices = await firstChoices(act, info, ports, engine);
  if (choices === undefined) return undefined;
  const rule = streaming.kind === 'streamed' ? streaming.rule : undefined;
  const asked = await askNeeds(info, choices, ports, engine(), rule);
  return { ...asked, ...(rule === undefined ? {} : { stream: rule }) };
}

async function firstChoices(
  act: 'random' | 'zeros' | 'file' | 'each',
  info: ForeignInfo,
  ports: readonly ForeignPort[],
  engine: () => Engine,
): Promise<InputChoices | undefined> {
  const named = (choose: (port: ForeignPort) => InputChoice): InputChoices => ({
    inputs: Object.fromEntries(ports.map((port) => [port.name, choose(port)])),
  });
  if (act === 'random') {
    const seed = await askSeed();
    return seed === undefined ? undefined : named(({ name }) => usualWith(info.usual, name, seed));
  }
  if (act === 'zeros') return named(({ name }) => zeros(info.usual, name));
  const usual = named(({ name, type }) => ownChoice(info.usual, name, type));
  if (act === 'each') return chooseEach(info, ports, usual, engine);
  const path = await chooseFile(`An input for ${basename(info.path)}`, info);
  if (path === undefined) return undefined;
  const file: InputChoice = { kind: 'file', path };
  if (ports.length === 1) return named(() => file);
  // Such a file has an array for each input.
  if (/\.(npz|json)$/i.test(path)) return { all: file };
  const [first] = ports;
  return chooseEach(info, ports, { ...usual, inputs: { ...usual.inputs, [first!.name]: file } }, engine);
}

/** One list of the inputs with what each is given; the first entry runs. */
async function chooseEach(
  info: ForeignInfo,
  ports: readonly ForeignPort[],
  given: InputChoices,
  engine: () => Engine,
): Promise<InputChoices | undefined> {
  let choices = given;
  let active: string | undefined;
  for (;;) {
    const items = [
      { label: '$(play) Run', description: 'with these inputs' },
      { label: 'Inputs', kind: vscode.QuickPickItemKind.Separator },
      ...ports.map((port) => ({
        label: port.name,
        description: `${port.type} ${shapeOf(port)}`,
        detail: choiceText(choices.inputs?.[port.name]),
        port,
      })),
    ] as (vscode.QuickPickItem & { readonly port?: ForeignPort })[];
    const item = await pickOne(items, {
      title: `${basename(info.path)}: its inputs`,
      placeHolder: 'Enter changes what an input is given',
      ...(active === undefined ? {} : { active }),
    });
    if (item === undefined) return undefined;
    if (item.port === undefined) return choices;
    active = item.port.name;
    const choice: InputChoice | undefined = await chooseOne(info, item.port, choices.inputs?.[item.port.name], engine);
    if (choice !== undefined) choices = { ...choices, inputs: { ...choices.inputs, [item.port.name]: choice } };
  }
}

const shapeOf = ({ shape }: ForeignPort): string => (shape === undefined ? '' : `[${shape.join(', ')}]`);

async function chooseOne(
  info: ForeignInfo,
  { name, type }: ForeignPort,
  before: InputChoice | undefined,
  engine: () => Engine,
): Promise<InputChoice | undefined> {
  const dimensions = (await engine().request('inputNeeds', { file: info.path, choices: { all: { kind: 'zeros' } } })).dimensions;
  const items = [
    { label: '$(file) A file ...', description: kindsText, act: 'file' as const },
    { label: '$(symbol-numeric) Random numbers', act: 'random' as const },
    { label: '$(circle-large-outline) Zeros', act: 'zeros' as const },
    { label: '$(symbol-constant) One number', description: 'everywhere', act: 'constant' as const },
    { label: '$(graph-line) A ramp', description: '0, 1, 2, ...', act: 'ramp' as const },
    ...(dimensions.length === 0
      ? []
      : [
          {
            label: '$(symbol-ruler) The size of a dimension',
            description: dimensions.map(({ key }) => key).join(', '),
            act: 'size' as const,
          },
        ]),
  ];
  const item = await pickOne(items, {
    title: `${name}, ${type}`,
    placeHolder: before === undefined ? 'What is it given?' : `Now: ${choiceText(before)}`,
  });
  switch (item?.act) {
    case 'file': {
      const path = await chooseFile(`A file for ${name}`, info);
      return path === undefined ? undefined : { kind: 'file', path };
    }
    case 'random': {
      const seed = await askSeed();
      return seed === undefined ? undefined : usualWith(info.usual, name, seed, true);
    }
    case 'zeros':
      return { kind: 'zeros' };
    case 'ramp':
      return { kind: 'ramp' };
    case 'constant': {
      const text = await askText({
        title: name,
        prompt: 'The number that stands everywhere',
        value: before?.kind === 'constant' ? String(before.value) : '0',
        fault: (each) => (each.trim() !== '' && Number.isFinite(Number(each)) ? undefined : 'A number, such as 16000 or 0.5.'),
      });
      if (text === undefined) return undefined;
      // A whole number beyond 2^53 is its text.
      return { kind: 'constant', value: /^-?\d{16,}$/.test(text.trim()) ? text.trim() : Number(text) };
    }
    case 'size': {
      const of = await pickOne(
        dimensions.map(({ key }) => ({ label: key })),
        { title: `${name} is the size of ...` },
      );
      return of === undefined ? undefined : { kind: 'size', of: of.label };
    }
    default:
      return undefined;
  }
}

async function askSeed(): Promise<number | undefined> {
  const text = await askText({
    title: 'Random numbers',
    prompt: 'The seed: the same seed gives the same numbers',
    value: '1',
    fault: (each) => (/^\d{1,9}$/.test(each.trim()) ? undefined : 'A whole number from 0, such as 1.'),
  });
  return text === undefined ? undefined : Number(text);
}

async function chooseFile(title: string, { path }: ForeignInfo): Promise<string | undefined> {
  const defaultUri = vscode.Uri.file(dirname(path));
  const [uri] = (await vscode.window.showOpenDialog({ title, openLabel: 'Run on This', filters: readableFiles, defaultUri })) ?? [];
  return uri?.fsPath;
}
