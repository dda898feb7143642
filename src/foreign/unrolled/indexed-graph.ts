// A graph with its nodes and values as numbers, for searches that are linear in its size. Nodes that compute the same from the same are one
// node (value numbering), and constants of the same content are one value: exporters write a constant, and a view of a weight, once a step.

import type { AttributeProto, GraphProto, NodeProto, TensorProto } from '../../onnx/proto.ts';
import { tensorProto } from '../../onnx/write.ts';
import type { Scope } from '../scopes.ts';

export interface IndexedNode {
  readonly proto: NodeProto;
  /** Operator, attributes and the numbers of operands and results, as one number. */
  readonly signature: number;
  /** Values; -1 where an optional operand is left out. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

export interface IndexedValue {
  readonly name: string;
  /** The node that makes it; -1 for inputs, constants and values of graphs around this one. */
  readonly producer: number;
  readonly output: number;
  /** Depends on no input of the model. */
  readonly isConstant: boolean;
  readonly tensor?: TensorProto;
  /** Stands in the file more than once, under other names. */
  isRepeated?: boolean;
}

/** An operand that reads a value. */
export interface Use {
  readonly node: number;
  readonly operand: number;
}

export interface IndexedGraph {
  /** Each behind those that it reads. */
  readonly nodes: readonly IndexedNode[];
  readonly values: readonly IndexedValue[];
  readonly uses: readonly (readonly Use[])[];
  /** Values that the graph gives. */
  readonly given: ReadonlySet<number>;
  /** Values by all their names. */
  readonly byName: ReadonlyMap<string, number>;
}

const RANDOM = /^(?:Random|Multinomial|Bernoulli|Dropout$)/;

export function indexedGraph({ graph, owner }: Scope): IndexedGraph {
  return new Indexing(graph, owner?.scope).result();
}

class Indexing {
  readonly #graph: GraphProto;
  readonly #nodes: IndexedNode[] = [];
  readonly #values: IndexedValue[] = [];
  readonly #uses: Use[][] = [];
  readonly #byName = new Map<string, number>();
  readonly #numbers = new Map<string, number>();
  readonly #outer: Scope | undefined;

  constructor(graph: GraphProto, outer: Scope | undefined) {
    this.#graph = graph;
    this.#outer = outer;
  }

