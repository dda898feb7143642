// `unroll`: the stages at the command line, without an editor.

import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createEngine } from '../engine/client.ts';
import { runCommand } from './command.ts';
import { commands } from './commands.ts';
import type { Terminal } from './terminal.ts';

// As the extension host of the oldest VS Code that is supported.
if (Number(process.versions.node.split('.')[0]) < 22) {
  process.stderr.write(
    `unroll needs Node 22 or newer, and this is ${process.versions.node}. In its project \`npx node dist/cli.mjs\` takes the one that was installed with it.\n`,
  );
  process.exit(1);
}

const inBundle = !import.meta.url.endsWith('.ts');
const engine = createEngine({ entry: fileURLToPath(new URL(inBundle ? 'engine.mjs' : '../engine/process.ts', import.meta.url)) });

const terminal: Terminal = {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  folder: process.cwd(),
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  // A terminal's own line editing is enough; Ctrl+C stays a signal.
  lines: () => createInterface({ input: process.stdin, terminal: false })[Symbol.asyncIterator](),
  onInterrupt: (listener) => {
    process.on('SIGINT', listener);
    process.on('SIGTERM', listener);
  },
};

// A reader that closes the pipe, as `head` does, has had enough.
process.stdout.on('error', () => process.exit(1));

process.exitCode = await runCommand(commands, process.argv.slice(2), { terminal, engine });
await engine.dispose();
