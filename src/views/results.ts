// What a trained run is good for outside: a file for other programs, and a text that it writes.

import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import type { ExportFormat } from '../engine/requests.ts';
import { sourceText } from '../engine/source-text.ts';
import { numberText } from '../shared/numbers.ts';
import { askForSource } from './ask-source.ts';

interface Format {
  readonly format: ExportFormat;
  readonly name: string;
  readonly icon: string;
  readonly detail: string;
}

const formats: readonly Format[] = [
  {
    format: 'onnx',
    name: 'ONNX',
    icon: 'package',
    detail: 'One file for any runtime: standard LSTM, GRU and RNN operators where a cell is one of them, with vocabularies and source.',
  },
  {
    format: 'decoder',
    name: 'ONNX decoder',
    icon: 'list-tree',
    detail: 'A folder, of a model that writes: encoder.onnx, step.onnx for a search of your own, and greedy.onnx, which decodes by itself.',
  },
  {
    format: 'pytorch',
    name: 'PyTorch',
    icon: 'file-code',
    detail: 'A folder: a readable module with the same weights, and a program that trains it on, on one machine or a cluster.',
  },
  {
    format: 'safetensors',
    name: 'Weights',
    icon: 'symbol-numeric',
    detail: 'One file of safetensors, by the names of the source, as `start:` and Import Weights read it.',
  },
];

const FORMAT = 'unroll.exportFormat';

/** Asks for the format and the place, and writes the run's model. The format is remembered. */
export async function exportModel(run: string, engine: Engine, memory: vscode.Memento): Promise<void> {
  const before = memory.get<string>(FORMAT);
  // what was taken the last time comes first
  const choices = [...formats]
    .sort((a, b) => Number(b.format === before) - Number(a.format === before))
    .map((each) => ({ ...each, label: `$(${each.icon}) ${each.name}` }));
  const chosen = await vscode.window.showQuickPick(choices, {
    title: `Export ${basename(run)}`,
    placeHolder: 'As what?',
    matchOnDetail: true,
  });
  if (chosen === undefined) return;
  await memory.update(FORMAT, chosen.format);
  const target = await placeFor(run, chosen);
  if (target === undefined) return;
  const { operators, files, bytes } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Exporting ${basename(run)} ...` },
    () => engine.request('export', { run, out: target.fsPath, format: chosen.format }),
  );
  const size = bytes < 1e6 ? `${numberText(Math.round(bytes / 1e3))} kB` : `${numberText(bytes / 1e6)} MB`;
  const what = [...operators, ...files].join(', ');
  const [open, reveal, copy] = ['Open model.py', 'Reveal', 'Copy Path'];
  const choice = await vscode.window.showInformationMessage(
    `${basename(target.fsPath)} is written${what === '' ? '' : `: ${what}`}; ${size}.`,
    ...(chosen.format === 'pytorch' ? [open] : []),
    reveal,
    copy,
  );
  if (choice === reveal) await vscode.commands.executeCommand('revealFileInOS', target);
  if (choice === copy) await vscode.env.clipboard.writeText(target.fsPath);
  if (choice === open) await vscode.window.showTextDocument(vscode.Uri.joinPath(target, 'model.py'));
}

/** A file to write, or a folder that is not there yet. */
async function placeFor(run: string, { format, name }: Format): Promise<vscode.Uri | undefined> {
  const title = `Export ${basename(run)} as ${name}`;
  const beside = join(run, '..', '..');
  if (format !== 'pytorch' && format !== 'decoder')
    return vscode.window.showSaveDialog({
      title,
      defaultUri: vscode.Uri.file(join(beside, `${basename(run)}.${format}`)),
      filters: { [name]: [format] },
    });
  const [parent] =
    (await vscode.window.showOpenDialog({
      title: `${title}: in which folder?`,
      openLabel: 'Export Here',
      canSelectFiles: false,
      canSelectFolders: true,
      defaultUri: vscode.Uri.file(beside),
    })) ?? [];
  if (parent === undefined) return undefined;
  for (let k = 1; ; k += 1) {
    const folder = vscode.Uri.joinPath(parent, `${basename(run)}-${format}${k === 1 ? '' : `-${k}`}`);
    const isTaken = await vscode.workspace.fs.stat(folder).then(
      () => true,
      () => false,
    );
    if (!isTaken) return folder;
  }
}

/** Lets the run write, and shows it in the output channel. Of a model that reads something first, asks for that; what was typed is remembered. */
export async function generateText(run: string, engine: Engine, output: vscode.OutputChannel, memory: vscode.Memento): Promise<void> {
  const source = await engine.request('sourceOf', { run });
  const text = source.reads ? await askForSource(run, source, memory) : undefined;
  if (source.reads && text === undefined) return;
  const { text: written, rows } = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `${basename(run)} writes ...` },
    () => engine.request('generate', text === undefined ? { run } : { run, sources: [text] }),
  );
  const read = rows[0] !== undefined && text !== undefined ? `${sourceText(text)}\n→ ` : '';
  const cut = source.reads && rows[0]?.ended === false ? ' … (cut at its length)' : '';
  output.appendLine(`── ${basename(run)}\n${read}${written}${cut}\n`);
  output.show(true);
  if (text === undefined) return;
  const beam = 'Show Beam';
  const chosen = await vscode.window.showInformationMessage(`${basename(run)} wrote: ${written}${cut}`, beam);
  if (chosen === beam) await (await import('./beam.ts')).showBeam(run, engine, memory, text);
}
