// Questions one after the other. Each stays until the next one stands, so that the focus is not given back to the editor between them: a page
// takes it late, and would take it from the next question.

import * as vscode from 'vscode';

let standing: vscode.QuickInput | undefined;

interface Asked {
  readonly title: string;
  readonly placeHolder?: string;
}

/** One entry of a list; undefined where the person turned away. `active`: the label of the entry that is chosen at first. */
export function pickOne<Item extends vscode.QuickPickItem>(
  items: readonly Item[],
  { active, ...asked }: Asked & { readonly active?: string },
): Promise<Item | undefined> {
  const pick = listOf(items, asked);
  if (active !== undefined) pick.activeItems = items.filter(({ label }) => label === active);
  return answered(pick, () => pick.selectedItems[0]);
}

/** Several entries of a list; those with `picked` at first. */
export function pickSeveral<Item extends vscode.QuickPickItem>(items: readonly Item[], asked: Asked): Promise<readonly Item[] | undefined> {
  const pick = listOf(items, asked);
  pick.canSelectMany = true;
  pick.selectedItems = items.filter(({ picked }) => picked);
  return answered(pick, () => pick.selectedItems);
}

/** A text without a fault; undefined where the person turned away. `fault`: a sentence where it has one. */
export function askText({
  title,
  prompt,
  value,
  fault,
}: {
  readonly title: string;
  readonly prompt: string;
  readonly value: string;
  readonly fault: (text: string) => string | undefined;
}): Promise<string | undefined> {
  const box = vscode.window.createInputBox();
  Object.assign(box, { title, prompt, value });
  box.onDidChangeValue((text) => {
    box.validationMessage = fault(text) ?? '';
  });
  return answered(box, () => {
    const wrong = fault(box.value);
    box.validationMessage = wrong ?? '';
    return wrong === undefined ? box.value : undefined;
  });
}

/** There is no further question. */
export function doneAsking(): void {
  standing?.dispose();
  standing = undefined;
}

function listOf<Item extends vscode.QuickPickItem>(items: readonly Item[], { title, placeHolder = '' }: Asked): vscode.QuickPick<Item> {
  const pick = vscode.window.createQuickPick<Item>();
  pick.items = items;
  pick.matchOnDescription = true;
  pick.title = title;
  pick.placeholder = placeHolder;
  return pick;
}

/** Shows a question in the place of the one before. Where `read` gives nothing, it stays. */
function answered<Answer>(
  input: vscode.QuickInput & { readonly onDidAccept: vscode.Event<void> },
  read: () => Answer | undefined,
): Promise<Answer | undefined> {
  const before = standing;
  standing = input;
  input.ignoreFocusOut = true;
  return new Promise((resolve) => {
    let isOver = false;
    const end = (answer: Answer | undefined): void => {
      if (isOver) return;
      isOver = true;
      resolve(answer);
    };
    input.onDidAccept(() => {
      const answer = isOver ? undefined : read();
      if (answer === undefined) return;
      Object.assign(input, { enabled: false, busy: true });
      end(answer);
    });
    input.onDidHide(() => end(undefined));
    input.show();
    before?.dispose();
  });
}
