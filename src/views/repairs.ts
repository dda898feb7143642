// Verdicts of the last analysis of a file, where they are about: as information in the source, with repairs as quick fixes, each of which can be tried
// first. What the text says no longer is no longer said.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import type { AnalyseRequest } from '../engine/requests.ts';
import type { Analysis, Repair, Tried, Verdict } from '../shared/analysis.ts';
import type { SourceEdit } from '../shared/edits.ts';
import type { SourceRange } from '../shared/source.ts';
import { readRecord } from '../training/run.ts';
import { moved, type TextChange } from './moved.ts';
import { isCancelled } from './onnx-editor.ts';
import { PageView } from './pages/page-view.ts';
import { triedPage } from './pages/tried-page.ts';
import { trustedFor } from './trust.ts';

/** A verdict in a source. */
interface Said {
  readonly verdict: Verdict;
  /** What was analysed: a model of a file. */
  readonly about: string;
  readonly source: AnalyseRequest['source'];
  /** As the analysis was made, so that before is the same once more. */
  readonly options: Omit<AnalyseRequest, 'source' | 'also'>;
  range: SourceRange;
  trials: readonly Trial[];
}

/** A repair that can be made and tried. Its edits move with the text. */
export interface Trial {
  readonly said: Said;
  readonly repair: Repair;
  edits: readonly SourceEdit[];
}

export class Repairs implements vscode.CodeActionProvider, vscode.Disposable {
  static readonly kinds = [vscode.CodeActionKind.QuickFix];
  readonly #engine: () => Engine;
  readonly #said = new Map<string, Said[]>();
  readonly #diagnostics = vscode.languages.createDiagnosticCollection('unroll-memory');
  readonly #disposables: vscode.Disposable[] = [this.#diagnostics];

