// An analysis as a page: verdict first, then charts and tables of what it stands on. HTML text without scripts.

import type { Analysis, Verdict } from '../shared/analysis.ts';
import { escaped } from '../shared/chart.ts';
import { ablationHtml } from './ablation.ts';
import { attributionHtml } from './attribution.ts';
import { layerHtml } from './layer.ts';
import { type Links, noLinks } from './links.ts';
import { probesHtml } from './probes.ts';
import { triedHtml } from './repair.ts';
import { text } from './words.ts';

export interface PageOptions {
  readonly links?: Links;
  /** Stands behind what was measured, before how: HTML. */
  readonly more?: string;
}

/** The page's content, without document and style. */
export function analysisPage(analysis: Analysis, { links = noLinks, more = '' }: PageOptions = {}): string {
  const { title, sequences, steps, threshold, needs, layers, verdicts, remarks = [], tried = [], seed, seconds } = analysis;
  return `<h1>Memory of ${escaped(title)}</h1>
<section aria-label="Verdict"><h2>Verdict</h2>${verdicts.map((each, k) => verdictHtml(each, k, links)).join('')}${remarks.map((each) => `<p class="remark">${escaped(each)}</p>`).join('')}</section>
${triedHtml(tried)}
${layers.map((layer) => layerHtml(layer, analysis, links)).join('')}
${probesHtml(analysis)}${attributionHtml(analysis)}${ablationHtml(analysis)}${more}<section><h2>How this was measured</h2><p>${sequences} sequences of up to ${steps} steps; nothing is padded. The gradient is that of h<sub>T</sub> · v at a sequence's last step, v drawn from N(0, 1) (seed ${seed}), layer by layer. g(k) is the norm of the gradient k steps back over that at the last step: the geometric mean over the sequences, with the 95 % interval of Student's t over logarithms. The horizon is the first lag at which it is below ${text(threshold)}, its interval from 400 resamples of the sequences. Needed are ${needs.lag} steps: ${escaped(needs.why)}. Jacobians are of one sequence. It took ${text(seconds)} s.</p></section>`;
}

const verdictHtml = ({ kind, text: said, evidence, repairs, place }: Verdict, number: number, links: Links): string =>
  `<article class="verdict ${kind === 'sound' ? 'sound' : 'fault'}"><p><strong>${kind === 'sound' ? '✓' : '⚠'} ${escaped(said)}</strong></p><ul>${evidence.map((each) => `<li>${escaped(each)}</li>`).join('')}</ul>${
    repairs.length === 0
      ? ''
      : `<p>What would mend it:</p><ul>${repairs.map((each, k) => `<li>${escaped(each.text)}${each.edits === undefined ? '' : links.repair(number, k)}</li>`).join('')}</ul>`
  }${place === undefined ? '' : `<p class="place">${links.place(place)}</p>`}</article>`;
