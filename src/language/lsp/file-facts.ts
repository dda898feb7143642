// What is known of data files while one writes: whether they are there, and their columns; looked at again where they have changed.

import { basename } from 'node:path';
import type { FileFacts, FileRequest } from './data-faults.ts';

interface Known extends FileFacts {
  readonly changed: number;
}

/** Columns are read of files that have some. */
const hasColumns = /\.(csv|tsv|tab|jsonl|ndjson|np[yz])$/i;

/** Requests that are remembered. */
const MOST = 100;

export class FactsOfFiles {
  readonly #known = new Map<string, Known>();
  readonly #changedAt: (path: string) => Promise<number>;
  readonly #columns: (path: string, request: FileRequest) => Promise<readonly { readonly name: string }[]>;
  readonly #beside: (path: string) => Promise<readonly string[]>;

  constructor(
    changedAt: (path: string) => Promise<number>,
    columns: (path: string, request: FileRequest) => Promise<readonly { readonly name: string }[]>,
    beside: (path: string) => Promise<readonly string[]>,
  ) {
    this.#changedAt = changedAt;
    this.#columns = columns;
    this.#beside = beside;
  }

  readonly of = (request: FileRequest): FileFacts | undefined => this.#known.get(keyOf(request));

  /** Looks at the files; whether something is known now that was not, or is other than it was. */
  async look(requests: readonly FileRequest[]): Promise<boolean> {
    const news = await Promise.all(requests.map((request) => this.#lookAt(request)));
    return news.includes(true);
  }

  async #lookAt(request: FileRequest): Promise<boolean> {
    const { path } = request;
    const before = this.of(request) as Known | undefined;
    const changed = await this.#changedAt(path).catch(() => -1);
    if (before?.changed === changed) return false;
    if (changed < 0) {
      const beside = await this.#beside(path).catch(() => []);
      this.#remember(request, { exists: false, changed, beside: beside.filter((name) => name !== basename(path)) });
      return true;
    }
    const columns = hasColumns.test(path) ? await this.#columns(path, request).catch(() => undefined) : undefined;
    this.#remember(request, { exists: true, changed, ...(columns === undefined ? {} : { columns: columns.map(({ name }) => name) }) });
    return true;
  }

  #remember(request: FileRequest, known: Known): void {
    this.#known.set(keyOf(request), known);
    for (const key of this.#known.keys()) {
      if (this.#known.size <= MOST) break;
      this.#known.delete(key);
    }
  }
}

const keyOf = ({ path, names, header }: FileRequest): string => JSON.stringify([path, names, header]);
