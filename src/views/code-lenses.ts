// Train above a `train` statement; Debug and Export above a model.

import * as vscode from 'vscode';

export class CodeLenses implements vscode.CodeLensProvider {
  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const lenses: vscode.CodeLens[] = [];
    for (const { kind, name, index, range } of statementsOf(document)) {
      const lens = (title: string, command: string, ...rest: unknown[]): void => {
        lenses.push(new vscode.CodeLens(range, { title, command, arguments: [document.uri, ...rest] }));
      };
      if (kind === 'train') lens('$(play) Train', 'unroll.train', index);
      if (kind === 'generate') lens('$(edit) Generate', 'unroll.generate', name);
      if (kind !== 'model') continue;
      lens('$(debug-alt) Debug', 'unroll.debug', name);
      lens('$(export) Export', 'unroll.export', name);
    }
    return lenses;
  }
}

export interface Statement {
  readonly kind: 'model' | 'train' | 'generate';
  /** The model that it names. */
  readonly name: string;
  /** Which of its kind in the file, from 0. */
  readonly index: number;
  readonly range: vscode.Range;
}

/** The models, trainings and generations of a source. Each of these words begins a line; block comments are left out. */
export function statementsOf(document: vscode.TextDocument): Statement[] {
  const text = document.getText().replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '));
  const counts = { model: 0, train: 0, generate: 0 };
  return Array.from(text.matchAll(/^[ \t]*(model|train|generate)[ \t]+([\p{L}_][\p{L}\p{M}\p{N}_]*)/gmu), (match) => {
    const kind = match[1] as Statement['kind'];
    const range = new vscode.Range(document.positionAt(match.index), document.positionAt(match.index + match[0].length));
    return { kind, name: match[2]!, index: counts[kind]++, range };
  });
}
