// What the views show, kept in the host: the one owner of the state. Webviews attach, ask for it when they are ready, and get changes and numbers
// after that; they can be thrown away and come back at any time. Knows neither vscode nor a debugger: both are passed in.

import { BridgeClosed, type Handlers, type Port } from '../shared/bridge.ts';
import { count } from '../shared/figures.ts';
import type { Choice, None, Peek, PlotSize, Status, Table, TraceState, TrainingAction, ViewState, Window } from '../shared/messages.ts';
import { pack } from '../shared/packed.ts';
import type { Objective, Trace } from '../shared/trace.ts';
import type { RunSummary, StepRecord } from '../shared/training.ts';
import { type Client, Clients, type ViewRequests } from './clients.ts';
import { type ExportedFile, numbersFile } from './export.ts';
import { findFault, nearestEvent } from './faults.ts';
import { Latest } from './latest.ts';
import { Layer } from './layer.ts';
import { poolMaximum } from './pooling.ts';
import { shareOfColour, tintOf } from './tint.ts';
import { TrainingModel } from './training-model.ts';
import { inside, scrolled, windowAround } from './window.ts';
import { windowTable } from './window-table.ts';

/** What the views ask of the rest of the extension. */
export interface ViewActions {
  /** Moves the debugger to a timestep; absent while nothing is debugged. */
  go?(t: number): Promise<void>;
  /** A button of a view: `debug` (choose a sequence and debug it), `example` (open an example), `restart` (the engine), `log`. */
  action(id: string): Promise<void>;
  training(action: 'pause' | 'resume' | 'cancel' | 'debug', run: RunSummary): Promise<void>;
  /** What an earlier run has logged. */
  records(run: RunSummary): Promise<readonly StepRecord[]>;
  /** Asks for the format and the place, and writes; undefined where the user gave up. `picture` draws the view. */
  save(title: string, file: (format: 'svg' | 'png' | 'csv' | 'npy') => Promise<ExportedFile>): Promise<string | undefined>;
}

/** Where a debugger stands. */
export interface Position {
  readonly t: number;
  /** Path of the instance; one that runs is shown. */
  readonly instance?: string;
  readonly line?: string;
}

/** Timesteps in view at first, until the width is known; and pixels for each then: room for a token's letter. */
const FIRST_WINDOW = 60;
const FIRST_PIXELS = 8;
/** Nothing is said of loading before. */
const PATIENCE = 300;
const TOKEN_PIXELS = 4;

export class ViewModel {
  private current: ViewState;
  private readonly actions: ViewActions;
  private readonly clients = new Clients();
  private readonly training: TrainingModel;
  private trace: Trace | undefined;
  private layer: Layer | undefined;
  private shown: Window | undefined;
  /** The window is still the one that nobody chose. */
  private fresh = false;
  private sized = false;
  private tint: Promise<Float32Array> = Promise.resolve(new Float32Array());
  private pixels = { width: 960, height: 160, ratio: 2 };
  private readonly events = new Map<number, string>();
  private search = 0;
  private target: number | undefined;
  private patience: ReturnType<typeof setTimeout> | undefined;
  private readonly refreshWindow: Latest;
  private readonly refreshColumn: Latest;
  private readonly refreshOverview: Latest;
  private readonly refreshGradients: Latest;

  constructor(actions: ViewActions, trusted: boolean) {
    this.actions = actions;
    const failed = (error: unknown) => this.fail(error);
    this.training = new TrainingModel({
      changed: (training) => this.change({ training }),
      send: (numbers) => this.clients.send(numbers),
      failed,
      records: (run) => actions.records(run),
    });
    this.current = { tab: 'timeline', trusted, status: EMPTY, trace: null, training: this.training.state };
    this.refreshWindow = new Latest((stale) => this.sendWindow(stale), failed);
    this.refreshColumn = new Latest(() => this.sendColumn(), failed);
    this.refreshOverview = new Latest(() => this.sendOverview(), failed);
    this.refreshGradients = new Latest(() => this.sendGradients(), failed);
  }

