// The commands by name, in the order of `unroll --help`.

import { benchCommand } from './bench/command.ts';
import { chatCommand } from './chat.ts';
import { checkCommand } from './check.ts';
import type { Command } from './command.ts';
import { exportCommand } from './export.ts';
import { verifyCommand } from './foreign.ts';
import { generateCommand } from './generate.ts';
import { importCommand } from './import.ts';
import { infoCommand } from './info.ts';
import { traceCommand } from './trace.ts';
import { trainCommand } from './train.ts';

export const commands: Readonly<Record<string, Command>> = {
  check: checkCommand,
  train: trainCommand,
  trace: traceCommand,
  generate: generateCommand,
  chat: chatCommand,
  export: exportCommand,
  import: importCommand,
  info: infoCommand,
  verify: verifyCommand,
  bench: benchCommand,
};
