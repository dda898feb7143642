// One sentence for every function and setting of the language: for hover and completion.

import type { FunctionName } from '../check/core.ts';
import type { generateSettings } from '../statements/generate.ts';
import type { trainSettings } from '../statements/train.ts';

export interface Word {
  /** How it is written. */
  readonly use: string;
  readonly says: string;
  /** What holds where it is not given. */
  readonly usual?: string;
}

const word = (use: string, says: string, usual?: string): Word => ({ use, says, ...(usual === undefined ? {} : { usual }) });

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
  sinusoids: word(
    'sinusoids(T, D)',
    'Sines and cosines of T places in D wavelengths from 2π to 10,000 · 2π (Vaswani et al. 2017): added to vectors, they tell where each stands.',
  ),
  repeat: word('repeat(x, S)', 'The same value at every place of a new first dimension.'),
  outer: word('outer(a, b)', 'Every element of a times every element of b.'),
  convolve: word(
    'convolve(x, W)',
    'An image [C, Y, X] with a kernel [O, C, height, width]: the same small window of weights at every place. Outside of the image is 0, so that [O, Y, X] comes out; with `stride: 2` half of it, and so on.',
  ),
  max_pool: word('max_pool(x, n)', 'The largest of each window of n by n, side by side: [C, Y, X] becomes [C, Y / n, X / n], rounded up.'),
  mean_pool: word('mean_pool(x, n)', 'The mean of each window of n by n, side by side: [C, Y, X] becomes [C, Y / n, X / n], rounded up.'),
  places: word('places(f)', 'The places of an image, row by row: [C, Y, X] becomes [Y * X, C], so that attention can look at them.'),
  onnx: word(
    'onnx("network.onnx", x)',
    'What a network in a file makes of an input of the model; `output:` names one of its outputs. It is not trained: what it makes is computed once for each example, and kept beside the file.',
  ),
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
  epochs: word('epochs: 5', 'How often to go through the data.', '10; 1 for a running text'),
  steps: word('steps: 1000', 'How many steps to train, instead of epochs.'),
  batch: word('batch: 32', 'How many examples, or rows of a text, are computed at once.', '32'),
  window: word(
    'window: 64',
    'How many timesteps the gradient goes back (truncated backpropagation through time); the state is carried on.',
    '64',
  ),
  optimizer: word(
    'optimizer: adam(0.001)',
    'sgd, rmsprop, adam or adamw, with its learning rate: a number, or cosine(0.001, warmup: 100), step(0.1, every: 5), plateau(0.001).',
    'adam(0.001)',
  ),
  clip: word('clip: 1', 'The largest norm of the whole gradient: a longer one is shortened to it.', 'no clipping'),
  clip_value: word('clip_value: 5', 'The largest size of each element of the gradient.', 'no clipping'),
  decay: word('decay: 0.01', 'How strongly the weights are pulled towards 0.', '0'),
  teacher: word(
    'teacher: ramp(1, 0.7, epochs: 5)',
    'How often the predicted input is the truth and not what the model would have said: at first, later, and from when on; or one number.',
    'always the truth',
  ),
  stop: word(
    'stop: plateau(patience: 5)',
    'Ends the training where the validation loss has not fallen for so many validations; the best weights are kept.',
    'trains to the end',
  ),
  report: word(
    'report: [accuracy, f1]',
    'What is measured on held-out data: accuracy, f1, confusion, exact, by_length, perplexity, bits, bleu, chrf, rmse, mae, and beside them persistence and seasonal(24). Without it, what fits the loss.',
  ),
  freeze: word('freeze: [encoder]', 'Lines whose parameters stay as they are.', 'every line learns'),
  start: word(
    'start: "runs/Names-1"',
    'A run, or a file of weights, whose weights of the same name and shape to start from.',
    'starts from chance',
  ),
  seed: word('seed: 1', 'Decides every draw: starting values, dropout.', '1'),
  device: word('device: auto', 'auto, cpu, webgpu, cuda, directml or coreml.', 'auto'),
  samples: word(
    'samples: 500',
    'Steps between two samples of what the model writes or answers; 0: none. Without it about ten in a training.',
  ),
};

