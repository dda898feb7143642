// The debug adapter of type `unroll`: translates between the Debug Adapter Protocol and the debugger, and decides nothing itself.
//
// In the extension it runs inline, so that views read the same trace; over stdio it serves any client (stdio.ts).
// Beside the protocol: the event `unroll/position` (StopInfo) at each stop, and the requests `unroll/goto` { t }, `unroll/inlineValues` and
// `unroll/objective` { objective }.

import {
  DebugSession,
  Event,
  Handles,
  InitializedEvent,
  InvalidatedEvent,
  OutputEvent,
  StoppedEvent,
  TerminatedEvent,
} from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { SourceRange } from '../shared/source.ts';
import type { Objective, Trace } from '../shared/trace.ts';
import { type Asked, type Breakpoint, conditionFault, evaluatedText, readBreakpoint, sameAsked } from './breakpoints.ts';
import { capabilities } from './capabilities.ts';
import { completions } from './completion.ts';
import { Debugger, type Logged, type Move, type Stop } from './debugger.ts';
import { DYNAMICS, type DynamicsKind } from './dynamics.ts';
import { evaluate, parseWatch } from './evaluate.ts';
import { type InlineValue, inlineValues, timeText } from './inline.ts';
import { type LaunchArguments, readLaunch } from './launch.ts';
import { Names } from './names.ts';
import { sitesAt, stoppableLines, tracedSource } from './places.ts';
import type { Site } from './program.ts';
import { type Counting, placeOf, Sources } from './sources.ts';
import { elementsOf, type Row, rowsOf, type ScopeName, scopesOf } from './variables.ts';

export interface AdapterHost {
  /** Opens what the launch configuration names. Its error's message is shown as it is; `say` writes a line to the debug console. */
  openTrace(launch: LaunchArguments, say: (text: string) => void): Promise<Trace>;
  /** The text of a source of the trace. */
  readSource(uri: string): Promise<string>;
}

/** Where the session stands. */
export interface StopInfo {
  readonly t: number;
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

/** A request that cannot be answered; the message is for the person. */
class Refusal extends Error {}

type Opened = { readonly kind: 'scope'; readonly scope: ScopeName; readonly frame: number } | { readonly kind: 'row'; readonly row: Row };

export class UnrollDebugSession extends DebugSession {
  readonly #host: AdapterHost;
  readonly #stopListeners = new Set<(stop: StopInfo) => void>();
  readonly #sources = new Sources();
  readonly #opened = new Handles<Opened>();
  #counting: Counting = { lines: 1, columns: 1 };
  #debugger: Debugger | undefined;
  #launch: LaunchArguments | undefined;
  #lastStop: Stop | undefined;
  #gotoTargets: readonly { readonly site: Site; readonly t: number | undefined }[] = [];
  #breakpoints = new Map<string, readonly Breakpoint[]>();
  #nextBreakpoint = 1;
  /** Moves are done one after the other, in the order in which they came. */
  #moving: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(host: AdapterHost) {
    super();
    this.#host = host;
  }

  /** The trace that is stepped through, from the launch to the end of the session. */
  get trace(): Trace | undefined {
    return this.#debugger?.trace;
  }

  /** Where it stands now. */
  get standing(): StopInfo | undefined {
    return this.#debugger && this.#lastStop && stopInfo(this.#debugger, this.#lastStop);
  }

  /** Calls the listener at each stop; the result takes it away again. */
  onDidStop(listener: (stop: StopInfo) => void): () => void {
    this.#stopListeners.add(listener);
    return () => this.#stopListeners.delete(listener);
  }

  /** Jumps to a timestep, on the line where it stands. */
  goto(t: number): Promise<void> {
    return this.#move(async (machine) => machine.goto(machine.stepper.goto(machine.position, t)));
  }

  /** The texts at the ends of source lines, for the place where it stands. */
  async inlineValues(): Promise<readonly InlineValue[]> {
    const machine = this.#debugger;
    return machine ? await inlineValues(machine.stepper, machine.position, machine.values) : [];
  }