  get state(): ViewState {
    return this.current;
  }

  /** Does what a webview can ask for; commands of the palette come this way too. */
  async request<K extends keyof ViewRequests>(name: K, parameters: ViewRequests[K]['parameters']): Promise<ViewRequests[K]['result']> {
    return this.handlers[name](parameters);
  }

  /** Connects a webview; the result disconnects it. */
  attach(port: Port): () => void {
    return this.clients.attach(
      port,
      () => this.current,
      this.handlers,
      (client, line) => this.export(client, line),
    );
  }

  setTrusted(trusted: boolean): void {
    this.change({ trusted });
  }

  /** Shows a trace from now on; its first layer that runs, or the one that `position` stands in. */
  async showTrace(trace: Trace, position: Position = { t: 0 }): Promise<void> {
    this.trace = trace;
    this.events.clear();
    this.clients.forgetTrace();
    const running = trace.description.instances.filter((instance) => instance.runs && instance.states.length > 0);
    const instance = running.find(({ path }) => path === position.instance) ?? running[0];
    if (instance === undefined) {
      this.layer = undefined;
      this.change({ trace: null });
      this.setStatus(noCell(trace.description.model));
      return;
    }
    const steps = trace.description.steps;
    this.fresh = !this.sized;
    this.setStatus({ kind: 'ready' });
    await this.showLayer(instance.path, {
      t: Math.min(position.t, steps - 1),
      window: this.firstWindow(Math.min(position.t, steps - 1), steps),
    });
  }

  /** The trace is gone; the views say what to do. */
  clearTrace(): void {
    this.trace = undefined;
    this.layer = undefined;
    this.clients.forgetTrace();
    this.change({ trace: null });
    this.setStatus(EMPTY);
  }

  /** The debugger stands somewhere else. */
  moveTo(position: Position): void {
    const { trace } = this.current;
    if (trace === null || this.trace === undefined) return;
    // On the way to a place that was asked for here, earlier stops are old news.
    if (this.target !== undefined && position.t !== this.target) return;
    const t = Math.max(0, Math.min(position.t, trace.steps - 1));
    const line = position.line === undefined ? {} : { line: position.line };
    const other =
      position.instance !== undefined && position.instance !== trace.layer && trace.layers.some(({ path }) => path === position.instance);
    if (other) void this.showLayer(position.instance, { t, ...line });
    else {
      const { line: _before, ...rest } = trace;
      this.changeTrace({ ...rest, t, ...line, window: scrolled(trace.window, t, trace.steps) }, trace);
    }
  }

  /** A breakpoint has hit at a timestep: N and P find it. */
  markEvent(t: number, what: string): void {
    this.events.set(t, what);
  }

  /** Loading is said once it takes long; anything else at once. */
  setStatus(status: Status): void {
    clearTimeout(this.patience);
    if (status.kind !== 'loading') this.change({ status });
    else this.patience = setTimeout(() => this.change({ status }), Math.max(0, status.since + PATIENCE - Date.now()));
  }

  showTab(tab: ViewState['tab']): void {
    this.change({ tab });
  }

  setRuns(summaries: readonly RunSummary[]): void {
    this.training.setRuns(summaries);
  }

  /** `clip` is the norm at which the training clips. */
  trainingStarted(summary: RunSummary, clip?: number): void {
    this.training.started(summary, clip);
  }

  trainingRecord(folder: string, record: StepRecord): void {
    this.training.record(folder, record);
  }

  trainingEnded(summary: RunSummary): void {
    this.training.ended(summary);
  }

  /** The curves of a run that is known. */
  showRun(folder: string): void {
    this.training.choose(folder);
  }

  /** Settles when all numbers that were asked for are posted. */
  async settled(): Promise<void> {
    const refreshed = [this.refreshWindow, this.refreshColumn, this.refreshOverview, this.refreshGradients];
    await Promise.all([...refreshed.map((latest) => latest.idle()), this.training.idle()]);
  }

