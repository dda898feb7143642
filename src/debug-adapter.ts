// The debug adapter over standard input and output, for clients other than VS Code. The same adapter runs inside the extension.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnrollDebugSession } from './debug/adapter.ts';
import { launchedInput, seeded } from './debug/foreign-launch.ts';
import type { LaunchArguments } from './debug/launch.ts';
import { createEngine } from './engine/client.ts';
import type { SequenceChoice, TraceRequest } from './engine/requests.ts';
import { atHome } from './training/home.ts';
import { newestRun } from './training/run.ts';

const LENGTH = 200;

const inBundle = !import.meta.url.endsWith('.ts');
const engine = createEngine({
  entry: fileURLToPath(new URL(inBundle ? 'engine.mjs' : 'engine/process.ts', import.meta.url)),
  log: (text) => process.stderr.write(text),
});

const sequenceOf = ({ text, writes, file, data }: LaunchArguments): SequenceChoice => {
  if (text !== undefined) return { kind: 'text', text, ...(writes === undefined ? {} : { writes }) };
  if (file !== undefined) return { kind: 'file', path: resolve(file) };
  return { kind: 'data', part: data?.part ?? 'validation', from: data?.from ?? 0, length: data?.length ?? LENGTH };
};

const sourceOf = async ({ program, model, run }: LaunchArguments): Promise<TraceRequest['source']> => {
  const file = resolve(program);
  if (run === 'untrained') return { kind: 'file', file, ...(model !== undefined && { model }) };
  if (run !== undefined && run !== 'latest') return { kind: 'run', folder: resolve(run) };
  try {
    return { kind: 'run', folder: await newestRun(file, model) };
  } catch {
    throw new Error(`No run of ${model ?? program} yet: train it first, or debug untrained weights with "run": "untrained".`);
  }
};

/** Of an ONNX model of others; on random numbers where nothing is said. */
const foreignRequest = async (launch: LaunchArguments): Promise<TraceRequest> => {
  const file = resolve(launch.program);
  const info = () => engine.request('inspect', { file });
  const disk = {
    absolute: (path: string, base?: string) => resolve(base ?? '', path),
    read: (path: string) => readFile(path, 'utf8'),
  };
  const input = (await launchedInput(launch, info, disk)) ?? { ...seeded((await info()).usual, 1), ...onlyItem(launch) };
  return { source: { kind: 'onnx', file }, sequence: { kind: 'given', input } };
};

const onlyItem = ({ item }: LaunchArguments): { readonly item?: number } => (item === undefined ? {} : { item });

const ownRequest = async (launch: LaunchArguments): Promise<TraceRequest> => ({
  source: await sourceOf(launch),
  sequence: sequenceOf(launch),
});

const library = fileURLToPath(new URL(inBundle ? 'std' : 'language/std', import.meta.url));

new UnrollDebugSession({
  async openTrace(launch, say) {
    const asked = await (/\.onnx$/i.test(launch.program) ? foreignRequest(launch) : ownRequest(launch));
    const request = { ...asked, ...(launch.objective && { objective: launch.objective }) };
    const { source } = request;
    const { trace, changed } = await atHome(await engine.openTrace(request), library, source.kind === 'run' ? source.folder : undefined);
    for (const file of changed) say(`${file} has changed since this run was trained: the run's own copy is stepped through.`);
    return trace;
  },
  readSource: (uri) => readFile(fileURLToPath(uri), 'utf8'),
}).start(process.stdin, process.stdout);
