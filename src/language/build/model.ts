// A checked model as one forward graph, and what is known of its values by name.

import type { Axis, Value } from '../../graph/graph.ts';
import { tensor } from '../../graph/graph.ts';
import type { CarriedState, DropoutMask, Initial, Line, Model, ModelInput, Instance as ModelInstance, Weight } from '../../graph/model.ts';
import { networkInput } from '../../shared/network.ts';
import type { Fault, SourceRange } from '../../shared/source.ts';
import { predictionsOf } from '../check/causality.ts';
import { type Binding, type CheckedLine, type Core, type Instance, isLossName, type Parameter, type TensorType } from '../check/core.ts';
import { checkModel, type ModelArguments } from '../check/definitions.ts';
import { evaluate, show } from '../check/dimensions.ts';
import { showWritten } from '../check/written.ts';
import { lineComment, rangeOf, rangeOfProperty, textOf } from '../places.ts';
import type { Program } from '../program.ts';
import { type Built, type BuiltTensor, tensorOf, widenedTo } from './built.ts';
import { Axes, batch, type Comparison, inputAxes, inputType, SizeUnknown, type Surroundings } from './environment.ts';
import { type BuiltInstance, Frame } from './frame.ts';
import { countOf } from './functions.ts';
import { InstanceBuilder } from './instances.ts';
import { Ragged } from './ragged.ts';
import { startOf } from './starts.ts';

export interface BuildOptions {
  readonly model: string;
  /** For inputs that are no data: `{ unit: 'gru' }`. */
  readonly arguments?: ModelArguments;
  /** The number of classes of each vocabulary (`Char`), and of any other dimension that data binds to a number. */
  readonly classes: Readonly<Record<string, number>>;
  /** The dimensions whose length differs from row to row of a batch: each gets an input `lengths(T)`, and padding counts nowhere. */
  readonly ragged?: readonly string[];
}

/** The model cannot be built; the faults say why, each with its place. */
export class ModelFaults extends Error {
  override name = 'ModelFaults';
  readonly faults: readonly Fault[];
  /** Of the first fault, whose message this is. */
  readonly place: SourceRange;
  constructor(faults: readonly Fault[]) {
    const [first] = faults;
    super(first!.message);
    this.faults = faults;
    this.place = first!.range;
  }
}

/** The graph of a model of a program. Throws ModelFaults where the program, or the model with these arguments, is not sound. */
export function buildModel(program: Program, options: BuildOptions): Model {
  const syntax = program.model(options.model);
  if (program.unsound.length > 0) throw new ModelFaults(program.unsound);
  const faults: Fault[] = [];
  const root = checkModel(syntax, program.main, options.arguments ?? {}, (fault) => {
    if (fault.severity === 'error') faults.push(fault);
  });
  if (faults.length > 0) throw new ModelFaults(faults);
  try {
    return new ModelBuilder(root, options).build();
  } catch (error) {
    if (!(error instanceof SizeUnknown)) throw error;
    const message = `The length ${show(error.dimension)} is known neither from the model nor from its data.`;
    throw new ModelFaults([{ range: rangeOfProperty(syntax, 'name', program.main.uri), severity: 'error', code: 'open', message }]);
  }
}

class ModelBuilder {
  readonly #root: Instance;
  readonly #options: BuildOptions;
  readonly #frame = new Frame();
  readonly #weights = new Map<string, Weight>();
  readonly #inputs = new Map<string, ModelInput>();
  readonly #states: CarriedState[] = [];
  readonly #dropout: DropoutMask[] = [];
  readonly #ragged: Ragged;
  #comparison: Comparison | undefined;
  readonly #axes: Axes;

