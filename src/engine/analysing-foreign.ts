// What of an ONNX model is analysed: its recurrent layers as generated sources, on what they read while the untouched model ran.

import type { Sequences } from '../analysis/analyse.ts';
import type { Reading } from '../data/text-stream.ts';
import { wordOf } from '../foreign/names.ts';
import { openAndRun } from '../foreign/pairs/open.ts';
import { PartError } from '../foreign/part.ts';
import { type ReplaySource, replaySource } from '../foreign/replay.ts';
import { groupsOf, type RanPart } from '../foreign/session.ts';
import { stacksOf } from '../foreign/stacks.ts';
import type { Model } from '../graph/model.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { generatedPath, keepGenerated } from './generated.ts';
import type { AnalyseRequest } from './requests.ts';

/** Layers that are analysed together, as one model. */
export interface Analysable {
  readonly model: Model;
  readonly weights: ReplaySource['weights'];
  readonly groups: readonly Sequences[];
  /** The words of classes, where they are known. */
  readonly vocabularies?: Readonly<Record<string, readonly string[]>>;
}

export interface ForeignLayers {
  readonly title: string;
  readonly models: readonly Analysable[];
  /** Parts without numbers, and why: sentences. */
  readonly remarks: readonly string[];
}

type ForeignSource = Extract<AnalyseRequest['source'], { readonly kind: 'onnx' }>;

/** Layers whose sequences are as many and as long are one model. Sequences are cut after `length` steps, and are `count` at most. Throws PartError
 *  where nothing that was meant ran, and what running the model throws. */
export async function foreignLayers(
  { file, input, part: meant, generated }: ForeignSource,
  { count, length }: { readonly count: number; readonly length: number },
  runtime: Runtime,
  reading?: Reading,
): Promise<ForeignLayers> {
  const { model, run } = await openAndRun(file, input, runtime, reading);
  try {
    // What attends has no state that is handed on; of a part inside a loop the first time is taken.
    const recurrent = run.ran.filter(({ part, iteration }) => part.weighing === undefined && iteration === 0);
    const ran = meant === undefined ? recurrent : ofStack(recurrent, meant);
    if (ran.length === 0) throw nothing(model.name, meant, run);
    const byParts = new Map<string, { readonly parts: readonly RanPart[]; readonly sources: ReplaySource[] }>();
    for (const { parts, items, steps } of groupsOf(ran)) {
      if (steps < 2) continue;
      const key = parts.map(({ part }) => part.name).join(' ');
      const found = byParts.get(key) ?? { parts, sources: [] };
      const taken = found.sources.reduce((sum, { batch }) => sum + batch, 0);
      if (taken >= count) continue;
      const uri = generatedPath(model.file.path, generated, `memory-${byParts.has(key) ? [...byParts.keys()].indexOf(key) : byParts.size}`);
      const chosen = parts.map(({ part, bound }) => ({ part, bound, items: items.slice(0, count - taken) }));
      const name = wordOf(model.name.replace(/\.onnx$/i, '')) || 'Model';
      found.sources.push(await replaySource({ model: name, file: model.name, uri, parts: chosen }));
      byParts.set(key, found);
      await keepGenerated(uri, found.sources[0]!.source.text);
    }
    const remarks = run.idle
      .filter(({ part }) => part.weighing === undefined && (meant === undefined || part.name === meant))
      .map(({ part, why }) => `${part.name} is not analysed: ${why}.`);
    const models = [...byParts.values()].map(({ sources }): Analysable => {
      const [{ model: built, weights }] = sources as [ReplaySource, ...ReplaySource[]];
      return { model: built, weights, groups: sources.map((each) => cut(each, length)) };
    });
    return { title: meant === undefined ? model.name : `${meant} of ${model.name}`, models, remarks };
  } finally {
    await model.release();
  }
}

function ofStack(ran: readonly RanPart[], meant: string): RanPart[] {
  const stack = stacksOf(ran.map(({ part }) => part)).find((parts) => parts.some(({ name }) => name === meant)) ?? [];
  return ran.filter(({ part }) => stack.includes(part));
}

function nothing(
  name: string,
  meant: string | undefined,
  { idle }: { readonly idle: readonly { readonly part: { readonly name: string }; readonly why: string }[] },
): PartError {
  const why = idle.filter(({ part }) => meant === undefined || part.name === meant).map((each) => `${each.part.name}: ${each.why}`);
  const because = why.length === 0 ? '' : ` (${why.join('; ')})`;
  return new PartError(
    meant === undefined
      ? `${name} has no recurrent part that ran${because}: there is no state whose memory could be measured.`
      : `No recurrent part ${meant} of ${name} ran${because}.`,
  );
}

/** What runs along time has it first. */
function cut({ model, inputs, steps, batch }: ReplaySource, length: number): Sequences {
  const kept = Math.min(steps, length);
  const own = model.inputs.map(({ name, value }) => {
    const data = inputs[name]!;
    return [name, value.type.axes[0]?.name === 'T' ? data.subarray(0, (data.length / steps) * kept) : data] as const;
  });
  return { steps: kept, batch, lengths: {}, inputs: Object.fromEntries(own) };
}
