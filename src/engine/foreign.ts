// The requests about ONNX models of others: what is in one, its parts over an input as arrays, and whether they are what the model computes.

import { setImmediate } from 'node:timers/promises';
import { type NamedArray, type NumericArray, npz } from '../data/npz.ts';
import type { Reading } from '../data/text-stream.ts';
import { arranged } from '../foreign/attention/layout.ts';
import { type Factor, sizeOfAxis } from '../foreign/axes/axis.ts';
import type { OutputGradient } from '../foreign/gradient.ts';
import { ForeignModel, type ForeignRun, seedOf } from '../foreign/model.ts';
import { nodeText } from '../foreign/operators/recurrent-operator.ts';
import { openAndRun } from '../foreign/pairs/open.ts';
import { callKey, type RecurrentPart } from '../foreign/part.ts';
import type { Parity, ReplayedParts } from '../foreign/replay.ts';
import { groupsOf, type PartGroup, replayGroup, worstParity } from '../foreign/session.ts';
import type { NodeProto } from '../onnx/proto.ts';
import type { Runtime, Tensor } from '../runtime/runtime.ts';
import type { ForeignInfo, ForeignInput, PartParity } from '../shared/foreign.ts';
import type { OutputObjective } from '../shared/objective.ts';
import type { LineDescription } from '../shared/trace.ts';
import { replaceFile } from '../training/files.ts';
import { axesAlong } from './chosen-sequence.ts';
import type { NodeByNodeRequest } from './requests.ts';

export interface ForeignTraceRequest {
  readonly file: string;
  readonly input: ForeignInput;
  /** The .npz file to write. */
  readonly out: string;
  /** Also the gradient of this output for each value, as `part/value.gradient`. */
  readonly gradient?: OutputObjective;
}

export interface ForeignTraceResult extends VerifyResult {
  readonly arrays: number;
}

export interface VerifyResult {
  readonly parity: readonly PartParity[];
  /** Parts without values, and why. */
  readonly idle: readonly { readonly part: string; readonly why: string }[];
  /** What is recurrent and cannot be replayed. */
  readonly refused: ForeignInfo['refused'];
  readonly dimensions: Readonly<Record<string, number>>;
  readonly remarks: readonly string[];
}

export async function inspect(file: string, runtime: Runtime, reading?: Reading): Promise<ForeignInfo> {
  return (await ForeignModel.open(file, runtime, reading)).info;
}

/** Runs a model and writes every line of every part: `part/value` [T, B, H], and the model's own outputs. */
export async function traceForeign(
  { file, input, out, gradient }: ForeignTraceRequest,
  runtime: Runtime,
  reading: Reading,
): Promise<ForeignTraceResult> {
  const { model, run } = await openAndRun(file, input, runtime, reading, true);
  try {
    const back = gradient === undefined ? undefined : await model.gradient(run, gradient, reading);
    const more = back === undefined ? {} : { cotangents: back.of };
    const parity: Parity[] = [];
    let arrays = 0;
    async function* all(): AsyncGenerator<NamedArray> {
      for (const [name, tensor] of Object.entries(run.outputs)) {
        arrays += 1;
        yield [name, arrayOf(tensor)];
      }
      for (const array of back === undefined ? [] : ofInputs(run, back)) {
        arrays += 1;
        yield array;
      }
      const groups = groupsOf(run.ran);
      const names = model.axes(run.calls[0]);
      const along = input.over === undefined ? undefined : axesAlong(names, run.ran, input.over);
      for (const group of groups) {
        reading.signal?.throwIfAborted();
        const replayed = await replayGroup(model.evaluators, group, { ...requestOf(model), ...more });
        try {
          parity.push(...replayed.parity);
          for await (const [name, array, part] of linesOf(replayed, group, run, back !== undefined)) {
            arrays += 1;
            const axis = along?.get(part);
            const isWhole = axis !== undefined && group.items.length === sizeOfAxis(names.of(part)!.sequences);
            yield [name, isWhole ? turned(array, names.of(part)!.sequences, axis) : array];
          }
        } finally {
          await replayed.trace.close();
        }
      }
    }
    await replaceFile(out, npz(all()));
    const result = resultOf(model, run, parity);
    return { arrays, ...result, remarks: [...result.remarks, ...(back?.missing ?? [])] };
  } finally {
    await model.release();
  }
}

