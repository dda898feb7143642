// The extension's entry: registers everything, starts nothing. The language server starts with the first source, the engine with the
// first request.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import { createEngine, type Engine } from './engine/client.ts';
import type { TrainRequest } from './engine/requests.ts';
import type { ForeignInfo } from './shared/foreign.ts';
import type { Objective } from './shared/trace.ts';
import type { RunSummary } from './shared/training.ts';
import { readLog } from './training/log.ts';
import { logOf, readRecord, summarise } from './training/run.ts';
import { analyse } from './views/analyse-commands.ts';
import { Analyses } from './views/analyses.ts';
import { Chats } from './views/chats.ts';
import { chooseInput } from './views/choose-input.ts';
import { chooseRun, runsOf } from './views/choose-sequence.ts';
import { CodeLenses, statementsOf } from './views/code-lenses.ts';
import type { Session } from './views/debug-session.ts';
import { Configurations, generatedKey } from './views/debugging.ts';
import { openExample } from './views/examples.ts';
import { noteFaults, openWalkthrough } from './views/getting-started.ts';
import { HoverExpressions } from './views/hover-expressions.ts';
import { LineValues } from './views/line-values.ts';
import { compareMemory } from './views/memory-comparison.ts';
import { onnxCommands } from './views/onnx-commands.ts';
import { activeOnnx, ONNX_EDITOR, OnnxEditors } from './views/onnx-editor.ts';
import { isOnnx, OnnxModels } from './views/onnx-models.ts';
import { Repairs, type Trial } from './views/repairs.ts';
import { runCommands } from './views/run-commands.ts';
import { chooseRuns, compareSources, RunPages } from './views/run-pages.ts';
import { openSourceOf, Runs } from './views/runs.ts';
import { TrainingQueue, type Waiting } from './views/training-queue.ts';
import { Trainings } from './views/trainings.ts';
import { trustedFor } from './views/trust.ts';
import { Views } from './views/views.ts';

