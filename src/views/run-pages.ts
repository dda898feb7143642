// The pages of runs: one run, several beside each other, and what a model sees of its data.

import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import type { EngineEvent } from '../engine/requests.ts';
import type { RunSummary } from '../shared/training.ts';
import { readLog } from '../training/log.ts';
import { readReport } from '../training/report.ts';
import { logOf, readRecord, sourceOf, summarise } from '../training/run.ts';
import { type ComparedRun, comparePage, flattened } from './pages/compare-page.ts';
import { PageView } from './pages/page-view.ts';
import { previewPage } from './pages/preview-page.ts';
import { runPage } from './pages/run-page.ts';
import type { Trainings } from './trainings.ts';

/** Milliseconds between two looks at a run that is trained. */
const REFRESH = 2000;

export class RunPages implements vscode.Disposable {
  readonly #engine: () => Engine;
  readonly #pages = new Map<string, { readonly view: PageView; readonly folders: readonly string[]; refresh(): Promise<void> }>();
  readonly #disposables: vscode.Disposable[] = [];
  readonly #due = new Map<string, NodeJS.Timeout>();

  constructor(engine: () => Engine, trainings: Trainings) {
    this.#engine = engine;
    this.#disposables.push(
      trainings.onDidChange(({ training, kind }) => {
        for (const [key, { folders }] of this.#pages)
          if (folders.includes(training.run.folder)) this.#soon(key, kind === 'ended' ? 0 : REFRESH);
      }),
    );
  }

  /** Everything about one run. */
  async showRun(folder: string): Promise<void> {
    await this.#open('unroll.run', folder, basename(folder), [folder], async (view) => {
      const record = await readRecord(folder);
      const [summary, records, report] = [await summarise(folder, record), await readLog(logOf(folder)), await readReport(folder)];
      const { clip } = record.settings;
      view.show(runPage({ summary, records, ...(report === undefined ? {} : { report }), ...(clip === undefined ? {} : { clip }) }));
    });
  }

  /** Closes the pages that show a run: it is gone, or elsewhere. */
  close(folder: string): void {
    for (const { view, folders } of [...this.#pages.values()]) if (folders.includes(folder)) view.dispose();
  }

  /** Several runs side by side. */
  async compare(folders: readonly string[]): Promise<void> {
    if (folders.length < 2) throw new Error('Choose two runs or more to compare them: train another, or choose several in the Runs view.');
    const title = folders.length === 2 ? folders.map((folder) => basename(folder)).join(' | ') : `${folders.length} runs`;
    await this.#open('unroll.compare', folders.join('\n'), title, folders, async (view) => {
      view.show(comparePage(await Promise.all(folders.map(comparedRun))));
    });
  }

  /** What the model of a file will see of a `data` line. */
  async preview(file: string, data: string): Promise<void> {
    await this.#open('unroll.preview', `${file} ${data}`, `Data: ${data}`, [], async (view) => {
      view.loading(`Reading ${data}`);
      const abort = new AbortController();
      view.onDidDispose(() => abort.abort());
      const hear = (event: EngineEvent): void => {
        if (event.name === 'reading') view.loading(`Reading ${data}: ${Math.round(100 * event.data.share)} %, close this page to stop`);
      };
      view.show(previewPage(await this.#engine().request('preview', { file, data }, hear, abort.signal)));
    });
  }

  dispose(): void {
    for (const timer of this.#due.values()) clearTimeout(timer);
    for (const { view } of this.#pages.values()) view.dispose();
    for (const disposable of this.#disposables) disposable.dispose();
  }

  async #open(
    kind: string,
    key: string,
    title: string,
    folders: readonly string[],
    draw: (view: PageView) => Promise<void>,
  ): Promise<void> {
    const known = this.#pages.get(`${kind} ${key}`);
    if (known !== undefined) {
      known.view.reveal();
      await known.refresh();
      return;
    }
    const view = PageView.beside(kind, title);
    const refresh = (): Promise<void> =>
      draw(view).catch((error: unknown) => view.failed(error instanceof Error ? error.message : String(error)));
    this.#pages.set(`${kind} ${key}`, { view, folders, refresh });
    view.onDidDispose(() => this.#pages.delete(`${kind} ${key}`));
    await refresh();
  }

  #soon(key: string, wait: number): void {
    if (this.#due.has(key) && wait > 0) return;
    clearTimeout(this.#due.get(key));
    this.#due.set(
      key,
      setTimeout(() => {
        this.#due.delete(key);
        void this.#pages.get(key)?.refresh();
      }, wait),
    );
  }
}

async function comparedRun(folder: string): Promise<ComparedRun> {
  const record = await readRecord(folder);
  const report = await readReport(folder);
  const { settings, data, model, label } = record;
  return {
    summary: await summarise(folder, record),
    records: await readLog(logOf(folder)),
    ...(report === undefined ? {} : { report }),
    settings: { model, ...(label === undefined ? {} : { with: label }), ...flattened(settings), ...flattened(data, 'data') },
  };
}

/** The sources of two runs in the editor's own comparison. */
export async function compareSources(left: string, right: string): Promise<void> {
  const [a, b] = [await readRecord(left), await readRecord(right)];
  const uri = (folder: string, main: string): vscode.Uri => vscode.Uri.file(join(sourceOf(folder), main));
  await vscode.commands.executeCommand('vscode.diff', uri(left, a.main), uri(right, b.main), `${basename(left)} ↔ ${basename(right)}`);
}

/** Asks which runs to compare; `given` are chosen already. */
export async function chooseRuns(runs: readonly RunSummary[], given: readonly string[] = []): Promise<readonly string[] | undefined> {
  if (runs.length < 2) throw new Error('There are not two runs yet to compare: train another.');
  const items = runs.map((run) => ({ label: run.name, description: run.settings, folder: run.folder, picked: given.includes(run.folder) }));
  const chosen = await vscode.window.showQuickPick(items, { title: 'Compare runs', placeHolder: 'Two runs or more', canPickMany: true });
  return chosen?.map(({ folder }) => folder);
}
