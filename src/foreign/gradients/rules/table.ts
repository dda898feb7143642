// Every operator that has an entry: a rule, or none by nature.

import type { NodeProto } from '../../../onnx/proto.ts';
import type { Rule } from '../vjp.ts';
import { convolutions } from './convolutions.ts';
import { elementwise } from './elementwise.ts';
import { fused } from './fused.ts';
import { moving } from './moving.ts';
import { normalisations } from './normalisations.ts';
import { products } from './products.ts';
import { reductions } from './reductions.ts';
import { resizing } from './resizing.ts';

/** Operators of com.microsoft by that name; the others are standard, or mean the same in both. */
const rules: Readonly<Record<string, Rule>> = {
  ...elementwise,
  ...moving,
  ...reductions,
  ...products,
  ...normalisations,
  ...convolutions,
  ...resizing,
  ...fused,
};

/** Their results do not change with small changes of what they read: the gradient is zero, and nothing is missing. */
const constant: ReadonlySet<string> = new Set(
  `Shape Size ArgMax ArgMin NonZero Equal Less LessOrEqual Greater GreaterOrEqual And Or Not Xor IsNaN IsInf BitwiseAnd BitwiseOr BitwiseNot
  BitwiseXor BitShift Sign Floor Ceil Round Hardmax Constant ConstantOfShape EyeLike RandomNormal RandomUniform RandomNormalLike RandomUniformLike
  Bernoulli Multinomial NonMaxSuppression SequenceLength`.split(/\s+/),
);

/** Operators that compute with numbers rounded to few steps: between the steps their derivative is zero, which would say nothing. */
export const rounding: ReadonlySet<string> = new Set(
  `QuantizeLinear DynamicQuantizeLinear MatMulInteger ConvInteger QLinearMatMul QLinearConv MatMulIntegerToFloat DynamicQuantizeMatMul
  QLinearAdd QLinearMul QLinearSigmoid QLinearConcat QLinearLeakyRelu QLinearGlobalAveragePool QLinearAveragePool QGemm`.split(/\s+/),
);

const domains: ReadonlySet<string> = new Set(['', 'ai.onnx', 'com.microsoft']);

/** The rule of a node; 'zero' where its gradient is zero by nature, undefined where it has none here. */
export function ruleOf(node: NodeProto): Rule | 'zero' | undefined {
  if (!domains.has(node.domain ?? '')) return undefined;
  if (constant.has(node.op_type)) return 'zero';
  return Object.hasOwn(rules, node.op_type) ? rules[node.op_type] : undefined;
}
