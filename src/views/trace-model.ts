// The trace as the views show it: layer, place, window, order, tint, loss; and the numbers that each change asks for.

import { count } from '../shared/figures.ts';
import type { Choice, None, Numbers, Peek, PlotSize, Status, Table, TraceState, Window } from '../shared/messages.ts';
import { objectiveText } from '../shared/objective.ts';
import { pack } from '../shared/packed.ts';
import { alongOf, type Objective, sequenceAlong, type Trace } from '../shared/trace.ts';
import type { ExportedFile } from './export.ts';
import { findFault, nearestEvent } from './faults.ts';
import { Latest } from './latest.ts';
import { Layer } from './layer.ts';
import { poolMaximum } from './pooling.ts';
import { shareOfColour, tintOf } from './tint.ts';
import { fileOf, type InView, tableOf } from './trace-export.ts';
import { describe, FIRST_WINDOW, layersOf, tintsOf } from './trace-state.ts';
import { trajectoryAt, trajectoryNumbers } from './trajectory.ts';
import { inside, scrolled, windowAround } from './window.ts';

/** Where a debugger stands. */
export interface Position {
  readonly t: number;
  /** The other sequence of the model that t is a timestep of. */
  readonly along?: string;
  /** Path of the instance; one that runs is shown. */
  readonly instance?: string;
  readonly line?: string;
}

export interface TraceOutlets {
  readonly changed: (state: TraceState | null) => void;
  readonly status: (status: Status) => void;
  readonly send: (numbers: Numbers) => void;
  readonly failed: (error: unknown) => void;
  /** Moves the debugger, if there is one, to a timestep of the sequence that an instance runs over. */
  readonly go: (t: number, instance: string) => Promise<void>;
}

/** Pixels of a timestep once the width is known: room for a token's letter. */
const FIRST_PIXELS = 8;
/** Nothing is said of loading before. */
export const PATIENCE = 300;
const TOKEN_PIXELS = 4;
/** Rows of a heatmap that stands alone. */
const ALONE = 2048;

export class TraceModel {
  private readonly outlets: TraceOutlets;
  private current: TraceState | null = null;
  private trace: Trace | undefined;
  /** The layer that is shown, or that is read to be shown. */
  private layer: Layer | undefined;
  /** The last window that was drawn. */
  private shown: Window | undefined;
  /** The window is still the one that nobody chose. */
  private fresh = false;
  private sized = false;
  private tint: Promise<Float32Array> = Promise.resolve(new Float32Array());
  private pixels = { width: 960, height: 160, ratio: 2 };
  /** Breakpoints that have hit, by timestep. */
  private readonly events = new Map<string | undefined, Map<number, string>>();
  /** Where one was in the sequences that are not shown, by their dimensions; and that of the one that is. */
  private readonly places = new Map<string | undefined, Pick<TraceState, 't' | 'window'>>();
  private along: string | undefined;
  /** The layer whose image was sent. */
  private pictured: Layer | undefined;
  private search = 0;
  /** Where the debugger is asked to go. */
  private target: number | undefined;
  /** A stop that came while a layer was read. */
  private late: Position | undefined;
  private readonly refreshWindow: Latest;
  private readonly refreshColumn: Latest;
  private readonly refreshOverview: Latest;
  private readonly refreshGradients: Latest;
  private readonly refreshTrajectory: Latest;
  /** Whether trajectories are in view: they need the whole sequence. */
  private following = false;
  /** What it was chosen to be of: it stays so for whatever layer and trace has such states. */
  private statesOfTrajectory: string | undefined;
  /** The layer and the states whose trajectory was sent. */
  private followed: { readonly layer: Layer; readonly of: string } | undefined;

  constructor(outlets: TraceOutlets) {
    this.outlets = outlets;
    const { failed } = outlets;
    this.refreshWindow = new Latest((stale) => this.sendWindow(stale), failed);
    this.refreshColumn = new Latest(() => this.sendColumn(), failed);
    this.refreshOverview = new Latest(() => this.sendOverview(), failed);
    this.refreshGradients = new Latest(() => this.sendGradients(), failed);
    this.refreshTrajectory = new Latest((stale) => this.sendTrajectory(stale), failed);
  }

