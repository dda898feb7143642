// The values of one step's tensors, node by node, as expressions.

import { Attributes } from '../../onnx/attributes.ts';
import type { NodeProto, TensorProto } from '../../onnx/proto.ts';
import { numbersOfTensor } from '../file-numbers.ts';
import { PartError, type StepBody } from '../part.ts';
import { BatchError, type BatchPlace } from './batches.ts';
import { type Expression, type Leaf, sizeOf } from './expression.ts';
import { Expressions } from './expressions.ts';
import type { Given, ReadOptions } from './given.ts';
import { valuesOf } from './operators.ts';
import type { Sizes } from './sizes.ts';
import { elementwise, SizeError, type Tensor, tensorOf, type Value } from './value.ts';
import { wordOf } from './words.ts';

/** What a step is read with. */
export interface StepReading {
  readonly body: StepBody;
  given(name: string): Given | undefined;
  readonly options: ReadOptions;
  readonly sizes: Sizes;
  /** Sizes of a value that the step is given. */
  shapeOf(name: string): readonly number[];
  readonly place: BatchPlace;
}

export class StepValues {
  readonly make = new Expressions();
  /** What the file calls values, where that is a word. */
  readonly words = new Map<Expression, string>();
  /** What comes from outside and is another for each sequence. */
  readonly held: { readonly leaf: Leaf; readonly name: string; readonly batch: number | undefined }[] = [];
  readonly #step: StepReading;
  /** What went wrong where a value could not be read. */
  readonly #values = new Map<string, Value | PartError>();
  /** Tensors written into the step's nodes. */
  readonly #written = new Map<string, TensorProto>();
  readonly #batchSize: number | undefined;

