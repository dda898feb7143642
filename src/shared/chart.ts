// Line charts as SVG text: several series over one axis, of steps as a rule, told apart by colour and by dashes, with what they show said in words.

export interface Series {
  readonly name: string;
  /** Step (or what else is counted along) and value, in order of steps. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** An interval around the values, drawn as a band. */
  readonly spread?: readonly (readonly [x: number, low: number, high: number])[];
}

export interface Chart {
  readonly title: string;
  /** Behind values: `nats`, `%`. */
  readonly unit?: string;
  readonly series: readonly Series[];
  /** What is counted along the chart: steps, unless it says otherwise. */
  readonly along?: string;
  /** Decades instead of equal distances. */
  readonly log?: boolean;
  /** Lines across, such as the threshold of clipping or who does not learn. */
  readonly marks?: readonly { readonly y: number; readonly label: string }[];
  /** Lines upright, such as the lag that is needed. */
  readonly stops?: readonly { readonly x: number; readonly label: string }[];
  /** Places on the lines, such as a horizon. */
  readonly spots?: readonly { readonly series: string; readonly x: number; readonly label: string }[];
  /** On decades: what lies below is not drawn, and is in the numbers only. */
  readonly floor?: number;
  /** Half as high again. */
  readonly tall?: boolean;
  /** The range that is healthy. */
  readonly band?: { readonly from: number; readonly to: number; readonly label: string };
}

const SIZE = { width: 640, height: 200, left: 62, right: 118, top: 12, bottom: 30 } as const;
/** Points of a series that are drawn; each of them stands for its stretch. */
const MOST = 400;

/** Colours of the theme, and dashes, so that no pair is told apart by colour alone. */
export const strokes = [
  ['--vscode-charts-blue', ''],
  ['--vscode-charts-yellow', '6 3'],
  ['--vscode-charts-green', '2 2'],
  ['--vscode-charts-purple', '8 3 2 3'],
  ['--vscode-charts-red', '4 4'],
  ['--vscode-charts-foreground', '1 3'],
  ['--vscode-charts-lines', '12 3 3 3'],
] as const;

export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (letter) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[letter]!);

