// Typed requests in both directions over any channel that carries structured clones: host and webview, or two ends in a test.
// Every request settles: with the other side's answer, with its error, or with `closed`.

/** What carries the messages. `listen` returns the function that stops listening. */
export interface Port {
  post(message: unknown): void;
  listen(receive: (message: unknown) => void): () => void;
}

export interface Entry {
  parameters: unknown;
  result: unknown;
}

/** A table of requests: names to parameters and result. */
export type Table<T> = { [K in keyof T]: Entry };

/** One function a request; what it throws reaches the asker as an error. */
export type Handlers<T extends Table<T>> = {
  readonly [K in keyof T]: (parameters: T[K]['parameters']) => T[K]['result'] | Promise<T[K]['result']>;
};

type Message =
  | { readonly kind: 'request'; readonly id: number; readonly name: string; readonly parameters: unknown }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly message: string };

/** One end: answers `Answered`, asks `Asked`. */
export class Bridge<Answered extends Table<Answered>, Asked extends Table<Asked>> {
  private readonly port: Port;
  private readonly stop: () => void;
  private readonly waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  private next = 1;
  private closed = false;

  constructor(port: Port, handlers: Handlers<Answered>) {
    this.port = port;
    this.stop = port.listen((message) => void this.receive(message as Message, handlers));
  }

  request<K extends keyof Asked & string>(name: K, parameters: Asked[K]['parameters']): Promise<Asked[K]['result']> {
    if (this.closed) return Promise.reject(new BridgeClosed());
    const id = this.next++;
    return new Promise<unknown>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.port.post({ kind: 'request', id, name, parameters } satisfies Message);
    });
  }

  /** Stops listening; what is still asked is rejected. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stop();
    for (const { reject } of this.waiting.values()) reject(new BridgeClosed());
    this.waiting.clear();
  }

  private async receive(message: Message, handlers: Handlers<Answered>): Promise<void> {
    if (message.kind === 'request') {
      const answer = await this.answer(message.id, message.name, message.parameters, handlers);
      if (!this.closed) this.port.post(answer);
      return;
    }
    const asker = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.kind === 'result') asker?.resolve(message.result);
    else asker?.reject(new Error(message.message));
  }

  private async answer(id: number, name: string, parameters: unknown, handlers: Handlers<Answered>): Promise<Message> {
    try {
      if (!Object.hasOwn(handlers, name)) throw new Error(`No request is called ${name}.`);
      const handler = handlers[name as keyof Answered] as (parameters: unknown) => unknown;
      return { kind: 'result', id, result: await handler(parameters) };
    } catch (error) {
      return { kind: 'error', id, message: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** The other side is gone: a view was closed, or hidden and thrown away. */
export class BridgeClosed extends Error {
  constructor() {
    super('The view was closed.');
  }
}
