// An ONNX model of others, opened: what is in it, a run of it, and its parts replayed.

import { basename } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Reading } from '../data/text-stream.ts';
import { type ModelFile, openModelFile } from '../onnx/file/open.ts';
import { claimOf, isExternal } from '../onnx/file/tensors.ts';
import { describeModel, type PortInfo } from '../onnx/operators.ts';
import type { GraphProto, ModelProto, NodeProto, TensorProto } from '../onnx/proto.ts';
import { type Runtime, RuntimeFailure, type Tensor } from '../runtime/runtime.ts';
import type { AttentionInfo, ForeignInfo, ForeignInput, InputNeed, InputNeeds, PartInfo } from '../shared/foreign.ts';
import type { InputChoice, InputChoices } from '../shared/inputs.ts';
import { type OutputObjective, objectiveText } from '../shared/objective.ts';
import { AxisNames, madeUpSizes } from './axes/names.ts';
import { type OutputGradient, outputGradient } from './gradient.ts';
import { framesOf } from './inputs/calls.ts';
import { assumedFrame, neededOptions } from './inputs/needed.ts';
import { choicesForFile, type FileChoices } from './inputs/one-file.ts';
import { choiceOf, freeDimensions } from './inputs/ports.ts';
import { type ModelInput, readInputs } from './inputs/read.ts';
import { runNodeByNode } from './node-by-node.ts';
import { PartError, type RecurrentPart } from './part.ts';
import { type PythonFrame, stackOf, userFrame } from './python/stack.ts';
import { scopeText } from './scopes.ts';
import { Evaluators, ForeignSession, type Joining, LARGE, type RanModel, type StreamedModel } from './session.ts';
import { stacksOf } from './stacks.ts';
import { hintsOf } from './streaming/hints.ts';
import { portsOf } from './streaming/ports.ts';
import { proposeRule, type StreamProposal } from './streaming/propose.ts';
import { parseRule, type StreamRule } from './streaming/rule.ts';
import type { Frames } from './streaming/run.ts';
import { lossAgainst } from './target.ts';
import { separated } from './tensors.ts';
import { otherSizes, type UsualSizes, usualChoices } from './usual.ts';

export interface ForeignRun extends RanModel {
  /** Sizes that free dimensions got, and what a person might not expect of the inputs. */
  readonly dimensions: Readonly<Record<string, number>>;
  readonly remarks: readonly string[];
  /** What it was fed, once or a call. */
  readonly calls: readonly Readonly<Record<string, Tensor>>[];
  /** Where it was streamed: what was handed from call to call, and how the outputs of the calls became those of the run. */
  readonly streamed?: { readonly rule: StreamRule; readonly joining: StreamedModel['joining'] };
}

/** Calls of a model that is streamed over numbers that are made for it. */
const GENERATED_CALLS = 32;

/** Bytes of a tensor in another file that is read when the model is opened. */
const SMALL = 2 ** 20;

export class ForeignModel {
  readonly file: ModelFile;
  /** Of an encoder and a decoder that were joined: which parts are the decoder's. */
  readonly isDecoder: ((part: RecurrentPart) => boolean) | undefined;
  readonly ports: readonly PortInfo[];
  readonly #runtime: Runtime;
  /** What computes replays; they end with the model. */
  readonly evaluators: Evaluators;
  readonly #session: ForeignSession;

  private constructor(file: ModelFile, runtime: Runtime, isDecoder?: (part: RecurrentPart) => boolean) {
    this.file = file;
    this.isDecoder = isDecoder;
    this.#runtime = runtime;
    this.evaluators = new Evaluators(runtime);
    this.ports = describeModel(file.model, file.bytes).inputs;
    this.#session = new ForeignSession(runtime, file.model);
  }

