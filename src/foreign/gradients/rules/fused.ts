// Operators of com.microsoft, which the optimisers of exporters and of the runtime write for a few of the standard ones.

import type { Rule, Vjp } from '../vjp.ts';
import { geluSlope, swishSlope } from './elementwise.ts';

/** f(x + bias), the bias along the last axis. */
const biased =
  (slope: (vjp: Vjp, x: string) => string): Rule =>
  (vjp) => {
    const { emit } = vjp;
    const sum = () => (vjp.hasInput(1) ? emit.add(vjp.input(0), vjp.input(1)) : vjp.input(0));
    const cotangent = () => emit.mul(vjp.grad(), slope(vjp, sum()));
    for (const k of [0, 1]) vjp.give(k, () => emit.sumTo(cotangent(), vjp.input(k)));
  };

const bias: Rule = (vjp) => {
  for (const k of [0, 1]) vjp.give(k, () => vjp.emit.sumTo(vjp.grad(), vjp.input(k)));
};

export const fused = {
  BiasGelu: biased((vjp, x) => geluSlope(vjp, x, false)),
  FastGelu: biased((vjp, x) => geluSlope(vjp, x, true)),
  QuickGelu: (vjp) => vjp.give(0, () => vjp.emit.mul(vjp.grad(), swishSlope(vjp, vjp.input(0), vjp.float('alpha', 1.702)))),
  BiasAdd(vjp) {
    bias(vjp);
    vjp.give(2, () => vjp.emit.sumTo(vjp.grad(), vjp.input(2)));
  },
} as const satisfies Readonly<Record<string, Rule>>;
