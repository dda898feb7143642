// Why a model remembers or forgets, on one page: settings and what can be done on top, then the analysis as its report has it, with its lines of the source and
// timesteps as links, and what can be studied besides.

import type { Links } from '../../report/links.ts';
import { analysisPage } from '../../report/page.ts';
import { analysisStyle } from '../../report/style.ts';
import { placeText } from '../../report/words.ts';
import type { Analysis, StudyName } from '../../shared/analysis.ts';
import { escaped } from '../../shared/chart.ts';
import { duration } from '../../shared/figures.ts';
import type { AnalysisSettings, SettingName } from '../analysis-settings.ts';
import type { Own } from './document.ts';

export interface Choice {
  readonly value: string;
  readonly label: string;
}

export interface OfferedStudy {
  readonly name: StudyName;
  readonly title: string;
  /** Why it could not be computed. */
  readonly failed?: string;
}

export interface AnalysisView {
  /** What is analysed: `Village-1`, `text.rnn, untrained`. */
  readonly what: string;
  readonly settings: AnalysisSettings;
  /** What is wrong with a setting as it was typed. */
  readonly faults: Readonly<Partial<Record<SettingName, string>>>;
  /** The weights of a run that can be chosen; the layers of an ONNX model. */
  readonly weights?: readonly Choice[];
  readonly parts?: readonly Choice[];
  /** What an ONNX model runs on. */
  readonly input?: string;
  readonly analysis?: Analysis;
  /** Why there is none, or none of these settings. `start`: it can be looked at as it started. */
  readonly failure?: { readonly text: string; readonly start?: true };
  /** What is being computed: `The memory of Village-1`. */
  readonly busy?: string;
  /** The run goes on. */
  readonly note?: string;
  readonly studies: readonly OfferedStudy[];
  /** Timesteps can be looked at in the debugger. */
  readonly debuggable: boolean;
  /** An untrusted folder is looked at only. */
  readonly trusted: boolean;
}

export function analysisView(view: AnalysisView): string {
  const { analysis, failure, busy, note, trusted, what } = view;
  const said = [
    ...(trusted
      ? []
      : [warning('This folder is in restricted mode', 'Models are looked at, but not run: trust the folder to analyse it.')]),
    ...(failure === undefined ? [] : [failed(view, failure)]),
    ...(note === undefined ? [] : [`<p class="unit note" role="status">${escaped(note)}</p>`]),
  ].join('');
  const top = `${head(view)}${busy === undefined ? '' : progress(busy)}`;
  if (analysis === undefined) {
    const empty =
      busy === undefined && failure === undefined && trusted ? '<p class="empty">Nothing has been computed yet: press Compute.</p>' : '';
    return `${top}<h1>Memory of ${escaped(what)}</h1>${said}${empty}`;
  }
  const stale = busy === undefined ? '' : ' class="stale" aria-busy="true"';
  return `${top}${said}<div${stale}>${analysisPage(analysis, { links: links(view), more: studies(view) })}</div>`;
}

function head(view: AnalysisView): string {
  const { settings, faults, weights, parts, input, analysis, busy, trusted } = view;
  const off = trusted ? '' : ' disabled';
  const fields = [
    ...(weights === undefined ? [] : [select('weights', 'weights', weights, settings.weights)]),
    ...(parts === undefined ? [] : [select('part', 'layers', parts, settings.part)]),
    field('sequences', 'sequences', settings.sequences, faults.sequences, 'Sequences of the held-out data, at most'),
    field('length', 'steps', settings.length, faults.length, 'Steps after which a sequence is cut'),
    field(
      'needs',
      'needed lag',
      settings.needs,
      faults.needs,
      'The lag that memory should reach; the length of the sequences where it is empty',
      'all',
    ),
    field(
      'threshold',
      'forgotten below',
      settings.threshold,
      faults.threshold,
      'Of the gradient: what is left below this counts as forgotten',
    ),
  ];
  const wrong = Object.values(faults).map((each) => `<p class="failed" role="alert">${escaped(each)}</p>`);
  const buttons = [
    `<button type="button" class="primary" data-action="again"${off}>${analysis === undefined ? 'Compute' : 'Recompute'}</button>`,
    ...(input === undefined
      ? []
      : [`<button type="button" data-action="input" title="${escaped(`It ran on ${input}`)}"${off}>Other Input…</button>`]),
    `<button type="button" data-action="save"${analysis === undefined || busy !== undefined ? ' disabled' : ''}>Save Report…</button>`,
  ];
  return `<div class="settings"><div class="tools" role="group" aria-label="Settings">${fields.join('')}</div><div class="actions">${buttons.join('')}</div></div>${wrong.join('')}`;
}

const field = (name: SettingName, label: string, value: string, fault: string | undefined, title: string, empty = ''): string =>
  `<label title="${escaped(title)}">${label} <input type="text" size="5" spellcheck="false" data-setting="${name}" value="${escaped(value)}" placeholder="${empty}"${fault === undefined ? '' : ' aria-invalid="true"'}></label>`;