  /** Throws ModelFileError, and the signal's reason. */
  static async open(path: string, runtime: Runtime, reading: Reading = {}): Promise<ForeignModel> {
    const { signal, say } = reading;
    const file = await openModelFile(path, {}, reading);
    const nodes = file.model.graph.node.length;
    if (nodes > LARGE) say?.(`${nodes.toLocaleString('en-US')} nodes are searched for what is recurrent`);
    // Whoever wants to be heard meanwhile is.
    await setImmediate();
    signal?.throwIfAborted();
    // What a cell is can hang on small numbers; what is missing is said when the model is run.
    if (file.external.every(({ fault }) => fault === undefined)) await takeIn(file, SMALL);
    return new ForeignModel(file, runtime);
  }

  /** A model that was made in memory, of two. */
  static async ofPair(file: ModelFile, runtime: Runtime, isDecoder: (part: RecurrentPart) => boolean): Promise<ForeignModel> {
    return new ForeignModel(file, runtime, isDecoder);
  }

  get name(): string {
    return basename(this.file.path);
  }

  get parts(): readonly RecurrentPart[] {
    return this.#session.parts;
  }

  get refused(): ForeignInfo['refused'] {
    return this.#session.refused.map(({ title, scope, why }) => ({ title, where: scopeText(scope), why }));
  }

  get info(): ForeignInfo {
    const axes = this.axes();
    const { defaults, producerVersion, irVersion, opsets, producer, ...found } = describeModel(this.file.model, this.file.bytes);
    return {
      path: this.file.path,
      ...found,
      producer: [producer, producerVersion].filter((each) => each !== '').join(' '),
      opsets: Object.fromEntries(Object.entries(opsets).map(([domain, version]) => [domain || 'ai.onnx', version])),
      parts: stacksOf(this.parts).map((stack) => partInfo(stack, axes)),
      attention: [...this.parts, ...this.#session.attention].flatMap((part) => attentionInfo(part, axes)),
      refused: this.refused,
      remarks: this.file.remarks,
      ...this.#proposed(),
      usual: this.usual(1),
    };
  }

  /** What steps and sequences of the parts are of the inputs, by the sizes of a run or by made-up ones. */
  axes(feeds?: Readonly<Record<string, Tensor>>): AxisNames {
    const sizes = feeds === undefined ? madeUpSizes(this.ports) : new Map(Object.entries(feeds).map(([name, { dims }]) => [name, dims]));
    return new AxisNames(this.file.model.graph, this.ports, this.parts, sizes);
  }

  /** What is to be asked before a model runs on these choices. Throws InputError where a file cannot be an input. */
  async needs({ stream, ...choices }: InputChoices & Pick<ForeignInput, 'stream'>): Promise<InputNeeds> {
    const dimensions = freeDimensions(this.ports, choices).map(({ key, uses, suggestion }) => ({
      key,
      inputs: [...new Set(uses.map(({ input }) => input))],
      ...(suggestion === undefined ? {} : { suggestion }),
    }));
    const options: InputNeed[] = [];
    const framed = new Set(stream === undefined ? [] : this.#rule(stream).frames.map(({ input }) => input));
    for (const port of this.ports) {
      const choice = choiceOf(port, choices);
      if (choice?.kind !== 'file') continue;
      for (const { option, question, choices: among, suggestion, optional = false } of await neededOptions(
        port,
        choice.path,
        framed.has(port.name),
      ))
        if (choice[option] === undefined)
          options.push({
            input: port.name,
            option,
            question,
            optional,
            ...(among === undefined ? {} : { choices: among }),
            ...(suggestion === undefined ? {} : { suggestion: suggestion as NonNullable<InputNeed['suggestion']> }),
          });
    }
    return { dimensions, options };
  }

  #proposed(): Pick<ForeignInfo, 'proposal'> {
    const { confidence, ...proposal } = this.proposal();
    return confidence === 'none' ? {} : { proposal: { ...proposal, confidence } };
  }

  /** Inputs for it that nobody chose. */
  usual(seed: number, sizes?: UsualSizes): InputChoices {
    const states = this.proposal().state.map(({ input }) => input);
    return usualChoices(this.file.model, this.ports, seed, { states, ...(sizes === undefined ? {} : { sizes }) });
  }

  /** Runs it on such inputs: with other sizes where it does not run with the usual ones, unless all are given. Throws what the first run throws. */
  async runUsual(seed: number, given: InputChoices, reading?: Reading): Promise<ForeignRun> {
    const choices = (sizes?: UsualSizes): InputChoices => {
      const usual = this.usual(seed, sizes);
      return { ...given, ...usual, dimensions: { ...usual.dimensions, ...given.dimensions } };
    };
    const open = Object.keys(this.usual(seed).dimensions ?? {}).filter((key) => given.dimensions?.[key] === undefined);
    try {
      return await this.run(choices(), reading);
    } catch (error) {
      if (!(error instanceof RuntimeFailure) || open.length === 0) throw error;
      for (const sizes of otherSizes) {
        reading?.signal?.throwIfAborted();
        try {
          return await this.run(choices(sizes), reading);
        } catch (other) {
          if (!(other instanceof RuntimeFailure)) throw other;
        }
      }
      throw new RuntimeFailure(`${error.message} Other sizes of ${open.join(', ')} were tried: say those that the model runs with.`, {
        cause: error,
      });
    }
  }

  /** On what was chosen; random numbers alone leave open how many rows tables have and how long things are. Throws as `run` does. */
  runChosen(input: ForeignInput, reading?: Reading): Promise<ForeignRun> {
    const seed = seedOf(input);
    return seed === undefined ? this.run(input, reading) : this.runUsual(seed, input, reading);
  }

  /** How it would be streamed, if it is made for one frame a call. */
  proposal(): StreamProposal {
    const { inputs, outputs } = portsOf(this.file.model.graph);
    return proposeRule(inputs, outputs, hintsOf(this.file.model));
  }

  /** Runs the untouched model on what was chosen, once or once a frame. Throws InputError, StreamError, ModelFileError, RuntimeFailure. */
  async run(input: ForeignInput, reading?: Reading): Promise<ForeignRun> {
    const { stream, item: _item, over: _over, decoder: _decoder, ...choices } = input;
    if (stream === undefined) return this.#once(choices, reading);
    return this.#stream(choices, this.#rule(stream), reading);
  }

  #rule(stream: NonNullable<ForeignInput['stream']>): StreamRule {
    return stream === 'auto' ? this.proposal() : parseRule(stream);
  }

