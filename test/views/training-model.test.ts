import assert from 'node:assert/strict';
import { ViewModel } from '../../src/views/model.ts';
import { formulaRun } from './gallery/runs.ts';
import { fixture, webview } from './host.ts';

describe('training in the views’ model', () => {
  const running = formulaRun('new', 'adam .002', 1.4, 300, 1000, { kind: 'running', process: 1 }, 2);

  it('sums up the last steps and pools the curves', async () => {
    const { model } = fixture();
    model.trainingStarted(running.summary, 0.25);
    for (const record of running.records) model.trainingRecord(running.summary.folder, record);
    const page = await webview(model);
    await page.bridge.request('size', { training: 100 });
    await page.settled();
    const { figures, clip } = page.state().training;
    assert.equal(figures?.step, 300);
    assert.equal(figures?.validation?.step, 300);
    assert.equal(clip, 0.25);
    const last = running.records.slice(-100);
    assert.ok(Math.abs(figures!.clipped - last.filter(({ clipped }) => clipped).length / 100) < 1e-9);
    assert.equal(page.array('training', 'low')?.length, 100);
    const losses = running.records.map(({ loss }) => loss);
    assert.ok(Math.abs(Math.min(...page.array('training', 'low')!) - Math.min(...losses)) < 1e-6);
    assert.ok(Math.abs(Math.max(...page.array('training', 'high')!) - Math.max(...losses)) < 1e-6);
    const [smooth, low, high] = ['smooth', 'low', 'high'].map((name) => page.array('training', name)!);
    const outside = smooth!.filter((loss, at) => loss < low![at]! - 0.1 || loss > high![at]! + 0.1).length;
    assert.ok(outside <= 6, `the smooth curve leaves the raw one at ${outside} of 100 pixels`);
    assert.deepEqual([...page.array('training', 'validationStep')!], [50, 100, 150, 200, 250, 300]);
    const looks = running.records.flatMap(({ step, memory }) => (memory === undefined ? [] : [{ step, memory }]));
    assert.deepEqual(
      [...page.array('training', 'memoryStep')!],
      looks.map(({ step }) => step),
    );
    // Of the two layers the first forgets sooner, and its c lasts longer than its h.
    const [lags, of] = [[5, 10, 50, 100], (lag: number) => page.array('training', `memory:h[0]:c:${lag}`)!];
    for (const lag of lags)
      assert.deepEqual(
        [...of(lag)],
        looks.map(({ memory }) => Math.fround(memory.layers[0]!.gradient.c![memory.layers[0]!.lags.indexOf(lag)]!)),
      );
    assert.equal(page.array('training', 'memory:h[1]:c:100'), undefined);
  });

  it('replaces the steps that a resumed run does again', () => {
    const { model } = fixture();
    model.trainingStarted(running.summary);
    for (const record of running.records.slice(0, 100)) model.trainingRecord(running.summary.folder, record);
    for (const record of running.records.slice(49, 60)) model.trainingRecord(running.summary.folder, { ...record, loss: 9 });
    assert.equal(model.state.training.figures?.step, 60);
    assert.ok(model.state.training.figures!.loss > 2);
  });

  it('keeps curves and choice of a run that has another name', async () => {
    const { model } = fixture();
    const old = formulaRun('old', '', 1, 40, 40, { kind: 'done' }, 1);
    model.setRuns([running.summary, old.summary]);
    model.showRun('runs/old');
    await model.settled();
    model.runRenamed('runs/old', 'runs/kept');
    const { training } = model.state;
    assert.deepEqual([training.chosen, training.figures?.step, training.runs.map(({ name }) => name)], ['runs/kept', 40, ['new', 'kept']]);
    model.runRenamed('runs/nothing', 'runs/other');
    assert.equal(model.state.training.chosen, 'runs/kept');
  });

  it('reads the log of an earlier run when it is shown', async () => {
    const { model } = fixture();
    const old = formulaRun('old', '', 1, 40, 40, { kind: 'done' }, 1);
    model.setRuns([old.summary]);
    await model.settled();
    await model.settled();
    assert.equal(model.state.training.figures?.step, 40);
    assert.equal(model.state.training.chosen, old.summary.folder);
  });

  it('says what the loss is measured in, and nothing where it does not know', () => {
    const { model } = fixture();
    const units = (['cross_entropy', 'mse', undefined] as const).map((lossFunction) => {
      model.trainingStarted({ ...running.summary, ...(lossFunction === undefined ? {} : { lossFunction }) });
      return model.state.training.lossUnit;
    });
    assert.deepEqual(units, ['nats', 'mse', '']);
  });

  it('does not train in a workspace that is not trusted', async () => {
    const { model } = fixture();
    let asked = 0;
    const untrusted = new ViewModel(
      { action: async () => {}, training: async () => void asked++, records: async () => [], save: async () => undefined },
      false,
    );
    untrusted.trainingStarted(running.summary);
    await untrusted.request('training', { action: 'pause' });
    assert.equal(asked, 0);
    await untrusted.request('training', { action: 'page' });
    assert.equal(asked, 1, 'figures can be looked at');
    assert.equal(model.state.trusted, true);
  });
});
