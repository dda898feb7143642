// The tree of runs: what waits, then each run with its status, step and leading figure, by source where there are several.

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { numberText } from '../shared/numbers.ts';
import type { RunSummary } from '../shared/training.ts';
import { listRuns, readRecord } from '../training/run.ts';
import { Latest } from './latest.ts';
import { metricText, nameOf } from './pages/figures.ts';
import { arranged, grouped, orderText, type RunGroup, type RunOrder } from './run-list.ts';
import type { TrainingQueue, Waiting } from './training-queue.ts';
import { durationText, type Trainings } from './trainings.ts';

/** A line of the tree. */
export type RunNode = RunSummary | Waiting | RunGroup;

export const isWaiting = (node: RunNode): node is Waiting => 'request' in node;
const isGroup = (node: RunNode): node is RunGroup => 'runs' in node;
export const isRun = (node: RunNode): node is RunSummary => !isWaiting(node) && !isGroup(node);

/** What the tree says above its lines. */
export interface Heading {
  readonly message: string | undefined;
  readonly description: string | undefined;
}

export class Runs implements vscode.TreeDataProvider<RunNode>, vscode.Disposable {
  readonly #trainings: Trainings;
  readonly #queue: TrainingQueue;
  readonly #memory: vscode.Memento;
  readonly #changed = new vscode.EventEmitter<RunNode | undefined>();
  readonly #headed = new vscode.EventEmitter<Heading>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly onDidChangeHeading = this.#headed.event;
  readonly #disposables: vscode.Disposable[] = [this.#changed, this.#headed];
  readonly #reading: Latest;
  /** What was read last. */
  #known: readonly RunSummary[] | undefined;
  #lastRefresh = 0;
  #filter = '';

  /** The order is kept in `memory`. */
  constructor(trainings: Trainings, queue: TrainingQueue, memory: vscode.Memento) {
    this.#trainings = trainings;
    this.#queue = queue;
    this.#memory = memory;
    const read = async (): Promise<void> => {
      this.#known = await this.list();
      this.#changed.fire(undefined);
    };
    this.#reading = new Latest(read, () => this.#changed.fire(undefined));
    const refresh = (): void => this.refresh();
    const watch = (pattern: string, ignoreChanges: boolean): void => {
      const watcher = vscode.workspace.createFileSystemWatcher(pattern, false, ignoreChanges);
      this.#disposables.push(watcher, watcher.onDidCreate(refresh), watcher.onDidChange(refresh), watcher.onDidDelete(refresh));
    };
    watch('**/runs/*/{run.json,note.md}', false);
    // A folder that comes or goes is told as one, without what is in it.
    watch('**/runs/*', true);
    watch('**/runs', true);
    this.#disposables.push(
      queue.onDidChange(refresh),
      vscode.workspace.onDidOpenTextDocument((document) => {
        if (document.languageId === 'unroll') refresh();
      }),
      trainings.onDidChange(({ kind }) => {
        if (kind !== 'progress' || Date.now() - this.#lastRefresh > 1000) refresh();
      }),
    );
  }

  /** Reads the runs, then tells the tree: while it asks for its lines, VS Code knows of none, and of no selection. */
  refresh(): void {
    this.#lastRefresh = Date.now();
    void this.#reading.ask();
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

  get order(): RunOrder {
    return this.#memory.get<RunOrder>(ORDER, 'newest');
  }

  get filter(): string {
    return this.#filter;
  }

  async arrange(order: RunOrder): Promise<void> {
    await this.#memory.update(ORDER, order);
    this.#changed.fire(undefined);
  }

  /** Shows only runs with all of these words; '' shows all. */
  filterBy(text: string): void {
    this.#filter = text.trim();
    void vscode.commands.executeCommand('setContext', 'unroll.runsFiltered', this.#filter !== '');
    this.#changed.fire(undefined);
  }

  async getChildren(node?: RunNode): Promise<RunNode[]> {
    if (node !== undefined) return isGroup(node) ? [...node.runs] : [];
    this.#known ??= await this.list();
    const all = this.#known.map((run) => this.#live(run));
    const shown = arranged(all, this.order, this.#filter);
    const message = this.#filter === '' ? undefined : `“${this.#filter}”: ${shown.length} of ${all.length} runs`;
    this.#headed.fire({ message, description: this.order === 'newest' ? undefined : orderText(this.order) });
    const isOne = new Set(all.map(({ file }) => file)).size < 2;
    const root = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    return [...this.#queue.waiting, ...(isOne ? shown : grouped(shown, root))];
  }

  getTreeItem(run: RunNode): vscode.TreeItem {
    if (isWaiting(run)) return waitingItem(run, this.#queue.waiting.indexOf(run));
    if (isGroup(run)) return groupItem(run);
    const item = new vscode.TreeItem(run.name);
    item.id = run.folder;
    item.description = descriptionOf(run);
    item.tooltip = tooltipOf(run);
    item.iconPath = iconOf(run);
    const state = run.status.kind === 'running' || run.status.kind === 'done' ? run.status.kind : 'stopped';
    item.contextValue = run.converses === undefined ? state : `${state} ${run.converses}`;
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

const ORDER = 'unroll.runOrder';

function groupItem({ file, label, place, runs }: RunGroup): vscode.TreeItem {
  const item = new vscode.TreeItem(label, vscode.TreeItemCollapsibleState.Expanded);
  item.id = `source ${file}`;
  const count = runs.length === 1 ? '1 run' : `${runs.length} runs`;
  item.description = place === '' ? count : `${place} · ${count}`;
  item.tooltip = file;
  item.iconPath = new vscode.ThemeIcon('file-code');
  item.contextValue = 'source';
  return item;
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

/** The source that a run was trained from, as it was; of a group, the source as it is. */
export async function openSourceOf(run: RunNode): Promise<void> {
  if (isGroup(run)) await vscode.window.showTextDocument(vscode.Uri.file(run.file));
  if (!isRun(run)) return;
  const { main } = await readRecord(run.folder);
  await vscode.window.showTextDocument(vscode.Uri.joinPath(vscode.Uri.file(run.folder), 'source', main));
}