  get state(): TraceState | null {
    return this.current;
  }

  /** Shows a trace from now on: its first layer that runs, or the one that `position` stands in. False where no layer runs. */
  async show(trace: Trace, position: Position): Promise<boolean> {
    this.clear();
    this.trace = trace;
    const layers = layersOf(trace);
    const along = layers.filter((instance) => alongOf(instance) === position.along);
    const instance = layers.find(({ path }) => path === position.instance) ?? along[0] ?? layers[0];
    if (instance === undefined) return false;
    this.fresh = !this.sized;
    const { steps } = sequenceAlong(trace.description, alongOf(instance));
    // Timesteps of a sequence that no layer runs over are none of those that are shown.
    const t = alongOf(instance) === position.along ? Math.max(0, Math.min(position.t, steps - 1)) : 0;
    await this.showLayer(instance.path, { t, window: this.firstWindow(t, steps) });
    return true;
  }

  clear(): void {
    this.trace = undefined;
    this.layer = undefined;
    this.late = undefined;
    this.followed = undefined;
    this.events.clear();
    this.places.clear();
    this.set(null);
  }

  /** The debugger stands somewhere else. */
  moveTo(position: Position): void {
    const before = this.current;
    const path = this.layer?.instance.path;
    if (path === undefined) return;
    if (before === null || before.layer !== path) {
      this.late = position;
      return;
    }
    // On the way to a place that was asked for here, earlier stops are old news.
    if (this.target !== undefined && position.t !== this.target) return;
    const isAlong = before.along === position.along;
    const t = isAlong ? Math.max(0, Math.min(position.t, before.steps - 1)) : before.t;
    const line = position.line === undefined ? {} : { line: position.line };
    const other = this.layerFor(position, before);
    if (other !== undefined) void this.showLayer(other, { t: position.t, ...line });
    else {
      const { line: _before, ...rest } = before;
      this.change({ ...rest, t, ...line, ...(isAlong ? { window: scrolled(before.window, t, before.steps) } : {}) }, before);
    }
  }

  /** The layer that a place of the debugger wants to see instead of the one that is shown: its own, or one that runs over the same sequence. */
  private layerFor({ instance, along }: Position, { layers, layer: shown }: TraceState): string | undefined {
    const own = layers.find(({ path }) => path === instance);
    if (own !== undefined) return own.path === shown ? undefined : own.path;
    return layers.find(({ path }) => path === shown)?.along === along ? undefined : layers.find((layer) => layer.along === along)?.path;
  }

  /** A breakpoint has hit at a timestep: N and P find it. */
  markEvent({ t, along }: Position, what: string): void {
    this.events.set(along, (this.events.get(along) ?? new Map<number, string>()).set(t, what));
  }

  /** Sizes of the plot. */
  resize(plot: Partial<Omit<PlotSize, 'training'>>): void {
    this.pixels = { ...this.pixels, ...plot };
    this.sized = true;
    if (this.fresh && this.current !== null) this.setWindow(this.firstWindow(this.current.t, this.current.steps));
    this.fresh = false;
    void this.refreshWindow.ask();
    void this.refreshOverview.ask();
    void this.refreshGradients.ask();
  }

  /** Trajectories come into view, or go. */
  follow(following: boolean): void {
    this.following = following;
    if (following) void this.refreshTrajectory.ask();
  }

