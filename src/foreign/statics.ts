// What a file says of its values without a run: element types, sizes, whether they depend on the model's inputs.

import type { GraphProto, NodeProto, ValueInfo } from '../onnx/proto.ts';
import { elementTypes } from '../onnx/proto.ts';
import { numbersOfTensor } from './file-numbers.ts';
import { Definitions, type Scope } from './scopes.ts';

export type StaticShape = readonly (number | undefined)[];

const comparisons = new Set(['Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'Equal', 'And', 'Or', 'Not', 'Xor', 'IsNaN', 'IsInf']);
const counting = new Set(['Shape', 'Size', 'ArgMax', 'ArgMin', 'NonZero', 'SequenceLength']);
const making = new Set(['SequenceEmpty', 'SequenceConstruct', 'SequenceInsert', 'SequenceErase', 'SplitToSequence']);
/** Chance: another number at each run. */
const chance = new Set(['RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike', 'Bernoulli', 'Multinomial']);

/** float32, float16, float64 and bfloat16 of TensorProto.DataType. */
export const isFloating = (type: number | 'sequence'): boolean => type === 1 || type === 10 || type === 11 || type === 16;

export interface Definition {
  readonly scope: Scope;
  /** Absent of inputs and initialisers. */
  readonly node?: NodeProto;
}

export class Statics {
  readonly #definitions = new Definitions();
  readonly #makers = new WeakMap<GraphProto, Map<string, NodeProto>>();
  readonly #types = new Map<Scope, Map<string, number | 'sequence' | undefined>>();

  /** Where a name that is read in a scope is made. */
  definition(scope: Scope, name: string): Definition | undefined {
    const own = this.#definitions.of(scope, name);
    if (own === undefined) return undefined;
    const node = this.#maker(own.graph, name);
    return node === undefined ? { scope: own } : { scope: own, node };
  }

  #maker(graph: GraphProto, name: string): NodeProto | undefined {
    let known = this.#makers.get(graph);
    if (known === undefined) {
      known = new Map(graph.node.flatMap((node) => node.output.map((each) => [each, node] as const)));
      this.#makers.set(graph, known);
    }
    return known.get(name);
  }

  /** TensorProto.DataType, or a sequence; undefined where nothing tells. */
  type(scope: Scope, name: string): number | 'sequence' | undefined {
    const known = this.#types.get(scope) ?? new Map<string, number | 'sequence' | undefined>();
    this.#types.set(scope, known);
    if (known.has(name)) return known.get(name);
    known.set(name, undefined);
    const found = this.#type(scope, name);
    known.set(name, found);
    return found;
  }

  #type(scope: Scope, name: string): number | 'sequence' | undefined {
    const definition = this.definition(scope, name);
    if (definition === undefined) return undefined;
    const { graph } = definition.scope;
    const initializer = graph.initializer.find((each) => each.name === name);
    if (initializer !== undefined) return initializer.data_type;
    const info = infoOf(graph, name);
    const said = info?.type?.tensor_type?.elem_type;
    if (said !== undefined && said !== 0) return said;
    if (info?.type !== undefined && 'sequence_type' in info.type) return 'sequence';
    const { node } = definition;
    if (node === undefined) return this.#typeOfInput(definition.scope, name);
    return this.#typeOfOutput(definition.scope, node, name);
  }

  /** A body's input has the type of what is handed to it. */
  #typeOfInput({ graph, owner }: Scope, name: string): number | 'sequence' | undefined {
    const place = graph.input.findIndex((each) => each.name === name);
    if (owner === undefined || place < 0) return undefined;
    if (owner.node.op_type === 'Loop' && place < 2) return place === 0 ? elementTypes.int64 : elementTypes.bool;
    const given = owner.node.input[place];
    return given === undefined || given === '' ? undefined : this.type(owner.scope, given);
  }

  #typeOfOutput(scope: Scope, node: NodeProto, name: string): number | 'sequence' | undefined {
    const { op_type: operator } = node;
    const attribute = (key: string) => node.attribute.find((each) => each.name === key);
    if (comparisons.has(operator)) return elementTypes.bool;
    if (counting.has(operator)) return elementTypes.int64;
    if (making.has(operator)) return 'sequence';
    if (operator === 'TopK' && name === node.output[1]) return elementTypes.int64;
    if (operator === 'Cast') return Number(attribute('to')?.i ?? 1);
    if (operator === 'Constant') {
      const tensor = attribute('value')?.t;
      if (tensor !== undefined) return tensor.data_type;
      return attribute('value_int') === undefined && attribute('value_ints') === undefined ? elementTypes.float32 : elementTypes.int64;
    }
    if (operator === 'ConstantOfShape') return attribute('value')?.t?.data_type ?? elementTypes.float32;
    if (operator === 'SequenceAt' || operator === 'ConcatFromSequence') {
      // Of what went into the sequence.
      const maker = this.definition(scope, node.input[0]!);
      const inner = maker?.node?.op_type === 'SplitToSequence' ? maker.node.input[0] : undefined;
      return inner === undefined || maker === undefined ? undefined : this.type(maker.scope, inner);
    }
    for (const { g } of node.attribute)
      if (g !== undefined) {
        const place = node.output.indexOf(name) + (operator === 'Loop' ? 1 : 0);
        const inner = g.output[place]?.name;
        return inner === undefined ? undefined : this.type({ graph: g, owner: { scope, node, attribute: 'body' } }, inner);
      }
    const from = operator === 'Where' ? node.input[1] : node.input.find((each) => each !== '');
    return from === undefined ? undefined : this.type(scope, from);
  }

  /** What the file says, or what follows from it in simple cases. */
  shape(scope: Scope, name: string, depth = 0): StaticShape | undefined {
    const definition = this.definition(scope, name);
    if (definition === undefined || depth > 32) return undefined;
    const { graph } = definition.scope;
    const initializer = graph.initializer.find((each) => each.name === name);
    if (initializer !== undefined) return initializer.dims;
    const said = infoOf(graph, name)?.type?.tensor_type?.shape?.dim;
    if (said !== undefined) return said.map(({ dim_value: size }) => (size === undefined || Number(size) <= 0 ? undefined : Number(size)));
    const { node } = definition;
    return node === undefined ? undefined : this.#shapeOf(definition.scope, node, depth + 1);
  }

  #shapeOf(scope: Scope, node: NodeProto, depth: number): StaticShape | undefined {
    const of = (k: number): StaticShape | undefined => (node.input[k] ? this.shape(scope, node.input[k], depth) : undefined);
    const attribute = (key: string) => node.attribute.find((each) => each.name === key);
    const numbers = (k: number, key: string): readonly number[] | undefined => {
      const given = attribute(key)?.ints;
      if (given !== undefined && given.length > 0) return given.map(Number);
      const data = node.input[k] ? this.data(scope, node.input[k]) : undefined;
      return data === undefined ? undefined : Array.from(data);
    };
    const [own] = [of(0)];
    switch (node.op_type) {
      case 'Identity':
      case 'Cast':
      case 'Dropout':
      case 'Sigmoid':
      case 'Tanh':
      case 'Relu':
      case 'Neg':
      case 'Not':
      case 'Exp':
      case 'Abs':
        return own;
      case 'Constant':
        return attribute('value')?.t?.dims;
      case 'Transpose': {
        const order = attribute('perm')?.ints?.map(Number);
        return own === undefined ? undefined : order === undefined || order.length === 0 ? [...own].reverse() : order.map((k) => own[k]);
      }
      case 'Unsqueeze': {
        const axes = numbers(1, 'axes');
        if (own === undefined || axes === undefined) return undefined;
        const rank = own.length + axes.length;
        const places = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
        let next = 0;
        return Array.from({ length: rank }, (_, k) => (places.has(k) ? 1 : own[next++]));
      }
      case 'Squeeze': {
        const axes = numbers(1, 'axes');
        if (own === undefined || axes === undefined) return undefined;
        return own.filter((_, k) => !axes.some((axis) => (axis < 0 ? axis + own.length : axis) === k));
      }
      case 'Concat': {
        const all = node.input.map((_, k) => of(k));
        if (all.some((each) => each === undefined)) return undefined;
        const axis = Number(attribute('axis')?.i ?? 0);
        const place = axis < 0 ? axis + all[0]!.length : axis;
        return all[0]!.map((size, k) => {
          if (k !== place) return all.map((each) => each![k]).find((each) => each !== undefined) ?? size;
          const sizes = all.map((each) => each![k]);
          return sizes.some((each) => each === undefined) ? undefined : sizes.reduce<number>((sum, each) => sum + each!, 0);
        });
      }
      case 'MatMul': {
        const other = of(1);
        if (own === undefined || other === undefined || other.length < 2 || own.length < 1) return undefined;
        return [...own.slice(0, -1), other.at(-1)];
      }
      case 'Gather': {
        const index = of(1);
        const axis = Number(attribute('axis')?.i ?? 0);
        if (own === undefined || index === undefined) return undefined;
        const place = axis < 0 ? axis + own.length : axis;
        return [...own.slice(0, place), ...index, ...own.slice(place + 1)];
      }
      case 'Reshape':
      case 'Expand':
      case 'ConstantOfShape': {
        const shape = numbers(node.op_type === 'ConstantOfShape' ? 0 : 1, 'shape');
        return shape?.map((size, k) => (size > 0 ? size : size === 0 ? own?.[k] : undefined));
      }
      case 'Slice': {
        const axes = numbers(3, 'axes');
        if (own === undefined || axes === undefined) return undefined;
        // A place that is computed is most likely a single step.
        const isComputed = node.input[1] !== undefined && this.data(scope, node.input[1]) === undefined;
        return own.map((size, k) =>
          axes.some((axis) => (axis < 0 ? axis + own.length : axis) === k) ? (isComputed ? 1 : undefined) : size,
        );
      }
      case 'Add':
      case 'Mul':
      case 'Sub':
      case 'Div':
      case 'Less':
      case 'LessOrEqual':
      case 'Greater':
      case 'GreaterOrEqual':
      case 'Equal':
      case 'And':
      case 'Or': {
        const other = of(1);
        if (own === undefined || other === undefined) return undefined;
        const [large, small] = own.length >= other.length ? [own, other] : [other, own];
        return large.map((size, k) => (size === 1 ? (small[k - large.length + small.length] ?? 1) : size));
      }
      default:
        return undefined;
    }
  }

  /** Numbers that the file has. */
  data(scope: Scope, name: string): ArrayLike<number> | undefined {
    const definition = this.definition(scope, name);
    const initializer = definition?.scope.graph.initializer.find((each) => each.name === name);
    if (initializer !== undefined) return numbersOfTensor(initializer);
    const node = definition?.node;
    if (node?.op_type === 'Identity' || node?.op_type === 'Cast') return this.data(definition!.scope, node.input[0]!);
    if (node?.op_type !== 'Constant') return undefined;
    const [given] = node.attribute;
    if (given?.t !== undefined) return numbersOfTensor(given.t);
    if (given?.name === 'value_int') return [Number(given.i ?? 0)];
    if (given?.name === 'value_float') return [given.f ?? 0];
    return given?.name === 'value_ints' ? (given.ints ?? []).map(Number) : given?.floats;
  }

  /** Whether a value is the same whatever the model is given. */
  isConstant(scope: Scope, name: string, depth = 0): boolean {
    const definition = this.definition(scope, name);
    if (definition === undefined || depth > 64) return false;
    if (definition.scope.graph.initializer.some((each) => each.name === name)) return true;
    const { node } = definition;
    if (node === undefined || chance.has(node.op_type) || node.attribute.some(({ g }) => g !== undefined)) return false;
    return node.input.every((each) => each === '' || this.isConstant(definition.scope, each, depth + 1));
  }

  /** Whether a value is zero for certain. */
  isZero(scope: Scope, name: string, depth = 0): boolean {
    const definition = this.definition(scope, name);
    if (definition === undefined || depth > 32) return false;
    const data = this.data(scope, name);
    if (data !== undefined) return Array.prototype.every.call(data, (each: number) => Number(each) === 0);
    const { node, scope: own } = definition;
    const from = (k: number): boolean => node?.input[k] !== undefined && node.input[k] !== '' && this.isZero(own, node.input[k], depth + 1);
    switch (node?.op_type) {
      case 'ConstantOfShape': {
        const tensor = node.attribute.find(({ name: key }) => key === 'value')?.t;
        return tensor === undefined || Array.from(numbersOfTensor(tensor) ?? [1]).every((each) => each === 0);
      }
      case 'Expand':
      case 'Tile':
      case 'Reshape':
      case 'Squeeze':
      case 'Unsqueeze':
      case 'Transpose':
      case 'Slice':
      case 'Gather':
      case 'Split':
      case 'Identity':
      case 'Cast':
        return from(0);
      case 'Concat':
        return node.input.every((_, k) => from(k));
      case 'Mul':
        return from(0) || from(1);
      case 'Add':
        return from(0) && from(1);
      default:
        return false;
    }
  }
}

const infoOf = ({ input, output, value_info }: GraphProto, name: string): ValueInfo | undefined =>
  input.find((each) => each.name === name) ?? output.find((each) => each.name === name) ?? value_info?.find((each) => each.name === name);
