// The studies by the names that `--also` and the laboratory's page know them by.

import type { StudyName } from '../../shared/analysis.ts';
import { ablation } from './ablation.ts';
import { attribution } from './attribution.ts';
import { fixedPoints } from './fixed-points.ts';
import { probes } from './probes.ts';
import type { Study } from './study.ts';

export const studies: { readonly [K in StudyName]?: Study<K> } = { probes, attribution, ablation, fixedPoints };
