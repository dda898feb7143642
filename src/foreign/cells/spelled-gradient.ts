// Where gradients begin in a cell that ordinary nodes spell out: at its lines, with what comes to them from nodes that are none of the cell's. The
// nodes by which the cell computes its lines are those that its equations stand for, and go back through.

import type { NodeProto } from '../../onnx/proto.ts';
import type { Tensor } from '../../runtime/runtime.ts';
import { readBy } from '../loops/body.ts';
import type { SpelledGradient, StepBody } from '../part.ts';
import type { Layout, ReadCell } from './given.ts';

export interface SpelledRun {
  readonly steps: number;
  readonly loop?: NodeProto;
  valueAt(output: string, step: number): string | undefined;
  /** The file's nodes that a node of the body, by its place, is in the steps. */
  nodesOf(place: number): readonly NodeProto[];
  /** One sequence of what is stacked over the steps, in the order of time. */
  numbers(tensor: Tensor, layout: Layout, item: number): Float32Array;
  /** How many numbers one sequence of a value has over the steps. */
  sizeOf(layout: Layout): number | undefined;
}

export function spelledGradient(read: ReadCell, body: StepBody, run: SpelledRun): SpelledGradient {
  // Two lines may be one value: what comes to it begins at one of them.
  const lines = new Map<string, { readonly line: string; readonly layout: Layout }>();
  for (const [line, layout] of read.lines)
    if (!lines.has(layout.name) && run.sizeOf(layout) !== undefined) lines.set(layout.name, { line, layout });
  const { steps, loop, valueAt } = run;
  return {
    form: 'spelled out',
    steps,
    ...(loop === undefined ? {} : { loop }),
    outputs: [...lines.keys()],
    valueAt,
    nodes: new Set(
      placesOf(
        body,
        [...read.lines.values()].map(({ name }) => name),
      ).flatMap((place) => run.nodesOf(place)),
    ),
    seeds: [...lines.values()].map(({ line }) => line),
    seed: (_, item, cotangents) =>
      [...lines].map(([name, { layout }]) => {
        const tensor = cotangents.get(name);
        return tensor === undefined ? new Float32Array(run.sizeOf(layout)!) : run.numbers(tensor, layout, item);
      }),
  };
}

/** The places of the nodes that values are computed by. */
function placesOf({ nodes }: StepBody, names: readonly string[]): number[] {
  const makers = new Map(nodes.flatMap((node, place) => node.output.map((name) => [name, place] as const)));
  const reached = new Set(names);
  const places = new Set<number>();
  for (const name of reached) {
    const place = makers.get(name);
    if (place === undefined || places.has(place)) continue;
    places.add(place);
    for (const read of readBy(nodes[place]!)) reached.add(read);
  }
  return [...places];
}
