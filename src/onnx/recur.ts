// A recurrence as a Scan: one session serves all lengths. The body's held inputs are read from the graph around it.

import type { Node, Value } from '../graph/graph.ts';
import type { ValueInfo } from './proto.ts';
import type { Surroundings } from './rules.ts';
import { Scope } from './scope.ts';
import { valueInfo } from './write.ts';

export function lowerRecur(outer: Scope, node: Node<'recur'>, { lowerNodes }: Surroundings): void {
  const { axis, reverse, scanned, held, body } = node.attributes;
  const { shared } = outer;
  const scope = new Scope(shared, outer);
  const stateInputs: { name: string; info: ValueInfo }[] = [];
  const scanInputs: { name: string; info: ValueInfo }[] = [];
  const stateOrders: string[][] = [];

  const input = (parameter: Value, order: readonly string[]): ValueInfo => {
    const name = shared.fresh(parameter.name ?? 'input');
    scope.define(parameter, order, name);
    return valueInfo(name, shared.element(parameter.type.dtype));
  };
  body.parameters.forEach((parameter, k) => {
    const given = node.inputs[k]!;
    if (k >= scanned && k < scanned + held) {
      scope.alias(parameter, outer, given);
      return;
    }
    const order = scope.preferred(parameter.type.axes);
    const info = input(parameter, order);
    if (k < scanned) scanInputs.push({ name: outer.need(given, [axis.name, ...order]), info });
    else {
      stateOrders.push(order);
      stateInputs.push({ name: outer.need(given, order), info });
    }
  });
  // Scan wants at least one scanned input.
  if (scanInputs.length === 0) {
    const steps = outer.node('Expand', [outer.scalar(0, 'float'), outer.shape([[axis]])], {}, 'steps');
    scanInputs.push({ name: steps, info: valueInfo(shared.fresh('step'), 'float32') });
  }

  lowerNodes(scope, body.nodes, body.results);

  const outputs: { info: ValueInfo; name: string }[] = [];
  const taken = new Set<string>();
  const output = (value: Value, order: readonly string[], hint: string | undefined): string => {
    let name = scope.need(value, order);
    const made = scope.nodes.some((each) => each.output.includes(name));
    if (!made || taken.has(name)) name = scope.node('Identity', [name], {}, value.name);
    taken.add(name);
    const outside = shared.fresh(hint ?? 'stacked');
    outputs.push({ info: valueInfo(name, shared.element(value.type.dtype)), name: outside });
    return outside;
  };
  const stacked = body.results.length - stateOrders.length;
  stateOrders.forEach((order, k) => {
    const state = node.outputs[stacked + k]!;
    outer.define(state, order, output(body.results[stacked + k]!, order, state.name));
  });
  body.results.slice(0, stacked).forEach((result, k) => {
    const value = node.outputs[k]!;
    const order = scope.preferred(result.type.axes);
    outer.define(value, [axis.name, ...order], output(result, order, value.name));
  });

  const scannedOutputs = outputs.length - stateOrders.length;
  const direction = (count: number): number[] => Array.from({ length: count }, () => (reverse ? 1 : 0));
  const attributes = {
    body: {
      name: shared.fresh('body'),
      node: scope.nodes,
      initializer: [],
      input: [...stateInputs, ...scanInputs].map((each) => each.info),
      output: outputs.map((each) => each.info),
    },
    num_scan_inputs: scanInputs.length,
    scan_input_directions: direction(scanInputs.length),
    scan_output_directions: direction(scannedOutputs),
  };
  const given = [...stateInputs, ...scanInputs].map((each) => each.name);
  outer.nodes.push(
    outer.describe(
      'Scan',
      given,
      attributes,
      outputs.map((each) => each.name),
    ),
  );
}
