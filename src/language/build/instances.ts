// Instances in the graph: lines of a step inlined, vectorised over what a cell without state runs over, or in a recurrence.

import { type Axis, hasAxis, type Value } from '../../graph/graph.ts';
import type { Binding, CallNode, Core, Instance, InstanceInput, RecordType } from '../check/core.ts';
import { isDefault } from '../check/walk.ts';
import {
  type Built,
  type BuiltRecord,
  type BuiltTensor,
  changed,
  mapTensors,
  names,
  present,
  renamed,
  tensorOf,
  withAxes,
} from './built.ts';
import { Axes, type Environment, maskAxes, type Surroundings } from './environment.ts';
import { ExpressionBuilder } from './expressions.ts';
import { type BuiltInstance, Frame } from './frame.ts';
import { hasTensor, recordOf } from './runs.ts';
import { StateBuilder } from './states.ts';

export class InstanceBuilder {
  readonly #around: Surroundings;
  readonly #axes: Axes;
  readonly #turned = new Map<Value, Value>();
  readonly #expressions: ExpressionBuilder;
  readonly #states: StateBuilder;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#axes = new Axes(around);
    this.#expressions = new ExpressionBuilder(around, this.#axes, this.#turned, (core, environment) => this.#call(core, environment));
    this.#states = new StateBuilder(around, this.#axes, this.#expressions);
  }

  /** The model's own lines. */
  model(instance: Instance, inputs: ReadonlyMap<Binding, Built>): BuiltInstance {
    const { root } = this.#around;
    const environment: Environment = { frame: root, instance, bindings: new Map(inputs), implicit: [], steps: undefined };
    return this.#lines(environment).built;
  }

  // -------------------------------------------------------------------------------------------------------------------- calls

  #call(core: CallNode & Core, environment: Environment): Built {
    const { frame } = environment;
    const from = core.from === undefined ? undefined : this.#expressions.build(core.from, environment);
    const given = new Map<Core, Built>();
    const chained: BuiltTensor[] = [];
    const { heads = 1 } = core;
    const layers: BuiltRecord[] = [];
    let beside: BuiltRecord[] = [];
    const type = core.type as RecordType;
    const isLayered = core.layers.length > heads || (type.layers !== undefined && !type.heads);
    core.layers.forEach((instance, k) => {
      const layer = Math.floor(k / heads);
      const inputs = new Map<Binding, Built>();
      for (const input of instance.inputs) {
        const { argument, binding } = input;
        if (argument === undefined || isDefault(input) || binding.type.kind === 'cell') continue;
        if (layer > 0 && binding.name === core.chained) {
          chained[layer] ??= this.#between(layers.at(-1)!, core.dropout, environment);
          inputs.set(binding, chained[layer]);
          continue;
        }
        let built = given.get(argument);
        if (built === undefined) {
          built = this.#expressions.build(argument, environment);
          given.set(argument, built);
        }
        inputs.set(binding, built);
      }
      const start = from?.kind === 'record' && from.layers !== undefined && core.layers.length > heads ? from.layers[layer] : from;
      beside.push(this.#instance(instance, inputs, start, { ...environment, frame }));
      if (beside.length < heads) return;
      const own = isLayered ? type.layers![layer]! : type;
      layers.push(core.heads === undefined ? beside[0]! : this.#joined(beside, own, environment));
      beside = [];
    });
    const top = layers.at(-1)!;
    return isLayered ? { ...top, layers } : top;
  }

  /** Heads side by side. */
  #joined(heads: readonly BuiltRecord[], { value }: RecordType, environment: Environment): BuiltRecord {
    const joined = this.#expressions.join(heads.map(tensorOf), value!.shape.at(-1)!, environment);
    return { kind: 'record', fields: new Map(), states: new Map(), value: joined, layers: heads };
  }

  /** What the layer above takes. The same for all its heads, dropped once. */
  #between(below: BuiltRecord, rate: number | undefined, environment: Environment): BuiltTensor {
    const value = tensorOf(below);
    if (rate === undefined) return value;
    const { frame } = environment;
    const axes = maskAxes(value.value, environment);
    const mask = frame.use(this.#around.mask(value.value, axes, rate), this.#around.root);
    return { ...value, value: frame.builder.times(value.value, mask) };
  }

  #instance(instance: Instance, inputs: Map<Binding, Built>, from: Built | undefined, caller: Environment): BuiltRecord {
    const lift = this.#liftAxes(instance, inputs);
    if (instance.stateful && lift.length > 0) return this.#run(instance, inputs, from, lift[0]!, caller);
    const implicit = [...caller.implicit, ...lift];
    const environment: Environment = {
      frame: caller.frame,
      instance,
      bindings: new Map(),
      implicit,
      steps: lift[0] ?? caller.steps,
    };
    for (const input of instance.inputs) {
      const built = inputs.get(input.binding);
      if (built !== undefined) environment.bindings.set(input.binding, this.#enter(input, built, lift, environment));
    }
    const { built, value } = this.#lines(environment, from);
    const steps = lift[0] ?? caller.steps;
    if (steps !== undefined) built.axis = steps.name;
    return recordOf(instance, built, value, lift);
  }

  /** The axes for what a call runs over: those that its first such argument has. */
  #liftAxes(instance: Instance, inputs: ReadonlyMap<Binding, Built>): Axis[] {
    const first = instance.inputs.find((input) => input.lifted && inputs.has(input.binding));
    if (first === undefined) return [];
    return tensorOf(inputs.get(first.binding)!).axes.slice(0, instance.lift.length);
  }

  /** An argument as the cell's header has it: what is run over no dimension any more, the others under the header's names. */
  #enter(input: InstanceInput, built: Built, lift: readonly Axis[], environment: Environment): Built {
    const b = environment.frame.builder;
    const type = input.binding.type;
    if (built.kind === 'record') return type.kind === 'record' ? built : this.#enter(input, tensorOf(built), lift, environment);
    if (type.kind !== 'tensor') return built;
    let tensorBuilt = built;
    if (input.lifted) {
      const whole = present(b, { ...built, axes: built.axes.slice(0, lift.length) });
      const value = renamed(b, whole, names(built.axes.slice(0, lift.length)), names(lift));
      tensorBuilt = { ...built, value, axes: built.axes.slice(lift.length) };
    }
    return withAxes(b, tensorBuilt, names(this.#axes.of(type.shape, environment)));
  }

  /** A cell with state over a sequence. */
  #run(instance: Instance, inputs: Map<Binding, Built>, from: Built | undefined, axis: Axis, caller: Environment): BuiltRecord {
    const outer = caller.frame;
    // turned inputs are read from the other end instead
    const lifted = instance.inputs.filter((input) => input.lifted && inputs.has(input.binding));
    const unturned = lifted.map((input) => this.#turned.get(tensorOf(inputs.get(input.binding)!).value));
    const reverse = unturned.every((value) => value !== undefined && hasAxis(value, axis.name));
    const outside: Environment = { frame: outer, instance, bindings: new Map(), implicit: [...caller.implicit, axis], steps: undefined };
    const inner = new Frame(outer, axis, reverse);
    const environment: Environment = { frame: inner, instance, bindings: new Map(), implicit: caller.implicit, steps: axis };
    for (const input of instance.inputs) {
      let built = inputs.get(input.binding);
      if (built === undefined) continue;
      const at = lifted.indexOf(input);
      if (reverse && at >= 0) built = { ...tensorOf(built), value: unturned[at]! };
      const entered = this.#enter(input, built, [axis], outside);
      if (!input.lifted) outside.bindings.set(input.binding, entered);
      environment.bindings.set(input.binding, inner.useBuilt(entered, outer));
    }
    const { built, value } = this.#lines(environment, from, outside);
    const closing = inner.close(value === undefined ? [] : [value]);
    const out = (each: Built): Built => mapTensors(each, (one) => ({ ...changed(one, closing.outside), axes: [axis, ...one.axes] }));
    const back = (each: Built): Built => {
      const moved = out(each);
      if (!reverse) return moved;
      return mapTensors(moved, (one) => {
        if (!hasAxis(one.value, axis.name)) return one;
        const turned = outer.builder.reverse(one.value, axis.name, this.#around.ragged.lengths(axis, outer));
        this.#turned.set(turned, one.value);
        return { ...one, value: turned };
      });
    };
    const finals = new Map<string, Built>();
    const states = new Map<string, Built>();
    for (const [name, { after }] of built.states) {
      states.set(name, back(after));
      finals.set(
        name,
        mapTensors(after, (one) => {
          const state = inner.states.find(({ next }) => next === one.value);
          return { ...one, value: closing.last(state!) };
        }),
      );
    }
    this.#states.carryOn(inner, closing.last);
    const fields = new Map<string, Built>(states);
    for (const [name, param] of built.params)
      fields.set(
        name,
        mapTensors(param, (one) => ({ ...one, value: closing.outside(one.value) })),
      );
    for (const [name, line] of built.lines) fields.set(name.replace(/'$/, ''), back(line));
    const tensorValue = value === undefined || !hasTensor(value) ? undefined : (back(tensorOf(value)) as BuiltTensor);
    return { kind: 'record', fields, states, finals, ...(tensorValue === undefined ? {} : { value: tensorValue }) };
  }

  // -------------------------------------------------------------------------------------------------------------------- lines

  #lines(environment: Environment, from?: Built, outside?: Environment): { built: BuiltInstance; value: Built | undefined } {
    const { frame, instance, bindings } = environment;
    const built: BuiltInstance = {
      instance,
      lines: new Map(),
      inputs: new Map(),
      params: new Map(),
      states: new Map(),
      reverse: frame.reverse,
    };
    if (frame.axis !== undefined) built.axis = frame.axis.name;
    frame.instances.push(built);
    for (const { binding, declaration, argument } of instance.inputs) {
      if (binding.type.kind === 'cell') continue;
      if (!bindings.has(binding) && argument !== undefined && argument.op !== 'cell' && argument.op !== 'text')
        bindings.set(binding, this.#expressions.build(argument, environment));
      if (declaration.type !== undefined && bindings.has(binding)) built.inputs.set(binding.name, bindings.get(binding)!);
    }
    for (const parameter of instance.params) {
      const axes = this.#axes.of(parameter.shape, environment);
      const value = frame.use(this.#around.weight(instance, parameter, axes), this.#around.root);
      // a shared weight keeps the axes of where it was made
      const own = value.type.axes;
      const tensorBuilt: BuiltTensor = { kind: 'tensor', value, axes: own };
      bindings.set(parameter.binding, withAxes(frame.builder, tensorBuilt, names(axes)));
      built.params.set(parameter.binding.name, bindings.get(parameter.binding)!);
      outside?.bindings.set(parameter.binding, { kind: 'tensor', value: this.#around.weight(instance, parameter, axes), axes: own });
    }
    const open = this.#states.open(environment, from, outside);
    let value: Built | undefined;
    for (const line of instance.lines) {
      const { core, binding } = line;
      frame.builder.origin = { instance: instance.path, line: binding.name };
      let result = this.#expressions.build(core, environment);
      if (binding.type.kind === 'tensor' && result.kind === 'record') result = tensorOf(result);
      if (binding.kind === 'next') result = this.#states.next(binding, result, open, environment, built);
      bindings.set(binding, result);
      built.lines.set(binding.name, result);
      value = result;
    }
    frame.builder.origin = undefined;
    return { built, value };
  }
}
