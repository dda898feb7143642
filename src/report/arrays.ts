// The numbers of an analysis as arrays, for whoever goes on computing with them.

import type { Analysis } from '../shared/analysis.ts';

export type NamedNumbers = readonly [name: string, array: { readonly shape: readonly number[]; readonly data: Float64Array }];

/** By layer: `h/gradient by lag/c/mean` [lags], `h/timescales/c` [units], `h/ways/U_f/derivative of f` [steps], `h/gates/f/mean` [units],
 *  `h/trajectories/1/at` [points, components], `h/fixed points/zero/state` [points, units], `h/probes/c/input/value` [lags], `integrated gradients/1/input` [steps],
 *  `h/loss without/unit/c = 0/value` [units], ... */
export function analysisArrays({ layers, studies }: Analysis): NamedNumbers[] {
  const arrays: NamedNumbers[] = [];
  for (const { layer, curves, ways, direct, spectrum, gates, units, trajectories } of layers) {
    const put = (name: string, values: readonly number[]): void => {
      arrays.push([`${layer}/${name}`, { shape: [values.length], data: Float64Array.from(values) }]);
    };
    for (const { state, mean, low, high, sequences } of curves)
      for (const [name, values] of Object.entries({ mean, low, high, sequences })) put(`gradient by lag/${state}/${name}`, values);
    for (const { state, product, timescales } of direct) {
      put(`direct way by lag/${state}`, product);
      put(`timescales/${state}`, timescales);
    }
    for (const { name, factors } of ways)
      for (const { kind, factor, line, bySteps } of factors) {
        const path = `ways/${name}/${factor}`;
        // Two activations may have one name.
        const taken = arrays.some(([other]) => other === `${layer}/${path}`);
        put(taken ? `${path} (${kind} in ${line})` : path, bySteps);
      }
    const { steps, products, lyapunov } = spectrum;
    for (const name of ['t', 'largest', 'smallest', 'median', 'radius'] as const)
      put(
        `jacobian/${name}`,
        steps.map((each) => each[name]),
      );
    for (const name of ['lag', 'largest', 'smallest'] as const)
      put(
        `log10 of products/${name}`,
        products.map((each) => each[name] ?? Number.NaN),
      );
    put('lyapunov exponents', lyapunov);
    for (const { line, mean, below, above } of gates)
      for (const [name, values] of Object.entries({ mean, 'below 0.1': below, 'above 0.9': above })) put(`gates/${line}/${name}`, values);
    for (const { state, mean, deviation } of units)
      for (const [name, values] of Object.entries({ mean, deviation })) put(`states/${state}/${name}`, values);
    put('trajectories/explained', trajectories.explained);
    for (const { sequence, timesteps, at } of trajectories.paths) {
      put(`trajectories/${sequence + 1}/t`, timesteps);
      arrays.push(table(`${layer}/trajectories/${sequence + 1}/at`, at, trajectories.explained.length));
    }
  }
  for (const { layer, input, points } of studies.fixedPoints ?? []) {
    if (points.length === 0) continue;
    const path = `${layer}/fixed points/${input}`;
    for (const name of ['speed', 'radius', 'unstable', 'found'] as const)
      arrays.push([`${path}/${name}`, { shape: [points.length], data: Float64Array.from(points, (point) => point[name]) }]);
    for (const name of ['at', 'state'] as const)
      arrays.push(
        table(
          `${path}/${name}`,
          points.map((point) => point[name]),
          points[0]![name].length,
        ),
      );
  }
  for (const { layer, state, target, lags, value, low, high, control, guessed, present, baseline } of studies.probes ?? [])
    for (const [name, values] of Object.entries({ lags, value, low, high, control, guessed, present, baseline }))
      arrays.push([`${layer}/probes/${state}/${target}/${name}`, { shape: [values.length], data: Float64Array.from(values) }]);
  for (const [k, { inputs }] of (studies.attribution?.sequences ?? []).entries())
    for (const { input, values } of inputs)
      arrays.push([`integrated gradients/${k + 1}/${input}`, { shape: [values.length], data: Float64Array.from(values) }]);
  const ablated = Map.groupBy(
    studies.ablation?.rows ?? [],
    ({ layer, kind, name, held }) => `${layer === '' ? '' : `${layer}/`}loss without/${kind}/${name} = ${held}`,
  );
  for (const [path, rows] of ablated) {
    const put = (name: string, values: readonly number[]): void => {
      arrays.push([`${path}/${name}`, { shape: [values.length], data: Float64Array.from(values) }]);
    };
    // The unit, or the timestep from which something is taken away.
    if (rows[0]!.kind !== 'gate')
      put(
        'place',
        rows.map(({ unit, from }) => unit ?? from!),
      );
    for (const name of ['value', 'low', 'high'] as const)
      put(
        name,
        rows.map((row) => row[name]),
      );
  }
  return arrays;
}

const table = (name: string, rows: readonly (readonly number[])[], columns: number): NamedNumbers => [
  name,
  { shape: [rows.length, columns], data: Float64Array.from(rows.flat()) },
];