  async go({ t, unit, pin }: { readonly t?: number; readonly unit?: number; readonly pin?: boolean }): Promise<None> {
    const before = this.current;
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
    this.change(next, before);
    if (next.t !== before.t) await this.moveDebugger(next.t);
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
        await this.outlets.go(asked, this.current?.layer ?? '');
      }
    } finally {
      this.target = undefined;
    }
  }

  async peek(t: number, unit: number): Promise<Peek> {
    const trace = this.current;
    if (trace === null || this.layer === undefined || t < 0 || t >= trace.steps) return { now: {}, before: {} };
    return this.layer.unitAt(t, unit);
  }

  /** Goes to the nearest event, and says what it is. */
  async goToEvent(direction: 1 | -1): Promise<{ readonly t: number; readonly what: string } | None> {
    const trace = this.current;
    const layer = this.layer;
    if (trace === null || layer === undefined) return {};
    const search = ++this.search;
    const event = await this.patiently('Looking for an event', `from t ${count(trace.t)}`, () =>
      nearestEvent(layer, trace.t, direction, trace.steps, this.events.get(layer.along) ?? new Map(), () => search !== this.search),
    );
    if (event === undefined || search !== this.search) return {};
    await this.go({ t: event.t });
    return event;
  }

  setWindow(window: Window): None {
    this.fresh = false;
    const before = this.current;
    if (before !== null) this.change({ ...before, window: inside(window, before.steps) }, before);
    return {};
  }

  async choose(choice: Exclude<Choice, { kind: 'tab' }>): Promise<void> {
    const before = this.current;
    if (before === null || this.trace === undefined || this.layer === undefined) return;
    if (choice.kind === 'layer') await this.showLayer(choice.layer, {});
    if (choice.kind === 'order') this.change({ ...before, order: choice.order }, before);
    if (choice.kind === 'open') {
      const { open: _open, ...rest } = before;
      this.change(choice.line === undefined ? rest : { ...rest, open: choice.line }, before);
    }
    if (choice.kind === 'trajectory' && before.trajectories.includes(choice.of)) {
      this.statesOfTrajectory = choice.of;
      this.change({ ...before, trajectory: choice.of }, before);
    }
    if (choice.kind === 'tint') {
      this.tint = tintOf(this.trace, this.layer, choice.tint);
      this.change({ ...before, tint: choice.tint }, before);
    }
    if (choice.kind === 'objective') await this.differentiate(choice.objective);
  }

  /** Gradients of another loss, chosen in a view. */
  private async differentiate(objective: Objective): Promise<void> {
    const trace = this.trace!;
    try {
      await this.patiently('Differentiating', objectiveText(objective), () => trace.differentiate(objective));
    } catch (error) {
      this.outlets.failed(error);
      return;
    }
    this.objectiveChanged(objective);
  }

  /** Another objective is in force. */
  objectiveChanged(objective: Objective): void {
    const before = this.current;
    if (before === null || this.trace === undefined || this.layer === undefined) return;
    this.layer.forgetGradients();
    if (before.tint === 'gradient') this.tint = tintOf(this.trace, this.layer, 'gradient');
    this.change({ ...before, objective, gradientWaits: false }, before);
    void this.refreshGradients.ask();
  }

  /** Stops reading; the last window that was drawn is in view again. */
  cancel(): void {
    this.search++;
    this.refreshWindow.stop();
    this.refreshTrajectory.stop();
    if (this.current !== null && this.shown !== undefined) this.set({ ...this.current, window: this.shown });
  }

  /** Of the window; of its trajectory where that is in view. */
  async table(): Promise<Table> {
    return tableOf(this.inView('make a table of'), await this.tint);
  }

  /** The window of a line, or of the first state, as a file; of its trajectory where that is in view. */
  file(format: 'csv' | 'npy', line: string | undefined): Promise<ExportedFile> {
    return fileOf(this.inView('save the numbers of'), format, line);
  }

  /** Settles when all numbers that were asked for are sent. */
  async idle(): Promise<void> {
    const refreshed = [this.refreshWindow, this.refreshColumn, this.refreshOverview, this.refreshGradients, this.refreshTrajectory];
    await Promise.all(refreshed.map((latest) => latest.idle()));
  }

  private inView(purpose: string): InView {
    if (this.current === null || this.layer === undefined) throw new Error(`There is no sequence to ${purpose}.`);
    return { layer: this.layer, state: this.current, isTrajectory: this.following && this.current.trajectory !== '' };
  }

  private set(state: TraceState | null): void {
    this.current = state;
    this.outlets.changed(state);
  }

  /** A new state; what of it changed decides which numbers are read. */
  private change(next: TraceState, before: TraceState | null): void {
    this.set(next);
    const same = (...keys: (keyof TraceState)[]) =>
      before !== null && keys.every((key) => JSON.stringify(before[key]) === JSON.stringify(next[key]));
    if (!same('layer', 'window', 'order', 'unit', 'pins', 'open')) void this.refreshWindow.ask();
    if (!same('layer', 't')) void this.refreshColumn.ask();
    if (!same('layer', 'tint', 'window', 't')) void this.refreshOverview.ask();
    if (!same('layer', 'window', 't', 'unit', 'objective')) void this.refreshGradients.ask();
    if (!same('layer', 't', 'trajectory')) void this.refreshTrajectory.ask();
  }

  private async showLayer(path: string, change: Partial<TraceState>): Promise<void> {
    const trace = this.trace!;
    const layer = new Layer(trace, trace.description.instances.find((instance) => instance.path === path)!);
    const { steps } = layer.sequence;
    const isSame = this.layer !== undefined && this.layer.along === layer.along;
    this.layer = layer;
    this.shown = undefined;
    const before = this.current;
    // Each sequence has a place of its own.
    if (before !== null) this.places.set(this.along, { t: before.t, window: before.window });
    this.along = layer.along;
    const kept = isSame ? before : this.places.get(layer.along);
    const t = Math.max(0, Math.min(change.t ?? kept?.t ?? 0, steps - 1));
    let tints: TraceState['tints'] = [];
    try {
      const size = `${count(steps)} timesteps · ${count(layer.units)} units`;
      await this.patiently(`Reading ${layer.instance.cell}`, size, async () => {
        await layer.prepare(layer.long ? t : undefined);
        if (!layer.long) tints = await tintsOf(trace, layer);
      });
    } catch (error) {
      this.outlets.failed(error);
      return;
    }
    if (this.layer !== layer) return;
    this.tint = tints[0] === undefined ? Promise.resolve(new Float32Array(steps).fill(Number.NaN)) : tintOf(trace, layer, tints[0]);
    const unit = before?.layer === path ? before.unit : await layer.interestingUnit();
    const window = kept?.window ?? this.firstWindow(t, steps);
    const own = describe(trace, layer);
    const chosen = this.statesOfTrajectory;
    const trajectory = chosen !== undefined && own.trajectories.includes(chosen) ? chosen : own.trajectory;
    const rest = before === null ? {} : { order: before.order, pins: before.layer === path ? before.pins : [] };
    const tint = tints[0] ?? 'surprise';
    const state = { ...own, trajectory, tint, tints, unit: Math.min(unit, layer.units - 1), window, ...rest, ...change, t };
    this.change({ ...state, window: scrolled(state.window, t, steps) }, null);
    const { late } = this;
    this.late = undefined;
    if (late !== undefined) this.moveTo(late);
    if (layer.long) void this.lookFurther(trace, layer);
  }

  /** What needs the whole of a long sequence: scales, orders and surprise; after the first picture stands. */
  private async lookFurther(trace: Trace, layer: Layer): Promise<void> {
    await Promise.all([this.refreshWindow.idle(), this.refreshColumn.idle()]);
    try {
      await layer.prepare();
      const tints = await tintsOf(trace, layer);
      if (this.layer !== layer || this.current === null) return;
      const tint = tints[0] ?? 'surprise';
      if (tint === 'surprise' && tints.length > 0) this.tint = tintOf(trace, layer, tint);
      this.change({ ...this.current, rows: layer.rows, tints, tint }, null);
    } catch (error) {
      if (this.layer === layer) this.outlets.failed(error);
    }
  }

  /** As many timesteps as have room for their tokens. */
  private firstWindow(t: number, steps: number): Window {
    const room = this.sized ? Math.floor(this.pixels.width / this.pixels.ratio / FIRST_PIXELS) : FIRST_WINDOW;
    return windowAround(t, Math.min(Math.max(10, room), steps), steps);
  }

  private async sendWindow(stale: () => boolean): Promise<void> {
    const trace = this.current;
    const layer = this.layer;
    if (trace === null || layer === undefined) return;
    const { window } = trace;
    const started = Date.now();
    let loading = false;
    const numbers = await layer.window({
      window,
      order: trace.order,
      width: this.pixels.width,
      height: trace.open === undefined ? this.pixels.height : ALONE,
      units: [trace.unit, ...trace.pins.filter((unit) => unit !== trace.unit)],
      tokens: Math.ceil(this.pixels.width / TOKEN_PIXELS),
      progress: (share) => {
        if (!stale() && share < 1 && Date.now() - started > PATIENCE) {
          loading = true;
          const detail = `t ${count(window.from)}–${count(window.to)} · ${count(layer.units)} units`;
          this.outlets.status({ kind: 'loading', what: 'Recomputing the lines', detail, since: started, share });
        }
        return !stale();
      },
    });
    if (numbers === undefined || layer !== this.layer) return;
    if (loading) this.outlets.status({ kind: 'ready' });
    this.shown = window;
    await this.sendOrder();
    const image = this.pictured === layer ? undefined : await layer.image();
    this.pictured = layer;
    if (image !== undefined) this.outlets.send(image);
    this.outlets.send(numbers);
    if (!new Float32Array(numbers.values.buffer).some(Number.isNaN)) return;
    // A fault that was seen once stays said, wherever the window goes.
    const fault = await findFault(layer, window);
    if (fault !== undefined && this.current !== null && layer === this.layer) this.set({ ...this.current, fault });
  }

  private async sendOrder(): Promise<void> {
    const layer = this.layer!;
    const { order } = this.current!;
    this.outlets.send({
      part: 'order',
      layer: layer.instance.path,
      values: pack({ order: await layer.order(order), tau: layer.timescales() }),
    });
  }

  private async sendColumn(): Promise<void> {
    const trace = this.current;
    if (trace !== null && this.layer !== undefined) this.outlets.send(await this.layer.column(trace.t));
  }

  private async sendOverview(): Promise<void> {
    const trace = this.current;
    if (trace === null) return;
    const values = await this.tint;
    const { share, max } = shareOfColour(values, trace.tint);
    const { from, to } = trace.window;
    const level = poolMaximum(share, Math.max(1, Math.min(share.length, this.pixels.width)), true);
    this.outlets.send({ part: 'overview', tint: trace.tint, values: pack({ level, max: [max] }) });
    const columns = Math.max(1, Math.min(to - from, this.pixels.width));
    this.outlets.send({ part: 'tint', from, to, columns, values: pack({ tint: poolMaximum(share.subarray(from, to), columns, true) }) });
    const now = this.current;
    const at = now === null ? undefined : values[now.t];
    if (now === null || now.tintAt === at) return;
    const { tintAt: _before, ...rest } = now;
    this.set(at === undefined || Number.isNaN(at) ? rest : { ...rest, tintAt: at });
  }

  private async sendGradients(): Promise<void> {
    const trace = this.current;
    const layer = this.layer;
    if (trace === null || layer === undefined || !trace.gradient || trace.gradientWaits) return;
    this.outlets.send(await layer.gradients(trace.window, this.pixels.width));
    this.outlets.send(await layer.gradientAt(trace.t, trace.unit));
  }

  private async sendTrajectory(stale: () => boolean): Promise<void> {
    const { layer, current, following } = this;
    if (!following || current === null || layer === undefined || current.trajectory === '') return;
    const of = current.trajectory;
    const size = `${count(current.steps)} timesteps · ${count(layer.units)} units`;
    const values = await this.patiently('Following the states', size, () => layer.trajectory(of));
    if (layer !== this.layer || this.current === null || (stale() && this.current.trajectory !== of)) return;
    if (this.followed?.layer !== layer || this.followed.of !== of) {
      this.outlets.send(trajectoryNumbers(layer, of, values));
      this.followed = { layer, of };
    }
    this.outlets.send(trajectoryAt(layer, of, values, this.current.t));
  }

  /** Does work; if it takes long, the views say what is going on. */
  private async patiently<T>(what: string, detail: string, work: () => Promise<T>): Promise<T> {
    const since = Date.now();
    let said = false;
    const timer = setTimeout(() => {
      said = true;
      this.outlets.status({ kind: 'loading', what, detail, since });
    }, PATIENCE);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      if (said) this.outlets.status({ kind: 'ready' });
    }
  }
}
