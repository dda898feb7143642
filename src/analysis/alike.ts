// In what models are not alike that are compared: what comes of the data or of chance is none of the models' doing.

import type { DataSource } from '../shared/settings.ts';

/** What a model has of its data and of chance. */
export interface Facts {
  readonly name: string;
  /** SHA-256 of the data as it is; of a run also as it was. */
  readonly digest: string;
  readonly kept?: string;
  readonly data: DataSource;
  /** Of the starting weights, and of the order of the batches. */
  readonly seed: number;
  /** Of training. */
  readonly steps: number;
  /** Steps of the longest sequence that was looked at, and how many sequences there were. */
  readonly length: number;
  readonly sequences: number;
}

/** Below this, intervals say nothing. */
export const FEW = 4;

/** Sentences; none where they differ in nothing but themselves. */
export function warningsOf(all: readonly Facts[]): string[] {
  const warnings: string[] = [];
  for (const { name, digest, kept } of all)
    if (kept !== undefined && kept !== digest) warnings.push(`The data of ${name} has changed since it was trained.`);
  const say = (what: string, of: (facts: Facts) => string | undefined, so: string): void => {
    const values = all.map((facts) => of(facts));
    if (new Set(values).size < 2) return;
    warnings.push(`${what}: ${all.map(({ name }, k) => `${name} ${values[k] ?? 'none'}`).join(', ')}. ${so}`);
  };
  const isSame = new Set(all.map(({ digest }) => digest)).size < 2;
  say(
    'They read different data',
    ({ data, digest }) => `${nameOf(data)} (${digest.slice(0, 8)})`,
    'What they remember is of different sequences.',
  );
  // Of the same file: how it is cut and split.
  const settings = new Set(isSame ? all.flatMap(({ data }) => Object.keys(data)) : []);
  for (const name of settings)
    if (name !== 'path')
      say(
        `Their data differs in \`${name}\``,
        ({ data }) => written((data as unknown as Record<string, unknown>)[name]),
        'They are not looked at on the same sequences.',
      );
  say('Their seeds differ', ({ seed }) => String(seed), 'What one seed makes of the starts is chance.');
  // What is looked at before training is compared on purpose with what is looked at afterwards.
  const trained = all.filter(({ steps }) => steps > 0);
  if (new Set(trained.map(({ steps }) => steps)).size > 1)
    warnings.push(
      `They were trained for different times: ${trained.map(({ name, steps }) => `${name} ${steps} steps`).join(', ')}. More training may be what tells them apart.`,
    );
  say('Their sequences differ in length', ({ length }) => `${length} steps`, 'A horizon cannot be longer than they are.');
  const few = all.filter(({ sequences }) => sequences < FEW);
  if (few.length > 0)
    warnings.push(
      `Of few held-out sequences no interval says how sure a horizon is: ${few.map(({ name, sequences }) => `${name} has ${sequences}`).join(', ')}.`,
    );
  return warnings;
}

const nameOf = (data: DataSource): string => (data.kind === 'task' ? data.task : data.path.replace(/^.*[\\/]/, ''));

const written = (value: unknown): string | undefined => (value === undefined ? undefined : JSON.stringify(value));
