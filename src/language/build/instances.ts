// Instances in the graph: lines of a step inlined, vectorised over what a cell without state runs over, or in a recurrence.

import type { Axis, DataType, Value } from '../../graph/graph.ts';
import { hasAxis, tensor } from '../../graph/graph.ts';
import type { Binding, CallNode, Core, Instance, InstanceInput, RecordType, TensorType, Type } from '../check/core.ts';
import { type Dimension, evaluate, variableOf } from '../check/dimensions.ts';
import { showWritten } from '../check/written.ts';
import {
  type Built,
  type BuiltRecord,
  type BuiltTensor,
  freshName,
  mapTensors,
  names,
  present,
  renamed,
  tensorOf,
  tensorsIn,
  widenedTo,
  withAxes,
} from './built.ts';
import { type BuiltInstance, Frame } from './frame.ts';
import { applyFunction, asFloat, bothCounted } from './functions.ts';
import { aligned, combine, cut, multiply, pick, type Writing } from './operations.ts';

/** What the model as a whole provides, and keeps. */
export interface Surroundings {
  readonly root: Frame;
  /** The length of a data dimension, where it is a number. */
  size(name: string): number | undefined;
  weight(instance: Instance, parameter: Instance['params'][number], axes: readonly Axis[]): Value;
  /** The input of the model one step ahead. */
  ahead(input: Binding): BuiltTensor;
  mask(value: Value, axes: readonly Axis[], rate: number): Value;
  /** The first state of a run that is handed on from window to window; `initial` where it does not start at zero. */
  carried(name: string, instance: Instance, axes: readonly Axis[], initial: number): { readonly before: Value; after(value: Value): void };
}

interface Environment {
  readonly frame: Frame;
  readonly instance: Instance;
  readonly bindings: Map<Binding, Built>;
  /** What the cell runs over without a recurrence, here and in the calls around. */
  readonly implicit: readonly Axis[];
  /** The step's number: the axis it counts along. */
  readonly steps: Axis | undefined;
}

const batch: Axis = { name: 'B', size: 'B' };

export class InstanceBuilder {
  readonly #around: Surroundings;
  readonly #turned = new Map<Value, Value>();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** The model's own lines. */
  model(instance: Instance, inputs: ReadonlyMap<Binding, Built>): BuiltInstance {
    const { root } = this.#around;
    const environment: Environment = { frame: root, instance, bindings: new Map(inputs), implicit: [], steps: undefined };
    return this.#lines(environment).built;
  }

  // ------------------------------------------------------------------------------------------------------------- expressions

