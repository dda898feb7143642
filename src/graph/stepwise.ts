// A graph over the steps of an input, cut for whoever makes that input step by step (decoding): what is the same at all steps is computed once, and
// a step is given it, the input's next place, and the states that the step before left.

import { Builder } from './builder.ts';
import { type AnyNode, type Axis, type Graph, hasAxis, makeValue, type Node, tensor, type Value } from './graph.ts';
import { select } from './prune.ts';
import { recurParts } from './recur.ts';

export interface Stepwise {
  /** Parameters: those of the graph that it needs, and `rows` where none of them has the axis B. Results: what the step is given, then the states before the first step. */
  readonly once: Graph;
  /** Parameters: `input`, `time`, `given`, `states`, and constants of the graph (weights). Results: the graph's, each without the axis, then the
   *  states after the step. */
  readonly step: Graph;
  /** Any integers [B]: they tell `once` how many rows there are, where nothing else does. */
  readonly rows: Value;
  /** One place of the input, without the axis; where `isPrefix`, all of its places so far, with it. */
  readonly input: Value;
  /** The number of the step, from 0 (int, no axes): that of the input's last place. */
  readonly time: Value;
  /** In the order of `once.results`. */
  readonly given: readonly Value[];
  readonly states: readonly Value[];
  /** The graph looks at other steps than its own (attention to what was written), so a step reads all of the input again. */
  readonly isPrefix: boolean;
}

/** Cuts a graph at an input, over the first axis of which it runs. The graph must not look ahead. */
export function stepwise(graph: Graph, input: Value): Stepwise {
  const lean = select(graph, graph.results);
  const axis = input.type.axes[0]!;
  try {
    return new Cut(lean, input, axis).stepwise();
  } catch (error) {
    if (!(error instanceof LooksAround)) throw error;
    return prefixwise(lean, input, axis);
  }
}

/** A step needs more than states. */
class LooksAround extends Error {}

const rowsType = tensor([{ name: 'B', size: 'B' }], 'int');
const timeType = tensor([], 'int');

function prefixwise(graph: Graph, input: Value, { name }: Axis): Stepwise {
  const b = new Builder();
  const parameters = graph.parameters.map((value) => b.adopt(value));
  const time = b.parameter(timeType, 'time');
  const results = b.inline(graph, parameters).map((value) => (hasAxis(value, name) ? b.gather(value, time, name) : value));
  return { ...divided(b.graph(results), [], { input, time }), input, time, isPrefix: true };
}

interface State {
  readonly initial: Value;
  readonly before: Value;
  readonly after: Value;
}

/** Writes the graph for one place of the axis. */
class Cut {
  readonly #graph: Graph;
  readonly #axis: string;
  readonly #input: Value;
  readonly #builder = new Builder();
  readonly #known = new Map<Value, Value>();
  readonly #states: State[] = [];
  readonly #time: Value;

  constructor(graph: Graph, input: Value, axis: Axis) {
    this.#graph = graph;
    this.#axis = axis.name;
    const b = this.#builder;
    for (const value of graph.parameters) if (value !== input) this.#known.set(value, b.adopt(value));
    this.#input = b.parameter(tensor(this.#without(input.type.axes), input.type.dtype), input.name);
    this.#known.set(input, this.#input);
    this.#time = b.parameter(timeType, 'time');
  }

