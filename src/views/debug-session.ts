// A debug session and the views on it: both read one trace, and each follows the other.

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as vscode from 'vscode';
import { type StopInfo, UnrollDebugSession } from '../debug/adapter.ts';
import type { LaunchArguments } from '../debug/launch.ts';
import type { Engine } from '../engine/client.ts';
import type { TraceRequest } from '../engine/requests.ts';
import type { Trace } from '../shared/trace.ts';
import { atHome } from '../training/home.ts';
import type { LineValues } from './line-values.ts';
import type { Views } from './views.ts';

/** A session as the rest of the extension meets it. */
export interface Session {
  readonly adapter: vscode.DebugAdapter;
  goTo(t: number): Promise<void>;
}

/** `library`: the folder of the standard library. */
export function createSession(engine: Engine, views: Views, lineValues: LineValues, library: string): Session {
  let shown = false;
  const adapter = new UnrollDebugSession({
    openTrace: async (launch) => {
      views.setStatus({ kind: 'loading', what: 'Computing the sequence', detail: launch.run ?? launch.program, since: Date.now() });
      try {
        const request = requestOf(launch);
        const { source } = request;
        const { trace, changed } = await atHome(
          await engine.openTrace(request),
          library,
          source.kind === 'run' ? source.folder : undefined,
        );
        views.setStatus({ kind: 'ready' });
        if (changed.length > 0) tellChanged(changed);
        return trace;
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
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
  });
  adapter.onDidStop((stop) => {
    const { trace } = adapter;
    if (trace === undefined) return;
    if (shown) views.moveTo(positionOf(stop), eventOf(stop));
    else void show(trace, stop);
    shown = true;
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
    goTo: (t) => adapter.goto(t),
  };
}

function tellChanged(files: readonly string[]): void {
  const names = files.map((file) => basename(file)).join(', ');
  void vscode.window.showInformationMessage(
    `${names} has changed since this run was trained: the debugger steps through the run's own copy.`,
  );
}

const positionOf = ({ t, instance, line }: StopInfo): { t: number; instance: string; line: string } => ({ t, instance, line });

/** What the views mark on their time axis: stops that were more than a step. */
const eventOf = ({ reason, line }: StopInfo): string | undefined =>
  reason === 'breakpoint' ? `breakpoint at ${line}` : reason === 'exception' ? `stopped at ${line}` : undefined;

/** The configuration provider has settled what is traced. */
function requestOf({ trace, objective }: LaunchArguments): TraceRequest {
  if (trace === undefined) throw new Error('The launch configuration was not resolved.');
  return { ...(trace as TraceRequest), ...(objective === undefined ? {} : { objective }) };
}