  constructor(engine: () => Engine) {
    this.#engine = engine;
    this.#disposables.push(
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        const changes = contentChanges.map(
          ({ range, text }): TextChange => ({ start: placeOf(range.start), end: placeOf(range.end), text }),
        );
        if (changes.length > 0) this.#move(document.uri.fsPath, changes, document.getText().replaceAll('\r\n', '\n'));
      }),
    );
  }

  /** The verdicts of an analysis of a `.rnn` file, or of a run of it, in place of those that were there of the same model. */
  async show(analysis: Analysis, source: AnalyseRequest['source']): Promise<void> {
    if (source.kind === 'onnx') return;
    const file = source.kind === 'file' ? source.file : (await readRecord(source.folder)).file;
    const { sequences, steps, threshold, needs, seed, model } = analysis;
    const options = { sequences, length: steps, threshold, needs: needs.lag, seed };
    const about = `${file} ${model}`;
    for (const [path, all] of this.#said)
      this.#said.set(
        path,
        all.filter((said) => said.about !== about),
      );
    for (const verdict of analysis.verdicts) {
      if (verdict.called === undefined) continue;
      const said: Said = { verdict, about, source, options, range: verdict.called, trials: [] };
      said.trials = verdict.repairs.flatMap((repair) => (repair.edits === undefined ? [] : [{ said, repair, edits: repair.edits }]));
      this.#said.set(said.range.uri, [...(this.#said.get(said.range.uri) ?? []), said]);
    }
    this.#draw();
  }

  provideCodeActions(document: vscode.TextDocument, range: vscode.Range): vscode.CodeAction[] {
    const here = (this.#said.get(document.uri.fsPath) ?? []).filter((said) => rangeOf(said.range).intersection(range) !== undefined);
    return here.flatMap((said) => {
      const diagnostics = [diagnosticOf(said)];
      return said.trials.filter(isPossible).flatMap((trial, k) => {
        const title = trial.repair.title ?? trial.repair.text;
        const fix = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
        Object.assign(fix, { edit: editOf(trial), diagnostics, isPreferred: k === 0 });
        const look = new vscode.CodeAction(`Try: ${title}`, vscode.CodeActionKind.QuickFix);
        Object.assign(look, { diagnostics, command: { command: 'unroll.tryRepair', title: 'Try Repair', arguments: [trial] } });
        return [fix, look];
      });
    });
  }

  /** One of the repairs that are known of a file; it is analysed where none is. Undefined where the person turned away, or where there is none. */
  async choose(file: string): Promise<Trial | undefined> {
    if (!(await trustedFor('Trying repairs'))) return undefined;
    const known = (): readonly Trial[] => (this.#said.get(file) ?? []).flatMap(({ trials }) => trials.filter(isPossible));
    if (known().length === 0) {
      const analysis = await this.#analysed(file);
      if (analysis === undefined) return undefined;
      await this.show(analysis, { kind: 'file', file, model: analysis.model });
      if (known().length === 0) {
        void vscode.window.showInformationMessage(`${analysis.verdicts[0]?.text ?? ''} There is no repair to try.`.trim());
        return undefined;
      }
    }
    const items = known().map((trial) => ({
      label: trial.repair.title ?? trial.repair.text,
      detail: trial.said.verdict.text,
      trial,
    }));
    const asked = { title: 'Try a Repair', placeHolder: 'Which change of the source? Before and after are shown first' };
    return (await vscode.window.showQuickPick(items, asked))?.trial;
  }

  async #analysed(file: string): Promise<Analysis | undefined> {
    const progress = { location: vscode.ProgressLocation.Notification, title: `Analysing ${basename(file)} ...`, cancellable: true };
    return vscode.window.withProgress(progress, async (_, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      try {
        return await this.#engine().request('analyse', { source: { kind: 'file', file } }, undefined, abort.signal);
      } catch (error) {
        if (isCancelled(error)) return undefined;
        throw error;
      }
    });
  }

  /** A repair of what is said. Throws where the source is another by now. */
  async tryKnown(repair: Repair): Promise<void> {
    const all = [...this.#said.values()].flatMap((said) => said.flatMap(({ trials }) => trials));
    const trial = all.find((each) => each.repair === repair && isPossible(each));
    if (trial === undefined) throw new Error('The source is another by now than the one that was analysed: recompute the analysis first.');
    await this.try(trial);
  }

  /** Shows before and after on a page, from which the repair can be made. */
  async try(trial: Trial): Promise<void> {
    if (!(await trustedFor('Trying repairs'))) return;
    const { said, repair } = trial;
    const { verdict, source, options } = said;
    // The engine reads the disk.
    const paths = [...new Set(trial.edits.map(({ range }) => range.uri))];
    for (const document of vscode.workspace.textDocuments)
      if (document.isDirty && paths.includes(document.uri.fsPath)) await document.save();
    const title = repair.title ?? repair.text;
    const view = PageView.beside('unroll.tryRepair', 'Before and After');
    const loading = (done: number): void => view.loading(`${title}: ${Math.round(100 * done)} %, close this page to stop`);
    const abort = new AbortController();
    view.onDidDispose(() => abort.abort());
    loading(0);
    const repairs = [
      {
        repair: { ...repair, edits: trial.edits },
        against: verdict.kind,
        ...(verdict.layer === undefined ? {} : { layer: verdict.layer }),
      },
    ];
    const request = { source, repairs, ...options };
    const file = paths.map((path) => basename(path)).join(' and ');
    try {
      const [tried] = await this.#engine().request(
        'tryRepair',
        request,
        (event) => {
          if (event.name === 'share') loading(event.data.done);
        },
        abort.signal,
      );
      this.#showTried(view, tried!, file, trial);
    } catch (error) {
      if (!isCancelled(error)) view.failed(error instanceof Error ? error.message : String(error));
    }
  }

  #showTried(view: PageView, tried: Tried, file: string, trial: Trial): void {
    view.show(triedPage(tried, file, false));
    view.onAction(async ({ action }) => {
      if (action !== 'apply') return;
      if (!isPossible(trial) || !(await vscode.workspace.applyEdit(editOf(trial)))) {
        void vscode.window.showErrorMessage(`${file} is another by now than the one that was analysed: analyse it again.`);
        return;
      }
      view.show(triedPage(tried, file, true));
      const [first] = trial.edits;
      if (first !== undefined)
        await vscode.window.showTextDocument(vscode.Uri.file(first.range.uri), { viewColumn: vscode.ViewColumn.One });
    });
  }

  dispose(): void {
    for (const disposable of this.#disposables) disposable.dispose();
  }

  /** What was said of lines that are others now is gone; the rest moves. */
  #move(path: string, changes: readonly TextChange[], text: string): void {
    let isChanged = false;
    const after = (range: SourceRange): SourceRange | undefined =>
      changes.reduce<SourceRange | undefined>((at, change) => (at?.uri === path ? moved(at, change) : at), range);
    for (const [file, all] of this.#said) {
      const kept = all.filter((said) => {
        if (said.trials.some((trial) => isMade(trial, path, text))) return false;
        const range = after(said.range);
        if (range === undefined) return false;
        isChanged ||= range !== said.range;
        said.range = range;
        for (const trial of said.trials) {
          const edits = trial.edits.flatMap((edit) => {
            const own = after(edit.range);
            return own === undefined ? [] : [{ ...edit, range: own }];
          });
          trial.edits = edits.length < trial.edits.length ? [] : edits;
        }
        return true;
      });
      isChanged ||= kept.length < all.length;
      this.#said.set(file, kept);
    }
    if (isChanged) this.#draw();
  }

  #draw(): void {
    for (const [path, all] of this.#said) this.#diagnostics.set(vscode.Uri.file(path), all.map(diagnosticOf));
  }
}

const placeOf = ({ line, character }: vscode.Position): SourceRange['start'] => ({ line, column: character });
const rangeOf = ({ start, end }: SourceRange): vscode.Range => new vscode.Range(start.line, start.column, end.line, end.column);

function diagnosticOf({ verdict, range }: Said): vscode.Diagnostic {
  const [evidence] = verdict.evidence;
  const text = evidence === undefined ? verdict.text : `${verdict.text}\n${evidence}`;
  const diagnostic = new vscode.Diagnostic(rangeOf(range), text, vscode.DiagnosticSeverity.Information);
  return Object.assign(diagnostic, { source: 'Unroll', code: verdict.kind });
}

/** A text says what the edits of its file make of it. */
function isMade({ repair: { edits = [] } }: Trial, path: string, text: string): boolean {
  const own = edits.filter(({ range }) => range.uri === path);
  return own.length > 0 && own.every((edit) => text.includes(edit.text) && (edit.was === '' || !text.includes(edit.was)));
}

/** The text is still what the edits were made for, in documents that are open. */
function isPossible({ edits }: Trial): boolean {
  return (
    edits.length > 0 &&
    edits.every(({ range, was }) => {
      const document = vscode.workspace.textDocuments.find(({ uri }) => uri.fsPath === range.uri);
      return document === undefined || document.getText(rangeOf(range)).replaceAll('\r\n', '\n') === was;
    })
  );
}

function editOf({ edits }: Trial): vscode.WorkspaceEdit {
  const edit = new vscode.WorkspaceEdit();
  for (const { range, text } of edits) edit.replace(vscode.Uri.file(range.uri), rangeOf(range), text);
  return edit;
}
