// Whether what is predicted sees itself: a model that is asked for next(x) may read x up to this step only.
//
// Each value sees of x nothing, what came so far, or what comes later. Whatever works along the time of x as a whole sees later steps.

import type { Binding, Core, FunctionName, Instance, InstanceInput } from './core.ts';
import { type Dimension, isSame, numberOf } from './dimensions.ts';
import { asTensor } from './scope.ts';
import { operandsOf } from './walk.ts';

type Sight = 0 | 1 | 2;
const nothing: Sight = 0;
const later: Sight = 2;

/** cross_entropy(scores, next(input)), or another loss that compares with next(input), somewhere in a model. */
export interface Prediction {
  readonly scores: Core;
  readonly input: Binding;
  readonly target: Core;
}

export function predictionsOf(instance: Instance): Prediction[] {
  const found: Prediction[] = [];
  const visit = (node: Core): void => {
    if (node.op === 'function' && losses.has(node.name)) {
      const [scores, target] = node.operands;
      const of = target?.core.op === 'function' && target.core.name === 'next' ? target.core.operands[0]?.core : undefined;
      if (of?.op === 'read' && of.binding.kind === 'input') found.push({ scores: scores!.core, input: of.binding, target: target!.core });
    }
    operandsOf(node).forEach(visit);
  };
  for (const { core } of instance.lines) visit(core);
  return found;
}
const losses = new Set<FunctionName>(['cross_entropy', 'binary', 'mse', 'mae', 'huber']);

/** The line of the model that first looks at later steps of the input on the way to what predicts it. */
export function seesFuture(instance: Instance, { scores, input }: Prediction): { readonly line: string; readonly core: Core } | undefined {
  const time = asTensor(input.type)?.shape[0];
  if (time === undefined) return undefined;
  const sights = new Map<Binding, Sight>([[input, 1]]);
  const looking = new Looking(time);
  const needed = neededFor(scores, instance);
  for (const { binding, core } of instance.lines) {
    if (!needed.has(binding)) continue;
    const sight = looking.at(core, sights);
    sights.set(binding, sight);
    if (sight === later) return { line: binding.name, core };
  }
  return looking.at(scores, sights) === later ? { line: 'loss', core: scores } : undefined;
}

function neededFor(core: Core, instance: Instance): Set<Binding> {
  const needed = new Set<Binding>();
  const visit = (node: Core): void => {
    if (node.op === 'read' && !needed.has(node.binding)) {
      needed.add(node.binding);
      const line = instance.lines.find(({ binding }) => binding === node.binding);
      if (line !== undefined) visit(line.core);
    }
    operandsOf(node).forEach(visit);
  };
  visit(core);
  return needed;
}

class Looking {
  readonly #time: Dimension;
  /** The cell in hand weighs what came so far: sums over time with those weights see no later step. */
  #looksBack = false;

  constructor(time: Dimension) {
    this.#time = time;
  }

  at(core: Core, sights: ReadonlyMap<Binding, Sight>): Sight {
    if (core.op === 'read') return sights.get(core.binding) ?? nothing;
    if (core.op === 'call') return this.#call(core, sights);
    const sight = most(operandsOf(core).map((operand) => this.at(operand, sights)));
    if (sight === nothing || sight === later) return sight;
    return this.#worksAlongTime(core) ? later : sight;
  }

  #isTime(core: Core | undefined, place: number): boolean {
    const dimension = core === undefined ? undefined : asTensor(core.type)?.shape[place];
    return dimension !== undefined && isSame(dimension, this.#time);
  }

