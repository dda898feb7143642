// How a model that is made for one frame a call is run: streamed as the graph proposes it, called once, or by a rule of one's own.

import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as vscode from 'vscode';
import type { ForeignInfo, StreamSettings } from '../shared/foreign.ts';
import { pickOne } from './asking.ts';
import type { InputMemory } from './choose-input.ts';

export type Streaming =
  | { readonly kind: 'once' }
  | { readonly kind: 'streamed'; readonly rule: StreamSettings; readonly by: 'proposal' | 'own' }
  /** The rule is open as a file: one debugs again when it is right. */
  | { readonly kind: 'editing' };

export const streamingText = (streaming: Streaming): string =>
  streaming.kind !== 'streamed'
    ? 'One call'
    : streaming.by === 'own'
      ? 'Streamed by your rule: a timestep is a call'
      : 'Streamed as proposed: a timestep is a call';

/** How it was run the last time; else as proposed, where the model is made for calls of one frame. */
export async function streamingOf(info: ForeignInfo, kept: InputMemory): Promise<Streaming> {
  const { proposal, path } = info;
  if (proposal === undefined) return { kind: 'once' };
  const before = kept.memory.get<'once' | 'proposal' | 'own'>(keyOf(path)) ?? (isMadeForOneFrame(info) ? 'proposal' : 'once');
  if (before === 'once') return { kind: 'once' };
  const own = before === 'own' ? await ownRule(info, kept) : undefined;
  return own === undefined ? { kind: 'streamed', rule: ruleOf(proposal), by: 'proposal' } : { kind: 'streamed', rule: own, by: 'own' };
}

const keyOf = (file: string): string => `streaming:${file}`;

/** Its frames have a time axis, and the model takes one of them. */
function isMadeForOneFrame({ proposal, inputs }: ForeignInfo): boolean {
  return (proposal?.frames ?? []).every(({ input, axis }) => {
    const size = axis === undefined ? 1 : inputs.find(({ name }) => name === input)?.shape?.[axis];
    return size === 1;
  });
}

const ruleOf = ({ frames, state, constants }: StreamSettings): StreamSettings => ({
  frames,
  state: state.map(({ input, output, initial }) => ({ input, output, ...(initial === undefined ? {} : { initial }) })),
  constants,
});

/** Undefined where the person turned away. */
export async function chooseStreaming(info: ForeignInfo, now: Streaming, kept: InputMemory): Promise<Streaming | undefined> {
  const { proposal } = info;
  if (proposal === undefined) return now;
  const own = await ownRule(info, kept);
  const items: (vscode.QuickPickItem & { readonly streaming: Streaming })[] = [
    {
      label: '$(layers) Streamed as proposed',
      description: 'a timestep is a call',
      detail: proposal.reasons.join(' '),
      streaming: { kind: 'streamed', rule: ruleOf(proposal), by: 'proposal' },
    },
    {
      label: '$(debug-continue-small) One call',
      description: 'the input is what one call takes, states included',
      streaming: { kind: 'once' },
    },
    ...(own === undefined
      ? []
      : [
          {
            label: '$(json) Streamed by your rule',
            description: own.frames.map(({ input }) => input).join(', '),
            streaming: { kind: 'streamed', rule: own, by: 'own' } as const,
          },
        ]),
    {
      label: '$(edit) Edit the rule ...',
      description: 'as JSON; debug again when it is saved',
      streaming: { kind: 'editing' },
    },
  ];
  const item = await pickOne(items, {
    title: `${basename(info.path)} takes its state and gives it back`,
    placeHolder: 'How is it run?',
  });
  if (item === undefined) return undefined;
  const { streaming } = item;
  // What is edited is the rule from now on.
  await kept.memory.update(keyOf(info.path), streaming.kind === 'streamed' ? streaming.by : streaming.kind === 'once' ? 'once' : 'own');
  if (streaming.kind === 'editing') await editRule(info, kept);
  return streaming;
}

/** Beside other things that are remembered of the model. */
export const rulePath = (file: string, storage: string): string =>
  join(storage, 'streaming', createHash('sha256').update(file).digest('hex').slice(0, 12), `${basename(file)}.stream.json`);

/** The rule that was written for the model. Throws where it is no JSON. */
async function ownRule({ path }: ForeignInfo, { storage }: InputMemory): Promise<StreamSettings | undefined> {
  const file = rulePath(path, storage);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as StreamSettings;
  } catch (error) {
    void vscode.window.showWarningMessage(
      `${basename(file)} is no JSON (${error instanceof Error ? error.message : error}): the rule is left out.`,
    );
    return undefined;
  }
}

/** Opens the rule as a file: the one that was written, else the proposal. */
async function editRule(info: ForeignInfo, { storage }: InputMemory): Promise<void> {
  const file = rulePath(info.path, storage);
  if ((await readFile(file, 'utf8').catch(() => undefined)) === undefined) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${JSON.stringify(ruleOf(info.proposal!), undefined, 2)}\n`);
  }
  const document = await vscode.workspace.openTextDocument(file);
  await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.Beside });
  const saved = vscode.workspace.onDidSaveTextDocument(async (each) => {
    if (each.uri.fsPath !== file) return;
    const debug = 'Debug With It';
    const choice = await vscode.window.showInformationMessage(`The rule for ${basename(info.path)} is saved.`, debug);
    if (choice === debug) await vscode.commands.executeCommand('unroll.debug', vscode.Uri.file(info.path));
  });
  const closed = vscode.workspace.onDidCloseTextDocument((each) => {
    if (each.uri.fsPath !== file) return;
    saved.dispose();
    closed.dispose();
  });
}
