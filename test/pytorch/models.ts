// Models of every kind, small, for PyTorch to compute.

import { samples } from '../language/samples.ts';

export interface Case {
  readonly text: string;
  readonly others?: Readonly<Record<string, string>>;
  readonly model: string;
  readonly arguments?: Readonly<Record<string, string | number>>;
  readonly sizes: Readonly<Record<string, number>>;
  /** Dimensions whose rows have lengths of their own, in the second of the two batches. */
  readonly ragged: readonly string[];
}

const tagger = (call: string, more = ''): Case => ({
  text: `${more}model M(input: [T] of Char, tags: [T] of Tag) {\n  x      = embed(input, 4)\n  h      = ${call}\n  logits = linear(h, Tag)\n  loss   = cross_entropy(logits, tags)\n}\n`,
  model: 'M',
  sizes: { Char: 6, Tag: 3 },
  ragged: ['T'],
});
const classifier = (lines: string): Case => ({
  text: `model M(input: [T] of Char, tag: one of Tag) {\n  x = embed(input, 3)\n${lines}\n}\n`,
  model: 'M',
  sizes: { Char: 5, Tag: 4 },
  ragged: ['T'],
});
/** A reader of one sequence that looks at another. */
const looks = (call: string): Case => ({
  text: `model M(source: [S] of Char, target: [T] of Tag) {\n  encoder = bidirectional(gru, embed(source, 3), 2)\n  h       = gru(embed(target, 3), 4)\n  seen    = ${call}\n  loss    = cross_entropy(linear([h; seen], Tag), next(target))\n}\n`,
  model: 'M',
  sizes: { Char: 5, Tag: 4 },
  ragged: ['S', 'T'],
});
const numbers = (text: string): Case => ({ text, model: 'M', sizes: {}, ragged: ['T'] });

const own = `/// Half of it is new.
cell mine(x: [I], size H) {
  state h, c: [H]
  param A: [H, I] = orthogonal, B: [H, H] = identity, k: [H] = chrono(20)
  a  = sigmoid(A @ x + B @ h + k)                   // how much
  c' = a * c + (1 - a) * tanh(B @ h)
  h' = tanh(c')
}

`;

