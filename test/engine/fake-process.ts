// An engine process whose handlers do by word what a test asks: it stands for crashes, slow work and errors of every kind.

import { type Handlers, processPort, serve } from '../../src/engine/serve.ts';

let stop: (() => void) | undefined;
const summary = { name: 'r', folder: '/r', model: 'M', settings: '', status: { kind: 'done' as const }, step: 1, steps: 1 };
const run = { ...summary, device: 'cpu', parameters: 1, seconds: process.pid };

const handlers = {
  async train({ file }, { emit }) {
    emit({ name: 'started', data: { run: { ...run, folder: file } } });
    emit({ name: 'message', data: { text: `process ${process.pid}` } });
    await new Promise<void>((resolve) => {
      stop = resolve;
    });
    return { ...run, folder: file };
  },
  async stopTraining({ kind }) {
    if (kind === 'cancel') process.kill(process.pid, 'SIGKILL');
    stop?.();
    return {};
  },
  async generate({ run: what, prompt }, { emit, signal }) {
    if (what === 'until cancelled') {
      emit({ name: 'reading', data: { share: 0.5 } });
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    }
    if (what === 'exit') {
      process.stderr.write('out of memory\n');
      process.exit(7);
    }
    if (what === 'error')
      throw Object.assign(new Error('unknown cell lstn'), {
        code: 'language',
        place: { uri: 'file:///m.rnn', start: { line: 3, column: 8 }, end: { line: 3, column: 12 } },
      });
    if (what === 'never') await new Promise((resolve) => setTimeout(resolve, 600_000));
    return { text: `${prompt}, ${process.pid}`, rows: [] };
  },
  async verify() {
    process.kill(process.pid, 'SIGSEGV');
    return new Promise<never>(() => {});
  },
  async read({ from, to }) {
    return [Float32Array.from({ length: to - from }, (_, k) => from + k)];
  },
} satisfies Partial<Handlers>;

serve(processPort(), handlers as unknown as Handlers);
process.on('disconnect', () => process.exit(0));
