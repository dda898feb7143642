// The engine's end of the requests: each call gets exactly one result or error, events in between.

import { type Answer, type Call, Cancelled, errorData } from './protocol.ts';
import type { EngineEvent, Parameters, RequestName, Result } from './requests.ts';

export interface Context {
  emit(event: EngineEvent): void;
  /** Aborted with Cancelled where the result is no longer wanted. */
  readonly signal: AbortSignal;
}

export type Handlers = {
  readonly [Name in RequestName]: (parameters: Parameters<Name>, context: Context) => Promise<Result<Name>>;
};

/** What `process` and a worker's port have in common. */
export interface Port {
  send(answer: Answer): void;
  onCall(listener: (call: Call) => void): void;
}

export function serve(port: Port, handlers: Handlers): void {
  const open = new Map<number, AbortController>();
  port.onCall((call) => {
    if (call.name === 'cancel') {
      open.get(call.id)?.abort(new Cancelled());
      return;
    }
    const { id, name, parameters } = call;
    const abort = new AbortController();
    open.set(id, abort);
    const handler = handlers[name] as ((parameters: unknown, context: Context) => Promise<Result<RequestName>>) | undefined;
    const context: Context = { emit: (event) => port.send({ kind: 'event', id, event }), signal: abort.signal };
    const run = async (): Promise<Result<RequestName>> => {
      if (handler === undefined) throw new Error(`The engine knows no request ${String(name)}.`);
      return handler(parameters, context);
    };
    run()
      .finally(() => open.delete(id))
      .then(
        (result) => port.send({ kind: 'result', id, result }),
        (error: unknown) => port.send({ kind: 'error', id, error: errorData(error) }),
      );
  });
}

/** The port of a forked process. */
export function processPort(): Port {
  return {
    send(answer) {
      // Without a parent there is nobody to tell; the process is about to end.
      if (process.connected) process.send?.(answer, undefined, undefined, () => undefined);
    },
    onCall(listener) {
      process.on('message', (message) => listener(message as Call));
    },
  };
}
