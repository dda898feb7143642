// Analyses of parts of one model as one: layers whose sequences are of different lengths are analysed by themselves.

import type { Analysis, Studies, StudyName } from '../shared/analysis.ts';

/** What is wrong comes first; that nothing is wrong is said of each. */
export function joinedAnalyses(all: readonly Analysis[]): Analysis {
  const [first, ...more] = all as readonly [Analysis, ...Analysis[]];
  if (more.length === 0) return first;
  const verdicts = all.flatMap((each) => each.verdicts);
  const steps = Math.max(...all.map((each) => each.steps));
  return {
    ...first,
    steps,
    sequences: Math.max(...all.map((each) => each.sequences)),
    needs: all.find((each) => each.steps === steps)!.needs,
    layers: all.flatMap((each) => each.layers),
    studies: joinedStudies(all.map((each) => each.studies)),
    verdicts: [...verdicts.filter(({ kind }) => kind !== 'sound'), ...verdicts.filter(({ kind }) => kind === 'sound')],
    remarks: [...new Set(all.flatMap(({ remarks = [] }) => remarks))],
    seconds: all.reduce((sum, each) => sum + each.seconds, 0),
  };
}

/** Lists are of all parts; of what there is one, it is that of the first part. */
export function joinedStudies(all: readonly Studies[]): Studies {
  const joined: Partial<Record<StudyName, unknown>> = {};
  for (const studies of all)
    for (const [name, found] of Object.entries(studies) as [StudyName, unknown][]) {
      const before = joined[name];
      joined[name] = Array.isArray(before) && Array.isArray(found) ? [...before, ...found] : (before ?? found);
    }
  return joined as Studies;
}
