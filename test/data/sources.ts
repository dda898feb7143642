// Data written into a folder of its own, and what a model would want of it.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError } from '../../src/data/errors.ts';
import type { InputShape } from '../../src/shared/dataset.ts';
import type { ArraysSource, SeriesSource, TableSource, TaskSource, TextSource } from '../../src/shared/settings.ts';

export interface Folder {
  readonly path: string;
  write(name: string, content: string | Uint8Array): string;
  remove(): void;
}

export function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'unroll-data-'));
  return {
    path,
    write(name, content) {
      writeFileSync(join(path, name), content);
      return join(path, name);
    },
    remove: () => rmSync(path, { recursive: true }),
  };
}

const split = { validation: 0, test: 0, seed: 1 };
const cutting = { by: 'char', lower: false, minimum: 1 } as const;

export const text = (path: string, more: Partial<TextSource> = {}): TextSource => ({ kind: 'text', path, ...cutting, ...split, ...more });
export const table = (path: string, more: Partial<TableSource> = {}): TableSource => {
  return { kind: 'table', path, ...cutting, ...split, bindings: {}, normalise: false, ...more };
};
export const series = (path: string, more: Partial<SeriesSource> = {}): SeriesSource => {
  return { kind: 'series', path, ...split, bindings: {}, window: 3, stride: 1, normalise: false, ...more };
};
export const arrays = (path: string, more: Partial<ArraysSource> = {}): ArraysSource => {
  return { kind: 'arrays', path, ...split, bindings: {}, normalise: false, ...more };
};
export const task = (name: TaskSource['task'], more: Partial<TaskSource> = {}): TaskSource => {
  return { kind: 'task', task: name, options: {}, ...split, ...more };
};

/** `name: [T] of Letter`, `total: [1]`, `answer: one of Language`, `next x: [T, 2]` (predicted), `= y: [T]` (only compared with). */
export function input(written: string): InputShape {
  const match = /^(next |= )?(\w+): (?:\[([^\]]*)\](?: of (\w+))?|one of (\w+))$/.exec(written);
  assert.ok(match !== null, written);
  const [, kind, name, sizes = '', classes, label] = match;
  const shape = sizes
    .split(',')
    .map((size) => size.trim())
    .filter((size) => size !== '')
    .map((size) => (/^\d+$/.test(size) ? Number(size) : size));
  const of = classes ?? label;
  return { name: name!, shape, ...(of === undefined ? {} : { classes: of }), predicted: kind === 'next ', compared: kind === '= ' };
}

/** What is said of an action that must fail: what it is about, and the words; without the folder. */
export async function faultOf(action: () => unknown, folder: Folder): Promise<string> {
  try {
    await action();
  } catch (error) {
    assert.ok(error instanceof DataError, error instanceof Error ? error.stack : String(error));
    return `${error.about}: ${error.message.replaceAll(folder.path, '')}`;
  }
  return 'accepted';
}
