// A product of two tensors summed over axes, as one matrix product.
//
// The axes fall into four groups: batch (both have it, it stays), M (the left has it), N (the right has it), K (summed). Where no operand
// has to be rearranged, nothing is: Gemm reads a transposed operand in place, and several axes in a row are one by a Reshape, which copies nothing.

import { axisNames, hasAxis, type Value } from '../graph/graph.ts';
import type { Pattern, Scope } from './scope.ts';

interface Side {
  readonly value: Value;
  /** The axes that only this operand has, and the summed ones, in the order in memory. */
  readonly own: Pattern;
  readonly summed: Pattern;
  /** The summed axes come first in memory. */
  readonly transposed: boolean;
}

/** What is added to the product and applied after it, in the same operator. */
export interface Epilogue {
  readonly addend?: Value;
  readonly activation?: 'Sigmoid' | 'Tanh' | 'Relu';
}

export function lowerContract(scope: Scope, a: Value, b: Value, over: readonly string[], out: Value, epilogue: Epilogue = {}): void {
  if (over.length === 0) {
    lowerOuter(scope, a, b, out);
    return;
  }
  if (a === b && over.length === a.type.axes.length) {
    scope.define(out, [], scope.node('ReduceSumSquare', [scope.need(a, scope.orderOf(a))], { keepdims: 0 }, out.name));
    return;
  }
  const batch = axisNames(a).filter((name) => hasAxis(b, name) && !over.includes(name));
  if (batch.length > 0) lowerBatched(scope, a, b, over, batch, out);
  else if (!lowerAround(scope, a, b, over, out, epilogue)) lowerGemm(scope, a, b, over, out, epilogue);
}

/** A product with nothing of its own on one side, while the summed axes lie around those of the other: one vector for each place of the outer summed axes,
 *  then their sum, so that nothing is moved. Gives whether that is so. */
function lowerAround(scope: Scope, a: Value, b: Value, over: readonly string[], out: Value, { addend, activation }: Epilogue): boolean {
  const isOwn = (name: string): boolean => !over.includes(name);
  const [vector, matrix] = axisNames(a).some(isOwn) ? [b, a] : [a, b];
  const order = scope.orderOf(matrix);
  const outer = order.slice(0, order.findIndex(isOwn));
  const own = order.filter(isOwn);
  const inner = order.slice(outer.length + own.length);
  const isAround = outer.length > 0 && own.length > 0 && inner.length > 0 && inner.every((name) => !isOwn(name));
  if (!isAround || axisNames(vector).some(isOwn) || addend !== undefined || activation !== undefined) return false;
  const groups = outer.map((name) => [name]);
  const products = scope.node('MatMul', [scope.grouped(matrix, [...groups, own, inner]), scope.grouped(vector, [...groups, inner, []])]);
  const axes = scope.integers(...outer.keys(), outer.length + 1);
  scope.defineGrouped(out, [own], scope.node('ReduceSum', [products, axes], { keepdims: 0 }, out.name));
  return true;
}

function lowerOuter(scope: Scope, a: Value, b: Value, out: Value): void {
  const order = scope.preferred(out.type.axes);
  scope.define(out, order, scope.node('Mul', [aligned(scope, a, order), aligned(scope, b, order)], {}, out.name));
}

/** The operand in the order of an elementwise result: axes that it lacks in the middle have length 1. */
export function aligned(scope: Scope, value: Value, order: Pattern): string {
  const first = order.findIndex((name) => hasAxis(value, name));
  return scope.need(value, first < 0 ? [] : order.slice(first).map((name) => (hasAxis(value, name) ? name : '')));
}

function lowerBatched(scope: Scope, a: Value, b: Value, over: readonly string[], batch: readonly string[], out: Value): void {
  const [left, right] = placed(scope, a, b, over, batch);
  const own = (value: Value): string[] => scope.orderOf(value).filter((name) => !over.includes(name) && !batch.includes(name));
  const m = own(left);
  const n = own(right);
  const groups = batch.map((name) => [name]);
  const k = scope.orderOf(left).filter((name) => over.includes(name));
  const product = scope.node('MatMul', [scope.grouped(left, [...groups, m, k]), scope.grouped(right, [...groups, k, n])], {}, out.name);
  scope.defineGrouped(out, [...groups, m, n], product);
}

