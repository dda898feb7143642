// A trained model for others: ONNX, PyTorch, or its weights alone.

import { dirname, join } from 'node:path';
import { exportModel } from '../onnx/export.ts';
import { exportDecoder } from '../onnx/export-decoder.ts';
import { exportPytorch } from '../pytorch/export.ts';
import type { KeptData } from '../shared/dataset.ts';
import { encodeCheckpoint } from '../training/checkpoint.ts';
import { attentionLines } from '../training/decoding/attention.ts';
import { decoderGraphs } from '../training/decoding/graphs.ts';
import { rulesOf } from '../training/decoding/write.ts';
import { replaceFile } from '../training/files.ts';
import { makeFolder } from '../training/run.ts';
import { checkpointOf } from './chosen-weights.ts';
import { openRunModel, programOfRun } from './job.ts';
import type { Parameters, Result } from './requests.ts';

/** Writes the newest sound checkpoint of a run in a format. Throws RunError, PytorchError, DiskError. */
export async function exportRun({ run: folder, out, format = 'onnx' }: Parameters<'export'>): Promise<Result<'export'>> {
  const { run, model, padded } = await openRunModel(folder);
  const checkpoint = await checkpointOf(run);
  const { vocabularies, scales } = run.data;
  const names = new Set(model.weights.map(({ name }) => name));
  const weights = new Map([...checkpoint.state].filter(([name]) => names.has(name)));
  const size = (parts: readonly Uint8Array[]): number => parts.reduce((sum, { length }) => sum + length, 0);
  switch (format) {
    case 'onnx': {
      const { bytes, operators } = exportModel(model, { weights, vocabularies: tokensOf(vocabularies), scales, sources: run.sources });
      await replaceFile(out, [bytes]);
      return { operators, files: [], bytes: bytes.length };
    }
    case 'decoder': {
      const vocabulary = vocabularies[model.prediction?.classes ?? ''];
      const reading = padded();
      const attention = attentionLines(reading);
      const graphs = decoderGraphs(
        reading,
        attention.map(({ line }) => line.value),
        (graph) => graph,
      );
      // Of a model that predicts classes, the data has a vocabulary.
      const decoder = { ...graphs, lines: attention.map(({ name }) => name), ...rulesOf(vocabulary!, false) };
      const { files, operators } = exportDecoder(reading, decoder, {
        weights,
        vocabularies: tokensOf(vocabularies),
        scales,
        sources: run.sources,
      });
      await makeFolder(out);
      for (const [name, bytes] of files) await replaceFile(join(out, name), [bytes]);
      return { operators, files: [...files.keys()], bytes: [...files.values()].reduce((sum, { length }) => sum + length, 0) };
    }
    case 'safetensors': {
      const parts = encodeCheckpoint({ ...checkpoint, state: weights });
      await replaceFile(out, parts);
      return { operators: [], files: [], bytes: size(parts) };
    }
    case 'pytorch': {
      const { program, train } = await programOfRun(run);
      const files = exportPytorch({
        program,
        model: train.model,
        arguments: train.arguments,
        kept: run.data,
        source: run.record.data,
        settings: run.record.settings,
        weights: encodeCheckpoint({ ...checkpoint, state: weights }),
        sources: run.sources,
      });
      for (const [name, parts] of files) {
        const path = join(out, name);
        await makeFolder(dirname(path));
        await replaceFile(path, parts);
      }
      return { operators: [], files: [...files.keys()], bytes: [...files.values()].reduce((sum, parts) => sum + size(parts), 0) };
    }
  }
}

const tokensOf = (vocabularies: KeptData['vocabularies']): Record<string, readonly string[]> =>
  Object.fromEntries(Object.entries(vocabularies).map(([dimension, each]) => [dimension, each.tokens]));
