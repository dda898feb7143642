import assert from 'node:assert/strict';
import { Bridge } from '../../src/shared/bridge.ts';
import type { HostRequests, Numbers, ViewState, WebviewRequests } from '../../src/shared/messages.ts';
import { unpack } from '../../src/shared/packed.ts';
import type { ReadRequest, Trace } from '../../src/shared/trace.ts';
import type { ExportedFile } from '../../src/views/export.ts';
import { ViewModel } from '../../src/views/model.ts';
import { shareOfColour } from '../../src/views/tint.ts';
import { pooledTimesteps } from '../../src/views/trajectory.ts';
import { scrolled, windowAround } from '../../src/views/window.ts';
import { ports } from './gallery/ports.ts';
import { formulaRun } from './gallery/runs.ts';
import { FormulaTrace, textOf } from './gallery/traces.ts';

interface Fixture {
  readonly model: ViewModel;
  readonly went: number[];
  readonly saved: ExportedFile[];
}

function fixture(format: ExportedFile['format'] = 'csv', go?: (t: number) => Promise<void>): Fixture {
  const went: number[] = [];
  const saved: ExportedFile[] = [];
  const model = new ViewModel(
    {
      go: async (t) => {
        went.push(t);
        await go?.(t);
      },
      action: async () => {},
      training: async () => {},
      records: async (run) => (run.name === 'old' ? formulaRun('old', '', 1, 40, 40, { kind: 'done' }, 1).records : []),
      save: async (_title, file) => {
        saved.push(await file(format));
        return 'file';
      },
    },
    true,
  );
  return { model, went, saved };
}

/** A webview without a page: keeps what it is told. */
async function webview(model: ViewModel, view: 'panel' | 'gates' = 'panel') {
  const [host, page] = ports();
  const detach = model.attach(host);
  const numbers = new Map<Numbers['part'], Numbers>();
  const parts: Numbers['part'][] = [];
  let state: ViewState | undefined;
  const bridge = new Bridge<WebviewRequests, HostRequests>(page, {
    change: (change) => {
      state = { ...state!, ...change };
      return {};
    },
    numbers: (part) => {
      parts.push(part.part);
      numbers.set(part.part, part);
      return {};
    },
    picture: () => new TextEncoder().encode('<svg/>').buffer as ArrayBuffer,
  });
  state = await bridge.request('ready', { view });
  return {
    bridge,
    detach,
    parts,
    state: () => state!,
    numbers: <Part extends Numbers['part']>(part: Part) => numbers.get(part) as Extract<Numbers, { part: Part }>,
    array: (part: Numbers['part'], name: string) => unpack((numbers.get(part) as Numbers).values)[name],
    settled: async () => {
      await model.settled();
      await new Promise((resolve) => setTimeout(resolve, 10));
    },
  };
}

const kindOf = (model: ViewModel): string => model.state.status.kind;

const lstm = (steps = 400, units = 16) =>
  new FormulaTrace({ cell: 'lstm', units, text: textOf(steps), seed: 7, objective: { kind: 'lossAt', t: 52 } });

