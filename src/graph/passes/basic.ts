// Writes rarer operations in terms of basic ones, which every device has kernels for: onnxruntime's WebGPU provider has none for Sign, IsNaN,
// Or, OneHot, ArgMax, equality of booleans and gathering with batch axes by int32, and its ReduceLogSumExp does not shift by the maximum.

import { Builder, sizeOf } from '../builder.ts';
import { type AnyNode, type Graph, hasAxis, type Value } from '../graph.ts';
import { GraphError, show } from '../shapes.ts';
import { orderResults } from './order.ts';

/** The same graph, without sign, isnan, or, oneHot, argmax, logsumexp, scatterAdd, batched gather and reverse within lengths; in bodies too. */
export function basicOperations(graph: Graph): Graph {
  const builder = new Builder();
  const known = new Map<Value, Value>();
  const find = (value: Value): Value => {
    const found = known.get(value);
    if (found === undefined) throw new GraphError(`${show(value)} is used before it is made`);
    return found;
  };
  for (const parameter of graph.parameters) known.set(parameter, builder.adopt(parameter));
  for (const node of graph.nodes) {
    builder.origin = node.origin;
    const outputs = rewrite(builder, node, node.inputs.map(find));
    node.outputs.forEach((output, k) => {
      known.set(output, outputs[k]!);
    });
  }
  return orderResults(
    builder.graph(graph.results.map(find)),
    graph.results.map((result) => result.type.axes),
  );
}

function rewrite(builder: Builder, node: AnyNode, inputs: readonly Value[]): readonly Value[] {
  const [x, y] = inputs;
  switch (node.operation) {
    case 'sign': {
      const zero = builder.constant(0, [], x!.type.dtype);
      const positive = builder.cast(builder.binary('less', zero, x!), x!.type.dtype);
      return [builder.minus(positive, builder.cast(builder.binary('less', x!, zero), x!.type.dtype))];
    }
    case 'isnan':
      return [builder.unary('not', builder.binary('equal', x!, x!))];
    case 'or':
      return [builder.unary('not', builder.binary('and', builder.unary('not', x!), builder.unary('not', y!)))];
    case 'equal':
      if (x!.type.dtype !== 'bool') break;
      return [builder.binary('equal', builder.cast(x!, 'int'), builder.cast(y!, 'int'))];
    case 'oneHot': {
      const { axis, dtype } = node.attributes;
      return [builder.cast(builder.binary('equal', x!, builder.iota(axis)), dtype)];
    }
    case 'argmax': {
      // The first place of the largest: places count down, so that it is a largest too. Where nothing equals the largest (NaN), it is the last.
      const { over } = node.attributes;
      const largest = builder.max(x!, [over]);
      const places = builder.neg(builder.cast(builder.iota(sizeOf(x!, over)), 'float'));
      const last = builder.neg(builder.max(builder.neg(places), [over]));
      const first = builder.max(builder.where(builder.binary('equal', x!, largest), places, last), [over]);
      return [builder.cast(builder.neg(first), 'int')];
    }
    case 'reverse': {
      if (y === undefined) break;
      const axis = sizeOf(x!, node.attributes.axis);
      const source = { name: `${axis.name} before`, size: axis.size };
      const position = builder.iota(axis);
      const mirrored = builder.minus(builder.minus(y, builder.constant(1, [], 'int')), position);
      const index = builder.where(builder.binary('less', position, y), mirrored, position);
      const chosen = builder.binary('equal', index, builder.iota(source));
      const rows = builder.rename(x!, axis.name, source.name);
      if (x!.type.dtype === 'float') return [builder.contract(builder.cast(chosen, 'float'), rows, [source.name])];
      const whole = builder.sum(builder.where(chosen, builder.cast(rows, 'int'), builder.constant(0, [], 'int')), [source.name]);
      return [builder.cast(whole, x!.type.dtype)];
    }
    case 'logsumexp': {
      const { over } = node.attributes;
      const largest = builder.max(x!, [over]);
      const sum = builder.sum(builder.exp(builder.minus(x!, largest)), [over]);
      return [builder.plus(builder.log(sum), largest)];
    }
    case 'scatterAdd': {
      const { axis, keep } = node.attributes;
      const over = y!.type.axes.map(({ name }) => name).filter((name) => !keep.includes(name));
      const rows = builder.cast(builder.binary('equal', y!, builder.iota(axis)), x!.type.dtype);
      const spread = over.filter((name) => !hasAxis(x!, name)).reduce((value, name) => builder.broadcast(value, sizeOf(y!, name)), x!);
      return [builder.contract(rows, spread, over)];
    }
    case 'gather': {
      const { axis } = node.attributes;
      const batched = y!.type.axes.some(({ name }) => name !== axis && hasAxis(x!, name));
      if (!batched || hasAxis(y!, axis)) break;
      const chosen = builder.binary('equal', y!, builder.iota(sizeOf(x!, axis)));
      return [builder.sum(builder.where(chosen, x!, builder.constant(0, [], x!.type.dtype)), [axis])];
    }
    case 'recur':
      return builder.recur(inputs, { ...node.attributes, body: basicOperations(node.attributes.body) });
    default:
  }
  return builder.add(node.operation, node.attributes as never, inputs, node.outputs[0]?.name);
}
