// If, Loop and Scan nodes replaced by what ran of them: the nodes of a branch, and those of a body once an iteration. So their operators are ordinary
// ones, with values that a run can show and a gradient can go through.

import type { AttributeProto, GraphProto, ModelProto, NodeProto } from '../../onnx/proto.ts';
import { attribute, tensorProto } from '../../onnx/write.ts';
import { attributeOf, intOf, intsOf } from './reading.ts';

/** What ran of a node: a branch of an If, so many iterations of a Loop or Scan; undefined where that is not known. */
export type Ran = (node: NodeProto) => 'then' | 'else' | number | undefined;

/** A branch or an iteration that ran. */
export interface Turn {
  /** The node of the file, and the attribute that holds the graph. */
  readonly owner: NodeProto;
  readonly attribute: string;
  /** The turn around it; absent at the top. */
  readonly around?: Turn;
  /** The iteration; 0 of a branch. */
  readonly turn: number;
  /** Names in the unfolded graph by those that the graph of the turn makes. */
  readonly names: ReadonlyMap<string, string>;
}

/** Where a node of the unfolded graph is from. */
export interface Place {
  /** The file's node. */
  readonly node: NodeProto;
  /** Absent of a node at the top. */
  readonly within?: Turn;
}

/** A model in which some of these nodes have been replaced. Results keep their names; inner values keep theirs as well, with the iteration behind
 *  it, unless another value has that name. What it computes stays the same for inputs that choose these branches and numbers of iterations. */
export class Unfolded {
  readonly model: ModelProto;
  /** Of nodes that come from the file; what was written to connect bodies has none. */
  readonly places: ReadonlyMap<NodeProto, Place>;
  /** All turns, in the order in which they ran. */
  readonly turns: readonly Turn[];
  /** The file's nodes of graphs inside nodes. */
  readonly #files: Files;

  constructor(model: ModelProto, places?: ReadonlyMap<NodeProto, Place>, turns: readonly Turn[] = [], files: Files = new Map()) {
    this.model = model;
    this.places = places ?? new Map(model.graph.node.map((node) => [node, { node }]));
    this.turns = turns;
    this.#files = files;
  }