/** The chart as a figure, with its numbers below as a table; '' where there is nothing to draw. */
export function lineChart(chart: Chart): string {
  const height = chart.tall ? 1.5 * SIZE.height : SIZE.height;
  const series = chart.series
    // A line keeps its stroke where another has nothing to draw.
    .map((each, k) => ({
      ...each,
      stroke: strokes[k % strokes.length]!,
      points: each.points.filter(([, y]) => Number.isFinite(y) && (!chart.log || y > 0)),
    }))
    .filter(({ points }) => points.length > 0);
  if (series.length === 0) return '';
  const xs = series.flatMap(({ points }) => [points[0]![0], points.at(-1)![0]]);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  // Bands are seen as far as they reach; on decades, where a bound may be 0, as far as the values do.
  const bounds = chart.log ? [] : series.flatMap(({ spread = [] }) => spread.flatMap(([, least, most]) => [least, most]));
  const ys = [...series.flatMap(({ points }) => points.map(([, y]) => y)), ...bounds, ...(chart.marks ?? []).map(({ y }) => y)].filter(
    (y) => !chart.log || y > 0,
  );
  const [least, high] = rangeOf(ys, chart.log === true, chart.unit === '%' ? 100 : undefined);
  const low = chart.floor === undefined ? least : Math.min(high / 10, Math.max(least, chart.floor));
  const drawn = series.map(({ points }) => (chart.floor === undefined ? points : aboveFloor(points, low)));
  const scale = (y: number): number => (chart.log ? Math.log10(y) : y);
  const x = (step: number): number => SIZE.left + ((step - left) / Math.max(1e-9, right - left)) * (SIZE.width - SIZE.left - SIZE.right);
  const y = (value: number): number =>
    height - SIZE.bottom - ((scale(value) - scale(low)) / Math.max(1e-12, scale(high) - scale(low))) * (height - SIZE.top - SIZE.bottom);
  const parts: string[] = [];
  const { band } = chart;
  if (band !== undefined && band.to > low && band.from < high) {
    const [top, bottom] = [y(Math.min(high, band.to)), y(Math.max(low, band.from))];
    parts.push(
      `<rect class="band" x="${SIZE.left}" y="${top}" width="${SIZE.width - SIZE.left - SIZE.right}" height="${bottom - top}"><title>${escaped(band.label)}</title></rect>`,
    );
  }
  for (const tick of ticksOf(low, high, chart.log === true))
    parts.push(
      `<line class="grid" x1="${SIZE.left}" x2="${SIZE.width - SIZE.right}" y1="${y(tick)}" y2="${y(tick)}"/><text class="tick" x="${SIZE.left - 6}" y="${y(tick) + 4}" text-anchor="end">${escaped(figure(tick))}</text>`,
    );
  for (const tick of ticksOf(left, right, false))
    parts.push(`<text class="tick" x="${x(tick)}" y="${height - 12}" text-anchor="middle">${escaped(figure(tick))}</text>`);
  for (const { y: value, label } of chart.marks ?? [])
    if (value >= low && value <= high)
      parts.push(
        `<line class="mark" x1="${SIZE.left}" x2="${SIZE.width - SIZE.right}" y1="${y(value)}" y2="${y(value)}"/><text class="label halo" x="${chart.log ? SIZE.width - SIZE.right - 4 : SIZE.left + 4}" y="${y(value) - 4}"${chart.log ? ' text-anchor="end"' : ''}>${escaped(label)} ${escaped(figure(value))}</text>`,
      );
  for (const { x: value, label } of chart.stops ?? [])
    if (value >= left && value <= right) {
      const [anchor, beside] = x(value) > (SIZE.left + SIZE.width - SIZE.right) / 2 ? ['end', -4] : ['start', 4];
      parts.push(
        `<line class="mark" x1="${x(value)}" x2="${x(value)}" y1="${SIZE.top}" y2="${height - SIZE.bottom}"/><text class="label halo" x="${x(value) + beside}" y="${SIZE.top + 9}" text-anchor="${anchor}">${escaped(label)} ${escaped(figure(value))}</text>`,
      );
    }
  series.forEach(({ spread: all = [], stroke: [colour] }, k) => {
    const last = drawn[k]!.at(-1)?.[0] ?? right;
    const spread = all.filter(([step]) => step <= last);
    // On decades a bound of 0 lies at the chart's foot.
    const inside = (value: number): number => y(Math.min(high, Math.max(low, value)));
    const upper = spread.map(([step, , most]) => `${x(step).toFixed(1)} ${inside(most).toFixed(1)}`);
    const lower = spread.map(([step, least]) => `${x(step).toFixed(1)} ${inside(least).toFixed(1)}`).reverse();
    if (upper.length > 1)
      parts.push(`<path class="spread" d="M${[...upper, ...lower].join('L')}Z" fill="var(${colour})" fill-opacity="0.18"/>`);
  });
  series.forEach(({ name, stroke: [colour, dash] }, k) => {
    const shown = thinned(drawn[k]!);
    const path = shown.map(([step, value], n) => `${n === 0 ? 'M' : 'L'}${x(step).toFixed(1)} ${y(value).toFixed(1)}`).join('');
    const single = shown.length === 1 ? `<circle cx="${x(shown[0]![0])}" cy="${y(shown[0]![1])}" r="3" fill="var(${colour})"/>` : '';
    parts.push(
      `<path d="${path}" fill="none" stroke="var(${colour})" stroke-width="1.6" stroke-dasharray="${dash}"><title>${escaped(name)}</title></path>${single}`,
    );
  });
  for (const { series: of, x: at, label } of chart.spots ?? []) {
    const k = series.findIndex(({ name }) => name === of);
    const point = drawn[k]?.find(([step]) => step === at);
    if (point !== undefined)
      parts.push(
        `<circle class="spot" cx="${x(at)}" cy="${y(point[1])}" r="4.5" stroke="var(${series[k]!.stroke[0]})"><title>${escaped(label)}</title></circle>`,
      );
  }
  parts.push(
    ...labels(
      series.map(({ name, stroke }, k) => ({ name, stroke, points: drawn[k]! })),
      y,
      height,
    ),
  );
  const units = [chart.unit, chart.log ? 'logarithmic' : undefined].filter((each) => each !== undefined && each !== '').join(', ');
  const unit = units === '' ? '' : ` <span class="unit">${escaped(units)}</span>`;
  return `<figure><figcaption>${escaped(chart.title)}${unit}</figcaption><svg viewBox="0 0 ${SIZE.width} ${height}" role="img" aria-label="${escaped(sentence(chart, series))}">${parts.join('')}<text class="tick" x="${SIZE.width - SIZE.right}" y="${height - 1}" text-anchor="end">${escaped(chart.along ?? 'step')}</text></svg>${table(series, chart.along)}</figure>`;
}

/** Up to where a line crosses the floor, in a straight line on decades. */
function aboveFloor(points: Series['points'], floor: number): Series['points'] {
  const below = points.findIndex(([, y]) => y < floor);
  if (below < 0) return points;
  const [[x1, y1], [x2, y2]] = [points[Math.max(0, below - 1)]!, points[below]!];
  const share = y1 <= floor ? 0 : Math.log(y1 / floor) / Math.log(y1 / y2);
  return [...points.slice(0, below), [x1 + share * (x2 - x1), floor]];
}

