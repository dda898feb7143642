// What a translation model of ours is worth beside the same in PyTorch after the same batches, in BLEU: node scripts/attention/translation.ts PAIRS.tsv [--seeds 3]
// [--epochs 20] [--held 300]. Python with PyTorch is UNROLL_PYTHON, else python3. Starts are each one's own, so several seeds are measured.

import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import type { Batch } from '../../src/data/dataset.ts';
import { trainingBatches } from '../../src/data/load.ts';
import { joined, UNKNOWN } from '../../src/data/vocabulary.ts';
import { type OpenedJob, openJob } from '../../src/engine/job.ts';
import { runTraining } from '../../src/engine/training.ts';
import { physicalCores } from '../../src/runtime/cores.ts';
import { decodedScores, referencesOf } from '../../src/training/decoded.ts';
import { readReport } from '../../src/training/report.ts';

const EMBEDDING = 128;
const ENCODER = 128;
const DECODER = 256;
const LENGTH = 50;

const source = (epochs: number, held: number): string => `
cell attending(y: [E], source: [S, K], size H) {
  state s: [H] = tanh(linear(first(source), H))
  param W: [H, H], U: [K, H], v: [H]

  scores  = tanh(W @ s + source @ U) @ v
  weights = softmax(scores, over: S)
  context = weights @ source
  s'      = gru([y; context], from: s)
}

model Translate(source: [S] of English, target: [T] of French) {
  encoder = bidirectional(gru, embed(source, ${EMBEDDING}), ${ENCODER})
  decoder = attending(embed(target, ${EMBEDDING}), encoder, ${DECODER})
  logits  = linear(decoder, French)
  loss    = cross_entropy(logits, next(target))
}

data sentences = pairs("pairs.tsv", by: word, lower: true, minimum: 2, test: ${held})

train Translate on sentences { epochs: ${epochs}, batch: 64, optimizer: adam(0.002), clip: 1, report: [bleu, chrf] }
generate Translate { search: greedy, length: ${LENGTH} }
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '3' }, epochs: { type: 'string', default: '20' }, held: { type: 'string', default: '300' } },
});
const [pairs] = positionals;
if (pairs === undefined) throw new Error('Which file of pairs? node scripts/attention/translation.ts PAIRS.tsv');

const folder = await mkdtemp(join(tmpdir(), 'unroll-translation-'));
try {
  await copyFile(resolve(pairs), join(folder, 'pairs.tsv'));
  const file = join(folder, 'translation.rnn');
  await writeFile(file, source(Number(values.epochs), Number(values.held)));
  const job = await openJob(file);
  const { training, test } = job.data.parts;
  process.stdout.write(`${training.size} pairs, ${test.size} held out, load ${loadavg()[0]!.toFixed(1)}\n`);
  const sums = { ours: 0, theirs: 0 };
  for (let seed = 1; seed <= Number(values.seeds); seed += 1) {
    const run = await runTraining({ file, seed, device: 'cpu', threads: physicalCores(), out: join(folder, `run-${seed}`) }, {});
    const { metrics } = (await readReport(run.folder))!;
    const theirs = await besides(job, run.step, seed);
    process.stdout.write(
      `seed ${seed}, ${run.step} steps: BLEU ${metrics.bleu!.toFixed(2)}, PyTorch ${theirs.version} ${theirs.bleu.toFixed(2)}; chrF2 ${metrics.chrf!.toFixed(2)}, ${theirs.chrf.toFixed(2)}\n`,
    );
    sums.ours += metrics.bleu! / Number(values.seeds);
    sums.theirs += theirs.bleu / Number(values.seeds);
  }
  process.stdout.write(`mean BLEU ${sums.ours.toFixed(2)}, PyTorch ${sums.theirs.toFixed(2)}; load ${loadavg()[0]!.toFixed(1)}\n`);
} finally {
  await rm(folder, { recursive: true });
}

/** The same batches in the same order, learned by PyTorch. */
async function besides(
  { data, settings }: OpenedJob,
  steps: number,
  seed: number,
): Promise<{ version: string; bleu: number; chrf: number }> {
  // The run's own seed is that of its batches.
  const batches = trainingBatches(data, { ...settings, seed });
  const vocabulary = data.vocabularies.French!;
  const places = Array.from({ length: data.parts.test.size }, (_, index) => index);
  const request = {
    ...{ seed, threads: physicalCores(), rate: settings.optimizer.rate, clip: settings.clip, length: LENGTH },
    classes: [data.vocabularies.English!.tokens.length, vocabulary.tokens.length],
    sizes: [EMBEDDING, ENCODER, DECODER],
    ...{ begin: vocabulary.begin, end: vocabulary.end, never: [vocabulary.begin, vocabulary.unknown] },
    batches: Array.from({ length: steps }, (_, k) => rowsOf(batches.at(k))),
    sources: places.map((index) => Array.from(data.parts.test.example(index).inputs.source!)),
  };
  const child = spawn(process.env.UNROLL_PYTHON ?? 'python3', [join(import.meta.dirname, 'translation.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(request));
  const answer = JSON.parse(await text(child.stdout)) as { readonly version: string; readonly rows: readonly (readonly number[])[] };
  const said = answer.rows.map((ids) =>
    joined(
      vocabulary,
      ids.map((id) => vocabulary.tokens[id] ?? UNKNOWN),
    ),
  );
  const references = places.map((index) => referencesOf(data, data.parts.test, index));
  const { bleu, chrf } = decodedScores(['bleu', 'chrf'], said, references);
  return { version: answer.version, bleu: bleu!, chrf: chrf! };
}

/** Both sequences of each row without padding, from [S, B] and [T, B]. */
function rowsOf({ rows, inputs }: Batch): Record<'source' | 'target', number[][]> {
  const unpadded = (name: string, dimension: string): number[][] =>
    Array.from({ length: rows }, (_, row) =>
      Array.from({ length: inputs[`lengths(${dimension})`]![row]! }, (_, step) => inputs[name]![step * rows + row]!),
    );
  return { source: unpadded('source', 'S'), target: unpadded('target', 'T') };
}
