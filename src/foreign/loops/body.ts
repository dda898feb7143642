// The body of a Scan or Loop as one step: its states, what it reads anew at each step, what it gives.

import { Attributes } from '../../onnx/attributes.ts';
import type { GraphProto, NodeProto } from '../../onnx/proto.ts';
import { elementTypes } from '../../onnx/proto.ts';
import { type Direction, PartError, type StepBody } from '../part.ts';
import type { Scope } from '../scopes.ts';
import { isFloating, type Statics } from '../statics.ts';

export interface LoopBody {
  /** The body's graph, as a scope of its own. */
  readonly scope: Scope;
  readonly step: StepBody;
  /** By the body's name of the state: the value outside that it starts from. */
  readonly initial: ReadonlyMap<string, string>;
  /** Names of the body that stand for a value outside, the same at each step: what a loop only hands on. */
  readonly constant: ReadonlyMap<string, string>;
  readonly direction: Direction;
  /** By the body's name of what a Scan scans: the value outside, and the axis of it that is time. */
  readonly scanned: ReadonlyMap<string, { readonly name: string; readonly axis: number }>;
  /** A Scan of opset 8: sequences lie in front, outside of the body. */
  readonly isBatched: boolean;
}

/** Operators that make more of a state than a running sum. */
const shaping = new Set(
  'MatMul Gemm Mul Div Sigmoid Tanh Relu HardSigmoid LeakyRelu Elu Softplus Softsign Softmax Clip Exp Pow Conv Einsum FusedMatMul LSTM GRU RNN Gelu Erf LayerNormalization If Attention'.split(
    ' ',
  ),
);

/** Operators that make an input of a running sum more than what it was. */
const learned = new Set('MatMul Gemm Conv Einsum FusedMatMul Sigmoid Tanh Softmax LSTM GRU RNN'.split(' '));

/** What collects values: a list, or a tensor that grows. */
const collecting = new Set(['SequenceInsert', 'Concat', 'ScatterND', 'ScatterElements', 'Scatter']);

/** undefined of a loop that is no recurrence: that counts, searches or collects. */
export function loopBody(node: NodeProto, scope: Scope, statics: Statics): LoopBody | undefined {
  const graph = node.attribute.find(({ name }) => name === 'body')?.g;
  if (graph === undefined) throw new PartError(`${node.op_type} “${node.name || node.output[0]}” has no body.`);
  return new BodyReader(node, graph, scope, statics).body();
}

class BodyReader {
  readonly #node: NodeProto;
  readonly #graph: GraphProto;
  readonly #scope: Scope;
  readonly #statics: Statics;
  readonly #makers: ReadonlyMap<string, NodeProto>;
  readonly #readers = new Map<string, NodeProto[]>();
  readonly #numbers = new Map<NodeProto, string>();
  readonly #keys = new Map<string, string>();

  constructor(node: NodeProto, graph: GraphProto, scope: Scope, statics: Statics) {
    this.#node = node;
    this.#graph = graph;
    this.#scope = { graph, owner: { scope, node, attribute: 'body' } };
    this.#statics = statics;
    this.#makers = new Map(graph.node.flatMap((each) => each.output.map((name) => [name, each] as const)));
    for (const each of graph.node) for (const name of readBy(each)) this.#readers.set(name, [...(this.#readers.get(name) ?? []), each]);
  }

