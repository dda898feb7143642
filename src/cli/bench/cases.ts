// What is measured: language models of three sizes around cells of the library, one of them under another name, and one that no library has.

import { readFile } from 'node:fs/promises';
import type { Model } from '../../graph/model.ts';
import { buildModel, loadProgram } from '../../language/index.ts';

export interface Size {
  readonly name: string;
  /** Width of the embedding, units, rows of a batch, timesteps. */
  readonly inputs: number;
  readonly size: number;
  readonly batch: number;
  readonly steps: number;
}

export const sizes: readonly Size[] = [
  { name: 'H128', inputs: 64, size: 128, batch: 32, steps: 100 },
  { name: 'H256', inputs: 64, size: 256, batch: 64, steps: 100 },
  { name: 'H512', inputs: 64, size: 512, batch: 64, steps: 50 },
];

export interface Cell {
  readonly name: string;
  /** Its source, where it is not the library's. */
  readonly source?: string;
  /** What PyTorch has for it, a fused layer or a loop over time in Python; or the cell of the library that it is a copy of. */
  readonly beside: { readonly pytorch: string } | { readonly library: string };
  /** Gates: blocks of rows in the matrices of the input and of the state. */
  readonly gates: number;
  /** Most of the other's time that the cell should take, by the size's name. */
  readonly target: Readonly<Record<string, number>>;
}

const everywhere = (ratio: number): Cell['target'] => Object.fromEntries(sizes.map(({ name }) => [name, ratio]));

export const cells: readonly Cell[] = [
  { name: 'lstm', beside: { pytorch: 'lstm' }, gates: 4, target: { H128: 1, H256: 0.85, H512: 0.85 } },
  { name: 'gru', beside: { pytorch: 'gru' }, gates: 3, target: everywhere(0.65) },
  { name: 'rnn', beside: { pytorch: 'rnn' }, gates: 1, target: everywhere(0.65) },
  {
    name: 'my_lstm',
    beside: { library: 'lstm' },
    gates: 4,
    target: everywhere(1.05),
    source: `cell my_lstm(x: [I], size H) {
  state h, c: [H]
  param W_f: [H, I], U_f: [H, H], b_f: [H] = 1
  param W_i: [H, I], U_i: [H, H], b_i: [H]
  param W_g: [H, I], U_g: [H, H], b_g: [H]
  param W_o: [H, I], U_o: [H, H], b_o: [H]

  f  = sigmoid(W_f @ x + U_f @ h + b_f)
  i  = sigmoid(W_i @ x + U_i @ h + b_i)
  g  = tanh(W_g @ x + U_g @ h + b_g)
  o  = sigmoid(W_o @ x + U_o @ h + b_o)
  c' = f * c + i * g
  h' = o * tanh(c')
}`,
  },
  {
    // The minimal gated unit (Zhou et al. 2016).
    name: 'mgu',
    beside: { pytorch: 'mgu_loop' },
    gates: 2,
    target: everywhere(0.4),
    source: `cell mgu(x: [I], size H) {
  state h: [H]
  param W_f: [H, I], U_f: [H, H], b_f: [H]
  param W_n: [H, I], U_n: [H, H], b_n: [H]

  f  = sigmoid(W_f @ x + U_f @ h + b_f)
  n  = tanh(W_n @ x + U_n @ (f * h) + b_n)
  h' = (1 - f) * h + f * n
}`,
  },
];

export const vocabulary = 65;

/** The model as a user would have written it. */
export async function modelOf(cell: Cell, { inputs, size }: Size): Promise<Model> {
  const text = `use std 1

${cell.source ?? ''}

model Bench(input: [T] of Char) {
  x      = embed(input, ${inputs})
  h      = ${cell.name}(x, ${size})
  logits = linear(h, Char)
  loss   = cross_entropy(logits, next(input))
}
`;
  const program = await loadProgram(path, (file) => (file === path ? Promise.resolve(text) : readFile(file, 'utf8')));
  return buildModel(program, { model: 'Bench', classes: { Char: vocabulary } });
}

const path = '/bench.rnn';
