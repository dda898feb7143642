// The engine as the editor, the debug adapter and the command line see it: requests that settle, whatever becomes of the processes.
//
// A training gets a process of its own; traces, export and generation share another. So a trace that runs out of memory does not end a
// training, nor the other way round. Processes start when they are first needed.

import { type ChildProcess, fork } from 'node:child_process';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReadRequest, SummaryKind, Trace, TraceDescription } from '../shared/trace.ts';
import { type Answer, type Call, Cancelled, EngineError, errorData } from './protocol.ts';
import type { EngineEvent, NodeByNodeRequest, Parameters, RequestName, Result, TraceRequest } from './requests.ts';

export { EngineError } from './protocol.ts';

export interface EngineOptions {
  /** The engine's entry: `dist/engine.mjs`, absolute. */
  readonly entry: string;
  /** Added to this process' environment. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What engine processes write to their standard output and error. */
  readonly log?: (text: string) => void;
}

export interface Engine {
  /** Settles always: with the result, the engine's error, or an EngineError of code `engine-died`, `engine-closed`, or `cancelled` where the signal
   *  says that the result is no longer wanted and the engine was not done. */
  request<Name extends RequestName>(
    name: Name,
    parameters: Parameters<Name>,
    onEvent?: (event: EngineEvent) => void,
    signal?: AbortSignal,
  ): Promise<Result<Name>>;
  /** Opens a trace, and gives it as the debugger and the views read it. */
  openTrace(request: TraceRequest, onEvent?: (event: EngineEvent) => void, signal?: AbortSignal): Promise<Trace>;
  /** Ends all processes; a training first writes a checkpoint. */
  dispose(): Promise<void>;
}

/** How long a process may take to end by itself when it is told to. */
const graceMilliseconds = 10_000;
/** How long its output may stay open after its end (by a process that it started). */
const lastWordsMilliseconds = 500;

export function createEngine(options: EngineOptions): Engine {
  const trainings = new Set<Child>();
  const witnesses = new Set<Child>();
  let shared: Child | undefined;
  let closed = false;

  const start = (purpose: string): Child => {
    if (closed) throw new EngineError({ message: 'The engine has been closed.', code: 'engine-closed' });
    return new Child(options, purpose);
  };
  const sharedChild = (): Child => {
    if (shared === undefined || shared.ended) shared = start('tracing');
    return shared;
  };

  async function train(
    parameters: Parameters<'train'>,
    onEvent?: (event: EngineEvent) => void,
    signal?: AbortSignal,
  ): Promise<Result<'train'>> {
    const child = start('training');
    trainings.add(child);
    try {
      const hear = (event: EngineEvent): void => {
        if (event.name === 'started') child.run = event.data.run.folder;
        onEvent?.(event);
      };
      return await child.request('train', parameters, hear, signal);
    } finally {
      trainings.delete(child);
      void child.end();
    }
  }

  async function stopTraining(parameters: Parameters<'stopTraining'>): Promise<Result<'stopTraining'>> {
    const meant = [...trainings].filter((child) => parameters.run === undefined || child.run === parameters.run);
    // A training that ends while it is told to stop has stopped.
    await Promise.allSettled(meant.map((child) => child.request('stopTraining', parameters)));
    return {};
  }

  const request: Engine['request'] = async (name, parameters, onEvent, signal) => {
    type Answered = Promise<Result<typeof name>>;
    if (name === 'train') return train(parameters as Parameters<'train'>, onEvent, signal) as Answered;
    if (name === 'stopTraining') return stopTraining(parameters as Parameters<'stopTraining'>) as Answered;
    try {
      return await sharedChild().request(name, parameters, onEvent, signal);
    } catch (error) {
      const run = error instanceof EngineError && error.code === 'engine-died' ? nodesOf(name, parameters) : undefined;
      if (run === undefined || closed || signal?.aborted === true) throw error;
      throw new EngineError({ message: `${(error as Error).message} ${await searched(run)}`.trim(), code: 'engine-died' });
    }
  };

  /** At which node a process ends that runs the model node by node: a sentence, or nothing where it cannot be told. */
  async function searched(run: NodeByNodeRequest): Promise<string> {
    let last: string | undefined;
    const witness = start('searching');
    witnesses.add(witness);
    try {
      const hear = (event: EngineEvent): void => {
        if (event.name === 'node') last = event.data.text;
      };
      await witness.request('nodeByNode', run, hear, AbortSignal.timeout(SEARCH_MILLISECONDS));
      return 'Run again node by node, it came to its end: the fault lies in what the runtime makes of several nodes, or in the memory that they take together.';
    } catch (error) {
      const isDead = error instanceof EngineError && error.code === 'engine-died';
      return isDead && last !== undefined ? `Run again node by node, it ended at ${last}.` : '';
    } finally {
      witnesses.delete(witness);
      void witness.end();
    }
  }

  return {
    request,
    async openTrace(parameters, onEvent, signal) {
      return new RemoteTrace(await request('openTrace', parameters, onEvent, signal), request);
    },
    async dispose() {
      closed = true;
      await Promise.all([...trainings, ...witnesses, ...(shared === undefined ? [] : [shared])].map((child) => child.end()));
    },
  };
}

class RemoteTrace implements Trace {
  description: TraceDescription;
  readonly #request: Engine['request'];

  constructor(description: TraceDescription, request: Engine['request']) {
    this.description = description;
    this.#request = request;
  }

