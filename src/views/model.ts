// What the views show, kept in the host: the one owner of the state. Webviews attach, ask for it when they are ready, and get changes and numbers
// after that; they can be thrown away and come back at any time. Knows neither vscode nor a debugger: both are passed in.

import { BridgeClosed, type Handlers, type Port } from '../shared/bridge.ts';
import type { Choice, None, PlotSize, Status, TrainingAction, ViewState } from '../shared/messages.ts';
import type { Objective, Trace } from '../shared/trace.ts';
import type { RunSummary, StepRecord } from '../shared/training.ts';
import { type Client, Clients, type ViewRequests } from './clients.ts';
import type { ExportedFile } from './export.ts';
import { PATIENCE, type Position, TraceModel } from './trace-model.ts';
import { TrainingModel } from './training-model.ts';

/** What the views ask of the rest of the extension. */
export interface ViewActions {
  /** Moves the debugger to a timestep of the sequence that an instance runs over; absent while nothing is debugged. */
  go?(t: number, instance: string): Promise<void>;
  /** A button of a view: `debug` (choose a sequence and debug it), `example` (open an example), `restart` (the engine), `log`, `objective` (what gradients
   *  are of). */
  action(id: string): Promise<void>;
  training(action: 'pause' | 'resume' | 'cancel' | 'debug' | 'page', run: RunSummary): Promise<void>;
  /** What an earlier run has logged. */
  records(run: RunSummary): Promise<readonly StepRecord[]>;
  /** Asks for the format and the place, and writes; undefined where the user gave up. `picture` draws the view. */
  save(title: string, file: (format: 'svg' | 'png' | 'csv' | 'npy') => Promise<ExportedFile>): Promise<string | undefined>;
}

export class ViewModel {
  private readonly actions: ViewActions;
  private readonly clients = new Clients();
  private readonly trace: TraceModel;
  private readonly training: TrainingModel;
  private current: ViewState;
  private patience: ReturnType<typeof setTimeout> | undefined;

  constructor(actions: ViewActions, trusted: boolean) {
    this.actions = actions;
    const send = this.clients.send.bind(this.clients);
    const failed = (error: unknown) => this.fail(error);
    this.trace = new TraceModel({
      changed: (trace) => this.change({ trace }),
      status: (status) => this.change({ status }),
      send,
      failed,
      go: async (t, instance) => actions.go?.(t, instance),
    });
    this.training = new TrainingModel({
      changed: (training) => this.change({ training }),
      send,
      failed,
      records: (run) => actions.records(run),
    });
    this.current = { tab: 'timeline', trusted, status: EMPTY, trace: null, training: this.training.state };
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

  /** Shows a trace from now on. */
  async showTrace(trace: Trace, position: Position = { t: 0 }): Promise<void> {
    this.clients.forgetTrace();
    this.setStatus({ kind: 'ready' });
    if (!(await this.trace.show(trace, position))) this.setStatus(noCell(trace.description.model));
  }

  /** The trace is gone; the views say what to do. */
  clearTrace(): void {
    this.clients.forgetTrace();
    this.trace.clear();
    this.setStatus(EMPTY);
  }

  /** The debugger stands somewhere else. */
  moveTo(position: Position): void {
    this.trace.moveTo(position);
  }

  /** A breakpoint has hit at a timestep: N and P find it. */
  markEvent(position: Position, what: string): void {
    this.trace.markEvent(position, what);
  }

  /** Another objective is in force. */
  objectiveChanged(objective: Objective): void {
    this.trace.objectiveChanged(objective);
  }

  /** Loading is said once it takes long; anything else at once. */
  setStatus(status: Status): void {
    clearTimeout(this.patience);
    if (status.kind !== 'loading') this.change({ status });
    else this.patience = setTimeout(() => this.change({ status }), Math.max(0, status.since + PATIENCE - Date.now()));
  }

  showTab(tab: ViewState['tab']): void {
    this.change({ tab });
    this.trace.follow(tab === 'trajectory');
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

  /** A run's folder is another now: what was chosen stays chosen. */
  runRenamed(from: string, to: string): void {
    this.training.renamed(from, to);
  }

  /** The curves of a run that is known. */
  showRun(folder: string): void {
    this.training.choose(folder);
  }

  /** Settles when all numbers that were asked for are sent. */
  async settled(): Promise<void> {
    await Promise.all([this.trace.idle(), this.training.idle()]);
  }

  private readonly handlers: Handlers<ViewRequests> = {
    size: (size) => this.resize(size),
    go: (place) => this.trace.go(place),
    peek: ({ t, unit }) => this.trace.peek(t, unit),
    event: ({ direction }) => this.trace.goToEvent(direction),
    window: (window) => this.trace.setWindow(window),
    choose: (choice) => this.choose(choice),
    table: () => this.trace.table(),
    training: ({ action, run }) => this.control(action, run),
    action: ({ id }) => this.act(id),
    cancel: () => {
      this.trace.cancel();
      this.change({ status: { kind: 'ready' } });
      return {};
    },
  };

  private change(change: Partial<ViewState>): void {
    this.current = { ...this.current, ...change };
    this.clients.change(change);
  }

  private resize({ training, ...plot }: Partial<PlotSize>): None {
    if (training !== undefined) this.training.resize(training);
    if (Object.keys(plot).length > 0) this.trace.resize(plot);
    return {};
  }

  private async choose(choice: Choice): Promise<None> {
    if (choice.kind === 'tab') this.showTab(choice.tab);
    else await this.trace.choose(choice);
    return {};
  }

  private async control(action: TrainingAction, folder: string | undefined): Promise<None> {
    const run = this.training.run(folder);
    if (run === undefined) return {};
    if (action === 'choose') this.training.choose(run.folder);
    else if (action === 'overlay') this.training.overlay(run.folder);
    else if (this.current.trusted || action === 'page') await this.actions.training(action, run);
    return {};
  }

  private async act(id: string): Promise<None> {
    const fault = this.current.trace?.fault;
    if (id === 'fault' && fault !== undefined) await this.trace.go({ t: fault.t, unit: fault.unit });
    else await this.actions.action(id);
    return {};
  }

  private async export(client: Client, line: string | undefined): Promise<{ readonly saved?: string }> {
    const title = `${this.current.trace?.model ?? 'training'}-${this.current.tab}`;
    const saved = await this.actions.save(title, async (format) => {
      if (format === 'csv' || format === 'npy') return this.trace.file(format, line);
      return { name: title, format, bytes: new Uint8Array(await client.bridge.request('picture', { format })) };
    });
    return saved === undefined ? {} : { saved };
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
