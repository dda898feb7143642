// The gradient of an objective on an output of the untouched model, back to the states of every recurrent part: through ordinary operators as ONNX
// models of their own (gradients/), through each part by its replayed cells, segment by segment from the end to the beginning.

import { encodeModel, type ModelProto, type NodeProto } from '../onnx/proto.ts';
import type { Runtime, Tensor } from '../runtime/runtime.ts';
import { RuntimeEvaluator } from '../tracing/evaluator.ts';
import { type BackwardModel, backward } from './gradients/backward.ts';
import { segments } from './gradients/segments.ts';
import { instrumented } from './instrument.ts';
import type { BoundPart, PartGradient, RecurrentPart } from './part.ts';
import { replay } from './replay.ts';
import { runnable } from './runnable.ts';
import type { RanPart } from './session.ts';

export interface OutputGradient {
  /** Cotangents by the values of the model: outputs of parts, and what was wanted beside. */
  readonly cotangents: ReadonlyMap<string, Tensor>;
  /** What has no gradient, and what loses one by it; sentences. */
  readonly missing: readonly string[];
}

export interface GradientRequest {
  readonly model: ModelProto;
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly ran: readonly RanPart[];
  readonly output: { readonly name: string; readonly tensor: Tensor };
  /** Derivative of the objective by the output, in its shape. */
  readonly cotangent: Tensor;
  /** Values whose cotangents are wanted beside those of the parts: inputs of the model. */
  readonly wanted: readonly string[];
  readonly signal?: AbortSignal;
}

type Differentiable = RanPart & { readonly bound: BoundPart & { readonly gradient: PartGradient } };

/** Throws GradientError and RuntimeFailure. */
export async function outputGradient(runtime: Runtime, request: GradientRequest): Promise<OutputGradient> {
  const { model, output, cotangent, wanted } = request;
  // Parts in bodies, and such that cannot be gone through, are left to the rules of the operators: these say what is missing.
  const parts = request.ran.filter(
    (each): each is Differentiable => each.bound.gradient !== undefined && each.part.scope.owner === undefined,
  );
  const byNode = new Map<NodeProto, Differentiable>(parts.map((each) => [each.part.nodes[0]!, each]));
  const opaque = (node: NodeProto): boolean => byNode.has(node);
  const plan = segments(model, { cotangents: [output.name], wanted, opaque, visit: () => true });
  const steps = plan
    .filter(({ cotangents, wanted: targets }) => cotangents.length > 0 && targets.length > 0)
    .map((segment) => ({ ...segment, backward: backward(model, { cotangents: segment.cotangents, wanted: segment.wanted, opaque }) }));
  const values = await forwardValues(runtime, request, [...new Set(steps.flatMap((step) => step.backward.needs))]);
  const found = new Map<string, Tensor>();
  const missing = new Set<string>();
  const add = (name: string, tensor: Tensor): void => {
    const known = found.get(name);
    found.set(name, known === undefined ? tensor : sum(known, tensor));
  };
  for (const { part, cotangents } of plan) {
    request.signal?.throwIfAborted();
    // What a part gives its inputs, and not the sums so far.
    const own = part === undefined ? new Map([[output.name, cotangent]]) : await throughPart(runtime, byNode.get(part)!, found);
    const step = steps.find((each) => each.part === part);
    if (step === undefined) {
      for (const name of cotangents) if (wanted.includes(name) && own.has(name)) add(name, own.get(name)!);
      continue;
    }
    for (const { operator, node, why, blocks } of step.backward.missing)
      if (blocks.length > 0) missing.add(`${operator} “${node.name || node.output[0] || ''}” has no gradient here: ${why}.`);
    for (const [name, tensor] of await back(runtime, step.backward, own, values)) add(name, tensor);
  }
  return { cotangents: found, missing: [...missing] };
}