  body(): LoopBody | undefined {
    const { input, output } = this.#graph;
    const isLoop = this.#node.op_type === 'Loop';
    const attributes = new Attributes(this.#node);
    const scannedCount = isLoop ? 0 : attributes.int('num_scan_inputs', 1);
    // Scan of opset 8 has the lengths of its sequences in front.
    const isBatched = !isLoop && this.#node.input.length === input.length + 1;
    const count = isLoop ? input.length - 2 : input.length - scannedCount;
    const [from, to, first] = isLoop ? [2, 1, 2] : [0, 0, isBatched ? 1 : 0];
    const all = Array.from({ length: Math.max(0, count) }, (_, k) => ({
      before: input[from + k]!.name,
      after: output[to + k]?.name ?? '',
      initial: this.#node.input[first + k] ?? '',
    }));
    const constant = new Map(
      all.filter(({ before, after }) => this.#origin(after) === before).map(({ before, initial }) => [before, initial]),
    );
    const handed = all.filter(({ before, after }) => !constant.has(before) && after !== '');
    const isFloat = (name: string): boolean => isFloating(this.#statics.type(this.#scope, name) ?? elementTypes.float32);
    const collected: string[] = [];
    const states = handed.filter(({ before, after }) => {
      if (!isFloat(before) || !this.#readers.has(before)) return false;
      const item = this.#collected(before, after);
      if (item !== undefined) collected.push(item);
      return item === undefined;
    });
    for (const { before, after } of handed) {
      if (states.some((state) => state.before === before)) continue;
      // A state that nobody reads is an output of the last step; a list is what is put into it.
      const item = this.#collected(before, after) ?? (isFloat(before) && !this.#readers.has(before) ? after : undefined);
      if (item !== undefined && !collected.includes(item)) collected.push(item);
    }
    const recurrent = states.filter(({ before, after }) => this.#isShaped(before, after));
    if (recurrent.length === 0) return undefined;

    const scannedInputs = isLoop ? [] : input.slice(input.length - scannedCount).map(({ name }) => name);
    const counting = new Set(
      [...(isLoop ? input.slice(0, 2).map(({ name }) => name) : []), ...handed.map(({ before }) => before), ...scannedInputs].filter(
        (name) => !isFloat(name),
      ),
    );
    const { nodes, found } = this.#cut(counting, new Set(states.map(({ before }) => before)), isFloat);
    const scanned = [...scannedInputs.filter(isFloat), ...found];
    const outputs = [...output.slice(to + all.length).map(({ name }) => name), ...collected].filter(isFloat);
    return {
      scope: this.#scope,
      step: {
        nodes,
        states: states.map(({ before, after }) => ({ before, after })),
        scanned,
        held: [],
        outputs: [...new Set(outputs)],
      },
      initial: new Map(states.map(({ before, initial }) => [before, initial])),
      constant,
      scanned: new Map(
        scannedInputs.map((name, k) => {
          const place = this.#node.input.length - scannedCount + k;
          return [name, { name: this.#node.input[place]!, axis: attributes.ints('scan_input_axes')[k] ?? 0 }] as const;
        }),
      ),
      direction: isLoop ? this.#loopDirection(found, counting) : this.#scanDirection(attributes, scannedInputs, scanned),
      isBatched,
    };
  }

  /** Through nodes that hand a value on. */
  #origin(name: string): string {
    let at = name;
    for (let k = 0; k < 16; k += 1) {
      const node = this.#makers.get(at);
      if (
        node?.op_type !== 'Identity' &&
        !(node?.op_type === 'Cast' && this.#statics.type(this.#scope, node.input[0]!) === this.#statics.type(this.#scope, at))
      )
        return at;
      at = node.input[0]!;
    }
    return at;
  }

  /** What is put into a list or a growing tensor, which nothing else of the body reads. */
  #collected(before: string, after: string): string | undefined {
    const origin = this.#origin(after);
    const maker = this.#makers.get(origin);
    if (maker === undefined || !collecting.has(maker.op_type) || !maker.input.includes(before)) return undefined;
    if ((this.#readers.get(before) ?? []).some((node) => node !== maker && node.op_type !== 'Shape')) return undefined;
    if (maker.op_type === 'Concat') {
      if (maker.input.length !== 2) return undefined;
      // A window that slides is a state.
      return this.#isGrowing(before, origin) ? this.#plain(maker.input.find((name) => name !== before)!) : undefined;
    }
    const item = maker.op_type === 'SequenceInsert' ? maker.input[1] : maker.input[2];
    return item === undefined ? undefined : this.#plain(item);
  }

  #isGrowing(before: string, after: string): boolean {
    return this.#origin(after) === after && this.#graph.output.some(({ name }) => this.#origin(name) === after) && before !== after;
  }

  /** The value that an axis was put around. */
  #plain(name: string): string {
    const maker = this.#makers.get(name);
    return maker?.op_type === 'Unsqueeze' || maker?.op_type === 'Identity' ? this.#plain(maker.input[0]!) : name;
  }

  /** Whether the next value comes from the one before through more than a sum. */
  #isShaped(before: string, after: string): boolean {
    const seen = new Set<string>();
    const open: { name: string; isShaped: boolean }[] = [{ name: after, isShaped: false }];
    let [isKept, isLearned] = [false, false];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const key = `${at.name} ${at.isShaped}`;
      if (seen.has(key)) continue;
      seen.add(key);
      isKept ||= at.name === before;
      if (at.name === before && at.isShaped) return true;
      const node = this.#makers.get(at.name);
      if (node === undefined) continue;
      isLearned ||= learned.has(node.op_type);
      const isShaped = at.isShaped || shaping.has(node.op_type);
      open.push(...readBy(node).map((name) => ({ name, isShaped })));
      // States hand on to each other.
      for (const name of readBy(node)) {
        const place = this.#graph.input.findIndex((each) => each.name === name);
        const next = place < 0 || name === before ? undefined : this.#graph.output[this.#node.op_type === 'Loop' ? place - 1 : place]?.name;
        if (next !== undefined && place >= (this.#node.op_type === 'Loop' ? 2 : 0)) open.push({ name: next, isShaped });
      }
    }
    // A sum of what is computed in the loop, as linear attention has it.
    return isKept && isLearned;
  }

  /** Takes away nodes that make numbers of what is counted or listed: their results are the step's inputs. */
  #cut(
    counting: ReadonlySet<string>,
    states: ReadonlySet<string>,
    isFloat: (name: string) => boolean,
  ): { nodes: NodeProto[]; found: string[] } {
    const dynamic = new Set(counting);
    const stateful = new Set(states);
    const found = new Set<string>();
    const nodes: NodeProto[] = [];
    const isBool = (name: string): boolean => this.#statics.type(this.#scope, name) === elementTypes.bool;
    const firsts = new Map<string, NodeProto>();
    const taken = new Set<NodeProto>();
    for (const node of this.#graph.node) {
      const reads = readBy(node);
      const counts = reads.filter((name) => dynamic.has(name));
      const isStateful = node.op_type !== 'Shape' && node.op_type !== 'Size' && reads.some((name) => stateful.has(name));
      const makesWhole =
        ['ArgMax', 'ArgMin', 'NonZero', 'TopK', 'Multinomial'].includes(node.op_type) || (node.op_type === 'Cast' && isFloat(reads[0]!));
      for (const [k, name] of node.output.entries()) {
        if (name === '') continue;
        if (isFloat(name)) {
          if (counts.length > 0 && !isStateful) {
            // The same place of the same list, read again, is one input.
            const key = `${k} ${this.#numbered(node)}`;
            const first = firsts.get(key);
            if (first === undefined) {
              firsts.set(key, node);
              found.add(name);
            } else nodes.push({ op_type: 'Identity', input: [first.output[k]!], output: [name], attribute: [] });
            taken.add(node);
          }
          if (isStateful) stateful.add(name);
        } else if (counts.length > 0 || (makesWhole && !(node.op_type === 'TopK' && k === 0))) dynamic.add(name);
        else if (isStateful) stateful.add(name);
      }
      if (counts.length > 0 && isStateful && node.output.some(isFloat)) for (const name of counts) if (isBool(name)) found.add(name);
      if (!taken.has(node)) nodes.push(node);
    }
    return { nodes: nodes.filter(({ output }) => !output.every((name) => dynamic.has(name) || name === '')), found: [...found] };
  }

  /** Two values of one number are the same. */
  #numbered(node: NodeProto): string {
    const known = this.#numbers.get(node);
    if (known !== undefined) return known;
    const inputs = node.input.map((name) => {
      const maker = this.#makers.get(name);
      return maker === undefined ? name : `${this.#numbered(maker)}.${maker.output.indexOf(name)}`;
    });
    const hasBody = node.attribute.some(({ g }) => g !== undefined);
    const attributes = hasBody
      ? node.output.join()
      : JSON.stringify(node.attribute, (_, value) => (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value));
    const key = `${node.op_type}(${inputs.join()})${attributes}`;
    const number = this.#keys.get(key) ?? `#${this.#keys.size}`;
    this.#keys.set(key, number);
    this.#numbers.set(node, number);
    return number;
  }

  #scanDirection(attributes: Attributes, scanned: readonly string[], used: readonly string[]): Direction {
    const directions = attributes.ints(attributes.ints('scan_input_directions').length > 0 ? 'scan_input_directions' : 'directions');
    const own = scanned.flatMap((name, k) => (used.includes(name) ? [directions[k] ?? 0] : []));
    return own.length > 0 && own.every((each) => each === 1) ? 'reverse' : 'forward';
  }

  /** From the end, where all places that are read fall as the iterations rise. */
  #loopDirection(found: readonly string[], counting: ReadonlySet<string>): Direction {
    const slopes = found.flatMap((name) => {
      const maker = this.#makers.get(name);
      const place =
        maker?.op_type === 'Gather' || maker?.op_type === 'Slice' || maker?.op_type === 'SequenceAt' ? maker.input[1] : undefined;
      return place === undefined ? [] : [this.#slope(place, counting, 0)];
    });
    return slopes.length > 0 && slopes.every((slope) => slope < 0) ? 'reverse' : 'forward';
  }

  /** By how much a whole number rises from one iteration to the next, where it is a simple sum. */
  #slope(name: string, counting: ReadonlySet<string>, depth: number): number {
    if (depth > 16) return Number.NaN;
    const { input, output } = this.#graph;
    if (this.#node.op_type === 'Loop' && name === input[0]!.name) return 1;
    if (counting.has(name)) {
      const place = input.findIndex((each) => each.name === name);
      const after = this.#makers.get(output[place - 1]?.name ?? '');
      const other = after?.input.find((each) => each !== name);
      const by = other === undefined ? undefined : this.#statics.data(this.#scope, other);
      if (after === undefined || by?.length !== 1 || !after.input.includes(name)) return Number.NaN;
      return after.op_type === 'Add' ? Number(by[0]) : after.op_type === 'Sub' ? -Number(by[0]) : Number.NaN;
    }
    const node = this.#makers.get(name);
    if (node === undefined) return 0;
    const [a, b] = node.input.map((each) => (each === '' ? 0 : this.#slope(each, counting, depth + 1)));
    switch (node.op_type) {
      case 'Add':
        return (a ?? 0) + (b ?? 0);
      case 'Sub':
        return (a ?? 0) - (b ?? 0);
      case 'Neg':
        return -(a ?? 0);
      case 'Constant':
        return 0;
      default:
        return a ?? 0;
    }
  }
}

/** Names that a node reads, those of its bodies too. */
export function readBy(node: NodeProto): string[] {
  const own = node.input.filter((name) => name !== '');
  const inner = node.attribute.flatMap(({ g }) => {
    if (g === undefined) return [];
    const made = new Set([
      ...g.input.map(({ name }) => name),
      ...g.initializer.map(({ name }) => name),
      ...g.node.flatMap(({ output }) => output),
    ]);
    return [...g.node.flatMap(readBy), ...g.output.map(({ name }) => name)].filter((name) => !made.has(name));
  });
  return [...own, ...inner];
}
