// Items to begin with, as completion offers them between items.

import { type CompletionItem, CompletionItemKind, InsertTextFormat } from 'vscode-languageserver-types';
import type { Program } from '../program.ts';
import { hole } from './statement-completion.ts';

export const snippet = (
  label: string,
  insertText: string,
  documentation: string,
  kind: CompletionItemKind,
  more: Partial<CompletionItem> = {},
): CompletionItem => ({
  label,
  kind,
  insertText,
  insertTextFormat: InsertTextFormat.Snippet,
  documentation: { kind: 'markdown', value: documentation },
  ...more,
});

/** What may stand between items: each word of the language, and what is often begun with it. */
export function templates(program: Program): CompletionItem[] {
  const model = program.models.find(({ name }) => !program.statements.trains.some((each) => each.model === name)) ?? program.models[0];
  const data = program.statements.data[0]?.name ?? 'examples';
  const item = (label: string, text: string, says: string, filter = label): CompletionItem =>
    snippet(label, text, says, label === filter ? CompletionItemKind.Keyword : CompletionItemKind.Snippet, {
      filterText: filter,
      sortText: `${label === filter ? 0 : 1}${label}`,
    });
  return [
    item(
      'cell',
      `cell ${hole(1, 'name')}(x: [I], size H) {\n  state h: [H]\n  param W: [H, I], U: [H, H], b: [H]\n\n  h' = tanh(W @ x + U @ h + b)\n}`,
      'Equations for one step.',
    ),
    item(
      'cell with gates, as a GRU',
      `cell ${hole(1, 'my_gru')}(x: [I], size H) {
  state h: [H]
  param W_r: [H, I], U_r: [H, H], b_r: [H]
  param W_z: [H, I], U_z: [H, H], b_z: [H]
  param W_n: [H, I], U_n: [H, H], b_n: [H]

  r  = sigmoid(W_r @ x + U_r @ h + b_r)             // reset gate: what of the past the candidate may see
  z  = sigmoid(W_z @ x + U_z @ h + b_z)             // update gate: what of the past to keep
  n  = tanh(W_n @ x + U_n @ (r * h) + b_n)          // candidate
  h' = (1 - z) * n + z * h
}`,
      'A gated recurrent unit of your own (Cho et al. 2014).',
      'cell gated gru',
    ),
    item(
      'cell with a memory, as an LSTM',
      `cell ${hole(1, 'my_lstm')}(x: [I], size H) {
  state h, c: [H]
  param W_f: [H, I], U_f: [H, H], b_f: [H] = 1
  param W_i: [H, I], U_i: [H, H], b_i: [H]
  param W_g: [H, I], U_g: [H, H], b_g: [H]
  param W_o: [H, I], U_o: [H, H], b_o: [H]

  f  = sigmoid(W_f @ x + U_f @ h + b_f)             // forget gate: what to keep of the cell
  i  = sigmoid(W_i @ x + U_i @ h + b_i)             // input gate: what to store
  g  = tanh(W_g @ x + U_g @ h + b_g)                // candidate
  o  = sigmoid(W_o @ x + U_o @ h + b_o)             // output gate: what to show
  c' = f * c + i * g
  h' = o * tanh(c')
}`,
      'A long short-term memory of your own (Hochreiter & Schmidhuber 1997).',
      'cell memory lstm',
    ),
    item(
      'cell without a state',
      `cell ${hole(1, 'layer')}(x: [I], size O) {\n  param W: [O, I], b: [O]\n\n  y = ${hole(2, 'tanh')}(W @ x + b)\n}`,
      'A layer: the same at every step, without a memory.',
      'cell layer',
    ),
    item(
      'model',
      `model ${hole(1, 'Name')}(input: [T] of Char) {\n  x      = embed(input, ${hole(2, '64')})\n  h      = lstm(x, ${hole(3, '128')})\n  logits = linear(h, Char)\n  loss   = cross_entropy(logits, next(input))\n}`,
      'A cell that stands alone: its inputs are data. This one predicts the next character.',
    ),
    item(
      'model that classifies sequences',
      `model ${hole(1, 'Classifier')}(${hole(2, 'text')}: [T] of Char, ${hole(3, 'label')}: one of ${hole(4, 'Label')}) {
  x      = embed(\${2:text}, 32)
  h      = lstm(x, 128)
  logits = linear(last(h), \${4:Label})
  loss   = cross_entropy(logits, \${3:label})
}`,
      'One answer for a whole sequence.',
      'model classify',
    ),
    item(
      'model that tags each step',
      `model ${hole(1, 'Tagger')}(words: [T] of Word, tags: [T] of Tag) {
  x      = embed(words, 100)
  h      = bidirectional(lstm, dropout(x, 0.3), 100)
  logits = linear(h, Tag)
  loss   = cross_entropy(logits, tags)
}`,
      'One answer for each step.',
      'model tag',
    ),
    item(
      'model that forecasts',
      `model ${hole(1, 'Forecast')}(${hole(2, 'values')}: [T, 1]) {
  h    = lstm(\${2:values}, 32)
  y    = linear(h, 1)
  loss = mse(y, next(\${2:values}))
}`,
      'The next value of a series from those before.',
      'model forecast',
    ),
    item(
      'model of encoder and decoder',
      `model ${hole(1, 'Translate')}(source: [S] of Symbol, target: [T] of Symbol) {
  encoder = lstm(embed(source, 32), 256)
  decoder = lstm(embed(target, 32), 256, from: last(encoder))
  logits  = linear(decoder, Symbol)
  loss    = cross_entropy(logits, next(target))
}`,
      'A sequence from a sequence, with one state between them (Sutskever, Vinyals & Le 2014).',
      'model encoder decoder',
    ),
    item(
      'data',
      `data ${hole(1, 'book')} = \${0}`,
      'Where the inputs of a model come from: text, table, series, arrays, or a generated task.',
    ),
    item(
      'train',
      `train ${hole(1, model?.name ?? 'Name')} on ${hole(2, data)} {\n  epochs:    ${hole(3, '10')}\n  batch:     ${hole(4, '32')}\n  optimizer: adam(${hole(5, '0.002')})\n  clip:      1\n}`,
      'Settings of a training.',
    ),
    item(
      'generate',
      `generate ${hole(1, model?.name ?? 'Name')} {\n  prompt: "$2"\n  length: 200\n  search: sample(temperature: 0.8)\n}`,
      'How a trained model that predicts runs free.',
    ),
    item('use', `use "${hole(1, 'cells.rnn')}"`, 'Brings in the cells of another file.'),
  ];
}
