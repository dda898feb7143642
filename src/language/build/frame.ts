// Where nodes are written: the model itself, or the body of a recurrence within it.
//
// A body reads nothing but its parameters. A value of the frame around it becomes one when it is first used: scanned, where it has the
// axis that is run over, else held. When the recurrence is closed, what is asked for comes out stacked.

import { Builder } from '../../graph/builder.ts';
import { type Axis, type Graph, hasAxis, type Value } from '../../graph/graph.ts';
import type { Instance } from '../check/core.ts';
import { type Built, changed, mapTensors, tensorsIn } from './built.ts';

/** An instance with the values of its lines, as long as its frame is open; what it is in the model afterwards. */
export interface BuiltInstance {
  readonly instance: Instance;
  /** By the name of the line, with its prime. */
  readonly lines: Map<string, Built>;
  readonly inputs: Map<string, Built>;
  readonly params: Map<string, Built>;
  /** States before the step while the frame is open. */
  readonly states: Map<string, { after: Built; initial: Built }>;
  /** The axis that it runs over, alone or within a run around it. */
  axis?: string;
  reverse: boolean;
}

interface FrameState {
  readonly parameter: Value;
  readonly initial: Value;
  next?: Value;
}

export class Frame {
  readonly builder = new Builder();
  readonly parent: Frame | undefined;
  /** What the recurrence runs over; absent in the outermost frame. */
  readonly axis: Axis | undefined;
  readonly reverse: boolean;
  readonly instances: BuiltInstance[] = [];
  readonly #scanned = new Map<Value, Value>();
  readonly #held = new Map<Value, Value>();
  readonly states: FrameState[] = [];

  constructor(parent?: Frame, axis?: Axis, reverse = false) {
    this.parent = parent;
    this.axis = axis;
    this.reverse = reverse;
  }

  /** A value of this frame or of one around it, for use here. */
  use(value: Value, owner: Frame): Value {
    if (owner === this) return value;
    if (this.parent === undefined || this.axis === undefined) throw new Error('a value is used outside the frame that made it');
    const outer = this.parent.use(value, owner);
    const { name } = this.axis;
    const isScanned = hasAxis(outer, name);
    const known = isScanned ? this.#scanned : this.#held;
    let parameter = known.get(outer);
    if (parameter === undefined) {
      const type = { ...outer.type, axes: outer.type.axes.filter((axis) => axis.name !== name) };
      parameter = this.builder.parameter(type, outer.name);
      known.set(outer, parameter);
    }
    return parameter;
  }

  useBuilt(built: Built, owner: Frame): Built {
    if (owner === this) return built;
    return mapTensors(built, (tensor) => changed(tensor, (value) => this.use(value, owner)));
  }

  /** A state of this recurrence; its first value is one of the frame around. */
  addState(initial: Value, name: string): FrameState {
    const state: FrameState = { parameter: this.builder.parameter(initial.type, name), initial };
    this.states.push(state);
    return state;
  }

  /** Writes the recurrence into the frame around; gives the way from values of the body to those outside, stacked where they change,
   *  and from states to their last value. */
  close(results: readonly Built[]): { readonly outside: (value: Value) => Value; readonly last: (state: FrameState) => Value } {
    const { parent, axis, states } = this;
    if (parent === undefined || axis === undefined) throw new Error('the outermost frame is no recurrence');
    const inward = [...this.#scanned, ...this.#held];
    const outward = new Map<Value, Value>(inward.map(([outer, inner]) => [inner, outer]));
    const wanted = new Set<Value>();
    const want = (built: Built): void => {
      for (const { value, counted } of tensorsIn(built)) {
        if (!outward.has(value)) wanted.add(value);
        if (counted !== undefined && !outward.has(counted)) wanted.add(counted);
      }
    };
    results.forEach(want);
    for (const { lines, inputs, states: own } of this.instances) {
      for (const built of [...lines.values(), ...inputs.values()]) want(built);
      for (const { after } of own.values()) want(after);
    }
    const stacked = [...wanted];
    const body: Graph = {
      parameters: [...this.#scanned.values(), ...this.#held.values(), ...states.map(({ parameter }) => parameter)],
      nodes: this.builder.graph([]).nodes,
      results: [...stacked, ...states.map(({ next, parameter }) => next ?? parameter)],
    };
    const inputs = [...this.#scanned.keys(), ...this.#held.keys(), ...states.map(({ initial }) => initial)];
    const counts = { scanned: this.#scanned.size, held: this.#held.size, states: states.length };
    const outputs = parent.builder.recur(inputs, { axis, reverse: this.reverse, ...counts, body });
    stacked.forEach((value, k) => {
      outward.set(value, outputs[k]!);
    });
    const outside = (value: Value): Value => outward.get(value) ?? value;
    const last = (state: FrameState): Value => outputs[stacked.length + states.indexOf(state)]!;
    this.#handOn(outside, axis.name);
    return { outside, last };
  }

  #handOn(outside: (value: Value) => Value, axis: string): void {
    const move = (built: Built): Built => mapTensors(built, (tensor) => changed(tensor, outside));
    for (const each of this.instances) {
      const moved: BuiltInstance = {
        instance: each.instance,
        lines: new Map([...each.lines].map(([name, built]) => [name, move(built)])),
        inputs: new Map([...each.inputs].map(([name, built]) => [name, move(built)])),
        params: new Map(),
        states: new Map([...each.states].map(([name, { after, initial }]) => [name, { after: move(after), initial }])),
        axis,
        reverse: this.reverse,
      };
      this.parent!.instances.push(moved);
    }
  }
}