  constructor(root: Instance, options: BuildOptions) {
    this.#root = root;
    this.#options = options;
    this.#axes = new Axes({ size: (name) => this.#size(name), symbol: symbolOf });
    const ragged = new Set(options.ragged);
    this.#ragged = new Ragged(
      this.#frame,
      (size) => ragged.has(size),
      (size) => this.#lengths(size),
    );
  }

  build(): Model {
    const inputs = new Map<Binding, Built>();
    for (const { binding, declaration, argument } of this.#root.inputs) {
      if (argument !== undefined || binding.type.kind !== 'tensor' || declaration.type === undefined) continue;
      inputs.set(binding, this.#input(binding.type, binding.name));
    }
    const builder = new InstanceBuilder(this.#surroundings());
    const built = builder.model(this.#root, inputs);
    const losses = this.#losses(built);
    const instances = this.#instances();
    const frame = this.#frame.builder;
    const predicted = this.#prediction(built);
    const judged = this.#judged();

    const parameters = [
      ...[...this.#weights.values()].map(({ value }) => value),
      ...[...this.#inputs.values()].map(({ value }) => value),
      ...this.#states.map(({ before }) => before),
      ...this.#dropout.map(({ value }) => value),
    ];
    const results = new Set<Value>();
    if (losses !== undefined) for (const value of [losses.loss, losses.value, losses.counted]) results.add(value);
    for (const value of [predicted.prediction?.logits, predicted.forecast?.values]) if (value !== undefined) results.add(value);
    if (judged !== undefined) for (const value of [judged.scores, judged.target, judged.counted]) results.add(value);
    for (const { after } of this.#states) results.add(after);
    for (const { lines, states } of instances) {
      for (const { value } of lines) results.add(value);
      for (const { after } of states) results.add(after);
    }
    for (const parameter of parameters) results.delete(parameter);
    return {
      name: this.#root.cell.name,
      graph: { parameters, nodes: frame.graph([]).nodes, results: [...results] },
      weights: [...this.#weights.values()],
      inputs: [...this.#inputs.values()],
      states: this.#states,
      dropout: this.#dropout,
      instances,
      ...(losses === undefined ? {} : { loss: losses.loss, losses: { value: losses.value, counted: losses.counted } }),
      ...predicted,
      ...(judged === undefined ? {} : { judged }),
    };
  }

  #surroundings(): Surroundings {
    const b = this.#frame.builder;
    return {
      root: this.#frame,
      size: (name) => this.#size(name),
      symbol: symbolOf,
      weight: (instance, parameter, axes) => this.#weight(instance, parameter, axes),
      ragged: this.#ragged,
      judged: (comparison) => {
        this.#comparison ??= comparison;
      },
      ahead: (input) => this.#input(input.type as TensorType, `next(${input.name})`),
      made: ({ network, type }) => this.#input(type as TensorType, networkInput(network!)),
      mask: (_value, axes, rate) => {
        const value = b.parameter({ dtype: 'float', axes }, `dropout ${this.#dropout.length + 1}`);
        this.#dropout.push({ value, rate });
        return value;
      },
      carried: (name, instance, axes, initial) => {
        const before = b.parameter({ dtype: 'float', axes }, name);
        return {
          before,
          after: (after) => {
            this.#states.push({ name, before, after, instance: instance.path, ...(initial === 0 ? {} : { initial }) });
          },
        };
      },
    };
  }

  #size(name: string): number | undefined {
    return this.#options.classes[name];
  }

  /** An input of the model, what stands one step ahead of it, or what a network makes of it: all are data. */
  #input(type: TensorType, name: string): BuiltTensor {
    const axes = inputAxes(type, this.#axes);
    let input = this.#inputs.get(name);
    if (input === undefined) {
      const value = this.#frame.builder.parameter(inputType(type, axes), name);
      input = { name, value, ...(type.classes === undefined ? {} : { classes: show(type.classes) }) };
      this.#inputs.set(name, input);
    }
    return { kind: 'tensor', value: input.value, axes };
  }

  /** How long each row is along a dimension [B]: data as well. */
  #lengths(size: string): Value {
    const name = `lengths(${size})`;
    let input = this.#inputs.get(name);
    if (input === undefined) {
      input = { name, value: this.#frame.builder.parameter(tensor([batch], 'int'), name) };
      this.#inputs.set(name, input);
    }
    return input.value;
  }

  #weight(instance: Instance, parameter: Parameter, axes: readonly Axis[]): Value {
    const known = this.#weights.get(parameter.weight);
    if (known !== undefined) return known.value;
    // the sizes of weights are fixed before anything runs
    const open = axes.findIndex(({ size }) => typeof size !== 'number');
    if (open >= 0) throw new SizeUnknown(parameter.shape[open]!);
    const value = this.#frame.builder.parameter({ dtype: 'float', axes }, parameter.weight);
    const initial: Initial = startOf(parameter, instance.states, (name) => this.#size(name));
    this.#weights.set(parameter.weight, {
      name: parameter.weight,
      value,
      initial,
      origin: { instance: instance.path, line: parameter.binding.name },
    });
    return value;
  }

  // ------------------------------------------------------------------------------------------------------------------- losses

  #losses(built: BuiltInstance): { loss: Value; value: Value; counted: Value } | undefined {
    const line = built.lines.get('loss');
    if (line === undefined) return undefined;
    const b = this.#frame.builder;
    b.origin = { instance: '', line: 'loss' };
    const given = tensorOf(line);
    // each step and example has one number: what else it has, is averaged
    const [first] = given.axes;
    const time = first !== undefined && typeof first.size === 'string' ? first.name : undefined;
    const extra = given.value.type.axes.map(({ name }) => name).filter((name) => name !== 'B' && name !== time);
    const there = this.#there(given.value.type.axes, given.counted);
    // What a loss function gives is 0 already where there is no target.
    const core = this.#root.lines.find(({ binding }) => binding.name === 'loss')?.core;
    const isZero = core?.op === 'function' && isLossName(core.name) && there === given.counted;
    const { value, counted } = there === undefined ? this.#everywhere(given.value, extra) : this.#where(given.value, there, extra, isZero);
    const count = b.binary('maximum', b.sum(counted), b.constant(1));
    const loss = b.over(b.sum(value), count);
    b.origin = undefined;
    return { loss, value, counted };
  }

  /** Where there is something to lose: neither padding nor without a target (bool). */
  #there(axes: readonly Axis[], counted: Value | undefined): Value | undefined {
    const masks = axes.flatMap((axis) => this.#ragged.real(axis, this.#frame) ?? []);
    const all = counted === undefined ? masks : [counted, ...masks];
    return all.length === 0 ? undefined : all.reduce((x, y) => this.#frame.builder.binary('and', x, y));
  }

  #everywhere(value: Value, extra: readonly string[]): { value: Value; counted: Value } {
    const b = this.#frame.builder;
    const axes = value.type.axes.filter(({ name }) => extra.includes(name));
    const mean = extra.length === 0 ? value : b.over(b.sum(value, extra), countOf({ b, lengths: () => undefined }, axes));
    return { value: mean, counted: b.constant(1, mean.type.axes) };
  }

  /** The mean, over the other dimensions, of what is counted; 0 where nothing is. `isZero`: it is 0 there as it stands. */
  #where(value: Value, there: Value, extra: readonly string[], isZero: boolean): { value: Value; counted: Value } {
    const b = this.#frame.builder;
    const kept = isZero ? value : b.where(there, value, b.constant(0));
    const counted = b.cast(there, 'float');
    if (extra.length === 0) return { value: kept, counted };
    const count = b.sum(widenedTo(b, counted, value.type.axes), extra);
    const mean = b.over(b.sum(kept, extra), b.binary('maximum', count, b.constant(1)));
    return { value: mean, counted: b.binary('minimum', count, b.constant(1)) };
  }

  #judged(): Model['judged'] {
    const comparison = this.#comparison;
    if (comparison === undefined) return undefined;
    const b = this.#frame.builder;
    const { loss, scores, target, over, classes, input, ahead } = comparison;
    const real = this.#there(target.type.axes, comparison.counted);
    const there = real === undefined ? b.constant(1) : b.cast(real, 'float');
    return {
      loss,
      scores,
      target,
      counted: widenedTo(b, there, target.type.axes),
      ...(over === undefined ? {} : { over }),
      ...(classes === undefined ? {} : { classes: show(classes) }),
      ...(input === undefined ? {} : { input }),
      ahead,
    };
  }

  /** The first line that is compared with what its input will be, among those of classes or of numbers. */
  #prediction(built: BuiltInstance): Pick<Model, 'prediction' | 'forecast'> {
    for (const { scores, input } of predictionsOf(this.#root)) {
      const name = scores.op === 'read' ? scores.binding.name : undefined;
      const line = name === undefined ? undefined : built.lines.get(name);
      if (name === undefined || line === undefined) continue;
      const { classes } = input.type as TensorType;
      const { value } = tensorOf(line);
      if (classes === undefined) return { forecast: { input: input.name, line: name, values: value } };
      return { prediction: { input: input.name, line: name, logits: value, classes: show(classes) } };
    }
    return {};
  }

  // ---------------------------------------------------------------------------------------------------------------- instances

  #instances(): ModelInstance[] {
    const known = new Map(this.#frame.instances.map((built) => [built.instance, built]));
    const all: ModelInstance[] = [];
    const add = (instance: Instance): void => {
      const built = known.get(instance);
      if (built !== undefined) all.push(this.#describe(built));
      instance.nested.forEach(add);
    };
    add(this.#root);
    return all;
  }

  #describe(built: BuiltInstance): ModelInstance {
    const { instance } = built;
    const call = instance.call === undefined || instance.parent === undefined ? {} : { call: rangeOf(instance.call, instance.parent.uri) };
    return {
      path: instance.path,
      cell: instance.cell.name,
      ...(instance.parent === undefined ? {} : { parent: instance.parent.path }),
      ...call,
      definition: rangeOfProperty(instance.cell, 'name', instance.uri),
      ...(built.axis === undefined ? {} : { axis: built.axis }),
      reverse: built.reverse,
      lines: instance.lines.flatMap((line) => this.#line(line, built)),
      states: instance.states.flatMap(({ binding }) => {
        const state = built.states.get(binding.name);
        if (state === undefined) return [];
        return statesOf(binding.name, state.after, state.initial);
      }),
      inputs: [...built.inputs].flatMap(([name, input]) => (input.kind === 'tensor' ? [{ name, value: input.value }] : [])),
      weights: instance.params.map(({ binding, weight }) => ({ name: binding.name, weight })),
    };
  }

  #line(line: CheckedLine, built: BuiltInstance): Line[] {
    const value = built.lines.get(line.binding.name);
    if (value === undefined || (value.kind === 'record' && value.value === undefined)) return [];
    const { instance } = built;
    const { shape } = lineTensor(line);
    const comment = lineComment(line.equation);
    const called = callOf(line.core);
    return [
      {
        name: line.binding.name,
        role: line.role,
        value: this.#inOrder(tensorOf(value), built.axis === undefined),
        shape: shape.map((dimension) => this.#shown(dimension, instance)),
        range: rangeOf(line.equation, instance.uri),
        text: textOf(line.equation.value),
        ...(comment === undefined ? {} : { comment }),
        ...(called === undefined ? {} : { calls: called.layers.at(-1)!.path }),
      },
    ];
  }

  #shown(dimension: TensorType['shape'][number], instance: Instance): string {
    if (instance.parent !== undefined) return showWritten(dimension, instance);
    const size = evaluate(dimension, () => undefined);
    return size === undefined ? show(dimension) : `${size}`;
  }

  /** Time, batch, then the dimensions in the order of the language, as Model promises. `isWhole`: the line is of whole sequences. */
  #inOrder(tensor: BuiltTensor, isWhole: boolean): Value {
    const { value } = tensor;
    const own = tensor.axes.map(({ name }) => name);
    const order = [...value.type.axes].sort((a, c) => rank(a.name, own, tensor, isWhole) - rank(c.name, own, tensor, isWhole));
    if (order.every((axis, k) => value.type.axes[k] === axis)) return value;
    const b = this.#frame.builder;
    return b.plus(b.constant(0, order), b.cast(value, 'float'));
  }
}

