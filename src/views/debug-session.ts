// A debug session and the views on it: both read one trace, and each follows the other.

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as vscode from 'vscode';
import { GivenUp, type Origin, type StopInfo, UnrollDebugSession } from '../debug/adapter.ts';
import type { LaunchArguments } from '../debug/launch.ts';
import type { Engine } from '../engine/client.ts';
import type { EngineEvent, TraceRequest } from '../engine/requests.ts';
import { type PartInfo, wrongParts } from '../shared/foreign.ts';
import type { Trace, TraceDescription } from '../shared/trace.ts';
import { atHome } from '../training/home.ts';
import type { LineValues } from './line-values.ts';
import { isCancelled, partNamed, textOf } from './onnx-editor.ts';
import type { OnnxModels } from './onnx-models.ts';
import { type PythonPlace, parityText } from './pages/onnx-page.ts';
import { progressText } from './progress-text.ts';
import { PythonLight, pythonPlaces, showPython } from './python-lines.ts';
import type { Position, Views } from './views.ts';

/** A session as the rest of the extension meets it. */
export interface Session {
  readonly adapter: vscode.DebugAdapter;
  goTo(t: number, instance: string): Promise<void>;
  /** Opens the Python line that made the part which the debugger stands in. */
  showPython(): Promise<void>;
  /** How many sequences of a model of others ran side by side, where there are several. */
  readonly sequences: number | undefined;
  /** And what they are called, where they have names. */
  readonly sequenceNames: readonly string[] | undefined;
  /** Of the trace that is stepped through. */
  readonly description: TraceDescription | undefined;
  dispose(): void;
}

export interface SessionParts {
  readonly engine: Engine;
  readonly views: Views;
  readonly lineValues: LineValues;
  readonly models: OnnxModels;
  /** The folder of the standard library. */
  readonly library: string;
  /** The generated source of a model of others is there. */
  readonly generated: (source: string, model: string) => void;
}

export function createSession({ engine, views, lineValues, models, library, generated }: SessionParts): Session {
  let shown = false;
  let first: LaunchArguments['at'];
  let python: ReadonlyMap<string, readonly PythonPlace[]> = new Map();
  const light = new PythonLight();
  const placesAt = (path: string): readonly PythonPlace[] => python.get(path.split(/[.[]/)[0]!) ?? [];
  const adapter = new UnrollDebugSession({
    openTrace: async (launch) => {
      views.setStatus({ kind: 'loading', what: 'Computing the sequence', detail: launch.run ?? launch.program, since: Date.now() });
      try {
        const request = requestOf(launch);
        first = launch.at;
        const { source } = request;
        const opened = await withProgress(basename(launch.program), (hear, signal) => engine.openTrace(request, hear, signal));
        const { trace, changed } = await atHome(opened, library, source.kind === 'run' ? source.folder : undefined);
        views.setStatus({ kind: 'ready' });
        if (changed.length > 0) tellChanged(changed);
        if (source.kind === 'onnx') {
          python = await pythonOf(trace, source.file, models);
          const uri = trace.description.instances[0]?.definition.uri;
          if (uri !== undefined) generated(fileURLToPath(uri), source.file);
          tellParity(trace);
        }
        await vscode.commands.executeCommand('setContext', 'unroll.sequences', sequencesOf(trace) !== undefined);
        return trace;
      } catch (error) {
        if (isCancelled(error)) {
          views.debugEnded();
          throw new GivenUp('Opening the sequence was cancelled.');
        }
        const text = textOf(error, launch.program);
        views.setStatus({
          kind: 'error',
          title: 'The sequence could not be computed',
          text,
          actions: [
            { id: 'debug', label: 'Choose another' },
            { id: 'log', label: 'Open log' },
          ],
        });
        throw error;
      }
    },
    readSource: (uri) => readFile(fileURLToPath(uri), 'utf8'),
    origin: (path) => originOf(placesAt(path)[0]),
  });
  adapter.onDidStop((stop) => {
    const { trace } = adapter;
    if (trace === undefined) return;
    if (first !== undefined) {
      const { t, instance } = first;
      first = undefined;
      void adapter.goto(t, instance);
    }
    if (shown) views.moveTo(positionOf(stop), eventOf(stop));
    else void show(trace, stop);
    shown = true;
    const [place] = placesAt(stop.instance === '' ? stop.line : stop.instance);
    light.show(place, `  ${stop.instance === '' ? stop.line : `${stop.instance}.${stop.line}`}  t = ${stop.t}`);
    void adapter.inlineValues().then((values) => {
      // Of a stop that is over they are no news.
      if (adapter.standing?.t === stop.t && adapter.standing.line === stop.line) lineValues.show(values);
    });
  });
  adapter.onDidChangeObjective((objective) => views.objectiveChanged(objective));
  const show = async (trace: Trace, stop: StopInfo): Promise<void> => {
    views.open('timeline');
    await views.debugStarted(trace, positionOf(stop));
  };
  return {
    adapter: adapter as unknown as vscode.DebugAdapter,
    goTo: (t, instance) => adapter.goto(t, instance),
    async showPython() {
      const { instance = '', line = '' } = adapter.standing ?? {};
      const places = placesAt(instance === '' ? line : instance);
      if (places.length === 0) throw new Error('No Python file of this workspace made this part, as far as the model says.');
      await showPython(places, vscode.ViewColumn.Beside);
    },
    get sequences() {
      return sequencesOf(adapter.trace);
    },
    get sequenceNames() {
      return adapter.trace?.description.sequences;
    },
    get description() {
      return adapter.trace?.description;
    },
    dispose: () => light.dispose(),
  };
}

/** Says nothing of what is done at once; else what is read, and lets it be stopped. */
async function withProgress<Result>(
  what: string,
  work: (hear: (event: EngineEvent) => void, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const abort = new AbortController();
  let report: ((message: string) => void) | undefined;
  let said = '';
  const done = work((event) => {
    said = progressText(event, 'its input') ?? said;
    report?.(said);
  }, abort.signal);
  const settled = done.then(
    () => undefined,
    () => undefined,
  );
  const isQuick = await Promise.race([settled.then(() => true), new Promise<false>((resolve) => setTimeout(resolve, PATIENCE, false))]);
  if (isQuick) return done;
  await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title: `Running ${what} ...`, cancellable: true },
    (progress, token) => {
      token.onCancellationRequested(() => abort.abort());
      report = (message) => progress.report({ message });
      if (said !== '') report(said);
      return settled;
    },
  );
  return done;
}

