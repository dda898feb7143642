// Common subexpressions and local rewrites: what is the same is computed once, what does nothing is left out.

import { type AnyNode, type Axis, axisNames, type Graph, hasAxis, type Node, type Operations, type Value } from '../graph.ts';
import { recurParts } from '../recur.ts';
import { joinAxes } from '../shapes.ts';
import { Writer } from './writer.ts';

export function simplify(graph: Graph): Graph {
  const writer = new Writer();
  const known = new Map<Value, Value>(graph.parameters.map((value) => [value, writer.adopt(value)]));
  const find = (value: Value): Value => known.get(value)!;
  for (const node of graph.nodes) {
    writer.origin = node.origin;
    const outputs = rewrite(writer, node, node.inputs.map(find));
    node.outputs.forEach((output, k) => {
      known.set(output, outputs[k]!);
    });
  }
  return writer.graph(graph.results.map(find));
}

function rewrite(writer: Writer, node: AnyNode, inputs: readonly Value[]): readonly Value[] {
  if (node.operation === 'recur') return recur(writer, node, inputs);
  const simple = simpler(writer, node, inputs);
  if (simple !== undefined) return [simple];
  return writer.add(node.operation, node.attributes as never, inputs, node.outputs[0]!.name);
}

function simpler(writer: Writer, node: Exclude<AnyNode, Node<'recur'>>, inputs: readonly Value[]): Value | undefined {
  const [x, y] = inputs;
  switch (node.operation) {
    case 'rename':
      return writer.rename(x!, node.attributes.from, node.attributes.to);
    case 'cast': {
      const { dtype } = node.attributes;
      const before = writer.madeBy(x!, 'cast')?.inputs[0];
      return x!.type.dtype === dtype ? x : dtype === 'bool' && before?.type.dtype === 'bool' ? before : undefined;
    }
    case 'neg': {
      const number = numberOf(writer, x!);
      if (number !== undefined) return writer.constant(-number, x!.type.axes, x!.type.dtype);
      return writer.madeBy(x!, 'neg')?.inputs[0];
    }
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
    case 'minimum':
    case 'maximum':
    case 'less':
    case 'lessEqual':
    case 'equal':
      return arithmetic(writer, node.operation, x!, y!);
    case 'pow':
      return power(writer, x!, y!);
    case 'where': {
      const chosen = numberOf(writer, x!);
      const [other, value] = chosen === 0 ? [y!, inputs[2]!] : [inputs[2]!, y!];
      const isWhole = [...axisNames(x!), ...axisNames(other)].every((name) => hasAxis(value, name));
      if (chosen !== undefined && isWhole) return value;
      // What was chosen by the same condition before.
      const before = writer.madeBy(y!, 'where');
      if (before !== undefined && before.inputs[0] === x && axisNames(before.inputs[2]!).length === 0)
        return writer.one('where', {}, x!, before.inputs[1]!, inputs[2]!);
      return unspread(writer, 'where', inputs);
    }
    case 'scatterAdd': {
      // Nothing is summed: each update stands alone.
      const { axis, keep } = node.attributes;
      if (axisNames(y!).some((name) => !keep.includes(name))) return undefined;
      return rewriteTo(writer, 'mul', x!, writer.one('oneHot', { axis, dtype: 'float' }, y!));
    }
    case 'sum':
      return sumOfPlaces(writer, node.attributes.over, x!);
    case 'pack':
      return packed(writer, node.attributes.to, x!, y!);
    case 'concat':
      return wholeAgain(writer, node.attributes, inputs);
    case 'slice':
      return partOf(writer, node.attributes, x!);
    default:
      return undefined;
  }
}

/** Squares are products, as is the slope of a square: a kernel for any power is ten times as slow. */
function power(writer: Writer, x: Value, y: Value): Value | undefined {
  const exponent = numberOf(writer, y);
  if (!axisNames(y).every((name) => hasAxis(x, name))) return undefined;
  if (exponent === 1) return x;
  return exponent === 2 ? writer.one('mul', {}, x, x) : undefined;
}

type Arithmetic = 'add' | 'sub' | 'mul' | 'div' | 'minimum' | 'maximum' | 'less' | 'lessEqual' | 'equal';

