// Which models of a source one talks to: those that are trained on conversations, on texts with their translations, or on tasks that are such.

import type { RunSummary } from '../shared/training.ts';

const kinds: Readonly<Record<string, RunSummary['converses']>> = {
  dialogue: 'chat',
  pairs: 'translation',
  dates: 'translation',
  repeating: 'translation',
};

/** By the data of the model's first `train` statement that has such data; comments are left out. */
export function conversesIn(source: string, model: string): RunSummary['converses'] {
  const text = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
  const name = '[\\p{L}_][\\p{L}\\p{M}\\p{N}_]*';
  const data = new Map(
    Array.from(text.matchAll(new RegExp(`^[ \\t]*data[ \\t]+(${name})\\s*=\\s*(${name})\\s*\\(`, 'gmu')), ([, own, kind]) => [
      own!,
      kinds[kind!],
    ]),
  );
  for (const [, trained, on] of text.matchAll(new RegExp(`^[ \\t]*train[ \\t]+(${name})[^{\\n]*?\\bon\\s+(${name})`, 'gmu')))
    if (trained === model && data.get(on!) !== undefined) return data.get(on!);
  return undefined;
}
