// The views as the rest of the extension meets them: one model in the host, the panel beside the editor, the gates in the side bar.

import * as vscode from 'vscode';
import type { Status, Tab } from '../shared/messages.ts';
import type { Objective, Trace } from '../shared/trace.ts';
import type { RunSummary, StepRecord } from '../shared/training.ts';
import { GATES_VIEW, GatesView } from './gates-view.ts';
import { type ViewActions, ViewModel } from './model.ts';
import { Panel } from './panel.ts';
import { saveExport } from './save.ts';
import type { Position } from './trace-model.ts';

export type { Position } from './trace-model.ts';

/** What the views cannot do themselves; see ViewActions. */
export type ViewsActions = Omit<ViewActions, 'save' | 'go'> & {
  /** Moves the debugger to a timestep. Called only between `debugging` and its end. */
  goTo(t: number, instance: string): Promise<void>;
};

export class Views implements vscode.Disposable {
  private readonly model: ViewModel;
  private readonly panel: Panel;
  private readonly owned: readonly vscode.Disposable[];
  private debugging = false;

  constructor(extension: vscode.Uri, actions: ViewsActions) {
    const go = async (t: number, instance: string) => {
      if (this.debugging) await actions.goTo(t, instance);
    };
    this.model = new ViewModel({ ...bound(actions), go, save: (_title, file) => saveExport(file) }, vscode.workspace.isTrusted);
    this.panel = new Panel(extension, this.model);
    this.owned = [
      this.panel,
      vscode.window.registerWebviewViewProvider(GATES_VIEW, new GatesView(extension, this.model)),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.model.setTrusted(true)),
    ];
  }

  /** Opens the panel beside the editor, at a tab if one is named. */
  open(tab?: Tab): void {
    if (tab !== undefined) this.model.showTab(tab);
    this.panel.open();
  }

  focus(tab?: Tab): void {
    if (tab !== undefined) this.model.showTab(tab);
    this.panel.focus();
  }

  /** A debug session has opened a trace. `position` is where it stands. */
  async debugStarted(trace: Trace, position: Position): Promise<void> {
    this.debugging = true;
    this.panel.setTitle(`Unroll: ${trace.description.model}`);
    await this.model.showTrace(trace, position);
  }

  /** The debugger has stopped somewhere. `event` says what stopped it, where it was more than a step: a breakpoint, a NaN. */
  moveTo(position: Position, event?: string): void {
    if (event !== undefined) this.model.markEvent(position, event);
    this.model.moveTo(position);
  }

  /** The gradients of the trace are of another loss now. */
  objectiveChanged(objective: Objective): void {
    this.model.objectiveChanged(objective);
  }

  /** Gradients of something else, as chosen in a view. */
  async differentiate(objective: Objective): Promise<void> {
    await this.model.request('choose', { kind: 'objective', objective });
  }

  /** The session and its trace are gone. */
  debugEnded(): void {
    this.debugging = false;
    this.model.clearTrace();
  }

  /** Says that something is under way or has failed: the engine starts, or has stopped. */
  setStatus(status: Status): void {
    this.model.setStatus(status);
  }

  setRuns(runs: readonly RunSummary[]): void {
    this.model.setRuns(runs);
  }

  /** Shows the curves of a run, by its folder. */
  showRun(folder: string): void {
    this.model.showRun(folder);
    this.open('training');
  }

  /** A training has begun or goes on; `clip` is the norm at which it clips. */
  trainingStarted(run: RunSummary, clip?: number): void {
    this.model.trainingStarted(run, clip);
  }

  /** `run` is the run's folder. */
  trainingRecord(run: string, record: StepRecord): void {
    this.model.trainingRecord(run, record);
  }

  /** A run's folder is another now. */
  runRenamed(from: string, to: string): void {
    this.model.runRenamed(from, to);
  }

  trainingEnded(run: RunSummary): void {
    this.model.trainingEnded(run);
  }

  dispose(): void {
    for (const owned of this.owned) owned.dispose();
  }
}

const bound = (actions: ViewsActions): Omit<ViewActions, 'save' | 'go'> => ({
  action: (id) => actions.action(id),
  training: (action, run) => actions.training(action, run),
  records: (run) => actions.records(run),
});
