// What the numbers say in words, each sentence with the numbers that it stands on, and what would mend it.

import { horizonText, interval, longest, text } from '../report/words.ts';
import type { Analysis, LagCurve, LayerAnalysis, Verdict } from '../shared/analysis.ts';
import { advice, explosionRepairs, gateRepairs, wayRepairs } from './repairs/proposed.ts';

/** A gradient that grows by more than this over some lag explodes. */
export const GROWN = 10;
/** A share of units or of their steps that is worth a word. */
const MANY = 0.1;
export const MOSTLY = 0.9;

type Found = Pick<Analysis, 'needs' | 'threshold' | 'sequences'>;

export function verdictsOf(layers: readonly LayerAnalysis[], found: Found): Verdict[] {
  const verdicts = layers.flatMap((layer) => [
    ...vanishing(layer, found),
    ...exploding(layer, found),
    ...saturated(layer),
    ...unitsOf(layer),
  ]);
  if (verdicts.length > 0) return verdicts;
  const lasting = layers.map((layer) => `${layer.layer}: ${horizonText(longest(layer))} (${longest(layer).state})`);
  return [
    {
      kind: 'sound',
      text: `No fault found: the gradient lasts for the ${found.needs.lag} steps that are needed (${found.needs.why}), nothing explodes, and no gate or unit stands still.`,
      evidence: [`Memory horizon at ${text(found.threshold)} over ${found.sequences} sequences: ${lasting.join('; ')}.`],
      repairs: [],
    },
  ];
}

const at = ({ mean, low, high }: LagCurve, lag: number): string => interval({ value: mean[lag]!, low: low[lag]!, high: high[lag]! });

function vanishing(layer: LayerAnalysis, { needs, threshold }: Found): Verdict[] {
  const curve = longest(layer);
  const { horizon } = curve;
  if (horizon.beyond || horizon.value >= needs.lag) return [];
  const direct = layer.direct.find(({ state }) => state === curve.state) ?? layer.direct[0];
  const { killer } = layer;
  const lag = Math.min(needs.lag, curve.mean.length - 1);
  const evidence = [
    `Memory horizon of ${layer.layer} at ${text(threshold)}: ${horizonText(curve)} by ${curve.state}; needed are ${needs.lag} (${needs.why}).`,
    `${lag} steps back, ${at(curve, lag)} of the gradient is left.`,
  ];
  if (direct !== undefined && killer?.kind === 'gate') {
    const { factor, timescale, bias } = direct;
    const why =
      bias === undefined
        ? `${factor.factor} is ${text(Math.exp(-1 / timescale))} on average`
        : `mean of ${bias.weight} ${text(bias.mean)}, mean of ${factor.factor} ${text(Math.exp(-1 / timescale))}`;
    evidence.push(
      `The direct way of ${direct.state} goes through ${factor.factor}: ${why}, so a timescale of ${text(timescale)} steps (half-life ${text(timescale * Math.LN2)}).`,
      `It is smallest at t = ${factor.smallest.t}: ${text(factor.smallest.value)}.`,
    );
    return [
      {
        kind: 'vanishing',
        layer: layer.layer,
        text: `${bias === undefined ? `Gate ${factor.factor}` : `Mean of ${bias.weight} ${text(bias.mean)}`}: half-life ${text(timescale * Math.LN2)} steps in ${layer.layer}, and ${needs.lag} are needed. ${factor.factor} forgets.`,
        evidence,
        repairs: gateRepairs(layer, direct, needs.lag),
        ...(factor.range === undefined ? {} : { place: factor.range }),
      },
    ];
  }
  if (killer === undefined) return [];
  evidence.push(
    ...layer.ways
      .filter(({ share }) => Math.abs(share) > 0.05)
      .map(
        (way) =>
          `${Math.round(100 * way.share)} % of what a step leaves comes by ${way.name}: ${way.factors.map((each) => `${each.factor} ${text(each.mean)}`).join(', ')} a step.`,
      ),
    `${killer.factor} is smallest at t = ${killer.smallest.t}: ${text(killer.smallest.value)}.`,
  );
  return [
    {
      kind: 'vanishing',
      layer: layer.layer,
      text: `${layer.layer} has ${horizonText(curve)} of memory, and ${needs.lag} are needed: ${killer.kind === 'weight' ? `the weight ${killer.factor} leaves` : `the ${killer.factor} leaves`} ${text(killer.mean)} of the gradient a step.`,
      evidence,
      repairs: wayRepairs(layer, killer, horizon.value),
      ...(killer.range === undefined ? {} : { place: killer.range }),
    },
  ];
}