  /** Choices in which sound is cut into frames, where neither a person nor the model says how; and what was assumed. */
  async #cut(
    ports: readonly PortInfo[],
    choices: InputChoices,
  ): Promise<{ readonly choices: InputChoices; readonly said: readonly string[] }> {
    const inputs = { ...choices.inputs };
    const said: string[] = [];
    for (const port of ports) {
      const choice = choiceOf(port, choices);
      if (choice?.kind !== 'file' || choice.frame !== undefined) continue;
      const frame = await assumedFrame(port, choice.path);
      if (frame === undefined) continue;
      inputs[port.name] = { ...choice, frame };
      said.push(`${port.name} gets frames of ${frame} samples, as neither the model nor anybody else says how many.`);
    }
    return { choices: { ...choices, inputs }, said };
  }

  async #stream(choices: InputChoices, rule: StreamRule, reading?: Reading): Promise<ForeignRun> {
    const fed = new Set(rule.frames.map(({ input }) => input));
    const chosen = this.ports.filter(({ name }) => fed.has(name));
    const streamed = (choice: InputChoice): InputChoice => (choice.kind === 'file' ? { ...choice, stream: true } : choice);
    const streaming: InputChoices = {
      ...choices,
      ...(choices.all === undefined ? {} : { all: streamed(choices.all) }),
      inputs: Object.fromEntries(
        Object.entries(choices.inputs ?? {}).flatMap(([name, each]) => (fed.has(name) ? [[name, streamed(each)]] : [])),
      ),
    };
    const { choices: own, said } = await this.#cut(chosen, streaming);
    // Frames that a file is cut into with their context have it already; the rule puts it before all others.
    const hasContext = (name: string): boolean => {
      const choice = choiceOf({ name }, own);
      return choice?.kind === 'file' && (choice.context ?? 0) > 0;
    };
    const contextOf = new Map(rule.frames.map(({ input, context = 0 }) => [input, hasContext(input) ? 0 : context]));
    const ports = chosen.map((port) => withoutContext(port, contextOf.get(port.name)!));
    const { inputs, dimensions, remarks } = await readInputs(ports, own, reading);
    const frames: Record<string, Frames> = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, framesOf(input)]));
    // What is generated is one call's worth: as many are made as a person sees something in.
    if (ports.every((port) => choiceOf(port, own)?.kind !== 'file')) {
      const calls = [frames];
      for (let k = 1; k < GENERATED_CALLS; k += 1) {
        const next = await readInputs(ports, { ...withSeeds(own, k), dimensions }, reading);
        calls.push(Object.fromEntries(Object.entries(next.inputs).map(([name, input]) => [name, framesOf(input)])));
      }
      for (const { name } of ports) frames[name] = joinedFrames(calls.map((each) => each[name]!));
    }
    const session = await this.#open(reading);
    const options = {
      ...portsOf(this.file.model.graph),
      sizes: dimensions,
      ...(reading?.signal === undefined ? {} : { signal: reading.signal }),
    };
    const fresh = { ...rule, frames: rule.frames.map((each) => ({ ...each, context: contextOf.get(each.input)! })) };
    const { joining, ...run } = await session.stream(fresh, frames, options);
    return { ...run, dimensions, remarks: [...said, ...remarks], streamed: { rule: fresh, joining } };
  }

  async #once(choices: InputChoices, reading?: Reading): Promise<ForeignRun> {
    const { choices: own, remarks: said } = await this.#shared(choices);
    const { inputs, dimensions, remarks } = await readInputs(this.ports, own, reading);
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, tensorOf(name, input)]));
    return this.runOn(feeds, { dimensions, remarks: [...said, ...remarks] }, reading);
  }

  /** Runs the untouched model on these tensors. Throws ModelFileError, RuntimeFailure. */
  async runOn(
    feeds: Readonly<Record<string, Tensor>>,
    about: Pick<ForeignRun, 'dimensions' | 'remarks'>,
    reading?: Reading,
  ): Promise<ForeignRun> {
    return { ...(await (await this.#open(reading)).run(feeds)), ...about, calls: [feeds] };
  }

  /** The model with all of its values in itself. Throws ModelFileError, PartError. */
  async whole(): Promise<ModelProto> {
    if (this.file.external.some(({ fault }) => fault !== undefined))
      throw new PartError(`${this.name} cannot be run: ${this.file.external.flatMap(({ fault }) => fault ?? []).join(' ')}`);
    await takeIn(this.file, Number.POSITIVE_INFINITY);
    return this.file.model;
  }

  /** Runs the untouched model once more, one node after the other: `before` is told of each. Throws as `run` does. */
  async runNodeByNode(input: ForeignInput, before: (node: NodeProto) => Promise<void>, reading: Reading = {}): Promise<void> {
    const { stream, item, decoder, ...choices } = input;
    if (stream !== undefined || decoder !== undefined) throw new PartError('A model that is called several times is not run node by node.');
    const { inputs } = await readInputs(this.ports, (await this.#shared(choices)).choices, reading);
    await takeIn(this.file, Number.POSITIVE_INFINITY);
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, each]) => [name, tensorOf(name, each)]));
    const { signal } = reading;
    const request = { runtime: this.#runtime, model: this.file.model, feeds, before };
    return runNodeByNode({ ...request, ...(signal === undefined ? {} : { signal }) });
  }

  /** Of one file for all inputs: which of them it is for, and what the others get. */
  async #shared(choices: InputChoices): Promise<FileChoices> {
    const { all, inputs = {}, dimensions } = choices;
    const open = this.ports.filter(({ name }) => !Object.hasOwn(inputs, name));
    if (all?.kind !== 'file' || open.length < 2) return { choices, remarks: [] };
    const found = await choicesForFile(open, all, dimensions);
    return { ...found, choices: { ...found.choices, inputs: { ...found.choices.inputs, ...inputs } } };
  }

  /** The gradient of what an output says, or of its loss, back to every part of a run. Throws GradientError, InputError. */
  async gradient(run: ForeignRun, objective: OutputObjective, reading: Reading = {}): Promise<OutputGradient> {
    const { output } = objective;
    const tensor = run.outputs[output];
    if (tensor === undefined) throw new PartError(`The model has no output ${output}. It has ${Object.keys(run.outputs).join(', ')}.`);
    const { model } = await this.#open();
    const loss = objective.kind === 'against' ? await lossAgainst(objective, tensor, reading) : undefined;
    const cotangent = objective.kind === 'against' ? loss!.cotangent : onesAt(tensor, objective.index);
    const { calls, streamed } = run;
    const [first] = calls as [(typeof calls)[number]];
    const request = {
      model,
      calls,
      states: streamed?.rule.state ?? [],
      ran: run.ran,
      output,
      cotangents: perCall(cotangent, calls.length, streamed?.joining.get(output)),
      wanted: Object.keys(first).filter((name) => first[name]!.type.startsWith('float')),
    };
    const { signal } = reading;
    const found = await outputGradient(this.#runtime, { ...request, ...(signal === undefined ? {} : { signal }) });
    return loss === undefined ? found : { ...found, missing: [`${objectiveText(objective)} is ${loss.value}.`, ...found.missing] };
  }

  async #open(reading: Reading = {}): Promise<ForeignSession> {
    await this.whole();
    await this.#session.open(reading);
    return this.#session;
  }

  async release(): Promise<void> {
    await this.evaluators.close();
    await this.#session.release();
  }
}