  /** With the nodes at the top replaced of which it is known what ran, and those of their bodies if that is known of them too. */
  next(ran: Ran): Unfolded {
    const unfolding = new Unfolding(this.model, new Map(this.places), [...this.turns], this.#files, ran);
    return unfolding.isChanged ? new Unfolded(unfolding.model, unfolding.places, unfolding.turns.sort(inOrder), this.#files) : this;
  }

  /** The name at the top of a value that a graph, of which a turn ran, sees. */
  nameOf(name: string, within: Turn | undefined): string {
    for (let at = within; at !== undefined; at = at.around) {
      const found = at.names.get(name);
      if (found !== undefined) return found;
    }
    return name;
  }

  /** Turns of a body of the file; those around them one after the other. */
  turnsOf(owner: NodeProto, body: string): readonly Turn[] {
    return this.turns.filter((turn) => turn.owner === owner && turn.attribute === body);
  }

  /** The nodes that a node of the file has become, in the order in which they ran. */
  copiesOf(node: NodeProto): readonly NodeProto[] {
    const found = [...this.places].filter(([, place]) => place.node === node);
    return found.sort(([, a], [, b]) => inOrder(a.within, b.within)).map(([copy]) => copy);
  }
}

type Files = Map<NodeProto, NodeProto>;

/** The model with each node, of which it is known what ran, replaced. */
export const unfolded = (model: ModelProto, ran: Ran): ModelProto => new Unfolded(model).next(ran).model;

const pathOf = (turn: Turn | undefined): readonly number[] => (turn === undefined ? [] : [...pathOf(turn.around), turn.turn]);

function inOrder(a: Turn | undefined, b: Turn | undefined): number {
  const [one, other] = [pathOf(a), pathOf(b)];
  const place = one.findIndex((turn, k) => turn !== other[k]);
  return place < 0 ? one.length - other.length : one[place]! - (other[place] ?? -1);
}

class Unfolding {
  isChanged = false;
  readonly places: Map<NodeProto, Place>;
  readonly turns: Turn[];
  readonly #model: ModelProto;
  readonly #files: Files;
  readonly #made: GraphProto;
  readonly #taken: Set<string>;
  readonly #called: Set<string>;
  /** The next node is the last. */
  readonly #pending: NodeProto[];
  readonly #version: number;

  constructor(model: ModelProto, places: Map<NodeProto, Place>, turns: Turn[], files: Files, ran: Ran) {
    const { graph } = model;
    this.#model = model;
    this.places = places;
    this.turns = turns;
    this.#files = files;
    this.#version = model.opset_import.find(({ domain = '' }) => domain === '' || domain === 'ai.onnx')?.version ?? 1;
    this.#called = new Set(graph.node.map(({ name }) => name ?? ''));
    this.#taken = new Set([...graph.input, ...graph.output, ...(graph.value_info ?? [])].map(({ name }) => name));
    for (const { name } of graph.initializer) this.#taken.add(name ?? '');
    for (const node of graph.node) for (const name of node.output) this.#taken.add(name);
    this.#made = { ...graph, node: [], initializer: [...graph.initializer], value_info: [...(graph.value_info ?? [])] };
    this.#pending = graph.node.toReversed();
    for (let node = this.#pending.pop(); node !== undefined; node = this.#pending.pop()) {
      const what = ran(node);
      const done =
        node.op_type === 'If' && typeof what === 'string'
          ? this.#branch(node, what)
          : typeof what === 'number' &&
            (node.op_type === 'Loop' ? this.#loop(node, what) : node.op_type === 'Scan' && this.#scan(node, what));
      if (done) this.isChanged = true;
      else this.#made.node.push(node);
    }
  }

  get model(): ModelProto {
    return { ...this.#model, graph: this.#made };
  }

  #branch(node: NodeProto, which: 'then' | 'else'): boolean {
    const body = `${which}_branch`;
    const branch = attributeOf(node, body)?.g;
    if (branch === undefined) return false;
    const own = new Set([...branch.initializer.map(({ name }) => name ?? ''), ...branch.node.flatMap(({ output }) => output)]);
    const names = new Map<string, string>();
    const copies: NodeProto[] = [];
    branch.output.forEach(({ name }, k) => {
      const result = node.output[k] ?? '';
      if (result === '') return;
      // A result that comes from around the branch, or that is two results, is copied.
      if (own.has(name) && !names.has(name)) names.set(name, result);
      else copies.push(plain('Identity', [name], result));
    });
    const turn = this.#turn(node, body, 0, names);
    const shared = this.#shared(branch, names);
    const nodes = this.#nodes(branch, names, '', shared);
    this.#push([...nodes, ...copies.map((copy) => ({ ...copy, input: copy.input.map((name) => names.get(name) ?? name) }))], turn);
    return true;
  }

  #loop(node: NodeProto, count: number): boolean {
    const body = attributeOf(node, 'body')?.g;
    if (body === undefined) return false;
    const states = node.input.slice(2);
    return this.#iterations(node, body, {
      count,
      states,
      given: (turn) => {
        const [number, goes] = body.input;
        const isOne = number?.type?.tensor_type?.shape?.dim.length === 1;
        return [this.#whole(turn, isOne ? [1] : []), this.#truth(goes?.type?.tensor_type?.shape?.dim.length === 1 ? [1] : [])];
      },
      after: 1,
      scanned: () => [],
      stack: () => ({ axis: 0, isTurned: false }),
    });
  }

  #scan(node: NodeProto, count: number): boolean {
    const body = attributeOf(node, 'body')?.g;
    // Of opset 8 it has the lengths of its sequences in front.
    if (body === undefined || node.input.length !== body.input.length) return false;
    const scans = intOf(node, 'num_scan_inputs', 1);
    const states = node.input.slice(0, node.input.length - scans);
    const numbers = (name: string, k: number): number => intsOf(node, name)?.[k] ?? 0;
    return this.#iterations(node, body, {
      count,
      states,
      given: () => [],
      after: 0,
      scanned: (turn) =>
        node.input.slice(states.length).map((name, k) => {
          const at = numbers('scan_input_directions', k) === 1 ? count - 1 - turn : turn;
          const item = this.#free(`${name}/${turn}`);
          const axis = numbers('scan_input_axes', k);
          this.#made.node.push(plain('Gather', [name, this.#whole(at, [])], item, [attribute('axis', axis)]));
          return item;
        }),
      stack: (k) => ({ axis: numbers('scan_output_axes', k), isTurned: numbers('scan_output_directions', k) === 1 }),
    });
  }

  /** A body's inputs are `given` ones, states, then what is scanned; its results states from `after` on, then what is stacked. */
  #iterations(node: NodeProto, body: GraphProto, { count, states, given, after, scanned, stack }: Iterations): boolean {
    const results = body.output.slice(after + states.length);
    // Of no iteration, stacked results are empty, and of sizes that nothing tells.
    if (count === 0 && results.some((_, k) => (node.output[states.length + k] ?? '') !== '')) return false;
    const hoisted = new Map<string, string>();
    const shared = this.#shared(body, hoisted);
    let current: readonly string[] = states;
    const stacked: string[][] = results.map(() => []);
    const all: NodeProto[] = [];
    for (let turn = 0; turn < count; turn += 1) {
      const names = new Map(hoisted);
      const values = [...given(turn), ...current, ...scanned(turn)];
      for (const [k, { name }] of body.input.entries()) names.set(name, values[k] ?? '');
      const own = this.#turn(node, 'body', turn, names);
      const nodes = this.#nodes(body, names, `/${turn}`, shared);
      for (const each of nodes) this.#place(each, own);
      all.push(...nodes);
      const made = ({ name }: { readonly name: string }): string => names.get(name) ?? name;
      current = body.output.slice(after, after + states.length).map(made);
      for (const [k, each] of results.entries()) stacked[k]!.push(made(each));
    }
    states.forEach((_, k) => {
      if ((node.output[k] ?? '') !== '') all.push(plain('Identity', [current[k]!], node.output[k]!));
    });
    stacked.forEach((values, k) => {
      const result = node.output[states.length + k] ?? '';
      if (result === '') return;
      const { axis, isTurned } = stack(k);
      const { nodes, initializers } = joined(isTurned ? values.toReversed() : values, axis, result, this.#version, (base) =>
        this.#free(base),
      );
      this.#made.initializer.push(...initializers);
      all.push(...nodes);
    });
    this.#push(all);
    return true;
  }

  #turn(node: NodeProto, body: string, turn: number, names: ReadonlyMap<string, string>): Turn {
    const place = this.places.get(node);
    const around = place?.within;
    const made = { owner: place?.node ?? node, attribute: body, turn, names, ...(around === undefined ? {} : { around }) };
    this.turns.push(made);
    return made;
  }

  /** Weights and constants of a body are the same in each iteration. */
  #shared({ initializer, node }: GraphProto, names: Map<string, string>): ReadonlySet<NodeProto> {
    const name = (own: string): string => {
      const known = names.get(own) ?? this.#free(own);
      names.set(own, known);
      return known;
    };
    for (const each of initializer) this.#made.initializer.push({ ...each, name: name(each.name ?? '') });
    const constants = node.filter(({ op_type, domain = '' }) => op_type === 'Constant' && domain === '');
    for (const each of constants) this.#made.node.push({ ...each, output: each.output.map(name) });
    return new Set(constants);
  }

  /** Copies of a body's nodes with names of their own, which `names` gets. */
  #nodes(body: GraphProto, names: Map<string, string>, suffix: string, shared: ReadonlySet<NodeProto>): NodeProto[] {
    const nodes = body.node.filter((node) => !shared.has(node));
    for (const { output } of nodes)
      for (const name of output) if (name !== '' && !names.has(name)) names.set(name, this.#free(`${name}${suffix}`));
    for (const info of body.value_info ?? []) {
      const name = names.get(info.name);
      if (name !== undefined && name !== '') this.#made.value_info!.push({ ...info, name });
    }
    return nodes
      .map((node): NodeProto => {
        const copy = substitutedNode(node, names, this.#files);
        return { ...copy, name: freeName(`${node.name ?? ''}${node.name ? suffix : ''}`, this.#called) };
      })
      .map((copy, k) => this.#from(copy, nodes[k]!));
  }

  #from(copy: NodeProto, original: NodeProto): NodeProto {
    this.#files.set(copy, this.#files.get(original) ?? original);
    return copy;
  }

  #place(node: NodeProto, within: Turn): void {
    const file = this.#files.get(node);
    if (file !== undefined) this.places.set(node, { node: file, within });
  }

  /** In front of what comes next. */
  #push(nodes: readonly NodeProto[], within?: Turn): void {
    for (const node of nodes.toReversed()) {
      if (within !== undefined) this.#place(node, within);
      this.#pending.push(node);
    }
  }

  #free(name: string): string {
    return freeName(name, this.#taken);
  }

  #constant(key: string, type: 'int64' | 'bool', dims: readonly number[], value: number): string {
    const name = `unfolded/${key}[${dims.length}]`;
    if (!this.#taken.has(name)) {
      this.#taken.add(name);
      this.#made.initializer.push(tensorProto(type, dims, [value], name));
    }
    return name;
  }

  readonly #whole = (value: number, dims: readonly number[]): string => this.#constant(String(value), 'int64', dims, value);
  readonly #truth = (dims: readonly number[]): string => this.#constant('true', 'bool', dims, 1);
}

