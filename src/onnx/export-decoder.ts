// A model that writes as ONNX files of standard operators: what is read once, one step, and both with a loop around the step that decodes greedily.

import type { Model } from '../graph/model.ts';
import type { Stepwise } from '../graph/stepwise.ts';
import { borderNames, decoderPorts, onceOutputs } from './decoder-ports.ts';
import { type ExportOptions, lowerForAll, metadataOf } from './export.ts';
import { operatorsOf } from './operators.ts';
import { encodeModel, type GraphProto, type ModelProto, type NodeProto, type TensorProto, type ValueInfo } from './proto.ts';
import { renamedNode } from './renamed.ts';
import { type AttributeValue, attribute, tensorProto, valueInfo } from './write.ts';

export interface DecoderToExport extends Stepwise {
  readonly classes: number;
  /** Names of the lines that a step gives behind the scores: `decoder.weights`. */
  readonly lines: readonly string[];
  /** What is read first; what ends a row, where something does; what is never chosen. */
  readonly begin: number;
  readonly end?: number;
  readonly never: readonly number[];
}

export interface ExportedDecoder {
  /** By the name of the file: `encoder.onnx`, `step.onnx`, `greedy.onnx`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly operators: readonly string[];
}

/** `encoder.onnx`: inputs of the model to `given_0`, ... and the first states `state_0`, ...; `step.onnx`: those and a `token` [B] (and its number `time`, from 0) to `scores`
 *  [B, classes], lines, and `next_state_0`, ...; `greedy.onnx`: inputs of the model and `length` (int64) to `tokens` [B, steps] (int32), padded with ‹end›.
 *  A model that looks back at all it wrote takes `token` [T, B], all so far. Of a model for rows of different lengths, `lengths(S)` [B] (int32) is an input too: how long
 *  each row is, padding excluded. Throws where a weight has no numbers. */
export function exportDecoder(model: Model, decoder: DecoderToExport, options: ExportOptions): ExportedDecoder {
  const { weights, ...about } = options;
  const { encoder, step } = lowered(model, decoder, weights);
  const metadata_props = metadataOf(model, about);
  const protos = { encoder, step, greedy: greedyModel(encoder, step, decoder, model) };
  return {
    files: new Map(Object.entries(protos).map(([name, proto]) => [`${name}.onnx`, encodeModel({ ...proto, metadata_props })])),
    operators: [...new Set(Object.values(protos).flatMap((proto) => Object.keys(operatorsOf(proto))))].sort(),
  };
}

/** `greedy.onnx` alone. */
export function exportGreedy(model: Model, decoder: DecoderToExport, weights: ExportOptions['weights']): Uint8Array {
  const { encoder, step } = lowered(model, decoder, weights);
  return encodeModel(greedyModel(encoder, step, decoder, model));
}

function lowered(model: Model, decoder: DecoderToExport, weights: ExportOptions['weights']): Record<'encoder' | 'step', ModelProto> {
  const own = new Map([
    ...model.inputs.map(({ name, value }) => [value, name] as const),
    ...model.states.map(({ name, before }) => [before, name] as const),
  ]);
  const border = borderNames(decoder);
  const { states, given, once, step, lines } = decoder;
  const first = [...given, ...states];
  const places = step.results.length - states.length;
  return {
    encoder: lowerForAll(model, once, {
      names: new Map([...border, ...own]),
      outputs: onceOutputs(decoder),
      weights,
      orderOf: (_, k) => first[k]!.type.axes,
    }),
    step: lowerForAll(model, step, {
      names: new Map([...own, ...border]),
      outputs: [decoderPorts.scores, ...lines, ...states.map((_, k) => decoderPorts.after(k))],
      weights,
      orderOf: (value, k) => (k < places ? value : states[k - places]!).type.axes,
    }),
  };
}

/** Nodes that are added, each with one output. */
class Nodes {
  readonly nodes: NodeProto[] = [];
  readonly #prefix: string;
  constructor(prefix: string) {
    this.#prefix = prefix;
  }
  add(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    output = `${this.#prefix}${op}_${this.nodes.length}`,
  ): string {
    const attributesOf = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    this.nodes.push({ op_type: op, name: output, input: [...inputs], output: [output], attribute: attributesOf });
    return output;
  }
}

/** The encoder, and a loop around the step: the best class of each row is its next token, until all rows have ended. */
function greedyModel(encoder: ModelProto, step: ModelProto, decoder: DecoderToExport, { weights }: Model): ModelProto {
  const { states, isPrefix, begin, end, never, classes } = decoder;
  const constants = [
    ...(isPrefix ? [tensorProto('int64', [1], [0], 'greedy/axis')] : []),
    tensorProto('int32', [], [begin], 'greedy/begin'),
    tensorProto('int32', [], [end ?? -1], 'greedy/end'),
    tensorProto('bool', [], [1], 'greedy/true'),
    tensorProto('bool', [], [0], 'greedy/false'),
    tensorProto(
      'float32',
      [classes],
      Array.from({ length: classes }, (_, id) => (never.includes(id) ? Number.NEGATIVE_INFINITY : 0)),
      'greedy/allowed',
    ),
  ];
  const prefixed = (name: string): string => `step/${name}`;
  // Weights stand once, outside; what the step is given is the encoder's. All else of the step has names of its own.
  const shared = new Set([...weights.map(({ name }) => name), ...decoder.given.map((_, k) => decoderPorts.given(k))]);
  const rename = (name: string): string => (name === '' || shared.has(name) ? name : prefixed(name));
  const known = new Set(encoder.graph.initializer.map(({ name }) => name));
  const moved = step.graph.initializer.filter(({ name }) => !(shared.has(name!) && known.has(name)));
  const initializer = [...encoder.graph.initializer, ...moved.map((each) => ({ ...each, name: rename(each.name!) }))];

  const main = new Nodes('greedy/');
  const body = new Nodes('body/');
  body.add('Cast', ['body/iteration'], { to: 6 }, prefixed(decoderPorts.time));
  const fixed = new Set([...initializer.map(({ name }) => name!), ...decoder.given.map((_, k) => decoderPorts.given(k))]);
  const leaving = new Set(states.map((_, k) => prefixed(decoderPorts.after(k))));
  for (const node of step.graph.node.map((each) => renamedNode(each, rename, true))) {
    // What is the same at each step is computed before the first.
    const isFixed = node.input.every((name) => name === '' || fixed.has(name)) && node.attribute.every(({ g }) => g === undefined);
    (isFixed && !node.output.some((name) => leaving.has(name)) ? main : body).nodes.push(node);
    if (main.nodes.includes(node)) for (const name of node.output) fixed.add(name);
  }
  const allowed = allowedScores(body, main, prefixed(decoderPorts.scores), fixed);
  const best = body.add('Cast', [bestOf(body, allowed, classes, constants)], { to: 6 });
  const token = body.add('Where', ['body/ended', 'greedy/end', best]);
  const ended = body.add('Or', ['body/ended', body.add('Equal', [token, 'greedy/end'])]);
  const all = body.add('ReduceMin', [body.add('Cast', [ended], { to: 6 })], { keepdims: 0 });
  const goes = body.add('Not', [body.add('Cast', [all], { to: 9 })]);
  const read = isPrefix
    ? body.add('Concat', [prefixed(decoderPorts.input), body.add('Unsqueeze', [token, 'greedy/axis'])], { axis: 0 })
    : token;
  const written = body.add('Identity', [token]);
  const info = (name: string): ValueInfo => ({ ...step.graph.input.find((each) => each.name === name)!, name: prefixed(name) });
  const loopBody: GraphProto = {
    name: 'step',
    node: body.nodes,
    initializer: [],
    input: [
      valueInfo('body/iteration', 'int64', []),
      valueInfo('body/condition', 'bool', []),
      valueInfo(prefixed(decoderPorts.input), 'int32'),
      valueInfo('body/ended', 'bool', ['B']),
      ...states.map((_, k) => info(decoderPorts.state(k))),
    ],
    output: [
      valueInfo(goes, 'bool', []),
      valueInfo(read, 'int32'),
      valueInfo(ended, 'bool', ['B']),
      ...states.map((_, k) => ({ ...info(decoderPorts.state(k)), name: prefixed(decoderPorts.after(k)) })),
      valueInfo(written, 'int32', ['B']),
    ],
  };

  const rows = rowsOf(encoder.graph, main);
  const begun = main.add('Expand', ['greedy/begin', rows]);
  const firstToken = isPrefix ? main.add('Unsqueeze', [begun, 'greedy/axis']) : begun;
  const open = main.add('Expand', ['greedy/false', rows]);
  const outputs = ['greedy/last', 'greedy/ended', ...states.map((_, k) => `greedy/state_${k}`), 'greedy/written'];
  main.nodes.push({
    op_type: 'Loop',
    name: 'greedy',
    input: ['length', 'greedy/true', firstToken, open, ...states.map((_, k) => decoderPorts.state(k))],
    output: outputs,
    attribute: [attribute('body', loopBody)],
  });
  main.add('Transpose', ['greedy/written'], { perm: [1, 0] }, 'tokens');
  return {
    ...encoder,
    graph: {
      name: encoder.graph.name,
      node: [...encoder.graph.node, ...main.nodes],
      initializer: [...initializer, ...constants],
      input: [...encoder.graph.input, valueInfo('length', 'int64', [])],
      output: [valueInfo('tokens', 'int32', ['B', 'steps'])],
    },
  };
}

/** Scores with minus infinity where a class is never chosen: added to the bias of the last product, where that is where they come from, before the first step. */
function allowedScores(body: Nodes, main: Nodes, scores: string, fixed: ReadonlySet<string>): string {
  const maker = (name: string): NodeProto | undefined => body.nodes.find(({ output }) => output.includes(name));
  const readers = (name: string): number => body.nodes.filter(({ input }) => input.includes(name)).length;
  const last = maker(scores);
  const [product] = last?.op_type === 'Identity' ? [maker(last.input[0]!)] : [last];
  const bias = product?.op_type === 'Gemm' ? product.input[2] : undefined;
  const isPlain = product?.attribute.every(({ name }) => name === 'transA' || name === 'transB') === true;
  if (product === undefined || bias === undefined || !isPlain || !fixed.has(bias) || readers(product.output[0]!) > 1)
    return body.add('Add', [scores, 'greedy/allowed']);
  const biased = main.add('Add', [bias, 'greedy/allowed']);
  body.nodes[body.nodes.indexOf(product)] = { ...product, input: [...product.input.slice(0, 2), biased] };
  return scores;
}

/** From here on, the best class is sought in the best stretch of them: the runtime finds the largest number eight times as fast as its place. */
const manyClasses = 512;
const stretch = 64;

/** The place of the largest of each row [B] (int64), the first of equals. */
function bestOf(body: Nodes, scores: string, classes: number, constants: TensorProto[]): string {
  const argmax = (x: string): string => body.add('ArgMax', [x], { axis: 1, keepdims: 0 });
  if (classes < manyClasses) return argmax(scores);
  const integers = (name: string, ...numbers: number[]): string => {
    constants.push(tensorProto('int64', [numbers.length], numbers, `greedy/${name}`));
    return `greedy/${name}`;
  };
  const width = divisorNear(classes, stretch);
  const missing = Math.ceil(classes / width) * width - classes;
  constants.push(tensorProto('float32', [], [Number.NEGATIVE_INFINITY], 'greedy/least'));
  const whole = missing === 0 ? scores : body.add('Pad', [scores, integers('missing', 0, 0, 0, missing), 'greedy/least']);
  const stretches = body.add('Reshape', [whole, integers('stretches', -1, (classes + missing) / width, width)]);
  const first = argmax(body.add('ReduceMax', [stretches, integers('within', 2)], { keepdims: 0 }));
  const row = body.add('GatherND', [stretches, body.add('Unsqueeze', [first, integers('column', 1)])], { batch_dims: 1 });
  return body.add('Add', [body.add('Mul', [first, integers('width', width)]), argmax(row)]);
}

/** A divisor between half and four times a width, the nearest to it; the width itself where there is none. */
function divisorNear(count: number, width: number): number {
  const divisors = Array.from({ length: 3.5 * width }, (_, k) => width / 2 + k).filter((each) => count % each === 0);
  return divisors.sort((a, b) => Math.abs(a - width) - Math.abs(b - width))[0] ?? width;
}

/** How many rows there are [1], told by the first input that has them. */
function rowsOf({ input }: GraphProto, nodes: Nodes): string {
  for (const { name, type } of input) {
    const place = type?.tensor_type?.shape?.dim?.findIndex(({ dim_param }) => dim_param === 'B') ?? -1;
    if (place >= 0) return nodes.add('Shape', [name], { start: place, end: place + 1 });
  }
  throw new Error('The encoder has no input that tells how many rows there are.');
}
