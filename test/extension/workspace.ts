import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';

/** A folder with a small model and its text. */
export function smallModel(cell = 'lstm(x, 8)'): { readonly folder: string; readonly source: vscode.Uri } {
  const folder = mkdtempSync(join(tmpdir(), 'unroll-test-'));
  writeFileSync(join(folder, 'abc.txt'), 'abcde, fgh. '.repeat(200));
  writeFileSync(
    join(folder, 'small.rnn'),
    [
      'model Small(input: [T] of Char) {',
      '  x      = embed(input, 4)',
      `  h      = ${cell}`,
      '  logits = linear(h, Char)',
      '  loss   = cross_entropy(logits, next(input))',
      '}',
      '',
      'data abc = text("abc.txt", by: char)',
      '',
      'train Small on abc { steps: 20, batch: 4, window: 16 }',
      '',
    ].join('\n'),
  );
  return { folder, source: vscode.Uri.file(join(folder, 'small.rnn')) };
}

/** Asks again until the answer is there. */
export async function eventually<T>(what: string, ask: () => T | undefined | Promise<T | undefined>, patience = 30_000): Promise<T> {
  for (const end = Date.now() + patience; Date.now() < end; await sleep(50)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  throw new Error(`${what}: not within ${patience / 1000} s`);
}
