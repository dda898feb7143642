// Weights from elsewhere into a model: what would go where is shown before anything is written.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import type { Result } from '../engine/requests.ts';

/** Asks for a file of weights, shows what was found in it, and makes a run of it. */
export async function importWeights(file: string, engine: Engine): Promise<void> {
  const [picked] =
    (await vscode.window.showOpenDialog({
      title: `Import weights into ${basename(file)}`,
      openLabel: 'Look Into It',
      filters: { 'Files of weights': ['safetensors', 'onnx'] },
      defaultUri: vscode.Uri.joinPath(vscode.Uri.file(file), '..'),
    })) ?? [];
  if (picked === undefined) return;
  const weights = picked.fsPath;
  const statements = await engine.request('statements', { file });
  const statement = statements.length < 2 ? 0 : await chooseStatement(statements);
  if (statement === undefined) return;
  const working = <T>(title: string, work: () => Promise<T>): Thenable<T> =>
    vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, work);
  const found = await working(`Reading ${basename(weights)} ...`, () =>
    engine.request('importWeights', { file, weights, statement, apply: false }),
  );
  if (!(await agreed(weights, found))) return;
  const { run } = await working('Writing the run ...', () => engine.request('importWeights', { file, weights, statement, apply: true }));
  if (run === undefined) return;
  const resume = 'Train It On';
  const choice = await vscode.window.showInformationMessage(
    `${run.name} starts with ${found.report.length} weights of ${basename(weights)}. It can be debugged, exported and trained on.`,
    resume,
  );
  if (choice === resume) await vscode.commands.executeCommand('unroll.resumeTraining', run);
}

type Found = Omit<Result<'importWeights'>, 'run'>;

/** The report as a list; the first entry takes it. */
async function agreed(weights: string, { report, missing, unused }: Found): Promise<boolean> {
  const shape = (sizes: readonly number[]): string => `[${sizes.join(', ')}]`;
  const apply: vscode.QuickPickItem = {
    label: `$(check) Import ${report.length} of ${report.length + missing.length} weights`,
    detail:
      missing.length === 0 ? 'As a new run at step 0.' : `As a new run at step 0. The other ${missing.length} start as the source says.`,
  };
  const separator = (label: string, count: number): vscode.QuickPickItem[] =>
    count === 0 ? [] : [{ label, kind: vscode.QuickPickItemKind.Separator }];
  const items: vscode.QuickPickItem[] = [
    ...(report.length === 0 ? [] : [apply]),
    ...separator('not found', missing.length),
    ...missing.map(({ weight, shape: sizes, why }) => ({
      label: `$(warning) ${weight}`,
      description: shape(sizes),
      ...(why === undefined ? {} : { detail: why }),
    })),
    ...separator('not used', unused.length),
    ...unused.map(({ name, shape: sizes }) => ({ label: `$(circle-slash) ${name}`, description: shape(sizes) })),
    ...separator('taken', report.length),
    ...report.map(({ weight, from, how }) => ({ label: `$(arrow-small-left) ${weight}`, description: from, detail: how })),
  ];
  const chosen = await vscode.window.showQuickPick(items, {
    title: `${basename(weights)}: ${report.length} of ${report.length + missing.length} weights were found`,
    placeHolder:
      report.length === 0 ? 'Nothing in the file is a weight of this model' : 'Look through what goes where; the first entry imports it',
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return chosen === apply;
}

async function chooseStatement(
  statements: readonly { readonly model: string; readonly data: string; readonly label?: string }[],
): Promise<number | undefined> {
  const items = statements.map(({ model, data, label }, statement) => ({
    label: model,
    description: [data, label].filter(Boolean).join(' · '),
    statement,
  }));
  return (await vscode.window.showQuickPick(items, { title: 'Import weights for which training?' }))?.statement;
}
