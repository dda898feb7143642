// Recurrences that an exporter unrolled: a graph without loops in which one step stands as often as it ran.
//
// Found by structure, never by names: chains of nodes that read one constant (seeds.ts) are grown to classes of nodes, one a repetition, as long as
// all repetitions agree (lockstep.ts); what of it feeds back into itself is the core of a recurrence (cores.ts); its repetitions are numbered
// as steps (align.ts), and what belongs to a step is added (surroundings.ts). All of it is about linear in the size of the graph.

import { isRecurrentOperator } from '../operators/recurrent-operator.ts';
import type { Scope } from '../scopes.ts';
import { type Alignment, alignmentOf } from './align.ts';
import { cyclesOf, type Operands, operandsOf } from './cores.ts';
import { type IndexedGraph, indexedGraph } from './indexed-graph.ts';
import { Lockstep, type NodeClass } from './lockstep.ts';
import { MATRIX } from './products.ts';
import { recurrenceOf, type UnrolledRecurrence } from './recurrence.ts';
import { seedsOf } from './seeds.ts';
import { withInputs, withOutputs } from './surroundings.ts';

interface Core {
  readonly operands: Operands;
  readonly classes: readonly NodeClass[];
  /** With the classes of its inputs. */
  readonly step: Alignment;
}

/** What growing may look at in all, in members of classes: a large graph ten times. */
const LARGEST_WORK = 20_000_000;

/** The unrolled recurrences of one graph, each behind those that it reads. Bodies are graphs of their own. */
export function findUnrolled(scope: Scope): UnrolledRecurrence[] {
  if (scope.graph.node.length < 4) return [];
  const graph = indexedGraph(scope);
  const cores = coresOf(graph);
  const inputs = new Set(cores.flatMap(({ step }) => nodesOf(step)));
  const times = new Map<number, number>();
  const lastOf = ({ classes }: Core): number => classes.reduce((most, { members }) => Math.max(most, members.at(-1)!), 0);
  return cores
    .map((core) => ({ ...core, last: lastOf(core) }))
    .sort((a, b) => a.last - b.last)
    .flatMap(({ operands, classes, step }) => {
      const own = new Set(nodesOf(step));
      const isOthers = (each: NodeClass): boolean => each.members.some((node) => inputs.has(node) && !own.has(node));
      return recurrenceOf(graph, operands, withOutputs(graph, operands, step, isOthers), classes, times) ?? [];
    });
}

function nodesOf(step: Alignment): number[] {
  return [...step.offsets.keys()]
    .flatMap((own) => Array.from({ length: step.steps }, (_, k) => step.node(own, k) ?? -1))
    .filter((node) => node >= 0);
}

function coresOf(graph: IndexedGraph): Core[] {
  const found: Core[] = [];
  const taken = new Uint8Array(graph.nodes.length);
  const isTaken = (node: number): boolean => taken[node] === 1;
  let work = 0;
  for (const seed of seedsOf(graph, isTaken)) {
    if (work > LARGEST_WORK) break;
    const lockstep = new Lockstep(graph, seed, isTaken);
    work += lockstep.work;
    const operands = operandsOf(graph, lockstep);
    const aligned = cyclesOf(operands).flatMap((classes) => {
      const alignment = alignmentOf(graph, operands, classes);
      return alignment !== undefined && isRecurrent(graph, operands, classes, alignment) ? [{ classes, alignment }] : [];
    });
    const core = new Set(aligned.flatMap(({ classes }) => classes));
    for (const { classes, alignment } of aligned) {
      found.push({ operands, classes, step: withInputs(graph, operands, alignment, (own) => core.has(own)) });
      for (const { members } of classes) for (const node of members) taken[node] = 1;
    }
  }
  return found;
}

/** A matrix that all steps read makes a recurrence; vectors do where there are more than two steps. None is what has other weights each time,
 *  and none what has loops or recurrent operators of its own. */
function isRecurrent({ nodes, values, uses }: IndexedGraph, operands: Operands, core: readonly NodeClass[], alignment: Alignment): boolean {
  let [hasMatrix, hasVector] = [false, false];
  for (const own of core) {
    const { proto } = nodes[own.members[0]!]!;
    if (isRecurrentOperator(proto) || proto.attribute.some(({ g }) => g !== undefined)) return false;
    const isEvidence = own.members.length > 1 || alignment.offsets.get(own) === 1;
    for (const [operand, each] of operands.get(own)!.entries()) {
      if (each.kind === 'held' && values[each.value]!.isConstant && isEvidence) {
        const sizes = values[each.value]!.tensor?.dims.filter((size) => size > 1).length;
        if (MATRIX.has(proto.op_type) || (sizes ?? 0) >= 2) {
          // Two of many that read it are two neighbours, not two steps.
          const alike = uses[each.value]!.filter(
            ({ node, operand: at }) => at === operand && nodes[node]!.signature === nodes[own.members[0]!]!.signature,
          );
          if (alignment.steps === 2 && alike.length > 2) return false;
          hasMatrix = true;
        }
        if (sizes === 1 && values[each.value]!.tensor?.data_type !== 7) hasVector = true;
      }
      if (each.kind !== 'scanned' || ELEMENTWISE.has(proto.op_type)) continue;
      const isWeight = own.members.every((node) => values[nodes[node]!.inputs[operand]!]?.isConstant ?? false);
      if (isWeight) return false;
    }
  }
  return hasMatrix || (hasVector && alignment.steps > 2);
}

const ELEMENTWISE = new Set(['Add', 'Sub', 'Mul', 'Div', 'Where']);
