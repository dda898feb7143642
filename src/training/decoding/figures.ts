// What a model is worth that writes rows: held-out rows are decoded greedily, and compared with what people wrote.
//
// Exact rows need no decoding: where all answers to the true beginnings are right, greedy decoding gives the same row, and only there. So `exact` is
// counted with the other answers (metrics.ts).

import type { Dataset, Part } from '../../data/dataset.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { alignmentErrorRate, strongestLinks } from '../../shared/alignment.ts';
import type { GenerateSettings, Metric } from '../../shared/settings.ts';
import type { Link } from '../../shared/trace.ts';
import { type DecodedMetric, decodedScores, referencesOf } from '../decoded.ts';
import { RunError } from '../run.ts';
import type { TrainerState } from '../trainer.ts';
import { attentionLines } from './attention.ts';
import { RowWriter, type WritingModel } from './write.ts';

/** Decodes a held-out part, at most `most` rows of it, the first; figures by their names. */
export interface DecodeHeldOut {
  (
    weights: TrainerState,
    part: 'validation' | 'test',
    wanted: readonly DecodedMetric[],
    most?: number,
  ): Promise<Partial<Record<DecodedMetric, number>>>;
  /** The alignment error rate of a part, where its data tells alignments. */
  aligned?(weights: TrainerState, part: 'validation' | 'test'): Promise<number | undefined>;
}

/** Rows that are decoded at a validation; a report has all. */
export const VALIDATED = 200;

/** Of what is reported, what is measured on decoded rows. */
export const decodedMetrics = (metrics: readonly Metric[]): readonly DecodedMetric[] =>
  metrics.flatMap(({ kind }) => (kind === 'bleu' || kind === 'chrf' ? [kind] : []));

/** `said`: how the source lets the model write; its search is greedy here. */
export function heldOutDecoder(writing: WritingModel, data: Dataset, said: GenerateSettings, runtime: () => Runtime): DecodeHeldOut {
  const decode: DecodeHeldOut = async (weights, name, wanted, most = Number.POSITIVE_INFINITY) => {
    const part = data.parts[name];
    const writer = await RowWriter.open(writing, weights, { ...said, search: { kind: 'greedy' }, prompt: '' }, runtime());
    try {
      const places = Array.from({ length: Math.min(most, part.size) }, (_, index) => index);
      const rows = await writer.write(places.map((index) => ({ example: part.example(index) })));
      return decodedScores(
        wanted,
        rows.map(({ text }) => text),
        places.map((index) => referencesOf(data, part, index)),
      );
    } finally {
      await writer.close();
    }
  };
  decode.aligned = (weights, name) => alignmentErrorOf(writing, weights, data.parts[name], runtime());
  return decode;
}

/** Rows that are aligned for a report. */
const ALIGNED = 500;

/** Alignment error rate of a part, of the first line of attention, its strongest places while the model is told what people wrote. Undefined where the data
 *  tells no alignments, or the model looks at nothing. */
export async function alignmentErrorOf(
  writing: WritingModel,
  weights: TrainerState,
  part: Part,
  runtime: Runtime,
): Promise<number | undefined> {
  const predicted = writing.model.prediction?.input;
  const [line] = attentionLines(writing.model);
  if (part.alignment === undefined || predicted === undefined || line === undefined) return undefined;
  const heads = line.heads.reduce((product, size) => product * size, 1);
  const aligned = Array.from({ length: Math.min(part.size, ALIGNED) }, (_, index) => ({ index, links: part.alignment!(index) })).flatMap(
    ({ index, links }) => {
      const example = part.example(index);
      return links === undefined ? [] : [{ links, example, prefix: Array.from(example.inputs[predicted]!).slice(1, -1) }];
    },
  );
  if (aligned.length === 0) return undefined;
  const length = Math.max(...aligned.map(({ prefix }) => prefix.length));
  const writer = await RowWriter.open(writing, weights, { search: { kind: 'greedy' }, prompt: '', length }, runtime, true);
  const found: Pick<Link, 'source' | 'target'>[][] = [];
  try {
    for (const { example, prefix } of aligned) {
      const [row] = await writer.write([{ example }], { prefix });
      const { shape, data } = row!.attention[line.name]!;
      found.push(strongestLinks(data, { heads, places: shape.at(-1)! }, prefix.length));
    }
  } finally {
    await writer.close();
  }
  const rate = alignmentErrorRate(
    found,
    aligned.map(({ links }) => links),
  );
  return Number.isNaN(rate) ? undefined : rate;
}

/** Throws RunError where rows are to be decoded of a model that writes none. */
export function checkDecoded(metrics: readonly Metric[], name: string, decode: DecodeHeldOut | undefined): void {
  const [first] = decodedMetrics(metrics);
  if (first === undefined || decode !== undefined) return;
  throw new RunError(
    `\`report: ${first}\` compares rows that a model writes, and ${name} writes none: its loss compares nothing with next(...) of a row.`,
  );
}