export function activate(context: vscode.ExtensionContext): void {
  const own = <T extends vscode.Disposable>(disposable: T): T => {
    context.subscriptions.push(disposable);
    return disposable;
  };
  let session: Session | undefined;
  const output = own(vscode.window.createOutputChannel('Unroll'));
  const engine = lazily(() => createEngine({ entry: context.asAbsolutePath('dist/engine.mjs'), log: (text) => output.append(text) }));
  endEngine = () => engine.made()?.dispose();

  own(vscode.languages.registerCodeLensProvider({ language: 'unroll' }, new CodeLenses()));
  const repairs = own(new Repairs(engine.get));
  own(vscode.languages.registerCodeActionsProvider({ language: 'unroll' }, repairs, { providedCodeActionKinds: Repairs.kinds }));
  own(vscode.languages.registerEvaluatableExpressionProvider({ language: 'unroll' }, new HoverExpressions()));
  startLanguageServerOnce(context);
  own(noteFaults());

  const trainings = own(new Trainings(engine.get));
  const queue = own(new TrainingQueue((request) => trainings.start(request), context.workspaceState));
  const runs = own(new Runs(trainings, queue, context.workspaceState));
  const tree = own(vscode.window.createTreeView('unroll.runs', { treeDataProvider: runs, canSelectMany: true, showCollapseAll: true }));
  own(runs.onDidChangeHeading(({ message, description }) => Object.assign(tree, { message, description })));
  const pages = own(new RunPages(engine.get, trainings));
  const chats = own(new Chats(engine.get, context.workspaceState));
  void queue.restore();
  const views = own(
    new Views(context.extensionUri, {
      goTo: async (t, instance) => session?.goTo(t, instance),
      action: (id) => viewAction(id, output),
      training: async (action, run) => void (await vscode.commands.executeCommand(trainingCommands[action], run)),
      records: (run) => readLog(logOf(run.folder)),
    }),
  );
  const lineValues = own(new LineValues());
  const models = new OnnxModels(engine.get);
  const onnxEditors = new OnnxEditors(models, engine.get);
  own(vscode.window.registerCustomEditorProvider(ONNX_EDITOR, onnxEditors, { supportsMultipleEditorsPerDocument: true }));
  const storage = (context.storageUri ?? context.globalStorageUri).fsPath;
  const generated = (source: string, model: string): void => void context.workspaceState.update(generatedKey(source), model);
  const input = (info: ForeignInfo) => chooseInput(info, engine.get, { memory: context.workspaceState, storage });
  const analyses = own(
    new Analyses({
      engine: engine.get,
      memory: context.workspaceState,
      trainings,
      library: context.asAbsolutePath('dist/std'),
      storage,
      generated,
      chooseInput: input,
      found: (analysis, source) => repairs.show(analysis, source),
      tryRepair: (repair) => repairs.tryKnown(repair),
    }),
  );
  showTrainings(trainings, runs, views);
  own(
    vscode.debug.registerDebugAdapterDescriptorFactory('unroll', {
      createDebugAdapterDescriptor: async () => {
        const { createSession } = await import('./views/debug-session.ts');
        session?.dispose();
        session = createSession({
          engine: engine.get(),
          views,
          lineValues,
          models,
          library: context.asAbsolutePath('dist/std'),
          generated,
        });
        return new vscode.DebugAdapterInlineImplementation(session.adapter);
      },
    }),
  );
  own(
    vscode.debug.onDidTerminateDebugSession(({ type }) => {
      if (type !== 'unroll') return;
      session?.dispose();
      session = undefined;
      lineValues.show([]);
      views.debugEnded();
    }),
  );
  own(vscode.debug.registerDebugConfigurationProvider('unroll', new Configurations(engine.get, context.workspaceState, models, storage)));

  const command = (name: string, run: (...args: never[]) => unknown): void => {
    own(
      vscode.commands.registerCommand(`unroll.${name}`, async (...args: unknown[]) => {
        try {
          return await run(...(args as never[]));
        } catch (error) {
          void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
          return undefined;
        }
      }),
    );
  };

  command('train', (target?: Target, item?: number) => train(queue, engine.get(), target, item));
  command('pauseTraining', (run?: Target) => trainings.stop('pause', folderOf(run)));
  command('cancelTraining', (run?: Target) => trainings.stop('cancel', folderOf(run)));
  command('resumeTraining', async (run?: Target) => resume(queue, await runFrom(run, runs)));
  command('debug', (target?: Target, model?: string) => debug(target, model));
  command('export', async (target?: Target, model?: string) => {
    const run = await runFrom(target, runs, model);
    if (run !== undefined) await (await import('./views/results.ts')).exportModel(run, engine.get(), context.workspaceState);
  });
  command('analyse', async (target?: Target, model?: unknown) => {
    const asking = { analyses, models, chooseInput: input, memory: context.workspaceState, runs: () => runs.list(), sourceOf };
    if (await trustedFor('Analysing')) await analyse(target, typeof model === 'string' ? model : undefined, asking);
  });
  command('analyseAgain', () => analyses.again());
  command('saveAnalysis', () => analyses.save());
  command('importWeights', async (target?: Target) => {
    if (!(await trustedFor('Importing weights'))) return;
    const { fileName } = await sourceOf(target);
    await (await import('./views/import-weights.ts')).importWeights(fileName, engine.get());
    runs.refresh();
  });
  command('showBeam', async (target?: Target, model?: string) => {
    const run = (await trustedFor('Generating')) ? await runFrom(target, runs, model) : undefined;
    if (run !== undefined) await (await import('./views/beam.ts')).showBeam(run, engine.get(), context.workspaceState);
  });
  command('generate', async (target?: Target, model?: string) => {
    const run = (await trustedFor('Generating')) ? await runFrom(target, runs, model) : undefined;
    if (run !== undefined) await (await import('./views/results.ts')).generateText(run, engine.get(), output, context.workspaceState);
  });
  for (const name of ['chat', 'translate'])
    command(name, async (target?: Target, model?: string) => {
      const run = (await trustedFor('Talking to models')) ? await runFrom(target, runs, model) : undefined;
      if (run !== undefined) await chats.open(run);
    });
  // VS Code has both in its tool bar only.
  command('stepBack', () => vscode.commands.executeCommand('workbench.action.debug.stepBack'));
  command('reverse', () => vscode.commands.executeCommand('workbench.action.debug.reverseContinue'));
  command('showTimeline', () => views.focus('timeline'));
  command('showCell', () => views.focus('cell'));
  command('showTrajectory', () => views.focus('trajectory'));
  command('showTraining', (run?: Target) => {
    const folder = folderOf(run);
    if (folder === undefined) views.focus('training');
    else views.showRun(folder);
  });
  command('showRun', async (run?: Target) => {
    const folder = await runFrom(run, runs);
    if (folder !== undefined) await pages.showRun(folder);
  });
  command('compare', async (target?: Target, more?: readonly RunSummary[] | string) => {
    const folders = await runsToCompare(target, more, runs);
    if (folders !== undefined) await pages.compare(folders);
  });
  command('compareMemory', async (target?: Target, more?: readonly RunSummary[] | string) => {
    const folders = await runsToCompare(target, more, runs);
    if (folders !== undefined) await compareMemory(folders, engine.get());
  });
  command('compareSources', async (run: RunSummary, more?: readonly RunSummary[]) => {
    const [left, right] = (more ?? []).map(({ folder }) => folder);
    const chosen = left === undefined || right === undefined ? await chooseRuns(await runs.list(), [run.folder]) : [left, right];
    if (chosen?.[0] !== undefined && chosen[1] !== undefined) await compareSources(chosen[0], chosen[1]);
  });
  command('tryRepair', async (given?: Trial | vscode.Uri) => {
    const trial = given !== undefined && 'repair' in given ? given : await repairs.choose((await sourceOf(given)).fileName);
    if (trial !== undefined) await repairs.try(trial);
  });
  command('previewData', async (target?: Target, name?: string) => {
    const document = await sourceOf(target);
    const names = dataNames(document);
    if (names.length === 0)
      throw new Error(`${basename(document.fileName)} has no \`data\` line: write data names = table("names.csv", by: char).`);
    const chosen =
      name ??
      (names.length === 1 ? names[0] : await vscode.window.showQuickPick(names, { title: 'Preview Data', placeHolder: 'Which data?' }));
    if (chosen !== undefined) await pages.preview(document.fileName, chosen);
  });
  command('newModel', async (folder?: Target) => {
    const { newModel } = await import('./views/new-model.ts');
    const columnsOf = async (path: string) => (await import('./data/columns.ts')).columnsOf(path);
    const tools = { root: context.extensionPath, columnsOf, memory: context.globalState };
    return newModel(tools, folder instanceof vscode.Uri ? folder : undefined);
  });
  command('openExample', (name?: string) => openExample(context.extensionPath, typeof name === 'string' ? name : undefined));
  command('gettingStarted', openWalkthrough);
  command('removeFromQueue', ({ id }: Waiting) => queue.remove(id));
  command('trainNext', ({ id }: Waiting) => queue.first(id));
  command('showRuns', () => vscode.commands.executeCommand('unroll.runs.focus'));
  command('refreshRuns', () => runs.refresh());
  command('openRunSource', openSourceOf);
  command('revealRun', (run: RunSummary) => vscode.commands.executeCommand('revealInExplorer', vscode.Uri.file(run.folder)));
  const renamed = (from: string, to: string): void => {
    views.runRenamed(from, to);
    pages.close(from);
    analyses.close(from);
    void chats.renamed(from, to);
  };
  const parts = { runs, tree, queue, memory: context.workspaceState, settings, renamed };
  for (const [name, run] of Object.entries(runCommands(parts))) command(name, run);
  const foreign = {
    models,
    editors: onnxEditors,
    engine: engine.get,
    memory: context.workspaceState,
    storage,
    session: () => session,
    differentiate: (objective: Objective) => views.differentiate(objective),
    generated,
  };
  for (const [name, run] of Object.entries(onnxCommands(foreign))) command(name, run);
  command('devices', () => showDevices(engine.get()));
}

