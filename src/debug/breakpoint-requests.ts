// Breakpoints as a client sets them: all of one source at once, each answered with where it stands or why it does not.

import type { DebugProtocol } from '@vscode/debugprotocol';
import { type Asked, type Breakpoint, conditionFault, readBreakpoint, sameAsked } from './breakpoints.ts';
import type { ClientPlaces } from './client-places.ts';
import type { Debugger } from './debugger.ts';
import { sitesAt, stoppableLines, tracedSource } from './places.ts';

export class BreakpointRequests {
  readonly #machine: Debugger;
  readonly #places: ClientPlaces;
  readonly #readSource: (uri: string) => Promise<string>;
  readonly #perSource = new Map<string, readonly Breakpoint[]>();
  #next = 1;

  constructor(machine: Debugger, places: ClientPlaces, readSource: (uri: string) => Promise<string>) {
    this.#machine = machine;
    this.#places = places;
    this.#readSource = readSource;
  }

  /** A breakpoint that was there before keeps its number and what is known of it. `added` are the others. */
  async set({ source, breakpoints = [] }: DebugProtocol.SetBreakpointsArguments): Promise<{
    readonly body: DebugProtocol.SetBreakpointsResponse['body'];
    readonly added: readonly Breakpoint[];
  }> {
    const uri = await tracedSource(this.#machine.stepper.program, this.#places.uri(source), this.#readSource);
    const before = this.#perSource.get(uri) ?? [];
    const kept: Breakpoint[] = [];
    const body = { breakpoints: breakpoints.map((asked) => this.#one(uri, asked, before, kept)) };
    this.#perSource.set(uri, kept);
    this.#machine.setBreakpoints([...this.#perSource.values()].flat());
    return { body, added: kept.filter((breakpoint) => !before.includes(breakpoint)) };
  }

  locations({ source, line, endLine }: DebugProtocol.BreakpointLocationsArguments): DebugProtocol.BreakpointLocationsResponse['body'] {
    const [from, to] = [line, endLine ?? line].map((asked) => this.#places.lineOf(asked));
    const ranges = stoppableLines(this.#machine.stepper.program, this.#places.uri(source), from!, to!);
    return { breakpoints: ranges.map((range) => this.#places.range(range)) };
  }

  /** What is wrong with a condition or message, as far as the first time at its line can tell. */
  async fault(breakpoint: Breakpoint): Promise<string | undefined> {
    return await conditionFault(breakpoint, this.#machine.stepper, this.#machine.values);
  }

  /** A breakpoint that cannot be judged, as the client shows it. */
  faulty(breakpoint: Breakpoint, message: string): DebugProtocol.BreakpointEvent['body'] {
    const place = this.#places.range(breakpoint.sites[0]!.line.range);
    return { reason: 'changed', breakpoint: { id: breakpoint.id, verified: false, message, ...place } };
  }

  #one(uri: string, asked: DebugProtocol.SourceBreakpoint, before: readonly Breakpoint[], kept: Breakpoint[]): DebugProtocol.Breakpoint {
    const sites = sitesAt(this.#machine.stepper.program, uri, this.#places.lineOf(asked.line));
    const refused = (message: string): DebugProtocol.Breakpoint => ({ id: this.#next++, verified: false, line: asked.line, message });
    if (sites.length === 0) return refused('No equation of the model that is debugged stands here.');
    const wanted: Asked = { condition: asked.condition, hits: asked.hitCondition, log: asked.logMessage };
    const known = before.find((other) => other.sites[0] === sites[0] && sameAsked(other.asked, wanted));
    const read = known ?? readBreakpoint(this.#next++, sites, wanted);
    if ('fault' in read) return refused(read.fault);
    kept.push(read);
    return { id: read.id, verified: true, ...this.#places.range(sites[0]!.line.range) };
  }
}