  /** Throws PartError where the batch cannot be where it is said to be. */
  constructor(step: StepReading) {
    this.#step = step;
    const { sizes, place, shapeOf, options, body } = step;
    this.make.isUndecided = (size) => sizes.isUndecided(size);
    const found = [...place.batches].flatMap(([name, axis]) => (axis === undefined ? [] : [shapeOf(name)[axis]!]));
    this.#batchSize = found.length === 0 ? undefined : Math.max(...found);
    const odd = found.find((size) => size !== 1 && size !== this.#batchSize && sizes.isKnown(size) && sizes.isKnown(this.#batchSize!));
    if (odd !== undefined) throw new BatchError(`The batch of ${options.place} has ${odd} and ${this.#batchSize} sequences.`);
    for (const { before } of body.states) this.#values.set(before, this.#leaf('state', before, place.batches.get(before)));
    for (const name of body.scanned)
      if (step.given(name)?.type !== 'integer') this.#values.set(name, this.#leaf('scanned', name, place.batches.get(name)));
    for (const node of body.nodes) this.#node(node);
  }

  /** A tensor that the step is given or has made; undefined where it is none, or could not be read. */
  find(name: string): Tensor | undefined {
    const value = this.#values.get(name);
    return value === undefined || value instanceof PartError || value.kind !== 'tensor' ? undefined : value;
  }

  /** Throws PartError where it could not be read. */
  tensor(name: string): Tensor {
    const value = this.#input(name);
    if (value?.kind !== 'tensor') throw new PartError(`The state “${name}” of ${this.#step.options.place} is a whole number.`);
    return value;
  }

  /** The numbers of a weight. Throws PartError where they are not known. */
  numbers(name: string): ArrayLike<number> {
    const data = this.#step.given(name)?.data?.();
    if (data !== undefined) return typeof data[0] === 'bigint' ? Array.from(data, Number) : (data as ArrayLike<number>);
    const written = this.#written.get(name);
    const numbers = written === undefined ? undefined : numbersOfTensor(written);
    if (numbers === undefined) throw new PartError(`The numbers of “${name}” in ${this.#step.options.place} are not known.`);
    return numbers;
  }

  #node(node: NodeProto): void {
    try {
      if (node.op_type === 'If') {
        this.#branch(node);
        return;
      }
      const values = valuesOf({
        make: this.make,
        node,
        attributes: new Attributes(node),
        isBatch: (size) => this.#batchSize !== undefined && size === this.#batchSize,
        input: (k) => this.#input(node.input[k] ?? ''),
        constant: (tensor) => this.#constant(tensor, node.output[0]!),
      });
      node.output.forEach((name, k) => {
        const value = values[k];
        if (name === '' || value === undefined) return;
        this.#values.set(name, value);
        const word = wordOf(name);
        if (value.kind === 'tensor' && word !== undefined && !this.words.has(value.of)) this.words.set(value.of, word);
      });
    } catch (error) {
      const said = this.#said(
        node,
        error instanceof PartError ? error : new PartError('Its inputs are not of the dimensions that it needs.'),
      );
      for (const name of node.output) this.#values.set(name, said);
    }
  }

  /** A branch that is chosen before the step, by shapes, is part of the step; of one that is chosen in it, both are. */
  #branch(node: NodeProto): void {
    const condition = this.#input(node.input[0] ?? '');
    const outputs = (wanted: string): Value[] => {
      const graph = node.attribute.find(({ name }) => name === wanted)?.g;
      if (graph === undefined) throw new PartError('It lacks a branch.');
      for (const tensor of graph.initializer) this.#values.set(tensor.name!, this.#constant(tensor, tensor.name!));
      for (const each of graph.node) this.#node(each);
      return graph.output.map(({ name }) => this.#input(name)!);
    };
    if (condition?.kind === 'integers') {
      const values = outputs(condition.data[0] === 0 ? 'else_branch' : 'then_branch');
      node.output.forEach((name, k) => {
        this.#values.set(name, values[k]!);
      });
      return;
    }
    const [above, below] = [outputs('then_branch'), outputs('else_branch')];
    node.output.forEach((name, k) => {
      const [one, other] = [above[k]!, below[k]!];
      const isChosen = condition?.kind === 'tensor' && condition.axes.every(({ size }) => size === 1);
      if (!isChosen || one.kind !== 'tensor' || other.kind !== 'tensor')
        throw new PartError('Its branch is chosen in the step, which the equations have no way to write.');
      const choice = { ...condition, axes: [] };
      this.#values.set(
        name,
        elementwise(this.make, [choice, one, other], (operands) => this.make.elementwise('where', operands)),
      );
    });
  }

  /** What goes wrong in a node that reads what went wrong before is that. */
  #said(node: NodeProto, error: PartError): PartError {
    const inner = node.input.map((name) => this.#values.get(name)).find((value) => value instanceof PartError);
    if (inner instanceof PartError) return inner;
    const text = `${node.op_type} “${node.name || node.output[0] || '?'}” in ${this.#step.options.place}: ${error.message}`;
    return error instanceof SizeError ? new SizeError(text, ...error.sizes) : new PartError(text);
  }

  #input(name: string): Value | undefined {
    if (name === '') return undefined;
    const value = this.#values.get(name) ?? this.#outside(name);
    if (value instanceof PartError) throw value;
    if (value === undefined) throw new PartError(`Nothing gives “${name}”.`);
    return value;
  }

  /** What the step reads from around it. */
  #outside(name: string): Value | undefined {
    const given = this.#step.given(name);
    if (given === undefined) return undefined;
    const value = this.#read(name, given);
    this.#values.set(name, value);
    if (value instanceof PartError) throw value;
    return value;
  }

  #read(name: string, given: Given): Value | PartError {
    if (given.type === 'integer') {
      const data = given.data?.();
      if (data === undefined) return new PartError(`“${name}” is not known before the step.`);
      return { kind: 'integers', shape: (given.shape ?? [data.length]) as number[], data: Array.from(data, Number) };
    }
    const shape = this.#step.shapeOf(name);
    if (given.isConstant) {
      const single = singleNumber(shape, given);
      if (single !== undefined) return { ...tensorOf(this.make.constant(single), shape, undefined) };
      return this.#weight(name, shape);
    }
    // What depends on the model's input may be another for each sequence.
    const isOpen = shape.length > 2 && !this.#step.sizes.isKnown(shape[0]!) && this.#batchSize !== undefined;
    const batch = isOpen
      ? 0
      : shape.findIndex((size, k) => k < shape.length - 1 && this.#batchSize !== undefined && size === this.#batchSize);
    const isOwn = batch >= 0 && shape.length >= this.#step.place.heldRank && (this.#batchSize! > 1 || shape.length > 2);
    if (!isOwn) return this.#weight(name, shape);
    const tensor = this.#leaf('held', name, batch);
    this.held.push({ leaf: leafOf(tensor), name, batch });
    return tensor;
  }

  #weight(name: string, shape: readonly number[]): Tensor {
    const own = shape.filter((size) => size !== 1);
    return tensorOf(this.make.leaf('weight', name, own), shape, undefined);
  }

  #leaf(role: 'state' | 'scanned' | 'held', name: string, batch: number | undefined): Tensor {
    const shape = this.#step.shapeOf(name);
    const own = shape.filter((size, k) => size !== 1 && k !== batch);
    // Several features are one vector; of what is held, a matrix stays one.
    const isKept = role === 'held' || own.length <= 1 || (this.#step.place.matrices && own.length === 2);
    const leaf = this.make.leaf(role, name, isKept ? own : [sizeOf(own)]);
    const tensor = tensorOf(leaf, shape, batch);
    return this.#step.given(name)?.type === 'boolean'
      ? { ...tensor, of: this.make.elementwise('less', [this.make.constant(0), leaf]) }
      : tensor;
  }

  #constant(tensor: TensorProto, name: string): Value {
    const shape = tensor.dims;
    if (tensor.data_type === 7 || tensor.data_type === 6 || tensor.data_type === 9) {
      const data = numbersOfTensor(tensor);
      if (data === undefined) throw new PartError('Its numbers are not in the model’s file.');
      return { kind: 'integers', shape, data: Array.from(data, Number) };
    }
    this.#written.set(name, tensor);
    const single = singleNumber(shape, { data: () => numbersOfTensor(tensor) });
    if (single !== undefined) return tensorOf(this.make.constant(single), shape, undefined);
    return this.#weight(name, shape);
  }
}

/** The leaf that an input is; of a boolean, what is compared with 0. */
export const leafOf = ({ of }: Tensor): Leaf => (of.kind === 'elementwise' ? of.operands[1]! : of) as Leaf;

/** A number that stands for itself in an equation: rank 0, or a short decimal. */
function singleNumber(shape: readonly number[], given: Pick<Given, 'data'>): number | undefined {
  if (sizeOf(shape) !== 1) return undefined;
  const data = given.data?.();
  if (data === undefined || data.length !== 1) return undefined;
  const value = Number(data[0]);
  return shape.length === 0 || Math.fround(Number(value.toPrecision(3))) === Math.fround(value) ? value : undefined;
}