export const cases: Readonly<Record<string, Case>> = {
  lstm: tagger('lstm(x, 5)'),
  gru: tagger('gru(x, 5)'),
  gru_2014: tagger('gru_2014(x, 5)'),
  rnn: tagger('rnn(x, 5)'),
  rnn_relu: tagger('rnn(x, 5, activation: relu)'),
  irnn: tagger('irnn(x, 5)'),
  peephole: tagger('peephole_lstm(x, 5)'),
  normed: tagger('normed_lstm(x, 5)'),
  two_layers: tagger('lstm(dropout(x, 0.1), 5, layers: 2, dropout: 0.3)'),
  bidirectional: tagger('bidirectional(lstm, x, 3, layers: 2)'),
  residual: tagger('residual(gru, x, layers: 2)'),
  own: tagger('mine(x, 5)', own),
  attention: tagger('attend(x, x, 4)'),
  heads: tagger('attend(x, x, 3, heads: 2)'),
  layers_of_heads: tagger('gru(x, 2, layers: 2, heads: 3, dropout: 0.2)'),
  placed: tagger('attend(x + sinusoids(T, 4), x, 5)'),
  causal: tagger('attend(x, x, 4, causal: true)'),
  feed_forward: tagger('layer_norm(feed_forward(x, 5))'),
  turned: tagger('reverse(rnn(reverse(tanh(linear(reverse(x), 3))), 3))'),
  last: classifier('  h = lstm(x, 4)\n  loss = cross_entropy(linear(last(h), Tag), tag)'),
  last_both: classifier('  h = bidirectional(gru, x, 3)\n  loss = cross_entropy(linear(last(h), Tag), tag)'),
  handed_on: classifier('  h = gru(x, 4, layers: 2, from: last(gru(x, 4, layers: 2)))\n  loss = cross_entropy(linear(last(h), Tag), tag)'),
  pooled: classifier(
    '  h = lstm(x, 3)\n  a = [mean(h, over: T); max(h, over: T); min(h, over: T); variance(h, over: T); norm(h, over: T); sum(h, over: T)]\n  loss = cross_entropy(linear(a, Tag), tag)',
  ),
  weighted: classifier(
    '  s = sum(linear(x, 1), over: 1)\n  w = softmax(s)\n  h = linear(w @ x, 3)\n  loss = cross_entropy(linear(h, Tag), tag) + entropy(w)',
  ),
  product: classifier('  h = gru(x, 3)\n  k = sum(x.T @ h, over: 3)\n  loss = cross_entropy(linear(k, Tag), tag)'),
  length: classifier('  h = rnn(x, 3)\n  k = sum(h, over: T) / T\n  loss = cross_entropy(linear(k, Tag), tag)'),
  functions: numbers(`model M(x: [T, 4], y: [T, 2]) {
  h    = rnn(x, 4)
  a    = [previous(h); cumsum(h)]
  b    = exp(-abs(a)) + log(1 + a ** 2) * sign(a) - sqrt(abs(a) + 0.1) + gelu(a) + softplus(a)
  c    = where(a > 0 and not a > 0.5, minimum(a, b), maximum(a, 0.2 * b)) + clip(b, -0.3, 0.4) % 0.25
  d    = [c[:, 0:2], c[:, -2:8]]
  e    = outer(range(2) + 1, first(h))
  f    = sum(d, over: 2) / sqrt(T) + mean(repeat(e, T) * 0.1) + mean(embed(argmax(h), 2)) + mean(where(any(h > 0.1, over: 4), 1, 0.5)) - mean(where(all(h > -0.9, over: 4), 1, 0.5))
  loss = huber(linear(f, 2), y)
}
`),
  images: {
    text: `model M(image: [2, 7, 5], past: [T, 2], tag: one of Tag) {
  seen   = conv_block(conv(image, 3, stride: 2), 4)
  around = places(mean_pool(conv(image, 4, window: 2, stride: 2), 3))
  h      = attending_decoder(past, places(seen), 3)
  even   = sum(max_pool(image, 3)) * 0.1 + mean(around)
  loss   = cross_entropy(linear(last(h), Tag) * even, tag)
}
`,
    model: 'M',
    sizes: { Tag: 3 },
    ragged: ['T'],
  },
  films: {
    text: `/// A recurrent cell whose state is an image (Shi et al. 2015).
cell seeing(x: [C, Y, X], size H) {
  state h: [H, Y, X]
  h' = tanh(conv(x, H) + conv(h, H))
}

model M(film: [T, 1, 4, 6], tag: one of Tag) {
  h    = seeing(max_pool(conv(film, 2), 2), 3)
  loss = cross_entropy(linear(mean(last(h), over: [2, 3]), Tag), tag)
}
`,
    model: 'M',
    sizes: { Tag: 3 },
    ragged: ['T'],
  },
  next_numbers: numbers('model M(x: [T, 2]) {\n  h = gru(x, 3)\n  loss = mae(linear(h, 2), next(x))\n}\n'),
  next_line: classifier('  h = rnn(x, 3)\n  loss = mse(h, next(tanh(x))) + 0 * mean(cross_entropy(linear(last(h), Tag), tag))'),
  binary: numbers('model M(x: [T, 2], y: [T, 3]) {\n  h = gru(x, 3)\n  loss = binary(h, y)\n}\n'),
  writer: { text: samples.writer, model: 'Writer', arguments: { unit: 'gru' }, sizes: { Char: 6 }, ragged: [] },
  tied: { text: samples.tied, model: 'Words', sizes: { Word: 7 }, ragged: [] },
  cells: { text: samples.cells, model: 'Speeds', sizes: {}, ragged: [] },
  looking: { text: samples.looking, model: 'Translate', sizes: { English: 5, French: 4 }, ragged: [] },
  chained: { text: samples.chained, model: 'Repeat', sizes: { Symbol: 5 }, ragged: ['S', 'T'] },
  rows: { text: samples.images, model: 'Rows', sizes: { Digit: 3 }, ragged: [] },
  attending: {
    text: `model M(source: [S] of Char, target: [T] of Tag) {
  encoder = bidirectional(gru, embed(source, 3), 3)
  decoder = attending_decoder(embed(target, 2), encoder, 4, unit: lstm)
  logits  = linear(decoder, Tag)
  loss    = cross_entropy(logits, next(target))
}
`,
    model: 'M',
    sizes: { Char: 5, Tag: 4 },
    ragged: ['S', 'T'],
  },
  input_feeding: {
    text: `model M(source: [S] of Char, target: [T] of Tag) {
  encoder = lstm(embed(source, 3), 4, layers: 2, dropout: 0.2)
  decoder = input_feeding_decoder(embed(target, 4), encoder, last(encoder[1]))
  loss    = cross_entropy(linear(decoder, Tag), next(target))
}
`,
    model: 'M',
    sizes: { Char: 5, Tag: 4 },
    ragged: ['S', 'T'],
  },
  covering: {
    text: `model M(source: [S] of Char, target: [T] of Tag) {
  encoder = gru(embed(source, 3), 4)
  decoder = covering_decoder(embed(target, 4), encoder, 4)
  logits  = linear(decoder, Tag)
  loss    = cross_entropy(logits, next(target)) + 0.1 * sum(decoder.overlap)
}
`,
    model: 'M',
    sizes: { Char: 5, Tag: 4 },
    ragged: ['S', 'T'],
  },
  additive_cell: looks('additive(h, encoder, 3)'),
  dot_cell: looks('dot(h, encoder)'),
  general_cell: looks('general(h, encoder)'),
  concat_cell: looks('concat(h, encoder, 3)'),
  heads_across: looks('attend(h, encoder, 3, heads: 2)'),
  /** A block of a transformer with its norms in front, over a source too, as a decoder has it. */
  block: {
    text: `model M(source: [S] of Char, target: [T] of Tag) {
  memory = embed(source, 4) + sinusoids(S, 4)
  y      = embed(target, 4) + sinusoids(T, 4)
  n      = layer_norm(y)
  a      = y + linear(attend(n, n, 2, heads: 2, causal: true), 4)
  b      = a + linear(attend(layer_norm(a), memory, 3, heads: 2), 4)
  block  = b + feed_forward(layer_norm(b), 4)
  loss   = cross_entropy(linear(layer_norm(block), Tag), next(target))
}
`,
    model: 'M',
    sizes: { Char: 5, Tag: 4 },
    ragged: ['S', 'T'],
  },
  /** A whole translation model, rows padded on both sides. */
  translation: {
    text: `model M(source: [S] of Char, target: [T] of Tag) {
  read    = dropout(embed(source, 3), 0.2)
  encoder = bidirectional(gru, read, 3, layers: 2)
  y       = dropout(embed(target, 3), 0.2)
  decoder = attending_decoder(y, encoder, 4)
  seen    = layer_norm(tanh(linear([decoder; y; decoder.context], 5)))
  loss    = cross_entropy(linear(dropout(seen, 0.2), Tag), next(target))
}
`,
    model: 'M',
    sizes: { Char: 5, Tag: 4 },
    ragged: ['S', 'T'],
  },
};
