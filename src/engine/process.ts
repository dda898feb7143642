// The engine process: the entry that the client forks.

import { createHandlers } from './handlers.ts';
import { processPort, serve } from './serve.ts';

const engine = createHandlers();
serve(processPort(), engine.handlers);

// Ctrl+C in a terminal reaches every process of its group; the parent decides what becomes of a training.
process.on('SIGINT', () => undefined);

// Without its parent it has nobody to work for. A training pauses, with a checkpoint.
process.on('disconnect', () => {
  void engine.finish().finally(() => process.exit(0));
});
