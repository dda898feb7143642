// `Unroll: Getting Started`: the walkthrough, and the contexts by which its steps are checked off.

import * as vscode from 'vscode';

const WALKTHROUGH = 'unroll.unroll#unroll.start';

export const openWalkthrough = (): Thenable<unknown> =>
  vscode.commands.executeCommand('workbench.action.openWalkthrough', WALKTHROUGH, false);

/** Notes once that a fault of a model was shown (`unroll.faultSeen`). */
export function noteFaults(): vscode.Disposable {
  const listener = vscode.languages.onDidChangeDiagnostics(({ uris }) => {
    const isFault = uris.some(
      (uri) =>
        uri.path.endsWith('.rnn') &&
        vscode.languages.getDiagnostics(uri).some(({ severity }) => severity === vscode.DiagnosticSeverity.Error),
    );
    if (!isFault) return;
    listener.dispose();
    void vscode.commands.executeCommand('setContext', 'unroll.faultSeen', true);
  });
  return listener;
}
