// A process that trains a file by an engine of its own, and prints the number of the engine's process: to be killed.

import { fileURLToPath } from 'node:url';
import { createEngine } from '../../src/engine/client.ts';

const [file, out] = process.argv.slice(2) as [string, string];
const engine = createEngine({ entry: fileURLToPath(new URL('../../src/engine/process.ts', import.meta.url)) });
let started = '';
await engine.request('train', { file, out, device: 'cpu', threads: 1 }, (event) => {
  if (event.name === 'started' && event.data.run.status.kind === 'running') started = String(event.data.run.status.process);
  if (event.name === 'progress' && started !== '') {
    console.log(started);
    started = '';
  }
});
