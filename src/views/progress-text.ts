import type { EngineEvent } from '../engine/requests.ts';

/** What an event says to whoever waits: `its input is read, 40 %`; undefined of one that says nothing. */
export function progressText(event: EngineEvent, what: string): string | undefined {
  if (event.name === 'reading') return `${what} is read, ${Math.round(100 * event.data.share)} %`;
  return event.name === 'message' ? event.data.text : undefined;
}
