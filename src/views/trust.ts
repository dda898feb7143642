// An untrusted folder can be looked at, but nothing of it is run.

import * as vscode from 'vscode';

/** Whether the folder may do `what` (`Training`, `Debugging`); else says why not, and offers the way out. */
export async function trustedFor(what: string): Promise<boolean> {
  if (vscode.workspace.isTrusted) return true;
  const manage = 'Manage Trust';
  const choice = await vscode.window.showWarningMessage(
    `${what} is off, because this folder is in restricted mode: models in it can be looked at, but neither trained nor debugged.`,
    manage,
  );
  if (choice === manage) await vscode.commands.executeCommand('workbench.trust.manage');
  return false;
}