export const generateWords: Readonly<Record<(typeof generateSettings)[number], Word>> = {
  search: word(
    'search: sample(temperature: 0.8)',
    'How the next token is chosen: greedy takes the likeliest, sample(temperature: 0.8, top_k: 40, top_p: 0.9) draws one, beam(5, penalty: 0.6) keeps the five best beginnings.',
    'sample(temperature: 1)',
  ),
  length: word('length: 200', 'How many tokens, or steps, to write; at most, where what is written ends by itself.', '200'),
  prompt: word('prompt: "..."', 'The text that it goes on from.', 'none'),
  unknown: word(
    'unknown: copy(decoder.weights)',
    'Where the model says ‹unknown›, the word of the source that this line looks at most.',
    'never ‹unknown›',
  ),
};

/** Sources of data. */
export const sourceWords: Readonly<Record<string, Word>> = {
  text: word(
    'text("book.txt", by: char, lower: false, minimum: 1, validation: 0.1, test: 0)',
    'A running text, cut into characters, words or `pieces(8000)`; its end is held out.',
  ),
  table: word(
    'table("names.csv", by: char, name: column("Name"), header: true, longest: 100, normalise: false, validation: 0.1, test: 0, seed: 1)',
    'Rows of a .csv, .tsv or .jsonl file. Columns bind by the names of the model\'s inputs, or as `column("A")`, `columns("A", "B")`.',
  ),
  series: word(
    'series("weather.csv", x: columns("temperature", "wind"), ahead: following("temperature", 24), window: 168, stride: 1, normalise: true, split: [0.7, 0.15, 0.15])',
    'A table whose rows are timesteps, seen through a window that moves along it.',
  ),
  arrays: word(
    'arrays("digits.npz", image: "x", digit: "y", normalise: false, validation: 0.1, test: 0)',
    'Arrays of NumPy; the first axis of each counts the examples.',
  ),
  pairs: word(
    'pairs("eng-fra.tsv", by: word, lower: false, minimum: 1, longest: 100, alignments: "eng-fra.align", validation: 0.1, test: 0, seed: 1)',
    'Lines of a text, a tab, and what belongs to it: sentences and their translations. They bind to two sequences in order, as source: [S] of English, target: [T] of French; further columns are left out, but a third one with alignments (`0-0 1-2`).',
  ),
  dialogue: word(
    'dialogue("films.txt", by: word, lower: false, minimum: 1, longest: 30, validation: 0.1, test: 0, seed: 1)',
    'A turn a line, an empty line between conversations; or pairs with a tab between. Each reply comes with what was said before it: said: [S] of Word, reply: [T] of Word share a vocabulary.',
  ),
  images: word(
    'images("photographs", captions: "captions.csv", by: word, lower: false, minimum: 1, longest: 100, size: 64, validation: 0.1, test: 0, seed: 1)',
    'PNG and JPEG images of a folder, with what people wrote about each: rows of image,caption. They are brought to the size of image: [3, 64, 64], with values from 0 to 1; an image stands in one part with all its captions.',
  ),
  adding: word(
    'adding(length: 100, seed: 1)',
    'Two of many numbers are marked: what is their sum? Inputs x: [T, 2], total: [1] (Hochreiter & Schmidhuber 1997).',
  ),
  copying: word(
    'copying(symbols: 8, length: 10, delay: 100)',
    'Symbols, a long silence, the same symbols. Inputs input, output: [T] of Symbol.',
  ),
  repeating: word(
    'repeating(20_000, symbols: 20, length: [10, 50])',
    'A sequence, and the same again. Inputs source: [S] of Symbol, target: [T] of Symbol.',
  ),
  temporal_order: word(
    'temporal_order(length: 100)',
    'Which of two signals came first? Inputs input: [T] of Symbol, order: one of Answer.',
  ),
  parity: word('parity(length: [3, 20])', 'Is the number of ones odd? Inputs bits: [T] of Bit, parity: [T] of Parity or one of Parity.'),
  flip_flop: word(
    'flip_flop(switches: 3, length: 50)',
    'Which way was each switch thrown last? Inputs pulses, levels: [T, 3] (Sussillo & Barak 2013).',
  ),
  embedded_reber: word(
    'embedded_reber(20_000)',
    'Walks through a grammar whose end was decided at the beginning. Input input: [T] of Symbol.',
  ),
  dates: word(
    'dates(10_000, test: 1000, seed: 1)',
    'Dates as people write them, and as machines do: tuesday 5 may 1998, 1998-05-05. Inputs written: [S] of Letter, date: [T] of Digit.',
  ),
  shapes: word(
    'shapes(10_000, size: 64, seed: 1)',
    'Images and what they show: a red circle above a blue square. Inputs image: [3, 64, 64], caption: [T] of Word; boxes: [2, 6] has x, y, width, height of each thing, and from where to where the caption is about it.',
  ),
  column: word('column("name")', 'A column of the file.'),
  columns: word('columns("a", "b")', 'Several columns of the file, as the features of each step or row.'),
  following: word('following("column", 24)', 'The next values of a column behind the window.'),
};