  // State and its changes

  private change(change: Partial<ViewState>): void {
    this.current = { ...this.current, ...change };
    this.clients.change(change);
  }

  /** A new state of the trace; what of it changed decides which numbers are read. */
  private changeTrace(next: TraceState, before: TraceState | null): void {
    this.change({ trace: next });
    const same = (...keys: (keyof TraceState)[]) =>
      before !== null && keys.every((key) => JSON.stringify(before[key]) === JSON.stringify(next[key]));
    if (!same('layer', 'window', 'order', 'unit', 'pins', 'open')) void this.refreshWindow.ask();
    if (!same('layer', 't')) void this.refreshColumn.ask();
    if (!same('layer', 'tint', 'window', 't')) void this.refreshOverview.ask();
    if (!same('layer', 'window', 't', 'unit', 'objective')) void this.refreshGradients.ask();
  }

  private async showLayer(path: string, change: Partial<TraceState>): Promise<void> {
    const trace = this.trace!;
    const { description } = trace;
    const instance = description.instances.find((instance) => instance.path === path)!;
    const layer = new Layer(trace, instance);
    this.layer = layer;
    this.shown = undefined;
    const before = this.current.trace;
    const kept = before?.layer === path ? before : null;
    let surprise = false;
    try {
      await this.patiently(`Reading ${instance.cell}`, `${count(description.steps)} timesteps · ${count(layer.units)} units`, async () => {
        await layer.prepare();
        surprise = await this.known(trace.summary({ kind: 'surprise' }));
      });
    } catch (error) {
      this.fail(error);
      return;
    }
    if (this.layer !== layer) return;
    const gradient = hasGradient(trace);
    const tints: TraceState['tints'] = [...(surprise ? (['surprise'] as const) : []), ...(gradient ? (['gradient'] as const) : [])];
    const tint = tints[0] ?? 'surprise';
    this.tint = tints.length > 0 ? tintOf(trace, layer, tint) : Promise.resolve(new Float32Array(description.steps).fill(Number.NaN));
    const window = before?.window ?? this.firstWindow(0, description.steps);
    const t = change.t ?? before?.t ?? 0;
    this.changeTrace(
      {
        model: description.model,
        title: description.title,
        steps: description.steps,
        by: description.by,
        layers: description.instances
          .filter((other) => other.runs && other.states.length > 0)
          .map((other) => ({ path: other.path, cell: other.cell, label: `${other.path} · ${other.cell}${other.reverse ? ' ←' : ''}` })),
        layer: path,
        rows: layer.rows,
        structure: layer.structure,
        inputs: instance.inputs.map(({ name, shape }) => ({ name, shape })),
        units: layer.units,
        t,
        unit: Math.min(kept?.unit ?? (await layer.interestingUnit()), layer.units - 1),
        pins: kept?.pins ?? [],
        order: before?.order ?? 'timescale',
        tint,
        tints,
        objective: description.objective,
        parity: description.parity,
        gradient,
        ...change,
        window: scrolled(change.window ?? window, t, description.steps),
      },
      null,
    );
  }

  private async known(summary: Promise<Float32Array>): Promise<boolean> {
    return summary.then(
      (values) => values.some(Number.isFinite),
      () => false,
    );
  }

  // Requests of the webviews

  private readonly handlers: Handlers<ViewRequests> = {
    size: (size) => this.resize(size),
    go: (place) => this.go(place),
    peek: ({ t, unit }) => this.peek(t, unit),
    event: ({ direction }) => this.goToEvent(direction),
    window: (window) => this.setWindow(window),
    choose: (choice) => this.choose(choice),
    table: () => this.table(),
    training: ({ action, run }) => this.control(action, run),
    action: ({ id }) => this.act(id),
    cancel: () => this.cancel(),
  };

