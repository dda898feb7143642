/** What cannot be traced, or read from a trace; the text says what to do. */
export class TraceError extends Error {
  override name = 'TraceError';
}
