// Opens what is to be run: a model, or an encoder with the decoder of another file.

import { basename, dirname, join } from 'node:path';
import { modelFileOf } from '../../onnx/file/open.ts';
import { encodeModel } from '../../onnx/proto.ts';
import { type Runtime, RuntimeFailure, type Tensor } from '../../runtime/runtime.ts';
import type { DecoderInput, ForeignInput, PairProposal } from '../../shared/foreign.ts';
import type { Reading } from '../../shared/reading.ts';
import { ForeignModel, type ForeignRun } from '../model.ts';
import { runnable } from '../runnable.ts';
import { portsOf } from '../streaming/ports.ts';
import { StreamError } from '../streaming/rule.ts';
import { concatenated, stacked } from '../tensors.ts';
import { callPair, type PairCalls } from './calls.ts';
import { type JoinedPair, joinPair } from './join.ts';
import { proposePair } from './propose.ts';
import { checkPair, PairError, parsePair } from './rule.ts';
import { sizesIn } from './sizes.ts';

export interface OpenedRun {
  readonly model: ForeignModel;
  readonly run: ForeignRun;
}

/** Opens and runs a model on what was chosen, with its decoder where one is named. `usual`: random numbers alone are such as it can take. Throws ModelFileError, PairError
 *  and what ForeignModel.run throws. */
export async function openAndRun(
  file: string,
  input: ForeignInput,
  runtime: Runtime,
  reading: Reading = {},
  usual = false,
): Promise<OpenedRun> {
  const model = await ForeignModel.open(file, runtime, reading);
  try {
    if (input.decoder !== undefined) {
      const opened = await openPair(model, input, input.decoder, runtime, reading, usual);
      await model.release();
      return opened;
    }
    return { model, run: await (usual ? model.runChosen(input, reading) : model.run(input, reading)) };
  } catch (error) {
    await model.release();
    throw error;
  }
}

/** How two files fit together. Throws ModelFileError, PairError. */
export async function proposalOf(encoder: string, decoder: string, runtime: Runtime, reading?: Reading): Promise<PairProposal> {
  const [one, other] = await Promise.all([encoder, decoder].map((file) => ForeignModel.open(file, runtime, reading)));
  return proposePair(one!.file.model, other!.file.model);
}

async function openPair(
  encoder: ForeignModel,
  input: ForeignInput,
  how: DecoderInput,
  runtime: Runtime,
  reading: Reading,
  usual: boolean,
): Promise<OpenedRun> {
  if (input.stream !== undefined) throw new PairError('An encoder that a decoder stands beside is called once: leave "stream" out.');
  checkHow(how);
  const decoder = await ForeignModel.open(how.file, runtime, reading);
  const [read, written] = [await encoder.whole(), await decoder.whole()];
  const { reasons = [], ...rule }: Partial<PairProposal> & PairProposal =
    how.rule === undefined ? proposePair(read, written) : { ...parsePair(how.rule), reasons: [] };
  const ports = { encoder: portsOf(read.graph), decoder: portsOf(written.graph) };
  const faults = checkPair(rule, ports);
  if (faults.length > 0) throw new PairError(`${encoder.name} and ${decoder.name} do not fit together by this rule:\n${faults.join('\n')}`);
  const { calls: fed, outputs, dimensions, remarks } = await (usual ? encoder.runChosen(input, reading) : encoder.run(input, reading));
  const [feeds] = fed as readonly [Readonly<Record<string, Tensor>>];
  const session = await runtime.open(encodeModel(runnable(written)), { device: 'cpu' });
  let calls: PairCalls;
  try {
    const request = { session, rule, inputs: ports.decoder.inputs, encoded: { ...feeds, ...outputs }, how };
    const more = { ...(input.dimensions === undefined ? {} : { sizes: input.dimensions }) };
    calls = await callPair({ ...request, ...more, ...(reading.signal === undefined ? {} : { signal: reading.signal }) });
  } catch (error) {
    if (error instanceof StreamError) throw new PairError(error.message, { cause: error });
    if (error instanceof RuntimeFailure)
      throw new RuntimeFailure(`${decoder.name}, called behind ${encoder.name}: ${error.message}`, { cause: error });
    throw error;
  } finally {
    await session.release();
  }
  const joined = joinPair(read, written, rule, calls, { encoded: outputs, sizes: await sizesIn(runtime, written, calls.last) });
  const name = `${basename(encoder.name, '.onnx')} and ${decoder.name}`;
  const path = join(dirname(encoder.file.path), name);
  const model = await ForeignModel.ofPair(await modelFileOf(path, encodeModel(joined.model)), runtime, ({ nodes }) =>
    nodes.some(({ output }) => output.some((each) => joined.decoder.has(each))),
  );
  try {
    const said = [...reasons, writtenText(calls, how), ...remarks];
    const run = await model.runOn({ ...feeds, ...joined.fed }, { dimensions, remarks: said }, reading);
    // Gradients are of the scores unless told otherwise.
    const [scores] = [...joined.outputs].find(([, { output }]) => output === rule.scores)!;
    const outputs = { [scores]: run.outputs[scores]!, ...run.outputs };
    return { model, run: { ...run, outputs, remarks: [...run.remarks, ...differing(run, joined, calls)] } };
  } catch (error) {
    await model.release();
    throw error;
  }
}