function lowerGemm(scope: Scope, a: Value, b: Value, over: readonly string[], out: Value, { addend, activation }: Epilogue): void {
  const [first, second] = placed(scope, a, b, over, []);
  const [left, right] = sides(scope, first, second, over);
  const plain = addend === undefined && activation === undefined;
  if (plain && !left.transposed && !right.transposed && right.own.length <= 1 && left.summed.length === 1) {
    const x = scope.need(left.value, [...(left.own.length === 0 ? [''] : left.own), ...left.summed]);
    const y = scope.grouped(right.value, [right.summed, right.own]);
    const pattern = [...(left.own.length === 0 ? [''] : left.own), ...(right.own.length === 0 ? [''] : right.own)];
    scope.define(out, pattern, scope.node('MatMul', [x, y], {}, out.name));
    return;
  }
  const operand = ({ value, own, summed, transposed }: Side, ownFirst: boolean): string =>
    scope.grouped(value, transposed === ownFirst ? [summed, own] : [own, summed]);
  const inputs = [operand(left, true), operand(right, false)];
  if (addend !== undefined) inputs.push(addendOf(scope, addend, left.own, right.own));
  const attributes = { transA: left.transposed ? 1 : 0, transB: right.transposed ? 1 : 0 };
  const name =
    activation === undefined
      ? scope.node('Gemm', inputs, attributes, out.name)
      : scope.nodeOf('FusedGemm', inputs, { ...attributes, activation }, [out.name ?? 'gemm'], 'com.microsoft')[0]!;
  scope.defineGrouped(out, [left.own, right.own], name);
}

/** The addend as [M, N], [M, 1] or [N]; its other axes are as in the product. */
function addendOf(scope: Scope, addend: Value, m: Pattern, n: Pattern): string {
  const has = (names: Pattern): boolean => names.length > 0 && names.every((name) => hasAxis(addend, name));
  if (addend.type.axes.length === 0) return scope.need(addend, []);
  return scope.grouped(addend, [has(m) ? m : [], has(n) ? n : []]);
}

/** Left and right, such that the product comes out in the order that its scope prefers. */
function placed(scope: Scope, a: Value, b: Value, over: readonly string[], batch: readonly string[]): [Value, Value] {
  const own = (value: Value): Value['type']['axes'] => value.type.axes.filter(({ name }) => !over.includes(name) && !batch.includes(name));
  const m = own(a);
  const n = own(b);
  if (m.length === 0 || n.length === 0) {
    // A matrix and a vector: the matrix is read as it is in memory, a transposed one takes five times as long.
    const [matrix, vector] = m.length === 0 ? [b, a] : [a, b];
    return over.includes(scope.orderOf(matrix)[0]!) ? [vector, matrix] : [matrix, vector];
  }
  // Weights go to the left where the other operand's summed axes are not its innermost: both are then read as they are in memory.
  if (batch.length === 0 && isWeight(a) !== isWeight(b)) {
    const [weight, other] = isWeight(a) ? [a, b] : [b, a];
    if (!over.includes(scope.orderOf(other).at(-1)!)) return [weight, other];
  }
  const preferred = scope.preferred([...m, ...n]);
  return m.some(({ name }) => name === preferred[0]) ? [a, b] : [b, a];
}

const isWeight = (value: Value): boolean => value.type.axes.every(({ size }) => typeof size === 'number');

function sides(scope: Scope, a: Value, b: Value, over: readonly string[]): [Side, Side] {
  // The summed axes must come in one order; that of the larger operand is kept.
  const keep = b.type.axes.length > a.type.axes.length ? b : a;
  const summed = scope.orderOf(keep).filter((name) => over.includes(name));
  const side = (value: Value, ownFirst: boolean): Side => {
    const orders = scope.ordersOf(value);
    // A vector is a row or a column, whichever is asked for.
    if (orders[0]!.length === summed.length) return { value, own: [], summed, transposed: false };
    // A left operand that is read in place must not be transposed: a weight is turned once.
    if (ownFirst && (scope.isOutside(value) || isWeight(value)))
      return { value, own: orders[0]!.filter((name) => !over.includes(name)), summed, transposed: false };
    for (const order of orders) {
      const own = order.filter((name) => !over.includes(name));
      if (same(order, [...own, ...summed])) return { value, own, summed, transposed: !ownFirst };
      if (same(order, [...summed, ...own])) return { value, own, summed, transposed: ownFirst };
    }
    // Something must be moved: the innermost axis stays where it is, so that whole runs of memory are copied.
    const [order] = orders;
    const own = order!.filter((name) => !over.includes(name));
    const summedLast = over.includes(order!.at(-1)!);
    return { value, own, summed, transposed: summedLast !== ownFirst };
  };
  return [side(a, true), side(b, false)];
}

const same = (a: Pattern, b: Pattern): boolean => a.every((name, k) => name === b[k]);
