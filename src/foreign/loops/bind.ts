// A loop's step with the numbers of a run: sequence by sequence, what the cell reads and what the untouched model computed for its lines.

import type { NodeProto } from '../../onnx/proto.ts';
import type { Tensor } from '../../runtime/runtime.ts';
import type { Layout, ReadCell } from '../cells/read.ts';
import { spelledGradient } from '../cells/spelled-gradient.ts';
import { type BoundPart, type BoundRun, type Expected, PartError, type StepBody } from '../part.ts';
import { featuresOf, turned } from './values.ts';

export interface LoopRun {
  readonly node: NodeProto;
  readonly step: StepBody;
  readonly read: ReadCell;
  readonly steps: number;
  readonly direction: BoundRun['direction'];
  /** By the body's names: initial states, values of all steps, values from outside. */
  tensorOf(name: string): Tensor | undefined;
  /** Whether a value is stacked over the steps. */
  isStacked(name: string): boolean;
  /** Of a Scan of opset 8: sequences lie in front of everything that is the loop's own. */
  readonly batched?: { readonly count: number; readonly lengths?: readonly number[]; isOwn(name: string): boolean };
}

export function boundLoop(loop: LoopRun): BoundPart {
  const { read, steps, direction, batched, tensorOf } = loop;
  // The step's number, where a cell reads nothing.
  const cell = read.cell.inputs.length > 0 ? read.cell : { ...read.cell, inputs: [{ name: 'step', shape: [1] }] };
  const lengths = Array.from({ length: sequencesOf(loop) }, (_, item) => batched?.lengths?.[item] ?? steps);
  const run: BoundRun = {
    direction,
    cell,
    weights: read.weights(),
    sequence(item) {
      const length = lengths[item]!;
      const inputs: Record<string, Float32Array> = {};
      if (cell !== read.cell) inputs.step = Float32Array.from({ length }, (_, t) => t);
      for (const [name, layout] of read.inputs) {
        const numbers = numbersOf(loop, layout, item, length);
        if (numbers === undefined) throw new PartError(`“${layout.name}” was not computed.`);
        inputs[name] = numbers;
      }
      const expected = [...read.lines].flatMap(([line, layout]): Expected[] => {
        const data = numbersOf(loop, layout, item, length);
        return data === undefined ? [] : [{ line, data, lastOnly: false }];
      });
      return { inputs, expected };
    },
  };
  // One of opset 8 is not taken apart.
  if (batched !== undefined) return { lengths, runs: [run] };
  const gradient = spelledGradient(read, loop.step, {
    steps,
    loop: loop.node,
    valueAt: (output) => output,
    nodesOf: (place) => [loop.step.nodes[place]!],
    numbers: (tensor, layout, item) => numbersOf({ ...loop, tensorOf: () => tensor, isStacked: () => true }, layout, item, steps)!,
    sizeOf: ({ name, batch }) => {
      const tensor = tensorOf(name);
      return tensor === undefined ? undefined : tensor.data.length / (batch === undefined ? 1 : tensor.dims[batch + 1]!);
    },
  });
  return { lengths, runs: [run], gradient };
}

function sequencesOf({ read, batched, tensorOf, isStacked }: LoopRun): number {
  if (batched !== undefined) return batched.count;
  const sizes = [...read.inputs.values(), ...read.lines.values()].flatMap(({ name, batch }) => {
    const tensor = tensorOf(name);
    return batch === undefined || tensor === undefined ? [] : [tensor.dims[batch + (isStacked(name) ? 1 : 0)]!];
  });
  return Math.max(1, ...sizes);
}

/** One sequence's numbers of a value, steps in the order of time. */
function numbersOf(
  { tensorOf, isStacked, batched, direction }: LoopRun,
  { name, batch }: Layout,
  item: number,
  length: number,
): Float32Array | undefined {
  const tensor = tensorOf(name);
  if (tensor === undefined) return undefined;
  const lead = isStacked(name) ? 1 : 0;
  const axis = batched?.isOwn(name) ? 0 : batch === undefined ? undefined : batch + lead;
  const all = featuresOf(tensor, axis, item);
  if (lead === 0) return all;
  const steps = tensor.dims[batched === undefined ? 0 : 1]!;
  const own = all.subarray(0, (all.length / steps) * length);
  return direction === 'reverse' ? turned(own, length) : own;
}