  private resize({ training, ...plot }: Partial<PlotSize>): None {
    if (training !== undefined) this.training.resize(training);
    if (Object.keys(plot).length === 0) return {};
    this.pixels = { ...this.pixels, ...plot };
    this.sized = true;
    if (this.fresh && this.current.trace !== null) this.setWindow(this.firstWindow(this.current.trace.t, this.current.trace.steps));
    this.fresh = false;
    void this.refreshWindow.ask();
    void this.refreshOverview.ask();
    void this.refreshGradients.ask();
    return {};
  }

  /** As many timesteps as have room for their tokens. */
  private firstWindow(t: number, steps: number): Window {
    const room = this.sized ? Math.floor(this.pixels.width / this.pixels.ratio / FIRST_PIXELS) : FIRST_WINDOW;
    return windowAround(t, Math.min(Math.max(10, room), steps), steps);
  }

  private async go({ t, unit, pin }: { readonly t?: number; readonly unit?: number; readonly pin?: boolean }): Promise<None> {
    const before = this.current.trace;
    if (before === null) return {};
    let next = before;
    if (unit !== undefined && unit >= 0 && unit < before.units) {
      if (pin === true) {
        const others = before.pins.filter((other) => other !== unit);
        next = { ...next, pins: others.length < before.pins.length ? others : [...others, unit].slice(-4) };
      } else next = { ...next, unit };
    }
    if (t !== undefined && Number.isInteger(t)) {
      const inside = Math.max(0, Math.min(t, before.steps - 1));
      next = { ...next, t: inside, window: scrolled(before.window, inside, before.steps) };
    }
    this.changeTrace(next, before);
    if (next.t !== before.t && this.actions.go !== undefined) await this.moveDebugger(next.t);
    return {};
  }

  /** Only the last of several quick moves reaches the debugger. */
  private async moveDebugger(t: number): Promise<void> {
    const busy = this.target !== undefined;
    this.target = t;
    if (busy) return;
    try {
      for (let asked: number | undefined; this.target !== asked && this.target !== undefined; ) {
        asked = this.target;
        await this.actions.go?.(asked);
      }
    } finally {
      this.target = undefined;
    }
  }

  private async peek(t: number, unit: number): Promise<Peek> {
    const { trace } = this.current;
    if (trace === null || this.layer === undefined || t < 0 || t >= trace.steps) return { now: {}, before: {} };
    return this.layer.unitAt(t, unit);
  }

  private async goToEvent(direction: 1 | -1): Promise<{ readonly t: number; readonly what: string } | None> {
    const { trace } = this.current;
    const layer = this.layer;
    if (trace === null || layer === undefined) return {};
    const search = ++this.search;
    const event = await this.patiently('Looking for an event', `from t ${count(trace.t)}`, () =>
      nearestEvent(layer, trace.t, direction, trace.steps, this.events, () => search !== this.search),
    );
    if (event === undefined || search !== this.search) return {};
    await this.go({ t: event.t });
    return event;
  }

  private setWindow(window: Window): None {
    const before = this.current.trace;
    if (before !== null) this.changeTrace({ ...before, window: inside(window, before.steps) }, before);
    return {};
  }

  private async choose(choice: Choice): Promise<None> {
    if (choice.kind === 'tab') {
      this.change({ tab: choice.tab });
      return {};
    }
    const before = this.current.trace;
    if (before === null || this.trace === undefined || this.layer === undefined) return {};
    if (choice.kind === 'layer') await this.showLayer(choice.layer, {});
    if (choice.kind === 'order') this.changeTrace({ ...before, order: choice.order }, before);
    if (choice.kind === 'open') {
      const { open: _open, ...rest } = before;
      this.changeTrace(choice.line === undefined ? rest : { ...rest, open: choice.line }, before);
    }
    if (choice.kind === 'tint') {
      this.tint = tintOf(this.trace, this.layer, choice.tint);
      this.changeTrace({ ...before, tint: choice.tint }, before);
    }
    if (choice.kind === 'objective') await this.differentiate(choice.objective);
    return {};
  }

