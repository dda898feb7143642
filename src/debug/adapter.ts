// The debug adapter of type `unroll`: translates between the Debug Adapter Protocol and the debugger, and decides nothing itself.
//
// In the extension it runs inline, so that views read the same trace; over stdio it serves any client (debug-adapter.ts).
// Beside the protocol: the event `unroll/position` (StopInfo) at each stop, and the requests `unroll/goto` { t }, `unroll/inlineValues` and
// `unroll/objective` { objective }.

import { setTimeout as sleep } from 'node:timers/promises';
import {
  ContinuedEvent,
  DebugSession,
  Event,
  InitializedEvent,
  InvalidatedEvent,
  OutputEvent,
  StoppedEvent,
  TerminatedEvent,
} from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { SourceRange } from '../shared/source.ts';
import type { Objective, Trace } from '../shared/trace.ts';
import { BreakpointRequests } from './breakpoint-requests.ts';
import type { Breakpoint } from './breakpoints.ts';
import { capabilities } from './capabilities.ts';
import { ClientPlaces, Refusal } from './client-places.ts';
import { Debugger, type Logged, type Move, type Stop } from './debugger.ts';
import { DYNAMICS, type DynamicsKind } from './dynamics.ts';
import { type InlineValue, inlineValues } from './inline.ts';
import { Inspection } from './inspection.ts';
import { type LaunchArguments, readLaunch } from './launch.ts';

export interface AdapterHost {
  /** Opens what the launch configuration names. Its error's message is shown as it is; `say` writes a line to the debug console. */
  openTrace(launch: LaunchArguments, say: (text: string) => void): Promise<Trace>;
  /** The text of a source of the trace. */
  readSource(uri: string): Promise<string>;
  /** The line of another source that made an instance, by its path: it stands below the frames of the model. */
  origin?(instance: string): Origin | undefined;
}

/** The person has stopped the opening of a trace: nothing is to be said. */
export class GivenUp extends Error {}

export interface Origin {
  readonly name: string;
  readonly uri: string;
  /** From 0. */
  readonly line: number;
}

/** Where the session stands. */
export interface StopInfo {
  readonly t: number;
  /** The other sequence of the model that t is a timestep of. */
  readonly along?: string;
  /** The path of the innermost instance (`h[0]`), and its line (`f`). */
  readonly instance: string;
  readonly line: string;
  readonly range: SourceRange;
  readonly reason: Stop['reason'];
}

/** One sequence, one thread. */
const THREAD = 1;

/** Requests whose refusal the client shows where the answer would stand. */
const SHOWN_IN_PLACE = new Set(['evaluate', 'variables', 'scopes', 'completions', 'stackTrace', 'unroll/inlineValues']);

/** What there is from the launch to the end. */
interface Running {
  readonly launch: LaunchArguments;
  readonly machine: Debugger;
  /** The trace, as others may use it. */
  readonly shared: Trace;
  readonly inspection: Inspection;
  readonly breakpoints: BreakpointRequests;
}

