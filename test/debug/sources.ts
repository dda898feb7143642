// Sources of the models that the debugger's tests step through.

export const LSTM = `cell embed(token: one of V, size E) {
  param table: [V, E]

  vector = table[token]
}

cell linear(x: [I], size O) {
  param W: [O, I], b: [O]

  y = W @ x + b
}

cell lstm(x: [I], size H) {
  state h, c: [H]

  f  = sigmoid(W_f @ x + U_f @ h + b_f)   // forget gate
  i  = sigmoid(W_i @ x + U_i @ h + b_i)
  g  = tanh(W_g @ x + U_g @ h + b_g)
  o  = sigmoid(W_o @ x + U_o @ h + b_o)
  c' = f * c + i * g
  h' = o * tanh(c')
}

model Shakespeare(input: [T] of Char) {
  x      = embed(input, 4)
  h      = lstm(x, 4)
  logits = linear(h, Char)
  loss   = cross_entropy(logits, next(input))
}
`;

export const LSTM_CALLS = ['x = embed', 'h = lstm', 'logits = linear'];

export const BOTH_WAYS = `cell gru(x: [I], size H) {
  state h: [H]

  r  = sigmoid(W_r @ x + U_r @ h + b_r)
  z  = sigmoid(W_z @ x + U_z @ h + b_z)
  n  = tanh(W_n @ x + b_n + r * (U_n @ h + d_n))
  h' = (1 - z) * n + z * h
}

cell bidirectional(unit: cell, x: [T, I], size H) {
  forward  = unit(x, H)
  backward = reverse(unit(reverse(x), H))
  both     = [forward; backward]
}

model Tags(words: [T]) {
  e      = words * 2
  h      = bidirectional(gru, e, 4)
  logits = tanh(h)
  total  = sum(logits)
}
`;

export const BOTH_WAYS_CALLS = ['h = !bidirectional', 'h.forward = gru', 'h.backward = <gru'];

export const NESTED = `cell rnn(x: [I], size H) {
  state h: [H]

  h' = tanh(W @ x + U @ h + b)
}

cell two_speeds(x: [I], size H) {
  fast = rnn(x, H)
  gate = sigmoid(fast - 2)
  slow = rnn(gate * fast, H)
  both = [fast; slow]
}

model Speeds(x: [T]) {
  h = two_speeds(x, 4)
  y = h * 2
}
`;

export const NESTED_CALLS = ['h = two_speeds', 'h.fast = rnn', 'h.slow = rnn'];

/** Reads one sequence, and predicts another while it looks back. */
export const TRANSLATES = `cell embed(token: one of V, size E) {
  param table: [V, E]

  vector = table[token]
}

cell rnn(x: [I], size H) {
  state h: [H]

  h' = tanh(W @ x + U @ h)
}

cell looking(x: [I], source: [S, K], size H) {
  state h: [H]

  weights = softmax(source @ h)
  h'      = tanh(W @ x + weights @ source)
}

model Dates(written: [S] of Letter, date: [T] of Char) {
  encoder = rnn(embed(written, 4), 4)
  decoder = looking(embed(date, 4), encoder, 4)
  loss    = cross_entropy(decoder, next(date))
}
`;
