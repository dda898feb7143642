// A trace that is opened with progress, and can be given up meanwhile.

import type { Engine } from '../engine/client.ts';
import type { EngineEvent, TraceRequest } from '../engine/requests.ts';
import type { Trace } from '../shared/trace.ts';

/** As the engine's own `openTrace`, with events, and cancelled by the signal. */
export async function openTrace(
  engine: Engine,
  request: TraceRequest,
  onEvent: (event: EngineEvent) => void,
  signal: AbortSignal,
): Promise<Trace> {
  let description = await engine.request('openTrace', request, onEvent, signal);
  const trace = description.id;
  return {
    get description() {
      return description;
    },
    read: (asked) => engine.request('read', { ...asked, trace }),
    summary: (summary) => engine.request('summary', { summary, trace }),
    weight: (name) => engine.request('weight', { name, trace }),
    async differentiate(objective) {
      await engine.request('differentiate', { objective, trace });
      description = { ...description, objective };
    },
    async close() {
      await engine.request('closeTrace', { trace });
    },
  };
}