  stepwise(): Stepwise {
    for (const node of this.#graph.nodes) this.#add(node);
    const results = this.#graph.results.map((value) => this.#find(value));
    const [input, time] = [this.#input, this.#time];
    return { ...divided(this.#builder.graph(results), this.#states, { input, time }), input, time, isPrefix: false };
  }

  #find(value: Value): Value {
    const found = this.#known.get(value);
    // The end of a run over the axis.
    if (found === undefined) throw new LooksAround();
    return found;
  }

  #without = (axes: readonly Axis[]): Axis[] => axes.filter(({ name }) => name !== this.#axis);

  #add(node: AnyNode): void {
    const b = this.#builder;
    b.origin = node.origin;
    if (node.operation === 'recur' && node.attributes.axis.name === this.#axis) this.#addRun(node);
    else {
      const isAlong = [...node.inputs, ...node.outputs].some((value) => hasAxis(value, this.#axis));
      const inputs = node.inputs.map((value) => this.#find(value));
      const outputs = isAlong ? [this.#one(node, inputs)] : b.add(node.operation, node.attributes as never, inputs, node.outputs[0]?.name);
      node.outputs.forEach((output, k) => {
        this.#known.set(output, outputs[k]!);
      });
    }
    b.origin = undefined;
  }

  /** What one operation gives at this step. */
  #one(node: AnyNode, inputs: readonly Value[]): Value {
    const b = this.#builder;
    const [first] = inputs;
    const same = (): Value => b.add(node.operation, node.attributes as never, inputs, node.outputs[0]?.name)[0]!;
    const beside = (...names: readonly string[]): Value => {
      if (names.includes(this.#axis)) throw new LooksAround();
      return same();
    };
    switch (node.operation) {
      case 'constant': {
        const { value, type } = node.attributes;
        return b.constant(value, this.#without(type.axes), type.dtype);
      }
      case 'iota':
        return node.attributes.axis.name === this.#axis ? this.#time : same();
      case 'broadcast':
        return node.attributes.axis.name === this.#axis ? first! : same();
      case 'shift':
        return node.attributes.axis === this.#axis ? this.#before(first!, node.attributes) : same();
      case 'scatterAdd':
        return b.scatterAdd(
          first!,
          inputs[1]!,
          node.attributes.axis,
          node.attributes.keep.filter((name) => name !== this.#axis),
        );
      case 'contract':
      case 'sum':
      case 'max':
        return beside(...node.attributes.over);
      case 'argmax':
      case 'softmax':
      case 'logsumexp':
      case 'cumsum':
        return beside(node.attributes.over);
      case 'concat':
        return beside(...node.attributes.from, node.attributes.to.name);
      case 'slice':
      case 'pad':
        return beside(node.attributes.from, node.attributes.to.name);
      case 'rename':
        return beside(node.attributes.from, node.attributes.to);
      case 'gather':
      case 'reverse':
        return beside(node.attributes.axis);
      case 'oneHot':
        return beside(node.attributes.axis.name);
      case 'recur':
        throw new LooksAround();
      default:
        return same();
    }
  }

  /** What stood `by` steps before: that many states hold it. */
  #before(x: Value, { by, fill }: { readonly by: number; readonly fill: number }): Value {
    if (by < 0) throw new LooksAround();
    const b = this.#builder;
    let value = x;
    for (let k = 0; k < by; k += 1) {
      const initial = b.constant(fill, x.type.axes, x.type.dtype);
      const before = b.parameter(x.type, `${x.name ?? 'value'} before`);
      this.#states.push({ initial, before, after: value });
      value = before;
    }
    return value;
  }

  /** A step of a run is its body; the states become the graph's. */
  #addRun(node: Node<'recur'>): void {
    if (node.attributes.reverse) throw new LooksAround();
    const b = this.#builder;
    const { inputs, outputs, body } = recurParts(node);
    const before = body.before.map((value) => b.parameter(value.type, value.name));
    const given = [...inputs.scanned, ...inputs.held].map((value) => this.#find(value));
    const results = b.inline(node.attributes.body, [...given, ...before]);
    outputs.stacked.forEach((output, k) => {
      this.#known.set(output, results[k]!);
    });
    inputs.initial.forEach((value, k) => {
      this.#states.push({ initial: this.#find(value), before: before[k]!, after: results[outputs.stacked.length + k]! });
    });
  }
}

/** What depends on the step, and what does not. What follows from constants alone, without the data's lengths, is part of both. */
function divided(
  { parameters, nodes, results }: Graph,
  states: readonly State[],
  { input, time }: Pick<Stepwise, 'input' | 'time'>,
): Pick<Stepwise, 'once' | 'step' | 'rows' | 'given' | 'states'> {
  const before = states.map((state) => state.before);
  const moving = new Set<Value>([input, time, ...before]);
  // Of a prefix: positions.
  const isAlong = ({ type }: Value): boolean =>
    input.type.axes.some(({ name, size }) => name !== 'B' && type.axes.some((axis) => axis.size === size));
  const isOpen = ({ type }: Value): boolean => type.axes.some(({ name, size }) => typeof size === 'string' && name !== 'B');
  const isFixed = ({ type }: Value): boolean => type.axes.every(({ size }) => typeof size === 'number');
  const constant = new Set(parameters.filter((value) => !moving.has(value) && isFixed(value)));
  for (const { inputs, outputs } of nodes) {
    if (inputs.some((value) => moving.has(value)) || outputs.some(isAlong)) for (const output of outputs) moving.add(output);
    else if (inputs.every((value) => constant.has(value)) && !outputs.some(isOpen)) for (const output of outputs) constant.add(output);
  }
  if (states.some(({ initial }) => moving.has(initial))) throw new LooksAround();

  const wanted = [...results, ...states.map(({ after }) => after)];
  const inStep = nodes.filter(({ outputs }) => moving.has(outputs[0]!) || constant.has(outputs[0]!));
  const lean = select({ parameters: [], nodes: inStep, results: wanted }, wanted);
  const read = new Set([...lean.nodes.flatMap(({ inputs }) => inputs), ...wanted]);
  const made = new Set(inStep.flatMap(({ outputs }) => outputs));
  const given = [...read].filter((value) => !made.has(value) && !moving.has(value) && !constant.has(value));
  const isRead = (value: Value): boolean => read.has(value);
  const rows = makeValue(rowsType, 'rows');
  const once = select({ parameters, nodes: nodes.filter(({ outputs }) => !moving.has(outputs[0]!)), results: [] }, [
    ...given,
    ...states.map(({ initial }) => initial),
  ]);
  const isTold = once.parameters.some((value) => hasAxis(value, 'B'));
  return {
    once: isTold ? once : { ...once, parameters: [rows, ...once.parameters] },
    step: {
      parameters: [input, time, ...given, ...before, ...parameters.filter((value) => constant.has(value) && isRead(value))],
      nodes: lean.nodes,
      results: wanted,
    },
    rows,
    given,
    states: before,
  };
}
