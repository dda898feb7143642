// The optimisers, each a pair: the moments it keeps for a parameter, and the update as a graph. As PyTorch defines them (torch.optim):
// SGD with momentum, RMSProp (Hinton 2012, lecture 6e), Adam (Kingma & Ba 2015), AdamW (Loshchilov & Hutter 2019).

import type { Builder } from '../graph/builder.ts';
import type { Value } from '../graph/graph.ts';
import type { Optimizer } from '../shared/settings.ts';

/** Numbers that change from step to step, as inputs of the graph. */
export interface Rates {
  /** Learning rate; Adam's is divided by its first bias correction. */
  readonly rate: number;
  /** Adam: 1 / sqrt(1 - beta2 ** step). */
  readonly correction: number;
  /** AdamW: 1 - rate * decay, of the plain learning rate. */
  readonly shrink: number;
}

export const rateNames = ['rate', 'correction', 'shrink'] as const satisfies readonly (keyof Rates)[];

interface Update {
  readonly parameter: Value;
  readonly moments: readonly Value[];
}

interface Rule {
  /** Suffixes of the moments' names, as checkpoints have them: `h.W_f#m`. All start at zero. */
  readonly moments: readonly string[];
  update(b: Builder, given: Given): Update;
}

interface Given {
  readonly parameter: Value;
  readonly gradient: Value;
  readonly moments: readonly Value[];
  readonly rates: Readonly<Record<keyof Rates, Value>>;
}

const beta1 = 0.9;
const beta2 = 0.999;
const smoothing = 0.99;
const epsilon = 1e-8;
/** Decay of AdamW where none is given. */
const usualDecay = 0.01;

export function ruleOf(optimizer: Optimizer): Rule {
  const { momentum = 0, decay = 0 } = optimizer;
  /** The gradient with that of decay / 2 * |parameter|^2. */
  const decayed = (b: Builder, { parameter, gradient }: Given): Value =>
    decay === 0 ? gradient : b.plus(gradient, b.scale(parameter, decay));
  const descend = (b: Builder, { parameter, rates }: Given, direction: Value): Value => b.minus(parameter, b.times(direction, rates.rate));
  switch (optimizer.kind) {
    case 'sgd':
      if (momentum === 0) return { moments: [], update: (b, given) => ({ parameter: descend(b, given, decayed(b, given)), moments: [] }) };
      return {
        moments: ['m'],
        update(b, given) {
          const m = b.plus(b.scale(given.moments[0]!, momentum), decayed(b, given));
          return { parameter: descend(b, given, m), moments: [m] };
        },
      };
    case 'rmsprop':
      return {
        moments: momentum === 0 ? ['v'] : ['v', 'm'],
        update(b, given) {
          const gradient = decayed(b, given);
          const v = average(b, given.moments[0]!, b.times(gradient, gradient), smoothing);
          const scaled = b.over(gradient, b.plus(b.sqrt(v), b.constant(epsilon)));
          if (momentum === 0) return { parameter: descend(b, given, scaled), moments: [v] };
          const m = b.plus(b.scale(given.moments[1]!, momentum), scaled);
          return { parameter: descend(b, given, m), moments: [v, m] };
        },
      };
    case 'adam':
      return { moments: ['m', 'v'], update: (b, given) => adam(b, { ...given, gradient: decayed(b, given) }) };
    case 'adamw':
      return {
        moments: ['m', 'v'],
        update: (b, given) => adam(b, { ...given, parameter: b.times(given.parameter, given.rates.shrink) }),
      };
  }
}

function adam(b: Builder, { parameter, gradient, moments, rates }: Given): Update {
  const m = average(b, moments[0]!, gradient, beta1);
  const v = average(b, moments[1]!, b.times(gradient, gradient), beta2);
  const spread = b.plus(b.times(b.sqrt(v), rates.correction), b.constant(epsilon));
  return { parameter: b.minus(parameter, b.over(b.times(m, rates.rate), spread)), moments: [m, v] };
}

const average = (b: Builder, old: Value, now: Value, share: number): Value => b.plus(b.scale(old, share), b.scale(now, 1 - share));

/** `step` counts from 1. */
export function ratesOf({ kind, decay = usualDecay }: Optimizer, rate: number, step: number): Rates {
  const corrected = kind === 'adam' || kind === 'adamw';
  return {
    rate: corrected ? rate / (1 - beta1 ** step) : rate,
    correction: corrected ? 1 / Math.sqrt(1 - beta2 ** step) : 1,
    shrink: kind === 'adamw' ? 1 - rate * decay : 1,
  };
}