/** Of an input of random numbers and nothing else. */
export const seedOf = ({ all, inputs, stream }: ForeignInput): number | undefined =>
  all?.kind === 'random' && inputs === undefined && stream === undefined ? all.seed : undefined;

/** An input as a frame without its context is one. */
function withoutContext(port: PortInfo, context: number): PortInfo {
  const last = port.shape?.at(-1);
  return context > 0 && typeof last === 'number' && last > context ? { ...port, shape: port.shape!.with(-1, last - context) } : port;
}

/** Other numbers of chance for another call. */
function withSeeds({ all, inputs = {}, ...rest }: InputChoices, call: number): InputChoices {
  const other = (choice: InputChoice): InputChoice => (choice.kind === 'random' ? { ...choice, seed: choice.seed + 1009 * call } : choice);
  return {
    ...rest,
    ...(all === undefined ? {} : { all: other(all) }),
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, each]) => [name, other(each)])),
  };
}

function joinedFrames(calls: readonly Frames[]): Frames {
  const { dims } = calls[0]!;
  return { dims: [calls.length, ...dims.slice(1)], data: calls.flatMap(({ data }) => Array.from(data)) };
}

/** The cotangent of each call's output, of one of all. */
function perCall(tensor: Tensor, calls: number, joining: Joining | undefined): (Tensor | undefined)[] {
  if (joining === undefined) return [tensor];
  if (joining.kind === 'last') return Array.from({ length: calls }, (_, call) => (call === calls - 1 ? tensor : undefined));
  const axis = joining.kind === 'along' ? joining.axis : 0;
  return separated(tensor, axis, calls).map((each) => {
    const own = joining.kind === 'stacked' ? { ...each, dims: each.dims.slice(1) } : each;
    return (own.data as Float32Array).every((value) => value === 0) ? undefined : own;
  });
}