function arithmetic(writer: Writer, operation: Arithmetic, x: Value, y: Value): Value | undefined {
  const [a, b] = [numberOf(writer, x), numberOf(writer, y)];
  if (a !== undefined && b !== undefined && x.type.dtype === 'float') {
    if (operation === 'equal') return writer.constant(Number(a === b), joinAxes([x, y]), 'bool');
    const number = folded(operation, a, b);
    if (number !== undefined) return writer.constant(number, joinAxes([x, y]));
  }
  const covers = (whole: Value, other: Value): boolean => axisNames(other).every((name) => hasAxis(whole, name));
  const neutral = { add: 0, sub: 0, mul: 1, div: 1 }[operation as string];
  if (b !== undefined && b === neutral && covers(x, y)) return x;
  if (a !== undefined && a === neutral && (operation === 'add' || operation === 'mul') && covers(y, x)) return y;
  if (operation === 'mul' && a === -1 && covers(y, x)) return writer.one('neg', {}, y);
  if (operation === 'mul' && b === -1 && covers(x, y)) return writer.one('neg', {}, x);
  const negated = writer.madeBy(y, 'neg');
  if (operation === 'add' && negated !== undefined) return rewriteTo(writer, 'sub', x, negated.inputs[0]!);
  const first = writer.madeBy(x, 'neg');
  if (operation === 'add' && first !== undefined) return rewriteTo(writer, 'sub', y, first.inputs[0]!);
  // -x * y = -(x * y): signs wander outwards, to a sum.
  if (operation === 'mul' && first !== undefined) return writer.one('neg', {}, rewriteTo(writer, 'mul', first.inputs[0]!, y));
  if (operation === 'mul' && negated !== undefined) return writer.one('neg', {}, rewriteTo(writer, 'mul', x, negated.inputs[0]!));
  const common = operation === 'add' || operation === 'sub' ? factored(writer, operation, x, y) : undefined;
  return common ?? unspread(writer, operation, [x, y]);
}

/** w a + w b = w (a + b), where w has fewer axes than the products. */
function factored(writer: Writer, operation: 'add' | 'sub', x: Value, y: Value): Value | undefined {
  const [p, q] = [writer.madeBy(x, 'mul'), writer.madeBy(y, 'mul')];
  if (p === undefined || q === undefined) return undefined;
  const shared = p.inputs.find((value) => q.inputs.includes(value) && axisNames(value).length < axisNames(x).length);
  if (shared === undefined) return undefined;
  const other = (inputs: readonly Value[]): Value => inputs[inputs[0] === shared ? 1 : 0]!;
  return writer.one('mul', {}, shared, rewriteTo(writer, operation, other(p.inputs), other(q.inputs)));
}

const rewriteTo = (writer: Writer, operation: 'add' | 'sub' | 'mul', x: Value, y: Value): Value =>
  arithmetic(writer, operation, x, y) ?? writer.one(operation, {}, x, y);

function folded(operation: Arithmetic, a: number, b: number): number | undefined {
  switch (operation) {
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return a * b;
    case 'div':
      return a / b;
    case 'minimum':
      return Math.min(a, b);
    case 'maximum':
      return Math.max(a, b);
    default:
      return undefined;
  }
}

/** A broadcast along an axis that another operand has does nothing. */
function unspread(writer: Writer, operation: Arithmetic | 'where', inputs: readonly Value[]): Value | undefined {
  let changed = false;
  const plain = [...inputs];
  for (let k = 0; k < plain.length; k += 1) {
    for (let node = writer.madeBy(plain[k]!, 'broadcast'); node !== undefined; node = writer.madeBy(plain[k]!, 'broadcast')) {
      const { name } = node.attributes.axis;
      if (!plain.some((other, j) => j !== k && hasAxis(other, name))) break;
      plain[k] = node.inputs[0]!;
      changed = true;
    }
  }
  if (!changed) return undefined;
  const [x, y] = plain;
  return (operation === 'where' ? undefined : arithmetic(writer, operation, x!, y!)) ?? writer.one(operation, {}, ...plain);
}

/** The number that a value is everywhere. */
export function numberOf(writer: Writer, value: Value): number | undefined {
  const broadcast = writer.madeBy(value, 'broadcast');
  if (broadcast !== undefined) return numberOf(writer, broadcast.inputs[0]!);
  return writer.madeBy(value, 'constant')?.attributes.value;
}

