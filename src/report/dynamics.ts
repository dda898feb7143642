// Trajectories of the states in their principal components, with the fixed and slow points among them.

import type { FixedPoints, LayerAnalysis, Trajectories } from '../shared/analysis.ts';
import { escaped, figure, lineChart } from '../shared/chart.ts';
import { fixedPointsHtml, inputText, pointMarks, pointsText } from './fixed-points.ts';
import { planeChart } from './plane.ts';
import { text } from './words.ts';

type Path = Trajectories['paths'][number];

/** A third component that explains less than this has no picture. */
const WORTH = 0.05;
/** Rows of a path in the table. */
const ROWS = 12;

/** `fixed`: of the layer, one for each input that was held. */
export function dynamicsHtml({ layer, reverse, trajectories }: LayerAnalysis, fixed: readonly FixedPoints[] = []): string {
  const { states, units, explained, paths } = trajectories;
  const inTime = (path: Path): Path => (reverse ? { ...path, timesteps: path.timesteps.toReversed(), at: path.at.toReversed() } : path);
  const ordered = paths.map(inTime);
  const all = `States ${states.join(' and ')} of ${layer}`;
  const found = fixed.filter(({ points }) => points.length > 0);
  const drawn = found.length === 0 ? [undefined] : found;
  const marks =
    found.length === 0
      ? ''
      : ' ◆ stable points, × saddles with the number of their unstable dimensions, ◇ unstable points; slow ones are small.';
  const charts =
    explained.length < 2
      ? [alongTime(all, paths, drawn[0])]
      : drawn.flatMap((points) => [1, ...(explained[2]! >= WORTH ? [2] : [])].map((up) => plane(all, explained, ordered, up, points)));
  const shares = explained.map((share, k) => `component ${k + 1} ${percent(share)}`).join(', ');
  return `<p>Of the variance of the ${units} numbers that a step hands on (${escaped(states.join(', '))}), over all sequences and steps: ${shares}.</p>${charts.join('')}<p class="unit">○ where a sequence begins, ■ where it ends; arrows point forward ${reverse ? 'as the layer runs, from the end of the sequence' : 'in time'}.${marks}</p>${fixed.map(fixedPointsHtml).join('')}${pathsTable(ordered, explained.length)}`;
}

const percent = (share: number): string => `${text(100 * share)} %`;
const nameOf = ({ sequence }: Path): string => `sequence ${sequence + 1}`;

function plane(title: string, explained: readonly number[], paths: readonly Path[], up: number, fixed: FixedPoints | undefined): string {
  const axis = (k: number): string => `component ${k + 1} (${percent(explained[k]!)})`;
  const said = paths.map((path) => {
    const place = (at: readonly number[]): string => `(${figure(at[0]!)}, ${figure(at[up]!)})`;
    return `${nameOf(path)} from ${place(path.at[0]!)} to ${place(path.at.at(-1)!)}`;
  });
  return planeChart({
    title: `${title} in the plane of components 1 and ${up + 1}${fixed === undefined ? '' : `, and fixed points with ${inputText(fixed)}`}`,
    across: axis(0),
    up: axis(up),
    paths: paths.map((path) => ({ name: String(path.sequence + 1), points: path.at.map((at) => [at[0]!, at[up]!] as const) })),
    ...(fixed === undefined ? {} : { points: pointMarks(fixed, 0, up) }),
    sentence: `${title} in the plane of ${axis(0)} and ${axis(up)}: ${said.join('; ')}.${fixed === undefined ? '' : ` With ${inputText(fixed)}: ${pointsText(fixed)}.`}`,
  });
}

/** A single number has no plane. */
const alongTime = (title: string, paths: readonly Path[], fixed: FixedPoints | undefined): string =>
  lineChart({
    title: `${title} over time, from the mean`,
    along: 'timestep',
    series: paths.map((path) => ({ name: nameOf(path), points: path.at.map((at, k) => [path.timesteps[k]!, at[0]!] as const) })),
    marks: (fixed?.points ?? []).map(({ at, kind, stability }) => ({ y: at[0]!, label: `${kind}, ${stability}:` })),
  });

function pathsTable(paths: readonly Path[], components: number): string {
  const rows = paths.flatMap((path) => {
    const every = Math.max(1, Math.ceil(path.at.length / ROWS));
    return path.at.flatMap((at, k) =>
      k % every === 0 || k === path.at.length - 1
        ? [`<tr><td>${path.sequence + 1}</td><td>${path.timesteps[k]}</td>${at.map((each) => `<td>${text(each)}</td>`).join('')}</tr>`]
        : [],
    );
  });
  const heads = Array.from({ length: components }, (_, k) => `<th>component ${k + 1}</th>`).join('');
  return `<details><summary>Numbers</summary><table><thead><tr><th>sequence</th><th>t</th>${heads}</tr></thead><tbody>${rows.join('')}</tbody></table></details>`;
}
