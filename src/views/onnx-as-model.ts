// Recurrent layers of an ONNX model as a model of one's own: a source, the data that they read and gave, and a run with their weights.

import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import type { ForeignInfo, PartInfo } from '../shared/foreign.ts';
import { doneAsking, pickOne } from './asking.ts';
import { chooseInput, type InputMemory } from './choose-input.ts';
import { isCancelled } from './onnx-editor.ts';

/** Asks which layers, on what input, and where to; opens the source. */
export async function openAsModel(info: ForeignInfo, engine: () => Engine, kept: InputMemory): Promise<void> {
  if (info.parts.length === 0) throw new Error(`Nothing in ${basename(info.path)} is recurrent and can be replayed.`);
  const part = await choosePart(info);
  const input = part === undefined ? undefined : await chooseInput(info, engine, kept);
  if (part === undefined || input === undefined) return;
  const [folder] =
    (await vscode.window.showOpenDialog({
      title: `${part.name} of ${basename(info.path)} as a model: in which folder?`,
      openLabel: 'Write Here',
      canSelectFiles: false,
      canSelectFolders: true,
      defaultUri: vscode.Uri.file(dirname(info.path)),
    })) ?? [];
  if (folder === undefined) return;
  const abort = new AbortController();
  const request = { file: info.path, input, part: part.name, folder: folder.fsPath };
  const progress = { location: vscode.ProgressLocation.Notification, title: `Running ${basename(info.path)} ...`, cancellable: true };
  const made = await vscode.window
    .withProgress(progress, (_, token) => {
      token.onCancellationRequested(() => abort.abort());
      return engine().request('openAsModel', request, undefined, abort.signal);
    })
    .then(undefined, (error: unknown) => {
      if (isCancelled(error)) return undefined;
      throw error;
    });
  if (made === undefined) return;
  await vscode.window.showTextDocument(vscode.Uri.file(made.file));
  await vscode.commands.executeCommand('unroll.refreshRuns');
  const resume = 'Train It On';
  const said = [`${basename(made.file)} has the layers and their weights, and what they read and gave as its data.`, ...made.remarks];
  const choice = await vscode.window.showInformationMessage(said.join(' '), resume);
  if (choice === resume) await vscode.commands.executeCommand('unroll.resumeTraining', made.run);
}

async function choosePart({ parts, path }: ForeignInfo): Promise<PartInfo | undefined> {
  if (parts.length === 1) return parts[0];
  const items = parts.map((part) => ({
    label: part.name,
    description: `${part.kind.toUpperCase()}, ${part.layers === 1 ? 'one layer' : `${part.layers} layers`}, ${part.hidden ?? '?'} units`,
    part,
  }));
  const item = await pickOne(items, { title: `${basename(path)} as a model`, placeHolder: 'Which layers?' });
  // The next question stands in its place; where there is none, it goes.
  if (item === undefined) doneAsking();
  return item?.part;
}
