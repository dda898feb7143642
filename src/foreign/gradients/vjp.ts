// What a rule sees of one node: its inputs, outputs and attributes, the cotangents of its outputs, and where those of its inputs go.

import { elementTypes, type NodeProto, type TensorProto } from '../../onnx/proto.ts';
import type { Emitter } from './emitter.ts';
import { attributeOf, floatOf, intOf, intsOf, smallNumbers, textOf } from './reading.ts';
import { carrierOf } from './types.ts';

/** The vector-Jacobian product of one operator: gives each input its part of the cotangent. */
export type Rule = (vjp: Vjp) => void;

/** Why a cotangent does not go through; `why` follows the operator's name: "Resize: of mode ...". */
export class NoGradient extends Error {
  override name = 'NoGradient';
}

/** What is known of the model around a node. */
export interface Around {
  readonly types: ReadonlyMap<string, number>;
  /** Version of the operator set of a domain. */
  version(domain: string): number;
  /** The tensor of an initialiser or a Constant. */
  constant(value: string): TensorProto | undefined;
  rank(value: string): number | undefined;
}

export type Contribution =
  | { readonly kind: 'whole'; readonly cotangent: string }
  /** Elements that were moved out of the value: where they came from (as of `Emitter.places`), and a value of its shape. Many of them, as of the
   *  timesteps that an unrolled model takes one by one, are added up at once. */
  | { readonly kind: 'moved'; readonly cotangent: string; readonly places: string; readonly like: string };

export class Vjp {
  readonly node: NodeProto;
  readonly emit: Emitter;
  /** Element type that this node's gradients are computed in: float32 or float64. */
  readonly type: number;
  readonly contributions: { readonly value: string; readonly contribution: Contribution }[] = [];
  /** Inputs that should have got a cotangent, and why they did not. */
  readonly failures: { readonly value: string; readonly why: string }[] = [];
  readonly #around: Around;
  readonly #cotangents: ReadonlyMap<string, string>;
  readonly #wanted: (value: string) => boolean;

  constructor(node: NodeProto, emit: Emitter, around: Around, cotangents: ReadonlyMap<string, string>, wanted: (value: string) => boolean) {
    this.node = node;
    this.emit = emit;
    this.#around = around;
    this.#cotangents = cotangents;
    this.#wanted = wanted;
    this.type = carrierOf(around.types.get(node.output.find((name) => cotangents.has(name)) ?? ''));
  }

  get version(): number {
    return this.#around.version(this.node.domain ?? '');
  }

  get count(): number {
    return this.node.input.length;
  }

  hasInput(k: number): boolean {
    return (this.node.input[k] ?? '') !== '';
  }

  hasOutput(k: number): boolean {
    return (this.node.output[k] ?? '') !== '';
  }

  /** The forward value of input k; floats in the type of the gradients. */
  input(k: number): string {
    return this.#value(this.node.input[k] ?? '', `input ${k}`);
  }

  output(k = 0): string {
    return this.#value(this.node.output[k] ?? '', `output ${k}`);
  }

  /** The cotangent of output k; of one that nothing has read, zeros. */
  grad(k = 0): string {
    return this.#cotangents.get(this.node.output[k] ?? '') ?? this.emit.zeros(this.emit.shape(this.output(k)), this.type);
  }

  hasGrad(k: number): boolean {
    return this.#cotangents.has(this.node.output[k] ?? '');
  }

  wants(k: number): boolean {
    return this.hasInput(k) && this.#wanted(this.node.input[k]!);
  }

  /** Input k gets what `make` writes, in the shape of the input; nothing is written where nobody wants it. */
  give(k: number, make: () => string): void {
    this.#give(k, (carried) => ({ kind: 'whole', cotangent: carried(make()) }));
  }

  /** Input k gets back the elements that `move` moves a tensor of its shape by: given their places, which are 0 for what comes from elsewhere. */
  giveMoved(k: number, move: (places: string) => string): void {
    this.#give(k, (carried) => {
      const like = this.input(k);
      return { kind: 'moved', cotangent: carried(this.grad()), places: move(this.emit.places(like)), like };
    });
  }

  #give(k: number, make: (carried: (cotangent: string) => string) => Contribution): void {
    if (!this.wants(k)) return;
    const value = this.node.input[k]!;
    const carrier = carrierOf(this.#around.types.get(value));
    try {
      const contribution = make((cotangent) => (carrier === this.type ? cotangent : this.emit.cast(cotangent, carrier)));
      this.contributions.push({ value, contribution });
    } catch (error) {
      if (!(error instanceof NoGradient)) throw error;
      this.failures.push({ value, why: error.message });
    }
  }

  /** Other outputs than the first are not differentiated: their cotangents would be lost. */
  onlyFirstOutput(): void {
    this.node.output.forEach((name, k) => {
      if (k > 0 && this.hasGrad(k)) throw new NoGradient(`the gradient of its output ${name} is not known here`);
    });
  }

  /** Whether the node has the attribute. */
  has(name: string): boolean {
    return attributeOf(this.node, name) !== undefined;
  }

  int(name: string, otherwise: number): number {
    return intOf(this.node, name, otherwise);
  }

  float(name: string, otherwise: number): number {
    return floatOf(this.node, name, otherwise);
  }

  ints(name: string): readonly number[] | undefined {
    return intsOf(this.node, name);
  }

  text(name: string, otherwise: string): string {
    return textOf(this.node, name, otherwise);
  }

  /** A list of integers that is an attribute in old versions and an input in later ones; undefined where there is neither. */
  list(name: string, input: number): string | undefined {
    const attribute = this.ints(name);
    if (attribute !== undefined) return this.emit.ints(...attribute);
    return this.hasInput(input) ? this.input(input) : undefined;
  }

  /** The numbers of input k, if the model holds them. */
  constant(k: number): readonly number[] | undefined {
    const tensor = this.hasInput(k) ? this.#around.constant(this.node.input[k]!) : undefined;
    return tensor === undefined ? undefined : smallNumbers(tensor);
  }

  /** The rank of input k, if it is known. */
  rank(k: number): number | undefined {
    return this.hasInput(k) ? this.#around.rank(this.node.input[k]!) : undefined;
  }

  scalar(value: number): string {
    return this.emit.scalar(this.type, value);
  }

  #value(name: string, place: string): string {
    if (name === '') throw new NoGradient(`${place} is not there`);
    const type = this.#around.types.get(name);
    if (type === undefined) throw new NoGradient(`the element type of ${name}, which its gradient needs, is not known`);
    const number = type === elementTypes.float32 || type === elementTypes.float64 || type === 10 || type === 16;
    return number && type !== this.type ? this.emit.cast(name, this.type) : name;
  }
}
