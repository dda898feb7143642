// Sources and places as the Debug Adapter Protocol has them. A file is its path; what is no file (a run's own copy of a library cell) gets a
// number, by which the client asks for its text.

import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { SourceRange } from '../shared/source.ts';
import { uriOfPath } from './places.ts';

export class Sources {
  readonly #uris: string[] = [];

  /** The protocol's words for a URI; the same number each time. */
  of(uri: string): DebugProtocol.Source {
    if (uri.startsWith('file:')) {
      const path = fileURLToPath(uri);
      return { name: basename(path), path };
    }
    let index = this.#uris.indexOf(uri);
    if (index < 0) index = this.#uris.push(uri) - 1;
    return { name: basename(uri), path: uri, sourceReference: index + 1, origin: 'read-only' };
  }

  /** The URI that a client means; undefined where it names none. */
  uri({ path, sourceReference }: DebugProtocol.Source): string | undefined {
    if (sourceReference) return this.#uris[sourceReference - 1];
    return path === undefined ? undefined : uriOfPath(path);
  }
}

/** How the client counts: DAP leaves it to say whether lines and columns start at 1. */
export interface Counting {
  readonly lines: 0 | 1;
  readonly columns: 0 | 1;
}

export const placeOf = (
  { start, end }: SourceRange,
  { lines, columns }: Counting,
): { line: number; column: number; endLine: number; endColumn: number } => ({
  line: start.line + lines,
  column: start.column + columns,
  endLine: end.line + lines,
  endColumn: end.column + columns,
});
