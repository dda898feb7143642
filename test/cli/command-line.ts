// The command line in this process; what it asks of the engine is done by a process of its own all the same.

import { runCommand } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import type { Engine } from '../../src/engine/client.ts';

export interface Ended {
  readonly status: number;
  readonly out: string;
  /** Without the path of the folder. */
  readonly error: string;
}

/** Runs a command in a folder; on a terminal of so many columns, if any, on which somebody presses Ctrl+C as soon as it writes what is said. */
export async function unrollIn(
  folder: string,
  engine: Engine,
  words: readonly string[],
  { columns, interrupt }: { readonly columns?: number; readonly interrupt?: RegExp } = {},
): Promise<Ended> {
  const listeners: (() => void)[] = [];
  let [out, error] = ['', ''];
  const terminal: Terminal = {
    out: (text) => {
      out += text;
      if (interrupt?.test(text)) for (const listener of listeners) listener();
    },
    error: (text) => {
      error += text;
    },
    folder,
    columns,
    onInterrupt: (listener) => void listeners.push(listener),
  };
  const status = await runCommand(commands, words, { terminal, engine });
  return { status, out, error: error.replaceAll(folder, '') };
}
