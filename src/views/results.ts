// What a trained run is good for outside: an ONNX model, and a text that it writes.

import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import { numberText } from '../shared/numbers.ts';

/** Asks where, and writes the run's model as ONNX. */
export async function exportModel(run: string, engine: Engine): Promise<void> {
  const target = await vscode.window.showSaveDialog({
    title: `Export ${basename(run)} as ONNX`,
    defaultUri: vscode.Uri.file(join(run, '..', '..', `${basename(run)}.onnx`)),
    filters: { 'ONNX model': ['onnx'] },
  });
  if (target === undefined) return;
  const { operators, bytes } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Exporting ${basename(run)} ...` },
    () => engine.request('export', { run, out: target.fsPath }),
  );
  const size = bytes < 1e6 ? `${numberText(Math.round(bytes / 1e3))} kB` : `${numberText(bytes / 1e6)} MB`;
  const reveal = 'Reveal in Explorer';
  const choice = await vscode.window.showInformationMessage(
    `${basename(target.fsPath)} is written: ${operators.join(', ')}; ${size}.`,
    reveal,
  );
  if (choice === reveal) await vscode.commands.executeCommand('revealInExplorer', target);
}

/** Lets the run write, and shows it in the output channel. */
export async function generateText(run: string, engine: Engine, output: vscode.OutputChannel): Promise<void> {
  const { text } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `${basename(run)} writes ...` },
    () => engine.request('generate', { run }),
  );
  output.appendLine(`── ${basename(run)}\n${text}\n`);
  output.show(true);
}