/** What a dimension that data binds is called in the graph, where B is the batch. */
const symbolOf = (name: string): string => (name === 'B' ? 'B.2' : name);

/** Steps come first, then the batch, then the rest. */
function rank(name: string, own: readonly string[], { axes }: BuiltTensor, isWhole: boolean): number {
  if (name === 'B') return 1;
  const place = own.indexOf(name);
  const isTime = place < 0 || (isWhole && place === 0 && typeof axes[0]!.size === 'string');
  return isTime ? 0 : 2 + place;
}

const lineTensor = (line: CheckedLine): TensorType => {
  const { type } = line.binding;
  return type.kind === 'record' ? type.value! : (type as TensorType);
};

function statesOf(name: string, after: Built, initial: Built): ModelInstance['states'] {
  if (after.kind === 'tensor') return [{ name, after: after.value, initial: tensorOf(initial).value }];
  return [...after.states].flatMap(([field, inner]) => {
    const first = initial.kind === 'record' ? initial.states.get(field)! : initial;
    return statesOf(`${name}.${field}`, inner, first);
  });
}

/** The call that a line is, also where it is turned around or dropped out of. */
function callOf(core: Core): Extract<Core, { op: 'call' }> | undefined {
  if (core.op === 'call') return core;
  if (core.op === 'function' && (core.name === 'reverse' || core.name === 'dropout')) return callOf(core.operands[0]!.core);
  return undefined;
}
