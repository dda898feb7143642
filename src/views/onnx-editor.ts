// The editor of .onnx files: a page for reading, made anew when the file changes.

import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { type Engine, EngineError } from '../engine/client.ts';
import type { ForeignInfo, PartInfo } from '../shared/foreign.ts';
import type { OnnxModels } from './onnx-models.ts';
import { onnxPage, type PythonPlace, sizeText, unreadable, type Verified } from './pages/onnx-page.ts';
import { PageView } from './pages/page-view.ts';
import { pythonPlaces } from './python-lines.ts';

export const ONNX_EDITOR = 'unroll.onnx';

/** Milliseconds that a file is left alone after a change: it may still be written. */
const SETTLE = 400;

/** The commands behind the buttons. */
const commands: Readonly<Record<string, string>> = {
  debug: 'unroll.debug',
  verify: 'unroll.verifyOnnx',
  analyse: 'unroll.analyse',
  source: 'unroll.showGeneratedSource',
  python: 'unroll.showPythonSource',
  asModel: 'unroll.openAsModel',
};

export class OnnxEditors implements vscode.CustomReadonlyEditorProvider {
  readonly #models: OnnxModels;
  readonly #engine: () => Engine;
  readonly #open = new Map<string, Set<OpenModel>>();
  /** What was found out about a file, until it changes. */
  readonly #verified = new Map<string, Verified>();

  constructor(models: OnnxModels, engine: () => Engine) {
    this.#models = models;
    this.#engine = engine;
  }

  openCustomDocument(uri: vscode.Uri): vscode.CustomDocument {
    return { uri, dispose: () => {} };
  }

  resolveCustomEditor({ uri }: vscode.CustomDocument, panel: vscode.WebviewPanel): void {
    panel.webview.options = { enableScripts: true };
    const file = uri.fsPath;
    const model = new OpenModel(file, panel, this.#models, () => this.#verified.get(file));
    const all = this.#open.get(file) ?? new Set();
    this.#open.set(file, all.add(model));
    const folder = new vscode.RelativePattern(vscode.Uri.file(dirname(file)), '*');
    const watcher = vscode.workspace.createFileSystemWatcher(folder);
    const changed = (each: vscode.Uri): void => {
      // Also what it keeps its tensors in, beside it.
      if (!basename(each.fsPath).startsWith(basename(file))) return;
      this.#verified.delete(file);
      this.#models.forget(file);
      model.refreshSoon();
    };
    const listeners = [watcher, watcher.onDidChange(changed), watcher.onDidCreate(changed), watcher.onDidDelete(changed)];
    panel.onDidDispose(() => {
      for (const listener of listeners) listener.dispose();
      model.dispose();
      all.delete(model);
    });
    void model.refresh();
  }

  /** Replays the file's parts on random input, beside the untouched model; the page says what came out. */
  async verify(file: string): Promise<void> {
    if (this.#verified.get(file)?.kind === 'running') return;
    const tell = (verified: Verified): void => {
      this.#verified.set(file, verified);
      for (const each of this.#open.get(file) ?? []) each.draw();
    };
    tell({ kind: 'running' });
    const progress = { location: vscode.ProgressLocation.Notification, title: `Verifying ${basename(file)} ...`, cancellable: true };
    await vscode.window.withProgress(progress, async (_, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      try {
        tell({ kind: 'done', ...(await this.#engine().request('verify', { file, seed: 1 }, undefined, abort.signal)) });
      } catch (error) {
        tell({ kind: 'failed', text: isCancelled(error) ? 'It was cancelled.' : textOf(error, file) });
      }
    });
  }

  verified(file: string): Verified | undefined {
    return this.#verified.get(file);
  }
}

/** The .onnx file whose editor is active. */
export function activeOnnx(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputCustom && input.viewType === ONNX_EDITOR ? input.uri : undefined;
}

/** One editor. */
class OpenModel {
  readonly #file: string;
  readonly #view: PageView;
  readonly #models: OnnxModels;
  readonly #verified: () => Verified | undefined;
  #info: ForeignInfo | undefined;
  #places: ReadonlyMap<string, readonly PythonPlace[]> = new Map();
  #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  readonly #trust = vscode.workspace.onDidGrantWorkspaceTrust(() => this.draw());

  constructor(file: string, panel: vscode.WebviewPanel, models: OnnxModels, verified: () => Verified | undefined) {
    this.#file = file;
    this.#view = new PageView(panel);
    this.#models = models;
    this.#verified = verified;
    this.#view.onAction(({ action = '', part }) => {
      if (action === 'reload') void this.refresh();
      else if (commands[action] !== undefined) void vscode.commands.executeCommand(commands[action], vscode.Uri.file(file), part);
    });
  }

  refreshSoon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), SETTLE);
  }

  /** Reads the file again. */
  async refresh(): Promise<void> {
    this.#abort.abort();
    const abort = new AbortController();
    this.#abort = abort;
    const what = basename(this.#file);
    if (this.#info === undefined) {
      const { size } = await vscode.workspace.fs.stat(vscode.Uri.file(this.#file)).then(
        (stat) => stat,
        () => ({ size: 0 }),
      );
      this.#view.loading(`Reading ${what}, ${sizeText(size)}`);
    }
    const hear = (text: string): void => {
      if (this.#info === undefined && !abort.signal.aborted) this.#view.loading(`Reading ${what}: ${text}; close this page to stop`);
    };
    try {
      const info = await this.#models.info(this.#file, { hear, signal: abort.signal });
      if (abort.signal.aborted) return;
      this.#info = info;
      this.draw();
      const found = await Promise.all(info.parts.map(async (part) => [part.name, await pythonPlaces(part)] as const));
      if (abort.signal.aborted) return;
      this.#places = new Map(found);
      this.draw();
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#info = undefined;
      this.#view.show(unreadable(this.#file, textOf(error, this.#file)));
    }
  }

  draw(): void {
    const [info, verified] = [this.#info, this.#verified()];
    if (info === undefined) return;
    this.#view.show(
      onnxPage({
        info,
        places: this.#places,
        trusted: vscode.workspace.isTrusted,
        ...(verified === undefined ? {} : { verified }),
      }),
    );
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.#trust.dispose();
    this.#view.dispose();
  }
}

/** The part that is called so, alone or as one of several layers. */
export const partNamed = ({ parts }: ForeignInfo, name: string): PartInfo | undefined => parts.find(({ names }) => names.includes(name));

export const isCancelled = (error: unknown): boolean => error instanceof EngineError && error.code === 'cancelled';

/** An error as a sentence; where the engine's process has ended by a fault in native code, with the model that it ran. */
export function textOf(error: unknown, file: string): string {
  const text = error instanceof Error ? error.message : String(error);
  return error instanceof EngineError && error.code === 'engine-died'
    ? `${basename(file)} cannot be run: it ended the engine. ${text}`
    : text;
}
