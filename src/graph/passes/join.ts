// A sum of products is one product of joined operands: W @ x + U @ h = [W, U] @ [x; h].
//
// In a body, products that need the state draw those of the same sum that do not into their join; where none needs it, what does not
// depend on the state is summed apart, so that it can be hoisted (IR.md, levels). The sum's other terms come last: a product, then one addend.

import { type AnyNode, axisNames, type Graph, hasAxis, type Node, type Value } from '../graph.ts';
import { sameAxes } from '../shapes.ts';
import { cheapToJoin, sizeOfAxis } from './cheap.ts';
import { type Level, levels, levelsOf, makersOf, type Place, positionsOf, useCounts } from './levels.ts';
import { Writer } from './writer.ts';

export function joinProducts(place: Place): Graph {
  const { graph } = place;
  const writer = new Writer();
  const known = new Map<Value, Value>(graph.parameters.map((value) => [value, writer.adopt(value)]));
  const find = (value: Value): Value => known.get(value)!;
  const sums = new Sums(place);
  for (const node of graph.nodes) {
    writer.origin = node.origin;
    const inputs = node.inputs.map(find);
    const sum = sums.at(node);
    const outputs = sum === undefined ? writer.add(node.operation, node.attributes as never, inputs) : [written(writer, sum, place, find)];
    node.outputs.forEach((output, k) => {
      known.set(output, outputs[k]!);
    });
  }
  return writer.graph(graph.results.map(find));
}

/** A contraction over one axis; `names` leads from its own free axes to those of the sum. */
interface Product {
  readonly value: Value;
  readonly operands: readonly [Value, Value];
  readonly over: string;
  readonly names: ReadonlyMap<string, string>;
  readonly level: Level;
  readonly position: number;
}

interface Sum {
  readonly products: readonly Product[];
  readonly rest: readonly { readonly value: Value; readonly level: Level }[];
}

class Sums {
  readonly #makers: ReadonlyMap<Value, AnyNode>;
  readonly #uses: ReadonlyMap<Value, number>;
  readonly #absorbed = new Set<AnyNode>();
  readonly #levels: (value: Value) => Level;
  readonly #positions: ReadonlyMap<Value, number>;

