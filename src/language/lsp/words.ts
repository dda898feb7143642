// One sentence for every function and setting of the language: for hover and completion.

import type { FunctionName } from '../check/core.ts';
import type { generateSettings } from '../statements/generate.ts';
import type { trainSettings } from '../statements/train.ts';

export interface Word {
  /** How it is written. */
  readonly use: string;
  readonly says: string;
}

const word = (use: string, says: string): Word => ({ use, says });

export const functionWords: Readonly<Record<FunctionName, Word>> = {
  exp: word('exp(x)', 'e to the power of each element.'),
  log: word('log(x)', 'The natural logarithm of each element.'),
  ln: word('ln(x)', 'The natural logarithm of each element.'),
  sqrt: word('sqrt(x)', 'The square root of each element.'),
  abs: word('abs(x)', 'Each element without its sign.'),
  sign: word('sign(x)', '-1, 0 or 1 for each element.'),
  sigmoid: word('sigmoid(x)', '1 / (1 + exp(-x)): squashes into [0, 1], as gates need it.'),
  tanh: word('tanh(x)', 'Squashes each element into [-1, 1].'),
  relu: word('relu(x)', 'The larger of 0 and each element.'),
  gelu: word('gelu(x)', 'x times the probability that a normal number is below x (Hendrycks & Gimpel 2016).'),
  softplus: word('softplus(x)', 'log(1 + exp(x)): a smooth rectifier.'),
  isnan: word('isnan(x)', 'Where there is no number any more.'),
  minimum: word('minimum(a, b)', 'The smaller of two, element by element.'),
  maximum: word('maximum(a, b)', 'The larger of two, element by element.'),
  where: word('where(condition, a, b)', 'a where the condition holds, b elsewhere.'),
  clip: word('clip(x, lowest, highest)', 'Each element, held within bounds.'),
  dropout: word('dropout(x, rate)', 'While training, a share of the elements is 0 and the others are scaled up (Srivastava et al. 2014).'),
  sum: word('sum(x)', 'The sum of all elements, or along `over:`.'),
  mean: word('mean(x)', 'The mean of all elements, or along `over:`.'),
  max: word('max(x)', 'The largest element, or along `over:`.'),
  min: word('min(x)', 'The smallest element, or along `over:`.'),
  argmax: word('argmax(x)', 'The place of the largest element along the last dimension, or along `over:`.'),
  variance: word('variance(x)', 'The mean squared distance from the mean.'),
  norm: word('norm(x)', 'The square root of the sum of squares.'),
  entropy: word('entropy(p)', 'Of a distribution: -sum(p * ln(p)), in nats.'),
  softmax: word('softmax(x)', 'exp(x) / sum(exp(x)) along the last dimension, or along `over:`. `where:` leaves places out.'),
  cumsum: word('cumsum(x)', 'The running sum along the first dimension, or along `over:`.'),
  any: word('any(x)', 'Whether it holds anywhere.'),
  all: word('all(x)', 'Whether it holds everywhere.'),
  first: word('first(x)', 'The first step of a sequence.'),
  last: word('last(x)', 'The last step of a sequence; of a run, its state then.'),
  next: word('next(x)', 'The sequence one step ahead. A model whose loss compares with it predicts x.'),
  previous: word('previous(x)', 'The sequence one step behind; zero at its first step.'),
  reverse: word('reverse(x)', 'The sequence from its end.'),
  range: word('range(S)', '0, 1, 2, ... along a dimension.'),
  repeat: word('repeat(x, S)', 'The same value at every place of a new first dimension.'),
  outer: word('outer(a, b)', 'Every element of a times every element of b.'),
  cross_entropy: word(
    'cross_entropy(scores, classes)',
    'How surprised the scores are by the classes, in nats: logsumexp(scores) - scores[class].',
  ),
  binary: word('binary(scores, targets)', 'Cross-entropy of yes and no, from scores before the sigmoid.'),
  mse: word('mse(prediction, target)', 'The squared difference.'),
  mae: word('mae(prediction, target)', 'The absolute difference.'),
  huber: word('huber(prediction, target)', 'Squared for small differences, absolute for large ones (Huber 1964).'),
};

export const trainWords: Readonly<Record<(typeof trainSettings)[number], Word>> = {
  epochs: word('epochs: 5', 'How often to go through the data.'),
  steps: word('steps: 1000', 'How many steps to train, instead of epochs.'),
  batch: word('batch: 32', 'How many examples, or rows of a text, are computed at once.'),
  window: word(
    'window: 64',
    'How many timesteps the gradient goes back (truncated backpropagation through time); the state is carried on.',
  ),
  optimizer: word('optimizer: adam(0.001)', 'sgd, rmsprop, adam or adamw, with its learning rate.'),
  clip: word('clip: 1', 'The largest norm of the whole gradient: a longer one is shortened to it.'),
  clip_value: word('clip_value: 5', 'The largest size of each element of the gradient.'),
  decay: word('decay: 0.01', 'How strongly the weights are pulled towards 0.'),
  teacher: word('teacher: ramp(1, 0.7, epochs: 5)', 'How often the model sees the truth instead of its own prediction.'),
  stop: word('stop: plateau(patience: 3)', 'When to end before the last epoch.'),
  report: word('report: accuracy', 'What to measure beside the loss.'),
  freeze: word('freeze: [encoder]', 'Lines whose parameters stay as they are.'),
  start: word('start: "runs/..."', 'A run whose weights to start from.'),
  seed: word('seed: 1', 'Decides every draw: starting values, dropout.'),
  device: word('device: auto', 'auto, cpu, webgpu, cuda, directml or coreml.'),
  samples: word('samples: 3', 'How many examples to show while training.'),
};

export const generateWords: Readonly<Record<(typeof generateSettings)[number], Word>> = {
  search: word('search: sample(temperature: 0.8)', 'greedy, or sample(temperature:, top_k:, top_p:).'),
  length: word('length: 200', 'How many tokens to write.'),
  prompt: word('prompt: "..."', 'The text that it goes on from.'),
  unknown: word('unknown: copy(...)', 'What stands for words that are not in the vocabulary.'),
};

export const callWords: Readonly<Record<'layers' | 'heads' | 'dropout' | 'from' | 'weights' | 'over', Word>> = {
  layers: word('layers: 2', 'So many of the cell in series, each with its own parameters.'),
  heads: word('heads: 4', 'So many of the cell side by side.'),
  dropout: word('dropout: 0.2', 'The share that is dropped between layers.'),
  from: word('from: s', 'The state to start from.'),
  weights: word('weights: a', 'With the parameters of the call in line a.'),
  over: word('over: T', 'The dimension to run over.'),
};

export const startWords: Readonly<Record<string, Word>> = {
  uniform: word('uniform(a)', 'Starts uniform within -a and a.'),
  normal: word('normal(s)', 'Starts normal with deviation s.'),
  glorot: word('glorot', 'Starts uniform within sqrt(6 / (rows + columns)) (Glorot & Bengio 2010).'),
  he: word('he', 'Starts normal with deviation sqrt(2 / columns) (He et al. 2015).'),
  orthogonal: word('orthogonal', 'Starts as a random rotation (Saxe et al. 2013).'),
  identity: word('identity', 'Starts as the identity.'),
  chrono: word('chrono(T)', 'Gate biases for memories of up to T steps: log(uniform(1, T - 1)) (Tallec & Ollivier 2018).'),
};