interface Iterations {
  readonly count: number;
  /** What the states start from. */
  readonly states: readonly string[];
  given(turn: number): readonly string[];
  readonly after: number;
  scanned(turn: number): readonly string[];
  stack(result: number): { readonly axis: number; readonly isTurned: boolean };
}

/** Values along an axis that they do not have. */
export function joined(
  values: readonly string[],
  axis: number,
  result: string,
  version: number,
  free: (base: string) => string,
): { readonly nodes: readonly NodeProto[]; readonly initializers: GraphProto['initializer'] } {
  const axes = version >= 13 ? free(`${result}/axes`) : '';
  const parts = values.map((value) => {
    const part = free(`${value}/one`);
    return version >= 13 ? plain('Unsqueeze', [value, axes], part) : plain('Unsqueeze', [value], part, [attribute('axes', [axis])]);
  });
  const whole = plain(
    'Concat',
    parts.map(({ output }) => output[0]!),
    result,
    [attribute('axis', axis)],
  );
  return { nodes: [...parts, whole], initializers: version >= 13 ? [tensorProto('int64', [1], [axis], axes)] : [] };
}

/** A node that the file does not have. */
export const plain = (
  op_type: string,
  input: readonly string[],
  output: string,
  attributes: readonly AttributeProto[] = [],
): NodeProto => ({
  op_type,
  name: `${op_type}/${output}`,
  input: [...input],
  output: [output],
  attribute: [...attributes],
});

