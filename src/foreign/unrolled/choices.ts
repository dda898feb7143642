// Steps that choose: a decoder that takes the likeliest word and reads it in the next step. A choice is a whole number, and the equations of a cell have
// none; so what a step makes of the choice before it (the word's embedding) is an input of the step, whose numbers a run tells.

import type { NodeProto } from '../../onnx/proto.ts';
import type { UnrolledRecurrence } from './recurrence.ts';

const CHOOSING = new Set(['ArgMax', 'ArgMin', 'NonZero', 'Multinomial', 'TopK']);
/** Element types of TensorProto.DataType that are numbers of a cell. */
const FLOATING = new Set([1, 10, 11, 16]);

/** The recurrence without its choices, or itself where it has none; undefined where nothing else is carried from step to step. */
export function withoutChoices(recurrence: UnrolledRecurrence): UnrolledRecurrence | undefined {
  const { body } = recurrence;
  if (!body.nodes.some(({ op_type }) => CHOOSING.has(op_type))) return recurrence;
  const { chosen, made } = choicesOf(recurrence);
  const makers = new Map(body.nodes.flatMap((node) => node.output.map((name) => [name, node] as const)));
  /** What values are computed from, back to what is given. */
  const reached = (roots: readonly string[]): ReadonlySet<string> => {
    const seen = new Set(roots);
    for (const name of seen) {
      if (chosen.has(name) || made.has(name)) continue;
      for (const read of makers.get(name)?.input ?? []) if (read !== '') seen.add(read);
    }
    return seen;
  };
  // A state that comes of choices alone is an input.
  let states = body.states.filter(({ before, after }) => !chosen.has(before) && !chosen.has(after));
  for (let count = -1; count !== states.length; ) {
    count = states.length;
    const befores = new Set(states.map(({ before }) => before));
    states = states.filter(({ after }) => [...reached([after])].some((name) => befores.has(name)));
  }
  if (states.length === 0) return undefined;
  const outputs = body.outputs.filter((name) => !chosen.has(name) && !made.has(name));
  const used = reached([...states.map(({ after }) => after), ...outputs]);
  const isGiven = (name: string): boolean => chosen.has(name) || made.has(name) || !makers.has(name);
  const kept = body.nodes.map(({ output }) => output.some((name) => used.has(name) && !isGiven(name)));
  const befores = new Set(states.map(({ before }) => before));
  return {
    ...recurrence,
    body: {
      nodes: body.nodes.filter((_, k) => kept[k]),
      states,
      scanned: [...used].filter((name) => isGiven(name) && !befores.has(name) && !body.held.includes(name)),
      held: body.held.filter((name) => used.has(name)),
      outputs,
    },
    nodes: recurrence.nodes.map((step) => step.filter((_, k) => kept[k])),
  };
}

/** Values that are choices or whole numbers made of them, and what is made of those and is none. */
function choicesOf({ body }: UnrolledRecurrence): { readonly chosen: ReadonlySet<string>; readonly made: ReadonlySet<string> } {
  const chosen = new Set<string>();
  const made = new Set<string>();
  // Choices that are states are known only once the step has been gone through.
  for (let count = -1; count !== chosen.size; ) {
    count = chosen.size;
    for (const node of body.nodes) {
      if (CHOOSING.has(node.op_type)) {
        for (const [k, name] of node.output.entries()) if (node.op_type !== 'TopK' || k === 1) chosen.add(name);
        continue;
      }
      const read = node.input.map((name) => chosen.has(name));
      if (!read.includes(true)) continue;
      if (isFloating(node, read)) {
        if (node.op_type !== 'Where') for (const name of node.output) made.add(name);
      } else for (const name of node.output) chosen.add(name);
    }
    for (const { before, after } of body.states) if (chosen.has(after)) chosen.add(before);
  }
  return { chosen, made };
}

/** Whether a node that reads a choice gives numbers of a cell. */
function isFloating({ op_type, attribute }: NodeProto, isChosen: readonly boolean[]): boolean {
  switch (op_type) {
    case 'Gather':
    case 'GatherElements':
    case 'GatherND':
    case 'OneHot':
      return op_type === 'OneHot' || !isChosen[0];
    case 'Cast':
      return FLOATING.has(Number(attribute.find(({ name }) => name === 'to')?.i ?? 1));
    case 'Where':
      return !isChosen[1] && !isChosen[2];
    default:
      return false;
  }
}
