import assert from 'node:assert/strict';
import { unpack } from '../../src/shared/packed.ts';
import type { ReadRequest, Trace } from '../../src/shared/trace.ts';
import { pooledTimesteps } from '../../src/views/trajectory.ts';
import { FormulaTrace, textOf } from './gallery/traces.ts';
import { fixture, kindOf, lstm, webview } from './host.ts';

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
