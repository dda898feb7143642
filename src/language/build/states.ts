// The states of instances: their value before the first step, from step to step, and after the last.

import type { Axis, Value } from '../../graph/graph.ts';
import type { Binding, Core, Instance, TensorType, Type } from '../check/core.ts';
import { type Built, type BuiltRecord, type BuiltTensor, names, tensorOf, tensorsIn, widenedTo, withAxes } from './built.ts';
import { type Axes, batch, type Environment, type Surroundings } from './environment.ts';
import type { ExpressionBuilder } from './expressions.ts';
import type { BuiltInstance, Frame } from './frame.ts';

export class StateBuilder {
  readonly #around: Surroundings;
  readonly #axes: Axes;
  readonly #expressions: ExpressionBuilder;
  readonly #carriedStates = new Map<Frame, { state: Frame['states'][number]; after(value: Value): void }[]>();

  constructor(around: Surroundings, axes: Axes, expressions: ExpressionBuilder) {
    this.#around = around;
    this.#axes = axes;
    this.#expressions = expressions;
  }

  /** Gives every state its value before the step. */
  open(environment: Environment, from: Built | undefined, outside: Environment | undefined): Map<string, OpenState> {
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
        const axes = this.#axes.of(part.shape, environment);
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
    if (isOutside) return this.#expressions.build(initial, around);
    const owner = around.frame.parent!;
    return this.#expressions.build(initial, { ...around, frame: owner });
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
    return type.kind === 'tensor' ? withAxes(environment.frame.builder, given, names(this.#axes.of(type.shape, environment))) : given;
  }

  next(binding: Binding, result: Built, open: ReadonlyMap<string, OpenState>, environment: Environment, built: BuiltInstance): Built {
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
      const stepped = widenedTo(b, aligned.value, all);
      const value = slot === undefined ? stepped : this.#within(stepped, slot.state.parameter, frame);
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

  /** Behind the end of a row its state stays what it was. */
  #within(after: Value, before: Value, frame: Frame): Value {
    const real = frame.axis === undefined ? undefined : this.#around.ragged.real(frame.axis, frame);
    return real === undefined ? after : frame.builder.where(real, after, before);
  }

  /** Hands the last states of a run that was closed to the next window. */
  carryOn(frame: Frame, last: (state: Frame['states'][number]) => Value): void {
    for (const { state, after } of this.#carriedStates.get(frame) ?? []) after(last(state));
    this.#carriedStates.delete(frame);
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

export interface OpenState {
  readonly before: Built;
  readonly initial: Built;
  /** In a recurrence: the state's parameters, one for a tensor, one a field for a record. */
  readonly slots: { state: Frame['states'][number]; axes: readonly Axis[] }[];
}

/** Of a record, what its states are. */
export function stateOnly(built: Built): Built {
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

/** The number that a value is, where it is written as one. */
function constantOf(built: BuiltTensor, owner: Frame): number | undefined {
  if (built.axes.length > 0) return undefined;
  const node = owner.builder.graph([]).nodes.find(({ outputs }) => outputs[0] === built.value);
  return node?.operation === 'constant' ? node.attributes.value : undefined;
}