/** Settings of a source of data. */
export const sourceSettingWords: Readonly<Record<string, Word>> = {
  by: word('by: char', 'How texts are cut: char, word, or pieces(8000) for byte pairs.', 'char'),
  lower: word('lower: true', 'Capital letters become small ones.', 'false'),
  minimum: word('minimum: 2', 'Words that occur less often are ‹unknown›.', '1'),
  header: word('header: true', 'Whether the first row names the columns; without it that is told from the row.', 'told from the first row'),
  longest: word(
    'longest: 100',
    'Sequences of a table that are longer are cut. Pairs with a longer side, and longer captions, are left out.',
    'of a table nothing is cut; elsewhere 100, by character 500',
  ),
  alignments: word(
    'alignments: "eng-fra.align"',
    'Which words say the same, a line for each pair: `0-0 1-2`, places from 0.',
    'a third column, where it has alignments',
  ),
  captions: word('captions: "captions.csv"', 'A table of the names of images and what people wrote about them: image,caption.'),
  size: word('size: 64', 'Rows and columns of the images; [48, 64] where they differ.', 'those of the model; 64 of `shapes`'),
  normalise: word('normalise: true', 'Numbers to mean 0 and deviation 1, as the training part has them.', 'false'),
  window: word('window: 24', 'Timesteps of an example.'),
  stride: word('stride: 1', 'Timesteps from the start of one training window to that of the next.', '1'),
  validation: word('validation: 0.1', 'What is held out to follow training by: a share, or a number of examples.', '0.1'),
  test: word('test: 0.2', 'What is held out to the end: a share, or a number of examples.', '0'),
  split: word('split: [0.7, 0.15, 0.15]', 'The shares of training, validation and test.', 'validation 0.1, test 0'),
  seed: word('seed: 1', 'Decides which rows are held out, and what a task draws.', '1'),
  length: word('length: 100', 'Timesteps; [10, 50] for the least and the most.'),
  symbols: word('symbols: 8', 'How many different symbols there are.'),
  delay: word('delay: 100', 'Steps of silence.'),
  switches: word('switches: 3', 'How many switches there are.'),
};

/** What stands behind a setting's colon. */
export const settingValueWords: Readonly<Record<string, Word>> = {
  sgd: word('sgd(0.1, momentum: 0.9, decay: 0)', 'Stochastic gradient descent, with momentum (Polyak 1964).'),
  rmsprop: word('rmsprop(0.001, momentum: 0, decay: 0)', 'Steps in units of the recent size of the gradient (Hinton 2012).'),
  adam: word('adam(0.001, decay: 0)', 'Momentum, in units of the recent size of the gradient (Kingma & Ba 2015).'),
  adamw: word('adamw(0.001, decay: 0.01)', 'Adam with decoupled weight decay (Loshchilov & Hutter 2019).'),
  cosine: word(
    'cosine(0.001, warmup: 100, end: 0)',
    'A rate that rises over `warmup` steps and falls along half a cosine to a share `end` of it.',
  ),
  step: word(
    'step(0.1, every: 1, factor: 0.5, after: 0, warmup: 0)',
    'A rate times `factor` every so many epochs, the first time after `after`.',
  ),
  plateau: word(
    'plateau(0.001, patience: 3, factor: 0.5, warmup: 0)',
    'A rate times `factor` where the validation loss has not fallen for `patience` validations. Of `stop:`, plateau(patience: 5).',
  ),
  sample: word('sample(temperature: 0.8, top_k: 40, top_p: 0.9)', 'Draws what comes next.'),
  beam: word(
    'beam(5, penalty: 0.6)',
    'Keeps so many beginnings at each step; with a penalty, log p / ((5 + length) / 6)^penalty decides (Wu et al. 2016).',
  ),
  copy: word('copy(decoder.weights)', 'The word of the source with the largest weight in this line.'),
  ramp: word(
    'ramp(1, 0.7, epochs: 5)',
    'In a straight line from the first number to the second, by the end of these epochs (Bengio et al. 2015).',
  ),
  seasonal: word('seasonal(24)', 'The error of who says what was a season before.'),
  pieces: word('pieces(8000)', 'Byte pairs, so many at most (Sennrich et al. 2016).'),
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