  get #trace(): { trace: number } {
    return { trace: this.description.id };
  }
  read(request: ReadRequest): Promise<readonly Float32Array[]> {
    return this.#request('read', { ...request, ...this.#trace });
  }
  summary(summary: SummaryKind): Promise<Float32Array> {
    return this.#request('summary', { summary, ...this.#trace });
  }
  weight(name: string): Promise<Result<'weight'>> {
    return this.#request('weight', { name, ...this.#trace });
  }
  async differentiate(objective: TraceDescription['objective']): Promise<void> {
    await this.#request('differentiate', { objective, ...this.#trace });
    this.description = { ...this.description, objective };
  }
  async close(): Promise<void> {
    await this.#request('closeTrace', this.#trace);
  }
}

interface Pending {
  /** The file that it is about, if it is about one. */
  readonly about: string | undefined;
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly onEvent: ((event: EngineEvent) => void) | undefined;
}

/** One engine process. */
class Child {
  /** The folder of the run that it trains, once it is known. */
  run: string | undefined;
  readonly #process: ChildProcess;
  readonly #purpose: string;
  readonly #pending = new Map<number, Pending>();
  readonly #gone: Promise<void>;
  #lastWords = '';
  #lastId = 0;
  #asked = false;
  ended = false;

  constructor({ entry, environment, log }: EngineOptions, purpose: string) {
    this.#purpose = purpose;
    this.#process = fork(entry, [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', ORT_DISABLE_TELEMETRY: '1', ...environment },
    });
    const streams = [this.#process.stdout!, this.#process.stderr!];
    for (const stream of streams)
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#lastWords = (this.#lastWords + text).slice(-2000);
        log?.(text);
      });
    this.#process.on('message', (message) => this.#hear(message as Answer));
    // The last words may come after `exit`; Node gives no `close` to a process that was disconnected.
    const closed = Promise.all(streams.map((stream) => new Promise((resolve) => stream.once('close', resolve))));
    this.#gone = new Promise((resolve) => {
      this.#process.on('error', (error) => {
        this.#die(`could not be started: ${error.message}`);
        resolve();
      });
      this.#process.on('exit', (code, signal) => {
        void Promise.race([closed, delay(lastWordsMilliseconds)]).then(() => {
          this.#die(signal === null ? `ended with exit code ${code}` : `was ended by signal ${signal}`);
          resolve();
        });
      });
    });
  }

  request<Name extends RequestName>(
    name: Name,
    parameters: Parameters<Name>,
    onEvent?: (event: EngineEvent) => void,
    signal?: AbortSignal,
  ): Promise<Result<Name>> {
    return new Promise<Result<Name>>((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(new EngineError(errorData(new Cancelled())));
        return;
      }
      if (this.ended || this.#asked) {
        reject(new EngineError({ message: `The ${this.#purpose} process has ended.`, code: 'engine-closed' }));
        return;
      }
      this.#lastId += 1;
      const id = this.#lastId;
      this.#pending.set(id, { resolve, reject, onEvent, about: fileOf(parameters) });
      signal?.addEventListener('abort', () => {
        if (this.#pending.has(id) && this.#process.connected) this.#process.send({ id, name: 'cancel' } satisfies Call, () => undefined);
      });
      this.#process.send({ id, name, parameters } as Call, (error) => {
        if (error === null) return;
        this.#pending.delete(id);
        reject(new EngineError({ message: `The ${this.#purpose} process could not be reached: ${error.message}`, code: 'engine-died' }));
      });
    });
  }

  /** Tells the process to end, and waits until it has; ends it by force after a while. */
  async end(): Promise<void> {
    if (this.ended) return;
    this.#asked = true;
    if (this.#process.connected) this.#process.disconnect();
    const force = setTimeout(() => this.#process.kill('SIGKILL'), graceMilliseconds);
    await this.#gone;
    clearTimeout(force);
  }

  #hear(answer: Answer): void {
    // Only what comes after the last answer can tell of the end.
    this.#lastWords = '';
    const pending = this.#pending.get(answer.id);
    if (pending === undefined) return;
    if (answer.kind === 'event') {
      pending.onEvent?.(answer.event);
      return;
    }
    this.#pending.delete(answer.id);
    if (answer.kind === 'result') pending.resolve(answer.result as never);
    else pending.reject(new EngineError(answer.error));
  }

  #die(how: string): void {
    if (this.ended) return;
    this.ended = true;
    const said = this.#lastWords.trim();
    const error = this.#asked
      ? { message: 'The engine has been closed.', code: 'engine-closed' }
      : { message: `The ${this.#purpose} process ${how}.${said === '' ? '' : ` It said last: ${said}`}`, code: 'engine-died' };
    for (const { reject, about } of this.#pending.values()) {
      const busy = this.#asked || about === undefined ? '' : ` It was at work on ${about}.`;
      reject(new EngineError({ ...error, message: `${error.message}${busy}` }));
    }
    this.#pending.clear();
  }
}

/** How long it may take to find the node at which a model ends the process. */
const SEARCH_MILLISECONDS = 20_000;

/** What a request ran an ONNX model on. */
function nodesOf(name: RequestName, parameters: object): NodeByNodeRequest | undefined {
  if (name === 'verify') return parameters as Parameters<'verify'>;
  if (name === 'traceForeign' || name === 'openAsModel') {
    const { file, input } = parameters as Parameters<'traceForeign'>;
    return { file, input };
  }
  if (name !== 'openTrace') return undefined;
  const { source, sequence } = parameters as TraceRequest;
  return source.kind === 'onnx' && sequence.kind === 'given' ? { file: source.file, input: sequence.input } : undefined;
}

/** The model that a request is about, for whoever is told that its process has died. */
function fileOf(parameters: object): string | undefined {
  const { file, source } = parameters as {
    readonly file?: unknown;
    readonly source?: { readonly kind?: unknown; readonly file?: unknown };
  };
  const found = file ?? source?.file;
  return typeof found === 'string' && found.endsWith('.onnx') ? basename(found) : undefined;
}
