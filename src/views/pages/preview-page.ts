// What a model will see of its data, on one page.

import type { DataPreview } from '../../shared/dataset.ts';
import { escaped, figure } from './chart.ts';

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
  const rows = all.map(({ name, type, from, numbers }) => {
    const figures =
      numbers === undefined
        ? ''
        : `${figure(numbers.least)} … ${figure(numbers.most)}, mean ${figure(numbers.mean)}, deviation ${figure(numbers.deviation)}${numbers.missing > 0 ? `, ${figure(numbers.missing)} missing` : ''}`;
    return `<tr><th scope="row"><code>${escaped(name)}</code></th><td><code>${escaped(type)}</code></td><td>${escaped(from)}</td><td>${escaped(figures)}</td></tr>`;
  });
  return `<h2>Inputs</h2><div class="scroll"><table><thead><tr><td></td><th>type</th><th>from</th><th>numbers in the training part</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
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
  const rows = classes.map(
    ({ token, count }) =>
      `<tr><td class="token">${visible(token)}</td><td class="count"><span class="share" style="--share:${(count / highest).toFixed(3)}"></span>${figure(count)}</td></tr>`,
  );
  const shares = Object.entries(unknown).filter(([, share]) => share > 0);
  const strange =
    shares.length === 0
      ? 'Nothing is unknown.'
      : `Unknown: ${shares.map(([part, share]) => `${(100 * share).toFixed(share < 0.001 ? 3 : 2)} % of ${part}`).join(', ')}.`;
  const more = size > classes.length ? `<p>… and ${figure(size - classes.length)} more.</p>` : '';
  return `<h2>${escaped(dimension)}: ${figure(size)} ${cuts[by]}</h2><p>${escaped(strange)}</p><details${classes.length <= 30 ? ' open' : ''}><summary>How often each occurs in the training part</summary><table>${rows.join('')}</table>${more}</details>`;
}

function examples({ examples: all, inputs: shapes }: DataPreview): string {
  const names = shapes.map(({ name }) => name);
  const groups = (['training', 'validation', 'test'] as const).flatMap((part) => {
    const own = all.filter((example) => example.part === part);
    if (own.length === 0) return [];
    const head = names.map((name) => `<th><code>${escaped(name)}</code></th>`).join('');
    const rows = own.map(
      ({ index, cells }) => `<tr><td>${figure(index)}</td>${names.map((name) => `<td>${cellText(cells[name] ?? [])}</td>`).join('')}</tr>`,
    );
    return [
      `<details${part === 'training' ? ' open' : ''}><summary>${partNames[part]}</summary><div class="scroll"><table class="examples"><thead><tr><th>#</th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div></details>`,
    ];
  });
  return `<h2>Examples, as the model sees them</h2>${groups.join('')}`;
}

/** Tokens or numbers of a cell that are shown. */
const SHOWN = 120;

function cellText(tokens: readonly string[]): string {
  const shown = tokens.slice(0, SHOWN).map((token) => `<span class="chip">${visible(token)}</span>`);
  return `${shown.join('')}${tokens.length > SHOWN ? ` <span class="unit">… ${figure(tokens.length)} in all</span>` : ''}`;
}

/** With what cannot be seen made visible. */
const visible = (token: string): string =>
  token === '' ? '∅' : escaped(token).replace(/ /g, '␣').replace(/\n/g, '⏎').replace(/\t/g, '⇥').replace(/\r/g, '␍');
