import assert from 'node:assert/strict';
import type { RunSummary } from '../../src/shared/training.ts';
import { arranged, grouped, ordersOf, orderText } from '../../src/views/run-list.ts';

const run = (name: string, more: Partial<RunSummary> = {}): RunSummary => ({
  name,
  folder: `/models/runs/${name}`,
  model: 'Names',
  file: '/models/names.rnn',
  settings: 'lstm 128 · adam .002',
  status: { kind: 'done' },
  step: 10,
  steps: 10,
  device: 'cpu',
  parameters: 100,
  seconds: 1,
  ...more,
});

const runs = [
  run('Names-2', { started: '2026-01-02', validationLoss: 0.7, metrics: { accuracy: 0.81, bits: 1.2 } }),
  run('Names-10', { started: '2026-01-03', settings: 'gru 128 · sgd .1', validationLoss: Number.NaN, metrics: { accuracy: 0.83 } }),
  run('Waves-1', {
    started: '2026-01-01',
    model: 'Waves',
    file: '/models/waves.rnn',
    status: { kind: 'paused' },
    metrics: { rmse: 19.2 },
    note: 'Größer, with DROPOUT',
  }),
  run('Names-1', { started: '2026-01-04', status: { kind: 'failed', what: 'NaN' }, validationLoss: 0.5, metrics: { accuracy: 0.79 } }),
];
const names = (found: readonly RunSummary[]): string => found.map(({ name }) => name).join(' ');

describe('the list of runs', () => {
  it('is ordered by age, by name with numbers as numbers, and by figures with the best first', () => {
    assert.equal(names(arranged(runs, 'newest')), 'Names-1 Names-10 Names-2 Waves-1');
    assert.equal(names(arranged(runs, 'name')), 'Names-1 Names-2 Names-10 Waves-1');
    assert.equal(names(arranged(runs, 'loss')), 'Names-1 Names-2 Names-10 Waves-1', 'a loss that is no number is last');
    assert.equal(names(arranged(runs, 'metric:accuracy')), 'Names-10 Names-2 Names-1 Waves-1', 'more is better');
    assert.equal(names(arranged(runs, 'metric:rmse')), 'Waves-1 Names-2 Names-10 Names-1', 'unmeasured ones keep their order');
  });

  it('keeps what has every word of the filter, in whatever it is said of a run', () => {
    for (const [filter, found] of [
      ['', 'Names-1 Names-10 Names-2 Waves-1'],
      ['gru', 'Names-10'],
      ['LSTM done', 'Names-2'],
      ['failed', 'Names-1'],
      ['größer dropout', 'Waves-1'],
      ['lstm gru', ''],
    ] as const)
      assert.equal(names(arranged(runs, 'newest', filter)), found, filter);
    assert.equal(runs.length, 4);
    assert.equal(runs[0]!.name, 'Names-2', 'the list that is given stays as it is');
  });

  it('is grouped by source, with the folder where it is not the root', () => {
    const other = run('Names-1', { folder: '/models/old/runs/Names-1', file: '/models/old/names.rnn' });
    const groups = grouped([...arranged(runs, 'newest'), other], '/models');
    assert.deepEqual(
      groups.map(({ label, place, runs }) => [label, place, names(runs)]),
      [
        ['names.rnn', '', 'Names-1 Names-10 Names-2'],
        ['names.rnn', 'old', 'Names-1'],
        ['waves.rnn', '', 'Waves-1'],
      ],
    );
  });

  it('offers the orders that the runs allow', () => {
    assert.deepEqual(
      ordersOf(runs).map(({ label }) => label),
      [
        'newest first',
        'by name',
        'by validation loss, best first',
        'by accuracy, best first',
        'by bits, best first',
        'by RMSE, best first',
      ],
    );
    assert.deepEqual(
      ordersOf([run('A')]).map(({ order }) => order),
      ['newest', 'name'],
    );
    assert.equal(orderText('metric:f1'), 'by F1 (macro), best first');
  });
});
