// Commands on ONNX models of others. Each takes the file it is called on, else the one whose editor is active.

import { fileURLToPath } from 'node:url';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import type { TraceRequest } from '../engine/requests.ts';
import type { Objective } from '../shared/trace.ts';
import { doneAsking, pickOne } from './asking.ts';
import { chooseObjective } from './choose-objective.ts';
import { choosePair } from './choose-pair.ts';
import type { Session } from './debug-session.ts';
import { generatedFolder } from './debugging.ts';
import { openAsModel } from './onnx-as-model.ts';
import { activeOnnx, type OnnxEditors, partNamed } from './onnx-editor.ts';
import { isOnnx, type OnnxModels } from './onnx-models.ts';
import { pythonPlaces, showPython } from './python-lines.ts';
import { trustedFor } from './trust.ts';

export interface OnnxParts {
  readonly models: OnnxModels;
  readonly editors: OnnxEditors;
  readonly engine: () => Engine;
  readonly memory: vscode.Memento;
  readonly storage: string;
  readonly session: () => Session | undefined;
  /** Has the trace that is shown differentiate something else. */
  readonly differentiate: (objective: Objective) => Promise<void>;
  readonly generated: (source: string, model: string) => void;
}

/** By their names without `unroll.`. */
export function onnxCommands({ models, editors, engine, memory, storage, session, differentiate, generated }: OnnxParts) {
  return {
    verifyOnnx: async (target?: unknown) => {
      if (!(await trustedFor('Running models'))) return;
      const file = fileOf(target);
      // The page says what comes out.
      await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(file), 'unroll.onnx');
      await editors.verify(file);
    },
    showGeneratedSource: async (target?: unknown) => {
      if (!(await trustedFor('Running models'))) return;
      const file = fileOf(target);
      const { usual } = await models.info(file);
      const request: TraceRequest = {
        source: { kind: 'onnx', file, generated: generatedFolder(storage) },
        sequence: { kind: 'given', input: usual },
      };
      // The source is written for a run: sizes may be known only then.
      const trace = await engine().openTrace(request);
      const [model] = trace.description.instances;
      await trace.close();
      if (model === undefined) return;
      const path = sourcePath(model.definition.uri);
      generated(path, file);
      await vscode.window.showTextDocument(vscode.Uri.file(path), { viewColumn: vscode.ViewColumn.Beside });
    },
    showPythonSource: async (target?: unknown, part?: unknown) => {
      if (target === undefined && session() !== undefined) return session()!.showPython();
      const { parts, ...rest } = await models.info(fileOf(target));
      const named = typeof part === 'string' ? partNamed({ parts, ...rest }, part) : undefined;
      const sources = (named === undefined ? parts : [named]).flatMap((each) => each.sources);
      const places = await Promise.all(sources.map((source) => pythonPlaces({ source })));
      const all = places
        .flat()
        .filter((each, k, found) => found.findIndex(({ path, line }) => path === each.path && line === each.line) === k);
      if (all.length === 0)
        throw new Error(
          parts.some(({ source }) => source.length > 0)
            ? 'The Python files that made this model are not in this workspace, or have changed since: open their folder.'
            : 'This model says nothing about the Python lines that made it: torch.onnx.export(..., dynamo=True) writes them.',
        );
      return showPython(all);
    },
    openAsModel: async (target?: unknown) => {
      if (!(await trustedFor('Opening a model as a source'))) return;
      await openAsModel(await models.info(fileOf(target)), engine, { memory, storage });
    },
    debugPair: async (target?: unknown) => {
      if (!(await trustedFor('Debugging'))) return;
      const file = fileOf(target);
      const input = await choosePair(await models.info(file), engine, { memory, storage });
      if (input === undefined) return;
      const trace: TraceRequest = {
        source: { kind: 'onnx', file, generated: generatedFolder(storage) },
        sequence: { kind: 'given', input },
      };
      const name = 'Encoder and decoder';
      await vscode.debug.startDebugging(undefined, {
        type: 'unroll',
        request: 'launch',
        name,
        program: file,
        internalConsoleOptions: 'neverOpen',
        trace,
      });
    },
    chooseObjective: async () => {
      const { outputs, objective } = session()?.description ?? {};
      if (outputs === undefined || objective === undefined)
        throw new Error('Debug an ONNX model first, with parts that gradients go through.');
      const chosen = await chooseObjective(outputs, objective);
      if (chosen !== undefined) await differentiate(chosen);
    },
    chooseItem: async () => {
      const running = vscode.debug.activeDebugSession;
      const trace = running?.configuration.trace as TraceRequest | undefined;
      const count = session()?.sequences;
      const names = session()?.sequenceNames;
      if (running === undefined || trace?.sequence.kind !== 'given' || count === undefined)
        throw new Error('Debug an ONNX model on several sequences first.');
      const { input } = trace.sequence;
      const items = Array.from({ length: count }, (_, item) => ({
        label: `Sequence ${item}`,
        description: [names?.[item] ?? '', item === (input.item ?? 0) ? 'this one' : ''].filter((each) => each !== '').join(' · '),
        item,
      }));
      const chosen = await pickOne(items, { title: 'Which sequence of the batch?' });
      doneAsking();
      if (chosen === undefined || chosen.item === (input.item ?? 0)) return;
      const { workspaceFolder, configuration } = running;
      await vscode.debug.stopDebugging(running);
      const sequence = { ...trace.sequence, input: { ...input, item: chosen.item } };
      await vscode.debug.startDebugging(workspaceFolder, { ...configuration, trace: { ...trace, sequence } });
    },
  };
}

function fileOf(target: unknown): string {
  const uri = target instanceof vscode.Uri ? target : activeOnnx();
  if (uri === undefined || !isOnnx(uri.fsPath)) throw new Error('Open an .onnx file first.');
  return uri.fsPath;
}

const sourcePath = (uri: string): string => (uri.startsWith('file:') ? fileURLToPath(uri) : uri);
