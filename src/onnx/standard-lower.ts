// Writes a recurrence as ONNX's LSTM, GRU or RNN: the weights of its lines stacked in the operator's order.

import { axisNames, axisOf, type Value } from '../graph/graph.ts';
import type { Affine, Matrix, Vector } from './affine.ts';
import type { Scope } from './scope.ts';
import type { StandardRecurrence } from './standard.ts';
import { tensorProto } from './write.ts';

/** The numbers of a weight, in the order of its axes; undefined where the value is no weight. */
export type Numbers = (value: Value) => Float32Array | undefined;

/** Whether all its matrices and vectors are weights of the model. */
export function hasNumbers(recurrence: StandardRecurrence, numbers: Numbers): boolean {
  const known = ({ weight }: { weight: Value | number }): boolean => typeof weight === 'number' || numbers(weight) !== undefined;
  const sums = [...recurrence.gates, ...(recurrence.past === undefined ? [] : [recurrence.past])];
  return sums.every(({ x, h, c, bias }) => [...x, ...h, ...c, ...bias].every(known));
}

/** One operator for one recurrence, or for two over the same sequence from both ends. `name` heads the names of its tensors. */
export function lowerStandard(scope: Scope, directions: readonly StandardRecurrence[], numbers: Numbers, name: string): void {
  const [first] = directions as readonly [StandardRecurrence];
  const { operator, axis, axes } = first;
  const hidden = sizeIn(first.initial.h, axes.hidden);
  const input = sizeIn(first.x, axes.input);
  const stack = (part: (recurrence: StandardRecurrence) => Float32Array[]): number[] =>
    directions.flatMap(part).flatMap((each) => [...each]);
  const tensor = (suffix: string, dims: number[], data: number[]): string => {
    const full = scope.shared.fresh(`${name}.${suffix}`);
    scope.shared.initializers.push(tensorProto('float32', [directions.length, ...dims], data, full));
    return full;
  };
  const count = first.gates.length;
  const W = tensor(
    'W',
    [count * hidden, input],
    stack(({ gates }) => gates.map((gate) => matrix(gate.x, hidden, input, numbers))),
  );
  const R = tensor(
    'R',
    [count * hidden, hidden],
    stack((each) => recurrentParts(each).map((gate) => matrix(gate.h, hidden, hidden, numbers))),
  );
  const zeros = (): Float32Array => new Float32Array(hidden);
  const B = tensor(
    'B',
    [2 * count * hidden],
    stack(({ gates, past }) => [
      ...gates.map((gate) => vector(gate.bias, hidden, numbers)),
      ...gates.map((_, k) => (past !== undefined && k === 2 ? vector(past.bias, hidden, numbers) : zeros())),
    ]),
  );
  const lengths = first.lengths === undefined ? '' : scope.need(first.lengths, [axes.batch]);
  const inputs = [scope.need(first.x, [axis, axes.batch, axes.input]), W, R, B, lengths];
  inputs.push(initial(scope, directions, 'h'));
  if (operator === 'LSTM') inputs.push(initial(scope, directions, 'c'));
  if (directions.some(({ gates }) => gates.some((gate) => gate.c.length > 0)))
    inputs.push(
      tensor(
        'P',
        [3 * hidden],
        stack(({ gates }) => gates.slice(0, 3).map((gate) => vector(gate.c, hidden, numbers))),
      ),
    );
  while (inputs.at(-1) === '') inputs.pop();

  const direction = directions.length === 2 ? 'bidirectional' : first.reverse ? 'reverse' : 'forward';
  const activation = first.activation === undefined ? {} : { activations: directions.map(() => first.activation!) };
  const linear = first.past === undefined ? {} : { linear_before_reset: 1 };
  const attributes = { hidden_size: hidden, direction, ...activation, ...linear };
  const outputs = scope.nodeOf(operator, inputs, attributes, operator === 'LSTM' ? ['Y', 'Y_h', 'Y_c'] : ['Y', 'Y_h']);
  directions.forEach((recurrence, k) => {
    const all = directions.length === 1 ? undefined : k;
    for (const value of recurrence.outputs.stacked) define(scope, value, [axis, '', axes.batch], outputs[0]!, all);
    if (recurrence.outputs.h !== undefined) define(scope, recurrence.outputs.h, ['', axes.batch], outputs[1]!, all);
    if (recurrence.outputs.c !== undefined) define(scope, recurrence.outputs.c, ['', axes.batch], outputs[2]!, all);
  });
}

/** GRU's candidate takes its product with h from `past`, where the reset gate acts after it. */
function recurrentParts({ gates, past }: StandardRecurrence): readonly Affine[] {
  return past === undefined ? gates : [gates[0]!, gates[1]!, past];
}

/** The operator's output, its direction's part of it where there are two; '' is the axis of the directions. */
function define(scope: Scope, value: Value, leading: readonly string[], name: string, direction: number | undefined): void {
  const feature = axisNames(value).find((each) => !leading.includes(each))!;
  const pattern = [...leading, feature];
  if (direction === undefined) {
    scope.define(value, pattern, name);
    return;
  }
  const index = scope.initializer('int64', [], [direction]);
  const part = scope.node('Gather', [name, index], { axis: leading.indexOf('') }, value.name);
  scope.define(
    value,
    pattern.filter((each) => each !== ''),
    part,
  );
}

/** The initial states of the directions as [directions, B, H]; '' where all are zero. */
function initial(scope: Scope, directions: readonly StandardRecurrence[], which: 'h' | 'c'): string {
  const values = directions.map((each) => ({ value: each.initial[which]!, batch: each.axes.batch }));
  if (values.every(({ value }) => scope.constantOf(value) === 0)) return '';
  const parts = values.map(({ value, batch }) => scope.need(value, ['', batch, axisNames(value).find((name) => name !== batch)!]));
  return parts.length === 1 ? parts[0]! : scope.node('Concat', parts, { axis: 0 });
}

function matrix(parts: readonly Matrix[], rows: number, columns: number, numbers: Numbers): Float32Array {
  const sum = new Float32Array(rows * columns);
  for (const { weight, rows: first, sign } of parts) {
    const data = numbers(weight)!;
    const rowsFirst = axisNames(weight)[0] === first;
    for (let row = 0; row < rows; row += 1)
      for (let column = 0; column < columns; column += 1)
        sum[row * columns + column]! += sign * data[rowsFirst ? row * columns + column : column * rows + row]!;
  }
  return sum;
}

function vector(parts: readonly Vector[], size: number, numbers: Numbers): Float32Array {
  const sum = new Float32Array(size);
  for (const { weight, sign } of parts) {
    const data = typeof weight === 'number' ? undefined : numbers(weight)!;
    for (let k = 0; k < size; k += 1) sum[k]! += sign * (data === undefined ? Number(weight) : data[data.length === 1 ? 0 : k]!);
  }
  return sum;
}

const sizeIn = (value: Value, axis: string): number => Number(axisOf(value, axis)!.size);
