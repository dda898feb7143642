// Requests that only look: the stack, scopes, variables, expressions, and where one could step or jump to.

import { Handles } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { sequenceAlong } from '../shared/trace.ts';
import type { Origin } from './adapter.ts';
import { evaluatedText } from './breakpoints.ts';
import { type ClientPlaces, Refusal } from './client-places.ts';
import { completions } from './completion.ts';
import type { Debugger } from './debugger.ts';
import { evaluate, parseWatch } from './evaluate.ts';
import { timeText } from './inline.ts';
import { Names } from './names.ts';
import { definedAt, sitesAt } from './places.ts';
import type { Loop, Site } from './program.ts';
import type { Frame } from './stepper.ts';
import { elementsOf, type Row, rowsOf, type ScopeName, scopesOf } from './variables.ts';

type Opened = { readonly kind: 'scope'; readonly scope: ScopeName; readonly frame: number } | { readonly kind: 'row'; readonly row: Row };

/** Of one session. Frames are numbered from 1, the innermost first; what was opened at a stop is gone at the next. */
export class Inspection {
  readonly #machine: Debugger;
  readonly #places: ClientPlaces;
  readonly #origin: (instance: string) => Origin | undefined;
  readonly #opened = new Handles<Opened>();
  #targets: readonly { readonly site: Site; readonly t: number | undefined }[] = [];

  constructor(machine: Debugger, places: ClientPlaces, origin: (instance: string) => Origin | undefined = () => undefined) {
    this.#machine = machine;
    this.#places = places;
    this.#origin = origin;
  }

  /** The session stands elsewhere. */
  forget(): void {
    this.#opened.reset();
  }

  stackTrace({ startFrame = 0, levels }: DebugProtocol.StackTraceArguments): DebugProtocol.StackTraceResponse['body'] {
    const { stepper, position, trace } = this.#machine;
    const frames = stepper.frames(position);
    const all = frames.map(({ site, t }, k) => ({
      id: k + 1,
      name: `${siteText(site)}${t === undefined ? '' : `  ${timeText(sequenceAlong(trace.description, site.loop?.along), t)}`}`,
      source: this.#places.source(site.line.range.uri),
      canRestart: true,
      ...this.#places.range(site.line.range),
    }));
    const origin = this.#originFrame(frames);
    const stackFrames = [...all, ...(origin === undefined ? [] : [origin])].slice(startFrame, levels ? startFrame + levels : undefined);
    return { stackFrames, totalFrames: all.length + (origin === undefined ? 0 : 1) };
  }