export async function deactivate(): Promise<void> {
  await endEngine?.();
}

let endEngine: (() => Promise<void> | undefined) | undefined;

/** What a command is given: a source, a run of the tree, a run's folder; nothing from the palette. */
type Target = vscode.Uri | RunSummary | string;

const isRun = (target: Target | undefined): target is RunSummary =>
  typeof target === 'object' && !(target instanceof vscode.Uri) && 'folder' in target;

const folderOf = (target: Target | undefined): string | undefined =>
  isRun(target) ? target.folder : typeof target === 'string' ? target : undefined;

/** The source that is meant: the one given, else the one in the editor. Saved, as the engine reads the disk. */
async function sourceOf(target: Target | undefined): Promise<vscode.TextDocument> {
  const given = target instanceof vscode.Uri ? await vscode.workspace.openTextDocument(target) : vscode.window.activeTextEditor?.document;
  const document =
    given?.languageId === 'unroll'
      ? given
      : vscode.window.visibleTextEditors.find((editor) => editor.document.languageId === 'unroll')?.document;
  if (document === undefined) throw new Error('Open a .rnn file first.');
  if (document.isUntitled) throw new Error('Save the file first: its data and its runs lie beside it.');
  if (document.isDirty) await document.save();
  return document;
}

async function train(queue: TrainingQueue, engine: Engine, target: Target | undefined, item: number | undefined): Promise<void> {
  if (!(await trustedFor('Training'))) return;
  const document = await sourceOf(target);
  const statements = statementsOf(document).filter(({ kind }) => kind === 'train');
  if (statements.length === 0)
    throw new Error(`${basename(document.fileName)} has no \`train\` statement: write \`train MODEL on DATA { epochs: 5 }\`.`);
  const errors = vscode.languages.getDiagnostics(document.uri).filter(({ severity }) => severity === vscode.DiagnosticSeverity.Error);
  if (errors[0] !== undefined) {
    await vscode.commands.executeCommand('workbench.action.problems.focus');
    throw new Error(
      `${basename(document.fileName)} has ${errors.length === 1 ? 'an error' : `${errors.length} errors`}: ${errors[0].message}`,
    );
  }
  const all = await engine.request('statements', { file: document.fileName });
  const chosen = item ?? (await chooseStatement(statements.map(({ name }) => name)));
  if (chosen === undefined) return;
  // Each cell of a list is a training of its own.
  const meant = [...all.keys()].filter((k) => all[k]!.item === chosen);
  await queue.add(
    ...meant.map((statement) => ({
      title: [basename(document.fileName), all[statement]!.label].filter((part) => part !== undefined).join(', '),
      request: { file: document.fileName, statement, ...settings(document.uri) },
    })),
  );
}

