// The values of a stop, each at the end of its equation. VS Code's own inline values stand behind the line's comment, which in a cell of the
// library is out of sight when the panel is open beside it.

import * as vscode from 'vscode';
import type { InlineValue } from '../debug/inline.ts';

export class LineValues implements vscode.Disposable {
  #values: readonly InlineValue[] = [];
  readonly #type = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    after: {
      margin: '0 0 0 1.5em',
      color: new vscode.ThemeColor('editor.inlineValuesForeground'),
      backgroundColor: new vscode.ThemeColor('editor.inlineValuesBackground'),
    },
  });
  readonly #listeners = [
    vscode.window.onDidChangeVisibleTextEditors((editors) => {
      for (const editor of editors) this.#decorate(editor);
    }),
  ];

  show(values: readonly InlineValue[]): void {
    this.#values = vscode.workspace.getConfiguration('debug').get('inlineValues') === 'off' ? [] : values;
    for (const editor of vscode.window.visibleTextEditors) this.#decorate(editor);
  }

  dispose(): void {
    this.#type.dispose();
    for (const listener of this.#listeners) listener.dispose();
  }

  #decorate(editor: vscode.TextEditor): void {
    if (editor.document.languageId !== 'unroll') return;
    const own = this.#values.filter(({ range }) => vscode.Uri.parse(range.uri).fsPath === editor.document.uri.fsPath);
    editor.setDecorations(
      this.#type,
      own.map(({ range: { end }, text }) => {
        const place = new vscode.Position(end.line, end.column);
        return { range: new vscode.Range(place, place), renderOptions: { after: { contentText: ` ${text} ` } } };
      }),
    );
  }
}
