// The runs as the training view shows them: what each is, what it has logged, which one is chosen and which lie behind it.

import type { Numbers, TrainingState } from '../shared/messages.ts';
import type { RunSummary, StepRecord } from '../shared/training.ts';
import { Latest } from './latest.ts';
import { clipOf, figuresOf, type RunRecords, trainingNumbers } from './training-numbers.ts';

export interface TrainingOutlets {
  readonly changed: (state: TrainingState) => void;
  readonly send: (numbers: Numbers) => void;
  readonly failed: (error: unknown) => void;
  /** What a run has logged. */
  readonly records: (run: RunSummary) => Promise<readonly StepRecord[]>;
}

export class TrainingModel {
  private readonly outlets: TrainingOutlets;
  private readonly runs = new Map<string, RunRecords>();
  /** Folders whose log was read. */
  private readonly read = new Set<string>();
  private readonly refresh: Latest;
  private current: TrainingState = { runs: [], overlays: [], lossUnit: '' };
  private pixels = 640;

  constructor(outlets: TrainingOutlets) {
    this.outlets = outlets;
    this.refresh = new Latest(() => this.sendNumbers(), outlets.failed);
  }

  get state(): TrainingState {
    return this.current;
  }

  /** Width of the plot in device pixels. */
  resize(pixels: number): void {
    this.pixels = pixels;
    void this.refresh.ask();
  }

  run(folder: string | undefined): RunSummary | undefined {
    return this.runs.get(folder ?? this.current.chosen ?? '')?.summary;
  }

  /** The runs that are known, newest first. Their records are read when they are shown. */
  setRuns(summaries: readonly RunSummary[]): void {
    const folders = new Set(summaries.map(({ folder }) => folder));
    for (const folder of this.runs.keys()) if (!folders.has(folder)) this.runs.delete(folder);
    for (const summary of summaries) {
      const known = this.runs.get(summary.folder);
      this.runs.set(summary.folder, { ...known, summary, records: known?.records ?? [] });
    }
    this.changed({}, [...folders]);
  }

  /** A training has begun, or goes on: it is chosen. */
  started(summary: RunSummary, clip?: number): void {
    const known = this.runs.get(summary.folder);
    this.runs.set(summary.folder, { summary, records: known?.records ?? [], ...(clip === undefined ? {} : { clip }) });
    const others = this.current.runs.map(({ folder }) => folder).filter((folder) => folder !== summary.folder);
    this.changed({ chosen: summary.folder }, [summary.folder, ...others]);
  }

  record(folder: string, record: StepRecord): void {
    const run = this.runs.get(folder);
    if (run === undefined) return;
    const records = run.records as StepRecord[];
    // A resumed run repeats the steps after its last checkpoint.
    if (record.step <= (records.at(-1)?.step ?? 0)) records.splice(records.findIndex(({ step }) => step >= record.step));
    records.push(record);
    const { step, loss, validationLoss } = record;
    const summary = { ...run.summary, step, loss, ...(validationLoss === undefined ? {} : { validationLoss }) };
    this.runs.set(folder, { ...run, summary, records });
    this.changed();
  }

  /** The log has every step, where the records told meanwhile may be a choice of them. */
  ended(summary: RunSummary): void {
    const run = this.runs.get(summary.folder);
    this.runs.set(summary.folder, { ...run, summary, records: run?.records ?? [] });
    this.read.delete(summary.folder);
    this.changed();
  }

  /** A run's folder is another now; its curves and its place are what they were. */
  renamed(from: string, to: string): void {
    const run = this.runs.get(from);
    if (run === undefined) return;
    const now = (folder: string): string => (folder === from ? to : folder);
    this.runs.delete(from);
    this.runs.set(to, { ...run, summary: { ...run.summary, folder: to, name: to.split(/[\\/]/).at(-1)! } });
    if (this.read.delete(from)) this.read.add(to);
    const { chosen, overlays, runs } = this.current;
    this.changed(
      { overlays: overlays.map(now), ...(chosen === undefined ? {} : { chosen: now(chosen) }) },
      runs.map(({ folder }) => now(folder)),
    );
  }

  choose(folder: string): void {
    if (this.runs.has(folder)) this.changed({ chosen: folder, overlays: this.current.overlays.filter((other) => other !== folder) });
  }

  /** Lays a run's curve behind the chosen one's, or takes it away. */
  overlay(folder: string): void {
    const others = this.current.overlays.filter((other) => other !== folder);
    this.changed({ overlays: others.length < this.current.overlays.length ? others : [...others, folder] });
  }

  idle(): Promise<void> {
    return this.refresh.idle();
  }

  private changed(change: Partial<TrainingState> = {}, order: readonly string[] = this.current.runs.map(({ folder }) => folder)): void {
    const next = { ...this.current, ...change };
    const runs = order.flatMap((folder) => this.runs.get(folder)?.summary ?? []);
    const chosen = runs.some(({ folder }) => folder === next.chosen) ? next.chosen : runs[0]?.folder;
    const run = this.runs.get(chosen ?? '');
    const figures = run && figuresOf(run);
    const clip = run && clipOf(run);
    this.current = {
      lossUnit: run === undefined ? '' : unitOf(run.summary),
      runs,
      overlays: next.overlays.filter((folder) => folder !== chosen && this.runs.has(folder)),
      ...(chosen === undefined ? {} : { chosen }),
      ...(figures === undefined ? {} : { figures }),
      ...(clip === undefined ? {} : { clip }),
    };
    this.outlets.changed(this.current);
    void this.refresh.ask();
  }

  private async sendNumbers(): Promise<void> {
    const { chosen, overlays } = this.current;
    if (chosen === undefined) return;
    for (const folder of [chosen, ...overlays]) await this.readLog(folder);
    const run = this.runs.get(chosen);
    if (run === undefined) return;
    const behind = overlays.flatMap((folder) => this.runs.get(folder) ?? []);
    this.outlets.send(trainingNumbers(run, behind, this.pixels));
  }

  /** The steps that were not told here: those before this window's training, and those between two that were. */
  private async readLog(folder: string): Promise<void> {
    const run = this.runs.get(folder);
    if (run === undefined || this.read.has(folder)) return;
    this.read.add(folder);
    const logged = await this.outlets.records(run.summary);
    const now = this.runs.get(folder);
    if (now === undefined || logged.length === 0) return;
    const last = logged.at(-1)!.step;
    this.runs.set(folder, { ...now, records: [...logged, ...now.records.filter(({ step }) => step > last)] });
    this.changed();
  }
}

/** Nats of a cross-entropy; of other functions their name. */
const unitOf = ({ lossFunction }: RunSummary): string =>
  lossFunction === 'cross_entropy' || lossFunction === 'binary' ? 'nats' : (lossFunction ?? '');
