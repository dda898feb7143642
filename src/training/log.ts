// The log of a run: a JSON object a line, only ever appended to. A line that a kill has torn is dropped when it is read, and cut off before
// the next is written. Where a run went on from an earlier step, a line says so, and what had been logged after that step counts no more.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { StepRecord } from '../shared/training.ts';
import { cannotWrite } from './files.ts';

export type LogLine = StepRecord | { readonly kind: 'resumed'; readonly step: number };

export interface Log {
  /** Handed to the system before it returns, so that a kill of this process loses nothing. Throws DiskError. */
  append(line: LogLine): void;
  close(): void;
}

export function openLog(path: string, write: typeof writeSync = writeSync): Log {
  let file: number;
  try {
    file = openSync(path, 'a+');
    ftruncateSync(file, readFileSync(path).lastIndexOf(0x0a) + 1);
  } catch (error) {
    throw cannotWrite(path, error);
  }
  return {
    append(line) {
      const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
      try {
        if (write(file, bytes) < bytes.length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
      } catch (error) {
        throw cannotWrite(path, error);
      }
    },
    close: () => closeSync(file),
  };
}

/** The records that count, in order of steps. A file that is not there has none. */
export async function readLog(path: string): Promise<StepRecord[]> {
  return parseLog(await readFile(path, 'utf8').catch(() => ''));
}

export function parseLog(text: string): StepRecord[] {
  const records: StepRecord[] = [];
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    const entry = parseLine(line);
    if (entry === undefined) continue;
    while (records.length > 0 && records.at(-1)!.step >= entry.step + (entry.kind === 'resumed' ? 1 : 0)) records.pop();
    if (entry.kind === 'step') records.push(entry);
  }
  return records;
}

function parseLine(line: string): LogLine | undefined {
  try {
    return line === '' ? undefined : (JSON.parse(line) as LogLine);
  } catch {
    return undefined;
  }
}
