// Sources and places in the client's words. A file is its path; what is no file gets a number, by which the client asks for its text.

import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { SourceRange } from '../shared/source.ts';
import { uriOfPath } from './places.ts';

/** A request that cannot be answered; the message is for the person. */
export class Refusal extends Error {}

export class ClientPlaces {
  readonly #firstLine: number;
  readonly #firstColumn: number;
  readonly #uris: string[] = [];

  /** The client says whether its lines and columns start at 1; they do where it does not say. */
  constructor({ linesStartAt1, columnsStartAt1 }: DebugProtocol.InitializeRequestArguments) {
    this.#firstLine = linesStartAt1 === false ? 0 : 1;
    this.#firstColumn = columnsStartAt1 === false ? 0 : 1;
  }

  range({ start, end }: SourceRange): { line: number; column: number; endLine: number; endColumn: number } {
    return {
      line: start.line + this.#firstLine,
      column: start.column + this.#firstColumn,
      endLine: end.line + this.#firstLine,
      endColumn: end.column + this.#firstColumn,
    };
  }

  /** Zero-based. */
  lineOf(line: number): number {
    return line - this.#firstLine;
  }

  /** Zero-based. */
  columnOf(column: number): number {
    return column - this.#firstColumn;
  }

  /** The source of a URI; the same number each time. */
  source(uri: string): DebugProtocol.Source {
    if (uri.startsWith('file:')) {
      const path = fileURLToPath(uri);
      return { name: basename(path), path };
    }
    let index = this.#uris.indexOf(uri);
    if (index < 0) index = this.#uris.push(uri) - 1;
    return { name: basename(uri), path: uri, sourceReference: index + 1, origin: 'read-only' };
  }

  /** The URI that a client means. */
  uri({ path, sourceReference }: Pick<DebugProtocol.Source, 'path' | 'sourceReference'>): string {
    const uri = sourceReference ? this.#uris[sourceReference - 1] : path === undefined ? undefined : uriOfPath(path);
    if (uri === undefined) throw new Refusal('This source is not known to the session.');
    return uri;
  }
}