/** Replays every part on random input, beside the untouched model. */
export async function verify(
  { file, seed, dimensions }: { readonly file: string; readonly seed: number; readonly dimensions?: Readonly<Record<string, number>> },
  runtime: Runtime,
  reading: Reading,
): Promise<VerifyResult> {
  const model = await ForeignModel.open(file, runtime, reading);
  try {
    const run = await model.runUsual(seed, dimensions === undefined ? {} : { dimensions }, reading);
    const parity: Parity[] = [];
    for (const group of groupsOf(run.ran)) {
      reading.signal?.throwIfAborted();
      const replayed = await replayGroup(model.evaluators, group, requestOf(model));
      parity.push(...replayed.parity);
      await replayed.trace.close();
    }
    return resultOf(model, run, parity);
  } finally {
    await model.release();
  }
}

/** Runs a model node by node. `tell` has said it before the node begins. */
export async function nodeByNode(
  { file, input, seed = 1, dimensions }: NodeByNodeRequest,
  runtime: Runtime,
  tell: (text: string) => void,
  reading: Reading,
): Promise<void> {
  const model = await ForeignModel.open(file, runtime, reading);
  try {
    const made = input === undefined ? seed : seedOf(input);
    const usual = made === undefined ? {} : model.usual(made);
    const own = { ...input, ...usual, dimensions: { ...usual.dimensions, ...input?.dimensions, ...dimensions } };
    const before = async (node: NodeProto): Promise<void> => {
      tell(nodeText(node));
      // What is told must be out before the process ends.
      await setImmediate();
    };
    await model.runNodeByNode(own, before, reading);
  } finally {
    await model.release();
  }
}

const requestOf = (model: ForeignModel) => ({ id: 0, title: model.name, model: 'Parts', file: model.name, uri: `${model.file.path}.rnn` });

/** As plain data. */
export const partParity = ({ value, ...rest }: Parity): PartParity => ({ ...rest, ...(value === undefined ? {} : { value }) });

const resultOf = ({ refused }: ForeignModel, { idle, dimensions, remarks }: ForeignRun, parity: readonly Parity[]): VerifyResult => ({
  refused,
  parity: worstParity(parity).map(partParity),
  idle: idle.map(({ part, why }) => ({ part: part.name, why })),
  dimensions,
  remarks,
});

/** Timesteps read at once. */
const WINDOW = 1024;

/** Of parts that ran several times or with sequences of several lengths, the names say which. */
async function* linesOf(
  { trace, source }: ReplayedParts,
  group: PartGroup,
  run: ForeignRun,
  gradients: boolean,
): AsyncGenerator<readonly [...NamedArray, RecurrentPart]> {
  for (const { part, run: cell, line } of source.runs) {
    const again = run.ran.filter((each) => each.part === part);
    const own = group.parts.find((each) => each.part === part)!;
    const lengths = new Set(own.bound.lengths);
    const which = [
      ...(again.length > 1 ? [`run ${own.iteration}`] : []),
      ...(lengths.size > 1 ? [`sequences ${group.items.join(' ')}`] : []),
    ].map((each) => `[${each}]`);
    const suffix = cell.direction === 'reverse' ? '.reverse' : '';
    const { lines } = trace.description.instances.find(({ path }) => path === line)!;
    const heads = part.weighing === undefined ? 1 : cell.cell.states.length;
    if (heads > 1) {
      for (const gradient of gradients && own.bound.gradient !== undefined ? [false, true] : [false])
        for await (const array of headsOf({ gradient, trace, line, lines, heads, group, title: `${part.name}${which.join('')}` }))
          yield [...array, part];
      continue;
    }
    for (const { name, shape } of lines) {
      const size = shape.reduce((product, each) => product * each, group.items.length);
      for (const gradient of gradients && own.bound.gradient !== undefined ? [false, true] : [false]) {
        const data = new Float32Array(group.steps * size);
        for (let from = 0; from < group.steps; from += WINDOW) {
          const to = Math.min(from + WINDOW, group.steps);
          const [values] = await trace.read({ addresses: [{ instance: line, line: name }], from, to, gradient });
          data.set(values!, from * size);
        }
        const title = `${part.name}${which.join('')}/${name.replace("'", '')}${suffix}${gradient ? '.gradient' : ''}`;
        yield [title, { shape: [group.steps, group.items.length, ...shape], data }, part];
      }
    }
  }
}

