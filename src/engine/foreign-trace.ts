// A trace of an ONNX model of others: one run, the parts that ran over the chosen sequence, and their source as a file to stop in.

import { createHash } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Reading } from '../data/text-stream.ts';
import { ForeignModel, type ForeignRun } from '../foreign/model.ts';
import { wordOf } from '../foreign/names.ts';
import { PartError } from '../foreign/part.ts';
import { type PartGroup, replayGroup } from '../foreign/session.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ForeignInput } from '../shared/foreign.ts';
import type { Trace, TraceDescription } from '../shared/trace.ts';

/** Throws what running it throws, and PartError where no part ran over the sequence. */
export async function openForeignTrace(
  id: number,
  { file, generated }: { readonly file: string; readonly generated?: string },
  input: ForeignInput,
  runtime: Runtime,
  reading?: Reading,
): Promise<Trace> {
  const model = await ForeignModel.open(file, runtime);
  try {
    const run = await model.run(input, reading);
    const item = input.item ?? 0;
    const group = groupOf(run, item, model);
    const source = generated ?? join(tmpdir(), 'unroll-generated');
    const path = join(source, createHash('sha256').update(file).digest('hex').slice(0, 12), `${basename(file)}.rnn`);
    const name = wordOf(basename(file).replace(/\.onnx$/i, '')) || 'Model';
    const request = { id, title: titleOf(model, run, group, item), model: name, file: basename(file), uri: path };
    const replayed = await replayGroup(runtime, group, request);
    await keep(path, replayed.source.text);
    const left = run.ran.filter(({ part }) => !group.parts.some((each) => each.part === part));
    const others = [...new Set(left.map(({ part }) => part.name))].map((part) => ({
      part,
      why: 'it runs over a sequence of another length',
    }));
    const idle = [...run.idle.map(({ part, why }) => ({ part: part.name, why })), ...others];
    const parts = replayed.parity.map(({ part, value }) => ({ part, ...(value === undefined ? {} : { value }) }));
    const parity = Math.max(replayed.trace.description.parity, ...parts.map(({ value = 0 }) => value));
    return withDescription(replayed.trace, { parts, parity, ...(idle.length === 0 ? {} : { idle }) });
  } finally {
    await model.release();
  }
}

/** The parts that ran over the sequence: most of them, if there are sequences of several lengths. */
function groupOf({ ran, idle }: ForeignRun, item: number, model: ForeignModel): PartGroup {
  if (ran.length === 0) {
    const why = idle.map(({ part, why: each }) => `${part.name}: ${each}`).join('; ');
    throw new PartError(`${model.name} has no recurrent part that ran${why === '' ? '' : ` (${why})`}.`);
  }
  const most = Math.max(...ran.map(({ bound }) => bound.lengths.length));
  const having = ran.filter(({ bound, iteration }) => iteration === 0 && (bound.lengths[item] ?? 0) > 0);
  if (having.length === 0) throw new PartError(`There are sequences 0 to ${most - 1}: ${item} is not among them, or is empty.`);
  const byLength = Map.groupBy(having, ({ bound }) => bound.lengths[item]!);
  const [steps, parts] = [...byLength].reduce((best, each) => (each[1].length > best[1].length ? each : best));
  return { parts, items: [item], steps };
}

function titleOf(model: ForeignModel, { ran }: ForeignRun, { steps }: PartGroup, item: number): string {
  const most = Math.max(...ran.map(({ bound }) => bound.lengths.length));
  return [model.name, `${steps.toLocaleString('en-US')} steps`, ...(most > 1 ? [`sequence ${item} of ${most}`] : [])].join(' · ');
}

/** The generated source, for reading only. */
async function keep(path: string, text: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true });
  await chmod(path, 0o644).catch(() => undefined);
  await writeFile(path, text);
  await chmod(path, 0o444);
}

/** A trace that says more of itself. */
function withDescription(trace: Trace, more: Partial<TraceDescription>): Trace {
  return {
    get description() {
      return { ...trace.description, ...more };
    },
    read: (request) => trace.read(request),
    summary: (kind) => trace.summary(kind),
    weight: (name) => trace.weight(name),
    differentiate: (objective) => trace.differentiate(objective),
    close: () => trace.close(),
  };
}