  /** Gradients of another loss, chosen in a view. */
  private async differentiate(objective: Objective): Promise<void> {
    const trace = this.trace!;
    try {
      await this.patiently('Differentiating', objective.kind === 'loss' ? 'the mean loss' : `the loss at t ${count(objective.t)}`, () =>
        trace.differentiate(objective),
      );
    } catch (error) {
      this.fail(error);
      return;
    }
    this.objectiveChanged(objective);
  }

  /** Another objective is in force. */
  objectiveChanged(objective: Objective): void {
    const before = this.current.trace;
    if (before === null || this.trace === undefined || this.layer === undefined) return;
    this.layer.forgetGradients();
    if (before.tint === 'gradient') this.tint = tintOf(this.trace, this.layer, 'gradient');
    this.changeTrace({ ...before, objective }, { ...before, objective: before.objective });
  }

  private async control(action: TrainingAction, folder: string | undefined): Promise<None> {
    const run = this.training.run(folder);
    if (run === undefined) return {};
    if (action === 'choose') this.training.choose(run.folder);
    else if (action === 'overlay') this.training.overlay(run.folder);
    else if (this.current.trusted) await this.actions.training(action, run);
    return {};
  }

  private async act(id: string): Promise<None> {
    const fault = this.current.trace?.fault;
    if (id === 'fault' && fault !== undefined) await this.go({ t: fault.t, unit: fault.unit });
    else await this.actions.action(id);
    return {};
  }

  private cancel(): None {
    this.search++;
    this.refreshWindow.stop();
    const { trace } = this.current;
    if (trace !== null && this.shown !== undefined) this.change({ trace: { ...trace, window: this.shown } });
    this.change({ status: { kind: 'ready' } });
    return {};
  }

  private async table(): Promise<Table> {
    const { trace } = this.current;
    if (trace === null || this.layer === undefined || this.trace === undefined) throw new Error('There is no sequence to make a table of.');
    return windowTable(this.layer, trace, await this.tint, this.trace.description.tokens);
  }

  private async export(client: Client, line: string | undefined): Promise<{ readonly saved?: string }> {
    const { trace, tab } = this.current;
    const title = `${trace?.model ?? 'training'}-${tab}`;
    const saved = await this.actions.save(title, async (format) => {
      if (format === 'svg' || format === 'png')
        return { name: title, format, bytes: new Uint8Array(await client.bridge.request('picture', { format })) };
      const layer = this.layer;
      const row = layer?.row(line ?? '') ?? layer?.stateRows[0] ?? layer?.rows[0];
      if (trace === null || layer === undefined || row === undefined) throw new Error('There is no sequence whose numbers could be saved.');
      return numbersFile(format, {
        name: `${trace.model}-${trace.layer}-${row.letter}`,
        from: trace.window.from,
        units: row.units,
        tokens: this.trace!.description.tokens.slice(trace.window.from, trace.window.to),
        values: await layer.values(row.line, trace.window),
      });
    });
    return saved === undefined ? {} : { saved };
  }

  // Numbers

  private async sendWindow(stale: () => boolean): Promise<void> {
    const { trace } = this.current;
    const layer = this.layer;
    if (trace === null || layer === undefined) return;
    const { window } = trace;
    const started = Date.now();
    let loading = false;
    const numbers = await layer.window({
      window,
      order: trace.order,
      width: this.pixels.width,
      height: trace.open === undefined ? this.pixels.height : 2048,
      units: [trace.unit, ...trace.pins.filter((unit) => unit !== trace.unit)],
      tokens: Math.ceil(this.pixels.width / TOKEN_PIXELS),
      progress: (share) => {
        if (!stale() && share < 1 && Date.now() - started > PATIENCE) {
          loading = true;
          const detail = `t ${count(window.from)}–${count(window.to)} · ${count(layer.units)} units`;
          this.change({ status: { kind: 'loading', what: 'Recomputing the lines', detail, since: started, share } });
        }
        return !stale();
      },
    });
    if (numbers === undefined || layer !== this.layer) return;
    if (loading) this.change({ status: { kind: 'ready' } });
    this.shown = window;
    await this.sendOrder();
    this.clients.send(numbers);
    const fault = await findFault(layer, window);
    const now = this.current.trace;
    if (now === null || layer !== this.layer || JSON.stringify(fault) === JSON.stringify(now.fault)) return;
    // A fault that was seen once stays said, wherever the window goes.
    if (fault !== undefined) this.change({ trace: { ...now, fault } });
  }

