// The states of the views, each by name: a page of the gallery, a picture, and a case of the tests.

import type { ViewModel } from '../../../src/views/model.ts';
import { formulaRun } from './runs.ts';
import { type FormulaOptions, FormulaTrace, textOf } from './traces.ts';

export interface GalleryState {
  readonly view?: 'gates';
  /** Puts the model into the state. */
  readonly set: (model: ViewModel) => Promise<void>;
}

const lstm = (options: Partial<FormulaOptions> = {}): FormulaTrace =>
  new FormulaTrace({ cell: 'lstm', units: 256, text: textOf(400), seed: 7, objective: { kind: 'lossAt', t: 52 }, ...options });

const at = (trace: FormulaTrace, t: number, unit?: number) => async (model: ViewModel) => {
  await model.showTrace(trace, { t });
  if (unit !== undefined) await model.request('go', { unit });
};

const timeline = (trace: () => FormulaTrace, t: number, then: (model: ViewModel) => Promise<unknown> = async () => {}): GalleryState => ({
  set: async (model) => {
    await at(trace(), t)(model);
    await then(model);
  },
});

const cell = (trace: () => FormulaTrace, t: number): GalleryState => ({
  set: async (model) => {
    await at(trace(), t)(model);
    model.showTab('cell');
  },
});

const trajectory = (trace: () => FormulaTrace, t: number): GalleryState => ({
  set: async (model) => {
    await at(trace(), t)(model);
    model.showTab('trajectory');
  },
});

const gates = (trace: () => FormulaTrace, t: number): GalleryState => ({ view: 'gates', set: at(trace(), t) });

const training = (status: 'running' | 'paused'): GalleryState => ({
  set: async (model) => {
    const running = formulaRun(
      'lstm 256',
      'adam .002 · clip .25 · window 64',
      1.42,
      1400,
      2000,
      status === 'running' ? { kind: 'running', process: 1 } : { kind: 'paused' },
      3,
    );
    const gru = formulaRun('gru 128', 'adam .002 · clip .25 · window 64', 1.5, 700, 700, { kind: 'done' }, 4);
    const rnn = formulaRun('rnn 128', 'tanh · adam .002 · clip .25', 1.62, 700, 700, { kind: 'done' }, 5);
    const failed = formulaRun(
      'rnn 128 relu',
      'no clip',
      2.2,
      212,
      700,
      { kind: 'failed', what: 'NaN in U at step 212; the checkpoint of step 200 is safe' },
      6,
    );
    model.setRuns([running, gru, rnn, failed].map(({ summary }) => summary));
    for (const { summary, records } of [running, gru, rnn, failed])
      for (const record of records) model.trainingRecord(summary.folder, record);
    model.trainingStarted(running.summary, 0.25);
    await model.request('training', { action: 'overlay', run: gru.summary.folder });
    await model.request('training', { action: 'overlay', run: rnn.summary.folder });
    model.showTab('training');
  },
});

export const STATES: Readonly<Record<string, GalleryState>> = {
  'timeline-lstm': timeline(lstm, 28),
  'timeline-similarity': timeline(lstm, 28, (model) => model.request('choose', { kind: 'order', order: 'similarity' })),
  'timeline-gru': timeline(() => lstm({ cell: 'gru', units: 128 }), 33),
  'timeline-rnn': timeline(() => lstm({ cell: 'rnn', units: 128 }), 20),
  'timeline-own-cell': timeline(() => lstm({ cell: 'leaky_pair', units: 48 }), 20),
  'timeline-words': timeline(
    () => lstm({ words: true, text: textOf(600), objective: { kind: 'loss' } }),
    8,
    (model) => model.request('window', { from: 0, to: 14 }),
  ),
  'timeline-8-units': timeline(() => lstm({ units: 8, text: 'hello', objective: { kind: 'loss' } }), 2),
  'timeline-10000-steps': timeline(
    () => lstm({ text: textOf(10_000), objective: { kind: 'loss' } }),
    4417,
    async (model) => {
      await model.request('choose', { kind: 'objective', objective: { kind: 'loss' } });
      await model.request('window', { from: 2600, to: 6800 });
    },
  ),
  'timeline-gradient-waits': timeline(() => lstm({ text: textOf(10_000), objective: { kind: 'loss' } }), 28),
  'timeline-1024-units': timeline(() => lstm({ units: 1024, text: textOf(120) }), 28),
  'timeline-row-alone': timeline(lstm, 28, (model) => model.request('choose', { kind: 'open', line: "c'" })),
  'timeline-pins': timeline(lstm, 28, async (model) => {
    await model.request('go', { unit: 40, pin: true });
    await model.request('go', { unit: 90, pin: true });
  }),
  'timeline-nan': timeline(() => lstm({ fault: { t: 41, unit: 17 } }), 38),
  'timeline-replay': timeline(() => lstm({ parts: [{ part: 'lstm', value: 2.1e-7 }, { part: 'lstm_1' }] }), 28),
  'timeline-replay-wrong': timeline(
    () =>
      lstm({
        parts: [
          { part: 'lstm', value: 2.1e-7 },
          { part: 'lstm_1', value: 0.031 },
        ],
        idle: [{ part: 'gru', why: 'its branch did not run' }],
      }),
    28,
  ),
  'cell-lstm': cell(lstm, 28),
  'cell-gru': cell(() => lstm({ cell: 'gru', units: 128 }), 33),
  'cell-own': cell(() => lstm({ cell: 'leaky_pair', units: 48 }), 20),
  'cell-rnn': cell(() => lstm({ cell: 'rnn', units: 128 }), 20),
  'cell-start': cell(lstm, 0),
  'trajectory-lstm': trajectory(lstm, 28),
  'trajectory-rnn': trajectory(() => lstm({ cell: 'rnn', units: 128 }), 20),
  'trajectory-own': trajectory(() => lstm({ cell: 'leaky_pair', units: 48 }), 20),
  'trajectory-10000-steps': trajectory(() => lstm({ text: textOf(10_000), objective: { kind: 'loss' } }), 4417),
  'trajectory-nan': trajectory(() => lstm({ fault: { t: 41, unit: 17 } }), 38),
  'gates-lstm': gates(lstm, 28),
  'gates-gru': gates(() => lstm({ cell: 'gru', units: 128 }), 33),
  'gates-empty': { view: 'gates', set: async () => {} },
  'training-running': training('running'),
  'training-paused': training('paused'),
  'training-empty': { set: async (model) => model.showTab('training') },
  empty: { set: async () => {} },
  untrusted: { set: async (model) => model.setTrusted(false) },
  loading: {
    set: async (model) =>
      model.setStatus({
        kind: 'loading',
        what: 'Recomputing the lines',
        detail: 't 4,200–8,400 · 256 units',
        since: Date.now() - 1600,
        share: 0.62,
      }),
  },
  'loading-over': {
    set: async (model) => {
      await at(lstm(), 28)(model);
      model.setStatus({
        kind: 'loading',
        what: 'Recomputing the lines',
        detail: 't 0–60 · 256 units',
        since: Date.now() - 1600,
        share: 0.62,
      });
    },
  },
  error: {
    set: async (model) =>
      model.setStatus({
        kind: 'error',
        title: 'The engine stopped',
        text: 'It ended with signal 11 while it read t 312. Nothing was lost: the run and its checkpoints are as they were.',
        actions: [
          { id: 'restart', label: 'Start again' },
          { id: 'log', label: 'Open log' },
        ],
      }),
  },
};
