// The pages of the gradient laboratory: what the engine finds of a model, computed anew where a setting changes.

import { basename, join, resolve } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import type { AnalyseRequest, EngineEvent, TraceRequest } from '../engine/requests.ts';
import { analysisArrays } from '../report/arrays.ts';
import { analysisDocument } from '../report/document.ts';
import { analysisTable } from '../report/table.ts';
import type { Analysis, Repair, Studies, StudyName } from '../shared/analysis.ts';
import type { ForeignInfo, ForeignInput } from '../shared/foreign.ts';
import { numberText } from '../shared/numbers.ts';
import { type KeptCheckpoint, keptCheckpoints } from '../training/checkpoint.ts';
import { replaceFile } from '../training/files.ts';
import { homeOf } from '../training/home.ts';
import { checkpointsOf, readRecord } from '../training/run.ts';
import {
  type AnalysisSettings,
  checkpointOf,
  isSetting,
  requested,
  type SettingName,
  settingFault,
  usualSettings,
} from './analysis-settings.ts';
import { generatedFolder } from './debugging.ts';
import { inputText } from './input-texts.ts';
import { isCancelled, textOf } from './onnx-editor.ts';
import { type AnalysisView, analysisView, type Choice, type OfferedStudy, ownOfAnalysis, progressText } from './pages/analysis-page.ts';
import { PageView } from './pages/page-view.ts';
import { progressText as readingText } from './progress-text.ts';
import type { Trainings } from './trainings.ts';
import { trustedFor } from './trust.ts';

export const ANALYSIS = 'unroll.analysis';

/** What is analysed. */
export type Subject =
  | { readonly kind: 'run'; readonly folder: string }
  | { readonly kind: 'file'; readonly file: string; readonly model?: string }
  | { readonly kind: 'onnx'; readonly info: ForeignInfo; readonly input: ForeignInput };

export interface AnalysesParts {
  readonly engine: () => Engine;
  readonly memory: vscode.Memento;
  readonly trainings: Trainings;
  /** The folder of the standard library, and that for what is generated. */
  readonly library: string;
  readonly storage: string;
  /** The generated source of a model of others is there. */
  readonly generated: (source: string, model: string) => void;
  /** Shows what was found in the source; tries one of its repairs. */
  readonly found: (analysis: Analysis, source: AnalyseRequest['source']) => Promise<void>;
  readonly tryRepair: (repair: Repair) => Promise<void>;
  /** Asks what an ONNX model runs on. */
  readonly chooseInput: (info: ForeignInfo) => Promise<ForeignInput | undefined>;
}

export class Analyses implements vscode.Disposable {
  readonly #parts: AnalysesParts;
  readonly #open = new Map<string, AnalysisPage>();
  readonly #subscription: vscode.Disposable;

