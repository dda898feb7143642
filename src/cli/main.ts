// `unroll`: the stages at the command line, without an editor.

import { fileURLToPath } from 'node:url';
import { createEngine } from '../engine/client.ts';
import { runCommand } from './command.ts';
import { commands } from './commands.ts';
import type { Terminal } from './terminal.ts';

const inBundle = !import.meta.url.endsWith('.ts');
const engine = createEngine({ entry: fileURLToPath(new URL(inBundle ? 'engine.mjs' : '../engine/process.ts', import.meta.url)) });

const terminal: Terminal = {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  folder: process.cwd(),
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  onInterrupt: (listener) => {
    process.on('SIGINT', listener);
    process.on('SIGTERM', listener);
  },
};

// A reader that closes the pipe, as `head` does, has had enough.
process.stdout.on('error', () => process.exit(1));

process.exitCode = await runCommand(commands, process.argv.slice(2), { terminal, engine });
await engine.dispose();