  result(): IndexedGraph {
    for (let at = this.#outer; at !== undefined; at = at.owner?.scope) this.#initialisers(at.graph);
    // An initialiser that is an input too has a default only.
    for (const { name } of this.#graph.input) this.#value(name, { producer: -1, output: 0, isConstant: false });
    this.#initialisers(this.#graph);
    for (const node of inOrder(this.#graph.node)) this.#node(node);
    const given = new Set(this.#graph.output.flatMap(({ name }) => this.#byName.get(name) ?? []));
    return { nodes: this.#nodes, values: this.#values, uses: this.#uses, given, byName: this.#byName };
  }

  #initialisers(graph: GraphProto): void {
    for (const tensor of graph.initializer) if (!this.#byName.has(tensor.name ?? '')) this.#constant(tensor.name ?? '', tensor);
  }

  #constant(name: string, tensor: TensorProto): void {
    const key = `constant ${tensorKey(tensor)}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) {
      this.#byName.set(name, known);
      this.#values[known]!.isRepeated = true;
    } else this.#numbers.set(key, this.#value(name, { producer: -1, output: 0, isConstant: true, tensor }));
  }

  #node(proto: NodeProto): void {
    const own = constantOf(proto);
    if (own !== undefined) {
      this.#constant(proto.output[0] ?? '', own);
      return;
    }
    const inputs = proto.input.map((name) => (name === '' ? -1 : this.#read(name)));
    if (proto.op_type === 'Identity' && (inputs[0] ?? -1) >= 0) {
      this.#byName.set(proto.output[0] ?? '', inputs[0]!);
      return;
    }
    const isPlain = proto.attribute.every(({ g }) => g === undefined) && !RANDOM.test(proto.op_type);
    const operator = `${proto.domain ?? ''} ${proto.op_type} ${proto.input.length} ${proto.output.length} ${attributesKey(proto)}`;
    const signature = this.#number(isPlain ? operator : `${operator} ${this.#nodes.length}`);
    const key = `node ${signature} ${inputs.join(' ')}`;
    const known = isPlain ? this.#numbers.get(key) : undefined;
    if (known !== undefined) {
      const { outputs } = this.#nodes[known]!;
      proto.output.forEach((name, k) => {
        this.#byName.set(name, outputs[k]!);
      });
      return;
    }
    const index = this.#nodes.length;
    const isConstant = isPlain && inputs.every((value) => value < 0 || this.#values[value]!.isConstant);
    const outputs = proto.output.map((name, output) => this.#value(name, { producer: index, output, isConstant }));
    this.#nodes.push({ proto, signature, inputs, outputs });
    inputs.forEach((value, operand) => {
      if (value >= 0) this.#uses[value]!.push({ node: index, operand });
    });
    // What a body reads of this graph is read by its owner.
    for (const { g } of proto.attribute) if (g !== undefined) for (const name of captured(g)) this.#captured(name, index);
    if (isPlain) this.#numbers.set(key, index);
  }

  #captured(name: string, node: number): void {
    const value = this.#byName.get(name);
    if (value !== undefined) this.#uses[value]!.push({ node, operand: -1 });
  }

  #read(name: string): number {
    return this.#byName.get(name) ?? this.#value(name, { producer: -1, output: 0, isConstant: false });
  }

  #value(name: string, value: Omit<IndexedValue, 'name'>): number {
    const index = this.#values.length;
    this.#values.push({ name, ...value });
    this.#uses.push([]);
    if (name !== '') this.#byName.set(name, index);
    return index;
  }

  #number(key: string): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(key, number);
    return number;
  }
}

/** The nodes so that each stands behind those that it reads; as they are where they do already. */
function inOrder(nodes: readonly NodeProto[]): readonly NodeProto[] {
  const producer = new Map<string, number>();
  nodes.forEach(({ output }, k) => {
    for (const name of output) producer.set(name, k);
  });
  const before = (k: number): number[] => nodes[k]!.input.flatMap((name) => producer.get(name) ?? []);
  if (nodes.every((_, k) => before(k).every((other) => other < k))) return nodes;
  const waiting = nodes.map((_, k) => new Set(before(k)).size);
  const readers = nodes.map((): number[] => []);
  nodes.forEach((_, k) => {
    for (const other of new Set(before(k))) readers[other]!.push(k);
  });
  const ready = waiting.flatMap((count, k) => (count === 0 ? [k] : []));
  for (const k of ready) for (const reader of readers[k]!) if (--waiting[reader]! === 0) ready.push(reader);
  return ready.map((k) => nodes[k]!);
}

/** The tensor of a Constant node. */
function constantOf({ op_type, domain, attribute }: NodeProto): TensorProto | undefined {
  if (op_type !== 'Constant' || (domain ?? '') !== '') return undefined;
  const [own] = attribute;
  switch (own?.name) {
    case 'value':
      return own.t;
    case 'value_float':
      return tensorProto('float32', [], [own.f ?? 0]);
    case 'value_floats':
      return tensorProto('float32', [own.floats?.length ?? 0], own.floats ?? []);
    case 'value_int':
      return tensorProto('int64', [], [Number(own.i ?? 0)]);
    case 'value_ints':
      return tensorProto('int64', [own.ints?.length ?? 0], (own.ints ?? []).map(Number));
    default:
      return undefined;
  }
}

function captured(graph: GraphProto): Set<string> {
  const found = new Set<string>(graph.output.map(({ name }) => name));
  for (const { input, attribute } of graph.node) {
    for (const name of input) found.add(name);
    for (const { g } of attribute) if (g !== undefined) for (const name of captured(g)) found.add(name);
  }
  return found;
}

function attributesKey({ attribute }: NodeProto): string {
  if (attribute.length === 0) return '';
  return attribute
    .map((each) => `${each.name}=${attributeKey(each)}`)
    .sort()
    .join(';');
}

function attributeKey({ type, f, i, s, t, g, floats, ints, strings }: AttributeProto): string {
  if (g !== undefined) return 'graph';
  if (t !== undefined) return tensorKey(t);
  const bytes = (each: Uint8Array): string => Buffer.from(each).toString('latin1');
  return [type, f, i, s === undefined ? '' : bytes(s), floats, ints, strings?.map(bytes)].join(',');
}

/** The same for tensors of the same content, but for chance. Kept outside the file: by the place. */
function tensorKey(tensor: TensorProto): string {
  const { data_type, dims, raw_data, external_data } = tensor;
  const head = `${data_type} [${dims.join(' ')}]`;
  if ((external_data?.length ?? 0) > 0) return `${head} ${external_data!.map(({ key, value }) => `${key}=${value}`).join(' ')}`;
  if (raw_data !== undefined && raw_data.length > 0) return `${head} ${bytesKey(raw_data)}`;
  const numbers = [tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data, tensor.uint64_data];
  const list = numbers.find((each) => (each?.length ?? 0) > 0) ?? [];
  return `${head} ${list.length <= 8 ? list.join(' ') : bytesKey(new Uint8Array(Float64Array.from(list).buffer))}`;
}

/** Short ones as they are; else length and two hashes of 32 bits. */
function bytesKey(bytes: Uint8Array): string {
  if (bytes.length <= 64) return Buffer.from(bytes).toString('latin1');
  let [a, b] = [0x811c9dc5, 0x9e3779b9];
  for (let k = 0; k < bytes.length; k += 1) {
    a = Math.imul(a ^ bytes[k]!, 0x01000193);
    b = Math.imul(b ^ bytes[k]!, 0x85ebca6b) ^ (b >>> 15);
  }
  return `${bytes.length} ${a >>> 0} ${b >>> 0}`;
}