/** The gradient for each input of the model; of the frames of a streamed one [calls, ...], and of its states as they start. */
function* ofInputs({ calls, streamed }: ForeignRun, { cotangents }: OutputGradient): Generator<NamedArray> {
  for (const [name, { type, dims, data }] of Object.entries(calls[0]!)) {
    if (!type.startsWith('float')) continue;
    const isFrame = streamed?.rule.state.every(({ input }) => input !== name) ?? false;
    const whole = new Float32Array((isFrame ? calls.length : 1) * data.length);
    for (let call = 0; call * data.length < whole.length; call += 1)
      whole.set((cotangents.get(callKey(name, call))?.data as Float32Array) ?? [], call * data.length);
    yield [`${name}.gradient`, { shape: isFrame ? [calls.length, ...dims] : dims, data: whole }];
  }
}

/** [T, B, ...] with an axis of its sequences for time: [frames, (others by steps), ...], as `--item` numbers them. */
function turned({ shape, data, ...rest }: NumericArray, sequences: readonly Factor[], axis: number): NumericArray {
  const [steps, , ...own] = shape as [number, number, ...number[]];
  const names = [...sequences.keys()].map((k) => `sequence ${k}`);
  const others = names.filter((_, k) => k !== axis);
  const sizes = new Map([...names.map((name, k) => [name, sequences[k]!.size] as const), ['step', steps], ['own', sizeOf(own)]]);
  const tensor: Tensor = { type: 'float32', dims: [steps, ...sequences.map(({ size }) => size), sizeOf(own)], data: data as Float32Array };
  const result = arranged(tensor, ['step', ...names, 'own'], [names[axis]!, ...others, 'step', 'own'], sizes);
  const time = sequences[axis]!.size;
  return { ...rest, shape: [time, result.length / time / sizeOf(own), ...own], data: result };
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, each) => product * each, 1);

/** Lines of the heads side by side: `part/weights` [T, B, heads, S], and `part/context`. */
async function* headsOf({ gradient, trace, line, lines, heads, group: { steps, items }, title }: HeadLines): AsyncGenerator<NamedArray> {
  for (let place = 0; place < lines.length / heads; place += 1) {
    // Each head has the same lines, one head behind the other.
    const own = Array.from({ length: heads }, (_, head) => lines[head * (lines.length / heads) + place]!);
    const width = own[0]!.shape.reduce((product, each) => product * each, 1);
    const data = new Float32Array(steps * items.length * heads * width);
    for (let from = 0; from < steps; from += WINDOW) {
      const to = Math.min(from + WINDOW, steps);
      const values = await trace.read({ addresses: own.map(({ name }) => ({ instance: line, line: name })), from, to, gradient });
      values.forEach((each, head) => {
        for (let row = 0; row < each.length / width; row += 1)
          data.set(each.subarray(row * width, (row + 1) * width), ((from * items.length + row) * heads + head) * width);
      });
    }
    const name = own[0]!.name.replace(/_0'?$/, '');
    yield [`${title}/${name}${gradient ? '.gradient' : ''}`, { shape: [steps, items.length, heads, ...own[0]!.shape], data }];
  }
}

interface HeadLines {
  readonly gradient: boolean;
  readonly trace: ReplayedParts['trace'];
  readonly line: string;
  readonly lines: readonly LineDescription[];
  readonly heads: number;
  readonly group: PartGroup;
  readonly title: string;
}

const arrayOf = ({ type, dims, data }: Tensor): NumericArray => ({
  shape: dims,
  data,
  ...(type === 'float16' || type === 'bool' ? { type } : {}),
});
