// Normalisations. All are y = x̂ scale + bias with x̂ = (x - mean) / deviation over some axes; the views differ, the derivative is one
// (Ioffe & Szegedy 2015, section 3, without the step that they differentiate in training).

import type { Emitter } from '../emitter.ts';
import { NoGradient, type Rule, type Vjp } from '../vjp.ts';

interface Normalised {
  readonly hat: string;
  /** x̄ from the cotangent of x̂. */
  back(cotangent: string): string;
}

/** Over axes that are kept; `centred` is false where only the root mean square is divided by. */
function normalise(
  { emit, scalar }: { emit: Emitter; scalar(value: number): string },
  x: string,
  axes: string,
  epsilon: number,
  centred = true,
): Normalised {
  const difference = centred ? emit.sub(x, emit.mean(x, axes)) : x;
  const variance = emit.add(emit.mean(emit.mul(difference, difference), axes), scalar(epsilon));
  const scale = emit.op('Reciprocal', [emit.op('Sqrt', [variance])]);
  const hat = emit.mul(difference, scale);
  return {
    hat,
    back(cotangent) {
      const along = emit.mul(hat, emit.mean(emit.mul(cotangent, hat), axes));
      const rest = centred ? emit.sub(cotangent, emit.mean(cotangent, axes)) : cotangent;
      return emit.mul(scale, emit.sub(rest, along));
    },
  };
}

const tools = (vjp: Vjp) => ({ emit: vjp.emit, scalar: (value: number) => vjp.scalar(value) });

/** The axes from `axis` on are normalised: the value as a matrix of rows, and back. */
function overLast(vjp: Vjp, x: string, cotangent: string, axis: number, epsilon: number, centred: boolean) {
  const { emit } = vjp;
  const flat = (value: string): string => (axis === -1 ? value : emit.op('Flatten', [value], { axis }));
  const normalised = normalise(tools(vjp), flat(x), emit.ints(-1), epsilon, centred);
  return { hat: () => emit.reshapeLike(normalised.hat, x), back: () => emit.reshapeLike(normalised.back(flat(cotangent)), x) };
}

const layerNormalisation =
  (centred: boolean): Rule =>
  (vjp) => {
    const { emit } = vjp;
    vjp.onlyFirstOutput();
    const epsilon = vjp.float('epsilon', 1e-5);
    const scaled = () => emit.mul(vjp.grad(), vjp.input(1));
    const parts = (cotangent: string) => overLast(vjp, vjp.input(0), cotangent, vjp.int('axis', -1), epsilon, centred);
    vjp.give(0, () => parts(scaled()).back());
    vjp.give(1, () => emit.sumTo(emit.mul(vjp.grad(), parts(vjp.grad()).hat()), vjp.input(1)));
    vjp.give(2, () => emit.sumTo(vjp.grad(), vjp.input(2)));
  };

/** com.microsoft: input + skip (+ bias) is normalised, and may be an output of its own (the fourth). */
const skipNormalisation =
  (centred: boolean): Rule =>
  (vjp) => {
    const { emit } = vjp;
    for (const k of [1, 2]) if (vjp.hasGrad(k)) throw new NoGradient('the gradients of its mean and deviation are not known here');
    const [scale, beta, bias] = centred ? [2, 3, 4] : [2, undefined, 3];
    const sum = [vjp.input(0), vjp.input(1), ...(vjp.hasInput(bias!) ? [vjp.input(bias!)] : [])].reduce((a, b) => emit.add(a, b));
    const direct = vjp.hasGrad(0) || !vjp.hasGrad(3);
    const parts = () =>
      overLast(vjp, sum, emit.mul(vjp.grad(), vjp.input(scale!)), -1, vjp.float('epsilon', centred ? 1e-12 : 1e-6), centred);
    const total = () => {
      const own = direct ? [parts().back()] : [];
      return [...own, ...(vjp.hasGrad(3) ? [vjp.grad(3)] : [])].reduce((a, b) => emit.add(a, b));
    };
    for (const k of [0, 1, bias!]) vjp.give(k, () => emit.sumTo(total(), vjp.input(k)));
    vjp.give(scale!, () => emit.sumTo(emit.mul(vjp.grad(), parts().hat()), vjp.input(scale!)));
    if (beta !== undefined) vjp.give(beta, () => emit.sumTo(vjp.grad(), vjp.input(beta)));
  };

