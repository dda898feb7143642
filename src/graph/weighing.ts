// Which values weigh a sum: attention, told by what is done with the weights. A softmax over classes weighs at most the rows of a weight (a linear layer).

import { axisNames, type Graph, hasAxis, type Value } from './graph.ts';
import type { Model } from './model.ts';
import { recurParts } from './recur.ts';

/** A graph, or the body of a recurrence, and those of its values that follow from what the model reads. */
interface Scope {
  readonly graph: Graph;
  readonly read: ReadonlySet<Value>;
}

const scopes = new WeakMap<Model, Scope>();

/** Whether a value of the model's graph has weights along an axis by which something that follows from the model's inputs is summed there. */
export function weighs(model: Model, value: Value, axis: string): boolean {
  let scope = scopes.get(model);
  if (scope === undefined) {
    scope = scopeOf(
      model.graph,
      model.inputs.map((input) => input.value),
    );
    scopes.set(model, scope);
  }
  const found = within(scope, value);
  return isSummed(found.scope, { value: found.value, axis, isProduct: false });
}

function scopeOf(graph: Graph, given: readonly Value[]): Scope {
  const read = new Set(given);
  for (const { inputs, outputs } of graph.nodes)
    if (inputs.some((input) => read.has(input))) for (const output of outputs) read.add(output);
  return { graph, read };
}

/** The body of a run: its states follow from what is read, whatever they start from. */
function bodyOf({ read }: Scope, node: Graph['nodes'][number]): Scope | undefined {
  if (node.operation !== 'recur') return undefined;
  const { inputs, body } = recurParts(node);
  const outside = [...inputs.scanned, ...inputs.held];
  return scopeOf(node.attributes.body, [...[...body.scanned, ...body.held].filter((_, k) => read.has(outside[k]!)), ...body.before]);
}

/** Where a value is made: within the run that stacks it, and before its axes are brought into another order. */
function within(scope: Scope, value: Value): { readonly scope: Scope; readonly value: Value } {
  const producer = scope.graph.nodes.find(({ outputs }) => outputs.includes(value));
  if (producer?.operation === 'recur') {
    const { outputs, body } = recurParts(producer);
    const place = outputs.stacked.indexOf(value);
    return place < 0 ? { scope, value } : within(bodyOf(scope, producer)!, body.outputs[place]!);
  }
  if (producer?.operation === 'add') {
    const isZero = (each: Value): boolean =>
      scope.graph.nodes.some((node) => node.operation === 'constant' && node.outputs[0] === each && node.attributes.value === 0);
    const others = producer.inputs.filter((input) => !isZero(input));
    if (others.length === 1) return within(scope, others[0]!);
  }
  return { scope, value };
}

interface Weights {
  readonly value: Value;
  readonly axis: string;
  /** Already multiplied with what is weighed. */
  readonly isProduct: boolean;
}

function isSummed(scope: Scope, weights: Weights): boolean {
  const { value, axis, isProduct } = weights;
  return scope.graph.nodes.some((node) => {
    if (!node.inputs.includes(value)) return false;
    const [output] = node.outputs;
    const isWeighed = node.inputs.some((other) => other !== value && hasAxis(other, axis) && scope.read.has(other));
    const goesOn = (more: Partial<Weights> = {}): boolean => isSummed(scope, { ...weights, value: output!, ...more });
    switch (node.operation) {
      case 'contract':
        return node.attributes.over.includes(axis) && (isProduct || isWeighed);
      case 'sum':
        return isProduct && node.attributes.over.includes(axis);
      case 'mul':
        return goesOn({ isProduct: isProduct || isWeighed });
      case 'rename':
        return goesOn({ axis: node.attributes.from === axis ? node.attributes.to : axis });
      case 'where':
        return node.inputs[0] !== value && goesOn();
      case 'broadcast':
      case 'div':
        return axisNames(output!).includes(axis) && node.inputs[0] === value && goesOn();
      case 'recur': {
        const { inputs, body } = recurParts(node);
        const place = [...inputs.scanned, ...inputs.held].indexOf(value);
        const parameter = [...body.scanned, ...body.held][place];
        return parameter !== undefined && hasAxis(parameter, axis) && isSummed(bodyOf(scope, node)!, { ...weights, value: parameter });
      }
      default:
        return false;
    }
  });
}