function checkHow({ begin, end, length, tokens = [] }: DecoderInput): void {
  const isId = (id: number): boolean => Number.isSafeInteger(id) && id >= 0;
  if (!isId(begin)) throw new PairError('What a decoder reads first is an id of its vocabulary, a whole number from 0: say it as "begin".');
  if (end !== undefined && !isId(end))
    throw new PairError('What ends a row is an id of the vocabulary, a whole number from 0: say it as "end".');
  if (!isId(length) || length < 1) throw new PairError('A decoder is called at least once: "length" is a whole number from 1.');
  if (!tokens.every(isId)) throw new PairError('Given tokens are ids of the vocabulary, whole numbers from 0.');
}

/** `The decoder was called 7 times; it chose 4 9 2 (its end) for sequence 0.` */
function writtenText({ chosen, rows }: PairCalls, { end, tokens }: DecoderInput): string {
  const ids = chosen.map((row) => row[0]!);
  const at = end === undefined ? -1 : ids.indexOf(end);
  const shown = tokens === undefined && at >= 0 ? ids.slice(0, at + 1) : ids;
  const times = `The decoder was called ${chosen.length} time${chosen.length === 1 ? '' : 's'}`;
  const ended = tokens === undefined && at >= 0 ? ', its end' : end !== undefined && tokens === undefined ? ', without an end' : '';
  return `${times}${tokens === undefined ? '' : ' with given tokens'}; it chose ${shown.slice(0, 40).join(' ')}${shown.length > 40 ? ' …' : ''}${ended}${rows > 1 ? ` for sequence 0 of ${rows}` : ''}.`;
}

/** What is to be said where the joined model gives other numbers than the two files that were called in turn. */
function differing(run: ForeignRun, { outputs }: JoinedPair, calls: PairCalls): string[] {
  return [...outputs].flatMap(([name, { output, isStacked }]) => {
    const each = calls.outputs.map((call) => call[output]!);
    if (new Set(each.map(({ dims }) => dims.join())).size > 1) return [];
    const expected = isStacked ? stacked(each) : concatenated(each.slice(-1), 0);
    const found = run.outputs[name]!;
    if (!expected.type.startsWith('float') || expected.type === 'float16') return [];
    let [most, difference] = [0, 0];
    expected.data.forEach((value: number | bigint, k: number) => {
      most = Math.max(most, Math.abs(Number(value)));
      difference = Math.max(difference, Math.abs(Number(value) - Number(found.data[k])));
    });
    if (found.data.length === expected.data.length && !(difference > 1e-5 * Math.max(1, most))) return [];
    return [`${output} of the two files, called in turn, differs from that of both as one model by ${difference.toExponential(1)}.`];
  });
}