/** The runs that are meant: those chosen in the tree, all of a model's in a source, or those that are asked for. */
async function runsToCompare(
  target: Target | undefined,
  more: readonly RunSummary[] | string | undefined,
  runs: Runs,
): Promise<readonly string[] | undefined> {
  if (typeof more === 'object' && more.length > 1) return more.map(({ folder }) => folder);
  const given = folderOf(target);
  if (given === undefined && target instanceof vscode.Uri) {
    const found = (await runsOf(target.fsPath)).filter((run) => typeof more !== 'string' || run.model === more);
    if (found.length > 1 && found.length <= MOST_COMPARED) return found.map(({ folder }) => folder);
    if (found.length < 2)
      throw new Error(`There are not two runs of ${basename(target.fsPath)} yet to compare: train it again, or with another cell.`);
    return chooseRuns(found);
  }
  return chooseRuns(await runs.list(), given === undefined ? [] : [given]);
}

/** Curves that can still be told apart. */
const MOST_COMPARED = 8;

/** The names of the `data` lines of a source. */
const dataNames = (document: vscode.TextDocument): string[] =>
  statementsOf(document).flatMap(({ kind, name }) => (kind === 'data' ? [name] : []));

async function chooseStatement(names: readonly string[]): Promise<number | undefined> {
  if (names.length === 1) return 0;
  const items = names.map((label, index) => ({ label, index }));
  return (await vscode.window.showQuickPick(items, { title: 'Train', placeHolder: 'Which model?' }))?.index;
}

async function resume(queue: TrainingQueue, run: string | undefined): Promise<void> {
  if (run === undefined || !(await trustedFor('Training'))) return;
  if (queue.waiting.some(({ request }) => request.out === run)) throw new Error(`${basename(run)} waits to be trained already.`);
  const { file, statement } = await readRecord(run);
  await queue.add({ title: basename(run), request: { file, statement, out: run, resume: true, ...settings(vscode.Uri.file(file)) } });
}

/** What the settings say against the defaults. */
function settings(scope: vscode.Uri): Pick<TrainRequest, 'device' | 'threads' | 'tensorBoard'> {
  const configuration = vscode.workspace.getConfiguration('unroll', scope);
  const device = configuration.get<NonNullable<TrainRequest['device']>>('device', 'auto');
  const threads = configuration.get('threads', 0);
  const tensorBoard = configuration.get('tensorBoard', false);
  return { ...(device === 'auto' ? {} : { device }), ...(threads > 0 ? { threads } : {}), ...(tensorBoard ? { tensorBoard } : {}) };
}

async function debug(target: Target | undefined, model: string | undefined): Promise<void> {
  if (!(await trustedFor('Debugging'))) return;
  const run = folderOf(target);
  const onnx = target instanceof vscode.Uri ? target : target === undefined ? activeOnnx() : undefined;
  if (onnx !== undefined && isOnnx(onnx.fsPath)) {
    await vscode.debug.startDebugging(vscode.workspace.getWorkspaceFolder(onnx), {
      name: `Step through ${basename(onnx.fsPath)}`,
      type: 'unroll',
      request: 'launch',
      program: onnx.fsPath,
    });
    return;
  }
  const program = run === undefined ? (await sourceOf(target)).fileName : (await readRecord(run)).file;
  await vscode.debug.startDebugging(vscode.workspace.getWorkspaceFolder(vscode.Uri.file(program)), {
    name: `Step through ${model ?? basename(run ?? program)}`,
    type: 'unroll',
    request: 'launch',
    program,
    ...(run === undefined ? {} : { run }),
    ...(model === undefined ? {} : { model }),
  });
}

