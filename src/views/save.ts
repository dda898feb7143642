// Asks for format and place of an export, and writes it.

import * as vscode from 'vscode';
import type { ExportedFile } from './export.ts';

const FORMATS = [
  { label: 'PNG', description: 'the view as a picture', format: 'png' },
  { label: 'SVG', description: 'the view as a drawing', format: 'svg' },
  { label: 'CSV', description: 'the numbers of the row in the window, a line a timestep', format: 'csv' },
  { label: 'NPY', description: 'the same for numpy, float32 [timesteps, units]', format: 'npy' },
] as const;

/** The path that was written; undefined where the user gave up. */
export async function saveExport(file: (format: ExportedFile['format']) => Promise<ExportedFile>): Promise<string | undefined> {
  const picked = await vscode.window.showQuickPick(FORMATS, { title: 'Export the view as' });
  if (picked === undefined) return undefined;
  const made = await file(picked.format);
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file('.');
  const name = `${made.name.replaceAll(/[^\p{L}\p{N}._-]+/gu, '-')}.${made.format}`;
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(folder, name),
    filters: { [picked.label]: [made.format] },
  });
  if (target === undefined) return undefined;
  await vscode.workspace.fs.writeFile(target, made.bytes);
  return target.fsPath;
}