describe('the views’ model', () => {
  it('hands a webview the whole state when it is ready, and its numbers after that', async () => {
    const { model } = fixture();
    await model.showTrace(lstm(), { t: 28 });
    const page = await webview(model);
    const { trace } = page.state();
    assert.deepEqual(trace?.window, { from: 0, to: 60 });
    assert.deepEqual(trace?.rows.map(({ letter }) => letter).join(''), 'figoch');
    assert.deepEqual(trace?.tints, ['surprise', 'gradient']);
    await page.settled();
    assert.equal(page.array('window', 'heat:f')?.length, 16 * 60);
    assert.equal(page.array('column', 'now:f')?.length, 16);
    assert.equal(page.array('overview', 'level')?.length, 400);
  });

  it('puts rows in the order of the units, and columns in that of time', async () => {
    const { model } = fixture();
    const trace = lstm();
    await model.showTrace(trace, { t: 3 });
    const page = await webview(model);
    await page.settled();
    const order = page.array('order', 'order')!;
    const [values] = await trace.read({ addresses: [{ instance: 'h', line: 'f' }], from: 0, to: 60 });
    const heat = page.array('window', 'heat:f')!;
    for (const [place, t] of [
      [0, 0],
      [3, 17],
      [15, 59],
    ] as const)
      assert.equal(heat[place * 60 + t], values![t * 16 + order[place]!]);
  });

  it('survives the webview: another one is told the same', async () => {
    const { model } = fixture();
    await model.showTrace(lstm(), { t: 28 });
    const first = await webview(model);
    await first.bridge.request('go', { unit: 3, t: 70 });
    await first.bridge.request('choose', { kind: 'order', order: 'index' });
    await first.settled();
    first.detach();
    const second = await webview(model);
    await second.settled();
    assert.deepEqual(second.state(), JSON.parse(JSON.stringify(model.state)));
    assert.deepEqual(second.numbers('window').values, first.numbers('window').values);
    assert.equal(second.state().trace?.unit, 3);
  });

  it('moves the debugger to where a webview goes, and follows the debugger', async () => {
    const { model, went } = fixture();
    await model.showTrace(lstm(), { t: 0 });
    const page = await webview(model);
    await page.bridge.request('go', { t: 31 });
    assert.deepEqual(went, [31]);
    model.moveTo({ t: 32, instance: 'h', line: 'i' });
    await page.settled();
    assert.equal(page.state().trace?.t, 32);
    assert.equal(page.state().trace?.line, 'i');
    assert.equal(page.numbers('column').t, 32);
    assert.deepEqual(went, [31], 'what the debugger does is not sent back to it');
  });

  it('does not lose a stop that comes while a sequence is read', async () => {
    const { model } = fixture();
    const opening = model.showTrace(lstm(), { t: 0 });
    model.moveTo({ t: 2, instance: 'h', line: 'f' });
    await opening;
    assert.deepEqual([model.state.trace?.t, model.state.trace?.line], [2, 'f']);
  });

  it('sends the debugger only the last of several quick moves', async () => {
    let release = (): void => {};
    const { model, went } = fixture(
      'csv',
      () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    );
    await model.showTrace(lstm(), { t: 0 });
    const first = model.request('go', { t: 1 });
    await Promise.all([model.request('go', { t: 2 }), model.request('go', { t: 3 }), model.request('go', { t: 9 })]);
    model.moveTo({ t: 1 });
    assert.equal(model.state.trace?.t, 9, 'an earlier stop does not pull the cursor back');
    release();
    await new Promise((resolve) => setTimeout(resolve, 5));
    release();
    await first;
    assert.deepEqual(went, [1, 9]);
  });

  it('keeps inside the sequence whatever it is asked', async () => {
    const { model } = fixture();
    await model.showTrace(lstm(100), { t: 50 });
    await model.request('go', { t: 1e6 });
    assert.equal(model.state.trace?.t, 99);
    await model.request('go', { t: -4 });
    assert.equal(model.state.trace?.t, 0);
    await model.request('go', { unit: 16 });
    assert.ok(model.state.trace!.unit < 16);
    await model.request('window', { from: -50, to: 900 });
    assert.deepEqual(model.state.trace?.window, { from: 0, to: 100 });
    await model.request('window', { from: 98, to: 98 });
    assert.deepEqual(model.state.trace?.window, { from: 98, to: 100 });
  });

  it('reads only what is visible of a long and wide sequence', async () => {
    const { model } = fixture();
    const reads: ReadRequest[] = [];
    const trace = zeros(10_000, 1024, reads);
    await model.showTrace(trace, { t: 0 });
    const page = await webview(model);
    await page.bridge.request('size', { width: 960, height: 130, ratio: 2 });
    await page.settled();
    const sampled = reads.reduce((sum, { from, to }) => sum + to - from, 0);
    assert.ok(sampled <= 512 + 5 * 64, `${sampled} of 10,000 timesteps read`);
    const first = reads.slice(0, 2).map(({ from, to }) => `${from}..${to}`);
    assert.deepEqual(first, ['0..64', '0..64'], 'what lies far in it is read after the first picture');
    assert.ok(
      reads.every(({ gradient }) => gradient !== true),
      'gradients wait until they are asked for',
    );
    const before = reads.length;
    model.moveTo({ t: 5000 });
    await page.settled();
    const more = reads.slice(before).filter(({ gradient }) => gradient !== true);
    assert.ok(
      more.every(({ from, to }) => from >= 4900 && to <= 5184),
      more.map(({ from, to }) => `${from}..${to}`).join(' '),
    );
    assert.equal(page.array('window', "heat:c'")?.length, 130 * 60);
    assert.equal(page.numbers('gradient'), undefined);
    await page.bridge.request('choose', { kind: 'objective', objective: { kind: 'loss' } });
    await page.settled();
    assert.equal(page.numbers('gradient').columns, 60);
  });

  it('stops reading a window that is no longer wanted', async () => {
    const { model } = fixture();
    const reads: ReadRequest[] = [];
    await model.showTrace(zeros(10_000, 1024, reads, 5), { t: 0 });
    const page = await webview(model);
    await page.settled();
    reads.length = 0;
    await page.bridge.request('window', { from: 0, to: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await page.bridge.request('window', { from: 0, to: 60 });
    await page.settled();
    const values = reads.filter(({ gradient }) => gradient !== true).reduce((sum, { from, to }) => sum + to - from, 0);
    assert.ok(values < 6000, `${values} timesteps read`);
    assert.deepEqual(page.numbers('window').to, 60);
  });

  it('says where the first value is no number, and leads there', async () => {
    const { model, went } = fixture();
    await model.showTrace(new FormulaTrace({ cell: 'lstm', units: 16, text: textOf(400), seed: 7, fault: { t: 41, unit: 5 } }), { t: 300 });
    await model.settled();
    const { fault } = model.state.trace!;
    assert.deepEqual([fault?.t, fault?.line, fault?.unit], [41, "c'", 5]);
    await model.request('action', { id: 'fault' });
    assert.deepEqual([model.state.trace?.t, model.state.trace?.unit, went], [41, 5, [41]]);
  });

  it('finds events in both directions', async () => {
    const { model } = fixture();
    await model.showTrace(new FormulaTrace({ cell: 'lstm', units: 16, text: textOf(400), seed: 7, fault: { t: 41, unit: 5 } }), { t: 40 });
    model.markEvent({ t: 44 }, 'breakpoint at f');
    assert.deepEqual(await model.request('event', { direction: 1 }), { t: 41, what: 'c is not a number' });
    assert.equal(model.state.trace?.t, 41);
    assert.deepEqual(await model.request('event', { direction: 1 }), { t: 44, what: 'breakpoint at f' });
    assert.deepEqual(await model.request('event', { direction: -1 }), { t: 41, what: 'c is not a number' });
  });

  it('draws the gradient up to the loss that it is of, and of another loss when asked', async () => {
    const { model } = fixture();
    await model.showTrace(lstm(), { t: 28 });
    const page = await webview(model);
    await page.settled();
    const before = page.array('gradient', "high:c'")!;
    assert.ok(before[52]! > 0 && Number.isNaN(before[53]!));
    await page.bridge.request('choose', { kind: 'objective', objective: { kind: 'lossAt', t: 28 } });
    await page.settled();
    const after = page.array('gradient', "high:c'")!;
    assert.ok(after[28]! > 0 && Number.isNaN(after[29]!));
    assert.deepEqual(page.state().trace?.objective, { kind: 'lossAt', t: 28 });
  });

  it('follows the states only where their trajectory is in view, and then from timestep to timestep', async () => {
    const { model } = fixture();
    const trace = lstm();
    const asked: string[] = [];
    const summary = trace.summary.bind(trace);
    trace.summary = (kind) => {
      if (kind.kind === 'trajectory') asked.push(kind.addresses.map(({ line }) => line).join(' '));
      return summary(kind);
    };
    await model.showTrace(trace, { t: 28 });
    const page = await webview(model);
    await page.settled();
    assert.deepEqual([asked, page.parts.includes('trajectory')], [[], false]);
    await page.bridge.request('choose', { kind: 'tab', tab: 'trajectory' });
    await page.settled();
    assert.deepEqual([asked, page.state().trace?.trajectories], [["c' h'"], ['all', "c'", "h'"]]);
    const [t, x, explained] = ['t', 'x', 'explained'].map((name) => page.array('trajectory', name)!);
    assert.equal(t!.length, 400);
    assert.ok(explained![0]! > explained![1]! && explained![0]! + explained![1]! <= 1);
    const at = () => page.array('trajectoryAt', 'x')!;
    assert.deepEqual([at().length, at().at(-1)], [11, x![28]]);
    model.moveTo({ t: 3, instance: 'h' });
    await page.settled();
    assert.deepEqual([at().length, at().at(-1), asked.length], [4, x![3], 1], 'nothing is read again');
    await page.bridge.request('choose', { kind: 'trajectory', of: "h'" });
    await page.settled();
    assert.deepEqual([page.numbers('trajectory').of, page.numbers('trajectoryAt').of, asked.length], ["h'", "h'", 2]);
    const table = await page.bridge.request('table', {});
    assert.deepEqual(
      table.columns.map(({ name }) => name),
      ['component 1', 'component 2', 'distance from the mean'],
    );
    assert.equal(unpack(table.values)['0']?.[3], at().at(-1));
    await model.showTrace(lstm(), { t: 0 });
    assert.equal(model.state.trace?.trajectory, "h'", 'what was chosen stays chosen');
  });

  it('tells what the components explain of the timesteps that are numbers', async () => {
    const { model } = fixture();
    await model.showTrace(new FormulaTrace({ cell: 'lstm', units: 16, text: textOf(100), seed: 7, fault: { t: 41, unit: 3 } }), { t: 20 });
    const page = await webview(model);
    await page.bridge.request('choose', { kind: 'tab', tab: 'trajectory' });
    await page.settled();
    const explained = page.array('trajectory', 'explained')!;
    assert.ok(explained[0]! > 0.3 && explained[0]! + explained[1]! <= 1, `${explained}`);
  });

  it('pools a long trajectory, with its ends and its excursions', () => {
    const values = new Float32Array(3 * 10_000).map((_, k) => (k % 3 === 2 ? 1 : Math.sin(k / 3000)));
    values[3 * 7123] = 40;
    const chosen = pooledTimesteps(values, 500);
    assert.deepEqual([chosen.length, chosen[0], chosen.at(-1), chosen.includes(7123)], [500, 0, 9999, true]);
    assert.ok(chosen.every((t, k) => k === 0 || t > chosen[k - 1]!));
  });

  it('makes a table of the window with the numbers of each timestep', async () => {
    const { model } = fixture();
    const trace = lstm();
    await model.showTrace(trace, { t: 28 });
    const table = await model.request('table', {});
    const at = (name: string) => unpack(table.values)[String(table.columns.findIndex((column) => column.name === name))]!;
    const [f] = await trace.read({ addresses: [{ instance: 'h', line: 'f' }], from: 28, to: 29 });
    assert.equal(table.tokens.length, 60);
    assert.ok(Math.abs(at('f mean')[28]! - f!.reduce((sum, v) => sum + v, 0) / 16) < 1e-6);
    assert.ok(Math.abs(at('f < .1')[28]! - (100 * f!.filter((v) => v < 0.1).length) / 16) < 1e-4);
    assert.ok(at('|∂L/∂c|')[28]! > 0);
  });

  it('saves the numbers of a row of the window as CSV and as NPY', async () => {
    const csv = fixture('csv');
    await csv.model.showTrace(lstm(), { t: 28 });
    const page = await webview(csv.model);
    assert.deepEqual(await page.bridge.request('export', { line: 'f' }), { saved: 'file' });
    const lines = new TextDecoder().decode(csv.saved[0]!.bytes).trimEnd().split('\r\n');
    assert.equal(lines.length, 61);
    assert.match(lines[0]!, /^t,token,u0,u1,.*,u15$/);
    assert.match(lines[6]!, /^5," ",\d/);

    const npy = fixture('npy');
    await npy.model.showTrace(lstm(), { t: 28 });
    await (await webview(npy.model)).bridge.request('export', { line: "c'" });
    const { bytes } = npy.saved[0]!;
    assert.equal((bytes.length - 60 * 16 * 4) % 64, 0);
    assert.match(Buffer.from(bytes.slice(0, 128)).toString('latin1'), /^.NUMPY.*'<f4'.*\(60, 16\)/s);
  });

  it('stays where it is while the debugger goes along a sequence that no layer runs over', async () => {
    const { model } = fixture();
    await model.showTrace(lstm(), { t: 40, along: 'S' });
    assert.equal(model.state.trace!.t, 0);
    model.moveTo({ t: 7, along: 'S', line: 'memory' });
    assert.equal(model.state.trace!.t, 0);
    model.moveTo({ t: 28 });
    assert.equal(model.state.trace!.t, 28);
    model.moveTo({ t: 3, along: 'S' });
    assert.equal(model.state.trace!.t, 28);
  });

  it('tells the side view of the timestep alone', async () => {
    const { model } = fixture();
    await model.showTrace(lstm(), { t: 28 });
    const page = await webview(model, 'gates');
    await page.settled();
    assert.deepEqual([...new Set(page.parts)].sort(), ['column', 'order']);
  });

  it('says what to do when there is nothing to show', async () => {
    const { model } = fixture();
    assert.equal(kindOf(model), 'empty');
    const trace = lstm(20);
    trace.description = { ...trace.description, instances: trace.description.instances.slice(0, 1) };
    await model.showTrace(trace);
    assert.equal(kindOf(model), 'error');
    assert.match(JSON.stringify(model.state.status), /no cell with a state that runs/);
    await model.showTrace(lstm(20));
    assert.equal(kindOf(model), 'ready');
    model.clearTrace();
    assert.deepEqual([model.state.trace, kindOf(model)], [null, 'empty']);
  });

  it('says what went wrong when a read fails', async () => {
    const { model } = fixture();
    const trace = zeros(100, 8, []);
    await model.showTrace({ ...trace, read: () => Promise.reject(new Error('The engine stopped with signal 11.')) });
    assert.match(JSON.stringify(model.state.status), /signal 11/);
  });
});

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

describe('windows', () => {
  it('stand around a timestep, inside the sequence', () => {
    assert.deepEqual(windowAround(28, 60, 400), { from: 0, to: 60 });
    assert.deepEqual(windowAround(200, 60, 400), { from: 170, to: 230 });
    assert.deepEqual(windowAround(399, 60, 400), { from: 340, to: 400 });
    assert.deepEqual(windowAround(3, 5, 5), { from: 0, to: 5 });
  });

  it('scroll by three quarters of themselves until a timestep is in view', () => {
    assert.deepEqual(scrolled({ from: 0, to: 60 }, 59, 400), { from: 0, to: 60 });
    assert.deepEqual(scrolled({ from: 0, to: 60 }, 60, 400), { from: 45, to: 105 });
    assert.deepEqual(scrolled({ from: 45, to: 105 }, 44, 400), { from: 0, to: 60 });
    assert.deepEqual(scrolled({ from: 0, to: 60 }, 399, 400), { from: 340, to: 400 });
    for (let t = 0; t < 400; t++) {
      const { from, to } = scrolled({ from: 130, to: 190 }, t, 400);
      assert.ok(from <= t && t < to && to - from === 60, `t ${t}`);
    }
  });

  it('tint by shares of full colour that no window changes', () => {
    const { share, max } = shareOfColour(Float32Array.from([Number.NaN, 1, 2, 4]), 'surprise');
    assert.ok(Number.isNaN(share[0]!) && share[3] === 1 && max === 4);
    const gradient = shareOfColour(Float32Array.from([1, 1e-3, 1e-9, 0]), 'gradient').share;
    assert.deepEqual(
      [...gradient].map((v) => Number(v.toFixed(3))),
      [1, 0.5, 0, 0],
    );
  });
});

/** A long trace of zeros that keeps nothing. */
function zeros(steps: number, units: number, reads: ReadRequest[], delay = 0): Trace {
  const formula = lstm(8, 8);
  const instances = formula.description.instances.map((instance) => ({
    ...instance,
    lines: instance.lines.map((line) => (line.role === 'loss' ? line : { ...line, shape: [units] })),
    states: instance.states.map((state) => ({ ...state, shape: [units] })),
  }));
  return {
    description: { ...formula.description, steps, tokens: new Array<string>(steps).fill('a'), instances, objective: { kind: 'loss' } },
    read: async (request) => {
      reads.push(request);
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      return request.addresses.map(() => new Float32Array((request.to - request.from) * units));
    },
    summary: async () => new Float32Array(steps),
    weight: async () => ({ shape: [0], data: new Float32Array() }),
    differentiate: async () => {},
    close: async () => {},
  };
}