  private async sendOrder(): Promise<void> {
    const layer = this.layer!;
    const { order } = this.current.trace!;
    this.clients.send({
      part: 'order',
      layer: layer.instance.path,
      values: pack({ order: await layer.order(order), tau: layer.timescales() }),
    });
  }

  private async sendColumn(): Promise<void> {
    const { trace } = this.current;
    if (trace !== null && this.layer !== undefined) this.clients.send(await this.layer.column(trace.t));
  }

  private async sendOverview(): Promise<void> {
    const { trace } = this.current;
    if (trace === null) return;
    const values = await this.tint;
    const { share, max } = shareOfColour(values, trace.tint);
    const { from, to } = trace.window;
    const level = poolMaximum(share, Math.max(1, Math.min(share.length, this.pixels.width)), true);
    this.clients.send({ part: 'overview', tint: trace.tint, values: pack({ level, max: [max] }) });
    const columns = Math.max(1, Math.min(to - from, this.pixels.width));
    this.clients.send({ part: 'tint', from, to, columns, values: pack({ tint: poolMaximum(share.subarray(from, to), columns, true) }) });
    const now = this.current.trace;
    const at = now === null ? undefined : values[now.t];
    if (now === null || now.tintAt === at) return;
    const { tintAt: _before, ...rest } = now;
    this.change({ trace: at === undefined || Number.isNaN(at) ? rest : { ...rest, tintAt: at } });
  }

  private async sendGradients(): Promise<void> {
    const { trace } = this.current;
    const layer = this.layer;
    if (trace === null || layer === undefined || !trace.gradient) return;
    this.clients.send(await layer.gradients(trace.window, this.pixels.width));
    this.clients.send(await layer.gradientAt(trace.t, trace.unit));
  }

  /** Does work; if it takes long, the views say what is going on. */
  private async patiently<T>(what: string, detail: string, work: () => Promise<T>): Promise<T> {
    const since = Date.now();
    let said = false;
    const timer = setTimeout(() => {
      said = true;
      this.change({ status: { kind: 'loading', what, detail, since } });
    }, PATIENCE);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      if (said) this.change({ status: { kind: 'ready' } });
    }
  }

  private fail(error: unknown): void {
    if (error instanceof BridgeClosed) return;
    const text = error instanceof Error ? error.message : String(error);
    this.change({
      status: {
        kind: 'error',
        title: 'The sequence could not be read',
        text,
        actions: [
          { id: 'debug', label: 'Debug again' },
          { id: 'log', label: 'Open log' },
        ],
      },
    });
  }
}

const EMPTY: Status = {
  kind: 'empty',
  actions: [
    { id: 'debug', label: 'Debug sequence', key: 'F5' },
    { id: 'example', label: 'Open example' },
  ],
};

const noCell = (model: string): Status => ({
  kind: 'error',
  title: 'Nothing runs over time here',
  text: `${model} has no cell with a state that runs over the sequence, so there is no timeline to draw.`,
  actions: [{ id: 'example', label: 'Open example' }],
});

/** A model without a loss has no gradients. */
const hasGradient = ({ description }: Trace): boolean =>
  description.instances.some(({ lines }) => lines.some(({ role }) => role === 'loss'));