  #worksAlongTime(core: Core): boolean {
    switch (core.op) {
      case 'function': {
        const { name, along, operands } = core;
        if (name === 'first' || name === 'previous' || name === 'cumsum' || (name === 'softmax' && this.#looksBack)) return false;
        return (
          along.some((place) => this.#isTime(operands[0]?.core, place)) || (name === 'last' && operands[0]?.core.type.kind === 'record')
        );
      }
      case 'product': {
        const rank = asTensor(core.left.type)?.shape.length ?? 0;
        return this.#isTime(core.left, rank - 1) && !this.#looksBack;
      }
      case 'subscript':
        return core.places.some((place, k) => place.kind === 'index' && numberOf(place.index) !== 0 && this.#isTime(core.of, k));
      default:
        return false;
    }
  }

  #call(core: Extract<Core, { op: 'call' }>, outside: ReadonlyMap<Binding, Sight>): Sight {
    let below: Sight = nothing;
    const from = core.from === undefined ? nothing : this.at(core.from, outside);
    const { heads = 1 } = core;
    let beside: Sight[] = [];
    for (const [k, instance] of core.layers.entries()) {
      const sights = new Map<Binding, Sight>();
      for (const input of instance.inputs) {
        const isChained = k >= heads && input.binding.name === core.chained;
        const sight = isChained ? below : input.argument === undefined ? nothing : this.at(input.argument, outside);
        sights.set(input.binding, this.#isHeld(input, instance) && sight !== nothing ? later : sight);
      }
      beside.push(most([from, this.#body(instance, sights)]));
      if (beside.length < heads) continue;
      below = most(beside);
      beside = [];
    }
    return below;
  }

  /** The whole sequence is there at each of its own steps, and nothing keeps the weights from what comes later. */
  #isHeld(input: InstanceInput, instance: Instance): boolean {
    if (
      input.lifted ||
      instance.lines.some(({ core }) => looksBackOnly(core, instance)) ||
      !instance.lift.some((dimension) => isSame(dimension, this.#time))
    )
      return false;
    return asTensor(input.binding.type)?.shape.some((dimension) => isSame(dimension, this.#time)) ?? false;
  }

  /** Twice, so that a state sees what its next value saw. */
  #body(instance: Instance, sights: Map<Binding, Sight>): Sight {
    const around = this.#looksBack;
    this.#looksBack = instance.lines.some(({ core }) => looksBackOnly(core, instance));
    let last: Sight = nothing;
    for (let pass = 0; pass < 2; pass += 1)
      for (const { binding, core } of instance.lines) {
        last = this.at(core, sights);
        sights.set(binding, last);
        const state = binding.kind === 'next' ? instance.states.find((each) => `${each.binding.name}'` === binding.name) : undefined;
        if (state !== undefined) sights.set(state.binding, most([last, sights.get(state.binding) ?? nothing]));
      }
    this.#looksBack = around;
    return last;
  }
}

const most = (sights: readonly Sight[]): Sight => Math.max(nothing, ...sights) as Sight;

/** softmax(..., where: range(S) <= t): no weight falls on later steps. */
function looksBackOnly(core: Core, instance: Instance): boolean {
  if (core.op === 'function' && core.name === 'softmax' && core.where !== undefined) return isPast(core.where.core, instance);
  return operandsOf(core).some((operand) => looksBackOnly(operand, instance));
}

/** It holds for no later step: `range(S) <= t`, alone or with conditions that cannot widen it. */
function isPast(condition: Core, instance: Instance): boolean {
  if (condition.op !== 'binary') return false;
  const [left, right] = condition.operands.map(({ core }) => core) as [Core, Core];
  const isPlace = (core: Core): boolean => core.op === 'function' && core.name === 'range';
  switch (condition.operator) {
    case '<=':
    case '<':
      return isPlace(left) && right.op === 'step';
    case '>=':
    case '>':
      return left.op === 'step' && isPlace(right);
    case 'and':
      return isPast(left, instance) || isPast(right, instance);
    case 'or':
      return (isPast(left, instance) && isNever(right, instance)) || (isNever(left, instance) && isPast(right, instance));
    default:
      return false;
  }
}

const isNever = (core: Core, instance: Instance): boolean => truth(core, instance) === false;

/** Whether a condition holds, where that is known before anything runs. */
function truth(core: Core, instance: Instance): boolean | undefined {
  if (core.op === 'boolean') return core.value;
  if (core.op === 'not') {
    const inner = truth(core.of, instance);
    return inner === undefined ? undefined : !inner;
  }
  if (core.op !== 'read') return undefined;
  const given = instance.inputs.find(({ binding }) => binding === core.binding)?.argument;
  return given === undefined ? undefined : truth(given, instance);
}
