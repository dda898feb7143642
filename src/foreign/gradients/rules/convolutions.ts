// Convolutions (Dumoulin & Visin 2016): the cotangent of the input is a transposed convolution, that of the weights a convolution with batch
// and channels exchanged. Paddings are undone by a Pad of sizes that are computed at run time, so that every auto_pad is one case.

import { NoGradient, type Rule, type Vjp } from '../vjp.ts';

/** The geometry of a sliding window; lists have one entry a spatial axis. */
export interface Window {
  readonly rank: number;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** int64 [rank]: how far a window reaches, (size - 1) dilation + 1. */
  readonly reach: string;
}

/** `kernel`: int64 [rank], its sizes. */
export function windowOf(vjp: Vjp, rank: number, kernel: string): Window {
  const ones = Array.from({ length: rank }, () => 1);
  const list = (name: string): readonly number[] => nonEmpty(vjp.ints(name)) ?? ones;
  const { emit } = vjp;
  const dilations = list('dilations');
  const reach = emit.add(emit.mul(emit.sub(kernel, emit.ints(1)), emit.ints(...dilations)), emit.ints(1));
  return { rank, strides: list('strides'), dilations, reach };
}

const nonEmpty = (list: readonly number[] | undefined): readonly number[] | undefined =>
  list === undefined || list.length === 0 ? undefined : list;

const spatial = (vjp: Vjp, value: string): string => vjp.emit.sizes(value, 2);

/** int64 [rank]: the input that `count` windows cover, (count - 1) stride + reach. */
export function covered({ emit }: Vjp, window: Window, count: string): string {
  return emit.add(emit.mul(emit.sub(count, emit.ints(1)), emit.ints(...window.strides)), window.reach);
}

/** int64 [rank]: padding before the first element. `small` has the windows' sizes, `large` what they slide over. */
export function padBegin(vjp: Vjp, window: Window, small: string, large: string): string {
  const { emit } = vjp;
  const auto = vjp.text('auto_pad', 'NOTSET');
  if (auto === 'VALID') return emit.ints(...window.strides.map(() => 0));
  const given = nonEmpty(vjp.ints('pads'));
  if (auto === 'NOTSET' || auto === '') return emit.ints(...(given?.slice(0, window.rank) ?? window.strides.map(() => 0)));
  const total = emit.op('Max', [emit.sub(covered(vjp, window, small), large), emit.int(0)]);
  const half = emit.div(total, emit.int(2));
  return auto === 'SAME_LOWER' ? emit.sub(total, half) : half;
}

/** The spatial axes with `begin` elements before and so many behind that their size is `size`; both may be negative. */
export function placed(vjp: Vjp, value: string, begin: string, size: string): string {
  const { emit } = vjp;
  const none = emit.ints(0, 0);
  const end = emit.sub(emit.sub(size, begin), spatial(vjp, value));
  return emit.op('Pad', [value, emit.concat(none, begin, none, end)]);
}

/** What the windows (their cotangents: [N, M, ...]) give to the elements that they slide over, [N, C, ...] with `size` spatial sizes. */
export function spreadWindows(
  vjp: Vjp,
  window: Window,
  cotangent: string,
  weights: string,
  group: number,
  begin: string,
  size: string,
): string {
  const { emit } = vjp;
  const { strides, dilations } = window;
  const all = emit.op('ConvTranspose', [cotangent, weights], { strides, dilations, group });
  return placed(vjp, all, emit.op('Neg', [begin]), size);
}

