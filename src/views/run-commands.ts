// What one can do to runs in their tree: rename, note, go on, copy, sort, filter, delete. A command is given a run and all that are selected by the
// tree's menu, nothing by a key or the palette: then the tree's selection is meant, or one is asked for.

import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import type { TrainRequest } from '../engine/requests.ts';
import { numberText } from '../shared/numbers.ts';
import type { RunSummary } from '../shared/training.ts';
import { doneOf, lengthWith, moreFault } from '../training/more.ts';
import { writeNote } from '../training/note.ts';
import { nameFault, renameRun } from '../training/rename-run.ts';
import { notePath, readRecord } from '../training/run.ts';
import { ordersOf, orderText } from './run-list.ts';
import { isRun, isWaiting, type RunNode, type Runs } from './runs.ts';
import type { TrainingQueue } from './training-queue.ts';
import { durationText } from './trainings.ts';
import { trustedFor } from './trust.ts';

export interface RunCommandParts {
  readonly runs: Runs;
  readonly tree: vscode.TreeView<RunNode>;
  readonly queue: TrainingQueue;
  readonly memory: vscode.Memento;
  /** What the settings say for a source. */
  settings(scope: vscode.Uri): Partial<TrainRequest>;
  /** A run's folder is another now. */
  renamed(from: string, to: string): void;
}

/** The commands by their names, without `unroll.`. */
export function runCommands(parts: RunCommandParts): Readonly<Record<string, (node?: RunNode, selected?: readonly RunNode[]) => unknown>> {
  const { runs, tree, queue } = parts;
  const meant = (node: RunNode | undefined, selected: readonly RunNode[] = []): readonly RunNode[] =>
    selected.length > 0 ? selected : node !== undefined ? [node] : tree.selection;
  /** Runs as they are now: those of the tree may have been read a while ago, and be gone. */
  const fresh = async (nodes: readonly RunNode[]): Promise<readonly RunSummary[]> => {
    const folders = new Set(nodes.filter(isRun).map(({ folder }) => folder));
    return folders.size === 0 ? [] : (await runs.list()).filter(({ folder }) => folders.has(folder));
  };
  /** The one run that is meant; undefined where the person turned away. */
  const one = async (title: string, node: RunNode | undefined): Promise<RunSummary | undefined> =>
    (await fresh(meant(node)))[0] ?? chooseOne(await runs.list(), title);
  return {
    renameRun: async (node) => {
      const run = await one('Rename', node);
      if (run !== undefined) await rename(run, parts);
    },
    noteRun: async (node) => {
      const run = await one('Note', node);
      if (run === undefined) return;
      await note(run);
      runs.refresh();
    },
    continueRun: async (node) => {
      if (!(await trustedFor('Training'))) return;
      const run = await one('Train for longer', node);
      if (run !== undefined) await goOn(run, parts);
    },
    copyRunPath: async (node, selected) => {
      const all = await fresh(meant(node, selected));
      const chosen = all.length > 0 ? all : [await one('Copy Path', node)].filter((run) => run !== undefined);
      if (chosen.length > 0) await vscode.env.clipboard.writeText(chosen.map(({ folder }) => folder).join('\n'));
    },
    openRunFolder: async (node) => {
      const run = await one('Open Folder', node);
      if (run !== undefined) await vscode.commands.executeCommand('revealFileInOS', vscode.Uri.file(run.folder));
    },
    sortRuns: async () => {
      const items = ordersOf(await runs.list()).map(({ order, label }) => ({
        label,
        description: order === runs.order ? 'as now' : '',
        order,
      }));
      const chosen = await vscode.window.showQuickPick(items, { title: 'Sort Runs', placeHolder: orderText(runs.order) });
      if (chosen !== undefined) await runs.arrange(chosen.order);
    },
    filterRuns: () => filter(runs),
    clearRunsFilter: () => runs.filterBy(''),
    deleteRun: async (node, selected) => {
      const all = meant(node, selected);
      for (const each of all) if (isWaiting(each)) queue.remove(each.id);
      const chosen = await fresh(all);
      await deleteRuns(all.length > 0 ? chosen : [await one('Delete', node)].filter((run) => run !== undefined));
      runs.refresh();
    },
  };
}

async function chooseOne(all: readonly RunSummary[], title: string): Promise<RunSummary | undefined> {
  if (all.length === 0) throw new Error('There is no run yet: train a model first.');
  const items = all.map((run) => ({ label: run.name, description: run.settings, run }));
  return (await vscode.window.showQuickPick(items, { title, placeHolder: 'Which run?', matchOnDescription: true }))?.run;
}

async function rename(run: RunSummary, { runs, queue, renamed }: RunCommandParts): Promise<void> {
  if (run.status.kind === 'running') throw new Error(`${run.name} is being trained. Pause it first; then it can have another name.`);
  if (queue.waiting.some(({ request }) => request.out === run.folder))
    throw new Error(`${run.name} waits to be trained for longer. Remove it from the queue first; then it can have another name.`);
  const beside = await readdir(dirname(run.folder));
  const name = await vscode.window.showInputBox({
    title: `Rename ${run.name}`,
    prompt: 'A run has the name of its folder.',
    value: run.name,
    validateInput: (text) => nameFault(text, run.name, beside),
  });
  if (name === undefined || name === run.name) return;
  renamed(run.folder, await renameRun(run.folder, name));
  runs.refresh();
}

