// `Unroll: Compare Memory`: a page of how far back several runs remember, side by side.

import { basename } from 'node:path';
import type { Engine } from '../engine/client.ts';
import { comparisonPage } from '../report/compare.ts';
import { isCancelled } from './onnx-editor.ts';
import { PageView } from './pages/page-view.ts';
import { trustedFor } from './trust.ts';

/** Computes until the page is closed. */
export async function compareMemory(folders: readonly string[], engine: Engine): Promise<void> {
  if (folders.length < 2) throw new Error('Choose two runs or more to compare them: train another, or choose several in the Runs view.');
  if (!(await trustedFor('Analysing'))) return;
  const names = folders.map((folder) => basename(folder));
  const view = PageView.beside('unroll.compareMemory', `Memory: ${names.length === 2 ? names.join(' | ') : `${names.length} runs`}`);
  const abort = new AbortController();
  view.onDidDispose(() => abort.abort());
  const loading = (done: number): void =>
    view.loading(`Looking how far back ${names.join(', ')} remember: ${Math.round(100 * done)} %, close this page to stop`);
  loading(0);
  try {
    const sources = folders.map((folder) => ({ kind: 'run' as const, folder }));
    const found = await engine.request(
      'compareMemory',
      { sources },
      (event) => {
        if (event.name === 'share') loading(event.data.done);
      },
      abort.signal,
    );
    view.show(comparisonPage(found));
  } catch (error) {
    if (!isCancelled(error)) view.failed(error instanceof Error ? error.message : String(error));
  }
}