/** Cotangent of weights [M, C / group, ...kernel] where windows with cotangents `cotangent` slide over `padded`. */
function weightCotangent(vjp: Vjp, window: Window, padded: string, cotangent: string, group: number, like: string): string {
  const { emit } = vjp;
  const { rank, strides, dilations } = window;
  const axes = Array.from({ length: rank }, (_, k) => k);
  // [N, g, C/g, ...] to [C/g, g N, ...]: a channel is an example, and each group meets its own cotangents.
  const rest = emit.sizes(padded, 2);
  const grouped = emit.reshape(padded, emit.concat(emit.size(padded, 0), emit.ints(group), channelsOf(vjp, padded, group), rest));
  const turned = emit.op('Transpose', [grouped], { perm: [2, 1, 0, ...axes.map((k) => k + 3)] });
  const examples = emit.reshape(
    turned,
    emit.concat(channelsOf(vjp, padded, group), emit.mul(emit.size(padded, 0), emit.ints(group)), rest),
  );
  const swapped = [1, 0, ...axes.map((k) => k + 2)];
  const kernel = emit.op('Transpose', [cotangent], { perm: swapped });
  const made = emit.op('Conv', [examples, kernel], { strides: dilations, dilations: strides, group });
  // Where the last stride does not fit, there are more places than the kernel has.
  return placed(vjp, emit.op('Transpose', [made], { perm: swapped }), emit.ints(...axes.map(() => 0)), spatial(vjp, like));
}

const channelsOf = ({ emit }: Vjp, value: string, group: number): string => emit.div(emit.size(value, 1), emit.ints(group));

/** A bias is added along axis 1. */
const biasCotangent = ({ emit }: Vjp, cotangent: string): string =>
  emit.op('ReduceSum', [emit.op('Reshape', [cotangent, emit.ints(0, 0, -1)]), emit.ints(0, 2)], { keepdims: 0 });

function rankOf(vjp: Vjp): number {
  const rank = nonEmpty(vjp.ints('kernel_shape'))?.length ?? nonEmpty(vjp.ints('strides'))?.length ?? (vjp.rank(1) ?? 2) - 2;
  if (rank < 1) throw new NoGradient('the rank of its weights is not known: neither kernel_shape nor an initialiser says it');
  return rank;
}

/** A convolution and its parts, from the cotangent of its result. */
export function convolution(vjp: Vjp, cotangent: string): void {
  const group = vjp.int('group', 1);
  const parts = () => {
    const window = windowOf(vjp, rankOf(vjp), spatial(vjp, vjp.input(1)));
    return { window, begin: padBegin(vjp, window, spatial(vjp, cotangent), spatial(vjp, vjp.input(0))) };
  };
  vjp.give(0, () => {
    const { window, begin } = parts();
    return spreadWindows(vjp, window, cotangent, vjp.input(1), group, begin, spatial(vjp, vjp.input(0)));
  });
  vjp.give(1, () => {
    const { window, begin } = parts();
    const padded = placed(vjp, vjp.input(0), begin, covered(vjp, window, spatial(vjp, cotangent)));
    return weightCotangent(vjp, window, padded, cotangent, group, vjp.input(1));
  });
  vjp.give(2, () => biasCotangent(vjp, cotangent));
}

/** Its windows are the elements of the input, which slide over the result. */
const convTranspose: Rule = (vjp) => {
  const { emit } = vjp;
  const group = vjp.int('group', 1);
  const parts = () => {
    const window = windowOf(vjp, rankOf(vjp), spatial(vjp, vjp.input(1)));
    const full = covered(vjp, window, spatial(vjp, vjp.input(0)));
    return { window, cotangents: placed(vjp, vjp.grad(), transposedBegin(vjp, window, full), full) };
  };
  vjp.give(0, () => {
    const { window, cotangents } = parts();
    const { strides, dilations } = window;
    return emit.op('Conv', [cotangents, vjp.input(1)], { strides, dilations, group });
  });
  vjp.give(1, () => {
    const { window, cotangents } = parts();
    return weightCotangent(vjp, window, cotangents, vjp.input(0), group, vjp.input(1));
  });
  vjp.give(2, () => biasCotangent(vjp, vjp.grad()));
};

/** What is cut off before the first element: given, or half of what is too much for the size that was asked for. */
function transposedBegin(vjp: Vjp, window: Window, full: string): string {
  const { emit } = vjp;
  const auto = vjp.text('auto_pad', 'NOTSET');
  const none = window.strides.map(() => 0);
  if (nonEmpty(vjp.ints('output_shape')) === undefined) {
    if (auto === 'VALID') return emit.ints(...none);
    if (auto === 'NOTSET' || auto === '') return emit.ints(...(nonEmpty(vjp.ints('pads'))?.slice(0, window.rank) ?? none));
  }
  const extra = emit.ints(...(nonEmpty(vjp.ints('output_padding')) ?? none));
  const total = emit.op('Max', [emit.sub(emit.add(full, extra), spatial(vjp, vjp.grad())), emit.int(0)]);
  const half = emit.div(total, emit.int(2));
  return auto === 'SAME_UPPER' ? half : emit.sub(total, half);
}

