// F5 on a model: with or without a launch.json. Names what is stepped through.

import { resolve } from 'node:path';
import * as vscode from 'vscode';
import type { Engine } from '../engine/client.ts';
import type { SequenceChoice, TraceRequest } from '../engine/requests.ts';
import { newestRun } from '../training/run.ts';
import { chooseSequence, defaultLength, newestSource } from './choose-sequence.ts';
import { trustedFor } from './trust.ts';

/** A launch configuration as package.json describes it; what it leaves open is asked for. */
export interface UnrollConfiguration extends vscode.DebugConfiguration {
  readonly program?: string;
  readonly model?: string;
  readonly run?: string;
  readonly text?: string;
  readonly file?: string;
  readonly data?: { readonly part: 'training' | 'validation'; readonly from?: number; readonly length?: number };
  /** What was chosen: set by this provider. */
  readonly trace?: TraceRequest;
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code puts the open file here
const openFile = '${file}';

export class Configurations implements vscode.DebugConfigurationProvider {
  readonly #engine: () => Engine;
  readonly #memory: vscode.Memento;

  constructor(engine: () => Engine, memory: vscode.Memento) {
    this.#engine = engine;
    this.#memory = memory;
  }

  provideDebugConfigurations(): vscode.DebugConfiguration[] {
    return [{ name: 'Step through a model', type: 'unroll', request: 'launch', program: openFile }];
  }

  resolveDebugConfiguration(
    _folder: vscode.WorkspaceFolder | undefined,
    config: UnrollConfiguration,
  ): vscode.DebugConfiguration | undefined {
    if (config.type) return { program: openFile, ...config };
    const document = vscode.window.activeTextEditor?.document;
    if (document?.languageId !== 'unroll') return undefined;
    return { name: 'Step through a model', type: 'unroll', request: 'launch', program: document.uri.fsPath };
  }

  async resolveDebugConfigurationWithSubstitutedVariables(
    folder: vscode.WorkspaceFolder | undefined,
    config: UnrollConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    if (!(await trustedFor('Debugging'))) return undefined;
    if (config.trace !== undefined) return config;
    const { program } = config;
    if (program === undefined || !program.endsWith('.rnn')) {
      void vscode.window.showErrorMessage('Open a .rnn file to step through, or name one as `program` in launch.json.');
      return undefined;
    }
    try {
      const source = await sourceOf(config, program, folder);
      const sequence = sequenceOf(config, folder);
      const trace = sequence === undefined ? await chooseSequence(program, source, this.#engine, this.#memory) : { source, sequence };
      return trace === undefined ? undefined : { internalConsoleOptions: 'neverOpen', ...config, trace };
    } catch (error) {
      void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }
}

async function sourceOf(
  config: UnrollConfiguration,
  program: string,
  folder: vscode.WorkspaceFolder | undefined,
): Promise<TraceRequest['source']> {
  const { run, model } = config;
  if (run === 'untrained') return { kind: 'file', file: program, ...(model === undefined ? {} : { model }) };
  if (run === 'latest') return { kind: 'run', folder: await newestRun(program, model) };
  if (run !== undefined) return { kind: 'run', folder: absolute(run, folder) };
  return newestSource(program, model);
}

function sequenceOf({ text, file, data }: UnrollConfiguration, folder: vscode.WorkspaceFolder | undefined): SequenceChoice | undefined {
  if (text !== undefined) return { kind: 'text', text };
  if (file !== undefined) return { kind: 'file', path: absolute(file, folder) };
  if (data === undefined) return undefined;
  return { kind: 'data', part: data.part, from: data.from ?? 0, length: data.length ?? defaultLength };
}

const absolute = (path: string, folder: vscode.WorkspaceFolder | undefined): string => resolve(folder?.uri.fsPath ?? '', path);