  /** The line that made the part of the outermost frame. It has no values. */
  #originFrame(frames: readonly Frame[]): DebugProtocol.StackFrame | undefined {
    const outermost = frames.at(-1)?.site;
    const origin = outermost && this.#origin(outermost.calls[0]?.path ?? outermost.line.name);
    if (!origin) return undefined;
    const place = { line: origin.line, column: 0 };
    return {
      id: frames.length + 1,
      name: origin.name,
      source: this.#places.source(origin.uri),
      canRestart: false,
      presentationHint: 'subtle',
      ...this.#places.range({ uri: origin.uri, start: place, end: place }),
    };
  }

  scopes({ frameId }: DebugProtocol.ScopesArguments): DebugProtocol.ScopesResponse['body'] {
    const { stepper, position } = this.#machine;
    const frames = stepper.frames(position);
    const frame = frames[frameId - 1];
    if (frameId === frames.length + 1 && this.#originFrame(frames)) return { scopes: [] };
    if (!frame) throw new Refusal('This frame is gone: the session stands elsewhere now.');
    const scopes = scopesOf(frame.site.instance).map(({ name, values }) => ({
      name,
      variablesReference: this.#opened.create({ kind: 'scope', scope: name, frame: frameId - 1 }),
      namedVariables: values.length,
      expensive: name === 'Parameters' || name === 'Gradients',
      ...(name === 'Inputs' && { presentationHint: 'arguments' }),
    }));
    return { scopes };
  }

  async variables(asked: DebugProtocol.VariablesArguments): Promise<DebugProtocol.VariablesResponse['body']> {
    const opened = this.#opened.get(asked.variablesReference);
    if (!opened) throw new Refusal('This value is gone: the session stands elsewhere now.');
    if (asked.filter === (opened.kind === 'row' ? 'named' : 'indexed')) return { variables: [] };
    const rows =
      opened.kind === 'row'
        ? elementsOf(opened.row, asked.start ?? 0, asked.count || Number.POSITIVE_INFINITY)
        : await rowsOf(opened.scope, this.#names(opened.frame + 1), this.#machine.values);
    return { variables: rows.map((row) => this.#variable(row)) };
  }

  async evaluate(asked: DebugProtocol.EvaluateArguments): Promise<DebugProtocol.EvaluateResponse['body']> {
    const { expression, context } = asked;
    const parsed = parseWatch(expression);
    if (parsed.kind === 'fault') throw new Refusal(parsed.message);
    const result = await evaluate(parsed.tree, this.#namesFor(asked), this.#machine.values);
    if (result.kind === 'fault') throw new Refusal(result.message);
    const tensor = result.kind === 'tensor' && result.tensor.shape.length > 0 ? result.tensor : undefined;
    if (context === 'clipboard' && tensor) return { result: Array.from(tensor.data).join('\n'), variablesReference: 0 };
    const row: Row = { name: expression, expression, text: evaluatedText(result), ...(tensor && { tensor }) };
    const { value, variablesReference, indexedVariables } = this.#variable(row);
    return { result: value, variablesReference, ...(indexedVariables !== undefined && { indexedVariables }) };
  }

  completions({ text, column, frameId }: DebugProtocol.CompletionsArguments): DebugProtocol.CompletionsResponse['body'] {
    return { targets: completions(this.#names(frameId), text.slice(0, this.#places.columnOf(column))) };
  }

  stepInTargets({ frameId }: DebugProtocol.StepInTargetsArguments): DebugProtocol.StepInTargetsResponse['body'] {
    const { stepper, position } = this.#machine;
    const calls = frameId === 1 ? stepper.site(position).calls : [];
    return { targets: calls.map(({ path, cell }, id) => ({ id, label: `${path}: ${cell}` })) };
  }

  /** A line at this timestep, the first and the last. */
  gotoTargets({ source, line }: DebugProtocol.GotoTargetsArguments): DebugProtocol.GotoTargetsResponse['body'] {
    const { stepper, position } = this.#machine;
    const now = stepper.moment(position);
    const timesOf = ({ along, steps }: Loop): Set<number> => new Set([...(now.along === along ? [now.t] : []), 0, steps - 1]);
    this.#targets = sitesAt(stepper.program, this.#places.uri(source), this.#places.lineOf(line)).flatMap(
      (site): { site: Site; t: number | undefined }[] =>
        site.loop ? [...timesOf(site.loop)].map((t) => ({ site, t })) : [{ site, t: undefined }],
    );
    const targets = this.#targets.map(({ site, t }, id) => {
      return { id, label: `${siteText(site)}${t === undefined ? '' : ` at t = ${t}`}`, ...this.#places.range(site.line.range) };
    });
    return { targets };
  }

  gotoTarget(id: number): { readonly site: Site; readonly t: number | undefined } {
    const target = this.#targets[id];
    if (!target) throw new Refusal('This target is gone: choose the line again.');
    return target;
  }

  loadedSources(): DebugProtocol.LoadedSourcesResponse['body'] {
    const uris = new Set(this.#machine.stepper.program.sites.map(({ line }) => line.range.uri));
    return { sources: [...uris].map((uri) => this.#places.source(uri)) };
  }

  #names(frameId = 1): Names {
    const { stepper, position } = this.#machine;
    return new Names(stepper, position, Math.min(frameId, stepper.frames(position).length) - 1);
  }

  /** A hover means the cell in whose source it is, whichever frame is chosen. */
  #namesFor({ frameId, source, line, context }: DebugProtocol.EvaluateArguments): Names {
    if (context !== 'hover' || !source || line === undefined) return this.#names(frameId);
    const { stepper, position } = this.#machine;
    const here = definedAt(stepper.program, this.#places.uri(source), this.#places.lineOf(line));
    const instance = stepper.frames(position).find(({ site }) => here.includes(site.instance))?.site.instance ?? here[0];
    return instance ? Names.within(stepper, position, instance) : this.#names(frameId);
  }

  #variable({ name, text, expression, type, ...opened }: Row): DebugProtocol.Variable {
    const base = { name, value: text, evaluateName: expression, ...(type !== undefined && { type }) };
    if (!opened.tensor) return { ...base, variablesReference: 0 };
    const variablesReference = this.#opened.create({ kind: 'row', row: { name, text, expression, ...opened } });
    return { ...base, variablesReference, indexedVariables: opened.tensor.shape[0]! };
  }
}

/** `lstm.f`; where the path says more than the line that calls, `lstm.f in h[1]`. */
const siteText = ({ instance, line }: Site): string =>
  `${instance.cell}.${line.name}${/[[.]/.test(instance.path) ? ` in ${instance.path}` : ''}`;