function exploding(layer: LayerAnalysis, { needs }: Found): Verdict[] {
  for (const curve of layer.curves) {
    const lag = curve.low.findIndex((low, k) => k <= needs.lag && low > GROWN);
    if (lag < 0) continue;
    const [exponent] = layer.spectrum.lyapunov;
    return [
      {
        kind: 'exploding',
        layer: layer.layer,
        text: `The gradient explodes in ${layer.layer}: ${lag} steps back it is ${at(curve, lag)} times as large.`,
        evidence: [
          `g(${lag}) of ${curve.state}: ${at(curve, lag)}.`,
          ...(exponent === undefined
            ? []
            : [`Largest Lyapunov exponent ${text(exponent)} nats a step over ${layer.spectrum.lyapunovSteps} steps.`]),
        ],
        repairs: explosionRepairs(layer),
      },
    ];
  }
  return [];
}

function saturated({ layer, gates }: LayerAnalysis): Verdict[] {
  return gates.flatMap((gate): Verdict[] => {
    const stuck = gate.mean.flatMap((_, unit) => (gate.below[unit]! > MOSTLY || gate.above[unit]! > MOSTLY ? [unit] : []));
    if (stuck.length <= MANY * gate.mean.length) return [];
    const shut = stuck.filter((unit) => gate.below[unit]! > MOSTLY).length;
    // A gate that only keeps is open on purpose: what is shut lets nothing through, and learns slowly.
    if (shut <= MANY * gate.mean.length) return [];
    return [
      {
        kind: 'saturated',
        layer,
        text: `${shut} of ${gate.mean.length} units of ${gate.line} in ${layer} are shut (below ${0.1}) at more than nine of ten steps: nothing passes there, and they hardly learn.`,
        evidence: [`Shares of steps below 0.1 by unit: median ${text(median(gate.below))}, above 0.9: median ${text(median(gate.above))}.`],
        repairs: [advice(`Raise the bias of ${gate.line}, or lower the learning rate if it came with training.`)],
        ...(gate.range === undefined ? {} : { place: gate.range }),
      },
    ];
  });
}

function unitsOf({ layer, units }: LayerAnalysis): Verdict[] {
  return units.flatMap(({ state, mean, dead, stuck, drifting }) =>
    (
      [
        ['dead', dead, 'are 0 at every step', 'Lower the learning rate, or take an activation that has a gradient everywhere.'],
        [
          'stuck',
          stuck,
          'do not move',
          'Look at their gates: what is saturated does not learn. A smaller learning rate, or smaller starts.',
        ],
        [
          'drifting',
          drifting,
          'grow with time',
          'Reset the state between sequences, normalise it (normed_lstm), or tie the input gate to the forget gate.',
        ],
      ] as const
    ).flatMap(([word, which, what, repair]): Verdict[] =>
      which.length <= MANY * mean.length
        ? []
        : [
            {
              kind: 'units',
              layer,
              text: `${which.length} of ${mean.length} units of ${state} in ${layer} are ${word}: they ${what}.`,
              evidence: [`Units ${which.slice(0, 12).join(', ')}${which.length > 12 ? ', …' : ''}.`],
              repairs: [advice(repair)],
            },
          ],
    ),
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
