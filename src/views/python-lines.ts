// The Python lines that made the parts of a model: found in the workspace, opened, and lit up while the debugger stands in a part.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import { matchFile } from '../foreign/python/files.ts';
import { findLine } from '../foreign/python/lines.ts';
import type { PartInfo, SourceLine } from '../shared/foreign.ts';
import type { PythonPlace } from './pages/onnx-page.ts';

/** Files that are looked at. */
const MOST_FILES = 20_000;
const EXCLUDED = '{**/node_modules/**,**/.git/**,**/__pycache__/**}';

/** The lines of the workspace that made a part: one, several that fit equally well, or none. The innermost line of the trace that is found counts. */
export async function pythonPlaces({ source }: Pick<PartInfo, 'source'>): Promise<readonly PythonPlace[]> {
  if (source.length === 0) return [];
  const files = (await vscode.workspace.findFiles('**/*.py', EXCLUDED, MOST_FILES)).map(({ fsPath }) => fsPath);
  for (const line of source) {
    const places = await placesOf(line, files);
    if (places.length > 0) return places;
  }
  return [];
}

async function placesOf(line: SourceLine, files: readonly string[]): Promise<readonly PythonPlace[]> {
  const match = matchFile(line.file, files);
  // Of a package, the name alone says little: many have a rnn.py.
  if (match.kind === 'none' || (match.common < 2 && isPackaged(line.file))) return [];
  const found: (PythonPlace & { readonly kind: string })[] = [];
  for (const path of match.kind === 'one' ? [match.path] : match.paths.slice(0, 20)) {
    const text = await read(path);
    if (text === undefined) continue;
    const place = findLine(line, text);
    if (place.kind === 'gone') continue;
    const note =
      place.kind === 'moved'
        ? `The line has moved from ${line.line} to ${place.line} since the export.`
        : place.kind === 'unchecked'
          ? `The file has no text to check line ${line.line} by.`
          : undefined;
    found.push({ path, line: place.line, kind: place.kind, ...(note === undefined ? {} : { note }) });
  }
  const best = ['same', 'moved', 'unchecked'].find((kind) => found.some((each) => each.kind === kind));
  return found.filter(({ kind }) => kind === best).map(({ kind: _, ...place }) => place);
}

const isPackaged = (file: string): boolean => /(site|dist)-packages/.test(file);

const read = async (path: string): Promise<string | undefined> => {
  const open = vscode.workspace.textDocuments.find(({ uri }) => uri.fsPath === path);
  if (open !== undefined) return open.getText();
  return vscode.workspace.fs.readFile(vscode.Uri.file(path)).then(
    (bytes) => new TextDecoder().decode(bytes),
    () => undefined,
  );
};

/** Opens the line; asks where several fit. */
export async function showPython(places: readonly PythonPlace[], column?: vscode.ViewColumn): Promise<void> {
  const chosen =
    places.length < 2
      ? places[0]
      : (
          await vscode.window.showQuickPick(
            places.map((place) => ({ label: `${basename(place.path)}:${place.line}`, description: place.path, place })),
            { title: 'Python Source', placeHolder: 'Several lines fit equally well' },
          )
        )?.place;
  if (chosen === undefined) return;
  const line = new vscode.Position(chosen.line - 1, 0);
  const editor = await vscode.window.showTextDocument(vscode.Uri.file(chosen.path), {
    ...(column === undefined ? {} : { viewColumn: column }),
  });
  editor.selection = new vscode.Selection(line, line);
  editor.revealRange(new vscode.Range(line, line), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

/** Lights up the line that made the part which the debugger stands in, in every editor that shows it. */
export class PythonLight implements vscode.Disposable {
  readonly #type = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor('editor.focusedStackFrameHighlightBackground'),
    borderColor: new vscode.ThemeColor('contrastActiveBorder'),
    overviewRulerColor: new vscode.ThemeColor('editor.focusedStackFrameHighlightBackground'),
    overviewRulerLane: vscode.OverviewRulerLane.Full,
  });
  readonly #listener = vscode.window.onDidChangeVisibleTextEditors(() => this.#draw());
  #place: PythonPlace | undefined;
  #text = '';

  /** `text` stands at the line's end. */
  show(place: PythonPlace | undefined, text = ''): void {
    this.#place = place;
    this.#text = text;
    this.#draw();
  }

  dispose(): void {
    this.#type.dispose();
    this.#listener.dispose();
  }

  #draw(): void {
    const place = this.#place;
    for (const editor of vscode.window.visibleTextEditors) {
      const isHere = place !== undefined && editor.document.uri.fsPath === place.path && place.line <= editor.document.lineCount;
      const range = isHere ? editor.document.lineAt(place.line - 1).range : undefined;
      const after = { contentText: this.#text, margin: '0 0 0 2em', color: new vscode.ThemeColor('editor.inlineValuesForeground') };
      editor.setDecorations(this.#type, range === undefined ? [] : [{ range, renderOptions: { after } }]);
    }
  }
}