/** Milliseconds. */
const PATIENCE = 500;

/** The title tells: `sequence 0 of 4`. */
function sequencesOf(trace: Trace | undefined): number | undefined {
  const count = /· sequence \d+ of (\d+)$/.exec(trace?.description.title ?? '')?.[1];
  return count === undefined ? undefined : Number(count);
}

/** By the lines of the generated model: `rnn`, `rnn_reverse`. */
async function pythonOf({ description }: Trace, file: string, models: OnnxModels): Promise<ReadonlyMap<string, readonly PythonPlace[]>> {
  const info = await models.info(file);
  const found = new Map<string, readonly PythonPlace[]>();
  for (const { path } of description.instances) {
    const part = partNamed(info, path) ?? partNamed(info, path.replace(/_reverse$/, ''));
    if (part !== undefined) found.set(path, await pythonPlaces({ source: sourceOf(part, path) }));
  }
  return found;
}

/** The lines that made the layer that an instance runs. */
function sourceOf({ names, sources, source }: PartInfo, path: string): PartInfo['source'] {
  const layer = [path, path.replace(/_reverse$/, '')].map((name) => names.indexOf(name)).find((place) => place >= 0);
  return sources[layer ?? 0] ?? source;
}

const originOf = (place: PythonPlace | undefined): Origin | undefined =>
  place === undefined
    ? undefined
    : { name: `${basename(place.path)}:${place.line}`, uri: pathToFileURL(place.path).href, line: place.line - 1 };

/** A replay that is not what the model computes is said before anything is looked at. */
function tellParity({ description: { parts = [] } }: Trace): void {
  const wrong = wrongParts(parts);
  if (wrong.length === 0) return;
  const named = wrong.map(({ part, value }) => `${part} (by ${parityText(value!)})`).join(', ');
  void vscode.window.showWarningMessage(
    `The replay differs from the model in ${named}: gates and states of it are not those of the model.`,
  );
}

function tellChanged(files: readonly string[]): void {
  const names = files.map((file) => basename(file)).join(', ');
  void vscode.window.showInformationMessage(
    `${names} has changed since this run was trained: the debugger steps through the run's own copy.`,
  );
}

const positionOf = ({ t, along, instance, line }: StopInfo): Position => ({ t, instance, line, ...(along === undefined ? {} : { along }) });

/** What the views mark on their time axis: stops that were more than a step. */
const eventOf = ({ reason, line }: StopInfo): string | undefined =>
  reason === 'breakpoint' ? `breakpoint at ${line}` : reason === 'exception' ? `stopped at ${line}` : undefined;

/** The configuration provider has settled what is traced. */
function requestOf({ trace, objective }: LaunchArguments): TraceRequest {
  if (trace === undefined) throw new Error('The launch configuration was not resolved.');
  return { ...(trace as TraceRequest), ...(objective === undefined ? {} : { objective }) };
}
