// A client of the Debug Adapter Protocol for tests: requests settle with their responses, events are kept until someone waits for them.

import { spawn } from 'node:child_process';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { AdapterHost } from '../../src/debug/adapter.ts';
import { UnrollDebugSession } from '../../src/debug/adapter.ts';

type Body = DebugProtocol.Response['body'];

export class Client {
  readonly events: DebugProtocol.Event[] = [];
  readonly #input: Writable;
  readonly #pending = new Map<number, (response: DebugProtocol.Response) => void>();
  #waiting: { readonly name: string; readonly resolve: (event: DebugProtocol.Event) => void }[] = [];
  #taken = 0;
  #buffer = Buffer.alloc(0);
  #seq = 0;

  constructor(output: Readable, input: Writable) {
    this.#input = input;
    output.on('data', (chunk: Buffer) => this.#hear(chunk));
  }

  async request(command: string, args: object = {}): Promise<DebugProtocol.Response> {
    const seq = ++this.#seq;
    const text = JSON.stringify({ seq, type: 'request', command, arguments: args });
    const answered = new Promise<DebugProtocol.Response>((resolve) => this.#pending.set(seq, resolve));
    this.#input.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
    return await answered;
  }

  /** The body of a response; throws the message of a refusal. */
  async ask(command: string, args: object = {}): Promise<Body> {
    const response = await this.request(command, args);
    if (!response.success) throw new Error(response.body?.error?.variables?.message ?? response.message);
    return response.body ?? {};
  }

  /** The next event of a name that nobody has taken yet. */
  async event(name: string): Promise<Body> {
    for (; this.#taken < this.events.length; this.#taken++)
      if (this.events[this.#taken]!.event === name) return this.events[this.#taken++]!.body ?? {};
    const event = await new Promise<DebugProtocol.Event>((resolve) => this.#waiting.push({ name, resolve }));
    return event.body ?? {};
  }

  /** Initialises and launches; breakpoints may be set before `start`. */
  async launch(args: object = {}): Promise<void> {
    await this.ask('initialize', { adapterID: 'unroll', pathFormat: 'path' });
    const launched = this.ask('launch', { program: '/m/model.rnn', ...args });
    await Promise.race([launched, this.event('initialized')]);
    await launched;
  }

  async start(): Promise<string> {
    await this.ask('configurationDone');
    return await this.stopped();
  }

  /** Sends a move and says where it stopped. */
  async go(command: string, args: object = {}): Promise<string> {
    await this.ask(command, { threadId: 1, ...args });
    return await this.stopped();
  }

  /** Waits for a stop: its reason where it is no plain step, and the top frame. */
  async stopped(): Promise<string> {
    const { reason, text } = await this.event('stopped');
    const [top] = await this.frames();
    return `${reason === 'step' && !text ? '' : `${text ?? reason}: `}${top}`;
  }

  /** The stack, innermost first: `lstm.f  t = 0 of 3, 'r' @ 19`, with the line as the client counts. */
  async frames(): Promise<string[]> {
    const { stackFrames } = await this.ask('stackTrace', { threadId: 1 });
    return stackFrames.map(({ name, line }: DebugProtocol.StackFrame) => `${name} @ ${line}`);
  }

  /** The rows of a scope of a frame: `f = ...`. */
  async scope(name: string, frameId = 1): Promise<DebugProtocol.Variable[]> {
    const { scopes } = await this.ask('scopes', { frameId });
    const scope = scopes.find((other: DebugProtocol.Scope) => other.name === name);
    return (await this.ask('variables', { variablesReference: scope.variablesReference })).variables;
  }

  async evaluate(expression: string, frameId = 1, context = 'watch'): Promise<string> {
    return (await this.ask('evaluate', { expression, frameId, context })).result;
  }

  /** What was written to the console, so far. */
  output(category = 'console'): string {
    return this.events
      .filter(({ event, body }) => event === 'output' && body.category === category)
      .map(({ body }) => body.output)
      .join('');
  }

  #hear(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const head = this.#buffer.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/Content-Length: (\d+)/.exec(this.#buffer.toString('utf8', 0, head))![1]);
      if (this.#buffer.length < head + 4 + length) return;
      const message = JSON.parse(this.#buffer.toString('utf8', head + 4, head + 4 + length)) as DebugProtocol.ProtocolMessage;
      this.#buffer = this.#buffer.subarray(head + 4 + length);
      if (message.type === 'response') this.#settle(message as DebugProtocol.Response);
      else this.#keep(message as DebugProtocol.Event);
    }
  }

  #settle(response: DebugProtocol.Response): void {
    this.#pending.get(response.request_seq)?.(response);
    this.#pending.delete(response.request_seq);
  }

  #keep(event: DebugProtocol.Event): void {
    this.events.push(event);
    const waiting = this.#waiting.find(({ name }) => name === event.event);
    if (!waiting) return;
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    this.#taken = this.events.length;
    waiting.resolve(event);
  }
}

/** A session in this process, spoken to over streams. */
export const connect = (host: AdapterHost): { readonly client: Client; readonly session: UnrollDebugSession } => {
  const [toAdapter, fromAdapter] = [new PassThrough(), new PassThrough()];
  const session = new UnrollDebugSession(host);
  session.setRunAsServer(true);
  session.start(toAdapter, fromAdapter);
  return { client: new Client(fromAdapter, toAdapter), session };
};

/** An adapter in a process of its own. */
export const spawnAdapter = (
  script: string,
): { readonly client: Client; readonly ended: Promise<number | null>; readonly kill: () => void } => {
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  return { client: new Client(child.stdout, child.stdin), ended, kill: () => child.kill() };
};
