// Checked expressions in operations of the graph.

import type { Axis, Value } from '../../graph/graph.ts';
import type { CallNode, Core, TensorType } from '../check/core.ts';
import type { Dimension } from '../check/dimensions.ts';
import {
  type Built,
  type BuiltRecord,
  type BuiltTensor,
  freshName,
  names,
  present,
  renamed,
  tensorOf,
  widenedTo,
  withAxes,
} from './built.ts';
import { type Axes, type Environment, maskAxes, type Surroundings } from './environment.ts';
import { applyFunction, asFloat, bothCounted } from './functions.ts';
import { aligned, combine, cut, multiply, pick, type Writing } from './operations.ts';
import { lastOf, valueFinal } from './runs.ts';

export class ExpressionBuilder {
  readonly #around: Surroundings;
  readonly #axes: Axes;
  readonly #call: (core: CallNode & Core, environment: Environment) => Built;
  /** What was turned around, by what it became. */
  readonly #turned: Map<Value, Value>;

  constructor(
    around: Surroundings,
    axes: Axes,
    turned: Map<Value, Value>,
    call: (core: CallNode & Core, environment: Environment) => Built,
  ) {
    this.#around = around;
    this.#axes = axes;
    this.#turned = turned;
    this.#call = call;
  }

  build(core: Core, environment: Environment): Built {
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
        const record = this.build(core.of, environment) as BuiltRecord;
        return record.fields.get(core.name)!;
      }
      case 'layer':
        return (this.build(core.of, environment) as BuiltRecord).layers![core.index]!;
      case 'negate': {
        const x = this.tensor(core.of, environment);
        return { ...x, value: b.neg(asFloat(b, x.value)) };
      }
      case 'not': {
        const x = this.tensor(core.of, environment);
        return { ...x, value: b.unary('not', b.cast(x.value, 'bool')) };
      }
      case 'binary':
        return this.#binary(core, environment);
      case 'product':
        return multiply(this.#writing(environment), this.tensor(core.left, environment), this.tensor(core.right, environment));
      case 'transpose': {
        const x = this.tensor(core.of, environment);
        return { ...x, axes: [...x.axes.slice(0, -2), x.axes.at(-1)!, x.axes.at(-2)!] };
      }
      case 'join':
        return this.join(
          core.parts.map((part) => this.tensor(part, environment)),
          (core.type as TensorType).shape.at(-1)!,
          environment,
        );
      case 'stack':
        return this.#stack(core, environment);
      case 'subscript': {
        let x = this.tensor(core.of, environment);
        let place = 0;
        for (const each of core.places) {
          if (each.kind === 'index') x = pick(b, x, place, this.#axes.number(each.index));
          else {
            const { bounds } = each;
            if (bounds !== undefined) {
              const from = this.#axes.number(bounds.from);
              x = cut(b, x, place, from, this.#axes.number(bounds.to) - from);
            }
            place += 1;
          }
        }
        return x;
      }
      case 'rows': {
        const table = this.tensor(core.of, environment);
        const index = this.tensor(core.index, environment);
        const rest = table.axes.slice(1);
        const taken = new Set([...names(index.axes), ...index.value.type.axes.map(({ name }) => name)]);
        const to = rest.map(({ name }) => freshName(name, (each) => taken.has(each) || this.#axes.isReserved(each, environment)));
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

  tensor(core: Core, environment: Environment): BuiltTensor {
    return tensorOf(this.build(core, environment));
  }

  #writing(environment: Environment): Writing {
    const { frame } = environment;
    const { ragged } = this.#around;
    return {
      b: frame.builder,
      isReserved: (name) => this.#axes.isReserved(name, environment),
      real: (axis) => ragged.real(axis, frame),
      lengths: (axis) => ragged.lengths(axis, frame),
    };
  }

  #binary(core: Extract<Core, { op: 'binary' }>, environment: Environment): BuiltTensor {
    const writing = this.#writing(environment);
    const { b } = writing;
    const operands = core.operands.map((operand) => this.tensor(operand.core, environment));
    const at = core.operands.map((operand) => operand.at);
    const rank = (core.type as TensorType).shape.length;
    const { values, axes } = aligned(writing, operands, at, rank);
    const isLogical = core.operator === 'and' || core.operator === 'or';
    const [left, right] = values.map((value) => (isLogical ? b.cast(value, 'bool') : asFloat(b, value)));
    const value = combine(writing, core.operator, left!, right!);
    const counted = bothCounted(b, operands);
    return { kind: 'tensor', value, axes, ...(counted === undefined ? {} : { counted }) };
  }

  /** Side by side along the last dimension, which becomes `last`. */
  join(parts: readonly BuiltTensor[], last: Dimension, environment: Environment): BuiltTensor {
    const { frame } = environment;
    const b = frame.builder;
    const [first] = parts;
    const rest = first!.axes.slice(0, -1);
    const brought = parts.map((part) => withAxes(b, part, [...names(rest), part.axes.at(-1)!.name]));
    const whole = this.#together(
      brought.map((part) => ({ ...part, value: present(b, part) })),
      environment,
    );
    const to = this.#axes.one(last, undefined, (name) => names(rest).includes(name), environment);
    const from = parts.map((part) => part.axes.at(-1)!.name);
    return { kind: 'tensor', value: b.concat(whole, from, to), axes: [...rest, to] };
  }

  #stack(core: Extract<Core, { op: 'stack' }>, environment: Environment): BuiltTensor {
    const b = environment.frame.builder;
    const parts = core.parts.map((part) => this.tensor(part, environment));
    const { axes } = parts[0]!;
    const isTaken = (name: string): boolean => names(axes).includes(name) || this.#axes.isReserved(name, environment);
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
    const size = this.#axes.length(dimension);
    if (typeof size === 'number') return b.constant(size);
    const axis = { name: freshName(size, (each) => each === frame.axis?.name), size };
    const own = this.#around.ragged.lengths(axis, frame);
    return own === undefined ? b.sum(b.constant(1, [axis])) : b.cast(own, 'float');
  }

  #function(core: Extract<Core, { op: 'function' }>, environment: Environment): Built {
    if (core.name === 'next') {
      const of = core.operands[0]!.core;
      if (of.op === 'read' && of.binding.kind === 'input' && environment.instance.parent === undefined)
        return this.#around.ahead(of.binding);
    }
    const built = core.operands.map((operand) => this.build(operand.core, environment));
    if (core.name === 'last' && core.type.kind === 'record') {
      const run = built[0] as BuiltRecord;
      const last = lastOf(run);
      const { value: type } = core.type;
      if (last.value !== undefined || run.value === undefined || type === undefined) return last;
      // The cell's value is not one of its states.
      return { ...last, value: this.#applied({ ...core, type, along: core.along.length > 0 ? core.along : [0] }, [run], environment) };
    }
    if (core.name === 'last' && built[0]?.kind === 'record') {
      const final = valueFinal(built[0]);
      if (final !== undefined) return final;
    }
    return this.#applied(core, built, environment);
  }

  #applied(core: Extract<Core, { op: 'function' }>, built: readonly Built[], environment: Environment): BuiltTensor {
    const { frame } = environment;
    const { shape } = core.type as TensorType;
    return applyFunction(core.name, {
      ...this.#writing(environment),
      node: core,
      operands: built.map(tensorOf),
      where: core.where === undefined ? undefined : this.tensor(core.where.core, environment),
      rank: shape.length,
      newAxis: (place, besides) => {
        const taken = new Set([...built.flatMap((each) => names(tensorOf(each).axes)), besides]);
        return this.#axes.one(shape[place]!, undefined, (name) => taken.has(name), environment);
      },
      made: () => {
        const { value, axes } = this.#around.made(core);
        return { kind: 'tensor', value: frame.use(value, this.#around.root), axes };
      },
      mask: (value, rate) => {
        const axes = maskAxes(value, environment);
        return frame.use(this.#around.mask(value, axes, rate), this.#around.root);
      },
      turned: this.#turned,
      ...(frame === this.#around.root && environment.instance.parent === undefined ? { judged: this.#around.judged } : {}),
    });
  }
}

const scalar = (value: Value): BuiltTensor => ({ kind: 'tensor', value, axes: [] });
