// The equations of ONNX's LSTM, GRU and RNN with their attributes, gate by gate, as lines of a cell.
//
//   LSTM  i, f, o = F(W x + U h + p * c + b)   g = G(W x + U h + b)   c' = f * c + i * g   h' = o * H(c'); o's peephole sees c'
//         input_forget: f = 1 - i
//   GRU   z, r = F(W x + U h + b)   n = G(W x + U (r * h) + b), or with linear_before_reset G(W x + b + r * (U h + d))
//         h' = (1 - z) * n + z * h
//   RNN   h' = F(W x + U h + b)
// clip bounds what goes into F and G.

import type { CellLine, CellText, Named } from '../part.ts';
import { type Activation, activated } from './activations.ts';
import type { OperatorSettings } from './recurrent-operator.ts';

export interface Equations {
  /** The cell for the sizes of a run. `given`: which initial states the file has. */
  cell(input: number, hidden: number, given: { readonly h: boolean; readonly c: boolean }): CellText;
}

export interface EquationSettings extends OperatorSettings {
  /** F, G, H of this direction. */
  readonly activations: readonly Activation[];
  readonly peepholes: boolean;
  /** For the doc comment. */
  readonly node: string;
}

export function equationsOf(settings: EquationSettings): Equations {
  const { kind } = settings;
  const lines = { LSTM: lstmLines, GRU: gruLines, RNN: rnnLines }[kind](settings);
  const states = kind === 'LSTM' ? (['h', 'c'] as const) : (['h'] as const);
  return {
    cell(input, hidden, given) {
      const initial = states.filter((state) => given[state]);
      return {
        doc: `${settings.node}: ${input} numbers a step, ${hidden} units.`,
        inputs: [{ name: 'x', shape: [input] }],
        held: initial.map((state) => ({ name: `${state}_0`, shape: [hidden] })),
        states: states.map((name) => ({ name, shape: [hidden], ...(given[name] ? { initial: `${name}_0` } : {}) })),
        parameters: parametersOf(settings, input, hidden),
        lines,
        value: 'h',
      };
    },
  };
}

function parametersOf({ kind, peepholes, inputForget, linearBeforeReset }: EquationSettings, input: number, hidden: number): Named[] {
  const gates = { LSTM: ['f', 'i', 'g', 'o'], GRU: ['r', 'z', 'n'], RNN: [''] }[kind];
  return gates
    .filter((gate) => !(inputForget && gate === 'f'))
    .flatMap((gate): Named[] => {
      const of = (letter: string): string => (gate === '' ? letter : `${letter}_${gate}`);
      return [
        { name: of('W'), shape: [hidden, input] },
        { name: of('U'), shape: [hidden, hidden] },
        ...(peepholes && gate !== 'g' ? [{ name: of('p'), shape: [hidden] }] : []),
        { name: of('b'), shape: [hidden] },
        ...(kind === 'GRU' && gate === 'n' && linearBeforeReset ? [{ name: 'd_n', shape: [hidden] }] : []),
      ];
    });
}

function lstmLines({ activations, clip, peepholes, inputForget }: EquationSettings): CellLine[] {
  const [F, G, H] = activations as [Activation, Activation, Activation];
  const net = (gate: string, cell?: string): string =>
    [`W_${gate} @ x + U_${gate} @ h`, ...(cell === undefined || !peepholes ? [] : [`p_${gate} * ${cell}`]), `b_${gate}`].join(' + ');
  return [
    ...(inputForget ? [] : activated('f', net('f', 'c'), F, clip, 'forget gate: what to keep of the cell')),
    ...activated('i', net('i', 'c'), F, clip, 'input gate: what to store'),
    ...(inputForget ? [{ name: 'f', text: '1 - i', comment: 'forget gate, coupled with the input gate' }] : []),
    ...activated('g', net('g'), G, clip, 'candidate'),
    { name: "c'", text: 'f * c + i * g' },
    ...activated('o', net('o', "c'"), F, clip, 'output gate: what to show'),
    { name: "h'", text: `o * ${H.once ? bracketed(H.text("c'")) : `(${H.text("c'")})`}` },
  ];
}

function gruLines({ activations, clip, linearBeforeReset }: EquationSettings): CellLine[] {
  const [F, G] = activations as [Activation, Activation];
  const net = (gate: string): string => `W_${gate} @ x + U_${gate} @ h + b_${gate}`;
  const candidate = linearBeforeReset ? 'W_n @ x + b_n + r * (U_n @ h + d_n)' : 'W_n @ x + U_n @ (r * h) + b_n';
  return [
    ...activated('r', net('r'), F, clip, 'reset gate: what of the past the candidate may see'),
    ...activated('z', net('z'), F, clip, 'update gate: what of the past to keep'),
    ...activated('n', candidate, G, clip, 'candidate'),
    { name: "h'", text: '(1 - z) * n + z * h' },
  ];
}

function rnnLines({ activations, clip }: EquationSettings): CellLine[] {
  const [F] = activations as [Activation];
  return activated("h'", 'W @ x + U @ h + b', F, clip);
}

/** A call stays as it is; a sum or product is put in brackets. */
const bracketed = (text: string): string => (/^\w+\((?:[^()]|\([^()]*\))*\)$/.test(text) ? text : `(${text})`);
