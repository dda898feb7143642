// Lists of tensors, taken apart: what is taken from a list is the tensor that was put into it.

import type { GraphProto, ModelProto, NodeProto, TensorProto } from '../../onnx/proto.ts';
import { attribute, tensorProto } from '../../onnx/write.ts';
import { attributeOf, intOf } from './reading.ts';
import { freeName, joined, plain } from './unfold.ts';

/** What is known from a run: whole numbers of a value, and sizes of one. */
export interface Known {
  numbers(value: string): readonly number[] | undefined;
  dims(value: string): readonly number[] | undefined;
}

/** Values whose numbers and sizes `withoutLists` asks for. */
export function asked({ graph }: ModelProto): { readonly numbers: readonly string[]; readonly dims: readonly string[] } {
  const numbers = graph.node.flatMap(({ op_type, input }) => {
    if (op_type === 'SequenceAt' || op_type === 'SequenceErase') return input[1] ? [input[1]] : [];
    if (op_type === 'SequenceInsert') return input[2] ? [input[2]] : [];
    return op_type === 'SplitToSequence' && input[1] ? [input[1]] : [];
  });
  const dims = graph.node.flatMap(({ op_type, input }) => (op_type === 'SplitToSequence' ? [input[0]!] : []));
  return { numbers: [...new Set(numbers)], dims: [...new Set(dims)] };
}

/** The model in which what is read of lists is read of the tensors in them, as far as it is known which these are. Nodes are in their order. */
export function withoutLists(model: ModelProto, known: Known): ModelProto {
  const { graph } = model;
  if (!graph.node.some(({ op_type }) => op_type.includes('Sequence'))) return model;
  return new Lists(model, known).model();
}

class Lists {
  readonly #model: ModelProto;
  readonly #known: Known;
  readonly #lists = new Map<string, readonly string[]>();
  readonly #taken: Set<string>;
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #version: number;

  constructor(model: ModelProto, known: Known) {
    const { graph } = model;
    this.#model = model;
    this.#known = known;
    this.#version = model.opset_import.find(({ domain = '' }) => domain === '' || domain === 'ai.onnx')?.version ?? 1;
    this.#taken = new Set([...namesOf(graph)]);
  }

  model(): ModelProto {
    for (const node of this.#model.graph.node) if (!this.#read(node)) this.#nodes.push(node);
    const { graph } = this.#model;
    return { ...this.#model, graph: { ...graph, node: this.#nodes, initializer: [...graph.initializer, ...this.#initializers] } };
  }

  /** Whether the node has been replaced. What makes lists stays, for whoever reads them whole. */
  #read(node: NodeProto): boolean {
    const { op_type: operator, input, output } = node;
    const [name] = output as [string];
    const list = this.#lists.get(input[0] ?? '');
    switch (operator) {
      case 'SequenceEmpty':
        this.#lists.set(name, []);
        return false;
      case 'SequenceConstruct':
        this.#lists.set(name, input);
        return false;
      case 'Identity':
        if (list !== undefined) this.#lists.set(name, list);
        return false;
      case 'SequenceInsert':
      case 'SequenceErase': {
        const place = this.#place(input[operator === 'SequenceErase' ? 1 : 2], list, operator === 'SequenceErase' ? -1 : undefined);
        if (list === undefined || place === undefined) return false;
        this.#lists.set(name, operator === 'SequenceErase' ? list.toSpliced(place, 1) : list.toSpliced(place, 0, input[1]!));
        return false;
      }
      case 'SequenceAt': {
        const place = this.#place(input[1], list, undefined);
        const item = place === undefined ? undefined : list?.[place];
        if (item === undefined) return false;
        this.#nodes.push(plain('Identity', [item], name));
        return true;
      }
      case 'ConcatFromSequence':
        if (list === undefined || list.length === 0) return false;
        this.#concat(list, node, name);
        return true;
      case 'SplitToSequence':
        this.#split(node);
        return false;
      default:
        return false;
    }
  }

  /** A place in a list; at its end where none is given, or `last` places from it. */
  #place(name: string | undefined, list: readonly string[] | undefined, last = 0): number | undefined {
    if (list === undefined) return undefined;
    if (name === undefined || name === '') return list.length + last;
    const place = this.#known.numbers(name)?.[0];
    return place === undefined ? undefined : place < 0 ? place + list.length : place;
  }

  #concat(list: readonly string[], node: NodeProto, name: string): void {
    const axis = intOf(node, 'axis', 0);
    if (intOf(node, 'new_axis', 0) !== 1) {
      this.#nodes.push(plain('Concat', list, name, [attribute('axis', axis)]));
      return;
    }
    const { nodes, initializers } = joined(list, axis, name, this.#version, (base) => freeName(base, this.#taken));
    this.#nodes.push(...nodes);
    this.#initializers.push(...initializers);
  }

  #split(node: NodeProto): void {
    const [source, split] = node.input as [string, string?];
    const dims = this.#known.dims(source);
    const axis = intOf(node, 'axis', 0);
    const size = dims?.at(axis < 0 ? axis : axis);
    const given = split ? this.#known.numbers(split) : [1];
    if (size === undefined || given === undefined) return;
    const isScalar = split === undefined || split === '' || (this.#known.dims(split)?.length ?? 1) === 0;
    const widths = isScalar
      ? Array.from({ length: Math.ceil(size / given[0]!) }, (_, k) => Math.min(given[0]!, size - k * given[0]!))
      : given;
    const isPlain = !split && attributeOf(node, 'keepdims') !== undefined && intOf(node, 'keepdims', 1) === 0;
    let from = 0;
    const items = widths.map((width, k) => {
      const item = freeName(`${node.output[0]}/${k}`, this.#taken);
      const places = freeName(`${item}/places`, this.#taken);
      this.#initializers.push(
        tensorProto(
          'int64',
          isPlain ? [] : [width],
          Array.from({ length: width }, (_, at) => from + at),
          places,
        ),
      );
      this.#nodes.push(plain('Gather', [source, places], item, [attribute('axis', axis)]));
      from += width;
      return item;
    });
    this.#lists.set(node.output[0]!, items);
  }
}

const namesOf = ({ input, initializer, node }: GraphProto): string[] => [
  ...input.map(({ name }) => name),
  ...initializer.map(({ name }) => name ?? ''),
  ...node.flatMap(({ output }) => output),
];
