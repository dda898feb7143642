// An ONNX model of others, on one page: what is wrong with it first, then what it takes and gives, and what in it is recurrent.

import { basename } from 'node:path';
import { escaped } from '../../shared/chart.ts';
import {
  type AxisInfo,
  axisInfoText,
  type ForeignInfo,
  type ForeignPort,
  lostText,
  type PartInfo,
  type PartParity,
  wrongParts,
} from '../../shared/foreign.ts';
import { numberText } from '../../shared/numbers.ts';

export interface OnnxPage {
  readonly info: ForeignInfo;
  /** Lines of the workspace that made a part, by the part's name. */
  readonly places?: ReadonlyMap<string, readonly PythonPlace[]>;
  readonly verified?: Verified;
  /** An untrusted folder is looked at only. */
  readonly trusted: boolean;
}

export interface PythonPlace {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** The line has moved, or could not be checked: a sentence. */
  readonly note?: string;
}

export type Verified =
  | { readonly kind: 'running' }
  | { readonly kind: 'failed'; readonly text: string }
  | {
      readonly kind: 'done';
      readonly parity: readonly PartParity[];
      readonly idle: readonly { readonly part: string; readonly why: string }[];
      readonly dimensions: Readonly<Record<string, number>>;
      readonly remarks: readonly string[];
    };

