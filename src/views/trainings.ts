// The trainings that this window has started: progress in a notification and the status bar, pause, cancel and resume.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import { type Engine, EngineError } from '../engine/client.ts';
import type { EngineEvent, TrainRequest } from '../engine/requests.ts';
import { numberText } from '../shared/numbers.ts';
import type { RunSummary, StepRecord } from '../shared/training.ts';

/** A training as it goes on. */
export interface Training {
  readonly request: TrainRequest;
  readonly run: RunSummary;
  readonly record?: StepRecord;
}

export type TrainingChange =
  | { readonly kind: 'started'; readonly training: Training }
  | { readonly kind: 'progress'; readonly training: Training; readonly record: StepRecord }
  | { readonly kind: 'ended'; readonly training: Training };

export class Trainings implements vscode.Disposable {
  readonly #engine: () => Engine;
  readonly #running = new Map<string, Training>();
  readonly #changes = new vscode.EventEmitter<TrainingChange>();
  readonly #status = vscode.window.createStatusBarItem('unroll.training', vscode.StatusBarAlignment.Left, 10);
  readonly onDidChange = this.#changes.event;

  constructor(engine: () => Engine) {
    this.#engine = engine;
    this.#status.name = 'Unroll Training';
  }

  get running(): readonly Training[] {
    return [...this.#running.values()];
  }

  /** Trains until the end, whatever it is; says how it ended, and resolves to the run's summary if there is one. */
  async start(request: TrainRequest): Promise<RunSummary | undefined> {
    const title = request.resume && request.out ? basename(request.out) : basename(request.file);
    let training: Training | undefined;
    try {
      const summary = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title: `Training ${title}`, cancellable: true },
        (progress, token) => {
          const abort = new AbortController();
          token.onCancellationRequested(() => abort.abort());
          progress.report({ message: 'starting ...' });
          let shown = 0;
          const hear = (event: EngineEvent): void => {
            if (event.name === 'message' || event.name === 'reading') {
              const text = event.name === 'message' ? event.data.text : `reading the data, ${Math.round(100 * event.data.share)} %`;
              progress.report({ message: text });
              return;
            }
            if (event.name === 'started') {
              training = { request, run: event.data.run };
              this.#put(training);
              this.#changes.fire({ kind: 'started', training });
              return;
            }
            if (event.name !== 'progress' || training === undefined) return;
            const { record } = event.data;
            training = { ...training, record };
            this.#put(training);
            const share = (100 * record.step) / training.run.steps;
            progress.report({ message: progressText(record, training.run.steps), increment: share - shown });
            shown = share;
            this.#changes.fire({ kind: 'progress', training, record });
          };
          return this.#engine().request('train', request, hear, abort.signal);
        },
      );
      this.#end(training);
      void this.#tell(summary, request);
      return summary;
    } catch (error) {
      this.#end(training);
      void this.#tellFailure(error, training, request);
      return undefined;
    }
  }

  /** Stops after the step in hand and a checkpoint; all trainings, or the one of the folder `run`. */
  async stop(kind: 'pause' | 'cancel', run?: string): Promise<void> {
    await this.#engine().request('stopTraining', run === undefined ? { kind } : { kind, run });
  }

  dispose(): void {
    this.#status.dispose();
    this.#changes.dispose();
  }

  #put(training: Training): void {
    this.#running.set(training.run.folder, training);
    this.#show();
  }

  #end(training: Training | undefined): void {
    if (training === undefined) return;
    this.#running.delete(training.run.folder);
    this.#show();
    this.#changes.fire({ kind: 'ended', training });
  }

  /** The status bar, while something is trained. */
  #show(): void {
    const running = this.running;
    void vscode.commands.executeCommand('setContext', 'unroll.training', running.length > 0);
    const first = running[0];
    if (first === undefined) {
      this.#status.hide();
      return;
    }
    const { run, record } = first;
    const more = running.length > 1 ? ` (+${running.length - 1})` : '';
    this.#status.text = `$(sync~spin) ${run.name} ${numberText(record?.step ?? run.step)}/${numberText(run.steps)}${record ? ` · loss ${numberText(record.loss)}` : ''}${more}`;
    const tooltip = new vscode.MarkdownString(
      `${run.name}: ${record ? progressText(record, run.steps) : run.settings}\n\n` +
        `[Pause](command:unroll.pauseTraining) · [Cancel](command:unroll.cancelTraining) · [Curves](command:unroll.showTraining)`,
    );
    tooltip.isTrusted = true;
    this.#status.tooltip = tooltip;
    this.#status.command = 'unroll.showTraining';
    this.#status.show();
  }

  async #tell(summary: RunSummary, request: TrainRequest): Promise<void> {
    const { name, status, folder } = summary;
    const at = `after step ${numberText(summary.step)}`;
    if (status.kind === 'done') {
      const loss = summary.validationLoss ?? summary.loss;
      const text = `${name} is trained: ${summary.validationLoss === undefined ? 'loss' : 'validation loss'} ${loss === undefined ? 'unknown' : numberText(loss)} ${at}.`;
      await this.#offer('info', text, { Debug: ['unroll.debug', folder], 'Show Curves': ['unroll.showTraining', folder] });
    } else if (status.kind === 'failed') {
      await this.#offer('error', `${name} stopped ${at}: ${status.what}`, { 'Show Curves': ['unroll.showTraining', folder] });
    } else {
      const how = status.kind === 'paused' ? 'is paused' : 'was cancelled';
      await this.#offer('info', `${name} ${how} ${at}; its checkpoint is kept.`, { Resume: () => this.start(resumed(request, folder)) });
    }
  }

  async #tellFailure(error: unknown, training: Training | undefined, request: TrainRequest): Promise<void> {
    if (error instanceof EngineError && (error.code === 'engine-closed' || error.code === 'cancelled')) return;
    const text = error instanceof Error ? error.message : String(error);
    if (training === undefined) {
      await this.#offer('error', text, placeAction(error));
      return;
    }
    const { folder, name } = training.run;
    await this.#offer('error', `${name} stopped: ${text} What was trained up to the last checkpoint is safe.`, {
      Resume: () => this.start(resumed(request, folder)),
    });
  }

  async #offer(kind: 'info' | 'error', text: string, actions: Readonly<Record<string, Action>>): Promise<void> {
    const show = kind === 'info' ? vscode.window.showInformationMessage : vscode.window.showErrorMessage;
    const choice = await show(text, ...Object.keys(actions));
    const action = choice === undefined ? undefined : actions[choice];
    if (typeof action === 'function') await action();
    else if (action !== undefined) await vscode.commands.executeCommand(...action);
  }
}

type Action = readonly [command: string, ...rest: unknown[]] | (() => Promise<unknown>);

const resumed = (request: TrainRequest, folder: string): TrainRequest => ({ ...request, out: folder, resume: true });

function placeAction(error: unknown): Readonly<Record<string, Action>> {
  if (!(error instanceof EngineError) || error.place === undefined) return {};
  const { uri, start, end } = error.place;
  const selection = new vscode.Range(start.line, start.column, end.line, end.column);
  return { 'Show Place': () => Promise.resolve(vscode.window.showTextDocument(vscode.Uri.parse(uri), { selection })) };
}

/** `step 420 of 1,500 · loss 1.52 · gradient .83 · 21.3 steps/s · 0:51 left` */
export function progressText(record: StepRecord, steps: number): string {
  return [
    `step ${numberText(record.step)} of ${numberText(steps)}`,
    `loss ${numberText(record.loss)}`,
    `gradient ${numberText(record.gradientNorm)}${record.clipped ? ' (clipped)' : ''}`,
    `${numberText(record.stepsPerSecond)} steps/s`,
    ...(record.secondsLeft === undefined ? [] : [`${durationText(record.secondsLeft)} left`]),
  ].join(' · ');
}

/** `0:51`, `2:03:20` */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
