// The commands by name, in the order of `unroll --help`.

import { analyseCommand } from './analyse.ts';
import { benchCommand } from './bench/command.ts';
import { chatCommand } from './chat.ts';
import { checkCommand } from './check.ts';
import type { Command } from './command.ts';
import { exportCommand } from './export.ts';
import { verifyCommand } from './foreign.ts';
import { generateCommand } from './generate.ts';
import { importCommand } from './import.ts';
import { infoCommand } from './info.ts';
import { reproduceCommand } from './reproduce.ts';
import { traceCommand } from './trace.ts';
import { trainCommand } from './train.ts';

export const commands: Readonly<Record<string, Command>> = {
  check: checkCommand,
  train: trainCommand,
  trace: traceCommand,
  analyse: analyseCommand,
  reproduce: reproduceCommand,
  generate: generateCommand,
  chat: chatCommand,
  export: exportCommand,
  import: importCommand,
  info: infoCommand,
  verify: verifyCommand,
  bench: benchCommand,
};
