// The examples that come with the extension: opened where the workspace has them, else copied into a folder, so that their runs lie in no extension.

import { basename, dirname, join } from 'node:path';
import * as vscode from 'vscode';

/** What a source names: its data, and files of cells. */
const NAMED = /"([^"/\\]+\.(?:txt|csv|tsv|jsonl|npz|rnn))"/g;

/** Opens an example (`text.rnn`), or the one that is chosen. `root`: the folder of the extension. The file; undefined where the user gave up. */
export async function openExample(root: string, asked?: string): Promise<vscode.Uri | undefined> {
  const folder = vscode.Uri.file(join(root, 'examples'));
  const name = asked ?? (await chooseExample(folder));
  if (name === undefined) return undefined;
  const file = (await ownExample(name)) ?? (await copied(folder, name));
  if (file !== undefined) await vscode.window.showTextDocument(file, { preview: false });
  return file;
}

async function chooseExample(folder: vscode.Uri): Promise<string | undefined> {
  const names = (await vscode.workspace.fs.readDirectory(folder)).map(([name]) => name).filter((name) => name.endsWith('.rnn'));
  const items = await Promise.all(
    names.toSorted().map(async (label) => {
      const text = Buffer.from(await vscode.workspace.fs.readFile(vscode.Uri.joinPath(folder, label))).toString('utf8');
      return { label, description: /^\/\/\/? (.*)$/m.exec(text)?.[1] ?? '' };
    }),
  );
  return (await vscode.window.showQuickPick(items, { title: 'Open Example', placeHolder: 'Which one?', matchOnDescription: true }))?.label;
}

/** The example in the workspace, with its data beside it. */
async function ownExample(name: string): Promise<vscode.Uri | undefined> {
  const found = await vscode.workspace.findFiles(`**/${name}`, '{**/runs/**,**/node_modules/**}', 8);
  for (const file of found) {
    const wanted = await namedBy(file);
    const there = await Promise.all(wanted.map((other) => exists(vscode.Uri.joinPath(file, '..', other))));
    if (there.every(Boolean)) return file;
  }
  return undefined;
}

/** A copy with all that it needs. Nothing is overwritten. */
async function copied(folder: vscode.Uri, name: string): Promise<vscode.Uri | undefined> {
  const target = await targetFolder();
  if (target === undefined) return undefined;
  const source = vscode.Uri.joinPath(folder, name);
  const edit = new vscode.WorkspaceEdit();
  for (const each of [name, ...(await namedBy(source))]) {
    const [from, to] = [vscode.Uri.joinPath(folder, each), vscode.Uri.joinPath(target, each)];
    if (!(await exists(from)) || (await exists(to))) continue;
    edit.createFile(to, { contents: await vscode.workspace.fs.readFile(from), overwrite: false });
  }
  await vscode.workspace.fs.createDirectory(target);
  if (!(await vscode.workspace.applyEdit(edit)))
    throw new Error(`The example could not be copied into ${target.fsPath}. May the folder be written?`);
  return vscode.Uri.joinPath(target, name);
}

async function targetFolder(): Promise<vscode.Uri | undefined> {
  const [open] = vscode.workspace.workspaceFolders ?? [];
  if (open !== undefined) {
    const own = vscode.Uri.joinPath(open.uri, 'unroll-examples');
    const here = `Into ${basename(dirname(own.fsPath))}/${basename(own.fsPath)}`;
    const choice = await vscode.window.showInformationMessage(
      'The example and its data are copied into a folder: its runs will lie there too.',
      { modal: true },
      here,
      'Another Folder...',
    );
    if (choice === undefined) return undefined;
    if (choice === here) return own;
  }
  const [chosen] =
    (await vscode.window.showOpenDialog({ title: 'Folder for the example', canSelectFolders: true, canSelectFiles: false })) ?? [];
  return chosen;
}

async function namedBy(file: vscode.Uri): Promise<readonly string[]> {
  const text = Buffer.from(await vscode.workspace.fs.readFile(file)).toString('utf8');
  return Array.from(text.replace(/\/\/.*$/gm, '').matchAll(NAMED), (match) => match[1]!);
}

const exists = (file: vscode.Uri): Promise<boolean> =>
  Promise.resolve(
    vscode.workspace.fs.stat(file).then(
      () => true,
      () => false,
    ),
  );