export class UnrollDebugSession extends DebugSession {
  readonly #host: AdapterHost;
  readonly #stopListeners = new Set<(stop: StopInfo) => void>();
  readonly #objectiveListeners = new Set<(objective: Objective) => void>();
  #places = new ClientPlaces({ adapterID: 'unroll' });
  #running: Running | undefined;
  #lastStop: Stop | undefined;
  /** Moves are done one after the other, in the order in which they came. */
  #moving: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(host: AdapterHost) {
    super();
    this.#host = host;
  }

  /** The trace that is stepped through, from the launch to the end of the session. Where a view has it differentiate something else, the
   *  debugger's gradients change with it. */
  get trace(): Trace | undefined {
    return this.#running?.shared;
  }

  /** Where it stands now. */
  get standing(): StopInfo | undefined {
    return this.#running && this.#lastStop && stopInfo(this.#running.machine, this.#lastStop);
  }

  /** Calls the listener at each stop; the result takes it away again. */
  onDidStop(listener: (stop: StopInfo) => void): () => void {
    this.#stopListeners.add(listener);
    return () => this.#stopListeners.delete(listener);
  }

  /** Calls the listener when the client has asked for gradients of another objective; the result takes it away again. */
  onDidChangeObjective(listener: (objective: Objective) => void): () => void {
    this.#objectiveListeners.add(listener);
    return () => this.#objectiveListeners.delete(listener);
  }

  /** Jumps to a timestep, on the line where it stands, or into the loop that the instance is in. */
  goto(t: number, instance?: string): Promise<void> {
    return this.#move(async ({ machine }) => machine.goto(machine.stepper.goto(machine.position, t, instance)));
  }

  /** The texts at the ends of source lines, for the place where it stands. */
  async inlineValues(): Promise<readonly InlineValue[]> {
    const machine = this.#running?.machine;
    return machine ? await inlineValues(machine.stepper, machine.position, machine.values) : [];
  }

  protected override initializeRequest(response: DebugProtocol.InitializeResponse, client: DebugProtocol.InitializeRequestArguments): void {
    this.#places = new ClientPlaces(client);
    response.body = capabilities();
    this.sendResponse(response);
  }

  protected override async launchRequest(
    response: DebugProtocol.LaunchResponse,
    given: DebugProtocol.LaunchRequestArguments,
  ): Promise<void> {
    try {
      const launch = readLaunch(given);
      if ('fault' in launch) throw new Refusal(launch.fault);
      const say = (text: string): void => this.sendEvent(new OutputEvent(`${text}\n`, 'console'));
      const trace = await this.#host.openTrace(launch, say);
      this.#running = this.#start(launch, trace);
      const { title, steps, beside = {} } = trace.description;
      const others = Object.entries(beside).map(([name, other]) => `, ${other.steps} along ${name}`);
      say(`${title}: ${steps} timesteps${others.join('')}`);
    } catch (error) {
      this.#refuse(response, messageOf(error), !(error instanceof GivenUp));
      return;
    }
    this.sendResponse(response);
    this.sendEvent(new InitializedEvent());
  }

  protected override attachRequest(response: DebugProtocol.AttachResponse): void {
    this.#refuse(response, 'There is nothing to attach to: use "request": "launch".');
  }

  protected override configurationDoneRequest(response: DebugProtocol.ConfigurationDoneResponse): Promise<void> {
    return this.#go(response, ({ machine, launch }) => machine.begin(launch.stopOnEntry !== false));
  }

  protected override restartRequest(response: DebugProtocol.RestartResponse): Promise<void> {
    return this.#go(response, ({ machine, launch }) => machine.begin(launch.stopOnEntry !== false));
  }

  protected override async disconnectRequest(
    response: DebugProtocol.DisconnectResponse,
    args: DebugProtocol.DisconnectArguments,
  ): Promise<void> {
    await this.#close();
    super.disconnectRequest(response, args);
  }

  protected override async terminateRequest(response: DebugProtocol.TerminateResponse): Promise<void> {
    this.sendResponse(response);
    await this.#end();
  }

  protected override setBreakPointsRequest(
    response: DebugProtocol.SetBreakpointsResponse,
    asked: DebugProtocol.SetBreakpointsArguments,
  ): Promise<void> {
    return this.#answer(response, async ({ breakpoints }) => {
      const { body, added } = await breakpoints.set(asked);
      for (const breakpoint of added) void this.#check(breakpoints, breakpoint);
      return body;
    });
  }

  protected override breakpointLocationsRequest(
    response: DebugProtocol.BreakpointLocationsResponse,
    asked: DebugProtocol.BreakpointLocationsArguments,
  ): Promise<void> {
    return this.#answer(response, ({ breakpoints }) => breakpoints.locations(asked));
  }

  protected override setExceptionBreakPointsRequest(
    response: DebugProtocol.SetExceptionBreakpointsResponse,
    { filters }: DebugProtocol.SetExceptionBreakpointsArguments,
  ): Promise<void> {
    return this.#answer(response, ({ machine }) =>
      machine.setFilters(filters.filter((filter): filter is DynamicsKind => Object.hasOwn(DYNAMICS, filter))),
    );
  }

  protected override exceptionInfoRequest(response: DebugProtocol.ExceptionInfoResponse): Promise<void> {
    return this.#answer(response, () => ({
      exceptionId: 'Dynamics',
      description: this.#lastStop?.text ?? '',
      breakMode: 'always',
    }));
  }

  protected override threadsRequest(response: DebugProtocol.ThreadsResponse): void {
    response.body = { threads: [{ id: THREAD, name: this.trace?.description.title ?? 'Sequence' }] };
    this.sendResponse(response);
  }

  protected override stackTraceRequest(
    response: DebugProtocol.StackTraceResponse,
    asked: DebugProtocol.StackTraceArguments,
  ): Promise<void> {
    return this.#answer(response, ({ inspection }) => inspection.stackTrace(asked));
  }

  protected override scopesRequest(response: DebugProtocol.ScopesResponse, asked: DebugProtocol.ScopesArguments): Promise<void> {
    return this.#answer(response, ({ inspection }) => inspection.scopes(asked));
  }

  protected override variablesRequest(response: DebugProtocol.VariablesResponse, asked: DebugProtocol.VariablesArguments): Promise<void> {
    return this.#answer(response, ({ inspection }) => inspection.variables(asked));
  }

  protected override evaluateRequest(response: DebugProtocol.EvaluateResponse, asked: DebugProtocol.EvaluateArguments): Promise<void> {
    return this.#answer(response, ({ inspection }) => inspection.evaluate(asked));
  }

  protected override completionsRequest(
    response: DebugProtocol.CompletionsResponse,
    asked: DebugProtocol.CompletionsArguments,
  ): Promise<void> {
    return this.#answer(response, ({ inspection }) => inspection.completions(asked));
  }

  protected override stepInTargetsRequest(
    response: DebugProtocol.StepInTargetsResponse,
    asked: DebugProtocol.StepInTargetsArguments,
  ): Promise<void> {
    return this.#answer(response, ({ inspection }) => inspection.stepInTargets(asked));
  }

  protected override gotoTargetsRequest(
    response: DebugProtocol.GotoTargetsResponse,
    asked: DebugProtocol.GotoTargetsArguments,
  ): Promise<void> {
    return this.#answer(response, ({ inspection }) => inspection.gotoTargets(asked));
  }

  protected override gotoRequest(response: DebugProtocol.GotoResponse, { targetId }: DebugProtocol.GotoArguments): Promise<void> {
    return this.#go(response, async ({ machine, inspection }) => {
      const { site, t } = inspection.gotoTarget(targetId);
      return machine.goto(machine.stepper.meet(site, t));
    });
  }

  protected override restartFrameRequest(
    response: DebugProtocol.RestartFrameResponse,
    { frameId }: DebugProtocol.RestartFrameArguments,
  ): Promise<void> {
    return this.#go(response, async ({ machine }) => {
      const frame = machine.stepper.frames(machine.position)[frameId - 1];
      return machine.goto(frame ? machine.stepper.beginning(frame) : machine.position);
    });
  }

  protected override nextRequest(response: DebugProtocol.NextResponse): Promise<void> {
    return this.#step(response, 'over');
  }

  protected override stepInRequest(response: DebugProtocol.StepInResponse, { targetId }: DebugProtocol.StepInArguments): Promise<void> {
    return this.#step(response, 'into', targetId);
  }

  protected override stepOutRequest(response: DebugProtocol.StepOutResponse): Promise<void> {
    return this.#step(response, 'out');
  }

  protected override stepBackRequest(response: DebugProtocol.StepBackResponse): Promise<void> {
    return this.#step(response, 'back');
  }

  protected override continueRequest(response: DebugProtocol.ContinueResponse): Promise<void> {
    return this.#step(response, 'continue');
  }

  protected override reverseContinueRequest(response: DebugProtocol.ReverseContinueResponse): Promise<void> {
    return this.#step(response, 'reverseContinue');
  }

  protected override pauseRequest(response: DebugProtocol.PauseResponse): void {
    this.#running?.machine.pause();
    this.sendResponse(response);
  }

  protected override sourceRequest(
    response: DebugProtocol.SourceResponse,
    { source, sourceReference }: DebugProtocol.SourceArguments,
  ): Promise<void> {
    return this.#answer(response, async () => {
      const uri = this.#places.uri(source?.sourceReference ? source : { sourceReference });
      return { content: await this.#host.readSource(uri), mimeType: 'text/x-unroll' };
    });
  }

  protected override loadedSourcesRequest(response: DebugProtocol.LoadedSourcesResponse): Promise<void> {
    return this.#answer(response, ({ inspection }) => inspection.loadedSources());
  }

  protected override async customRequest(command: string, response: DebugProtocol.Response, given: unknown): Promise<void> {
    const { t, objective } = (given ?? {}) as { readonly t?: unknown; readonly objective?: Objective };
    switch (command) {
      case 'unroll/goto':
        if (typeof t === 'number') await this.#go(response, async ({ machine }) => machine.goto(machine.stepper.goto(machine.position, t)));
        else this.#refuse(response, 'unroll/goto takes { t }, a timestep.');
        return;
      case 'unroll/inlineValues':
        return await this.#answer(response, async () => ({ values: await this.inlineValues() }));
      case 'unroll/objective':
        return await this.#answer(response, async ({ shared }) => {
          if (!objective) throw new Refusal('unroll/objective takes { objective }.');
          await shared.differentiate(objective);
          for (const listener of this.#objectiveListeners) listener(objective);
        });
      default:
        super.customRequest(command, response, given);
    }
  }

  override shutdown(): void {
    void this.#close();
    super.shutdown();
  }

  #start(launch: LaunchArguments, trace: Trace): Running {
    const machine = new Debugger(trace, {
      onLog: (lines) => this.#log(lines),
      onFault: (breakpoint, message) => this.sendEvent(new Event('breakpoint', breakpoints.faulty(breakpoint, message))),
    });
    const breakpoints = new BreakpointRequests(machine, this.#places, (uri) => this.#host.readSource(uri));
    const shared: Trace = {
      get description() {
        return trace.description;
      },
      read: (request) => trace.read(request),
      summary: (kind) => trace.summary(kind),
      weight: (name) => trace.weight(name),
      differentiate: async (objective) => {
        await machine.differentiate(objective);
        this.sendEvent(new InvalidatedEvent(['variables']));
      },
      close: () => trace.close(),
    };
    return { launch, machine, shared, breakpoints, inspection: new Inspection(machine, this.#places, (path) => this.#host.origin?.(path)) };
  }

  #step(response: DebugProtocol.Response, move: Move, call?: number): Promise<void> {
    return this.#go(response, ({ machine }) => machine.move(move, call));
  }

  /** Answers at once, then does a move. */
  async #go(response: DebugProtocol.Response, move: (running: Running) => Promise<Stop>): Promise<void> {
    await this.#answer(response, () => undefined);
    await this.#move(move);
  }

  /** Does a move after those before it, and says where it ended. Where it fails, the session stays where it was, and says why. */
  #move(move: (running: Running) => Promise<Stop>): Promise<void> {
    this.#moving = this.#moving.then(async () => {
      const running = this.#running;
      if (!running) return;
      // No request of the protocol may have implied it: a view moves the debugger too.
      if (this.#lastStop !== undefined) this.sendEvent(new ContinuedEvent(THREAD, true));
      try {
        const stop = await move(running);
        // VS Code drops what a stop says where it hears of the going on and of the stop in one message.
        await sleep(1);
        this.#stopped(running, stop);
      } catch (error) {
        if (isLoss(error)) await this.#lost(error);
        else this.#stopped(running, { position: running.machine.position, reason: 'exception', breakpoints: [], text: messageOf(error) });
      }
    });
    return this.#moving;
  }

  #stopped({ machine, inspection }: Running, stop: Stop): void {
    if (machine !== this.#running?.machine) return;
    this.#lastStop = stop;
    inspection.forget();
    machine.prefetch();
    const event: DebugProtocol.StoppedEvent = new StoppedEvent(stop.reason === 'end' ? 'step' : stop.reason, THREAD);
    event.body.allThreadsStopped = true;
    if (stop.breakpoints.length > 0) event.body.hitBreakpointIds = [...stop.breakpoints];
    if (stop.text !== undefined) Object.assign(event.body, { text: stop.text, description: stop.text });
    this.sendEvent(event);
    const info = stopInfo(machine, stop);
    this.sendEvent(new Event('unroll/position', info));
    for (const listener of this.#stopListeners) listener(info);
  }

  /** Lines in a row from one breakpoint are one event. */
  #log(lines: readonly Logged[]): void {
    let from = 0;
    lines.forEach(({ breakpoint }, k) => {
      if (lines[k + 1]?.breakpoint === breakpoint) return;
      const texts = lines.slice(from, k + 1).map(({ text }) => `${text}\n`);
      from = k + 1;
      const { range } = breakpoint.sites[0]!.line;
      const event: DebugProtocol.OutputEvent = new OutputEvent(texts.join(''), 'console');
      Object.assign(event.body, { source: this.#places.source(range.uri), ...this.#places.range(range) });
      this.sendEvent(event);
    });
  }

  /** Says at a new breakpoint what is wrong with it. */
  async #check(breakpoints: BreakpointRequests, breakpoint: Breakpoint): Promise<void> {
    try {
      const fault = await breakpoints.fault(breakpoint);
      if (fault !== undefined) this.sendEvent(new Event('breakpoint', breakpoints.faulty(breakpoint, fault)));
    } catch (error) {
      if (isLoss(error)) await this.#lost(error);
      else this.sendEvent(new Event('breakpoint', breakpoints.faulty(breakpoint, messageOf(error))));
    }
  }

  /** Answers with what `work` gives, or with what went wrong; where the trace is lost, the session ends. */
  async #answer(response: DebugProtocol.Response, work: (running: Running) => unknown): Promise<void> {
    try {
      if (!this.#running) throw new Refusal('No sequence is being debugged.');
      const body = await work(this.#running);
      if (body !== undefined) response.body = body;
      this.sendResponse(response);
    } catch (error) {
      this.#refuse(response, messageOf(error));
      if (isLoss(error)) await this.#lost(error);
    }
  }

  #refuse(response: DebugProtocol.Response, message: string, showUser = !SHOWN_IN_PLACE.has(response.command)): void {
    this.sendErrorResponse(response, { id: 1, format: '{message}', variables: { message }, showUser });
  }

  /** A trace that cannot be read any more ends the session, and says why. */
  async #lost(error: unknown): Promise<void> {
    if (this.#ended) return;
    this.sendEvent(new OutputEvent(`${messageOf(error)}\nThe session ends here. Start it again to go on.\n`, 'stderr'));
    await this.#end();
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#close();
    this.sendEvent(new TerminatedEvent());
  }

  async #close(): Promise<void> {
    const machine = this.#running?.machine;
    this.#running = undefined;
    machine?.pause();
    // Where the process that held the trace is gone, there is nothing to close.
    await machine?.trace.close().catch(() => {});
  }
}

const stopInfo = ({ stepper }: Debugger, { position, reason }: Stop): StopInfo => {
  const { line } = stepper.site(position);
  return { ...stepper.moment(position), instance: position.instance, line: line.name, range: line.range, reason };
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The process that holds the trace has ended: nothing can be read any more. */
const isLoss = (error: unknown): boolean => {
  const code = error instanceof Error ? (error as Error & { readonly code?: unknown }).code : undefined;
  return code === 'engine-died' || code === 'engine-closed';
};