  #expression(core: Core, environment: Environment): Built {
    const { frame, bindings } = environment;
    const b = frame.builder;
    switch (core.op) {
      case 'number':
        return scalar(b.constant(core.value));
      case 'boolean':
        return scalar(b.constant(core.value ? 1 : 0, [], 'bool'));
      case 'dimension':
        return scalar(this.#lengthValue(core.dimension, environment));
      case 'step':
        return this.#step(environment);
      case 'read':
        return bindings.get(core.binding)!;
      case 'field': {
        const record = this.#expression(core.of, environment) as BuiltRecord;
        return record.fields.get(core.name)!;
      }
      case 'layer':
        return (this.#expression(core.of, environment) as BuiltRecord).layers![core.index]!;
      case 'negate': {
        const x = this.#tensor(core.of, environment);
        return { ...x, value: b.neg(asFloat(b, x.value)) };
      }
      case 'not': {
        const x = this.#tensor(core.of, environment);
        return { ...x, value: b.unary('not', b.cast(x.value, 'bool')) };
      }
      case 'binary':
        return this.#binary(core, environment);
      case 'product':
        return multiply(this.#writing(environment), this.#tensor(core.left, environment), this.#tensor(core.right, environment));
      case 'transpose': {
        const x = this.#tensor(core.of, environment);
        return { ...x, axes: [...x.axes.slice(0, -2), x.axes.at(-1)!, x.axes.at(-2)!] };
      }
      case 'join':
        return this.#join(core, environment);
      case 'stack':
        return this.#stack(core, environment);
      case 'subscript': {
        let x = this.#tensor(core.of, environment);
        let place = 0;
        for (const each of core.places) {
          if (each.kind === 'index') x = pick(b, x, place, this.#number(each.index));
          else {
            const { bounds } = each;
            if (bounds !== undefined) {
              const from = this.#number(bounds.from);
              x = cut(b, x, place, from, this.#number(bounds.to) - from);
            }
            place += 1;
          }
        }
        return x;
      }
      case 'rows': {
        const table = this.#tensor(core.of, environment);
        const index = this.#tensor(core.index, environment);
        const rest = table.axes.slice(1);
        const taken = new Set([...names(index.axes), ...index.value.type.axes.map(({ name }) => name)]);
        const to = rest.map(({ name }) => freshName(name, (each) => taken.has(each) || this.#isReserved(each, environment)));
        const rows = renamed(b, table.value, names(rest), to);
        const value = b.gather(rows, present(b, index), table.axes[0]!.name);
        return { kind: 'tensor', value, axes: [...index.axes, ...rest.map(({ size }, k) => ({ name: to[k]!, size }))] };
      }
      case 'function':
        return this.#function(core, environment);
      case 'call':
        return this.#call(core, environment);
      default:
        throw new Error(`a ${core.op} reached the graph`);
    }
  }

  /** A length that has to be known. */
  #number(dimension: Dimension): number {
    const size = evaluate(dimension, this.#around.size);
    if (size === undefined) throw new SizeUnknown(dimension);
    return size;
  }

  #tensor(core: Core, environment: Environment): BuiltTensor {
    return tensorOf(this.#expression(core, environment));
  }

  #writing(environment: Environment): Writing {
    return { b: environment.frame.builder, isReserved: (name) => this.#isReserved(name, environment) };
  }

  #isReserved(name: string, { frame, implicit }: Environment): boolean {
    if (name === batch.name || implicit.some((axis) => axis.name === name)) return true;
    for (let each: Frame | undefined = frame; each !== undefined; each = each.parent) if (each.axis?.name === name) return true;
    return false;
  }

  #binary(core: Extract<Core, { op: 'binary' }>, environment: Environment): BuiltTensor {
    const writing = this.#writing(environment);
    const { b } = writing;
    const operands = core.operands.map((operand) => this.#tensor(operand.core, environment));
    const at = core.operands.map((operand) => operand.at);
    const rank = (core.type as TensorType).shape.length;
    const { values, axes } = aligned(writing, operands, at, rank);
    const isLogical = core.operator === 'and' || core.operator === 'or';
    const [left, right] = values.map((value) => (isLogical ? b.cast(value, 'bool') : asFloat(b, value)));
    const value = combine(writing, core.operator, left!, right!);
    const counted = bothCounted(b, operands);
    return { kind: 'tensor', value, axes, ...(counted === undefined ? {} : { counted }) };
  }

  #join(core: Extract<Core, { op: 'join' }>, environment: Environment): BuiltTensor {
    const { frame } = environment;
    const b = frame.builder;
    const parts = core.parts.map((part) => this.#tensor(part, environment));
    const [first] = parts;
    const rest = first!.axes.slice(0, -1);
    const brought = parts.map((part) => withAxes(b, part, [...names(rest), part.axes.at(-1)!.name]));
    const whole = this.#together(
      brought.map((part) => ({ ...part, value: present(b, part) })),
      environment,
    );
    const { shape } = core.type as TensorType;
    const to = this.#axis(shape.at(-1)!, undefined, (name) => names(rest).includes(name), environment);
    const from = parts.map((part) => part.axes.at(-1)!.name);
    return { kind: 'tensor', value: b.concat(whole, from, to), axes: [...rest, to] };
  }

  #stack(core: Extract<Core, { op: 'stack' }>, environment: Environment): BuiltTensor {
    const b = environment.frame.builder;
    const parts = core.parts.map((part) => this.#tensor(part, environment));
    const { axes } = parts[0]!;
    const isTaken = (name: string): boolean => names(axes).includes(name) || this.#isReserved(name, environment);
    const to = { name: freshName(`${parts.length}`, isTaken), size: parts.length };
    const one = { name: to.name, size: 1 };
    const brought = parts.map((part) => withAxes(b, part, names(axes)));
    const whole = this.#together(brought, environment).map((value) => b.broadcast(asFloat(b, value), one));
    return {
      kind: 'tensor',
      value: b.concat(
        whole,
        whole.map(() => one.name),
        to,
      ),
      axes: [to, ...axes],
    };
  }

  /** Values that stand side by side need the same other axes: what one has of batch or time, all get. */
  #together(parts: readonly BuiltTensor[], { frame }: Environment): Value[] {
    const b = frame.builder;
    const own = new Set(parts.flatMap((part) => names(part.axes)));
    const besides = new Map<string, Axis>();
    for (const { value } of parts) for (const axis of value.type.axes) if (!own.has(axis.name)) besides.set(axis.name, axis);
    return parts.map((part) => widenedTo(b, present(b, part), [...besides.values()]));
  }

  #step({ frame, steps }: Environment): BuiltTensor {
    const b = frame.builder;
    if (steps === undefined) return scalar(b.constant(0));
    if (frame.axis?.name !== steps.name) return scalar(b.cast(b.iota(steps), 'float'));
    const outer = frame.parent!;
    return scalar(frame.use(outer.builder.cast(outer.builder.iota(steps), 'float'), outer));
  }

  #lengthValue(dimension: Dimension, { frame }: Environment): Value {
    const b = frame.builder;
    const size = evaluate(dimension, this.#around.size);
    if (size !== undefined) return b.constant(size);
    const name = variableOf(dimension)!.name;
    return b.sum(b.constant(1, [{ name: freshName(name, (each) => each === frame.axis?.name), size: name }]));
  }

  #function(core: Extract<Core, { op: 'function' }>, environment: Environment): Built {
    const { frame } = environment;
    if (core.name === 'next') {
      const of = core.operands[0]!.core;
      if (of.op === 'read' && of.binding.kind === 'input' && environment.instance.parent === undefined)
        return this.#around.ahead(of.binding);
    }
    const built = core.operands.map((operand) => this.#expression(operand.core, environment));
    if (core.name === 'last' && core.type.kind === 'record') return lastOf(built[0] as BuiltRecord);
    if (core.name === 'last' && built[0]?.kind === 'record') {
      const final = valueFinal(built[0]);
      if (final !== undefined) return final;
    }
    const { shape } = core.type as TensorType;
    return applyFunction(core.name, {
      ...this.#writing(environment),
      node: core,
      operands: built.map(tensorOf),
      where: core.where === undefined ? undefined : this.#tensor(core.where.core, environment),
      rank: shape.length,
      newAxis: (place) => {
        const taken = new Set(built.flatMap((each) => names(tensorOf(each).axes)));
        return this.#axis(shape[place]!, undefined, (name) => taken.has(name), environment);
      },
      mask: (value, rate) => {
        const axes = this.#maskAxes(value, environment);
        return frame.use(this.#around.mask(value, axes, rate), this.#around.root);
      },
      turned: this.#turned,
    });
  }

  /** Those of the value, and of each run around it: every step and example has a mask of its own. */
  #maskAxes(value: Value, { frame }: Environment): Axis[] {
    const axes = [...value.type.axes];
    for (let each: Frame | undefined = frame; each?.axis !== undefined; each = each.parent) axes.unshift(each.axis);
    return axes;
  }

  // -------------------------------------------------------------------------------------------------------------------- calls

  #call(core: CallNode & Core, environment: Environment): Built {
    const { frame } = environment;
    const from = core.from === undefined ? undefined : this.#expression(core.from, environment);
    const given = new Map<Core, Built>();
    const layers: BuiltRecord[] = [];
    core.layers.forEach((instance, layer) => {
      const inputs = new Map<Binding, Built>();
      for (const input of instance.inputs) {
        const { argument, binding } = input;
        if (argument === undefined || isDefault(input) || binding.type.kind === 'cell') continue;
        if (layer > 0 && binding.name === core.chained) {
          inputs.set(binding, this.#between(layers.at(-1)!, core.dropout, environment));
          continue;
        }
        let built = given.get(argument);
        if (built === undefined) {
          built = this.#expression(argument, environment);
          given.set(argument, built);
        }
        inputs.set(binding, built);
      }
      const start = from?.kind === 'record' && from.layers !== undefined && core.layers.length > 1 ? from.layers[layer] : from;
      layers.push(this.#instance(instance, inputs, start, { ...environment, frame }));
    });
    const top = layers.at(-1)!;
    return (core.type as RecordType).layers === undefined ? top : { ...top, layers };
  }

  #between(below: BuiltRecord, rate: number | undefined, environment: Environment): BuiltTensor {
    const value = tensorOf(below);
    if (rate === undefined) return value;
    const { frame } = environment;
    const axes = this.#maskAxes(value.value, environment);
    const mask = frame.use(this.#around.mask(value.value, axes, rate), this.#around.root);
    return { ...value, value: frame.builder.times(value.value, mask) };
  }

  #instance(instance: Instance, inputs: Map<Binding, Built>, from: Built | undefined, caller: Environment): BuiltRecord {
    const lift = this.#liftAxes(instance, inputs, caller);
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
    return record(instance, built, value, lift);
  }

  /** The axes for what a call runs over: those that its first such argument has. */
  #liftAxes(instance: Instance, inputs: ReadonlyMap<Binding, Built>, _caller: Environment): Axis[] {
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
    return withAxes(b, tensorBuilt, names(this.#axes(type.shape, environment)));
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
    const out = (each: Built): Built =>
      mapTensors(each, (one) => ({ ...one, value: closing.outside(one.value), axes: [axis, ...one.axes] }));
    const back = (each: Built): Built => {
      const moved = out(each);
      if (!reverse) return moved;
      return mapTensors(moved, (one) => {
        if (!hasAxis(one.value, axis.name)) return one;
        const turned = outer.builder.reverse(one.value, axis.name);
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
    for (const { state, after } of this.#carriedStates.get(inner) ?? []) after(closing.last(state));
    this.#carriedStates.delete(inner);
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

  readonly #carriedStates = new Map<Frame, { state: Frame['states'][number]; after(value: Value): void }[]>();

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
        bindings.set(binding, this.#expression(argument, environment));
      if (declaration.type !== undefined && bindings.has(binding)) built.inputs.set(binding.name, bindings.get(binding)!);
    }
    for (const parameter of instance.params) {
      const axes = this.#axes(parameter.shape, environment);
      const value = frame.use(this.#around.weight(instance, parameter, axes), this.#around.root);
      // a shared weight keeps the axes of where it was made
      const own = value.type.axes;
      const tensorBuilt: BuiltTensor = { kind: 'tensor', value, axes: own };
      bindings.set(parameter.binding, withAxes(frame.builder, tensorBuilt, names(axes)));
      built.params.set(parameter.binding.name, bindings.get(parameter.binding)!);
      outside?.bindings.set(parameter.binding, { kind: 'tensor', value: this.#around.weight(instance, parameter, axes), axes: own });
    }
    const open = this.#openStates(environment, from, outside);
    let value: Built | undefined;
    for (const line of instance.lines) {
      const { core, binding } = line;
      frame.builder.origin = { instance: instance.path, line: binding.name };
      let result = this.#expression(core, environment);
      if (binding.type.kind === 'tensor' && result.kind === 'record') result = tensorOf(result);
      if (binding.kind === 'next') result = this.#next(binding, result, open, environment, built);
      bindings.set(binding, result);
      built.lines.set(binding.name, result);
      value = result;
    }
    frame.builder.origin = undefined;
    return { built, value };
  }

  /** Gives every state its value before the step. */
  #openStates(environment: Environment, from: Built | undefined, outside: Environment | undefined): Map<string, OpenState> {
    const { frame, instance, bindings } = environment;
    const open = new Map<string, OpenState>();
    for (const { binding, initial } of instance.states) {
      const { name, type } = binding;
      const given =
        from === undefined ? undefined : from.kind === 'record' && from.states.size > 0 ? from.states.get(name)! : tensorOf(from);
      const around = outside ?? environment;
      const isRunning = frame.axis !== undefined;
      if (given !== undefined && outside === undefined) {
        // one step from a state in the caller's hands
        const before = this.#shaped(given, type, environment);
        bindings.set(binding, before);
        open.set(name, { before, initial: before, slots: [] });
        continue;
      }
      const first = given ?? (initial === undefined ? undefined : this.#firstValue(initial, around, outside !== undefined || !isRunning));
      const slots: OpenState['slots'] = [];
      const owner = isRunning ? frame.parent! : frame;
      const make = (part: TensorType, path: string, value: Built | undefined): { before: BuiltTensor; initial: BuiltTensor } => {
        const axes = this.#axes(part.shape, environment);
        const all = [batch, ...environment.implicit, ...axes];
        const isCarried = isRunning && !frame.reverse && given === undefined;
        const start = this.#start({ part, path, value, all, axes, instance, owner, isCarried });
        if (!isRunning)
          return { before: { kind: 'tensor', value: start.value, axes }, initial: { kind: 'tensor', value: start.value, axes } };
        const state = frame.addState(start.value, path);
        if (start.after !== undefined) {
          const list = this.#carriedStates.get(frame) ?? [];
          list.push({ state, after: start.after });
          this.#carriedStates.set(frame, list);
        }
        slots.push({ state, axes: all });
        return { before: { kind: 'tensor', value: state.parameter, axes }, initial: { kind: 'tensor', value: start.value, axes } };
      };
      const path = instance.path === '' ? name : `${instance.path}.${name}`;
      const made = makeState(type, path, first, make);
      bindings.set(binding, made.before);
      open.set(name, { ...made, slots });
    }
    return open;
  }

  /** An initial value is computed before the run; within another run's step it can only be a number. */
  #firstValue(initial: Core, around: Environment, isOutside: boolean): Built {
    if (isOutside) return this.#expression(initial, around);
    const owner = around.frame.parent!;
    return this.#expression(initial, { ...around, frame: owner });
  }

  /** The value before the first step. A run of the model that starts at a number goes on from window to window. */
  #start({ part, path, value, all, axes, instance, owner, isCarried }: Starting): { value: Value; after?: (value: Value) => void } {
    const b = owner.builder;
    const plain = value === undefined ? 0 : value.kind === 'tensor' ? constantOf(value, owner) : undefined;
    if (isCarried && plain !== undefined && owner === this.#around.root) {
      const carried = this.#around.carried(path, instance, all, plain);
      return { value: carried.before, after: carried.after };
    }
    if (plain !== undefined) return { value: b.constant(plain, all) };
    const given = tensorOf(value!);
    const aligned = given.axes.length === part.shape.length ? withAxes(b, given, names(axes)) : given;
    return { value: widenedTo(b, aligned.value, all) };
  }

  /** A state that is handed in, with the cell's own names for its dimensions. */
  #shaped(given: Built, type: Type, environment: Environment): Built {
    if (given.kind === 'record') {
      if (type.kind !== 'record') return this.#shaped(tensorOf(given), type, environment);
      return given;
    }
    return type.kind === 'tensor' ? withAxes(environment.frame.builder, given, names(this.#axes(type.shape, environment))) : given;
  }

  #next(binding: Binding, result: Built, open: ReadonlyMap<string, OpenState>, environment: Environment, built: BuiltInstance): Built {
    const { frame } = environment;
    const b = frame.builder;
    const name = binding.name.replace(/'$/, '');
    const state = open.get(name)!;
    const before = tensorsIn(stateOnly(state.before));
    const settle = (tensorBuilt: BuiltTensor, k: number): BuiltTensor => {
      const like = before[k]!;
      const aligned =
        tensorBuilt.axes.length === like.axes.length ? withAxes(b, tensorBuilt, names(like.axes)) : { ...tensorBuilt, axes: like.axes };
      const slot = state.slots[k];
      const all = slot?.axes ?? like.axes;
      const value = widenedTo(b, aligned.value, all);
      if (slot !== undefined) slot.state.next = value;
      return { kind: 'tensor', value, axes: like.axes };
    };
    let after: Built;
    if (state.before.kind === 'record' && result.kind === 'record') {
      const fields = new Map<string, Built>();
      [...state.before.states.keys()].forEach((field, k) => {
        fields.set(field, settle(tensorOf(result.states.get(field)!), k));
      });
      after = { ...result, states: fields, fields: new Map([...result.fields, ...fields]) };
    } else after = settle(tensorOf(result), 0);
    built.states.set(name, { after: stateOnly(after), initial: state.initial });
    return after;
  }

  // --------------------------------------------------------------------------------------------------------------------- axes

  /** Axes for the dimensions of a shape as it is written, each name once. */
  #axes(shape: readonly Dimension[], environment: Environment): Axis[] {
    const axes: Axis[] = [];
    for (const dimension of shape)
      axes.push(this.#axis(dimension, environment.instance, (name) => axes.some((axis) => axis.name === name), environment));
    return axes;
  }

  #axis(dimension: Dimension, instance: Instance | undefined, isTaken: (name: string) => boolean, environment: Environment): Axis {
    const size = evaluate(dimension, this.#around.size);
    const symbol = size === undefined ? variableOf(dimension)?.name : undefined;
    if (size === undefined && symbol === undefined) throw new SizeUnknown(dimension);
    const written = symbol ?? (instance === undefined ? undefined : showWritten(dimension, instance)) ?? `${size}`;
    const name = freshName(written.replaceAll(' ', ''), (each) => isTaken(each) || this.#isReserved(each, environment));
    return { name, size: size ?? symbol! };
  }
}

/** The length of a dimension that the data should have told. */
export class SizeUnknown extends Error {
  readonly dimension: Dimension;
  constructor(dimension: Dimension) {
    super('a dimension is known neither from the model nor from its data');
    this.dimension = dimension;
  }
}

interface Starting {
  readonly part: TensorType;
  readonly path: string;
  readonly value: Built | undefined;
  /** With the batch and what is run over around. */
  readonly all: readonly Axis[];
  readonly axes: readonly Axis[];
  readonly instance: Instance;
  readonly owner: Frame;
  readonly isCarried: boolean;
}

interface OpenState {
  readonly before: Built;
  readonly initial: Built;
  /** In a recurrence: the state's parameters, one for a tensor, one a field for a record. */
  readonly slots: { state: Frame['states'][number]; axes: readonly Axis[] }[];
}

const scalar = (value: Value): BuiltTensor => ({ kind: 'tensor', value, axes: [] });

const hasTensor = (built: Built): boolean => built.kind === 'tensor' || built.value !== undefined;

/** Of a record, what its states are. */
function stateOnly(built: Built): Built {
  if (built.kind === 'tensor') return built;
  return { kind: 'record', fields: new Map(), states: built.states };
}

function makeState(
  type: Type,
  path: string,
  first: Built | undefined,
  make: (part: TensorType, path: string, value: Built | undefined) => { before: BuiltTensor; initial: BuiltTensor },
): { before: Built; initial: Built } {
  if (type.kind === 'tensor') return make(type, path, first);
  if (type.kind !== 'record') throw new Error('a state of unknown type reached the graph');
  const before = new Map<string, Built>();
  const initial = new Map<string, Built>();
  for (const [name, part] of type.states) {
    const given = first?.kind === 'record' ? first.states.get(name) : first;
    const made = makeState(part, `${path}.${name}`, given, make);
    before.set(name, made.before);
    initial.set(name, made.initial);
  }
  const whole = (states: Map<string, Built>): BuiltRecord => {
    const key = [...type.states].find(([, part]) => part === type.value)?.[0];
    const value = key === undefined ? undefined : states.get(key);
    return { kind: 'record', fields: states, states, ...(value?.kind === 'tensor' ? { value } : {}) };
  };
  return { before: whole(before), initial: whole(initial) };
}

function record(instance: Instance, built: BuiltInstance, value: Built | undefined, lift: readonly Axis[]): BuiltRecord {
  const out = (each: Built): Built => (lift.length === 0 ? each : mapTensors(each, (one) => ({ ...one, axes: [...lift, ...one.axes] })));
  const states = new Map<string, Built>();
  const fields = new Map<string, Built>();
  for (const [name, { after }] of built.states) states.set(name, out(after));
  for (const [name, line] of built.lines) fields.set(name.replace(/'$/, ''), out(line));
  for (const [name, state] of states) fields.set(name, state);
  for (const parameter of instance.params) {
    const weight = built.params.get(parameter.binding.name);
    if (weight !== undefined) fields.set(parameter.binding.name, weight);
  }
  const tensorValue = value === undefined || !hasTensor(value) ? undefined : (out(tensorOf(value)) as BuiltTensor);
  return { kind: 'record', fields, states, ...(tensorValue === undefined ? {} : { value: tensorValue }) };
}

/** last(run): its states after the last step. */
function lastOf(run: BuiltRecord): BuiltRecord {
  const states = run.finals ?? new Map<string, Built>();
  const value = valueFinal(run);
  const layers = run.layers?.map(lastOf);
  return { kind: 'record', fields: states, states, ...(value === undefined ? {} : { value }), ...(layers === undefined ? {} : { layers }) };
}

/** The last value of a run, where it is one of its states. */
function valueFinal(run: BuiltRecord): BuiltTensor | undefined {
  if (run.value === undefined || run.finals === undefined) return undefined;
  for (const [name, state] of run.states)
    if (state.kind === 'tensor' && state.value === run.value.value) return tensorOf(run.finals.get(name)!);
  return undefined;
}

const isDefault = ({ argument, declaration }: InstanceInput): boolean => argument?.source === declaration.fallback;

/** The number that a value is, where it is written as one. */
function constantOf(built: BuiltTensor, owner: Frame): number | undefined {
  if (built.axes.length > 0) return undefined;
  const node = owner.builder.graph([]).nodes.find(({ outputs }) => outputs[0] === built.value);
  return node?.operation === 'constant' ? node.attributes.value : undefined;
}

export const inputAxes = (type: TensorType, sizes: (name: string) => number | undefined): readonly Axis[] => {
  const axes: Axis[] = [];
  for (const dimension of type.shape) {
    const size = evaluate(dimension, sizes);
    const symbol = size === undefined ? variableOf(dimension)?.name : undefined;
    if (size === undefined && symbol === undefined) throw new SizeUnknown(dimension);
    const name = freshName(symbol ?? `${size}`, (each) => each === batch.name || axes.some((axis) => axis.name === each));
    axes.push({ name, size: size ?? symbol! });
  }
  return axes;
};

export const dataType = (type: TensorType): DataType => (type.classes === undefined ? 'float' : 'int');
export const inputType = (type: TensorType, axes: readonly Axis[]) => {
  const isSequence = typeof axes[0]?.size === 'string';
  return tensor(isSequence ? [axes[0]!, batch, ...axes.slice(1)] : [batch, ...axes], dataType(type));
};
