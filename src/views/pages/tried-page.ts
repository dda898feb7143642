// The page of repairs that were tried: before and after, and a button that makes the change.

import { triedArticles } from '../../report/repair.ts';
import type { Tried } from '../../shared/analysis.ts';
import { escaped } from '../../shared/chart.ts';

/** `file`: where the change goes. `made`: it has been made. */
export function triedPage(tried: Tried, file: string, made: boolean): string {
  const button = made
    ? '<p role="status">The source has this change now; Undo takes it back. Runs that were trained before keep their own.</p>'
    : `<div class="tools"><button data-action="apply">Change ${escaped(file)}</button></div>`;
  return `<h1>Before and after</h1>${button}${triedArticles([tried])}`;
}
