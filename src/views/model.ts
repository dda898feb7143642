// What the views show, kept in the host: the one owner of the state. Webviews attach, ask for it when they are ready, and get changes and numbers
// after that; they can be thrown away and come back at any time. Knows neither vscode nor a debugger: both are passed in.

import { Bridge, BridgeClosed, type Handlers, type Port } from '../shared/bridge.ts';
import { count } from '../shared/figures.ts';
import type {
  Choice,
  HostRequests,
  None,
  Numbers,
  Peek,
  PlotSize,
  Status,
  Table,
  TraceState,
  TrainingAction,
  ViewState,
  WebviewRequests,
  Window,
} from '../shared/messages.ts';
import { pack } from '../shared/packed.ts';
import type { Objective, Trace } from '../shared/trace.ts';
import type { RunSummary, StepRecord } from '../shared/training.ts';
import { type ExportedFile, numbersFile } from './export.ts';
import { findFault, nearestEvent } from './faults.ts';
import { Latest } from './latest.ts';
import { Layer, tintOf } from './layer.ts';
import { poolMaximum } from './pooling.ts';
import { clipOf, figuresOf, type RunRecords, trainingNumbers } from './training-numbers.ts';

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

/** Requests that need no particular webview. */
type ViewRequests = Omit<HostRequests, 'ready' | 'export'>;

interface Client {
  readonly bridge: Bridge<HostRequests, WebviewRequests>;
  view: 'panel' | 'gates' | undefined;
  readonly outbox: Map<Numbers['part'], { next: Numbers | undefined }>;
}

/** Timesteps in view at first, and rows of a table. */
const FIRST_WINDOW = 60;
const TABLE_ROWS = 1000;
/** Nothing is said of loading before. */
const PATIENCE = 300;
const TOKEN_PIXELS = 4;

export class ViewModel {
  private current: ViewState;
  private readonly actions: ViewActions;
  private readonly clients = new Set<Client>();
  private readonly numbers = new Map<Numbers['part'], Numbers>();
  private readonly runs = new Map<string, RunRecords>();
  private readonly read = new Set<string>();
  private trace: Trace | undefined;
  private layer: Layer | undefined;
  private shown: Window | undefined;
  private tint: Promise<Float32Array> = Promise.resolve(new Float32Array());
  private pixels: PlotSize = { width: 960, height: 160, training: 640 };
  private readonly events = new Map<number, string>();
  private search = 0;
  private target: number | undefined;
  private patience: ReturnType<typeof setTimeout> | undefined;
  private readonly refreshWindow: Latest;
  private readonly refreshColumn: Latest;
  private readonly refreshOverview: Latest;
  private readonly refreshGradients: Latest;
  private readonly refreshTraining: Latest;

  constructor(actions: ViewActions, trusted: boolean) {
    this.actions = actions;
    this.current = { tab: 'timeline', trusted, status: EMPTY, trace: null, training: { runs: [], overlays: [], lossUnit: 'nats' } };
    const failed = (error: unknown) => this.fail(error);
    this.refreshWindow = new Latest((stale) => this.sendWindow(stale), failed);
    this.refreshColumn = new Latest(() => this.sendColumn(), failed);
    this.refreshOverview = new Latest(() => this.sendOverview(), failed);
    this.refreshGradients = new Latest(() => this.sendGradients(), failed);
    this.refreshTraining = new Latest(() => this.sendTraining(), failed);
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
    const client: Client = {
      bridge: new Bridge<HostRequests, WebviewRequests>(port, {
        ...this.handlers,
        ready: ({ view }) => {
          client.view = view;
          for (const numbers of this.numbers.values()) this.post(client, numbers);
          return this.current;
        },
        export: ({ line }) => this.export(client, line),
      }),
      view: undefined,
      outbox: new Map(),
    };
    this.clients.add(client);
    return () => {
      client.bridge.close();
      this.clients.delete(client);
    };
  }

  setTrusted(trusted: boolean): void {
    this.change({ trusted });
  }

  /** Shows a trace from now on; its first layer that runs, or the one that `position` stands in. */
  async showTrace(trace: Trace, position: Position = { t: 0 }): Promise<void> {
    this.trace = trace;
    this.events.clear();
    this.numbers.clear();
    const running = trace.description.instances.filter((instance) => instance.runs && instance.states.length > 0);
    const instance = running.find(({ path }) => path === position.instance) ?? running[0];
    if (instance === undefined) {
      this.layer = undefined;
      this.change({ trace: null });
      this.setStatus(noCell(trace.description.model));
      return;
    }
    const steps = trace.description.steps;
    this.setStatus({ kind: 'ready' });
    await this.showLayer(instance.path, {
      t: Math.min(position.t, steps - 1),
      window: windowAround(Math.min(position.t, steps - 1), Math.min(FIRST_WINDOW, steps), steps),
    });
  }