/** Runs the model of a segment. */
async function back(
  runtime: Runtime,
  { model, needs, given, gradients }: BackwardModel,
  own: ReadonlyMap<string, Tensor>,
  values: ReadonlyMap<string, Tensor>,
): Promise<Map<string, Tensor>> {
  const found = new Map<string, Tensor>();
  if (gradients.size === 0) return found;
  const session = await runtime.open(encodeModel(model), { device: 'cpu', frugal: true });
  try {
    const feeds: Record<string, Tensor> = {};
    for (const name of needs) if (session.inputs.includes(name)) feeds[name] = values.get(name)!;
    for (const [value, input] of given) if (session.inputs.includes(input)) feeds[input] = own.get(value)!;
    const outputs = await session.compute(feeds);
    for (const [value, name] of gradients) found.set(value, outputs[name]!);
  } finally {
    await session.release();
  }
  return found;
}

/** From the cotangents of a part's outputs to those of its inputs, by the gradients of its replayed cells. */
async function throughPart(
  runtime: Runtime,
  { part, bound }: Differentiable,
  cotangents: ReadonlyMap<string, Tensor>,
): Promise<ReadonlyMap<string, Tensor>> {
  const { gradient, lengths } = bound;
  const inputs = new Map<string, Float32Array>();
  for (const steps of new Set(lengths)) {
    if (steps === 0) continue;
    const items = [...lengths.keys()].filter((item) => lengths[item] === steps);
    const replayed = await replaySeeded(runtime, part, bound, items, cotangents);
    try {
      // Both directions may read one input: its cotangent is the sum of theirs, and counts once.
      const seen = new Set<string>();
      for (const [place, { inputs: names, run }] of replayed.source.runs.entries()) {
        const own = [...names].filter(([, name]) => !seen.has(name));
        const read = await replayed.trace.read({
          addresses: own.map(([, name]) => ({ instance: '', line: name })),
          from: 0,
          to: steps,
          gradient: true,
        });
        for (const [k, [input, name]] of own.entries()) {
          seen.add(name);
          const isHeld = run.cell.held.some((each) => each.name === input);
          items.forEach((item, b) => {
            inputs.set(`${place} ${item} ${input}`, ofItem(read[k]!, isHeld ? 1 : steps, items.length, b));
          });
        }
      }
    } finally {
      await replayed.trace.close();
    }
  }
  return gradient.back((run, item, input) => inputs.get(`${run} ${item} ${input}`));
}

/** A part alone, whose gradients begin with cotangents of its outputs. */
export async function replaySeeded(
  runtime: Runtime,
  part: RecurrentPart,
  bound: BoundPart & { readonly gradient: PartGradient },
  items: readonly number[],
  cotangents: ReadonlyMap<string, Tensor>,
): ReturnType<typeof replay> {
  const evaluator = new RuntimeEvaluator(runtime, { B: items.length });
  const request = { id: 0, title: part.name, model: 'Part', file: part.name, uri: '/part.rnn', parts: [{ part, bound, items }] };
  return replay({ ...request, cotangents: () => cotangents }, evaluator).catch(async (error: unknown) => {
    await evaluator.close();
    throw error;
  });
}

/** One sequence of [T, B, ...]. */
function ofItem(data: Float32Array, steps: number, batch: number, item: number): Float32Array {
  const width = data.length / steps / batch;
  const result = new Float32Array(steps * width);
  for (let t = 0; t < steps; t += 1) result.set(data.subarray((t * batch + item) * width, (t * batch + item + 1) * width), t * width);
  return result;
}

/** Values of the untouched model. */
async function forwardValues(runtime: Runtime, { model, feeds }: GradientRequest, names: readonly string[]): Promise<Map<string, Tensor>> {
  const values = new Map<string, Tensor>(names.flatMap((name) => (feeds[name] === undefined ? [] : [[name, feeds[name]] as const])));
  const others = names.filter((name) => !values.has(name));
  if (others.length === 0) return values;
  const { model: open, outputs } = instrumented(
    model,
    others.map((name) => ({ scope: { graph: model.graph }, name, type: 'float32' as const })),
  );
  const session = await runtime.open(encodeModel(runnable(open)), { device: 'cpu', frugal: true });
  try {
    const found = await session.compute(feeds, [...new Set(outputs.map(({ name }) => name))]);
    others.forEach((name, k) => {
      values.set(name, found[outputs[k]!.name]!);
    });
  } finally {
    await session.release();
  }
  return values;
}

function sum(a: Tensor, b: Tensor): Tensor {
  const [left, right] = [a.data as Float32Array, b.data as Float32Array];
  return { ...a, data: left.map((each, k) => each + right[k]!) };
}
