// What a model shall read before it writes: asked for in a list.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { SourceChoice, SourceOfRun } from '../engine/requests.ts';

const SOURCE = 'unroll.source';

/** What the model shall read: typed, or one of the held-out examples. */
export async function askForSource(
  run: string,
  { name, examples, image }: SourceOfRun,
  memory: vscode.Memento,
): Promise<SourceChoice | undefined> {
  const title = `${basename(run)} writes: from what?`;
  if (image) {
    const file = { label: '$(file-media) Choose an image ...', description: '.png, .jpg' };
    const example = { label: '$(list-ordered) An example of its data ...' };
    const chosen = await vscode.window.showQuickPick([file, example], { title });
    if (chosen === undefined) return undefined;
    if (chosen === file) {
      const filters = { Images: ['png', 'jpg', 'jpeg'] };
      const [uri] = (await vscode.window.showOpenDialog({ title, openLabel: 'Take This', filters })) ?? [];
      return uri === undefined ? undefined : { kind: 'file', path: uri.fsPath };
    }
  }
  if (name === undefined) {
    const index = await vscode.window.showInputBox({
      title,
      prompt: 'The model reads more than a text: the place of an example in the held-out part of its data',
      value: '0',
      validateInput: (value) => (/^\d+$/.test(value) ? undefined : 'A whole number, from 0'),
    });
    return index === undefined ? undefined : { kind: 'example', index: Number(index) };
  }
  const before = memory.get<string>(`${SOURCE} ${name}`);
  const offered = [...new Set([...(before === undefined ? [] : [before]), ...examples])];
  const pick = vscode.window.createQuickPick();
  pick.title = title;
  pick.placeholder = `Type \`${name}\`, or take one of the held-out examples`;
  const show = (typed: string): void => {
    const own = typed.trim() === '' || offered.includes(typed) ? [] : [{ label: typed, alwaysShow: true, description: 'as typed' }];
    pick.items = [...own, ...offered.map((label) => ({ label }))];
  };
  show('');
  pick.onDidChangeValue(show);
  const chosen = await new Promise<string | undefined>((settle) => {
    pick.onDidAccept(() => settle(pick.selectedItems[0]?.label ?? (pick.value.trim() || undefined)));
    pick.onDidHide(() => settle(undefined));
    pick.show();
  });
  pick.dispose();
  if (chosen === undefined) return undefined;
  await memory.update(`${SOURCE} ${name}`, chosen);
  return { kind: 'text', text: chosen };
}
