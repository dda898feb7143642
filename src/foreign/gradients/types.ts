// Element types of the values of a model. Graph inputs of a backward model need theirs, and most files say only those of the model's inputs.

import { elementTypes, type GraphProto, type NodeProto } from '../../onnx/proto.ts';
import { attributeOf, constantOf, intOf } from './reading.ts';

/** TensorProto.DataType of what is no number of ours too. */
const { float32, float64, int32, int64, bool, uint8 } = elementTypes;
const int8 = 3;
const float16 = 10;
const bfloat16 = 16;
const floats: ReadonlySet<number> = new Set([float32, float64, float16, bfloat16]);

/** Whether values of this type can have a gradient; unknown ones may. */
export const isFloat = (type: number | undefined): boolean => type === undefined || floats.has(type);

/** The type that gradients of values of this type are computed in: half precision in float32. */
export const carrierOf = (type: number | undefined): number => (type === float64 ? float64 : float32);

/** Types that are declared, and those that follow from the operators. `nodes` in topological order. */
export function elementTypesOf(graph: GraphProto, nodes: readonly NodeProto[], around: ReadonlyMap<string, number> = new Map()) {
  const types = new Map<string, number>(around);
  for (const { name, type } of [...(graph.value_info ?? []), ...graph.output, ...graph.input]) {
    const declared = type?.tensor_type?.elem_type;
    if (declared !== undefined && declared !== 0) types.set(name, declared);
  }
  for (const { name, data_type } of graph.initializer) if (name !== undefined) types.set(name, data_type);
  for (const node of nodes) {
    node.output.forEach((name, k) => {
      if (name === '' || types.has(name)) return;
      const type = typeOf(node, k, types);
      if (type !== undefined) types.set(name, type);
    });
  }
  return types;
}

type Types = ReadonlyMap<string, number>;
type TypeRule = (node: NodeProto, output: number, types: Types) => number | undefined;

const always =
  (...each: readonly number[]): TypeRule =>
  (_, output) =>
    each[Math.min(output, each.length - 1)];
const input =
  (k: number, ...later: readonly number[]): TypeRule =>
  (node, output, types) =>
    output === 0 || later.length === 0 ? types.get(node.input[k] ?? '') : later[Math.min(output - 1, later.length - 1)];
const named =
  (name: string, otherwise?: number): TypeRule =>
  (node, _, types) =>
    attributeOf(node, name) === undefined ? (otherwise ?? types.get(node.input[0] ?? '')) : intOf(node, name, 1);

/** Operators whose results are not of their first input's type. */
const exceptions: Readonly<Record<string, TypeRule>> = {
  Constant: (node) => constantOf(node)?.data_type,
  ConstantOfShape: (node) => attributeOf(node, 'value')?.t?.data_type ?? float32,
  ...each(['Shape', 'Size', 'ArgMax', 'ArgMin', 'NonZero'], always(int64)),
  ...each(['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'And', 'Or', 'Not', 'Xor', 'IsNaN', 'IsInf'], always(bool)),
  Cast: named('to'),
  CastLike: input(1),
  Where: input(1),
  OneHot: input(2),
  EyeLike: named('dtype'),
  ...each(['RandomNormal', 'RandomUniform'], named('dtype', float32)),
  ...each(['RandomNormalLike', 'RandomUniformLike', 'Bernoulli'], named('dtype')),
  Multinomial: named('dtype', int32),
  ...each(['HannWindow', 'HammingWindow', 'BlackmanWindow'], named('output_datatype', float32)),
  ...each(['TopK', 'MaxPool', 'Unique'], input(0, int64)),
  Dropout: input(0, bool),
  DequantizeLinear: input(1),
  QuantizeLinear: (node, _, types) => types.get(node.input[2] ?? '') ?? (intOf(node, 'output_dtype', 0) || uint8),
  DynamicQuantizeLinear: always(uint8, float32, uint8),
  ...each(['MatMulInteger', 'ConvInteger'], always(int32)),
  QLinearMatMul: input(7),
  QLinearConv: input(7),
  ...each(['MatMulIntegerToFloat', 'DynamicQuantizeMatMul'], always(float32)),
  If: (node, output, types) => bodyType(node, 'then_branch', output, types) ?? bodyType(node, 'else_branch', output, types),
  Loop: (node, output, types) => types.get(node.input[output + 2] ?? '') ?? bodyType(node, 'body', output + 1, types),
  Scan: (node, output, types) => bodyType(node, 'body', output, types),
};

function typeOf(node: NodeProto, output: number, types: Types): number | undefined {
  const special = exceptions[node.op_type];
  return special === undefined ? types.get(node.input[0] ?? '') : special(node, output, types);
}

/** What a branch or a body declares; else what follows from its operators, if no further graph lies in it. */
function bodyType(node: NodeProto, name: string, output: number, around: Types): number | undefined {
  const body = attributeOf(node, name)?.g;
  const wanted = body?.output[output];
  if (body === undefined || wanted === undefined) return undefined;
  const declared = wanted.type?.tensor_type?.elem_type;
  if (declared !== undefined && declared !== 0) return declared;
  const plain = body.node.filter((inner) => inner.attribute.every(({ g }) => g === undefined));
  return elementTypesOf(body, plain, around).get(wanted.name);
}

function each(names: readonly string[], rule: TypeRule): Record<string, TypeRule> {
  return Object.fromEntries(names.map((name) => [name, rule]));
}

/** Whether a type is one of the integers that quantised numbers are kept in. */
export const isQuantised = (type: number | undefined): boolean => type === uint8 || type === int8 || type === int32;