/** The name, or it with the next number behind it that makes it free; taken from now on. '' stays. */
export function freeName(name: string, taken: Set<string>): string {
  let free = name;
  for (let k = 1; name !== '' && taken.has(free); k += 1) free = `${name}.${k}`;
  taken.add(free);
  return free;
}

/** Every name of `names` exchanged, in inner graphs too, unless they have a value of that name themselves. */
function substitutedNode(node: NodeProto, names: ReadonlyMap<string, string>, files: Files): NodeProto {
  const to = (name: string): string => names.get(name) ?? name;
  return {
    ...node,
    input: node.input.map(to),
    output: node.output.map(to),
    attribute: node.attribute.map((each) => (each.g === undefined ? each : { ...each, g: inner(each.g, names, files) })),
  };
}

function inner(graph: GraphProto, names: ReadonlyMap<string, string>, files: Files): GraphProto {
  const left = new Map(names);
  for (const { name } of [...graph.input, ...graph.initializer]) left.delete(name ?? '');
  for (const { output } of graph.node) for (const name of output) left.delete(name);
  const to = <Named extends { name: string }>(each: Named): Named => ({ ...each, name: left.get(each.name) ?? each.name });
  return {
    ...graph,
    node: graph.node.map((each) => {
      const copy = substitutedNode(each, left, files);
      files.set(copy, files.get(each) ?? each);
      return copy;
    }),
    output: graph.output.map(to),
  };
}