/** Places that a mask leaves out add nothing. */
function sumOfPlaces(writer: Writer, over: readonly string[], x: Value): Value | undefined {
  const whole = writer.madeBy(x, 'unpack');
  if (whole === undefined) return undefined;
  const places = axisNames(whole.inputs[1]!);
  if (!places.every((name) => over.includes(name))) return undefined;
  return writer.one('sum', { over: [whole.attributes.from, ...over.filter((name) => !places.includes(name))] }, whole.inputs[0]!);
}

/** What was unpacked by the same mask, or is the same at all places. */
function packed(writer: Writer, to: Axis, x: Value, mask: Value): Value | undefined {
  const before = writer.madeBy(x, 'unpack');
  if (before?.inputs[1] === mask) return writer.rename(before.inputs[0]!, before.attributes.from, to.name);
  const number = numberOf(writer, x);
  if (number === undefined) return undefined;
  return writer.constant(number, [to, ...x.type.axes.filter(({ name }) => !hasAxis(mask, name))], x.type.dtype);
}

/** The join of all pieces of one axis, in their order, is the whole. */
function wholeAgain(writer: Writer, { from, to }: Operations['concat'], parts: readonly Value[]): Value | undefined {
  let start = 0;
  let whole: { value: Value; axis: string } | undefined;
  for (const [k, part] of parts.entries()) {
    const piece = writer.madeBy(part, 'slice');
    if (piece === undefined || piece.attributes.to.name !== from[k] || piece.attributes.start !== start) return undefined;
    if (whole !== undefined && (whole.value !== piece.inputs[0] || whole.axis !== piece.attributes.from)) return undefined;
    whole = { value: piece.inputs[0]!, axis: piece.attributes.from };
    start += piece.attributes.to.size as number;
  }
  if (whole === undefined || whole.value.type.axes.find(({ name }) => name === whole.axis)!.size !== start) return undefined;
  return writer.rename(whole.value, whole.axis, to.name);
}

/** A piece that is just one part of a join is the part. */
function partOf(writer: Writer, { from, start, to }: Operations['slice'], x: Value): Value | undefined {
  const axis = x.type.axes.find(({ name }) => name === from)!;
  if (start === 0 && axis.size === to.size) return writer.rename(x, from, to.name);
  const join = writer.madeBy(x, 'concat');
  if (join === undefined || join.attributes.to.name !== from) return undefined;
  let at = 0;
  for (const [k, part] of join.inputs.entries()) {
    const own = join.attributes.from[k]!;
    const { size } = part.type.axes.find(({ name }) => name === own)!;
    if (at === start && size === to.size) return writer.rename(part, own, to.name);
    at += size as number;
  }
  return undefined;
}

/** The body simplified; equal inputs and equal outputs are one. */
function recur(writer: Writer, node: Node<'recur'>, inputs: readonly Value[]): readonly Value[] {
  const { inputs: outside, body } = recurParts({ ...node, inputs });
  const first = new Map<Value, Value>();
  /** Of parameters that are given the same, the first stands for all. */
  const kept = (parameters: readonly Value[], given: readonly Value[]): number[] => {
    const seen = new Map<Value, Value>();
    return parameters.flatMap((parameter, k) => {
      const same = seen.get(given[k]!);
      if (same !== undefined) first.set(parameter, same);
      else seen.set(given[k]!, parameter);
      return same === undefined ? [k] : [];
    });
  };
  const scanned = kept(body.scanned, outside.scanned);
  const held = kept(body.held, outside.held);
  const read = (value: Value): Value => first.get(value) ?? value;
  const pick = (values: readonly Value[], places: readonly number[]): Value[] => places.map((k) => values[k]!);
  const inner = simplify({
    parameters: [...pick(body.scanned, scanned), ...pick(body.held, held), ...body.before],
    nodes: node.attributes.body.nodes.map((each) => ({ ...each, inputs: each.inputs.map(read) }) as AnyNode),
    results: node.attributes.body.results.map(read),
  });
  const results = inner.results.slice(0, body.outputs.length);
  const distinct = [...new Set(results)];
  const outputs = writer.add(
    'recur',
    {
      ...node.attributes,
      scanned: scanned.length,
      held: held.length,
      body: { ...inner, results: [...distinct, ...inner.results.slice(results.length)] },
    },
    [...pick(outside.scanned, scanned), ...pick(outside.held, held), ...outside.initial],
  );
  return [...results.map((result) => outputs[distinct.indexOf(result)]!), ...outputs.slice(distinct.length)];
}
