// Which names stand at line ends, and what a hover evaluates, while a model is stepped through. The debugger evaluates them.

import * as vscode from 'vscode';

const name = "[\\p{L}_][\\p{L}\\p{M}\\p{N}_]*'?";
const equation = new RegExp(`^[ \\t]*(${name})[ \\t]*(?::[^=]*)?=(?!=)`, 'u');
const block = /^[ \t]*(?:cell|model|data|train|generate)\b/;

/** The value of each equation of the cell in which the debugger stands, down to its line. */
export class InlineValues implements vscode.InlineValuesProvider {
  provideInlineValues(document: vscode.TextDocument, _viewPort: vscode.Range, context: vscode.InlineValueContext): vscode.InlineValue[] {
    const values: vscode.InlineValue[] = [];
    for (let line = context.stoppedLocation.end.line; line >= 0; line -= 1) {
      const { text } = document.lineAt(line);
      if (block.test(text)) break;
      const match = equation.exec(text);
      if (match === null || /^[ \t]*(?:param|state)\b/.test(text)) continue;
      const start = match[0].indexOf(match[1]!);
      values.push(new vscode.InlineValueEvaluatableExpression(new vscode.Range(line, start, line, start + match[1]!.length), match[1]!));
    }
    return values;
  }
}

/** A name with its prime, and the call that it is a field of (`h.f`, `h[1].c`). */
export class HoverExpressions implements vscode.EvaluatableExpressionProvider {
  provideEvaluatableExpression(document: vscode.TextDocument, position: vscode.Position): vscode.EvaluatableExpression | undefined {
    const path = new RegExp(`(?:[\\p{L}_][\\p{L}\\p{M}\\p{N}_]*(?:\\[\\d+\\])?\\.)*${name}`, 'u');
    const range = document.getWordRangeAtPosition(position, path);
    return range === undefined ? undefined : new vscode.EvaluatableExpression(range);
  }
}