  /** The trace is gone; the views say what to do. */
  clearTrace(): void {
    this.trace = undefined;
    this.layer = undefined;
    this.numbers.clear();
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

  /** The runs that are known, newest first. Their records are read when they are shown. */
  setRuns(summaries: readonly RunSummary[]): void {
    const folders = new Set(summaries.map(({ folder }) => folder));
    for (const folder of this.runs.keys()) if (!folders.has(folder)) this.runs.delete(folder);
    for (const summary of summaries) {
      const known = this.runs.get(summary.folder);
      this.runs.set(summary.folder, { ...known, summary, records: known?.records ?? [] });
    }
    this.trainingChanged(summaries.map(({ folder }) => folder));
  }

  /** A training has begun, or goes on: it is chosen. `clip` is its norm of clipping. */
  trainingStarted(summary: RunSummary, clip?: number): void {
    const known = this.runs.get(summary.folder);
    this.runs.set(summary.folder, { summary, records: known?.records ?? [], ...(clip === undefined ? {} : { clip }) });
    const order = [summary.folder, ...this.current.training.runs.map(({ folder }) => folder).filter((folder) => folder !== summary.folder)];
    this.change({ training: { ...this.current.training, chosen: summary.folder } });
    this.trainingChanged(order);
  }

  trainingRecord(folder: string, record: StepRecord): void {
    const run = this.runs.get(folder);
    if (run === undefined) return;
    const kept = run.records.at(-1)?.step ?? 0;
    const records = run.records as StepRecord[];
    // A resumed run repeats the steps after its last checkpoint.
    if (record.step <= kept) records.splice(records.findIndex(({ step }) => step >= record.step));
    records.push(record);
    const summary = {
      ...run.summary,
      step: record.step,
      loss: record.loss,
      ...(record.validationLoss === undefined ? {} : { validationLoss: record.validationLoss }),
    };
    this.runs.set(folder, { ...run, summary, records });
    this.trainingChanged();
  }

  /** The curves of a run that is known. */
  showRun(folder: string): void {
    if (!this.runs.has(folder)) return;
    this.change({ training: { ...this.current.training, chosen: folder } });
    this.trainingChanged();
  }

  trainingEnded(summary: RunSummary): void {
    const run = this.runs.get(summary.folder);
    this.runs.set(summary.folder, { ...run, summary, records: run?.records ?? [] });
    this.trainingChanged();
  }

  /** Settles when all numbers that were asked for are posted. */
  async settled(): Promise<void> {
    await Promise.all(
      [this.refreshWindow, this.refreshColumn, this.refreshOverview, this.refreshGradients, this.refreshTraining].map((latest) =>
        latest.idle(),
      ),
    );
  }

  // State and its changes

  private change(change: Partial<ViewState>): void {
    this.current = { ...this.current, ...change };
    for (const client of this.clients) if (client.view !== undefined) quietly(client.bridge.request('change', change));
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
    try {
      await this.patiently(`Reading ${instance.cell}`, `${count(description.steps)} timesteps · ${count(layer.units)} units`, () =>
        layer.prepare(),
      );
    } catch (error) {
      this.fail(error);
      return;
    }
    if (this.layer !== layer) return;
    const surprise = await this.known(trace.summary({ kind: 'surprise' }));
    const gradient = await this.hasGradient(trace);
    const tints: TraceState['tints'] = [...(surprise ? (['surprise'] as const) : []), ...(gradient ? (['gradient'] as const) : [])];
    const tint = tints[0] ?? 'surprise';
    this.tint = tints.length > 0 ? tintOf(trace, layer, tint) : Promise.resolve(new Float32Array(description.steps).fill(Number.NaN));
    const window = before?.window ?? windowAround(0, Math.min(FIRST_WINDOW, description.steps), description.steps);
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

  /** A model without a loss has no gradients: reading one says so. */
  private async hasGradient(trace: Trace): Promise<boolean> {
    return trace.description.instances.some(({ lines }) => lines.some(({ role }) => role === 'loss'));
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

  private resize(size: Partial<PlotSize>): None {
    this.pixels = { ...this.pixels, ...size };
    if (size.training !== undefined) void this.refreshTraining.ask();
    if (size.width === undefined && size.height === undefined) return {};
    void this.refreshWindow.ask();
    void this.refreshOverview.ask();
    void this.refreshGradients.ask();
    return {};
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

  private setWindow({ from, to }: Window): None {
    const before = this.current.trace;
    if (before === null) return {};
    const length = Math.max(2, Math.min(Math.round(to - from), before.steps));
    const start = Math.max(0, Math.min(Math.round(from), before.steps - length));
    this.changeTrace({ ...before, window: { from: start, to: Math.min(before.steps, start + length) } }, before);
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
    const { training } = this.current;
    const run = this.runs.get(folder ?? training.chosen ?? '');
    if (run === undefined) return {};
    const own = run.summary.folder;
    if (action === 'choose') {
      this.change({ training: { ...training, chosen: own, overlays: training.overlays.filter((other) => other !== own) } });
      this.trainingChanged();
    } else if (action === 'overlay') {
      const others = training.overlays.filter((other) => other !== own);
      this.change({ training: { ...training, overlays: others.length < training.overlays.length ? others : [...others, own] } });
      this.trainingChanged();
    } else if (this.current.trusted) await this.actions.training(action, run.summary);
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
    const layer = this.layer;
    if (trace === null || layer === undefined || this.trace === undefined) throw new Error('There is no sequence to make a table of.');
    const { from } = trace.window;
    const to = Math.min(trace.window.to, from + TABLE_ROWS);
    const columns: { name: string; unit: string }[] = [];
    const arrays: ArrayLike<number>[] = [];
    const add = (name: string, unit: string, values: ArrayLike<number>) => {
      columns.push({ name, unit });
      arrays.push(values);
    };
    if (trace.tints.length > 0) add(trace.tint, trace.tint === 'surprise' ? 'bit' : 'norm', (await this.tint).subarray(from, to));
    for (const row of layer.rows) {
      const values = await layer.values(row.line, { from, to });
      const own = (t: number) => values.subarray(t * row.units, (t + 1) * row.units);
      const steps = Array.from({ length: to - from }, (_, t) => own(t));
      add(
        `${row.letter} mean`,
        '',
        Float32Array.from(steps, (units) => units.reduce((sum, v) => sum + v, 0) / row.units),
      );
      if (row.quantity === 'gate') {
        add(
          `${row.letter} < .1`,
          '%',
          Float32Array.from(steps, (units) => (100 * units.filter((v) => v < 0.1).length) / row.units),
        );
        add(
          `${row.letter} > .9`,
          '%',
          Float32Array.from(steps, (units) => (100 * units.filter((v) => v > 0.9).length) / row.units),
        );
      }
      if (trace.unit < row.units)
        add(
          `${row.letter}[${trace.unit}]`,
          '',
          Float32Array.from(steps, (units) => units[trace.unit]!),
        );
    }
    if (trace.gradient)
      for (const row of layer.stateRows) add(`|∂L/∂${row.letter}|`, '', (await layer.gradientNorm(row.line)).subarray(from, to));
    return {
      title: `${trace.title}, ${trace.layer}`,
      columns,
      from,
      tokens: this.trace.description.tokens.slice(from, to),
      values: pack(Object.fromEntries(arrays.map((array, index) => [String(index), array]))),
      ...(to < trace.window.to ? { cut: trace.window.to - from } : {}),
    };
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
    this.send(numbers);
    const fault = await findFault(layer, window);
    const now = this.current.trace;
    if (now === null || layer !== this.layer || JSON.stringify(fault) === JSON.stringify(now.fault)) return;
    // A fault that was seen once stays said, wherever the window goes.
    if (fault !== undefined) this.change({ trace: { ...now, fault } });
  }

  private async sendOrder(): Promise<void> {
    const layer = this.layer!;
    const { order } = this.current.trace!;
    this.send({ part: 'order', layer: layer.instance.path, values: pack({ order: await layer.order(order), tau: layer.timescales() }) });
  }

  private async sendColumn(): Promise<void> {
    const { trace } = this.current;
    if (trace !== null && this.layer !== undefined) this.send(await this.layer.column(trace.t));
  }

  private async sendOverview(): Promise<void> {
    const { trace } = this.current;
    if (trace === null) return;
    const values = await this.tint;
    const { share, max } = shareOfColour(values, trace.tint);
    const { from, to } = trace.window;
    const level = poolMaximum(share, Math.max(1, Math.min(share.length, this.pixels.width)), true);
    this.send({ part: 'overview', tint: trace.tint, values: pack({ level, max: [max] }) });
    const columns = Math.max(1, Math.min(to - from, this.pixels.width));
    this.send({ part: 'tint', from, to, columns, values: pack({ tint: poolMaximum(share.subarray(from, to), columns, true) }) });
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
    this.send(await layer.gradients(trace.window, this.pixels.width));
    this.send(await layer.gradientAt(trace.t, trace.unit));
  }

  private trainingChanged(order = this.current.training.runs.map(({ folder }) => folder)): void {
    const { training } = this.current;
    const runs = order.flatMap((folder) => this.runs.get(folder)?.summary ?? []);
    const chosen = runs.some(({ folder }) => folder === training.chosen) ? training.chosen : runs[0]?.folder;
    const { figures: _figures, clip: _clip, chosen: _chosen, ...rest } = training;
    const run = this.runs.get(chosen ?? '');
    const figures = run && figuresOf(run);
    const clip = run && clipOf(run);
    this.change({
      training: {
        ...rest,
        runs,
        overlays: training.overlays.filter((folder) => this.runs.has(folder)),
        ...(chosen === undefined ? {} : { chosen }),
        ...(figures === undefined ? {} : { figures }),
        ...(clip === undefined ? {} : { clip }),
      },
    });
    void this.refreshTraining.ask();
  }

  private async sendTraining(): Promise<void> {
    const { chosen, overlays } = this.current.training;
    if (chosen === undefined) return;
    for (const folder of [chosen, ...overlays]) await this.readRecords(folder);
    const run = this.runs.get(chosen);
    if (run === undefined) return;
    this.send(
      trainingNumbers(
        run,
        overlays.flatMap((folder) => this.runs.get(folder) ?? []),
        this.pixels.training,
      ),
    );
  }

  /** The log of a run that has told nothing yet, once. */
  private async readRecords(folder: string): Promise<void> {
    const run = this.runs.get(folder);
    if (run === undefined || this.read.has(folder)) return;
    this.read.add(folder);
    const logged = await this.actions.records(run.summary);
    const now = this.runs.get(folder);
    if (now === undefined || logged.length === 0) return;
    const first = now.records[0]?.step ?? Number.POSITIVE_INFINITY;
    this.runs.set(folder, { ...now, records: [...logged.filter(({ step }) => step < first), ...now.records] });
    this.trainingChanged();
  }

  private send(numbers: Numbers): void {
    this.numbers.set(numbers.part, numbers);
    for (const client of this.clients) if (client.view !== undefined) this.post(client, numbers);
  }

  /** Posts the newest numbers of a part when the webview has drawn those before: at most once a frame. */
  private post(client: Client, numbers: Numbers): void {
    if (client.view === 'gates' && numbers.part !== 'column' && numbers.part !== 'order') return;
    const waiting = client.outbox.get(numbers.part);
    if (waiting !== undefined) {
      waiting.next = numbers;
      return;
    }
    const slot: { next: Numbers | undefined } = { next: undefined };
    client.outbox.set(numbers.part, slot);
    client.bridge
      .request('numbers', numbers)
      .catch(() => {})
      .finally(() => {
        client.outbox.delete(numbers.part);
        if (slot.next !== undefined && this.clients.has(client)) this.post(client, slot.next);
      });
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

/** A window of `length` timesteps with t in it. */
export function windowAround(t: number, length: number, steps: number): Window {
  const from = Math.max(0, Math.min(t < length ? 0 : Math.round(t - length / 2), steps - length));
  return { from, to: from + length };
}

/** The window that shows t: scrolled by three quarters of itself until it does. */
export function scrolled(window: Window, t: number, steps: number): Window {
  const length = window.to - window.from;
  const stride = Math.max(1, Math.floor(length * 0.75));
  let { from } = window;
  if (t >= from + length) from += Math.ceil((t - (from + length) + 1) / stride) * stride;
  if (t < from) from -= Math.ceil((from - t) / stride) * stride;
  from = Math.max(0, Math.min(from, steps - length));
  return { from, to: from + length };
}

/** Tints as shares of full colour: surprise linear to its 99th percentile, gradients by decade over the six below their maximum. */
export function shareOfColour(values: Float32Array, tint: 'surprise' | 'gradient'): { readonly share: Float32Array; readonly max: number } {
  const sorted = values.filter(Number.isFinite).sort();
  const max = sorted.at(-1) ?? Number.NaN;
  if (tint === 'surprise') {
    const full = Math.max(1, sorted[Math.floor(0.99 * (sorted.length - 1))] ?? 1);
    return { share: values.map((v) => Math.min(1, v / full)), max };
  }
  const top = Math.log10(max);
  return { share: values.map((v) => (v > 0 ? Math.max(0, Math.min(1, (Math.log10(v) - top + 6) / 6)) : Number.isNaN(v) ? v : 0)), max };
}

/** What a webview that was closed in the meantime has not heard needs no care. */
function quietly(request: Promise<unknown>): void {
  request.catch(() => {});
}
