// The recurrent parts of a model, in the order of its nodes, those of bodies behind the node that has the body; what was unrolled
// behind the nodes of its graph.

import type { GraphProto, ModelProto, NodeProto } from '../onnx/proto.ts';
import { HeadCounts } from './attention/heads.ts';
import { attentionPart } from './attention/part.ts';
import { type AttentionSite, attentionSites } from './attention/sites.ts';
import { isOfHalves } from './half-operators.ts';
import { isLoop, loopPart } from './loops/part.ts';
import { PartNames } from './names.ts';
import { isQuantizedLstm, quantizedPart } from './operators/quantized.ts';
import { isRecurrentOperator, operatorPart } from './operators/recurrent-operator.ts';
import { PartError, type RecurrentPart } from './part.ts';
import { scopesOf as scopesOfModules } from './python/scopes.ts';
import { type Scope, scopesOf } from './scopes.ts';
import { Statics } from './statics.ts';
import { findUnrolled } from './unrolled/find-unrolled.ts';
import { UnrolledReader } from './unrolled/part.ts';

export interface FoundParts {
  readonly parts: readonly RecurrentPart[];
  /** Attention over whole sequences, outside of the parts: parts of their own, whose states go nowhere. */
  readonly attention: readonly RecurrentPart[];
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
  const statics = new Statics();
  const looped = new Set<GraphProto>();
  const parts: RecurrentPart[] = [];
  const sites: AttentionSite[] = [];
  const refused: FoundParts['refused'][number][] = [];
  for (const scope of scopesOf(model)) {
    for (const node of scope.graph.node) {
      // A cell that is an operator for one step belongs to the loop around it.
      const isOperator = (isRecurrentOperator(node) || isQuantizedLstm(node)) && !looped.has(scope.graph);
      if (!isLoop(node) && !isOperator) continue;
      const name = (): string => names.name(titleOf(node), node.op_type.toLowerCase());
      try {
        const part = isLoop(node)
          ? loopPart(node, scope, statics, name)
          : isQuantizedLstm(node)
            ? quantizedPart(node, scope, name())
            : operatorPart(node, scope, name(), isOfHalves(node, scope, statics));
        if (part === undefined) continue;
        parts.push(part);
        if (isLoop(node)) for (const { g } of node.attribute) if (g !== undefined) looped.add(g);
      } catch (error) {
        if (!(error instanceof PartError)) throw error;
        refused.push({ title: node.name || node.op_type, scope, why: error.message });
      }
    }
    // What a loop's cell has for lines are no parts of their own.
    if (!isWithin(scope, looped)) sites.push(...attentionSites(scope, statics));
    for (const recurrence of findUnrolled(scope)) {
      const reader = new UnrolledReader(recurrence, scope, statics);
      try {
        parts.push(reader.part((title, otherwise) => names.name(title, otherwise)));
      } catch (error) {
        if (!(error instanceof PartError)) throw error;
        // Layers that share their weights are recurrent only in a manner of speaking.
        if (recurrence.axis === 'time') refused.push({ title: reader.title, scope, why: error.message });
      }
    }
  }
  const covered = new Map<GraphProto, Set<string>>();
  for (const { scope, covered: own = [] } of parts) covered.set(scope.graph, new Set([...(covered.get(scope.graph) ?? []), ...own]));
  const heads = new HeadCounts(model);
  const attention = sites
    .filter(({ scope, weights }) => !covered.get(scope.graph)?.has(weights))
    .map((site) => {
      const title = titleOf(site.nodes.at(-2)!);
      // A name that is the operator's alone says nothing.
      const said = /^\/?(?:softmax|div)(?:_\d+)?$/i.test(title) ? '' : title;
      return attentionPart(site, statics, { name: names.name(said, 'attention'), title, heads: heads.of(site) });
    });
  return { parts, attention, refused };
}

/** Whether a graph is the body of a loop that is a part, or stands in one. */
const isWithin = (scope: Scope, looped: ReadonlySet<GraphProto>): boolean =>
  looped.has(scope.graph) || (scope.owner !== undefined && isWithin(scope.owner.scope, looped));
