// Pages of the gradient laboratory over real analyses of small models: what tests look at, and what pictures are made of.

import { analyse } from '../../src/analysis/analyse.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Analysis } from '../../src/shared/analysis.ts';
import { RuntimeEvaluator } from '../../src/tracing/evaluator.ts';
import { usualSettings } from '../../src/views/analysis-settings.ts';
import { type AnalysisView, analysisView } from '../../src/views/pages/analysis-page.ts';
import { sourceOf } from '../analysis/models.ts';

/** Of a layer as it starts, on random numbers. */
export async function analysed(layer: string, steps = 40): Promise<Analysis> {
  const { model, weights, inputs, batch = 1 } = await sourceOf(layer, { steps, batch: 6 });
  const runtime = createRuntime();
  return analyse(model, weights, {
    title: 'Model · step <60>',
    groups: [{ inputs, steps, batch, lengths: {} }],
    evaluator: (rows) => new RuntimeEvaluator(runtime, { B: rows }),
  });
}

/** A page with nothing on it yet. */
export const emptyView: AnalysisView = {
  what: 'Model-<1>',
  settings: usualSettings,
  faults: {},
  studies: [],
  debuggable: false,
  trusted: true,
};

/** Each page by its name. */
export async function analysisPages(): Promise<Readonly<Record<string, string>>> {
  const analysis = await analysed('lstm(x, 24)');
  const full: AnalysisView = {
    ...emptyView,
    analysis,
    weights: [
      { value: 'last', label: 'the newest: step 60' },
      { value: 'start', label: 'before training' },
    ],
    studies: [
      { name: 'probes', title: 'What the state still tells' },
      { name: 'ablation', title: 'What the loss needs', failed: 'It has no <loss>.' },
    ],
    debuggable: true,
    note: 'It is being trained, and is at step 80.',
  };
  return {
    analysis: analysisView(full),
    'analysis-layers': analysisView({ ...full, analysis: await analysed('gru(x, 12, layers: 2)', 20) }),
    'analysis-busy': analysisView({ ...full, busy: 'The memory of Model-<1> is computed' }),
    'analysis-new': analysisView({ ...emptyView, busy: 'The memory of Model-<1> is computed' }),
    'analysis-cancelled': analysisView(emptyView),
    'analysis-failed': analysisView({ ...emptyView, failure: { text: '<Model> has no checkpoint.', start: true } }),
    'analysis-fault': analysisView({
      ...full,
      settings: { ...usualSettings, length: '1' },
      faults: { length: 'Steps: from 2 on, not “1”.' },
    }),
    'analysis-untrusted': analysisView({ ...emptyView, trusted: false }),
    'analysis-onnx': analysisView({ ...full, input: 'random numbers', parts: [{ value: '', label: 'all' }] }),
  };
}
