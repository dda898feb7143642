// LSTM, GRU and RNN operators that take a single step, as cells inside of a loop are exported: the equations that the operators stand for.

import { Attributes } from '../../onnx/attributes.ts';
import { gatesOf, settingsOf } from '../operators/recurrent-operator.ts';
import { PartError } from '../part.ts';
import { type Expression, squeezed } from './expression.ts';
import type { Expressions } from './expressions.ts';
import { type Step, tensorIn } from './step.ts';
import { expressionOf, permuted, type Tensor } from './value.ts';

type Activation = (x: Expression) => Expression;

export function recurrent(step: Step): Tensor[] {
  const { make, node } = step;
  const settings = settingsOf(node);
  const { kind, batchFirst, inputForget, linearBeforeReset, clip } = settings;
  if (settings.directions.length !== 1) throw new PartError('It runs in both directions.');
  if (step.input(4) !== undefined) throw new PartError('It has lengths of its own.');
  const given = tensorIn(step, 0);
  const X = batchFirst ? permuted(given, [1, 0, 2]) : given;
  const [time, batch, features] = X.axes;
  if (features === undefined) throw new PartError('Its input is not of three dimensions.');
  if (time!.size !== 1 || (time!.isBatch && batch!.isBatch)) throw new PartError(`It runs over ${time!.size} steps of its own.`);
  const [x, W, R] = [expressionOf(make, X), tensorIn(step, 1), tensorIn(step, 2)];
  const [input, hidden] = [W.axes[2]!.size, R.axes[2]!.size];
  if (features.size !== input) throw new PartError(`It reads ${features.size} numbers and has weights for ${input}.`);
  const state = (index: 5 | 6): Expression =>
    step.input(index) === undefined ? make.constant(0) : expressionOf(make, tensorIn(step, index));
  const [h, c] = [state(5), state(6)];
  const gates = gatesOf[kind];
  const count = gates.length;
  const rows = (matrix: Tensor, gate: number, width: number): Expression =>
    make.view(expressionOf(make, matrix), gate * hidden * width, ...squeezed([width, 1], [hidden, width]));
  const part = (index: number, place: number): Expression | undefined =>
    step.input(index) === undefined
      ? undefined
      : make.view(expressionOf(make, tensorIn(step, index)), place * hidden, ...squeezed([1], [hidden]));
  const fromX = (gate: number): Expression => make.linear(rows(W, gate, input), hidden, input, x);
  const fromH = (gate: number, of: Expression): Expression[] =>
    of.kind === 'constant' ? [] : [make.linear(rows(R, gate, hidden), hidden, hidden, of)];
  const total = (terms: readonly (Expression | undefined)[]): Expression =>
    make.sum(terms.flatMap((of) => (of === undefined ? [] : [{ sign: 1 as const, of }])));
  const bounded = (of: Expression): Expression =>
    clip > 0 ? make.elementwise('clip', [of, make.constant(-clip), make.constant(clip)]) : of;
  const place = (gate: string): number => gates.indexOf(gate);
  const net = (gate: string, past: Expression, more: readonly Expression[] = []): Expression => {
    const k = place(gate);
    return total([fromX(k), ...fromH(k, past), ...more, part(3, k), part(3, count + k)]);
  };
  const activations = activationsOf(step, kind === 'LSTM' ? ['Sigmoid', 'Tanh', 'Tanh'] : kind === 'GRU' ? ['Sigmoid', 'Tanh'] : ['Tanh']);
  const [F, G, H] = activations as [Activation, Activation, Activation];

  const vector = (of: Expression, lead: number): Tensor => {
    const one = { size: 1, stride: 0, isBatch: false };
    const own = { size: hidden, stride: hidden === 1 ? 0 : 1, isBatch: false };
    const axes = batchFirst && lead === 1 ? [batch!, one, own] : [...Array.from({ length: lead }, () => one), batch!, own];
    return { kind: 'tensor', of, offset: 0, axes };
  };
  if (kind === 'LSTM') {
    const peephole = (gate: number, of: Expression): Expression[] => {
      const own = part(7, gate);
      return own === undefined || of.kind === 'constant' ? [] : [make.product([own, of])];
    };
    const i = F(bounded(net('i', h, peephole(0, c))));
    const f = inputForget ? make.minus(make.constant(1), i) : F(bounded(net('f', h, peephole(2, c))));
    const g = G(bounded(net('g', h)));
    const next = make.plus(make.product([f, c]), make.product([i, g]));
    const o = F(bounded(net('o', h, peephole(1, next))));
    const shown = make.product([o, H(next)]);
    return [vector(shown, 2), vector(shown, 1), vector(next, 1)];
  }
  if (kind === 'GRU') {
    const [z, r] = [F(bounded(net('z', h))), F(bounded(net('r', h)))];
    const k = place('n');
    const inner = linearBeforeReset
      ? total([fromX(k), part(3, k), make.product([r, total([...fromH(k, h), part(3, count + k)])])])
      : net('n', h.kind === 'constant' ? h : make.product([r, h]));
    const n = G(bounded(inner));
    const next = make.plus(make.product([make.minus(make.constant(1), z), n]), make.product([z, h]));
    return [vector(next, 2), vector(next, 1)];
  }
  const next = F(bounded(net('h', h)));
  return [vector(next, 2), vector(next, 1)];
}

/** Those of one direction. */
function activationsOf({ make, node }: Step, usual: readonly string[]): Activation[] {
  const attributes = new Attributes(node);
  const given = attributes.texts('activations');
  const alphas = [...attributes.floats('activation_alpha')];
  const betas = [...attributes.floats('activation_beta')];
  const scaled = (by: number, x: Expression): Expression => make.product([make.constant(by), x]);
  return (given.length === 0 ? usual : given).slice(0, usual.length).map((name): Activation => {
    switch (name.toLowerCase()) {
      case 'sigmoid':
      case 'tanh':
      case 'relu':
      case 'softplus':
        return (x) => make.elementwise(name.toLowerCase() as 'sigmoid', [x]);
      case 'hardsigmoid': {
        const [alpha, beta] = [alphas.shift() ?? 0.2, betas.shift() ?? 0.5];
        return (x) => hardSigmoid(make, scaled(alpha, x), beta);
      }
      case 'scaledtanh': {
        const [alpha, beta] = [alphas.shift() ?? 0, betas.shift() ?? 0];
        return (x) => scaled(alpha, make.elementwise('tanh', [scaled(beta, x)]));
      }
      case 'softsign':
        return (x) => make.elementwise('quotient', [x, make.plus(make.constant(1), make.elementwise('abs', [x]))]);
      default:
        throw new PartError(`Its activation ${name} is none that is written inside of a loop.`);
    }
  });
}

const hardSigmoid = (make: Expressions, x: Expression, beta: number): Expression =>
  make.elementwise('clip', [make.plus(x, make.constant(beta)), make.constant(0), make.constant(1)]);
