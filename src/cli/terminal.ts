// Where a command writes, and how faults look there.

import { isAbsolute, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Engine } from '../engine/client.ts';
import type { SourceRange } from '../shared/source.ts';

export interface Terminal {
  out(text: string): void;
  error(text: string): void;
  /** The working folder, absolute: paths are shown from it. */
  readonly folder: string;
  /** The width, where the output is a terminal that lines can be rewritten on. */
  readonly columns: number | undefined;
  /** Lines as they are typed or piped, until there are no more; absent where nothing can be read. */
  readonly lines?: () => AsyncIterableIterator<string>;
  /** Ctrl+C, or the system's wish that the process ends. */
  onInterrupt(listener: () => void): void;
}

export interface Surroundings {
  readonly terminal: Terminal;
  readonly engine: Engine;
}

/** `model.rnn:3:12: ` with line and column from 1. */
export function placeText({ uri, start }: SourceRange, folder: string): string {
  const path = uri.startsWith('file:') ? fileURLToPath(uri) : uri;
  const shown = relative(folder, path);
  return `${shown.startsWith('..') || isAbsolute(shown) ? path : shown}:${start.line + 1}:${start.column + 1}: `;
}

/** An error in a line of text, with its place where it has one. */
export function errorText(error: unknown, folder: string): string {
  if (!(error instanceof Error)) return String(error);
  const { place } = error as Error & { readonly place?: SourceRange };
  return `${place === undefined ? '' : placeText(place, folder)}${error.message}`;
}
