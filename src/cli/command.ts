// Commands and their arguments: what is written wrongly is said with the command's usage, and ends with status 2.

import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { errorText, type Surroundings } from './terminal.ts';

export interface Command {
  /** What stands behind the command's name: `RUN --out M.onnx`. */
  readonly usage: string;
  readonly summary: string;
  readonly options: ParseArgsOptionsConfig;
  /** Options with a value that may be left out: then it is empty. */
  readonly valueOptional?: readonly string[];
  /** What each option is for, for `--help`. */
  readonly help: Readonly<Record<string, string>>;
  /** How many arguments without a name it takes, and how many more it may. */
  readonly positionals: number;
  readonly morePositionals?: number;
  /** Gives the exit status. */
  run(given: Given, around: Surroundings): Promise<number>;
}

/** What a number may be; one of `above` and `least` is said. */
interface Bounds {
  readonly above?: number;
  readonly least?: number;
  readonly most?: number;
}

/** Arguments as they were written. */
export class Given {
  readonly positionals: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(positionals: readonly string[], values: Readonly<Record<string, unknown>>) {
    this.positionals = positionals;
    this.#values = values;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    return this.#values[name] as string | undefined;
  }

  required(name: string): string {
    const text = this.text(name);
    if (text === undefined) throw new UsageError(`--${name} is missing.`);
    return text;
  }

  /** A whole number, at least `least`. */
  count(name: string, least = 1): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least)
      throw new UsageError(`--${name} takes a whole number from ${least} on, not ${text}.`);
    return value;
  }

  number(
    name: string,
    { above = Number.NEGATIVE_INFINITY, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY }: Bounds,
  ): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (Number.isFinite(value) && value > above && value >= least && value <= most) return value;
    const from = Number.isFinite(above) ? `above ${above}` : `from ${least} on`;
    const to = Number.isFinite(most) ? `, at most ${most}` : '';
    throw new UsageError(`--${name} takes a number ${from}${to}, not ${text}.`);
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const text = this.text(name);
    if (text === undefined || choices.includes(text as Choice)) return text as Choice | undefined;
    throw new UsageError(`--${name} takes ${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}, not ${text}.`);
  }
}

export class UsageError extends Error {
  override name = 'UsageError';
}

export async function runCommand(
  commands: Readonly<Record<string, Command>>,
  words: readonly string[],
  around: Surroundings,
): Promise<number> {
  const { terminal } = around;
  const [name = '--help', ...rest] = words;
  if (name === '--help' || name === '-h' || name === 'help') {
    terminal.out(overview(commands));
    return words.length === 0 ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    terminal.error(`unroll: there is no command ${name}. The commands are ${Object.keys(commands).join(', ')}.\n`);
    return 2;
  }
  try {
    const given = parse(command, rest);
    if (given === undefined) {
      terminal.out(helpOf(name, command));
      return 0;
    }
    return await command.run(given, around);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.error(`unroll ${name}: ${error.message}\nUsage: unroll ${name} ${command.usage}\n`);
      return 2;
    }
    terminal.error(`${errorText(error, terminal.folder)}\n`);
    return 1;
  }
}

/** The arguments; undefined where help is asked for. */
function parse(command: Command, words: readonly string[]): Given | undefined {
  const options: ParseArgsOptionsConfig = { ...command.options, help: { type: 'boolean', short: 'h' } };
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: withValues(words, command.valueOptional ?? []), options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message.replace(/\. To specify .*$/, '.'));
  }
  if (parsed.values.help === true) return undefined;
  if (parsed.positionals.length < command.positionals) throw new UsageError('A file or folder is missing.');
  const most = command.positionals + (command.morePositionals ?? 0);
  if (parsed.positionals.length > most) throw new UsageError(`${parsed.positionals[most]} is one argument too many.`);
  return new Given(parsed.positionals, parsed.values);
}

/** `--gradient --out x` is `--gradient= --out x`. */
const withValues = (words: readonly string[], optional: readonly string[]): string[] =>
  words.map((word, k) => {
    const isBare = optional.some((name) => word === `--${name}`) && (words[k + 1] ?? '-').startsWith('-');
    return isBare ? `${word}=` : word;
  });

function overview(commands: Readonly<Record<string, Command>>): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: unroll COMMAND ...\n\n${lines.join('\n')}\n\nunroll COMMAND --help tells of its options. The exit status is 0 only on success.\n`;
}

function helpOf(name: string, { usage, summary, options, help }: Command): string {
  const names = Object.entries(options).map(([option, { type }]) => `--${option}${type === 'string' ? ' ...' : ''}`);
  const width = Math.max(0, ...names.map((each) => each.length));
  const lines = Object.keys(options).map((option, k) => `  ${names[k]!.padEnd(width)}  ${help[option] ?? ''}`);
  return `Usage: unroll ${name} ${usage}\n\n${summary}\n${lines.length === 0 ? '' : `\n${lines.join('\n')}\n`}`;
}
