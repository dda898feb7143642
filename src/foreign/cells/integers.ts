// Arithmetic of shapes and places: what a step computes with whole numbers that are known before it.

import { contiguous, sizeOf } from './expression.ts';
import type { Step } from './step.ts';
import type { Integers } from './value.ts';

/** The results of a node all of whose inputs are whole numbers; undefined for others. */
export function integersOf(step: Step): readonly Integers[] | undefined {
  const inputs = step.node.input.map((_, k) => step.input(k));
  if (inputs.length === 0 || inputs.some((each) => each?.kind === 'tensor')) return undefined;
  const given = inputs.filter((each) => each !== undefined) as Integers[];
  return rules[step.node.op_type]?.(given, step);
}

type Rule = (inputs: readonly Integers[], step: Step) => readonly Integers[] | undefined;

const pair =
  (apply: (a: number, b: number) => number): Rule =>
  ([a, b]) => {
    const [large, small] = a!.data.length >= b!.data.length ? [a!, b!] : [b!, a!];
    if (small.data.length !== 1 && small.data.length !== large.data.length) return undefined;
    const at = (each: Integers, k: number): number => each.data[each.data.length === 1 ? 0 : k]!;
    const shape = large.shape.length >= small.shape.length ? large.shape : small.shape;
    return [{ kind: 'integers', shape, data: large.data.map((_, k) => apply(at(a!, k), at(b!, k))) }];
  };

const same: Rule = ([x]) => [x!];
const list = (data: readonly number[]): Integers => ({ kind: 'integers', shape: [data.length], data });

const rules: Readonly<Record<string, Rule>> = {
  Add: pair((a, b) => a + b),
  Sub: pair((a, b) => a - b),
  Mul: pair((a, b) => a * b),
  Div: pair((a, b) => Math.trunc(a / b)),
  Mod: pair((a, b) => ((a % b) + b) % b),
  Min: pair(Math.min),
  Max: pair(Math.max),
  Less: pair((a, b) => Number(a < b)),
  Greater: pair((a, b) => Number(a > b)),
  Equal: pair((a, b) => Number(a === b)),
  Identity: same,
  Neg: ([x]) => [{ ...x!, data: x!.data.map((each) => -each) }],
  Cast: ([x], { node }) => {
    const to = Number(node.attribute.find(({ name }) => name === 'to')?.i ?? 7);
    // To a float: single numbers only are of use, as constants, and those are told by who reads them.
    return to === 1 && x!.data.length > 1 ? undefined : [x!];
  },
  Concat: (inputs) => [list(inputs.flatMap(({ data }) => data))],
  Unsqueeze: ([x]) => [{ ...x!, shape: x!.shape.length === 0 ? [1] : x!.shape }],
  Squeeze: ([x]) => [{ ...x!, shape: x!.data.length === 1 ? [] : x!.shape }],
  Reshape: ([x, shape]) => [{ ...x!, shape: shape!.data.length === 0 ? [] : [x!.data.length] }],
  Gather: ([x, index]) =>
    x!.shape.length > 1 ? undefined : [{ kind: 'integers', shape: index!.shape, data: index!.data.map((k) => x!.data.at(k)!) }],
  Slice: ([x, starts, ends, , steps]) => {
    if (x!.shape.length > 1 || (steps?.data[0] ?? 1) !== 1 || ends === undefined) return undefined;
    return [list(x!.data.slice(starts!.data[0], ends.data[0]))];
  },
  Where: ([condition, a, b]) => {
    const count = Math.max(condition!.data.length, a!.data.length, b!.data.length);
    const at = (each: Integers, k: number): number => each.data[each.data.length === 1 ? 0 : k]!;
    return [list(Array.from({ length: count }, (_, k) => (at(condition!, k) !== 0 ? at(a!, k) : at(b!, k))))];
  },
  ReduceProd: ([x]) => [{ kind: 'integers', shape: [], data: [sizeOf(x!.data)] }],
  Range: ([start, limit, delta]) => {
    const [from, to, by] = [start!.data[0]!, limit!.data[0]!, delta!.data[0]!];
    const count = Math.max(0, Math.ceil((to - from) / by));
    return count > 4096 ? undefined : [list(Array.from({ length: count }, (_, k) => from + k * by))];
  },
  Shape: ([x]) => [list(x!.shape)],
  Expand: ([x, shape]) =>
    x!.data.length === 1 && sizeOf(shape!.data) <= 4096
      ? [{ kind: 'integers', shape: shape!.data, data: new Array<number>(sizeOf(shape!.data)).fill(x!.data[0]!) }]
      : undefined,
  Transpose: ([x]) => (x!.shape.length < 2 ? [x!] : x!.shape.length === 2 ? [transposed(x!)] : undefined),
};

function transposed({ shape, data }: Integers): Integers {
  const turned = [shape[1]!, shape[0]!];
  const [step] = contiguous(turned);
  return { kind: 'integers', shape: turned, data: data.map((_, k) => data[(k % step!) * shape[1]! + Math.floor(k / step!)]!) };
}
