// Completion in the debug console and in conditions: the names in reach of the frame, the fields of a call, the functions.

import type { DebugProtocol } from '@vscode/debugprotocol';
import { ELSEWHERE, FUNCTIONS } from './functions.ts';
import type { Names } from './names.ts';

/** `before` is the text up to the cursor. */
export const completions = (names: Names, before: string): DebugProtocol.CompletionItem[] => {
  const field = /([\p{L}_][\p{L}\p{N}_]*'?)(?:\[(\d+)\])?\.([\p{L}\p{N}_]*)$/u.exec(before);
  if (field) {
    const calls = names.calls(field[1]!);
    const instance = field[2] === undefined ? calls.at(-1) : calls[Number(field[2])];
    const fields = [...(instance?.lines ?? []), ...(instance?.inputs ?? []), ...(instance?.weights ?? [])];
    return starting(
      fields.map(({ name }) => ({ label: name, type: 'field' as const })),
      field[3]!,
      before.length,
    );
  }
  const word = /[\p{L}_][\p{L}\p{N}_]*$/u.exec(before)?.[0] ?? '';
  const items: { label: string; type: DebugProtocol.CompletionItemType }[] = [
    ...names.all().map(({ name }) => ({ label: name, type: 'variable' as const })),
    ...['t', 'T', 'token'].map((label) => ({ label, type: 'value' as const })),
    ...[...ELSEWHERE, ...Object.keys(FUNCTIONS)].map((label) => ({ label, type: 'function' as const })),
  ];
  return starting(items, word, before.length);
};

const starting = (
  items: readonly { readonly label: string; readonly type: DebugProtocol.CompletionItemType }[],
  word: string,
  column: number,
): DebugProtocol.CompletionItem[] =>
  items
    .filter(({ label }) => label.startsWith(word))
    .map(({ label, type }) => ({ label, type, start: column - word.length, length: word.length }));