  protected override initializeRequest(response: DebugProtocol.InitializeResponse, client: DebugProtocol.InitializeRequestArguments): void {
    this.#counting = { lines: client.linesStartAt1 === false ? 0 : 1, columns: client.columnsStartAt1 === false ? 0 : 1 };
    response.body = capabilities();
    this.sendResponse(response);
  }

  protected override async launchRequest(
    response: DebugProtocol.LaunchResponse,
    given: DebugProtocol.LaunchRequestArguments,
  ): Promise<void> {
    const launch = readLaunch(given);
    try {
      if ('fault' in launch) throw new Refusal(launch.fault);
      const trace = await this.#host.openTrace(launch, (text) => this.sendEvent(new OutputEvent(`${text}\n`, 'console')));
      this.#launch = launch;
      this.#debugger = new Debugger(trace, {
        onLog: (lines) => this.#log(lines),
        onFault: (breakpoint, message) => this.#faulty(breakpoint, message),
      });
    } catch (error) {
      this.#refuse(response, messageOf(error));
      return;
    }
    this.sendResponse(response);
    const { title, steps } = this.#debugger.trace.description;
    this.sendEvent(new OutputEvent(`${title}: ${steps} timesteps\n`, 'console'));
    this.sendEvent(new InitializedEvent());
  }

  protected override attachRequest(response: DebugProtocol.AttachResponse): void {
    this.#refuse(response, 'There is nothing to attach to: use "request": "launch".');
  }

  protected override configurationDoneRequest(response: DebugProtocol.ConfigurationDoneResponse): Promise<void> {
    return this.#go(response, (machine) => machine.begin(this.#launch?.stopOnEntry !== false));
  }

  protected override restartRequest(response: DebugProtocol.RestartResponse): Promise<void> {
    return this.#go(response, (machine) => machine.begin(this.#launch?.stopOnEntry !== false));
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
    return this.#answer(response, async (machine) => {
      const uri = await tracedSource(machine.stepper.program, this.#uri(asked.source), (source) => this.#host.readSource(source));
      const before = this.#breakpoints.get(uri) ?? [];
      const kept: Breakpoint[] = [];
      const breakpoints = (asked.breakpoints ?? []).map((wanted) => this.#breakpoint(machine, uri, wanted, before, kept));
      this.#breakpoints.set(uri, kept);
      machine.setBreakpoints([...this.#breakpoints.values()].flat());
      for (const breakpoint of kept) if (!before.includes(breakpoint)) void this.#check(machine, breakpoint);
      return { breakpoints };
    });
  }

  protected override breakpointLocationsRequest(
    response: DebugProtocol.BreakpointLocationsResponse,
    { source, line, endLine }: DebugProtocol.BreakpointLocationsArguments,
  ): Promise<void> {
    return this.#answer(response, (machine) => {
      const { lines } = this.#counting;
      const ranges = stoppableLines(machine.stepper.program, this.#uri(source), line - lines, (endLine ?? line) - lines);
      return { breakpoints: ranges.map((range) => this.#place(range)) };
    });
  }

  protected override setExceptionBreakPointsRequest(
    response: DebugProtocol.SetExceptionBreakpointsResponse,
    { filters }: DebugProtocol.SetExceptionBreakpointsArguments,
  ): Promise<void> {
    return this.#answer(response, (machine) =>
      machine.setFilters(filters.filter((filter): filter is DynamicsKind => Object.hasOwn(DYNAMICS, filter))),
    );
  }

  protected override exceptionInfoRequest(response: DebugProtocol.ExceptionInfoResponse): Promise<void> {
    return this.#answer(response, () => ({ exceptionId: 'Dynamics', description: this.#lastStop?.text ?? '', breakMode: 'always' }));
  }

  protected override threadsRequest(response: DebugProtocol.ThreadsResponse): void {
    response.body = { threads: [{ id: THREAD, name: this.trace?.description.title ?? 'Sequence' }] };
    this.sendResponse(response);
  }

  protected override stackTraceRequest(
    response: DebugProtocol.StackTraceResponse,
    { startFrame = 0, levels }: DebugProtocol.StackTraceArguments,
  ): Promise<void> {
    return this.#answer(response, (machine) => {
      const frames = machine.stepper.frames(machine.position);
      const shown = frames.slice(startFrame, levels ? startFrame + levels : undefined);
      const stackFrames = shown.map(({ site, t }, k) => ({
        id: startFrame + k + 1,
        name: `${siteText(site)}${t === undefined ? '' : `  ${timeText(machine.trace.description, t)}`}`,
        source: this.#sources.of(site.line.range.uri),
        canRestart: true,
        ...this.#place(site.line.range),
      }));
      return { stackFrames, totalFrames: frames.length };
    });
  }

  protected override scopesRequest(response: DebugProtocol.ScopesResponse, { frameId }: DebugProtocol.ScopesArguments): Promise<void> {
    return this.#answer(response, (machine) => {
      const frame = machine.stepper.frames(machine.position)[frameId - 1];
      if (!frame) throw new Refusal('This frame is gone: the session stands elsewhere now.');
      const scopes = scopesOf(frame.site.instance).map(({ name, values }) => ({
        name,
        variablesReference: this.#opened.create({ kind: 'scope', scope: name, frame: frameId - 1 }),
        namedVariables: values.length,
        expensive: name === 'Parameters' || name === 'Gradients',
        ...(name === 'Inputs' && { presentationHint: 'arguments' }),
      }));
      return { scopes };
    });
  }

  protected override variablesRequest(
    response: DebugProtocol.VariablesResponse,
    { variablesReference, filter, start, count }: DebugProtocol.VariablesArguments,
  ): Promise<void> {
    return this.#answer(response, async (machine) => {
      const opened = this.#opened.get(variablesReference);
      if (!opened) throw new Refusal('This value is gone: the session stands elsewhere now.');
      if (filter === (opened.kind === 'row' ? 'named' : 'indexed')) return { variables: [] };
      const rows =
        opened.kind === 'row'
          ? elementsOf(opened.row, start ?? 0, count || Number.POSITIVE_INFINITY)
          : await rowsOf(opened.scope, new Names(machine.stepper, machine.position, opened.frame), machine.values);
      return { variables: rows.map((row) => this.#variable(row)) };
    });
  }

  protected override evaluateRequest(
    response: DebugProtocol.EvaluateResponse,
    { expression, frameId = 1, context }: DebugProtocol.EvaluateArguments,
  ): Promise<void> {
    return this.#answer(response, async (machine) => {
      const parsed = parseWatch(expression);
      if (parsed.kind === 'fault') throw new Refusal(parsed.message);
      const result = await evaluate(parsed.tree, new Names(machine.stepper, machine.position, frameId - 1), machine.values);
      if (result.kind === 'fault') throw new Refusal(result.message);
      const tensor = result.kind === 'tensor' && result.tensor.shape.length > 0 ? result.tensor : undefined;
      if (context === 'clipboard' && tensor) return { result: Array.from(tensor.data).join('\n'), variablesReference: 0 };
      const row: Row = { name: expression, expression, text: evaluatedText(result), ...(tensor && { tensor }) };
      const { value, variablesReference, indexedVariables } = this.#variable(row);
      return { result: value, variablesReference, ...(indexedVariables !== undefined && { indexedVariables }) };
    });
  }

  protected override completionsRequest(
    response: DebugProtocol.CompletionsResponse,
    { text, column, frameId = 1 }: DebugProtocol.CompletionsArguments,
  ): Promise<void> {
    return this.#answer(response, (machine) => {
      const names = new Names(machine.stepper, machine.position, frameId - 1);
      return { targets: completions(names, text.slice(0, column - this.#counting.columns)) };
    });
  }

  protected override stepInTargetsRequest(
    response: DebugProtocol.StepInTargetsResponse,
    { frameId }: DebugProtocol.StepInTargetsArguments,
  ): Promise<void> {
    return this.#answer(response, (machine) => {
      const calls = frameId === 1 ? machine.stepper.site(machine.position).calls : [];
      return { targets: calls.map(({ path, cell }, id) => ({ id, label: `${path}: ${cell}` })) };
    });
  }

  protected override gotoTargetsRequest(
    response: DebugProtocol.GotoTargetsResponse,
    { source, line }: DebugProtocol.GotoTargetsArguments,
  ): Promise<void> {
    return this.#answer(response, (machine) => {
      const { stepper } = machine;
      const times = [...new Set([stepper.timestep(machine.position), 0, machine.trace.description.steps - 1])];
      this.#gotoTargets = sitesAt(stepper.program, this.#uri(source), line - this.#counting.lines).flatMap(
        (site): { site: Site; t: number | undefined }[] => (site.loop ? times.map((t) => ({ site, t })) : [{ site, t: undefined }]),
      );
      const targets = this.#gotoTargets.map(({ site, t }, id) => {
        return { id, label: `${siteText(site)}${t === undefined ? '' : ` at t = ${t}`}`, ...this.#place(site.line.range) };
      });
      return { targets };
    });
  }

  protected override gotoRequest(response: DebugProtocol.GotoResponse, { targetId }: DebugProtocol.GotoArguments): Promise<void> {
    const target = this.#gotoTargets[targetId];
    if (target) return this.#go(response, async (machine) => machine.goto(machine.stepper.meet(target.site, target.t)));
    return this.#answer(response, () => {
      throw new Refusal('This target is gone: choose the line again.');
    });
  }

  protected override restartFrameRequest(
    response: DebugProtocol.RestartFrameResponse,
    { frameId }: DebugProtocol.RestartFrameArguments,
  ): Promise<void> {
    return this.#go(response, async (machine) => {
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
    this.#debugger?.pause();
    this.sendResponse(response);
  }

  protected override sourceRequest(
    response: DebugProtocol.SourceResponse,
    { source, sourceReference }: DebugProtocol.SourceArguments,
  ): Promise<void> {
    return this.#answer(response, async () => {
      const uri = this.#uri(source?.sourceReference ? source : { sourceReference });
      return { content: await this.#host.readSource(uri), mimeType: 'text/x-unroll' };
    });
  }

  protected override loadedSourcesRequest(response: DebugProtocol.LoadedSourcesResponse): Promise<void> {
    return this.#answer(response, (machine) => {
      const uris = new Set(machine.stepper.program.sites.map(({ line }) => line.range.uri));
      return { sources: [...uris].map((uri) => this.#sources.of(uri)) };
    });
  }

  protected override async customRequest(command: string, response: DebugProtocol.Response, given: unknown): Promise<void> {
    const asked = (given ?? {}) as { readonly t?: unknown; readonly objective?: Objective };
    switch (command) {
      case 'unroll/goto':
        await this.#answer(response, () => {
          if (typeof asked.t !== 'number') throw new Refusal('unroll/goto takes { t }, a timestep.');
        });
        if (typeof asked.t === 'number') await this.goto(asked.t);
        return;
      case 'unroll/inlineValues':
        return await this.#answer(response, async () => ({ values: await this.inlineValues() }));
      case 'unroll/objective':
        return await this.#answer(response, async (machine) => {
          if (!asked.objective) throw new Refusal('unroll/objective takes { objective }.');
          await machine.differentiate(asked.objective);
          this.sendEvent(new InvalidatedEvent(['variables']));
        });
      default:
        super.customRequest(command, response, given);
    }
  }

  override shutdown(): void {
    void this.#close();
    super.shutdown();
  }

  #step(response: DebugProtocol.Response, move: Move, call?: number): Promise<void> {
    return this.#go(response, (machine) => machine.move(move, call));
  }

  /** Answers at once, then does a move. */
  async #go(response: DebugProtocol.Response, move: (machine: Debugger) => Promise<Stop>): Promise<void> {
    await this.#answer(response, () => undefined);
    await this.#move(move);
  }

  /** Does a move after those before it, and says where it ended. */
  #move(move: (machine: Debugger) => Promise<Stop>): Promise<void> {
    this.#moving = this.#moving.then(async () => {
      const machine = this.#debugger;
      if (!machine) return;
      try {
        this.#stopped(machine, await move(machine));
      } catch (error) {
        await this.#lost(error);
      }
    });
    return this.#moving;
  }

  #stopped(machine: Debugger, stop: Stop): void {
    if (machine !== this.#debugger) return;
    this.#lastStop = stop;
    this.#opened.reset();
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

  #log(lines: readonly Logged[]): void {
    for (const { breakpoint, text } of lines) {
      const { range } = breakpoint.sites[0]!.line;
      const event: DebugProtocol.OutputEvent = new OutputEvent(`${text}\n`, 'console');
      Object.assign(event.body, { source: this.#sources.of(range.uri), ...this.#place(range) });
      this.sendEvent(event);
    }
  }

  #breakpoint(
    machine: Debugger,
    uri: string,
    asked: DebugProtocol.SourceBreakpoint,
    before: readonly Breakpoint[],
    kept: Breakpoint[],
  ): DebugProtocol.Breakpoint {
    const sites = sitesAt(machine.stepper.program, uri, asked.line - this.#counting.lines);
    const refused = (message: string): DebugProtocol.Breakpoint => ({
      id: this.#nextBreakpoint++,
      verified: false,
      line: asked.line,
      message,
    });
    if (sites.length === 0) return refused('No equation of the model that is debugged stands here.');
    const wanted: Asked = { condition: asked.condition, hits: asked.hitCondition, log: asked.logMessage };
    const known = before.find(({ asked, sites: [site] }) => site === sites[0] && sameAsked(asked, wanted));
    const read = known ?? readBreakpoint(this.#nextBreakpoint++, sites, wanted);
    if ('fault' in read) return refused(read.fault);
    kept.push(read);
    return { id: read.id, verified: true, ...this.#place(sites[0]!.line.range) };
  }

  /** Says at the breakpoint what is wrong with its condition or message, as far as the first time at its line can tell. */
  async #check(machine: Debugger, breakpoint: Breakpoint): Promise<void> {
    try {
      const fault = await conditionFault(breakpoint, machine.stepper, machine.values);
      if (fault !== undefined) this.#faulty(breakpoint, fault);
    } catch (error) {
      await this.#lost(error);
    }
  }

  #faulty(breakpoint: Breakpoint, message: string): void {
    const place = this.#place(breakpoint.sites[0]!.line.range);
    this.sendEvent(new Event('breakpoint', { reason: 'changed', breakpoint: { id: breakpoint.id, verified: false, message, ...place } }));
  }

  /** Answers with what `work` gives, or with what went wrong; where the trace is lost, the session ends. */
  async #answer(response: DebugProtocol.Response, work: (machine: Debugger) => unknown): Promise<void> {
    try {
      if (!this.#debugger) throw new Refusal('No sequence is being debugged.');
      const body = await work(this.#debugger);
      if (body !== undefined) response.body = body;
      this.sendResponse(response);
    } catch (error) {
      this.#refuse(response, messageOf(error));
      if (!(error instanceof Refusal)) await this.#lost(error);
    }
  }

  #refuse(response: DebugProtocol.Response, message: string): void {
    const showUser = !SHOWN_IN_PLACE.has((response as DebugProtocol.Response).command);
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
    const machine = this.#debugger;
    this.#debugger = undefined;
    machine?.pause();
    // Where the process that held the trace is gone, there is nothing to close.
    await machine?.trace.close().catch(() => {});
  }

  #variable({ name, text, expression, type, ...opened }: Row): DebugProtocol.Variable {
    const base = { name, value: text, evaluateName: expression, ...(type !== undefined && { type }) };
    if (!opened.tensor) return { ...base, variablesReference: 0 };
    const variablesReference = this.#opened.create({ kind: 'row', row: { name, text, expression, ...opened } });
    return { ...base, variablesReference, indexedVariables: opened.tensor.shape[0]! };
  }

  #place(range: SourceRange): ReturnType<typeof placeOf> {
    return placeOf(range, this.#counting);
  }

  #uri(source: Pick<DebugProtocol.Source, 'path' | 'sourceReference'>): string {
    const uri = this.#sources.uri(source);
    if (uri === undefined) throw new Refusal('This source is not known to the session.');
    return uri;
  }
}

const stopInfo = ({ stepper }: Debugger, { position, reason }: Stop): StopInfo => {
  const { line } = stepper.site(position);
  return { t: stepper.timestep(position), instance: position.instance, line: line.name, range: line.range, reason };
};

/** `lstm.f`; where the path says more than the line that calls, `lstm.f in h[1]`. */
const siteText = ({ instance, line }: Site): string =>
  `${instance.cell}.${line.name}${/[[.]/.test(instance.path) ? ` in ${instance.path}` : ''}`;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
