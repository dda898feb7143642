// What would mend a fault, in words and as a change of the source.

import { text } from '../../report/words.ts';
import type { DirectPath, Factor, LayerAnalysis, Repair } from '../../shared/analysis.ts';

export const advice = (said: string): Repair => ({ kind: 'advice', text: said });

/** The bias at which a gate alone keeps 1/e over so many steps: sigmoid(b) = exp(-1 / steps). */
export const biasFor = (steps: number): number => -Math.log(Math.expm1(1 / steps));

const halfLife = (timescale: number): string => text(timescale * Math.LN2);
const timescaleAt = (bias: number): number => 1 / Math.log1p(Math.exp(-bias));
const shortName = (weight: string): string => weight.slice(weight.lastIndexOf('.') + 1);

/** Biases within which a gate still learns. */
const [LEAST, MOST] = [1, 8];

/** For a direct way whose gate forgets. */
export function gateRepairs({ layer }: LayerAnalysis, { factor, bias, timescale, instance, state }: DirectPath, needed: number): Repair[] {
  const opens = Math.min(MOST, Math.max(LEAST, biasFor(needed)));
  const reached = timescaleAt(opens);
  // What is shut instead of open has the opposite bias.
  const sign = factor.factor.startsWith('1 − ') ? -1 : 1;
  const became = `half-life ${halfLife(timescale)} → ${halfLife(reached)} steps`;
  if (bias === undefined) {
    // The gate's sum is what its mean tells, and shall become what the bias alone would be.
    const start = text(sign * (opens - biasFor(timescale)));
    return [
      {
        kind: 'forget bias',
        text: `Give the line ${factor.line} of ${layer} a bias that starts at ${start}, so that it keeps its state at first (${became}).`,
        title: `Give ${factor.line} a bias that starts at ${start} (${became})`,
        change: { kind: 'bias', instance, line: factor.line, state, start },
      },
    ];
  }
  const name = shortName(bias.weight);
  const start = text(sign * opens);
  const { weight } = bias;
  return [
    {
      kind: 'forget bias',
      text: `Start it where it keeps its state: ${name}: [H] = ${start} (a timescale of ${text(reached)} steps; Jozefowicz et al. 2015).`,
      title: `Start ${name} at ${start} (${became})`,
      change: { kind: 'start', weight, start, comment: `at first a timescale of ${text(reached)} steps` },
    },
    ...(sign < 0
      ? []
      : [
          {
            kind: 'chrono',
            text: `Or spread the timescales: ${name}: [H] = chrono(${needed}) (Tallec & Ollivier 2018).`,
            title: `Start ${name} at chrono(${needed}) (half-life ${halfLife(timescale)} → up to ${halfLife(Math.max(1, needed - 1))} steps)`,
            change: { kind: 'start', weight, start: `chrono(${needed})`, comment: `at first timescales up to ${needed} steps` },
          } satisfies Repair,
        ]),
  ];
}

/** For a way through a product that loses the gradient in its weight, or in what is saturated before it. */
export function wayRepairs(layer: LayerAnalysis, killer: Factor, horizon: number): Repair[] {
  const { direct, cell } = layer;
  const repairs: Repair[] = [];
  if (killer.kind === 'weight') repairs.push(orthogonal(layer, killer, 'Start the weight orthogonal, which shrinks no gradient'));
  else repairs.push(advice('Keep the activations out of saturation: smaller weights of the input, or a normalised sum (normed_lstm).'));
  if (direct.length === 0)
    repairs.push({
      kind: 'gated cell',
      text: `Take a gated cell instead of ${cell}, lstm or gru: it has a direct way back, which no weight shrinks.`,
      title: `Take lstm instead of ${cell}`,
      change: { kind: 'cell', layer: layer.layer, cell: 'lstm' },
    });
  const window = Math.max(2, horizon);
  repairs.push({
    kind: 'window',
    text: `Or shorten the window to what the memory reaches: window: ${window}.`,
    title: `Shorten the window to ${window} steps, which the memory reaches`,
    change: { kind: 'setting', name: 'window', value: String(window) },
  });
  return repairs;
}

function orthogonal({ layer }: LayerAnalysis, { factor, weight }: Factor, said: string): Repair {
  return {
    kind: 'orthogonal',
    text: `${said}: ${factor}: [H, H] = orthogonal.`,
    title: `Start ${factor} of ${layer} orthogonal`,
    ...(weight === undefined
      ? {}
      : { change: { kind: 'start', weight, start: 'orthogonal', comment: 'shrinks and grows nothing at first' } }),
  };
}

/** For a gradient that grows. */
export function explosionRepairs(layer: LayerAnalysis): Repair[] {
  const grows = layer.ways
    .toSorted((a, b) => b.share - a.share)
    .flatMap(({ factors }) => factors.filter(({ kind }) => kind === 'weight'))
    .at(0);
  return [
    {
      kind: 'clipping',
      text: 'Clip the gradient: `clip: 1` in the train statement (Pascanu, Mikolov & Bengio 2013).',
      title: 'Clip the gradient at 1',
      change: { kind: 'setting', name: 'clip', value: '1' },
    },
    grows === undefined
      ? advice('Or start the recurrent weight smaller, or orthogonal.')
      : orthogonal(layer, grows, 'Or start the recurrent weight smaller, or orthogonal'),
  ];
}
