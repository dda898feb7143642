// Questions one after the other, with a way back: what VS Code calls a multi-step input.

import * as vscode from 'vscode';

export const back = Symbol('back');
/** What was answered; `back`: the question before again; undefined: no answer at all, which ends the whole. */
export type Answer<T> = T | typeof back | undefined;

/** A question: what it adds to what is known. */
export type Question<State> = (place: Place) => Promise<Answer<Partial<State>>>;

/** Where a question stands. */
export interface Place {
  readonly step: number;
  readonly canGoBack: boolean;
}

/** Asks until nothing is left to ask. `next` tells the question that is due; undefined where the user gave up. */
export async function ask<State extends object>(
  start: State,
  next: (state: State) => Question<State> | undefined,
): Promise<State | undefined> {
  const before: State[] = [];
  let state = start;
  for (;;) {
    const question = next(state);
    if (question === undefined) return state;
    const answer = await question({ step: before.length + 1, canGoBack: before.length > 0 });
    if (answer === undefined) return undefined;
    if (answer === back) state = before.pop() ?? start;
    else {
      before.push(state);
      state = { ...state, ...answer };
    }
  }
}

interface Common {
  readonly title: string;
  readonly placeholder?: string;
}

export interface Item<T> extends vscode.QuickPickItem {
  readonly value: T;
}

/** One of several. */
export function choose<T>(
  place: Place,
  { title, placeholder, items, active }: Common & { readonly items: readonly (Item<T> | vscode.QuickPickItem)[]; readonly active?: T },
): Promise<Answer<T>> {
  const picker = vscode.window.createQuickPick<Item<T>>();
  picker.items = items as readonly Item<T>[];
  picker.matchOnDescription = true;
  picker.matchOnDetail = true;
  const first = picker.items.find(({ value }) => active !== undefined && value === active);
  if (first !== undefined) picker.activeItems = [first];
  return settled(picker, place, { title, ...(placeholder === undefined ? {} : { placeholder }) }, () => picker.selectedItems[0]?.value);
}

/** Several of several, one at least. */
export function chooseMany<T>(
  place: Place,
  { title, placeholder, items, chosen }: Common & { readonly items: readonly Item<T>[]; readonly chosen: readonly T[] },
): Promise<Answer<readonly T[]>> {
  const picker = vscode.window.createQuickPick<Item<T>>();
  picker.canSelectMany = true;
  picker.items = items;
  picker.selectedItems = items.filter(({ value }) => chosen.includes(value));
  const given = (): readonly T[] | undefined => {
    const values = picker.selectedItems.map(({ value }) => value);
    return values.length === 0 ? undefined : values;
  };
  return settled(picker, place, { title, ...(placeholder === undefined ? {} : { placeholder }) }, given);
}

/** A text. `fault` says what is wrong with it, if anything is. */
export function write(
  place: Place,
  {
    title,
    placeholder,
    prompt,
    value,
    fault,
  }: Common & {
    readonly prompt: string;
    readonly value: string;
    readonly fault: (value: string) => string | undefined | Promise<string | undefined>;
  },
): Promise<Answer<string>> {
  const input = vscode.window.createInputBox();
  input.prompt = prompt;
  input.value = value;
  const judge = async (): Promise<boolean> => {
    const judged = input.value;
    const found = await fault(judged);
    if (judged === input.value) input.validationMessage = found;
    return found === undefined;
  };
  input.onDidChangeValue(() => void judge());
  void judge();
  return settled(input, place, { title, ...(placeholder === undefined ? {} : { placeholder }) }, async () =>
    (await judge()) ? input.value : undefined,
  );
}

/** Shows it until it is accepted with a value, left backwards, or closed. */
function settled<T>(
  input: vscode.QuickPick<Item<unknown>> | vscode.InputBox,
  { step, canGoBack }: Place,
  { title, placeholder }: Common,
  value: () => T | undefined | Promise<T | undefined>,
): Promise<Answer<T>> {
  input.title = title;
  input.step = step;
  input.placeholder = placeholder;
  input.ignoreFocusOut = true;
  if (canGoBack) input.buttons = [vscode.QuickInputButtons.Back];
  return new Promise((resolve) => {
    const end = (answer: Answer<T>): void => {
      resolve(answer);
      input.dispose();
    };
    input.onDidAccept(async () => {
      const given = await value();
      if (given !== undefined) end(given);
    });
    input.onDidTriggerButton((button) => {
      if (button === vscode.QuickInputButtons.Back) end(back);
    });
    input.onDidHide(() => end(undefined));
    input.show();
  });
}
