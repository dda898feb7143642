// A part of the training step in a thread of its own. Calls come as messages; the steps themselves meet over shared memory.

import { parentPort, workerData } from 'node:worker_threads';
import { createRuntime } from '../../runtime/onnxruntime.ts';
import type { Call } from './calls.ts';
import { Part, type PartSetup } from './part.ts';

const port = parentPort!;
const part = Part.open(workerData as PartSetup, createRuntime());
part.catch(() => undefined);

port.on('message', (call: Call) => {
  answer(call).then(
    (result) => port.postMessage({ result }),
    (error: unknown) => port.postMessage({ error: error instanceof Error ? error.message : String(error) }),
  );
});

async function answer(call: Call): Promise<unknown> {
  const own = await part;
  switch (call.kind) {
    case 'open':
      return undefined;
    case 'step':
      return own.step(call.share, call.rates);
    case 'evaluate':
      return own.evaluate(call.share);
    case 'state':
      return own.state();
    case 'restore':
      return own.restore(call.parameters, call.moments, call.states);
    case 'release':
      await own.release();
      port.close();
      return undefined;
  }
}
