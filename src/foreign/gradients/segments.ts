// The order in which a gradient goes back through a model with recurrent parts: first through the operators behind the last part, then
// through that part (elsewhere), through the operators before it, and so on to the front.
//
// The gradient of a value is the sum of what all segments give it. A segment's cotangents are what its part itself gives its inputs, not the
// sums so far: what came to those values by operators has gone on in the segment that it came in.

import type { ModelProto, NodeProto } from '../../onnx/proto.ts';
import type { BackwardRequest } from './backward.ts';
import { ancestors, dependents, flowOf } from './flow.ts';
import { inputsOf } from './order.ts';

export interface Segment {
  /** The part whose inputs the gradient starts from; undefined of the first segment, which starts from the objective. By then the cotangents
   *  of all of its outputs are complete. */
  readonly part: NodeProto | undefined;
  /** Values whose cotangents are given: those of the request, or inputs of the part that a wanted value or another part is before. */
  readonly cotangents: readonly string[];
  /** Wanted values, and outputs of other parts, that these depend on through operators. Those that are given are among them: as they are. */
  readonly wanted: readonly string[];
}

export interface SegmentRequest extends BackwardRequest {
  /** Values whose gradient a part can calculate itself (its gates, say) are not named here; parts that have such are: they are visited
   *  even where nothing wanted is before them. */
  readonly visit?: (part: NodeProto) => boolean;
}

/**
 * Segments in the order in which they are to be done; a part that the objective does not depend on, or that nothing wanted is before or in, has
 * none. `backward` with the cotangents and wanted values of a segment makes its model. Throws GradientError where the graph has a cycle.
 */
export function segments(model: ModelProto, request: SegmentRequest): readonly Segment[] {
  const flow = flowOf(model, request.types);
  const never = (): boolean => false;
  const parts = flow.nodes.filter(request.opaque);
  const visited = parts.filter((part) => request.visit?.(part) ?? false);
  const outputs = (part: NodeProto): string[] => part.output.filter((name) => name !== '' && flow.carries(name));
  const useful = dependents(flow, [...request.wanted, ...visited.flatMap(outputs)], never);
  const reached = ancestors(flow, request.cotangents, never);
  const between = parts.filter((part) => outputs(part).some((name) => useful.has(name) && reached.has(name)));
  const targets = [...new Set([...request.wanted, ...between.flatMap(outputs)])];
  const segment = (part: NodeProto | undefined, candidates: readonly string[]): Segment => {
    const cotangents = [...new Set(candidates)].filter((name) => flow.carries(name) && useful.has(name));
    const before = ancestors(flow, cotangents, request.opaque);
    return { part, cotangents, wanted: targets.filter((name) => before.has(name)) };
  };
  return [segment(undefined, request.cotangents), ...between.toReversed().map((part) => segment(part, inputsOf(part)))];
}
