// What a hover evaluates while a model is stepped through.

import * as vscode from 'vscode';

const name = '[\\p{L}_][\\p{L}\\p{M}\\p{N}_]*';
/** A name with its prime, and the calls that it is a field of: `c'`, `h.f`, `h[1].c`. */
const path = new RegExp(`(?:${name}(?:\\[\\d+\\])?\\.)*${name}'?`, 'u');

export class HoverExpressions implements vscode.EvaluatableExpressionProvider {
  provideEvaluatableExpression(document: vscode.TextDocument, position: vscode.Position): vscode.EvaluatableExpression | undefined {
    const range = document.getWordRangeAtPosition(position, path);
    return range === undefined ? undefined : new vscode.EvaluatableExpression(range);
  }
}