/** 1 at the places of an index (all along an axis where it is null), else 0. Throws PartError. */
function onesAt({ dims }: Tensor, index: readonly (number | null)[] = dims.map(() => null)): Tensor {
  const shape = `[${dims.join(', ')}]`;
  if (index.length !== dims.length) throw new PartError(`The output is ${shape}: an index has ${dims.length} places, with null for all.`);
  const odd = index.findIndex((each, k) => each !== null && !(each >= -dims[k]! && each < dims[k]!));
  if (odd >= 0) throw new PartError(`The output is ${shape}: along axis ${odd} there is no ${index[odd]}.`);
  const data = new Float32Array(dims.reduce((product, size) => product * size, 1));
  const mark = (axis: number, at: number): void => {
    if (axis === dims.length) {
      data[at] = 1;
      return;
    }
    const own = index[axis]!;
    const size = dims[axis]!;
    if (own === null) for (let place = 0; place < size; place += 1) mark(axis + 1, at * size + place);
    else mark(axis + 1, at * size + (own < 0 ? own + size : own));
  };
  mark(0, 0);
  return { type: 'float32', dims, data };
}

function tensorOf(name: string, { type, dims, data, calls = 1 }: ModelInput): Tensor {
  if (calls !== 1)
    throw new PartError(
      `${name} takes [${dims.join(', ')}] a call, and was given ${calls}: the model is to be streamed, by a rule for its states.`,
    );
  return { type, dims, data };
}

