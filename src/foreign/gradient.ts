// The gradient of an objective on an output of the untouched model, back to the states of every recurrent part: through ordinary operators as ONNX
// models of their own (gradients/), through each part by its replayed cells, segment by segment from the end to the beginning.

import { encodeModel, type ModelProto } from '../onnx/proto.ts';
import type { Runtime, Tensor } from '../runtime/runtime.ts';
import { RuntimeEvaluator } from '../tracing/evaluator.ts';
import { type BackwardModel, backward } from './gradients/backward.ts';
import { GradientError } from './gradients/order.ts';
import { type PlacedOperator, placedParts } from './gradients/placed.ts';
import { segments } from './gradients/segments.ts';
import { sizesOf, type Unfolding, unfold, valuesOfCalls } from './gradients/unfolding.ts';
import { type BoundPart, callKey, type RecurrentPart } from './part.ts';
import { replay } from './replay.ts';
import type { RanPart } from './session.ts';

export interface OutputGradient {
  /** Cotangents by the values of the model that were wanted, and outputs of parts that are operators at its top; of several calls by `callKey`. */
  readonly cotangents: ReadonlyMap<string, Tensor>;
  /** Cotangents with which the gradients of a part begin (PartGradient.seed). */
  of(bound: BoundPart): ReadonlyMap<string, Tensor>;
  /** What has no gradient, and what loses one by it; sentences. */
  readonly missing: readonly string[];
}

type Feeds = Readonly<Record<string, Tensor>>;

export interface GradientRequest {
  readonly model: ModelProto;
  /** One, or as many as the model was called with its states handed on. */
  readonly calls: readonly Feeds[];
  /** Which output of a call is which input of the next. */
  readonly states?: readonly { readonly input: string; readonly output: string }[];
  readonly ran: readonly RanPart[];
  readonly output: string;
  /** Derivative of the objective by the output of each call, in its shape; undefined of a call that the objective does not look at. */
  readonly cotangents: readonly (Tensor | undefined)[];
  /** Values whose cotangents are wanted beside those of the parts: inputs of the model. */
  readonly wanted: readonly string[];
  readonly signal?: AbortSignal;
}

/** Throws GradientError and RuntimeFailure. */
export async function outputGradient(runtime: Runtime, request: GradientRequest): Promise<OutputGradient> {
  const { calls, output } = request;
  // Whole numbers that are handed on have no gradient.
  const carried = (calls.length > 1 ? (request.states ?? []) : []).filter(({ input }) => calls[0]![input]?.type.startsWith('float'));
  const targets = [...new Set([output, ...carried.map((state) => state.output)])];
  const unfolding = await unfoldAll(runtime, request, targets);
  const placed = placedParts(request.ran, unfolding, calls.length);
  const { inside, opaque } = placed;
  const flat = unfolding.model;
  // Inputs that nothing depends on are gone.
  const inputs = new Set(flat.graph.input.map(({ name }) => name));
  const states = carried.filter(({ input }) => inputs.has(input));
  const wanted = [
    ...new Set([...request.wanted.filter((name) => inputs.has(name)), ...states.map(({ input }) => input), ...inside.keys()]),
  ];
  const dims = await sizesOf(runtime, flat, calls[0]!);
  const asked = { wanted, opaque, dims, inside: (value: string) => inside.get(value) };
  const missing = new Set<string>(unfolding.left);
  const handed = states.map((state) => state.output);
  const plan = segments(flat, { ...asked, cotangents: [...new Set([output, ...handed])], visit: () => true });
  // What is handed on goes back into the operators of a segment from behind it.
  const all = [...new Set([...wanted, ...plan.flatMap((segment) => segment.wanted)])];
  const steps = plan.map(({ part, cotangents: given, wanted: own }): Step => {
    const operator = part === undefined ? undefined : placed.operators.get(part)!;
    const known = given.filter((name) => operator === undefined || operator.inputs.has(name));
    for (const name of given)
      if (!known.includes(name))
        missing.add(`${operator!.part.title || operator!.part.name} has no gradient by its weights, and “${name}” is one.`);
    const cotangents = [...new Set([...known, ...handed])];
    const targeted = states.length > 0 ? all : own;
    const isIdle = cotangents.length === 0 || targeted.length === 0;
    return { operator, backward: isIdle ? undefined : backward(flat, { ...asked, cotangents, wanted: targeted }) };
  });
  const needs = [...new Set(steps.flatMap((step) => step.backward?.needs ?? []))];
  // Of a call that the objective does not look at, cotangents are zeros of the size of their values.
  const given = calls.length === 1 ? [] : steps.flatMap((step) => [...(step.backward?.given.keys() ?? [])]);
  const values = await forwardValues(runtime, flat, calls, [...new Set([...needs, ...given])]);
  const found = new Map<string, Tensor>();
  const passed = new Set<string>();
  const add = (name: string, call: number, tensor: Tensor): void => {
    // A part that has been gone through is not gone through again.
    if (!passed.has(name)) plus(found, callKey(name, call), tensor);
    else if (!isZero(tensor))
      missing.add(`“${name}” has a way back to itself over the calls, beside its state: the gradient by that way is missing.`);
  };
  for (const { operator, backward: made } of steps) {
    request.signal?.throwIfAborted();
    // What a part gives its inputs, and not the sums so far.
    const own = operator === undefined ? objectives(request) : await throughPart(runtime, operator, found);
    for (const name of operator?.outputs ?? []) passed.add(name);
    if (made === undefined) continue;
    for (const { operator: title, node, why, blocks } of made.missing)
      if (blocks.length > 0) missing.add(`${title} “${node.name || node.output[0] || ''}” has no gradient here: ${why}.`);
    await throughOperators(runtime, made, { states, own, values, add });
  }
  return { cotangents: found, of: (bound) => placed.cotangentsOf(bound, found), missing: [...missing] };
}