/** One line is written in a field, several in an editor. */
async function note(run: RunSummary): Promise<void> {
  const own = run.note ?? '';
  const path = notePath(run.folder);
  const inEditor = async (text: string): Promise<void> => {
    if (text !== own) await writeNote(run.folder, text);
    if (!existsSync(path)) await writeFile(path, '');
    await vscode.window.showTextDocument(vscode.Uri.file(path));
  };
  if (own.includes('\n')) return inEditor(own);
  const field = vscode.window.createInputBox();
  const long = { iconPath: new vscode.ThemeIcon('go-to-file'), tooltip: 'Write several lines in an editor' };
  Object.assign(field, { title: `Note on ${run.name}`, value: own, placeholder: 'What is worth remembering about it', buttons: [long] });
  await new Promise<void>((resolve, reject) => {
    const end = (done: Promise<void>): void => {
      field.dispose();
      done.then(resolve, reject);
    };
    field.onDidAccept(() => end(writeNote(run.folder, field.value)));
    field.onDidTriggerButton(() => end(inEditor(field.value)));
    field.onDidHide(() => resolve());
    field.show();
  });
}

async function goOn(run: RunSummary, { queue, memory, settings }: RunCommandParts): Promise<void> {
  if (run.status.kind === 'running')
    throw new Error(`${run.name} is being trained. Pause it first, or let it end; then say how much longer.`);
  if (queue.waiting.some(({ request }) => request.out === run.folder))
    throw new Error(`${run.name} waits to be trained for longer already.`);
  const record = await readRecord(run.folder);
  const done = doneOf(record);
  const { file, statement } = record;
  const key = `more ${done.unit}`;
  const schedule = record.settings.optimizer.schedule?.kind === 'cosine' ? ' The learning rate follows its cosine to the new end.' : '';
  const text = await vscode.window.showInputBox({
    title: `Train ${run.name} for Longer`,
    prompt: `How many ${done.unit} more? ${numberText(done.count)} ${done.unit} are done.${schedule}`,
    value: memory.get(key, done.unit === 'epochs' ? '10' : String(Math.max(1, done.count))),
    validateInput: (typed) => moreFault(typed, done.unit),
  });
  if (text === undefined) return;
  await memory.update(key, text.trim());
  const more = Number(text);
  const unit = more === 1 ? done.unit.slice(0, -1) : done.unit;
  await queue.add({
    title: `${run.name}, ${numberText(more)} ${unit} more`,
    request: { file, statement, out: run.folder, resume: true, ...lengthWith(done, more), ...settings(vscode.Uri.file(file)) },
  });
}

/** The tree follows what is typed; Escape brings back what it was. */
function filter(runs: Runs): void {
  const before = runs.filter;
  const field = vscode.window.createInputBox();
  Object.assign(field, {
    title: 'Filter Runs',
    value: before,
    placeholder: 'Words of the name, model, settings, state or note: lstm done',
  });
  let accepted = false;
  field.onDidChangeValue((text) => runs.filterBy(text));
  field.onDidAccept(() => {
    accepted = true;
    field.hide();
  });
  field.onDidHide(() => {
    if (!accepted) runs.filterBy(before);
    field.dispose();
  });
  field.show();
}

/** Asks once, then moves the folders to the trash (or deletes them, where there is none). What is being trained stays. */
async function deleteRuns(all: readonly RunSummary[]): Promise<void> {
  const free = all.filter(({ status }) => status.kind !== 'running');
  const busy = all.filter(({ status }) => status.kind === 'running').map(({ name }) => name);
  const kept =
    busy.length === 0
      ? ''
      : `${busy.join(', ')} ${busy.length === 1 ? 'is' : 'are'} being trained, and stay${busy.length === 1 ? 's' : ''}: cancel first.`;
  if (free.length === 0) {
    if (kept !== '') throw new Error(kept);
    return;
  }
  const what = free.length === 1 ? free[0]!.name : `${free.length} runs`;
  const lines = free
    .slice(0, SHOWN)
    .map(({ name, step, seconds }) => `${name}: ${numberText(step)} steps, ${durationText(seconds)} of training`);
  const more = free.length > SHOWN ? [`and ${free.length - SHOWN} more`] : [];
  const detail = [...lines, ...more, ...(kept === '' ? [] : ['', kept])].join('\n');
  const ask = async (text: string, button: string): Promise<boolean> =>
    (await vscode.window.showWarningMessage(text, { modal: true, detail }, button)) === button;
  if (!(await ask(`Delete ${what}?`, 'Move to Trash'))) return;
  let forEver = false;
  for (const run of free) {
    const uri = vscode.Uri.file(run.folder);
    const trashed = await vscode.workspace.fs.delete(uri, { recursive: true, useTrash: true }).then(
      () => true,
      () => !existsSync(run.folder),
    );
    if (trashed) continue;
    forEver ||= await ask(`There is no trash here. Delete ${what} for ever?`, 'Delete Permanently');
    if (!forEver) return;
    await vscode.workspace.fs.delete(uri, { recursive: true });
  }
}

/** Runs that the question names. */
const SHOWN = 8;