/** The run that is meant: the one given, the only one of the source in the editor, or the one chosen. */
async function runFrom(target: Target | undefined, runs: Runs, model?: string): Promise<string | undefined> {
  const given = folderOf(target);
  if (given !== undefined) return given;
  const file = target instanceof vscode.Uri ? target.fsPath : vscode.window.activeTextEditor?.document.fileName;
  const found = file?.endsWith('.rnn') ? await runsOf(file) : await runs.list();
  const fitting = found.filter((run) => model === undefined || run.model === model);
  if (fitting.length === 0)
    throw new Error(
      file === undefined ? 'There is no run yet: train a model first.' : `There is no run of ${basename(file)} yet: train it first.`,
    );
  if (fitting.length === 1) return fitting[0]!.folder;
  const source = file?.endsWith('.rnn') ? await chooseRun(file) : undefined;
  if (source !== undefined) return source.kind === 'run' ? source.folder : undefined;
  const items = fitting.map((run) => ({ label: run.name, description: run.settings, folder: run.folder }));
  return (await vscode.window.showQuickPick(items, { title: 'Run' }))?.folder;
}

async function showDevices(engine: Engine): Promise<void> {
  const devices = await engine.request('devices', {});
  await vscode.window.showQuickPick(
    devices.map(({ device, available, reason }) => ({
      label: `$(${available ? 'pass' : 'circle-slash'}) ${device}`,
      detail: reason ?? '',
    })),
    { title: 'Devices of this machine' },
  );
}

const trainingCommands = {
  pause: 'unroll.pauseTraining',
  resume: 'unroll.resumeTraining',
  cancel: 'unroll.cancelTraining',
  debug: 'unroll.debug',
  page: 'unroll.showRun',
} as const;

/** The training view follows the trainings of this window, and knows the other runs. */
function showTrainings(trainings: Trainings, runs: Runs, views: Views): void {
  const list = async (): Promise<void> => views.setRuns(await runs.list());
  runs.onDidChangeTreeData(() => void list());
  void list();
  trainings.onDidChange(async (change) => {
    const { run } = change.training;
    if (change.kind === 'progress') views.trainingRecord(run.folder, change.record);
    if (change.kind === 'ended') views.trainingEnded(await summarise(run.folder));
    if (change.kind !== 'started') return;
    const { settings } = await readRecord(run.folder);
    views.trainingStarted(run, settings.clip);
    views.open('training');
  });
}

/** A button of an empty or failed view. */
async function viewAction(id: string, output: vscode.OutputChannel): Promise<void> {
  if (id === 'debug') await vscode.commands.executeCommand('unroll.debug');
  if (id === 'log') output.show();
  if (id === 'objective') await vscode.commands.executeCommand('unroll.chooseObjective');
  if (id !== 'example') return;
  const [example] = await vscode.workspace.findFiles('**/text.rnn', '**/runs/**', 1);
  await vscode.window.showTextDocument(example ?? vscode.Uri.joinPath(vscode.Uri.file(__dirname), '..', 'examples', 'text.rnn'));
}

/** The server starts with the first source that is opened, and not before. */
function startLanguageServerOnce(context: vscode.ExtensionContext): void {
  const isSource = (document: vscode.TextDocument): boolean => document.languageId === 'unroll';
  const start = async (): Promise<void> => {
    const { startLanguageClient } = await import('./views/language-client.ts');
    context.subscriptions.push(await startLanguageClient(context.asAbsolutePath('dist/language-server.mjs')));
  };
  if (vscode.workspace.textDocuments.some(isSource)) {
    void start();
    return;
  }
  const listener = vscode.workspace.onDidOpenTextDocument((document) => {
    if (!isSource(document)) return;
    listener.dispose();
    void start();
  });
  context.subscriptions.push(listener);
}

function lazily<T>(make: () => T): { get: () => T; made: () => T | undefined } {
  let value: T | undefined;
  return {
    get: () => {
      value ??= make();
      return value;
    },
    made: () => value,
  };
}
