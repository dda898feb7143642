// The recurrent parts of a model, in the order of its nodes, those of bodies behind the node that has the body.

import type { GraphProto, ModelProto } from '../onnx/proto.ts';
import { isLoop, loopPart } from './loops/part.ts';
import { PartNames } from './names.ts';
import { isRecurrentOperator, operatorPart } from './operators/recurrent-operator.ts';
import { PartError, type RecurrentPart } from './part.ts';
import { type Scope, scopesOf } from './scopes.ts';
import { Statics } from './statics.ts';

export interface FoundParts {
  readonly parts: readonly RecurrentPart[];
  /** What is recurrent and cannot be replayed, and why. */
  readonly refused: readonly { readonly title: string; readonly scope: Scope; readonly why: string }[];
}

export function findParts(model: ModelProto): FoundParts {
  const names = new PartNames();
  const statics = new Statics();
  const looped = new Set<GraphProto>();
  const parts: RecurrentPart[] = [];
  const refused: FoundParts['refused'][number][] = [];
  for (const scope of scopesOf(model))
    for (const node of scope.graph.node) {
      // A cell that is an operator for one step belongs to the loop around it.
      if (!isLoop(node) && (!isRecurrentOperator(node) || looped.has(scope.graph))) continue;
      const name = (): string => names.name(node.name ?? '', node.op_type.toLowerCase());
      try {
        const part = isLoop(node) ? loopPart(node, scope, statics, name) : operatorPart(node, scope, name());
        if (part === undefined) continue;
        parts.push(part);
        if (isLoop(node)) for (const { g } of node.attribute) if (g !== undefined) looped.add(g);
      } catch (error) {
        if (!(error instanceof PartError)) throw error;
        refused.push({ title: node.name || node.op_type, scope, why: error.message });
      }
    }
  return { parts, refused };
}
