// What is known of data files while one writes: whether they are there, and their columns; looked at again where they have changed.

import { basename } from 'node:path';
import type { FileFacts } from './data-faults.ts';

interface Known extends FileFacts {
  readonly changed: number;
}

/** Columns are read of files that have some. */
const hasColumns = /\.(csv|tsv|tab|jsonl|ndjson|np[yz])$/i;

export class FactsOfFiles {
  readonly #known = new Map<string, Known>();
  readonly #changedAt: (path: string) => Promise<number>;
  readonly #columns: (path: string) => Promise<readonly { readonly name: string }[]>;
  readonly #beside: (path: string) => Promise<readonly string[]>;

  constructor(
    changedAt: (path: string) => Promise<number>,
    columns: (path: string) => Promise<readonly { readonly name: string }[]>,
    beside: (path: string) => Promise<readonly string[]>,
  ) {
    this.#changedAt = changedAt;
    this.#columns = columns;
    this.#beside = beside;
  }

  readonly of = (path: string): FileFacts | undefined => this.#known.get(path);

  /** Looks at the files; whether something is known now that was not, or is other than it was. */
  async look(paths: readonly string[]): Promise<boolean> {
    const news = await Promise.all(paths.map((path) => this.#lookAt(path)));
    return news.includes(true);
  }

  async #lookAt(path: string): Promise<boolean> {
    const before = this.#known.get(path);
    const changed = await this.#changedAt(path).catch(() => -1);
    if (before?.changed === changed) return false;
    if (changed < 0) {
      const beside = await this.#beside(path).catch(() => []);
      this.#known.set(path, { exists: false, changed, beside: beside.filter((name) => name !== basename(path)) });
      return true;
    }
    const columns = hasColumns.test(path) ? await this.#columns(path).catch(() => undefined) : undefined;
    this.#known.set(path, { exists: true, changed, ...(columns === undefined ? {} : { columns: columns.map(({ name }) => name) }) });
    return true;
  }
}
