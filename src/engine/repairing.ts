// The source of what was analysed, for repairs of it: a file, or the file that a run was trained from, as it is now.

import type { Rewritable } from '../language/rewrite/chosen.ts';
import type { KeptData } from '../shared/dataset.ts';
import { readRecord } from '../training/run.ts';
import { openRewritable } from './job.ts';
import type { AnalyseRequest } from './requests.ts';

/** Undefined where a run's file is gone, or has another model by now. */
export async function rewritableOf(source: AnalyseRequest['source'], kept: KeptData): Promise<Rewritable | undefined> {
  if (source.kind === 'file') return openRewritable(source.file, source, kept);
  if (source.kind === 'onnx') return undefined;
  const { file, statement, model } = await readRecord(source.folder);
  const found = await openRewritable(file, { statement }, kept).catch(() => undefined);
  return found?.train.model === model ? found : undefined;
}
