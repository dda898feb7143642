// The examples of a preview, as the model sees them: tokens as chips, numbers over time as lines, rows of an image as its shades.

import { escaped, figure } from '../../shared/chart.ts';
import type { DataPreview, PreviewedInput } from '../../shared/dataset.ts';

const partNames = { training: 'Training', validation: 'Validation', test: 'Test' } as const;

/** Rows of a table that are shown at once, where its script runs. */
const AT_ONCE = 5;

export function examples({ examples: all, inputs }: DataPreview): string {
  const groups = (['training', 'validation', 'test'] as const).flatMap((part) => {
    const own = all.filter((example) => example.part === part);
    if (own.length === 0) return [];
    const head = inputs.map(({ name }) => `<th scope="col"><code>${escaped(name)}</code></th>`).join('');
    const rows = own.map(
      ({ index, cells }) =>
        `<tr><td>${figure(index)}</td>${inputs.map((input) => `<td>${cellOf(input, cells[input.name] ?? [])}</td>`).join('')}</tr>`,
    );
    return [
      `<details${part === 'training' ? ' open' : ''}><summary>${partNames[part]}</summary><div class="scroll"><table class="examples" data-at-once="${AT_ONCE}" aria-label="${partNames[part]} examples"><thead><tr><th scope="col">#</th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div></details>`,
    ];
  });
  return `<h2>Examples, as the model sees them</h2>${groups.join('')}`;
}

/** Tokens of a cell that are shown. */
const SHOWN = 120;

function cellOf(input: PreviewedInput, steps: readonly string[]): string {
  if (/\bof\b/.test(input.type)) {
    const shown = steps.slice(0, SHOWN).map((token) => `<span class="chip">${visible(token)}</span>`);
    return `${shown.join('')}${steps.length > SHOWN ? ` <span class="unit">… ${figure(steps.length)} in all</span>` : ''}`;
  }
  if (steps[0]?.startsWith('data:image/'))
    return `<img class="picture" src="${escaped(steps[0])}" alt="${escaped(input.name)}" style="image-rendering: pixelated; min-width: 96px">`;
  const values = steps.map((step) => step.split(' '));
  const course = values.length === 1 ? unfolded(values[0]!, input.type) : values;
  const [first = []] = course;
  if (course.length < 4) return `<span class="numbers">${escaped(course.map((step) => step.join('  ')).join('; '))}</span>`;
  const names = first.length === input.features?.length ? input.features.map(({ name }) => name) : first.map((_, k) => String(k + 1));
  const numbers = names.map((_, k) => course.map((step) => numberOf(step[k] ?? '')));
  const picture =
    names.length > MOST_LINES
      ? shades(input.name, course.length, numbers)
      : names.map((name, k) => line(names.length === 1 ? '' : name, numbers[k]!)).join('');
  return `${picture}${table(names, course)}`;
}

/** Numbers that stand in one row have steps too: the rows of an image `[12, 12]`, the values that follow. */
function unfolded(values: readonly string[], type: string): readonly (readonly string[])[] {
  const [, rows, columns] = /^\[(\d+), (\d+)\]$/.exec(type) ?? [];
  const width = rows === undefined || Number(rows) * Number(columns) !== values.length ? 1 : Number(columns);
  if (values.length <= 3) return [values];
  return Array.from({ length: values.length / width }, (_, t) => values.slice(t * width, (t + 1) * width));
}

/** Features that are drawn as lines; more of them are the rows of an image. */
const MOST_LINES = 6;
const LINE = { width: 220, height: 26 } as const;

/** The course of a feature; a gap where it is missing. */
function line(name: string, values: readonly number[]): string {
  const [least, most] = rangeOf(values);
  const x = (t: number): string => ((t / Math.max(1, values.length - 1)) * (LINE.width - 2) + 1).toFixed(1);
  const y = (value: number): string => (LINE.height - 3 - ((value - least) / (most - least || 1)) * (LINE.height - 6)).toFixed(1);
  const path = values
    .map((value, t) => (Number.isFinite(value) ? `${t > 0 && Number.isFinite(values[t - 1]) ? 'L' : 'M'}${x(t)} ${y(value)}` : ''))
    .join('');
  const said = `${name === '' ? '' : `${name}: `}${figure(values.length)} steps, ${figure(least)} to ${figure(most)}`;
  return `<div class="course"><svg class="spark" viewBox="0 0 ${LINE.width} ${LINE.height}" role="img" aria-label="${escaped(said)}"><path d="${path}" fill="none" stroke="var(--vscode-charts-blue)" stroke-width="1.3"/></svg><span class="unit">${escaped(name === '' ? '' : `${name} `)}${figure(least)} … ${figure(most)}</span></div>`;
}

/** Steps downwards, features across, the larger the stronger. */
function shades(name: string, steps: number, features: readonly (readonly number[])[]): string {
  const [least, most] = rangeOf(features.flat());
  const size = Math.max(2, Math.min(8, Math.floor(200 / Math.max(steps, features.length))));
  const cells = features.flatMap((values, x) =>
    values.map((value, t) => {
      const share = Number.isFinite(value) ? (value - least) / (most - least || 1) : 0;
      return share < 0.01 ? '' : `<rect x="${x * size}" y="${t * size}" width="${size}" height="${size}" opacity="${share.toFixed(2)}"/>`;
    }),
  );
  const said = `${name}: ${figure(steps)} steps downwards, ${features.length} features across, ${figure(least)} to ${figure(most)}`;
  const [width, height] = [features.length * size, steps * size];
  return `<svg class="shades" viewBox="0 0 ${width} ${height}" style="width: ${width}px" role="img" aria-label="${escaped(said)}"><rect class="frame" width="${width}" height="${height}"/>${cells.join('')}</svg>`;
}

function table(names: readonly string[], steps: readonly (readonly string[])[]): string {
  const head = names.length === 1 ? '' : `<thead><tr><th>t</th>${names.map((name) => `<th>${escaped(name)}</th>`).join('')}</tr></thead>`;
  const rows = steps.map((step, t) => `<tr><td>${t}</td>${step.map((value) => `<td>${escaped(value)}</td>`).join('')}</tr>`);
  return `<details class="values"><summary>Numbers</summary><table class="right">${head}<tbody>${rows.join('')}</tbody></table></details>`;
}

function rangeOf(values: readonly number[]): readonly [least: number, most: number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) if (Number.isFinite(value)) [least, most] = [Math.min(least, value), Math.max(most, value)];
  return least > most ? [0, 0] : [least, most];
}

/** A number as numberText writes it. */
const numberOf = (text: string): number => (text === 'missing' ? Number.NaN : Number(text.replace(/−/g, '-').replace(/,/g, '')));

/** With what cannot be seen made visible. */
export const visible = (token: string): string =>
  token === '' ? '∅' : escaped(token).replace(/ /g, '␣').replace(/\n/g, '⏎').replace(/\t/g, '⇥').replace(/\r/g, '␍');