/** Every channel for itself, as a batch of images of one channel. */
const single = ({ emit }: Vjp, value: string): string => emit.reshape(value, emit.concat(emit.ints(-1, 1), emit.sizes(value, 2)));

/** Each window gives its elements equal parts. How many it has counted follows from the mean of ones. */
const averagePool: Rule = (vjp) =>
  vjp.give(0, () => {
    const { emit } = vjp;
    const kernel = vjp.ints('kernel_shape') ?? [];
    const window = windowOf(vjp, kernel.length, emit.ints(...kernel));
    const x = vjp.input(0);
    const begin = padBegin(vjp, window, spatial(vjp, vjp.grad()), spatial(vjp, x));
    const weights = emit.op('Expand', [vjp.scalar(1), emit.ints(1, 1, ...kernel)]);
    const ones = single(vjp, emit.expandLike(vjp.scalar(1), x));
    const { strides, dilations } = window;
    const inside = emit.op('Conv', [placed(vjp, ones, begin, covered(vjp, window, spatial(vjp, vjp.grad()))), weights], {
      strides,
      dilations,
    });
    const share = emit.div(means(vjp, ones, kernel, window), inside);
    const all = spreadWindows(vjp, window, emit.mul(single(vjp, vjp.grad()), share), weights, 1, begin, spatial(vjp, x));
    return emit.reshapeLike(all, x);
  });

/** The forward pooling again, of other numbers. */
function means(vjp: Vjp, value: string, kernel: readonly number[], { strides, dilations }: Window): string {
  return vjp.emit.op('AveragePool', [value], {
    kernel_shape: kernel,
    strides,
    dilations,
    auto_pad: vjp.text('auto_pad', 'NOTSET') || 'NOTSET',
    ...(nonEmpty(vjp.ints('pads')) === undefined ? {} : { pads: vjp.ints('pads')! }),
    ceil_mode: vjp.int('ceil_mode', 0),
    count_include_pad: vjp.int('count_include_pad', 0),
  });
}

/** The pooling is done again, for the places of the maxima (its second result may be absent, or in another order). */
const maxPool: Rule = (vjp) =>
  vjp.giveMoved(0, () => {
    const { emit } = vjp;
    const attributes = {
      kernel_shape: vjp.ints('kernel_shape'),
      strides: nonEmpty(vjp.ints('strides')),
      dilations: nonEmpty(vjp.ints('dilations')),
      pads: nonEmpty(vjp.ints('pads')),
      auto_pad: vjp.text('auto_pad', 'NOTSET') || 'NOTSET',
      ceil_mode: vjp.int('ceil_mode', 0),
    };
    const [, places] = emit.ops('MaxPool', [vjp.input(0)], attributes, 2);
    return emit.add(places!, emit.int(1));
  });

const globalMaxPool: Rule = (vjp) =>
  vjp.give(0, () => {
    const { emit } = vjp;
    const chosen = emit.cast(emit.op('Equal', [vjp.input(0), vjp.output()]), vjp.type);
    const count = emit.sum(emit.op('Reshape', [chosen, emit.ints(0, 0, -1)]), emit.ints(2));
    return emit.mul(chosen, emit.div(vjp.grad(), emit.reshapeLike(count, vjp.grad())));
  });

export const convolutions = {
  Conv: (vjp) => convolution(vjp, vjp.grad()),
  ConvTranspose: convTranspose,
  AveragePool: averagePool,
  MaxPool: maxPool,
  GlobalAveragePool: (vjp) =>
    vjp.give(0, () => {
      const { emit } = vjp;
      return emit.expandLike(emit.div(vjp.grad(), emit.ratio(vjp.input(0), vjp.grad(), vjp.type)), vjp.input(0));
    }),
  GlobalMaxPool: globalMaxPool,
} as const satisfies Readonly<Record<string, Rule>>;
