// LSTM, GRU and RNN as their operator documents write them, step by step in float64: slow, and owing nothing to the code that is tested.

import type { NodeProto } from '../../src/onnx/proto.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';

type Vector = number[];
type Unary = (u: number) => number;

export interface Reference {
  /** [T][D][B][H], or [B][T][D][H] for layout 1, flat; and [D][B][H] or [B][D][H]. */
  readonly Y: Float64Array;
  readonly Y_h: Float64Array;
  readonly Y_c: Float64Array;
}

const functions: Readonly<Record<string, (alpha: number, beta: number) => Unary>> = {
  sigmoid: () => (u) => 1 / (1 + Math.exp(-u)),
  tanh: () => Math.tanh,
  relu: () => (u) => Math.max(0, u),
  affine: (a, b) => (u) => a * u + b,
  leakyrelu: (a) => (u) => (u >= 0 ? u : a * u),
  thresholdedrelu: (a) => (u) => (u > a ? u : 0),
  scaledtanh: (a, b) => (u) => a * Math.tanh(b * u),
  hardsigmoid: (a, b) => (u) => Math.min(Math.max(a * u + b, 0), 1),
  elu: (a) => (u) => (u >= 0 ? u : a * (Math.exp(u) - 1)),
  softsign: () => (u) => u / (1 + Math.abs(u)),
  softplus: () => (u) => Math.log1p(Math.exp(u)),
};
const withAlpha: Readonly<Record<string, number>> = {
  affine: 0,
  leakyrelu: 0.01,
  thresholdedrelu: 0,
  scaledtanh: 0,
  hardsigmoid: 0.2,
  elu: 1,
};
const withBeta: Readonly<Record<string, number>> = { affine: 0, scaledtanh: 0, hardsigmoid: 0.5 };

