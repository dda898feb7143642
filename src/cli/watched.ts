// Requests that take long, as a terminal has them: the share that is done in a line that is rewritten, and Ctrl+C, which gives them up.

import type { Engine } from '../engine/client.ts';
import type { Surroundings } from './terminal.ts';

/** As shells report a process that SIGINT ended. */
export const INTERRUPTED = 130;

/** Does some work with an engine whose requests are heard and given up so. Gives the work's result; undefined where it was interrupted. `quiet`: no line
 *  is written, as the output is for a program. */
export async function watched<Result>(
  { terminal, engine }: Surroundings,
  quiet: boolean,
  work: (engine: Engine) => Promise<Result>,
): Promise<Result | undefined> {
  const clear = terminal.columns === undefined || quiet ? '' : '\r\u001b[K';
  const abort = new AbortController();
  terminal.onInterrupt(() => abort.abort());
  const request: Engine['request'] = async (name, parameters, onEvent) => {
    try {
      return await engine.request(
        name,
        parameters,
        (event) => {
          if (event.name === 'message') terminal.error(`${clear}${event.data.text}\n`);
          else if (event.name === 'share' && clear !== '') terminal.out(`${clear}${Math.round(100 * event.data.done)} %`);
          onEvent?.(event);
        },
        abort.signal,
      );
    } finally {
      if (clear !== '') terminal.out(clear);
    }
  };
  try {
    return await work({ ...engine, request });
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    return undefined;
  }
}
