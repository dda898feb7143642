// Where the parts of a run stand in an unfolded model: operators as single nodes that a gradient goes through by their cells, the others as nodes and the
// values between them.

import type { NodeProto } from '../../onnx/proto.ts';
import type { Tensor } from '../../runtime/runtime.ts';
import { type BoundPart, callKey, type OperatorGradient, type RecurrentPart, type SpelledGradient } from '../part.ts';
import type { RanPart } from '../session.ts';
import { stacked } from '../tensors.ts';
import type { Turn } from './unfold.ts';
import type { Unfolding } from './unfolding.ts';

/** An operator that ran, as a node of the unfolded model. */
export interface PlacedOperator {
  readonly part: RecurrentPart;
  readonly bound: BoundPart;
  readonly gradient: OperatorGradient;
  /** Values of the unfolded model that it gives, and those whose cotangents it has. */
  readonly outputs: readonly string[];
  readonly inputs: ReadonlySet<string>;
  /** The cotangents of its outputs, by the names that the part has for them. */
  given(found: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor>;
  /** By the names in the unfolded model. */
  named(cotangents: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor>;
}

export interface PlacedParts {
  readonly operators: ReadonlyMap<NodeProto, PlacedOperator>;
  opaque(node: NodeProto): boolean;
  /** Values that are lines of parts which are spelled out, and which nodes are such a part's. */
  readonly inside: ReadonlyMap<string, (node: NodeProto) => boolean>;
  /** What the gradients of a part begin with, of the cotangents that were found. */
  cotangentsOf(bound: BoundPart, found: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor>;
}

export function placedParts(ran: readonly RanPart[], unfolding: Unfolding, calls: number): PlacedParts {
  const operators = new Map<NodeProto, PlacedOperator>();
  const inside = new Map<string, (node: NodeProto) => boolean>();
  const given = new Map<BoundPart, (found: ReadonlyMap<string, Tensor>) => ReadonlyMap<string, Tensor>>();
  for (const { part, bound, iteration } of ran) {
    const { gradient } = bound;
    if (gradient?.form === 'operator') {
      const node = unfolding.copiesOf(part.nodes[0]!)[iteration];
      if (node === undefined) continue;
      const placed = placedOperator(part, bound, gradient, node, calls);
      operators.set(node, placed);
      given.set(bound, placed.given);
    } else if (gradient !== undefined) {
      const spelled = spelledOut(part, gradient, iteration, unfolding);
      if (spelled === undefined) continue;
      for (const name of spelled.values) if (!inside.has(name)) inside.set(name, spelled.isInside);
      given.set(bound, spelled.given);
    }
  }
  return {
    operators,
    opaque: (node) => operators.has(node),
    inside,
    cotangentsOf: (bound, found) => given.get(bound)?.(found) ?? new Map(),
  };
}

function placedOperator(part: RecurrentPart, bound: BoundPart, gradient: OperatorGradient, node: NodeProto, calls: number): PlacedOperator {
  const [own] = part.nodes as [NodeProto];
  /** Cotangents of one's names by the names of the other. */
  const renamed = (from: readonly string[], to: readonly string[], cotangents: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> =>
    new Map(
      Array.from({ length: calls }, (_, call) =>
        from.flatMap((name, k) => {
          const cotangent = name === '' ? undefined : cotangents.get(callKey(name, call));
          return cotangent === undefined ? [] : [[callKey(to[k]!, call), cotangent] as const];
        }),
      ).flat(),
    );
  const has = new Set(gradient.inputs);
  return {
    part,
    bound,
    gradient,
    outputs: node.output.filter((name) => name !== ''),
    inputs: new Set(own.input.flatMap((name, k) => (name !== '' && has.has(name) ? [node.input[k]!] : []))),
    given: (found) => renamed(node.output, own.output, found),
    named: (cotangents) => renamed(own.input, node.input, cotangents),
  };
}

function spelledOut(part: RecurrentPart, gradient: SpelledGradient, iteration: number, unfolding: Unfolding) {
  const frames = framesOf(part, gradient, iteration, unfolding);
  if (frames === undefined) return undefined;
  const nameAt = (output: string, step: number): string | undefined => {
    const name = gradient.valueAt(output, step);
    return name === undefined || name === '' ? undefined : unfolding.nameOf(name, frames[step]);
  };
  const steps = Array.from({ length: gradient.steps }, (_, step) => step);
  const within = new Set(frames);
  return {
    values: gradient.outputs.flatMap((output) => steps.flatMap((step) => nameAt(output, step) ?? [])),
    isInside: (node: NodeProto): boolean =>
      unfolding.placesOf(node).some(({ node: file, within: turn }) => {
        // The node itself, or one that has it in a body.
        let own = file;
        for (let at = turn; ; at = at.around) {
          if (within.has(at)) return gradient.nodes.has(own);
          if (at === undefined) return false;
          own = at.owner;
        }
      }),
    given: (found: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> =>
      new Map(
        gradient.outputs.flatMap((output) => {
          const each = steps.map((step) => found.get(nameAt(output, step) ?? ''));
          const some = each.find((tensor) => tensor !== undefined);
          if (some === undefined) return [];
          const zeros = { ...some, data: (some.data as Float32Array).map(() => 0) };
          return [[output, stacked(each.map((tensor) => tensor ?? zeros))] as const];
        }),
      ),
  };
}

/** The turns that the values of each step are of; undefined where they did not run, or not so often. */
function framesOf(
  { scope, nodes }: RecurrentPart,
  { loop, steps }: SpelledGradient,
  iteration: number,
  { turnsOf }: Unfolding,
): readonly (Turn | undefined)[] | undefined {
  if (loop !== undefined) {
    const turns = turnsOf(nodes[0]!, 'body');
    // Those of one run of the loop follow each other.
    const own = [...Map.groupBy(turns, ({ around }) => around).values()][iteration];
    return own?.length === steps ? own : undefined;
  }
  if (scope.owner === undefined) return Array.from({ length: steps }, () => undefined);
  const turn = turnsOf(scope.owner.node, scope.owner.attribute)[iteration];
  return turn === undefined ? undefined : Array.from({ length: steps }, () => turn);
}