export function reference(node: NodeProto, values: Readonly<Record<string, Tensor>>): Reference {
  const attribute = (name: string) => node.attribute.find((each) => each.name === name);
  const texts = (name: string): string[] => (attribute(name)?.strings ?? []).map((each) => Buffer.from(each).toString().toLowerCase());
  const number = (name: string): number => Number(attribute(name)?.i ?? 0);
  const input = (index: number): Tensor | undefined => values[node.input[index] ?? ''];
  const data = (tensor: Tensor | undefined): Vector | undefined =>
    tensor === undefined ? undefined : Array.from(tensor.data as Float32Array);
  const kind = node.op_type;
  const direction = attribute('direction')?.s === undefined ? 'forward' : Buffer.from(attribute('direction')!.s!).toString();
  const D = direction === 'bidirectional' ? 2 : 1;
  const batchFirst = number('layout') === 1;
  const X = input(0)!;
  const [T, B] = batchFirst ? [X.dims[1]!, X.dims[0]!] : [X.dims[0]!, X.dims[1]!];
  const I = X.dims[2]!;
  const H = number('hidden_size');
  const gates = { LSTM: 4, GRU: 3, RNN: 1 }[kind]!;
  const usual = { LSTM: ['sigmoid', 'tanh', 'tanh'], GRU: ['sigmoid', 'tanh'], RNN: ['tanh'] }[kind]!;
  const names = texts('activations').length > 0 ? texts('activations') : Array.from({ length: D }, () => usual).flat();
  const [alphas, betas] = [[...(attribute('activation_alpha')?.floats ?? [])], [...(attribute('activation_beta')?.floats ?? [])]];
  const activations = names.map((name) => {
    const alpha = name in withAlpha ? (alphas.shift() ?? withAlpha[name]!) : 0;
    const beta = name in withBeta ? (betas.shift() ?? withBeta[name]!) : 0;
    return functions[name]!(alpha, beta);
  });
  const bound = attribute('clip')?.f ?? 0;
  const clip: Unary = bound > 0 ? (u) => Math.min(Math.max(u, -bound), bound) : (u) => u;
  const [W, R, bias, P] = [data(input(1))!, data(input(2))!, data(input(3)), data(input(7))];
  const lengths = input(4) === undefined ? undefined : Array.from(input(4)!.data as Int32Array);
  const [h0, c0] = [data(input(5)), data(input(6))];
  const Y = new Float64Array(T * D * B * H);
  const [Y_h, Y_c] = [new Float64Array(D * B * H), new Float64Array(D * B * H)];
  for (let d = 0; d < D; d += 1) {
    const [F, G, K] = activations.slice(d * usual.length) as [Unary, Unary, Unary];
    const isReverse = direction === 'reverse' || d === 1;
    const affine = (gate: number, x: Vector, h: Vector, both = true): Vector =>
      Array.from({ length: H }, (_, unit) => {
        const row = d * gates * H + gate * H + unit;
        const own = x.reduce((sum, each, k) => sum + W[row * I + k]! * each, 0) + (bias?.[d * 2 * gates * H + gate * H + unit] ?? 0);
        return both ? own + past(gate, unit, h) : own;
      });
    const past = (gate: number, unit: number, h: Vector): number =>
      h.reduce((sum, each, k) => sum + R[(d * gates * H + gate * H + unit) * H + k]! * each, 0) +
      (bias?.[d * 2 * gates * H + (gates + gate) * H + unit] ?? 0);
    const peephole = (place: number, c: Vector): Vector => c.map((each, unit) => (P?.[d * 3 * H + place * H + unit] ?? 0) * each);
    const sum = (a: Vector, b: Vector): Vector => a.map((each, unit) => each + b[unit]!);
    for (let b = 0; b < B; b += 1) {
      const state = batchFirst ? (b * D + d) * H : (d * B + b) * H;
      let h = h0?.slice(state, state + H) ?? new Array<number>(H).fill(0);
      let c = c0?.slice(state, state + H) ?? new Array<number>(H).fill(0);
      const length = lengths?.[b] ?? T;
      for (let step = 0; step < length; step += 1) {
        const t = isReverse ? length - 1 - step : step;
        const at = batchFirst ? (b * T + t) * I : (t * B + b) * I;
        const x = Array.from((X.data as Float32Array).subarray(at, at + I));
        if (kind === 'LSTM') {
          const i = sum(affine(0, x, h), peephole(0, c)).map((u) => F(clip(u)));
          const f = number('input_forget') === 1 ? i.map((each) => 1 - each) : sum(affine(2, x, h), peephole(2, c)).map((u) => F(clip(u)));
          const g = affine(3, x, h).map((u) => G(clip(u)));
          const before = c;
          c = f.map((each, unit) => each * before[unit]! + i[unit]! * g[unit]!);
          const o = sum(affine(1, x, h), peephole(1, c)).map((u) => F(clip(u)));
          h = o.map((each, unit) => each * K(c[unit]!));
        } else if (kind === 'GRU') {
          const before = h;
          const z = affine(0, x, h).map((u) => F(clip(u)));
          const r = affine(1, x, h).map((u) => F(clip(u)));
          const own = affine(2, x, h, false);
          const n =
            number('linear_before_reset') === 1
              ? own.map((each, unit) => G(clip(each + r[unit]! * past(2, unit, before))))
              : own.map((each, unit) =>
                  G(
                    clip(
                      each +
                        past(
                          2,
                          unit,
                          before.map((one, k) => one * r[k]!),
                        ),
                    ),
                  ),
                );
          h = z.map((each, unit) => (1 - each) * n[unit]! + each * before[unit]!);
        } else h = affine(0, x, h).map((u) => F(clip(u)));
        Y.set(h, (batchFirst ? (b * T + t) * D + d : (t * D + d) * B + b) * H);
      }
      Y_h.set(h, state);
      Y_c.set(c, state);
    }
  }
  return { Y, Y_h, Y_c };
}