const select = (name: SettingName, label: string, options: readonly Choice[], chosen: string): string =>
  `<label>${label} <select data-setting="${name}">${options.map(({ value, label: text }) => `<option value="${escaped(value)}"${value === chosen ? ' selected' : ''}>${escaped(text)}</option>`).join('')}</select></label>`;

const progress = (what: string): string =>
  `<div class="busy"><span role="status">${escaped(what)} …</span><progress max="1" value="0" aria-label="${escaped(what)}"></progress><span class="unit number" aria-hidden="true"></span><div class="actions"><button type="button" data-action="cancel" title="Escape">Cancel</button></div></div>`;

/** How far it is, beside the bar: `42 %, 3 s left`; `seconds` since it began. */
export function progressText(share: number, seconds: number): string {
  const percent = `${Math.round(100 * share)} %`;
  const left = (seconds * (1 - share)) / share;
  return share > 0.05 && seconds > 1 && left >= 1 ? `${percent}, ${duration(left)} left` : percent;
}

const warning = (title: string, text: string, more = ''): string =>
  `<div class="warning" role="alert"><strong>${escaped(title)}</strong><p>${escaped(text)}</p>${more}</div>`;

function failed({ what, analysis }: AnalysisView, { text, start }: NonNullable<AnalysisView['failure']>): string {
  const title =
    analysis === undefined ? `The memory of ${what} could not be computed` : 'It could not be computed anew: what is below is as it was';
  const button = start ? '<div class="actions"><button type="button" data-action="start">Look at It as It Started</button></div>' : '';
  return warning(title, text, button);
}

const links = ({ debuggable }: AnalysisView): Links => ({
  place: (range) =>
    `<button type="button" class="link" data-action="place" data-uri="${escaped(range.uri)}" data-line="${range.start.line}" data-column="${range.start.column}" title="Open the line">${escaped(placeText(range))}</button>`,
  repair: (verdict, repair) =>
    ` <button type="button" class="link" data-action="try" data-verdict="${verdict}" data-repair="${repair}" title="Before and after, on a copy of the source">Try it</button>`,
  step: (layer, t) =>
    debuggable
      ? `<button type="button" class="link" data-action="step" data-layer="${escaped(layer)}" data-t="${t}" title="Debug the first sequence at this timestep">t = ${t}</button>`
      : `t = ${t}`,
});

function studies({ studies: all, analysis, busy, trusted }: AnalysisView): string {
  if (all.length === 0) return '';
  const rows = all.map(({ name, title, failed: why }) => {
    const isDone = analysis?.studies[name] !== undefined;
    const state =
      why === undefined
        ? isDone
          ? '<span class="good" aria-hidden="true">✓</span> above'
          : ''
        : `<span class="failed">${escaped(why)}</span>`;
    const off = busy === undefined && trusted ? '' : ' disabled';
    return `<tr><th scope="row">${escaped(title.charAt(0).toUpperCase() + title.slice(1))}</th><td><div class="actions"><button type="button" data-action="study" data-study="${name}" aria-label="${escaped(`${isDone ? 'Compute again' : 'Compute'}: ${title}`)}"${off}>${isDone ? 'Compute Again' : 'Compute'}</button></div></td><td>${state}</td></tr>`;
  });
  return `<section class="studies"><h2>To study besides</h2><p class="unit">Each takes its own time, on the same sequences.</p><table aria-label="Studies"><tbody>${rows.join('')}</tbody></table></section>`;
}

export const ownOfAnalysis: Own = {
  script: `
page.addEventListener('change', ({ target }) => {
  const { setting } = target.dataset;
  if (setting !== undefined) host?.postMessage({ action: 'set', setting, value: target.value });
});
addEventListener('keydown', ({ key }) => {
  if (key === 'Escape' && page.querySelector('[data-action="cancel"]')) host?.postMessage({ action: 'cancel' });
});
addEventListener('message', ({ data }) => {
  const bar = page.querySelector('progress');
  if (bar === null || data?.share === undefined) return;
  bar.value = data.share;
  bar.nextElementSibling.textContent = data.text;
});`,
  style: `${analysisStyle}
:root { --background: var(--vscode-editor-background); }
#page { max-width: 1000px; }
.settings { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 4px 24px; margin: 0 -20px; padding: 6px 20px; background: var(--vscode-editor-background); border-bottom: 1px solid var(--vscode-editorWidget-border, var(--vscode-contrastBorder, rgba(128, 128, 128, 0.35))); }
@media (min-width: 560px) { .settings { position: sticky; top: 0; z-index: 1; } }
figure { overflow-x: auto; }
figure svg { min-width: 440px; }
.settings label { color: var(--vscode-descriptionForeground); white-space: nowrap; }
.settings .actions, .busy .actions, .studies .actions { margin: 0; }
.settings [aria-invalid] { border-color: var(--vscode-inputValidation-errorBorder, var(--vscode-errorForeground)); outline: 1px solid var(--vscode-inputValidation-errorBorder, var(--vscode-errorForeground)); }
.busy { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; padding: 8px 0; animation: appear 0s 0.3s both; }
@keyframes appear { from { visibility: hidden; } }
progress { width: 180px; height: 6px; accent-color: var(--vscode-progressBar-background); }
.stale { opacity: 0.6; }
.studies td, .studies th { vertical-align: middle; }
`,
};
