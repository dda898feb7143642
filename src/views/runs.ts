// The tree of runs: each with its status, step and validation loss.

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { numberText } from '../shared/numbers.ts';
import type { RunSummary } from '../shared/training.ts';
import { listRuns, readRecord } from '../training/run.ts';
import { metricText, nameOf } from './pages/figures.ts';
import type { TrainingQueue, Waiting } from './training-queue.ts';
import { durationText, type Trainings } from './trainings.ts';

export class Runs implements vscode.TreeDataProvider<RunSummary | Waiting>, vscode.Disposable {
  readonly #trainings: Trainings;
  readonly #queue: TrainingQueue;
  readonly #changed = new vscode.EventEmitter<RunSummary | Waiting | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #disposables: vscode.Disposable[] = [this.#changed];
  #lastRefresh = 0;

  constructor(trainings: Trainings, queue: TrainingQueue) {
    this.#trainings = trainings;
    this.#queue = queue;
    const watcher = vscode.workspace.createFileSystemWatcher('**/runs/*/run.json');
    const refresh = (): void => this.refresh();
    this.#disposables.push(
      watcher,
      queue.onDidChange(refresh),
      watcher.onDidCreate(refresh),
      watcher.onDidChange(refresh),
      watcher.onDidDelete(refresh),
      vscode.workspace.onDidOpenTextDocument((document) => {
        if (document.languageId === 'unroll') refresh();
      }),
      trainings.onDidChange(({ kind }) => {
        if (kind !== 'progress' || Date.now() - this.#lastRefresh > 1000) refresh();
      }),
    );
  }

  refresh(): void {
    this.#lastRefresh = Date.now();
    this.#changed.fire(undefined);
  }

  /** All runs of the open folders, and beside open sources; the newest of each folder first. */
  async list(): Promise<RunSummary[]> {
    const found = await vscode.workspace.findFiles('**/runs/*/run.json', null);
    const folders = new Set(found.map((uri) => dirname(dirname(uri.fsPath))));
    for (const document of vscode.workspace.textDocuments) {
      const beside = vscode.Uri.joinPath(document.uri, '..', 'runs').fsPath;
      if (document.languageId === 'unroll' && document.uri.scheme === 'file' && existsSync(beside)) folders.add(beside);
    }
    const runs = await Promise.all([...folders].sort().map(listRuns));
    return runs.flat().map((run) => this.#live(run));
  }

  async getChildren(): Promise<(RunSummary | Waiting)[]> {
    return [...this.#queue.waiting, ...(await this.list())];
  }

  getTreeItem(run: RunSummary | Waiting): vscode.TreeItem {
    if ('request' in run) return waitingItem(run, this.#queue.waiting.indexOf(run));
    const item = new vscode.TreeItem(run.name);
    item.id = run.folder;
    item.description = descriptionOf(run);
    item.tooltip = tooltipOf(run);
    item.iconPath = iconOf(run);
    item.contextValue = run.status.kind === 'running' || run.status.kind === 'done' ? run.status.kind : 'stopped';
    item.command = { command: 'unroll.showTraining', title: 'Show Training Curves', arguments: [run] };
    item.accessibilityInformation = { label: `${run.name}, ${run.status.kind}, ${item.description}` };
    return item;
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  /** With the last step of a training of this window, which is newer than what the disk has. */
  #live(run: RunSummary): RunSummary {
    const record = this.#trainings.running.find((training) => training.run.folder === run.folder)?.record;
    if (record === undefined) return run;
    const { step, loss, validationLoss } = record;
    return { ...run, step, loss, ...(validationLoss === undefined ? {} : { validationLoss }) };
  }
}

function waitingItem({ id, title }: Waiting, place: number): vscode.TreeItem {
  const item = new vscode.TreeItem(title);
  item.id = `waiting ${id}`;
  item.description = place === 0 ? 'waits, the next' : `waits, ${place} before it`;
  item.iconPath = new vscode.ThemeIcon('clock');
  item.contextValue = 'waiting';
  return item;
}

/** The metric that tells most of a run. */
const leading = ['accuracy', 'rmse', 'bits', 'perplexity', 'mae'] as const;

function descriptionOf(run: RunSummary): string {
  const metric = leading.find((name) => run.metrics?.[name] !== undefined);
  const measured = metric === undefined ? [] : [`${nameOf(metric)} ${metricText(metric, run.metrics![metric]!)}`];
  const validation = run.validationLoss === undefined ? [] : [`validation ${numberText(run.validationLoss)}`];
  const steps = run.step === run.steps ? `${numberText(run.step)} steps` : `${numberText(run.step)} of ${numberText(run.steps)}`;
  const state = { running: [], done: [], paused: ['paused'], cancelled: ['cancelled'], failed: ['failed'] }[run.status.kind];
  return [...state, steps, ...(measured.length > 0 ? measured : validation)].join(' · ');
}

function tooltipOf(run: RunSummary): vscode.MarkdownString {
  const lines = [
    `**${run.name}** · ${run.status.kind}`,
    run.settings,
    `${numberText(run.parameters)} parameters · ${run.device} · ${durationText(run.seconds)} of training`,
    ...(run.loss === undefined
      ? []
      : [`loss ${numberText(run.loss)}${run.validationLoss === undefined ? '' : `, validation ${numberText(run.validationLoss)}`}`]),
    ...(run.metrics === undefined
      ? []
      : [
          Object.entries(run.metrics)
            .map(([name, value]) => `${nameOf(name)} ${metricText(name, value)}`)
            .join(' · '),
        ]),
    ...(run.note === undefined ? [] : [`*${run.note}*`]),
    ...(run.status.kind === 'failed' ? [run.status.what] : []),
    run.folder,
  ];
  return new vscode.MarkdownString(lines.join('\n\n'));
}

function iconOf({ status }: RunSummary): vscode.ThemeIcon {
  switch (status.kind) {
    case 'running':
      return new vscode.ThemeIcon('sync~spin');
    case 'done':
      return new vscode.ThemeIcon('pass', new vscode.ThemeColor('testing.iconPassed'));
    case 'paused':
      return new vscode.ThemeIcon('debug-pause');
    case 'cancelled':
      return new vscode.ThemeIcon('circle-slash');
    case 'failed':
      return new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed'));
  }
}

/** The source that a run was trained from, as it was. */
export async function openSourceOf(run: RunSummary): Promise<void> {
  const { main } = await readRecord(run.folder);
  await vscode.window.showTextDocument(vscode.Uri.joinPath(vscode.Uri.file(run.folder), 'source', main));
}

/** Asks, then moves the folder to the trash (or deletes it, where there is none). */
export async function deleteRun(run: RunSummary): Promise<void> {
  const remove = 'Move to Trash';
  const detail = `${numberText(run.step)} steps, ${durationText(run.seconds)} of training.`;
  if ((await vscode.window.showWarningMessage(`Delete ${run.name}?`, { modal: true, detail }, remove)) !== remove) return;
  const uri = vscode.Uri.file(run.folder);
  try {
    await vscode.workspace.fs.delete(uri, { recursive: true, useTrash: true });
  } catch {
    const forEver = 'Delete Permanently';
    if (
      (await vscode.window.showWarningMessage(`There is no trash here. Delete ${run.name} for ever?`, { modal: true, detail }, forEver)) !==
      forEver
    )
      return;
    await vscode.workspace.fs.delete(uri, { recursive: true });
  }
}
