// The activations that ONNX's LSTM, GRU and RNN name, as expressions of the language. Formulas as in the operators' documents. Alphas and betas that
// the file leaves out are those of onnxruntime's kernels: for Affine, ThresholdedRelu and ScaledTanh they are 0, which the documents leave open or
// have otherwise; a replay follows what runs.

import type { CellLine } from '../part.ts';
import { PartError } from '../part.ts';

export interface Activation {
  readonly name: string;
  /** Of one operand, which may be written more than once. */
  text(operand: string): string;
  /** The operand occurs once: any expression can stand for it. */
  readonly once: boolean;
}

interface Rule {
  /** Alpha and beta where the file gives none; as many as the function has. */
  readonly defaults: readonly number[];
  readonly once: boolean;
  text(operand: string, alpha: string, beta: string): string;
}

const call = (name: string): Rule => ({ defaults: [], once: true, text: (u) => `${name}(${u})` });

const rules: Readonly<Record<string, Rule>> = {
  Sigmoid: call('sigmoid'),
  Tanh: call('tanh'),
  Relu: call('relu'),
  Softplus: call('softplus'),
  Affine: { defaults: [0, 0], once: true, text: (u, alpha, beta) => `${alpha} * (${u}) + ${beta}` },
  LeakyRelu: { defaults: [0.01], once: false, text: (u, alpha) => `where(${u} >= 0, ${u}, ${alpha} * ${u})` },
  ThresholdedRelu: { defaults: [0], once: false, text: (u, alpha) => `where(${u} > ${alpha}, ${u}, 0)` },
  ScaledTanh: { defaults: [0, 0], once: true, text: (u, alpha, beta) => `${alpha} * tanh(${beta} * (${u}))` },
  HardSigmoid: { defaults: [0.2, 0.5], once: true, text: (u, alpha, beta) => `clip(${alpha} * (${u}) + ${beta}, 0, 1)` },
  // The branch that is not taken must stay finite, for the gradient's sake.
  Elu: { defaults: [1], once: false, text: (u, alpha) => `where(${u} >= 0, ${u}, ${alpha} * (exp(minimum(${u}, 0)) - 1))` },
  Softsign: { defaults: [], once: false, text: (u) => `${u} / (1 + abs(${u}))` },
};

/** The activations of one direction, by the names in the file, in any letter case. Alphas and betas are taken in order, each by the functions
 *  that have one. Throws PartError. */
export function activationsOf(names: readonly string[], alphas: readonly number[], betas: readonly number[]): Activation[] {
  let [alpha, beta] = [0, 0];
  return names.map((name) => {
    const rule = rules[spelledOut(name)];
    if (rule === undefined) throw new PartError(`The activation ${name} is none of ONNX's: ${Object.keys(rules).join(', ')}.`);
    const values = rule.defaults.map((value, k) => (k === 0 ? alphas[alpha++] : betas[beta++]) ?? value);
    const [a = '', b = ''] = values.map(numberText);
    return { name: name.toLowerCase(), once: rule.once, text: (operand) => rule.text(operand, a, b) };
  });
}

/** The spelling of ONNX's documents, which some kernels insist on. */
export const spelledOut = (name: string): string => spellings.find((each) => each.toLowerCase() === name.toLowerCase()) ?? name;

const spellings = Object.keys(rules);

/** The line `name = activation(net)`; where the activation reads its operand twice, that is a line of its own. */
export function activated(name: string, net: string, activation: Activation, clip: number, comment?: string): CellLine[] {
  const bounded = clip > 0 ? `clip(${net}, ${numberText(-clip)}, ${numberText(clip)})` : net;
  const said = comment === undefined ? {} : { comment };
  if (activation.once) return [{ name, text: activation.text(bounded), ...said }];
  const operand = `net_${name.replace("'", '')}`;
  return [
    { name: operand, text: bounded },
    { name, text: activation.text(operand), ...said },
  ];
}

/** The shortest decimal of a float32. */
export function numberText(value: number): string {
  const exact = Math.fround(value);
  for (let digits = 1; digits <= 9; digits += 1) {
    const text = Number(exact.toPrecision(digits));
    if (Math.fround(text) === exact) return String(text);
  }
  return String(exact);
}