/** The Python lines that made a part, as most of its nodes have them: the user's own first. */
function sourceLines({ nodes }: RecurrentPart): PartInfo['source'] {
  const stacks = new Map<string, { frames: readonly PythonFrame[]; count: number }>();
  for (const node of nodes) {
    const frames = stackOf(node);
    const own = userFrame(frames);
    if (own === undefined) continue;
    const key = `${own.file}:${own.line}`;
    stacks.set(key, { frames, count: (stacks.get(key)?.count ?? 0) + 1 });
  }
  const [most] = [...stacks.values()].sort((one, other) => other.count - one.count);
  const frames = most?.frames ?? [];
  const own = frames.filter(({ library }) => library === undefined);
  return [...own, ...frames.filter((each) => !own.includes(each))].map(({ file, line, function: name, text }) => ({
    file,
    line,
    ...(name === undefined ? {} : { function: name }),
    ...(text === undefined ? {} : { text }),
  }));
}

function partInfo(stack: readonly RecurrentPart[], names: AxisNames): PartInfo {
  const [first] = stack as readonly [RecurrentPart, ...RecurrentPart[]];
  const axes = names.info(first);
  return {
    name: first.name,
    names: stack.map(({ name }) => name),
    kind: first.kind,
    layers: stack.length,
    directions: first.directions.length,
    reverse: first.directions[0] === 'reverse',
    ...(first.hidden === undefined ? {} : { hidden: first.hidden }),
    ...(first.input === undefined ? {} : { input: first.input }),
    form: first.form,
    ...(axes === undefined ? {} : { axes }),
    title: first.title,
    where: scopeText(first.scope),
    values: first.values,
    source: sourceLines(first),
    sources: stack.map(sourceLines),
  };
}

function attentionInfo(part: RecurrentPart, names: AxisNames): AttentionInfo[] {
  const { name, title, scope, attention = [], weighing } = part;
  const shape = weighing?.shape?.map((size) => size ?? '?');
  const axes = weighing === undefined ? undefined : names.info(part);
  // Sequences, heads, what attends, what is attended to.
  const heads = weighing?.shape?.length === 4 ? weighing.shape[1] : weighing?.heads;
  return attention.map((line) => ({
    name: `${name}/${line}`,
    ...(weighing === undefined ? { part: name } : { value: weighing.value, axis: weighing.axis }),
    line,
    title,
    where: scopeText(scope),
    ...(shape === undefined ? {} : { shape }),
    ...(axes === undefined ? {} : { axes }),
    ...(heads === undefined ? {} : { heads }),
    source: sourceLines(part),
  }));
}

/** Takes values that the model keeps in other files into itself, tensors up to so many bytes: bytes have no folder to be read beside. */
async function takeIn(file: ModelFile, limit: number): Promise<void> {
  const tensors = tensorsIn(file.model.graph).filter((tensor) => isExternal(tensor));
  for (const tensor of tensors) {
    const claim = claimOf(tensor);
    if (typeof claim === 'string' || claim.bytes > limit) continue;
    tensor.raw_data = await file.raw(tensor);
    delete tensor.external_data;
    delete tensor.data_location;
  }
}

const tensorsIn = (graph: GraphProto): TensorProto[] => [
  ...graph.initializer,
  ...graph.node.flatMap(({ attribute }) =>
    attribute.flatMap(({ t, g }) => [...(t === undefined ? [] : [t]), ...(g === undefined ? [] : tensorsIn(g))]),
  ),
];