/** Names at the right ends of the lines, apart from each other. */
function labels(
  series: readonly (Series & { readonly stroke: (typeof strokes)[number] })[],
  y: (value: number) => number,
  height: number,
): string[] {
  const places = series.map(({ name, points, stroke }) => ({ name, stroke, at: y(points.at(-1)![1]) + 4 })).sort((a, b) => a.at - b.at);
  for (let k = 1; k < places.length; k += 1) places[k]!.at = Math.max(places[k]!.at, places[k - 1]!.at + 13);
  const over = (places.at(-1)?.at ?? 0) - (height - SIZE.bottom + 6);
  if (over > 0) for (const place of places) place.at = Math.max(SIZE.top + 4, place.at - over);
  return places.map(({ name, stroke: [colour, dash], at }) => {
    const from = SIZE.width - SIZE.right + 4;
    const short = name.length > 16 ? `${name.slice(0, 15)}…` : name;
    return `<line x1="${from}" x2="${from + 14}" y1="${at - 4}" y2="${at - 4}" stroke="var(${colour})" stroke-width="2" stroke-dasharray="${dash}"/><text class="label" x="${from + 18}" y="${at}">${escaped(short)}<title>${escaped(name)}</title></text>`;
  });
}

/** What the chart shows, for those who hear it. */
const sentence = ({ title, unit = '', along = 'step' }: Chart, series: readonly Series[]): string =>
  `${title}${unit === '' ? '' : ` in ${unit}`}. ${series
    .map(({ name, points }) => {
      const [first, last] = [points[0]!, points.at(-1)!];
      return `${name}: ${figure(first[1])} at ${along} ${figure(first[0])}, ${figure(last[1])} at ${along} ${figure(last[0])}`;
    })
    .join('; ')}.`;

function table(series: readonly Series[], along = 'step'): string {
  const rows = series.flatMap(({ name, points }) =>
    thinned(points, 12).map(
      ([step, value]) =>
        `<tr><td>${escaped(name)}</td><td>${figure(step)}</td><td>${escaped(String(Number(value.toPrecision(6))))}</td></tr>`,
    ),
  );
  return `<details><summary>Numbers</summary><table><thead><tr><th>series</th><th>${escaped(along)}</th><th>value</th></tr></thead><tbody>${rows.join('')}</tbody></table></details>`;
}

/** With some room around, but within 0 and `most`, unless the values are beyond. */
function rangeOf(values: readonly number[], log: boolean, most = Number.POSITIVE_INFINITY): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (log) return low === high ? [low / 2, high * 2] : [low / 1.1, high * 1.1];
  const room = low === high ? Math.abs(low) / 10 || 1 : (high - low) * 0.05;
  return [low - (low >= 0 && low - room < 0 ? low : room), high <= most ? Math.min(high + room, most) : high + room];
}

/** About five round numbers within a range; of decades, the powers of ten. */
export function ticksOf(low: number, high: number, log: boolean): number[] {
  if (log) {
    const [from, to] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
    const every = Math.max(1, Math.ceil((to - from + 1) / 6));
    const powers = Array.from({ length: Math.max(0, to - from + 1) }, (_, k) => 10 ** (from + k)).filter((_, k) => k % every === 0);
    if (powers.length >= 2) return powers;
    // Less than two decades: 1, 2 and 5 of each.
    const first = Math.floor(Math.log10(low));
    return [0, 1, 2].flatMap((k) => [1, 2, 5].map((each) => each * 10 ** (first + k))).filter((each) => each >= low && each <= high);
  }
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-12)));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough)!;
  const first = Math.ceil(low / step) * step;
  return Array.from({ length: Math.floor((high - first) / step + 1e-9) + 1 }, (_, k) => Number((first + k * step).toPrecision(12)));
}

/** At most so many points: of each stretch the one that lies farthest from its mean, so that spikes stay. */
function thinned(points: Series['points'], most = MOST): Series['points'] {
  if (points.length <= most) return points;
  return Array.from({ length: most }, (_, k) => {
    const part = points.slice(
      Math.floor((k * points.length) / most),
      Math.max(Math.floor((k * points.length) / most) + 1, Math.floor(((k + 1) * points.length) / most)),
    );
    const mean = part.reduce((sum, [, y]) => sum + y, 0) / part.length;
    return part.reduce((best, each) => (Math.abs(each[1] - mean) > Math.abs(best[1] - mean) ? each : best));
  });
}

/** A number as it stands at an axis. */
export const figure = (value: number): string => {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3)
    return value
      .toExponential(size >= 1e6 ? 1 : 0)
      .replace('e+', 'e')
      .replace('-', '−');
  if (Number.isInteger(value)) return value.toLocaleString('en-US').replace('-', '−');
  return String(Number(value.toPrecision(3))).replace('-', '−');
};
