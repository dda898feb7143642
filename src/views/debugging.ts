// F5 on a model: with or without a launch.json. Names what is stepped through.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as vscode from 'vscode';
import { launchedInput } from '../debug/foreign-launch.ts';
import { readLaunch } from '../debug/launch.ts';
import type { Engine } from '../engine/client.ts';
import type { SequenceChoice, TraceRequest } from '../engine/requests.ts';
import { newestRun } from '../training/run.ts';
import { chooseInput, rememberInput } from './choose-input.ts';
import { chooseSequence, defaultLength, newestSource } from './choose-sequence.ts';
import { activeOnnx } from './onnx-editor.ts';
import { isOnnx, type OnnxModels } from './onnx-models.ts';
import { trustedFor } from './trust.ts';

/** A launch configuration as package.json describes it; what it leaves open is asked for. */
export interface UnrollConfiguration extends vscode.DebugConfiguration {
  readonly program?: string;
  readonly model?: string;
  readonly run?: string;
  readonly text?: string;
  readonly writes?: string;
  readonly file?: string;
  readonly data?: { readonly part: 'training' | 'validation'; readonly from?: number; readonly length?: number };
  readonly item?: number;
  /** What was chosen: set by this provider. */
  readonly trace?: TraceRequest;
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code puts the open file here
const openFile = '${file}';

export class Configurations implements vscode.DebugConfigurationProvider {
  readonly #engine: () => Engine;
  readonly #memory: vscode.Memento;
  readonly #models: OnnxModels;
  readonly #storage: string;

  /** `storage`: the folder for what is generated and what is remembered as files. */
  constructor(engine: () => Engine, memory: vscode.Memento, models: OnnxModels, storage: string) {
    this.#engine = engine;
    this.#memory = memory;
    this.#models = models;
    this.#storage = storage;
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
    const program = document?.languageId === 'unroll' ? document.uri.fsPath : activeOnnx()?.fsPath;
    if (program === undefined) return undefined;
    return { name: 'Step through a model', type: 'unroll', request: 'launch', program };
  }

  async resolveDebugConfigurationWithSubstitutedVariables(
    folder: vscode.WorkspaceFolder | undefined,
    config: UnrollConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    if (!(await trustedFor('Debugging'))) return undefined;
    if (config.trace !== undefined) return config;
    const program = this.#modelOf(config.program);
    if (program === undefined || !(program.endsWith('.rnn') || isOnnx(program))) {
      void vscode.window.showErrorMessage('Open a .rnn or an .onnx file to step through, or name one as `program` in launch.json.');
      return undefined;
    }
    try {
      if (isOnnx(program)) return await this.#foreign({ ...config, program }, program, folder);
      const source = await sourceOf(config, program, folder);
      const sequence = sequenceOf(config, folder);
      const trace = sequence === undefined ? await chooseSequence(program, source, this.#engine, this.#memory) : { source, sequence };
      return trace === undefined ? undefined : { internalConsoleOptions: 'neverOpen', ...config, trace };
    } catch (error) {
      void vscode.window.showErrorMessage(messageOf(error));
      return undefined;
    }
  }

  /** The generated source of a model means the model. */
  #modelOf(program: string | undefined): string | undefined {
    return program === undefined ? undefined : (this.#memory.get<string>(generatedKey(program)) ?? program);
  }

  async #foreign(
    config: UnrollConfiguration,
    program: string,
    folder: vscode.WorkspaceFolder | undefined,
  ): Promise<vscode.DebugConfiguration | undefined> {
    const launch = readLaunch(forOnnx(config));
    if ('fault' in launch) throw new Error(launch.fault);
    const info = () => this.#models.info(program);
    const disk = {
      absolute: (path: string, base?: string) => (base === undefined ? absolute(path, folder) : resolve(base, path)),
      read: (path: string) => readFile(path, 'utf8'),
    };
    const named = await launchedInput(launch, info, disk);
    if (named !== undefined) await rememberInput(program, named, this.#memory);
    const input = named ?? (await chooseInput(await info(), this.#engine, { memory: this.#memory, storage: this.#storage }));
    if (input === undefined) return undefined;
    const { item = input.item } = config;
    const trace: TraceRequest = {
      source: { kind: 'onnx', file: program, generated: generatedFolder(this.#storage) },
      sequence: { kind: 'given', input: { ...input, ...(item === undefined ? {} : { item }) } },
    };
    return { internalConsoleOptions: 'neverOpen', ...forOnnx(config), trace };
  }
}

/** Where the sources of models of others are written. */
export const generatedFolder = (storage: string): string => resolve(storage, 'generated');

/** Under which the model of a generated source is remembered. */
export const generatedKey = (source: string): string => `generated:${source}`;

/** A button above a generated source names the source's model, which an .onnx file has not. */
const forOnnx = ({ model: _, ...config }: UnrollConfiguration): UnrollConfiguration => config as UnrollConfiguration;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

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

function sequenceOf(
  { text, writes, file, data }: UnrollConfiguration,
  folder: vscode.WorkspaceFolder | undefined,
): SequenceChoice | undefined {
  if (text !== undefined) return { kind: 'text', text, ...(writes === undefined ? {} : { writes }) };
  if (file !== undefined) return { kind: 'file', path: absolute(file, folder) };
  if (data === undefined) return undefined;
  return { kind: 'data', part: data.part, from: data.from ?? 0, length: data.length ?? defaultLength };
}

const absolute = (path: string, folder: vscode.WorkspaceFolder | undefined): string => resolve(folder?.uri.fsPath ?? '', path);
