// The recurrent parts of a model, in the order of its nodes, those of bodies behind the node that has the body.

import type { ModelProto, NodeProto } from '../onnx/proto.ts';
import { PartNames } from './names.ts';
import { isQuantizedLstm, quantizedPart } from './operators/quantized.ts';
import { isRecurrentOperator, operatorPart } from './operators/recurrent-operator.ts';
import { PartError, type RecurrentPart } from './part.ts';
import { scopesOf as scopesOfModules } from './python/scopes.ts';
import { type Scope, scopesOf } from './scopes.ts';

export interface FoundParts {
  readonly parts: readonly RecurrentPart[];
  /** What is recurrent and cannot be replayed, and why. */
  readonly refused: readonly { readonly title: string; readonly scope: Scope; readonly why: string }[];
}

/** The module's path where the exporter tells it, else the node's name. */
function titleOf(node: NodeProto): string {
  const scopes = scopesOfModules(node);
  return scopes !== undefined && scopes.from === 'metadata' && scopes.path !== '' ? scopes.path : (node.name ?? '');
}

export function findParts(model: ModelProto): FoundParts {
  const names = new PartNames();
  const parts: RecurrentPart[] = [];
  const refused: FoundParts['refused'][number][] = [];
  for (const scope of scopesOf(model))
    for (const node of scope.graph.node) {
      const make = isRecurrentOperator(node) ? operatorPart : isQuantizedLstm(node) ? quantizedPart : undefined;
      if (make === undefined) continue;
      try {
        parts.push(make(node, scope, names.name(titleOf(node), node.op_type.toLowerCase())));
      } catch (error) {
        if (!(error instanceof PartError)) throw error;
        refused.push({ title: node.name || node.op_type, scope, why: error.message });
      }
    }
  return { parts, refused };
}
