// Small models that write, and what the interpreter says of them over a whole sequence: the oracle of decoding.

import type { Value } from '../../../src/graph/graph.ts';
import { interpret, type NamedArray } from '../../../src/graph/interpret.ts';
import type { Model } from '../../../src/graph/model.ts';
import { select } from '../../../src/graph/prune.ts';
import { buildModel } from '../../../src/language/index.ts';
import { random } from '../../../src/shared/random.ts';
import { initialise } from '../../../src/training/initialise.ts';
import type { TrainerState } from '../../../src/training/trainer.ts';
import { programOf } from '../../language/load.ts';

const model = (decoder: string, more = ''): string => `${more}
model M(source: [S] of Symbol, target: [T] of Word) {
  encoder = bidirectional(gru, embed(source, 4), 3)
${decoder}
  logits  = linear(decoder, Word)
  loss    = cross_entropy(logits, next(target))
}
`;

/** By what is special about them. */
export const texts: Readonly<Record<string, string>> = {
  additive: model('  decoder = attending_decoder(embed(target, 4), encoder, 5)'),
  'of an LSTM': model('  decoder = attending_decoder(embed(target, 4), encoder, 5, unit: lstm)'),
  'with coverage': model('  decoder = covering_decoder(embed(target, 4), encoder, 5)'),
  'with input feeding': `model M(source: [S] of Symbol, target: [T] of Word) {
  encoder = lstm(embed(source, 4), 5, layers: 2, dropout: 0.3)
  decoder = input_feeding_decoder(embed(target, 4), encoder, last(encoder[1]))
  logits  = linear(decoder, Word)
  loss    = cross_entropy(logits, next(target))
}
`,
  'of two layers from the last state': `model M(source: [S] of Symbol, target: [T] of Word) {
  encoder = lstm(embed(source, 4), 5, layers: 2)
  decoder = lstm(embed(target, 4), 5, layers: 2, from: last(encoder))
  logits  = linear(decoder, Word)
  loss    = cross_entropy(logits, next(target))
}
`,
  'that starts from the source and counts its steps': model(
    '  decoder = warm(embed(target, 4), encoder, 5)',
    `cell warm(y: [E], source: [S, K], size H) {
  state s: [H] = tanh(linear(first(source), H))
  param W: [H, H], U: [K, H], v: [H]

  scores  = tanh(W @ s + source @ U) @ v
  weights = softmax(scores, over: S, where: range(S) <= t + 1)
  context = weights @ source
  s'      = gru([y; context], from: s)
}`,
  ),
  'that sees what it read before': model(
    '  y = embed(target, 4)\n  decoder = dot([y; previous(y)] * 0.5, linear(encoder, 8)) + sinusoids(T, 8)',
  ),
  'of several heads in its cell': model(
    '  decoder = heads(embed(target, 4), encoder, 5)',
    `cell heads(y: [E], source: [S, K], size H) {
  state s: [H]
  seen = attend(s, source, 3, heads: 2)
  s'   = gru([y; seen], from: s)
}
`,
  ),
  'of self-attention': model(`  y = embed(target, 4) + sinusoids(T, 4)
  n = y + linear(attend(y, y, 2, heads: 2, causal: true), 4)
  decoder = n + linear(attend(n, encoder, 3, heads: 2), 4)`),
  'of a text without a source': `model M(target: [T] of Word) {
  decoder = gru(embed(target, 4), 5)
  logits  = linear(decoder, Word)
  loss    = cross_entropy(logits, next(target))
}
`,
  'of a class': `model M(kind: one of Symbol, target: [T] of Word) {
  decoder = gru([embed(target, 4); repeat(embed(kind, 3), T)], 5)
  logits  = linear(decoder, Word)
  loss    = cross_entropy(logits, next(target))
}
`,
};

export const classes = { Symbol: 6, Word: 7 };
/** Of the sources, and how many rows there are. */
export const lengths = [4, 2, 5, 1];
export const sizes = { S: Math.max(...lengths) };

export async function modelOf(text: string, ragged: readonly string[] = ['S', 'T'], words = classes.Word): Promise<Model> {
  return buildModel(await programOf(text), { model: 'M', classes: { ...classes, Word: words }, ragged });
}

/** Weights that are loud enough to tell one class from another. */
export function weightsOf(model: Model, seed = 1, loudness = 3): TrainerState {
  const weights = initialise(model.weights, seed);
  return new Map(
    [...weights].map(([name, { shape, data }]) => {
      const chance = random('weights', seed, name);
      return [name, { shape, data: data.map((value) => loudness * value + 0.2 * chance.normal()) }];
    }),
  );
}

/** Sources of those lengths, [S, B], padded. */
export function sources(model: Model): Record<string, Int32Array> {
  const chance = random('sources');
  const drawn = (count: number): Int32Array => Int32Array.from({ length: count }, () => Math.floor(chance.uniform() * classes.Symbol));
  if (model.inputs.some(({ name }) => name === 'kind')) return { kind: drawn(lengths.length) };
  if (!model.inputs.some(({ name }) => name === 'source')) return {};
  return { source: drawn(Math.max(...lengths) * lengths.length), 'lengths(S)': Int32Array.from(lengths) };
}

/** What the interpreter says of a value of the model over a row by itself: [T, ...]. */
export function wholeOf(
  model: Model,
  weights: TrainerState,
  value: Value,
  row: number,
  written: readonly number[],
  source?: readonly number[],
): NamedArray {
  const rows = lengths.length;
  const given = sources(model);
  const graph = select(model.graph, [value]);
  const sizes: Record<string, number> = { B: 1, T: written.length, S: source?.length ?? lengths[row]! };
  const feeds = new Map(
    graph.parameters.map((parameter) => {
      const axes = parameter.type.axes.map(({ name, size }) => ({ name, size: typeof size === 'number' ? size : sizes[size]! }));
      const count = axes.reduce((product, { size }) => product * size, 1);
      const input = model.inputs.find((each) => each.value === parameter)?.name;
      const weight = model.weights.find((each) => each.value === parameter)?.name;
      const state = model.states.find(({ before }) => before === parameter);
      const data = (): ArrayLike<number> => {
        if (weight !== undefined) return weights.get(weight)!.data;
        if (input === 'target') return written;
        if (input === 'lengths(T)') return [written.length];
        if (input === 'lengths(S)') return [sizes.S!];
        if (input === 'source' && source !== undefined) return source;
        if (input === 'source') return Array.from({ length: lengths[row]! }, (_, t) => given.source![t * rows + row]!);
        if (input === 'kind') return [given.kind![row]!];
        return new Array(count).fill(state === undefined ? 1 : (state.initial ?? 0));
      };
      return [parameter, { axes, data: Float64Array.from(data()) }];
    }),
  );
  return interpret(graph, feeds, sizes)[0]!;
}

/** log softmax of the scores of the class that comes after what was written. */
export function logProbabilities(
  model: Model,
  weights: TrainerState,
  row: number,
  written: readonly number[],
  source?: readonly number[],
): number[] {
  const { data } = wholeOf(model, weights, model.prediction!.logits, row, written, source);
  const scores = [...data.slice(-classes.Word)];
  const most = Math.max(...scores);
  const total = most + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - most), 0));
  return scores.map((score) => score - total);
}
