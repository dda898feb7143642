// Writes graphs: one method an operation, each checked as it is added.

import {
  type AnyNode,
  type Axis,
  axisNames,
  axisOf,
  type DataType,
  type Graph,
  makeValue,
  type OperationName,
  type Operations,
  type Origin,
  type Pool,
  type RecurAttributes,
  type TensorType,
  tensor,
  type Value,
  type Window,
  type WindowPart,
} from './graph.ts';
import { GraphError, type Rule, show, typeRules } from './shapes.ts';

export class Builder {
  readonly #parameters: Value[] = [];
  readonly #nodes: AnyNode[] = [];
  /** Given to every node added while it is set. */
  origin: Origin | undefined;

  parameter(type: TensorType, name?: string): Value {
    const value = makeValue(type, name);
    this.#parameters.push(value);
    return value;
  }

  /** Takes over a value that already exists (a pass keeps parameters as they are). */
  adopt(value: Value): Value {
    this.#parameters.push(value);
    return value;
  }

  graph(results: readonly Value[]): Graph {
    return { parameters: [...this.#parameters], nodes: [...this.#nodes], results: [...results] };
  }

  /** Adds a node. A pass that rebuilds a node as it was uses this; all else uses the methods below. */
  add<Name extends OperationName>(
    operation: Name,
    attributes: Operations[Name],
    inputs: readonly Value[],
    name?: string,
  ): readonly Value[] {
    const rule: Rule<Name> = typeRules[operation];
    const outputs = rule(inputs, attributes).map((type) => makeValue(type, name));
    const node = { operation, attributes, inputs, outputs, ...(this.origin === undefined ? {} : { origin: this.origin }) };
    this.#nodes.push(node as unknown as AnyNode);
    return outputs;
  }

  #one<Name extends OperationName>(operation: Name, attributes: Operations[Name], ...inputs: Value[]): Value {
    return this.add(operation, attributes, inputs)[0]!;
  }

  constant(value: number, axes: readonly Axis[] = [], dtype: DataType = 'float'): Value {
    return this.#one('constant', { value, type: tensor(axes, dtype) });
  }
  iota(axis: Axis): Value {
    return this.#one('iota', { axis });
  }

  unary(operation: Unary, x: Value): Value {
    return this.#one(operation, {}, x);
  }
  binary(operation: Binary, a: Value, b: Value): Value {
    return this.#one(operation, {}, a, b);
  }
  neg = (x: Value): Value => this.unary('neg', x);
  exp = (x: Value): Value => this.unary('exp', x);
  log = (x: Value): Value => this.unary('log', x);
  sqrt = (x: Value): Value => this.unary('sqrt', x);
  sigmoid = (x: Value): Value => this.unary('sigmoid', x);
  tanh = (x: Value): Value => this.unary('tanh', x);
  relu = (x: Value): Value => this.unary('relu', x);
  plus = (a: Value, b: Value): Value => this.binary('add', a, b);
  minus = (a: Value, b: Value): Value => this.binary('sub', a, b);
  times = (a: Value, b: Value): Value => this.binary('mul', a, b);
  over = (a: Value, b: Value): Value => this.binary('div', a, b);
  /** 1 - x */
  complement = (x: Value): Value => this.minus(this.constant(1), x);
  scale = (x: Value, factor: number): Value => this.times(x, this.constant(factor));
  where(condition: Value, a: Value, b: Value): Value {
    return this.#one('where', {}, condition, a, b);
  }
  cast(x: Value, dtype: DataType): Value {
    return x.type.dtype === dtype ? x : this.#one('cast', { dtype }, x);
  }

  contract(a: Value, b: Value, over: readonly string[]): Value {
    return this.#one('contract', { over }, a, b);
  }
  sum(x: Value, over: readonly string[] = axisNames(x)): Value {
    return over.length === 0 ? x : this.#one('sum', { over }, x);
  }
  max(x: Value, over: readonly string[] = axisNames(x)): Value {
    return over.length === 0 ? x : this.#one('max', { over }, x);
  }
  argmax(x: Value, over: string): Value {
    return this.#one('argmax', { over }, x);
  }
  softmax(x: Value, over: string): Value {
    return this.#one('softmax', { over }, x);
  }
  logsumexp(x: Value, over: string): Value {
    return this.#one('logsumexp', { over }, x);
  }
  cumsum(x: Value, over: string, reverse = false): Value {
    return this.#one('cumsum', { over, reverse }, x);
  }

  concat(parts: readonly Value[], from: readonly string[], to: Axis): Value {
    return this.#one('concat', { from, to }, ...parts);
  }
  slice(x: Value, from: string, start: number, to: Axis): Value {
    return this.#one('slice', { from, start, to }, x);
  }
  pad(x: Value, from: string, start: number, to: Axis): Value {
    return this.#one('pad', { from, start, to }, x);
  }
  split(x: Value, from: string, to: readonly [Axis, Axis]): Value {
    return this.#one('split', { from, to }, x);
  }
  merge(x: Value, from: readonly [string, string], to: Axis): Value {
    return this.#one('merge', { from, to }, x);
  }
  rename(x: Value, from: string, to: string): Value {
    return from === to ? x : this.#one('rename', { from, to }, x);
  }
  broadcast(x: Value, axis: Axis): Value {
    return this.#one('broadcast', { axis }, x);
  }

  gather(x: Value, index: Value, axis: string): Value {
    return this.#one('gather', { axis }, x, index);
  }
  scatterAdd(updates: Value, index: Value, axis: Axis, keep: readonly string[] = []): Value {
    return this.#one('scatterAdd', { axis, keep }, updates, index);
  }
  oneHot(index: Value, axis: Axis, dtype: DataType = 'float'): Value {
    return this.#one('oneHot', { axis, dtype }, index);
  }
  shift(x: Value, axis: string, by: number, fill = 0): Value {
    return this.#one('shift', { axis, by, fill }, x);
  }
  reverse(x: Value, axis: string, lengths?: Value): Value {
    return lengths === undefined ? this.#one('reverse', { axis }, x) : this.#one('reverse', { axis }, x, lengths);
  }
  pack(x: Value, mask: Value, to: Axis): Value {
    return this.#one('pack', { to }, x, mask);
  }
  unpack(x: Value, mask: Value, from: string): Value {
    return this.#one('unpack', { from }, x, mask);
  }
  convolve(a: Value, b: Value, over: readonly string[], windows: readonly Window[], makes: WindowPart = 'place'): Value {
    return this.#one('convolve', { over, windows, makes }, a, b);
  }
  pool(x: Value, of: 'max' | 'mean', windows: readonly Pool[]): Value {
    return this.#one('pool', { windows, of }, x);
  }
  unpool(x: Value, windows: readonly Pool[]): Value {
    return this.#one('unpool', { windows }, x);
  }
  stopGradient(x: Value): Value {
    return this.#one('stopGradient', {}, x);
  }

  recur(inputs: readonly Value[], attributes: RecurAttributes): readonly Value[] {
    return this.add('recur', attributes, inputs);
  }

  /** Puts the nodes of another graph here, its parameters replaced by `inputs`; gives its results. */
  inline(graph: Graph, inputs: readonly Value[]): Value[] {
    const known = new Map<Value, Value>(graph.parameters.map((parameter, k) => [parameter, inputs[k]!]));
    const find = (value: Value): Value => {
      const found = known.get(value);
      if (found === undefined) throw new GraphError(`${show(value)} is used before it is made`);
      return found;
    };
    const outside = this.origin;
    for (const node of graph.nodes) {
      this.origin = node.origin ?? outside;
      const outputs = this.add(node.operation, node.attributes as never, node.inputs.map(find), node.outputs[0]?.name);
      node.outputs.forEach((output, k) => {
        known.set(output, outputs[k]!);
      });
    }
    this.origin = outside;
    return graph.results.map(find);
  }
}

type Unary = Extract<
  OperationName,
  | 'neg'
  | 'exp'
  | 'log'
  | 'sqrt'
  | 'abs'
  | 'sign'
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'gelu'
  | 'softplus'
  | 'erf'
  | 'sin'
  | 'cos'
  | 'isnan'
  | 'not'
>;
type Binary = Extract<
  OperationName,
  'add' | 'sub' | 'mul' | 'div' | 'pow' | 'minimum' | 'maximum' | 'less' | 'lessEqual' | 'equal' | 'and' | 'or'
>;

/** The size of an axis that must be there. */
export function sizeOf(x: Value, name: string): Axis {
  const axis = axisOf(x, name);
  if (axis === undefined) throw new GraphError(`${show(x)} has no axis ${name}`);
  return axis;
}
