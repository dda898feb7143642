// Train above a `train` statement, Preview above data; Debug, Analyse, Export and Compare above a model.

import * as vscode from 'vscode';
import { conversesIn } from './converses.ts';

export class CodeLenses implements vscode.CodeLensProvider {
  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const lenses: vscode.CodeLens[] = [];
    const all = statementsOf(document);
    for (const { kind, name, index, range, isList } of all) {
      const lens = (title: string, command: string, ...rest: unknown[]): void => {
        lenses.push(new vscode.CodeLens(range, { title, command, arguments: [document.uri, ...rest] }));
      };
      if (kind === 'train') lens(isList ? '$(play) Train All' : '$(play) Train', 'unroll.train', index);
      if (kind === 'train' && isList) lens('$(git-compare) Compare', 'unroll.compare', name);
      if (kind === 'data') lens('$(table) Preview Data', 'unroll.previewData', name);
      if (kind === 'generate') lens('$(edit) Generate', 'unroll.generate', name);
      const talk = kind === 'generate' ? conversesIn(document.getText(), name) : undefined;
      if (talk === 'chat') lens('$(comment-discussion) Chat', 'unroll.chat', name);
      if (talk === 'translation') lens('$(comment-discussion) Translate', 'unroll.translate', name);
      if (kind !== 'model') continue;
      lens('$(debug-alt) Debug', 'unroll.debug', name);
      // What was made for a model of others has no runs.
      if (document.fileName.endsWith('.onnx.rnn')) continue;
      lens('$(pulse) Analyse Memory', 'unroll.analyse', name);
      lens('$(export) Export', 'unroll.export', name);
      if (all.filter((each) => each.kind === 'train' && each.name === name).length > 1)
        lens('$(git-compare) Compare', 'unroll.compare', name);
    }
    return lenses;
  }
}

export interface Statement {
  readonly kind: 'model' | 'data' | 'train' | 'generate';
  /** The model that it names. */
  readonly name: string;
  /** Which of its kind in the file, from 0. */
  readonly index: number;
  readonly range: vscode.Range;
  /** A training with a list of cells. */
  readonly isList: boolean;
}

/** The models, trainings and generations of a source. Each of these words begins a line; block comments are left out. */
export function statementsOf(document: vscode.TextDocument): Statement[] {
  const text = document.getText().replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '));
  const counts = { model: 0, data: 0, train: 0, generate: 0 };
  return Array.from(
    text.matchAll(/^[ \t]*(model|data|train|generate)[ \t]+([\p{L}_][\p{L}\p{M}\p{N}_]*)(\([^)\n]*\[[^\]\n]*,)?/gmu),
    (match) => {
      const kind = match[1] as Statement['kind'];
      const range = new vscode.Range(document.positionAt(match.index), document.positionAt(match.index + match[0].length));
      return { kind, name: match[2]!, index: counts[kind]++, range, isList: kind === 'train' && match[3] !== undefined };
    },
  );
}
