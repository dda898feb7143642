// The gradient of an objective on an output of the untouched model, back to the states of every recurrent part: through ordinary operators as ONNX
// models of their own (gradients/), through each part by its replayed cells, segment by segment from the end to the beginning.

import { encodeModel, type ModelProto } from '../onnx/proto.ts';
import type { Runtime, Tensor } from '../runtime/runtime.ts';
import { RuntimeEvaluator } from '../tracing/evaluator.ts';
import { type BackwardModel, backward } from './gradients/backward.ts';
import { type PlacedOperator, placedParts } from './gradients/placed.ts';
import { segments } from './gradients/segments.ts';
import { unfold, valuesOf } from './gradients/unfolding.ts';
import type { BoundPart, RecurrentPart } from './part.ts';
import { replay } from './replay.ts';
import type { RanPart } from './session.ts';

export interface OutputGradient {
  /** Cotangents by the values of the model that were wanted, and outputs of parts that are operators at its top. */
  readonly cotangents: ReadonlyMap<string, Tensor>;
  /** Cotangents with which the gradients of a part begin (PartGradient.seed). */
  of(bound: BoundPart): ReadonlyMap<string, Tensor>;
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

/** Throws GradientError and RuntimeFailure. */
export async function outputGradient(runtime: Runtime, request: GradientRequest): Promise<OutputGradient> {
  const { model, output, cotangent } = request;
  const unfolding = await unfold(runtime, model, request.feeds, [output.name]);
  const placed = placedParts(request.ran, unfolding);
  const { inside, opaque } = placed;
  const flat = unfolding.model;
  // Inputs that the output does not depend on are gone.
  const wanted = [
    ...new Set([...request.wanted.filter((name) => flat.graph.input.some((input) => input.name === name)), ...inside.keys()]),
  ];
  const asked = { wanted, opaque, inside: (value: string) => inside.get(value) };
  const plan = segments(flat, { ...asked, cotangents: [output.name], visit: () => true });
  const steps = plan
    .filter(({ cotangents, wanted: targets }) => cotangents.length > 0 && targets.length > 0)
    .map((segment) => ({ ...segment, backward: backward(flat, { ...asked, cotangents: segment.cotangents, wanted: segment.wanted }) }));
  const values = await forwardValues(runtime, flat, request.feeds, [...new Set(steps.flatMap((step) => step.backward.needs))]);
  const found = new Map<string, Tensor>();
  const missing = new Set<string>(unfolding.left);
  const add = (name: string, tensor: Tensor): void => {
    const known = found.get(name);
    found.set(name, known === undefined ? tensor : sum(known, tensor));
  };
  for (const { part, cotangents } of plan) {
    request.signal?.throwIfAborted();
    // What a part gives its inputs, and not the sums so far.
    const own = part === undefined ? new Map([[output.name, cotangent]]) : await throughPart(runtime, placed.operators.get(part)!, found);
    const step = steps.find((each) => each.part === part);
    if (step === undefined) {
      for (const name of cotangents) if (wanted.includes(name) && own.has(name)) add(name, own.get(name)!);
      continue;
    }
    for (const { operator, node, why, blocks } of step.backward.missing)
      if (blocks.length > 0) missing.add(`${operator} “${node.name || node.output[0] || ''}” has no gradient here: ${why}.`);
    for (const [name, tensor] of await back(runtime, step.backward, own, values)) add(name, tensor);
  }
  return { cotangents: found, of: (bound) => placed.cotangentsOf(bound, found), missing: [...missing] };
}

/** Runs the model of a segment. */
async function back(
  runtime: Runtime,
  { model, needs, given, gradients, outside }: BackwardModel,
  own: ReadonlyMap<string, Tensor>,
  values: ReadonlyMap<string, Tensor>,
): Promise<Map<string, Tensor>> {
  const found = new Map<string, Tensor>();
  const wanted = [...gradients, ...outside];
  if (wanted.length === 0) return found;
  const session = await runtime.open(encodeModel(model), { device: 'cpu', frugal: true });
  try {
    const feeds: Record<string, Tensor> = {};
    for (const name of needs) if (session.inputs.includes(name)) feeds[name] = values.get(name)!;
    for (const [value, input] of given) if (session.inputs.includes(input)) feeds[input] = own.get(value)!;
    const outputs = await session.compute(feeds);
    for (const [value, name] of wanted) found.set(value, outputs[name]!);
  } finally {
    await session.release();
  }
  return found;
}

/** From the cotangents of a part's outputs to those of its inputs, by the gradients of its replayed cells; by their names in the unfolded model. */
async function throughPart(
  runtime: Runtime,
  placed: PlacedOperator,
  found: ReadonlyMap<string, Tensor>,
): Promise<ReadonlyMap<string, Tensor>> {
  const { part, bound, gradient } = placed;
  const { lengths } = bound;
  const cotangents = placed.given(found);
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
  return placed.named(gradient.back((run, item, input) => inputs.get(`${run} ${item} ${input}`)));
}

/** A part alone, whose gradients begin with cotangents of its outputs. */
export async function replaySeeded(
  runtime: Runtime,
  part: RecurrentPart,
  bound: BoundPart,
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

/** Values of the model. */
async function forwardValues(
  runtime: Runtime,
  model: ModelProto,
  feeds: Readonly<Record<string, Tensor>>,
  names: readonly string[],
): Promise<Map<string, Tensor>> {
  const values = new Map<string, Tensor>(names.flatMap((name) => (feeds[name] === undefined ? [] : [[name, feeds[name]] as const])));
  const others = names.filter((name) => !values.has(name));
  const scope = { graph: model.graph };
  const found = await valuesOf(
    runtime,
    model,
    feeds,
    others.map((name) => ({ scope, name, type: 'float32' })),
  );
  others.forEach((name, k) => {
    values.set(name, found[k]!);
  });
  return values;
}

function sum(a: Tensor, b: Tensor): Tensor {
  const [left, right] = [a.data as Float32Array, b.data as Float32Array];
  return { ...a, data: left.map((each, k) => each + right[k]!) };
}
