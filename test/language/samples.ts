// Files that use the whole language.

export const samples = {
  writer: `/// Writes one character after the other.
model Writer(input: [T] of Char, unit: cell = lstm, size H = 24) {
  x      = embed(input, 12)
  h      = unit(dropout(x, 0.1), H, layers: 2, dropout: 0.2)
  logits = linear(h, Char)
  loss   = cross_entropy(logits, next(input))
}

data book = text("book.txt", by: char, validation: 0.2)

train Writer(unit: gru) on book {
  epochs:    2
  batch:     16
  window:    32
  optimizer: adam(0.002)
  clip:      1
}

generate Writer {
  prompt: "Once"
  length: 100
  search: sample(temperature: 0.8, top_k: 10)
}
`,
  tied: `model Words(input: [T] of Word) {
  x      = embed(input, 16)
  h      = gru(x, 16, layers: 3, dropout: 0.25)
  logits = h @ x.table.T
  loss   = cross_entropy(logits, next(input))
}
data text = text("words.txt", by: word, minimum: 2, lower: true)
train Words on text { steps: 10, batch: 4, window: 8, optimizer: sgd(0.1, momentum: 0.9), seed: 3, device: cpu }
`,
  cells: `/// One gate forgets and resets.
cell gated(x: [I], size H) {
  state h: [H]
  param W_f: [H, I], U_f: [H, H], b_f: [H] = 1
  param W_g: [H, I] = orthogonal, U_g: [H, H] = uniform(1 / sqrt(H)), b_g: [H]

  f  = sigmoid(W_f @ x + U_f @ h + b_f)             // what to keep
  g  = tanh(W_g @ x + U_g @ (f * h) + b_g)
  h' = f * h + (1 - f) * g
}

cell two_speeds(x: [I], size H) {
  fast = gated(x, H)
  gate = sigmoid(linear(fast, 1) - 2)
  slow = gru(gate * fast, H)
  both = [fast; slow]
}

cell slow_start(x: [I], size H, pace = 0.5) {
  state a, b: [H] = 1, n: [1] = 2
  param W: [2 * H, I]

  z  = W @ x
  a' = clip(a + pace * z[0:H], -1, 1)
  b' = where(t % 2 == 0, b, b * (1 - pace) + z[H:2 * H] * pace)
  n' = n + 1
  y  = [a'; b'] / sqrt(mean(a' ** 2) + n'[0]) - variance(z)
}

model Speeds(x: [T, 5], y: [T, 1]) {
  h    = two_speeds(x, 4)
  s    = slow_start(h, 2)
  loss = mse(linear(s, 1), y)
}
`,
  looking: `/// Looks back at the source before each step.
cell looking(y: [E], source: [S, K], size H) {
  state s: [H] = tanh(linear(first(source), H))
  param W: [H, H], U: [K, H], v: [H]

  scores  = tanh(W @ s + source @ U) @ v
  weights = softmax(scores, over: S, where: range(S) <= t)
  context = weights @ source
  s'      = gru([y; context], from: s)
}

model Translate(source: [S] of English, target: [T] of French) {
  encoder = bidirectional(gru, embed(source, 6), 4)
  decoder = looking(embed(target, 5), encoder, 6)
  logits  = linear(decoder, French)
  missed  = mean((1 - sum(decoder.weights, over: T)) ** 2)
  loss    = cross_entropy(logits, next(target)) + missed
}
`,
  chained: `model Repeat(source: [S] of Symbol, target: [T] of Symbol) {
  x       = embed(source, 4)
  encoder = lstm(x, 6, layers: 2)
  decoder = lstm(embed(target, 4, weights: x), 6, layers: 2, from: last(encoder))
  logits  = linear(decoder, Symbol)
  hidden  = norm(encoder[0].c[0:3]) + max(encoder[1].o)
  loss    = cross_entropy(logits, next(target)) + 0.01 * hidden
}
`,
  looking_back: `cell block(x: [T, D]) {
  n = layer_norm(x)
  a = x + linear(attend(n, n, 2, heads: 2, causal: true), D)
  y = a + feed_forward(layer_norm(a), D, activation: gelu)
}

model LookingBack(input: [T] of Char) {
  x      = embed(input, 6) + sinusoids(T, 6)
  h      = block(x, layers: 2, dropout: 0.1)
  logits = linear(layer_norm(h), Char)
  loss   = cross_entropy(logits, next(input))
}
`,
  images: `model Rows(image: [6, 5], digit: one of Digit) {
  h      = rnn(image, 7, activation: relu, over: 6)
  pooled = max(h, over: 6) - min(h, over: 6)
  logits = linear([last(h); pooled], Digit)
  loss   = cross_entropy(logits, digit)
}
`,
} as const;
