// What stands at line ends, and what a hover evaluates, while a model is stepped through.

import * as vscode from 'vscode';

import type { Session } from './debug-session.ts';

/** The values of the lines of all cells on the stack. */
export class InlineValues implements vscode.InlineValuesProvider {
  readonly #session: () => Session | undefined;

  constructor(session: () => Session | undefined) {
    this.#session = session;
  }

  async provideInlineValues(document: vscode.TextDocument, viewPort: vscode.Range): Promise<vscode.InlineValue[]> {
    const values = (await this.#session()?.inlineValues()) ?? [];
    return values
      .filter(({ range }) => vscode.Uri.parse(range.uri).fsPath === document.uri.fsPath)
      .map(
        ({ range: { start, end }, text }) =>
          new vscode.InlineValueText(new vscode.Range(start.line, start.column, end.line, end.column), text),
      )
      .filter(({ range }) => viewPort.intersection(range) !== undefined);
  }
}

const name = "[\\p{L}_][\\p{L}\\p{M}\\p{N}_]*'?";

/** A name with its prime, and the call that it is a field of (`h.f`, `h[1].c`). */
export class HoverExpressions implements vscode.EvaluatableExpressionProvider {
  provideEvaluatableExpression(document: vscode.TextDocument, position: vscode.Position): vscode.EvaluatableExpression | undefined {
    const path = new RegExp(`(?:[\\p{L}_][\\p{L}\\p{M}\\p{N}_]*(?:\\[\\d+\\])?\\.)*${name}`, 'u');
    const range = document.getWordRangeAtPosition(position, path);
    return range === undefined ? undefined : new vscode.EvaluatableExpression(range);
  }
}