interface Step {
  /** What its cotangents come from; undefined of the objective. */
  readonly operator: PlacedOperator | undefined;
  readonly backward: BackwardModel | undefined;
}

/** The model of the first call without branches and loops. Throws GradientError where another call ran other ones. */
async function unfoldAll(runtime: Runtime, { model, calls }: GradientRequest, of: readonly string[]): Promise<Unfolding> {
  const first = await unfold(runtime, model, calls[0]!, of);
  if (!model.graph.node.some(({ attribute }) => attribute.some(({ g }) => g !== undefined))) return first;
  const ran = ({ model: flat }: Unfolding): string => flat.graph.node.map(({ output }) => output.join()).join('\n');
  for (const [call, feeds] of calls.entries())
    if (call > 0 && ran(await unfold(runtime, model, feeds, of)) !== ran(first))
      throw new GradientError(`Call ${call} ran other branches or loops than the first: there is no gradient through such calls.`);
  return first;
}

const objectives = ({ output, cotangents }: GradientRequest): Map<string, Tensor> =>
  new Map(cotangents.flatMap((cotangent, call) => (cotangent === undefined ? [] : [[callKey(output, call), cotangent] as const])));

interface SegmentRun {
  readonly states: NonNullable<GradientRequest['states']>;
  /** What comes into the segment, by `callKey`. */
  readonly own: ReadonlyMap<string, Tensor>;
  /** Of each call. */
  readonly values: readonly ReadonlyMap<string, Tensor>[];
  add(name: string, call: number, tensor: Tensor): void;
}

/** Goes through the operators of a segment call by call from the last; what an input state gets goes to the output of the call before. */
async function throughOperators(runtime: Runtime, made: BackwardModel, { states, own, values, add }: SegmentRun): Promise<void> {
  const { model, needs, given, gradients, outside } = made;
  const wanted = [...gradients, ...outside];
  if (wanted.length === 0) return;
  const session = await runtime.open(encodeModel(model), { device: 'cpu', frugal: true, optimise: 'disabled' });
  try {
    let carried = new Map<string, Tensor>();
    for (let call = values.length - 1; call >= 0; call -= 1) {
      const known = values[call]!;
      const cotangents = carried;
      carried = new Map();
      for (const name of given.keys()) plus(cotangents, name, own.get(callKey(name, call)));
      if (cotangents.size === 0) continue;
      const feeds: Record<string, Tensor> = {};
      for (const name of needs) if (session.inputs.includes(name)) feeds[name] = known.get(name)!;
      for (const [name, input] of given)
        if (session.inputs.includes(input)) feeds[input] = cotangents.get(name) ?? zerosLike(known.get(name)!);
      const outputs = await session.compute(feeds);
      for (const [name, output] of wanted) {
        const tensor = outputs[output]!;
        const state = call === 0 ? undefined : states.find(({ input }) => input === name);
        if (state === undefined) add(name, call, tensor);
        // A state may come out in another shape than it goes in.
        else if (!isZero(tensor))
          plus(carried, state.output, { ...tensor, dims: values[call - 1]!.get(state.output)?.dims ?? tensor.dims });
      }
    }
  } finally {
    await session.release();
  }
}

function plus(all: Map<string, Tensor>, name: string, tensor: Tensor | undefined): void {
  const before = all.get(name);
  if (tensor !== undefined) all.set(name, before === undefined ? tensor : sum(before, tensor));
}

const isZero = ({ data }: Tensor): boolean => (data as Float32Array).every((each) => each === 0);

/** Zeros as a cotangent: that of half precision is float32. */
const zerosLike = ({ type, dims, data }: Tensor): Tensor =>
  type === 'float64' ? { type, dims, data: new Float64Array(data.length) } : { type: 'float32', dims, data: new Float32Array(data.length) };

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

/** Values of each call of the model. */
async function forwardValues(
  runtime: Runtime,
  model: ModelProto,
  calls: readonly Feeds[],
  names: readonly string[],
): Promise<ReadonlyMap<string, Tensor>[]> {
  const others = names.filter((name) => calls[0]![name] === undefined);
  const scope = { graph: model.graph };
  const wanted = others.map((name) => ({ scope, name, type: 'float32' as const }));
  const found = await valuesOfCalls(runtime, model, calls, wanted);
  return calls.map(
    (feeds, call) =>
      new Map([
        ...names.flatMap((name) => (feeds[name] === undefined ? [] : [[name, feeds[name]] as const])),
        ...others.map((name, k) => [name, found[call]![k]!] as const),
      ]),
  );
}

function sum(a: Tensor, b: Tensor): Tensor {
  const [left, right] = [a.data as Float32Array, b.data as Float32Array];
  return { ...a, data: left.map((each, k) => each + right[k]!) };
}