export function onnxPage(page: OnnxPage): string {
  const { info } = page;
  return [
    remarks(info),
    `<h1>${escaped(basename(info.path))}</h1>`,
    `<p class="unit">${escaped(headline(info))}</p>`,
    buttons(page),
    verification(page.verified),
    parts(page),
    attention(info),
    refused(info),
    streaming(info),
    ports('Inputs', info.inputs),
    ports('Outputs', info.outputs),
    operators(info),
    metadata(info),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** In place of a model that could not be read. */
export const unreadable = (path: string, why: string): string =>
  `<h1>${escaped(basename(path))}</h1><div class="warning" role="alert"><strong>This model cannot be shown.</strong><p>${escaped(why)}</p></div><div class="actions">${button('reload', 'Read Again', true)}</div>`;

const remarks = ({ remarks: all }: ForeignInfo): string =>
  all.length === 0
    ? ''
    : `<div class="warning" role="alert"><strong>${all.length === 1 ? 'Something is wrong in this file' : `${all.length} things are wrong in this file`}</strong><ul>${all.map((each) => `<li>${escaped(each)}</li>`).join('')}</ul></div>`;

function headline({ producer, opsets, bytes, parameters, name }: ForeignInfo): string {
  const versions = Object.entries(opsets).map(([domain, version]) => (domain === 'ai.onnx' ? `opset ${version}` : `${domain} ${version}`));
  return [
    ...(name === '' ? [] : [`graph ${name}`]),
    ...(producer === '' ? [] : [producer]),
    ...versions,
    sizeText(bytes),
    `${numberText(parameters)} parameters`,
  ].join(' · ');
}

export function sizeText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

const button = (action: string, label: string, primary = false, why = ''): string =>
  `<button type="button" data-action="${action}"${primary ? ' class="primary"' : ''}${why === '' ? '' : ` disabled title="${escaped(why)}"`}>${label}</button>`;

function buttons({ info, trusted, verified }: OnnxPage): string {
  const isPlain = info.parts.length === 0;
  const none = isPlain && info.attention.length === 0 ? 'Nothing in this model is recurrent or attends, and can be replayed.' : '';
  const why = trusted ? none : 'This folder is in restricted mode: models are looked at, but not run.';
  const noLayers = why === '' && isPlain ? 'Nothing in this model is recurrent.' : why;
  const busy = verified?.kind === 'running';
  return `<div class="actions">${button('debug', 'Debug', true, why)}${button('verify', busy ? 'Verifying …' : 'Verify', false, busy ? 'It runs' : why)}${button('analyse', 'Analyse Memory', false, noLayers)}${button('source', 'Generated Source', false, why)}${button('asModel', 'Open as Model', false, noLayers)}</div>`;
}

function verification(verified: Verified | undefined): string {
  if (verified === undefined) return '';
  if (verified.kind === 'running') return '<p class="empty" role="status">The model and its replay run on random input …</p>';
  if (verified.kind === 'failed')
    return `<div class="warning" role="alert"><strong>The model could not be verified</strong><p>${escaped(verified.text)}</p></div>`;
  const { parity, idle, dimensions, remarks: said } = verified;
  const wrong = wrongParts(parity);
  const sizes = Object.entries(dimensions).map(([name, size]) => `${name} = ${size}`);
  const rows = [
    ...parity.map((each) => `<tr><th scope="row"><code>${escaped(each.part)}</code></th><td>${verdict(each)}</td></tr>`),
    ...idle.map(
      ({ part, why }) => `<tr><th scope="row"><code>${escaped(part)}</code></th><td class="unit">no values: ${escaped(why)}</td></tr>`,
    ),
  ];
  const warning =
    wrong.length === 0
      ? ''
      : `<div class="warning" role="alert"><strong>The replay is not what the model computes</strong><p>${escaped(wrong.map(({ part }) => part).join(', '))}: gates and states shown by the debugger are not those of the model.</p></div>`;
  const measured = parity.filter(({ value }) => value !== undefined);
  const good =
    wrong.length > 0 || measured.length === 0
      ? ''
      : `<p role="status"><span class="good" aria-hidden="true">✓</span> The replay equals the model: the largest relative difference is ${parityText(Math.max(...measured.map(({ value }) => value!)))}.</p>`;
  const lost = parity.filter((each) => each.lost !== undefined).map(lostText);
  const note = [`Random input${sizes.length === 0 ? '' : ` with ${sizes.join(', ')}`}.`, ...said, ...lost].map(escaped).join(' ');
  return `<section aria-label="Verification">${warning}${good}<p class="unit">${note}</p><div class="scroll"><table class="verification" aria-label="Parity by part"><tbody>${rows.join('')}</tbody></table></div></section>`;
}

function verdict(each: PartParity): string {
  const { value, halves } = each;
  if (value === undefined) return '<span class="unit">the model gives nothing to compare it with</span>';
  if (wrongParts([each]).length > 0) return `<strong class="failed">differs by ${parityText(value)}</strong>`;
  return `equal to ${parityText(value)}${halves ? ' <span class="unit">(the model rounds to halves)</span>' : ''}`;
}

export const parityText = (value: number): string => (value === 0 ? 'the last bit' : value.toExponential(0));

function parts({ info, places }: OnnxPage): string {
  if (info.parts.length === 0)
    return '<h2>Recurrent parts</h2><p class="empty">No LSTM, GRU or RNN, and no loop over time, was found in this model.</p>';
  const hasSource = info.parts.some(({ source }) => source.length > 0);
  const hasAxes = info.parts.some(({ axes }) => axes !== undefined);
  const hasWhere = info.parts.some(({ where }) => where !== '');
  const head = [
    'name',
    'kind',
    'layers',
    'directions',
    'input → hidden',
    'form',
    ...(hasWhere ? ['where'] : []),
    'values',
    ...(hasSource ? ['Python'] : []),
    ...(hasAxes ? ['steps', 'sequences'] : []),
  ];
  const rows = info.parts.map((part) => {
    const cells = [
      `<td>${kindNames[part.kind]}</td>`,
      `<td>${part.layers}</td>`,
      `<td>${directionText(part)}</td>`,
      `<td>${part.input ?? '?'} → ${part.hidden ?? '?'}</td>`,
      `<td>${escaped(part.form)}</td>`,
      ...(hasWhere ? [`<td>${escaped(part.where)}</td>`] : []),
      `<td><code>${escaped(part.values.join(' '))}</code></td>`,
      ...(hasSource ? [`<td>${python(part, places?.get(part.name))}</td>`] : []),
      ...(hasAxes ? [axesCell(part.axes?.steps), axesCell(part.axes?.sequences)] : []),
    ];
    const others = part.names.length < 2 ? '' : ` <span class="unit">${escaped(part.names.slice(1).join(', '))}</span>`;
    return `<tr><th scope="row"><code title="${escaped(part.title)}">${escaped(part.name)}</code>${others}</th>${cells.join('')}</tr>`;
  });
  return `<h2>Recurrent parts</h2><div class="scroll"><table class="parts"><thead><tr>${head.map((each) => `<th scope="col">${each}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function attention({ attention: all }: ForeignInfo): string {
  if (all.length === 0) return '';
  const hasAxes = all.some(({ axes }) => axes !== undefined);
  const rows = all.map(({ name, part, value, axis, shape, heads, title, where, axes }) => {
    const over =
      part === undefined
        ? `axis ${axis} of <code>${escaped(value ?? '')}</code>${shape === undefined ? '' : ` <code>${escaped(shapeText(shape))}</code>`}`
        : `at each step of <code>${escaped(part)}</code>`;
    const place = where === '' ? title : `${title} in ${where}`;
    return `<tr><th scope="row"><code title="${escaped(place)}">${escaped(name)}</code></th><td>${over}</td><td>${heads ?? ''}</td>${hasAxes ? axesCell(axes?.steps) + axesCell(axes?.places) : ''}</tr>`;
  });
  return `<h2>Attention</h2><div class="scroll"><table class="attention"><thead><tr><th scope="col">name</th><th scope="col">over</th><th scope="col">heads</th>${hasAxes ? '<th scope="col">steps</th><th scope="col">places</th>' : ''}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

const axesCell = (axes: readonly AxisInfo[] | undefined): string =>
  `<td>${(axes ?? []).map((each) => escaped(each.input === undefined ? 'of the model' : axisInfoText(each)).replaceAll(' ', '&nbsp;')).join('<br>')}</td>`;

const kindNames = { lstm: 'LSTM', gru: 'GRU', rnn: 'RNN', cell: 'cell' } as const;

const directionText = ({ directions, reverse }: PartInfo): string => (directions === 2 ? 'both' : reverse ? 'reverse' : 'forward');

/** A link where the line is in the workspace; else where the file says it was. */
function python({ name, source }: PartInfo, found: readonly PythonPlace[] | undefined): string {
  const [place, ...more] = found ?? [];
  if (place !== undefined) {
    const text = more.length > 0 ? ` <span class="unit">or ${more.length} other${more.length === 1 ? '' : 's'}</span>` : '';
    return `<button type="button" class="link" data-action="python" data-part="${escaped(name)}"${place.note === undefined ? '' : ` title="${escaped(place.note)}"`}>${escaped(basename(place.path))}:${place.line}</button>${text}`;
  }
  const [line] = source;
  if (line === undefined) return '';
  return `<span class="unit" title="${escaped(`${line.file} is no file of this workspace, or has changed`)}">${escaped(line.file.split(/[\\/]/).at(-1) ?? line.file)}:${line.line}</span>`;
}

const refused = ({ refused: all }: ForeignInfo): string =>
  all.length === 0
    ? ''
    : `<h2>Recurrent, but not replayed</h2><table><thead><tr><th scope="col">what</th><th scope="col">where</th><th scope="col">why</th></tr></thead><tbody>${all.map(({ title, where, why }) => `<tr><th scope="row"><code>${escaped(title)}</code></th><td>${escaped(where)}</td><td>${escaped(why)}</td></tr>`).join('')}</tbody></table>`;

const trust = {
  graph: 'The graph shows it:',
  names: 'The names of inputs and outputs say so:',
  shapes: 'A guess by shapes:',
} as const;

const streaming = ({ proposal }: ForeignInfo): string =>
  proposal === undefined
    ? ''
    : `<h2>Streaming</h2><p>This model takes its state and gives it back, so a timestep can be a call. ${trust[proposal.confidence]}</p><ul class="remarks">${proposal.reasons.map((each) => `<li>${escaped(each)}</li>`).join('')}</ul>`;

function ports(title: string, all: readonly ForeignPort[]): string {
  if (all.length === 0) return `<h2>${title}</h2><p class="empty">None.</p>`;
  const rows = all.map(
    ({ name, type, shape }) =>
      `<tr><th scope="row"><code>${escaped(name)}</code></th><td><code>${escaped(type)}</code></td><td><code>${escaped(shapeText(shape))}</code></td></tr>`,
  );
  return `<h2>${title}</h2><div class="scroll"><table><thead><tr><th scope="col">name</th><th scope="col">type</th><th scope="col">shape</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

/** `[B, 12]`, `any rank`. */
export const shapeText = (shape: ForeignPort['shape']): string =>
  shape === undefined ? 'any rank' : `[${shape.map((each) => (each === '' ? '?' : each)).join(', ')}]`;

function operators({ operators: counts, functions }: ForeignInfo): string {
  const all = Object.entries(counts).sort(([a, n], [b, m]) => m - n || a.localeCompare(b));
  const total = all.reduce((sum, [, count]) => sum + count, 0);
  const rows = all.map(
    ([name, count]) => `<tr><th scope="row"><code>${escaped(name)}</code></th><td class="number">${numberText(count)}</td></tr>`,
  );
  const own =
    functions.length === 0 ? '' : `<p>Functions of the file: ${functions.map((each) => `<code>${escaped(each)}</code>`).join(', ')}</p>`;
  return `<details><summary>${numberText(total)} operator${total === 1 ? '' : 's'} of ${numberText(all.length)} kind${all.length === 1 ? '' : 's'}</summary><table><tbody>${rows.join('')}</tbody></table>${own}</details>`;
}

function metadata({ metadata: all }: ForeignInfo): string {
  const entries = Object.entries(all);
  if (entries.length === 0) return '';
  const rows = entries.map(
    ([name, value]) =>
      `<tr><th scope="row"><code>${escaped(name)}</code></th><td>${escaped(value.length > 2000 ? `${value.slice(0, 2000)} …` : value)}</td></tr>`,
  );
  return `<details><summary>Metadata</summary><table><tbody>${rows.join('')}</tbody></table></details>`;
}
