// What crosses between the editor's process and an engine process, and how errors do.

import type { SourceRange } from '../shared/source.ts';
import type { EngineEvent, Parameters, RequestName, Result } from './requests.ts';

/** From client to engine: a request, or that the one of this number is no longer wanted. */
export type Call =
  | { [Name in RequestName]: { readonly id: number; readonly name: Name; readonly parameters: Parameters<Name> } }[RequestName]
  | { readonly id: number; readonly name: 'cancel' };

/** From engine to client; `id` is the request's. */
export type Answer =
  | { readonly kind: 'result'; readonly id: number; readonly result: Result<RequestName> }
  | { readonly kind: 'error'; readonly id: number; readonly error: ErrorData }
  | { readonly kind: 'event'; readonly id: number; readonly event: EngineEvent };

/** An error as data. */
export interface ErrorData {
  readonly message: string;
  /** A stable word for programs: `engine-died`, `cancelled`, ... */
  readonly code?: string;
  /** Where in the user's source. */
  readonly place?: SourceRange;
  /** For the log, where the error is a mistake of Unroll's own. */
  readonly stack?: string;
}

/** Why a request ends that is no longer wanted. */
export class Cancelled extends Error {
  override name = 'Cancelled';
  readonly code = 'cancelled';

  constructor() {
    super('It was cancelled.');
  }
}

/** An error of the engine, as the client throws it. */
export class EngineError extends Error {
  override name = 'EngineError';
  readonly code: string | undefined;
  readonly place: SourceRange | undefined;

  constructor({ message, code, place, stack }: ErrorData) {
    super(message);
    this.code = code;
    this.place = place;
    if (stack !== undefined) this.stack = stack;
  }
}

export function errorData(error: unknown): ErrorData {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, place } = error as Error & { code?: unknown; place?: SourceRange };
  return {
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(place === undefined ? {} : { place }),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
  };
}