  constructor(parts: AnalysesParts) {
    this.#parts = parts;
    this.#subscription = parts.trainings.onDidChange(({ training, kind }) =>
      this.#open.get(training.run.folder)?.runChanged(kind === 'ended'),
    );
  }

  /** Opens the page of a model and computes it; a page that is open is computed anew on another input. */
  show(subject: Subject): void {
    const key = keyOf(subject);
    const known = this.#open.get(key);
    if (known !== undefined) {
      known.show(subject);
      return;
    }
    const page = new AnalysisPage(subject, this.#parts);
    this.#open.set(key, page);
    page.onDidDispose(() => {
      if (this.#open.get(key) === page) this.#open.delete(key);
    });
  }

  /** A run is gone, or elsewhere. */
  close(folder: string): void {
    this.#open.get(folder)?.dispose();
  }

  /** Of the page that is looked at. */
  async again(): Promise<void> {
    await this.#active().compute();
  }
  async save(): Promise<void> {
    await this.#active().save();
  }

  #active(): AnalysisPage {
    const found = [...this.#open.values()].find((each) => each.isActive);
    if (found === undefined) throw new Error('Open an analysis first: Unroll: Analyse Memory.');
    return found;
  }

  dispose(): void {
    this.#subscription.dispose();
    for (const page of this.#open.values()) page.dispose();
  }
}

const pathOf = (subject: Subject): string =>
  subject.kind === 'run' ? subject.folder : subject.kind === 'file' ? subject.file : subject.info.path;

const keyOf = (subject: Subject): string => (subject.kind === 'file' ? `${subject.file} ${subject.model ?? ''}` : pathOf(subject));

const nameOf = (subject: Subject): string => `${basename(pathOf(subject))}${subject.kind === 'file' ? ', untrained' : ''}`;

/** Settings that are the same for all models; the others are kept for each. */
const COMMON: readonly SettingName[] = ['sequences', 'length', 'threshold'];
const settingKey = (name: SettingName, subject: Subject): string =>
  COMMON.includes(name) ? `unroll.analysis ${name}` : `unroll.analysis ${name} ${pathOf(subject)}`;

/** Milliseconds between two looks at a run that is trained. */
const REFRESH = 2000;

/** One page. */
class AnalysisPage implements vscode.Disposable {
  readonly #parts: AnalysesParts;
  readonly #view: PageView;
  readonly #trust: vscode.Disposable;
  #subject: Subject;
  #settings: AnalysisSettings;
  #faults: Partial<Record<SettingName, string>> = {};
  #analysis: Analysis | undefined;
  /** What the analysis is the answer to. */
  #request: AnalyseRequest | undefined;
  #failure: AnalysisView['failure'];
  #busy: string | undefined;
  #abort = new AbortController();
  #offered: readonly OfferedStudy[] = [];
  #kept: readonly KeptCheckpoint[] = [];
  #due: NodeJS.Timeout | undefined;

  constructor(subject: Subject, parts: AnalysesParts) {
    this.#parts = parts;
    this.#subject = subject;
    const { memory } = parts;
    const remembered = Object.entries(usualSettings).map(([name, usual]) => [
      name,
      memory.get(settingKey(name as SettingName, subject), usual),
    ]);
    this.#settings = Object.fromEntries(remembered) as AnalysisSettings;
    const panel = vscode.window.createWebviewPanel(ANALYSIS, `Memory: ${nameOf(subject)}`, vscode.ViewColumn.Beside, {
      enableScripts: true,
      enableFindWidget: true,
    });
    this.#view = new PageView(panel, ownOfAnalysis);
    this.#view.onAction((data) => {
      this.#hear(data).catch((error: unknown) => void vscode.window.showErrorMessage(textOf(error, pathOf(this.#subject))));
    });
    this.#view.onDidDispose(() => this.#end());
    this.#trust = vscode.workspace.onDidGrantWorkspaceTrust(() => this.#draw());
    void this.compute();
  }

  get isActive(): boolean {
    return this.#view.isActive;
  }

  onDidDispose(listener: () => void): void {
    this.#view.onDidDispose(listener);
  }

  show(subject: Subject): void {
    this.#subject = subject;
    this.#view.reveal();
    void this.compute();
  }

  dispose(): void {
    this.#view.dispose();
    this.#end();
  }

  #end(): void {
    this.#abort.abort();
    clearTimeout(this.#due);
    this.#trust.dispose();
  }

  /** Its checkpoints may be others now. */
  runChanged(atOnce: boolean): void {
    if (this.#due !== undefined && !atOnce) return;
    clearTimeout(this.#due);
    const look = async (): Promise<void> => {
      this.#due = undefined;
      await this.#lookAtRun();
      this.#draw();
    };
    this.#due = setTimeout(() => void look(), atOnce ? 0 : REFRESH);
  }

  async #lookAtRun(): Promise<void> {
    if (this.#subject.kind === 'run') this.#kept = await keptCheckpoints(checkpointsOf(this.#subject.folder));
  }

  /** Computes all of it as the settings are now. */
  async compute(): Promise<void> {
    if (!(await trustedFor('Analysing'))) return this.#draw();
    if (Object.keys(this.#faults).length > 0) return this.#draw();
    await this.#saved();
    const request = this.#requestNow();
    await this.#work(`The memory of ${nameOf(this.#subject)} is computed`, async (hear, signal) => {
      const engine = this.#parts.engine();
      await this.#lookAtRun();
      this.#offered = await engine.request('studies', {}, undefined, signal);
      const analysis = await engine.request('analyse', request, hear, signal);
      [this.#analysis, this.#request] = [analysis, request];
      await this.#parts.found(analysis, request.source);
    });
  }

  /** The engine reads the disk: a source that was changed since is saved. */
  async #saved(): Promise<void> {
    const subject = this.#subject;
    if (subject.kind !== 'file') return;
    await vscode.workspace.textDocuments.find(({ uri, isDirty }) => isDirty && uri.fsPath === subject.file)?.save();
  }

  async #study(name: StudyName): Promise<void> {
    const offered = this.#offered.find((each) => each.name === name);
    if (offered === undefined || this.#request === undefined || this.#busy !== undefined) return;
    const { title } = offered;
    const mark = (failed?: string): void => {
      this.#offered = this.#offered.map((each) =>
        each.name === name ? { name, title, ...(failed === undefined ? {} : { failed }) } : each,
      );
    };
    mark();
    const request = { ...this.#request, study: name };
    await this.#work(title, async (hear, signal) => {
      try {
        const found: Studies = await this.#parts.engine().request('study', request, hear, signal);
        if (this.#analysis !== undefined) this.#analysis = { ...this.#analysis, studies: { ...this.#analysis.studies, ...found } };
      } catch (error) {
        if (isCancelled(error)) throw error;
        mark(textOf(error, pathOf(this.#subject)));
      }
    });
  }

  /** Does what takes long: what ran before is given up, and the page says how far it is. */
  async #work(what: string, work: (hear: (event: EngineEvent) => void, signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#abort.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#busy = what;
    this.#failure = undefined;
    this.#draw();
    const began = performance.now();
    const hear = (event: EngineEvent): void => {
      if (abort.signal.aborted) return;
      const read = readingText(event, 'the input');
      if (event.name === 'share') this.#tell(event.data.done, progressText(event.data.done, (performance.now() - began) / 1000));
      else if (read !== undefined) this.#tell(0, read);
    };
    try {
      await work(hear, abort.signal);
    } catch (error) {
      if (!isCancelled(error) && !abort.signal.aborted) this.#failure = await this.#failureOf(error);
    }
    // Whoever came after it goes on.
    if (this.#abort !== abort) return;
    this.#busy = undefined;
    this.#draw();
  }

  #tell(share: number, text: string): void {
    this.#view.tell({ share, text });
  }

  async #failureOf(error: unknown): Promise<NonNullable<AnalysisView['failure']>> {
    const text = textOf(error, pathOf(this.#subject));
    const subject = this.#subject;
    if (subject.kind !== 'run' || this.#settings.weights === 'start') return { text };
    return this.#kept.length > 0 ? { text } : { text: `${text} Wait for its first, or look at it as it started.`, start: true };
  }

  #requestNow(): AnalyseRequest {
    return { source: this.#sourceNow(), ...requested(this.#settings) };
  }

  #sourceNow(): AnalyseRequest['source'] {
    const subject = this.#subject;
    const { weights, part } = this.#settings;
    switch (subject.kind) {
      case 'run':
        return { kind: 'run', folder: subject.folder, ...(weights === 'last' ? {} : { checkpoint: checkpointOf(weights) }) };
      case 'file':
        return { kind: 'file', file: subject.file, ...(subject.model === undefined ? {} : { model: subject.model }) };
      case 'onnx': {
        const { info, input } = subject;
        const generated = generatedFolder(this.#parts.storage);
        return { kind: 'onnx', file: info.path, input, generated, ...(part === '' ? {} : { part }) };
      }
    }
  }

  async #hear({ action, ...data }: Readonly<Record<string, string>>): Promise<void> {
    switch (action) {
      case 'again':
        return this.compute();
      case 'start':
        return this.#set('weights', 'start');
      case 'cancel':
        this.#abort.abort();
        return;
      case 'set':
        return this.#set(data.setting ?? '', data.value ?? '');
      case 'save':
        return this.save();
      case 'study':
        return this.#study(data.study as StudyName);
      case 'input':
        return this.#chooseInput();
      case 'place':
        return this.#showPlace(data.uri ?? '', Number(data.line), Number(data.column));
      case 'try': {
        const repair = this.#analysis?.verdicts[Number(data.verdict)]?.repairs[Number(data.repair)];
        if (repair !== undefined) await this.#parts.tryRepair(repair);
        return;
      }
      case 'step':
        return this.#debugAt(data.layer ?? '', Number(data.t));
    }
  }

  async #set(name: string, value: string): Promise<void> {
    if (!isSetting(name) || (this.#settings[name] === value && this.#faults[name] === undefined)) return;
    const fault = settingFault(name, value);
    this.#settings = { ...this.#settings, [name]: value };
    const { [name]: _, ...others } = this.#faults;
    this.#faults = fault === undefined ? others : { ...others, [name]: fault };
    if (fault === undefined) await this.#parts.memory.update(settingKey(name, this.#subject), value);
    await this.compute();
  }

  async #chooseInput(): Promise<void> {
    if (this.#subject.kind !== 'onnx') return;
    const input = await this.#parts.chooseInput(this.#subject.info);
    if (input === undefined) return;
    this.#subject = { ...this.#subject, input };
    await this.compute();
  }

  /** The person's own file, where it is still what the run was trained from. */
  async #showPlace(uri: string, line: number, column: number): Promise<void> {
    const source = this.#request?.source;
    const folder = source?.kind === 'run' ? source.folder : undefined;
    const run = folder === undefined ? undefined : { folder, record: await readRecord(folder) };
    const { path, other } = await homeOf(uri, this.#parts.library, run);
    if (other !== undefined)
      vscode.window.setStatusBarMessage(`${basename(other)} has changed since this run was trained: this is the run's own copy.`, 6000);
    if (source?.kind === 'onnx') this.#parts.generated(path, source.file);
    const at = new vscode.Position(line, column);
    await vscode.window.showTextDocument(vscode.Uri.file(path), { viewColumn: vscode.ViewColumn.One, selection: new vscode.Range(at, at) });
  }

  /** Steps through the first of the sequences, at a timestep of a layer. */
  async #debugAt(layer: string, t: number): Promise<void> {
    const trace = this.#firstTrace();
    if (trace === undefined || !(await trustedFor('Debugging'))) return;
    const { source } = trace;
    const program = source.kind === 'run' ? (await readRecord(source.folder)).file : source.file;
    await vscode.debug.startDebugging(vscode.workspace.getWorkspaceFolder(vscode.Uri.file(program)), {
      name: `${nameOf(this.#subject)} at t = ${t}`,
      type: 'unroll',
      request: 'launch',
      program,
      internalConsoleOptions: 'neverOpen',
      trace,
      at: { t, instance: layer },
    });
  }

  #firstTrace(): TraceRequest | undefined {
    const [source, first] = [this.#request?.source, this.#analysis?.first];
    if (source?.kind === 'onnx') {
      const { file, generated, input } = source;
      return {
        source: { kind: 'onnx', file, ...(generated === undefined ? {} : { generated }) },
        sequence: { kind: 'given', input: { ...input, item: 0 } },
      };
    }
    return source === undefined || first === undefined ? undefined : { source, sequence: first };
  }

  /** The report as a file, its numbers beside it. Throws what the disk says, in words. */
  async save(): Promise<void> {
    const analysis = this.#analysis;
    if (analysis === undefined) throw new Error('There is nothing to save yet: wait until it is computed.');
    const name = `memory-of-${analysis.title.replaceAll(/[^\p{L}\p{N}._]+/gu, '-')}`;
    const folder = resolve(pathOf(this.#subject), '..');
    const target = await vscode.window.showSaveDialog({
      title: 'Save the report; its numbers are saved beside it, as .csv and .npz',
      defaultUri: vscode.Uri.file(join(this.#subject.kind === 'run' ? resolve(folder, '..') : folder, `${name}.html`)),
      filters: { HTML: ['html'] },
    });
    if (target === undefined) return;
    const path = /\.html?$/i.test(target.fsPath) ? target.fsPath : `${target.fsPath}.html`;
    const [table, arrays] = ['.csv', '.npz'].map((ending) => path.replace(/\.html?$/i, ending)) as [string, string];
    await replaceFile(path, [Buffer.from(analysisDocument(analysis))]);
    await replaceFile(table, [Buffer.from(analysisTable(analysis))]);
    await this.#parts.engine().request('writeArrays', { path: arrays, arrays: analysisArrays(analysis) });
    const open = 'Open in Browser';
    const said = `The report is saved: ${basename(path)}, and its numbers: ${basename(table)}, ${basename(arrays)}.`;
    if ((await vscode.window.showInformationMessage(said, open)) === open) await vscode.env.openExternal(vscode.Uri.file(path));
  }

  #draw(): void {
    const subject = this.#subject;
    const note = this.#note();
    const parts = subject.kind === 'onnx' ? partChoices(subject.info) : undefined;
    this.#view.show(
      analysisView({
        what: nameOf(subject),
        settings: this.#settings,
        faults: this.#faults,
        ...(subject.kind === 'run' ? { weights: weightChoices(this.#kept, this.#settings.weights) } : {}),
        ...(parts === undefined ? {} : { parts }),
        ...(subject.kind === 'onnx' ? { input: inputText(subject.input) } : {}),
        ...(this.#analysis === undefined ? {} : { analysis: this.#analysis }),
        ...(this.#failure === undefined ? {} : { failure: this.#failure }),
        ...(this.#busy === undefined ? {} : { busy: this.#busy }),
        ...(note === undefined ? {} : { note }),
        studies: this.#analysis === undefined ? [] : this.#offered,
        debuggable: this.#firstTrace() !== undefined,
        trusted: vscode.workspace.isTrusted,
      }),
    );
  }

  /** Why the numbers may not be those that one wants to see. */
  #note(): string | undefined {
    const subject = this.#subject;
    if (this.#analysis === undefined || this.#busy !== undefined) return undefined;
    const isOther = JSON.stringify(this.#request) !== JSON.stringify(this.#requestNow());
    if (isOther) return 'What is below was computed with other settings. Recompute to see it with these.';
    if (subject.kind !== 'run') return undefined;
    const training = this.#parts.trainings.running.find(({ run }) => run.folder === subject.folder);
    if (training === undefined) return undefined;
    const newest = this.#kept.at(-1)?.step;
    const kept = newest === undefined ? '' : ` Its newest checkpoint is that of step ${numberText(newest)}.`;
    return `It is being trained, and is at step ${numberText(training.record?.step ?? 0)}.${kept} Recompute to look at it as it is then.`;
  }
}

/** The checkpoints that a run keeps, and what stands for one of them. */
function weightChoices(kept: readonly KeptCheckpoint[], chosen: string): Choice[] {
  const stepText = (step: number): string => `step ${numberText(step)}`;
  const measured = kept.filter(({ validationLoss }) => validationLoss !== undefined);
  const best = measured.reduce<KeptCheckpoint | undefined>(
    (a, b) => (a === undefined || b.validationLoss! < a.validationLoss! ? b : a),
    undefined,
  );
  const newest = kept.at(-1);
  const choices: Choice[] = [
    { value: 'last', label: newest === undefined ? 'the newest' : `the newest: ${stepText(newest.step)}` },
    ...(best === undefined ? [] : [{ value: 'best', label: `the best: ${stepText(best.step)}` }]),
    ...kept
      .filter(({ step }) => step > 0 && step !== newest?.step && step !== best?.step)
      .reverse()
      .map(({ step }) => ({ value: String(step), label: stepText(step) })),
    { value: 'start', label: 'before training' },
  ];
  // What was chosen and is no longer kept is still what stands there.
  return choices.some(({ value }) => value === chosen) ? choices : [...choices, { value: chosen, label: `step ${chosen}, no longer kept` }];
}

/** Where a model has one stack of layers there is nothing to choose. */
function partChoices({ parts }: ForeignInfo): Choice[] | undefined {
  if (parts.length < 2) return undefined;
  return [{ value: '', label: 'all' }, ...parts.map(({ name, names }) => ({ value: name, label: names.join(', ') }))];
}