  constructor(place: Place) {
    this.#makers = makersOf(place.graph);
    this.#uses = useCounts(place.graph);
    this.#levels = levelsOf(place);
    this.#positions = positionsOf(place.graph);
    for (const node of place.graph.nodes) {
      if (node.operation !== 'add') continue;
      for (const input of node.inputs) if (this.#inner(input, node.outputs[0]!)) this.#absorbed.add(this.#makers.get(input)!);
    }
  }

  /** The sum that ends with this node, if products are among its terms. */
  at(node: AnyNode): Sum | undefined {
    if (node.operation !== 'add' || this.#absorbed.has(node)) return undefined;
    const [root] = node.outputs;
    const products: Product[] = [];
    const rest: { value: Value; level: Level }[] = [];
    for (const value of this.#terms(node, root!)) {
      const product = sameAxes(value.type.axes, root!.type.axes) ? this.#product(value) : undefined;
      if (product === undefined) rest.push({ value, level: this.#levels(value) });
      else products.push(product);
    }
    return products.length === 0 ? undefined : { products, rest };
  }

  #terms(node: Node<'add'> & AnyNode, root: Value): Value[] {
    return node.inputs.flatMap((input) => (this.#inner(input, root) ? this.#terms(this.#makers.get(input) as typeof node, root) : [input]));
  }

  #inner(value: Value, root: Value): boolean {
    return this.#makers.get(value)?.operation === 'add' && this.#uses.get(value) === 1 && sameAxes(value.type.axes, root.type.axes);
  }

  #product(value: Value): Product | undefined {
    const names = new Map(axisNames(value).map((name) => [name, name]));
    let source = value;
    let node = this.#makers.get(source);
    while (node?.operation === 'rename' && this.#uses.get(source) === 1) {
      const { from, to } = node.attributes;
      const outer = names.get(to)!;
      names.delete(to);
      names.set(from, outer);
      source = node.inputs[0]!;
      node = this.#makers.get(source);
    }
    if (node?.operation !== 'contract' || this.#uses.get(source) !== 1 || node.attributes.over.length !== 1) return undefined;
    const [a, b] = node.inputs;
    const over = node.attributes.over[0]!;
    const batched = axisNames(a!).some((name) => name !== over && hasAxis(b!, name));
    if (batched || sizeOfAxis(a!, over) === undefined) return undefined;
    const varying = this.#levels(a!) > this.#levels(b!) || open(a!) ? a! : b!;
    const position = this.#positions.get(varying) ?? 0;
    return { value, operands: [a!, b!], over, names, level: this.#levels(value), position };
  }
}

/** It has an axis whose size is not known: it is no weight. */
const open = (value: Value): boolean => value.type.axes.some(({ size }) => typeof size === 'string');

function written(writer: Writer, { products, rest }: Sum, place: Place, find: (value: Value) => Value): Value {
  const needsState = products.some(({ level }) => level === levels.state);
  const joined = joinable(products, place).map((group) => ({
    value: group.length === 1 ? find(group[0]!.value) : join(writer, group, find),
    level: Math.max(...group.map(({ level }) => level)),
  }));
  const others = rest.map(({ value, level }) => ({ value: find(value), level }));
  const add = (sum: Value | undefined, value: Value): Value => (sum === undefined ? value : writer.one('add', {}, sum, value));
  const total = (terms: readonly { readonly value: Value }[]): Value | undefined =>
    terms.map(({ value }) => value).reduce<Value | undefined>(add, undefined);
  const ascending = others.toSorted((x, y) => x.level - y.level);
  if (needsState || place.of === undefined) {
    const addend = total(ascending);
    const product = total(joined)!;
    return addend === undefined ? product : add(product, addend);
  }
  const early = [...joined, ...ascending.filter(({ level }) => level < levels.state)];
  return total([...early, ...ascending.filter(({ level }) => level === levels.state)])!;
}

/** Groups of products whose operands fit one behind the other. */
function joinable(products: readonly Product[], place: Place): Product[][] {
  const groups: Product[][] = [];
  for (const product of products.toSorted((a, b) => a.position - b.position)) {
    const group = groups.find((each) => {
      const turned = oriented(product, each[0]!);
      if (turned === undefined) return false;
      return [0, 1].every((side) => cheapToJoin(place, [...each.map((one) => one.operands[side]!), turned.operands[side]!]));
    });
    if (group === undefined) groups.push([product]);
    else group.push(oriented(product, group[0]!)!);
  }
  return groups;
}

/** The product with its operands in the order that fits the other's: the same free axes left and right. */
function oriented(product: Product, other: Product): Product | undefined {
  const free = ({ operands, over, names }: Product, side: 0 | 1): string =>
    axisNames(operands[side])
      .filter((name) => name !== over)
      .map((name) => names.get(name)!)
      .sort()
      .join();
  const [a, b] = product.operands;
  if (free(product, 0) === free(other, 0) && free(product, 1) === free(other, 1)) return product;
  const turned: Product = { ...product, operands: [b, a] };
  return free(turned, 0) === free(other, 0) && free(turned, 1) === free(other, 1) ? turned : undefined;
}

function join(writer: Writer, group: readonly Product[], find: (value: Value) => Value): Value {
  const side = (k: 0 | 1): ReturnType<Writer['concat']> =>
    writer.concat(
      group.map(({ operands, over, names }) => {
        const free = axisNames(operands[k]).filter((name) => name !== over && names.get(name) !== name);
        if (free.length === 0) return { value: find(operands[k]), axis: over };
        // A free axis may take the name of the summed one.
        const summed = `${over}*`;
        const apart = writer.rename(find(operands[k]), over, summed);
        return { value: free.reduce((value, name) => writer.rename(value, name, names.get(name)!), apart), axis: summed };
      }),
    );
  const [left, right] = [side(0), side(1)];
  const name = left.axis.name.includes('*') ? right.axis.name : left.axis.name;
  const operands = [left, right].map(({ value, axis }) => writer.rename(value, axis.name, name));
  return writer.one('contract', { over: [name] }, ...operands);
}
