// What one does with a model that reads one text and writes another, by the data that it was trained on.

import type { DataSource } from '../shared/settings.ts';
import type { RunSummary } from '../shared/training.ts';

export type Converses = NonNullable<RunSummary['converses']>;

/** Undefined where it cannot be told from the data alone whether the model writes. */
export function conversesOf(source: DataSource): Converses | undefined {
  if (source.kind === 'dialogue') return 'chat';
  if (source.kind === 'pairs') return 'translation';
  return source.kind === 'task' && (source.task === 'dates' || source.task === 'repeating') ? 'translation' : undefined;
}
