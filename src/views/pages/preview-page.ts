// What a model will see of its data, on one page.

import { escaped, figure } from '../../shared/chart.ts';
import type { DataPreview, PreviewedNumbers } from '../../shared/dataset.ts';
import { examples, visible } from './preview-examples.ts';

export function previewPage(preview: DataPreview): string {
  return [
    `<h1>${escaped(preview.title)}</h1>`,
    partsText(preview),
    remarks(preview),
    inputs(preview),
    ...preview.lengths.map(histogram),
    ...preview.vocabularies.map(vocabulary),
    examples(preview),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

const partNames = { training: 'Training', validation: 'Validation', test: 'Test' } as const;

function partsText({ parts }: DataPreview): string {
  const rows = parts.map(
    ({ name, examples: count, steps }) =>
      `<tr><th scope="row">${partNames[name]}</th><td>${count === undefined ? (steps === undefined ? 'endless' : 'one text') : figure(count)}</td><td>${steps === undefined ? '–' : figure(steps)}</td></tr>`,
  );
  return `<table><thead><tr><td></td><th>examples</th><th>timesteps</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

const remarks = ({ remarks: texts }: DataPreview): string =>
  texts.length === 0 ? '' : `<ul class="remarks">${texts.map((text) => `<li>${escaped(text)}</li>`).join('')}</ul>`;

function inputs({ inputs: all }: DataPreview): string {
  const hasNumbers = all.some(({ numbers, features }) => numbers !== undefined || features !== undefined);
  const rows = all.flatMap(({ name, type, from, numbers, features }) => [
    `<tr><th scope="row"><code>${escaped(name)}</code></th><td><code>${escaped(type)}</code></td><td>${escaped(from)}</td>${hasNumbers ? figures(numbers) : ''}</tr>`,
    ...(features ?? []).map((own) => `<tr><td></td><td></td><td>${escaped(own.name)}</td>${figures(own)}</tr>`),
  ]);
  const head = ['least', 'mean', 'most', 'deviation', 'missing'].map((each) => `<th scope="col" class="number">${each}</th>`).join('');
  const note = hasNumbers ? '<p class="unit">Numbers of the training part, in the unit of the data.</p>' : '';
  return `<h2>Inputs</h2><div class="scroll"><table><thead><tr><td></td><th scope="col">type</th><th scope="col">from</th>${hasNumbers ? head : ''}</tr></thead><tbody>${rows.join('')}</tbody></table></div>${note}`;
}

function figures(numbers: PreviewedNumbers | undefined): string {
  if (numbers === undefined) return '<td class="number"></td>'.repeat(5);
  const { least, mean, most, deviation, missing } = numbers;
  return [...[least, mean, most, deviation].map(figure), figure(missing)].map((text) => `<td class="number">${text}</td>`).join('');
}

function histogram({ dimension, least, mean, most, bars }: DataPreview['lengths'][number]): string {
  const highest = Math.max(1, ...bars.map(({ count }) => count));
  const width = 600 / Math.max(1, bars.length);
  const drawn = bars.map(({ from, to, count }, k) => {
    const height = (count / highest) * 110;
    const range = from === to ? `${from}` : `${from} to ${to}`;
    return `<rect class="bar" x="${(k * width + 1).toFixed(1)}" y="${(116 - height).toFixed(1)}" width="${Math.max(1, width - 2).toFixed(1)}" height="${height.toFixed(1)}"><title>${range} steps: ${count}</title></rect>`;
  });
  const said = `Lengths along ${dimension}: from ${least} to ${most}, ${mean.toFixed(1)} on average.`;
  return `<figure><figcaption>Lengths along ${escaped(dimension)} <span class="unit">timesteps</span></figcaption><svg viewBox="0 0 600 140" role="img" aria-label="${escaped(said)}">${drawn.join('')}<text class="tick" x="600" y="10" text-anchor="end">highest bar: ${figure(highest)} examples</text><text class="tick" x="0" y="134">${least}</text><text class="tick" x="600" y="134" text-anchor="end">${most}</text><text class="tick" x="300" y="134" text-anchor="middle">mean ${mean.toFixed(1)}</text></svg></figure>`;
}

const cuts = { char: 'characters', word: 'words', pieces: 'pieces', label: 'labels' } as const;

function vocabulary({ dimension, by, size, classes, unknown }: DataPreview['vocabularies'][number]): string {
  const highest = Math.max(1, ...classes.map(({ count }) => count));
  const all = Math.max(
    1,
    classes.reduce((sum, { count }) => sum + count, 0),
  );
  const rows = classes.map(
    ({ token, count }) =>
      `<tr data-token="${escaped(token)}" data-count="${count}"><td class="token">${visible(token)}</td><td class="count"><span class="share" style="--share:${(count / highest).toFixed(3)}"></span>${figure(count)}</td><td class="number unit">${((100 * count) / all).toFixed(1)} %</td></tr>`,
  );
  const shares = Object.entries(unknown).filter(([, share]) => share > 0);
  const strange =
    shares.length === 0
      ? 'Nothing is unknown.'
      : `Unknown: ${shares.map(([part, share]) => `${(100 * share).toFixed(share < 0.001 ? 3 : 2)} % of ${part}`).join(', ')}.`;
  const more = size > classes.length ? `<p>… and ${figure(size - classes.length)} more.</p>` : '';
  const tools =
    classes.length < 8
      ? ''
      : `<div class="tools"><label>Find <input type="search" data-find></label> <label>Order <select data-order><option value="count">by count</option><option value="token">by name</option></select></label></div>`;
  return `<h2>${escaped(dimension)}: ${figure(size)} ${cuts[by]}</h2><p>${escaped(strange)}</p><details${classes.length <= 30 ? ' open' : ''}><summary>How often each occurs in the training part</summary>${tools}<table class="classes" aria-label="Classes of ${escaped(dimension)}"><tbody>${rows.join('')}</tbody></table><p class="empty" data-none hidden>None is called so.</p>${more}</details>`;
}