/** [N, C, ...] as [N, C, rest], or in groups. */
const channels = (emit: Emitter, x: string, groups?: number): string =>
  emit.op('Reshape', [x, groups === undefined ? emit.ints(0, 0, -1) : emit.ints(0, groups, -1)]);
/** A list over channels as [C, 1]. */
const column = (emit: Emitter, list: string): string => emit.op('Reshape', [list, emit.ints(-1, 1)]);
const perChannel = (emit: Emitter, value: string): string => emit.op('ReduceSum', [value, emit.ints(0, 2)], { keepdims: 0 });

/** Inference: mean and variance are inputs like the others. */
const batchNormalisation: Rule = (vjp) => {
  const { emit } = vjp;
  if (vjp.int('training_mode', 0) === 1) throw new NoGradient('it is in training mode, whose gradient is not known here');
  vjp.onlyFirstOutput();
  const grad = () => channels(emit, vjp.grad());
  const inverse = () =>
    column(emit, emit.op('Reciprocal', [emit.op('Sqrt', [emit.add(vjp.input(4), vjp.scalar(vjp.float('epsilon', 1e-5)))])]));
  const scale = () => column(emit, vjp.input(1));
  const difference = () => emit.sub(channels(emit, vjp.input(0)), column(emit, vjp.input(3)));
  vjp.give(0, () => emit.reshapeLike(emit.mul(grad(), emit.mul(scale(), inverse())), vjp.input(0)));
  vjp.give(1, () => perChannel(emit, emit.mul(grad(), emit.mul(difference(), inverse()))));
  vjp.give(2, () => perChannel(emit, grad()));
  vjp.give(3, () => perChannel(emit, emit.op('Neg', [emit.mul(grad(), emit.mul(scale(), inverse()))])));
  vjp.give(4, () => {
    const cubed = emit.mul(inverse(), emit.mul(inverse(), inverse()));
    return perChannel(emit, emit.mul(vjp.scalar(-0.5), emit.mul(grad(), emit.mul(emit.mul(difference(), scale()), cubed))));
  });
};

const instanceNormalisation: Rule = (vjp) => {
  const { emit } = vjp;
  const normalised = () => normalise(tools(vjp), channels(emit, vjp.input(0)), emit.ints(2), vjp.float('epsilon', 1e-5));
  const grad = () => channels(emit, vjp.grad());
  vjp.give(0, () => emit.reshapeLike(normalised().back(emit.mul(grad(), column(emit, vjp.input(1)))), vjp.input(0)));
  vjp.give(1, () => perChannel(emit, emit.mul(grad(), normalised().hat)));
  vjp.give(2, () => perChannel(emit, grad()));
};

/** Scale and bias are per group in version 18, per channel since 21. */
const groupNormalisation: Rule = (vjp) => {
  const { emit } = vjp;
  const groups = vjp.int('num_groups', 1);
  const view = (value: string): string => (vjp.version < 21 ? channels(emit, value, groups) : channels(emit, value));
  const grouped = (value: string): string => channels(emit, value, groups);
  const normalised = () => normalise(tools(vjp), grouped(vjp.input(0)), emit.ints(2), vjp.float('epsilon', 1e-5));
  vjp.give(0, () => {
    const scaled = emit.reshapeLike(emit.mul(view(vjp.grad()), column(emit, vjp.input(1))), vjp.input(0));
    return emit.reshapeLike(normalised().back(grouped(scaled)), vjp.input(0));
  });
  vjp.give(1, () => {
    const hat = emit.reshapeLike(normalised().hat, vjp.input(0));
    return perChannel(emit, emit.mul(view(vjp.grad()), view(hat)));
  });
  vjp.give(2, () => perChannel(emit, view(vjp.grad())));
};

export const normalisations = {
  LayerNormalization: layerNormalisation(true),
  RMSNormalization: layerNormalisation(false),
  /** As the runtime writes it, in the standard domain. */
  SimplifiedLayerNormalization: layerNormalisation(false),
  BatchNormalization: batchNormalisation,
  InstanceNormalization: instanceNormalisation,
  GroupNormalization: groupNormalisation,
  MeanVarianceNormalization(vjp) {
    const { emit } = vjp;
    vjp.give(0, () => normalise(tools(vjp), vjp.input(0), emit.ints(...(vjp.ints('axes') ?? [0, 2, 3])), 1e-9).back(vjp.grad()));
  },
  SkipLayerNormalization: skipNormalisation(true),
  SkipSimplifiedLayerNormalization: skipNormalisation(false),
} as const satisfies Readonly<Record<string, Rule>>;
