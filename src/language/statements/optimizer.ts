// Optimizers and the ways in which their learning rate changes.

import type { Optimizer, Schedule } from '../../shared/settings.ts';
import { closest } from '../check/scope.ts';
import type { Argument, Expression } from '../generated/ast.ts';
import { textOf } from '../places.ts';
import { type NumberRule, type SettingsReader, wordOf } from './settings-reader.ts';

export const optimizers = ['sgd', 'rmsprop', 'adam', 'adamw'] as const;
export const schedules = ['cosine', 'step', 'plateau'] as const;

/** The settings of each schedule, with the rule and the default of each; none: it must be given. */
const scheduleSettings = {
  cosine: { warmup: [{ least: 0, whole: true }, 0], end: [{ least: 0, below: 1 }, 0] },
  step: {
    every: [{ least: 1, whole: true }, 1],
    factor: [{ above: 0, below: 1 }, 0.5],
    after: [{ least: 0, whole: true }, 0],
    warmup: [{ least: 0, whole: true }, 0],
  },
  plateau: { patience: [{ least: 1, whole: true }, 3], factor: [{ above: 0, below: 1 }, 0.5], warmup: [{ least: 0, whole: true }, 0] },
} as const satisfies Record<(typeof schedules)[number], Record<string, readonly [NumberRule, number]>>;

export function optimizerOf(reader: SettingsReader): Optimizer {
  const fallback: Optimizer = { kind: 'adam', rate: 0.001 };
  const node = reader.value('optimizer');
  if (node === undefined) return fallback;
  const said = wordOf(node);
  const kind = optimizers.find((each) => each === said?.word);
  if (kind === undefined) {
    const meant = said === undefined ? undefined : closest(said.word, optimizers);
    reader.fault(
      node,
      `\`${textOf(node)}\` is no optimizer. It is sgd, rmsprop, adam or adamw, as in adam(0.001).${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`,
    );
    return fallback;
  }
  const given = said!.call?.arguments ?? [];
  const rate = given.find(({ name }) => name === undefined);
  const options: Record<string, number> = {};
  const allowed = kind === 'sgd' || kind === 'rmsprop' ? ['momentum', 'decay'] : ['decay'];
  for (const argument of given) {
    if (argument === rate) continue;
    if (argument.name === undefined || !allowed.includes(argument.name)) {
      reader.fault(argument, `${kind} takes a learning rate${allowed.map((name) => ` and \`${name}:\``).join('')}, as in ${kind}(0.001).`);
      continue;
    }
    const rule = argument.name === 'momentum' ? { least: 0, below: 1 } : { least: 0 };
    const value = reader.checked(argument.value, `\`${argument.name}\``, rule);
    if (value !== undefined) options[argument.name] = value;
  }
  return { kind, ...rateOf(rate?.value, node, kind, reader), ...options };
}

function rateOf(
  node: Expression | undefined,
  whole: Expression,
  kind: Optimizer['kind'],
  reader: SettingsReader,
): Pick<Optimizer, 'rate' | 'schedule'> {
  const usual = kind === 'sgd' ? 0.1 : 0.001;
  if (node === undefined) {
    if (whole.$type === 'Call') reader.fault(whole, `${kind} takes a learning rate, as in ${kind}(${usual}).`);
    return { rate: usual };
  }
  const said = wordOf(node);
  const schedule = schedules.find((each) => each === said?.word);
  if (schedule === undefined) {
    if (said?.call !== undefined) {
      const meant = closest(said.word, schedules);
      reader.fault(
        node,
        `\`${said.word}\` is no way in which a rate changes. It is cosine, step or plateau.${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`,
      );
      return { rate: usual };
    }
    return { rate: reader.checked(node, 'The learning rate', { above: 0 }) ?? usual };
  }
  const given = said!.call?.arguments ?? [];
  const [first] = given.filter(({ name }) => name === undefined);
  if (first === undefined) {
    reader.fault(node, `${schedule} takes the rate that it begins with, as in ${schedule}(${usual}).`);
    return { rate: usual };
  }
  const rate = reader.checked(first.value, 'The learning rate', { above: 0 }) ?? usual;
  return { rate, schedule: scheduleOf(schedule, given, first, reader) };
}

function scheduleOf(kind: Schedule['kind'], given: readonly Argument[], rate: Argument, reader: SettingsReader): Schedule {
  const settings: Readonly<Record<string, readonly [NumberRule, number]>> = scheduleSettings[kind];
  const values = Object.fromEntries(Object.entries(settings).map(([name, [, usual]]) => [name, usual]));
  for (const argument of given) {
    if (argument === rate) continue;
    const rule = argument.name === undefined ? undefined : settings[argument.name];
    if (rule === undefined) {
      const names = Object.keys(settings).map((name) => `\`${name}:\``);
      reader.fault(argument, `${kind} takes a rate, and ${names.join(', ').replace(/, ([^,]*)$/, ' and $1')}.`);
      continue;
    }
    const value = reader.checked(argument.value, `\`${argument.name}\``, rule[0]);
    if (value !== undefined) values[argument.name!] = value;
  }
  return { kind, ...values } as unknown as Schedule;
}
