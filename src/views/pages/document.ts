// The document around a page: its style, and the script that puts another page in its place.

import { randomBytes } from 'node:crypto';
import { chartStyle } from '../../shared/chart-style.ts';

/** Open details stay open, and the place of the reader what it is, when the page is replaced. Long tables are turned over in pages (`data-at-once`), and
 *  the classes of a table found and ordered. What has `data-action` tells the host when it is pressed: all its data. */
const script = `
const page = document.getElementById('page');
const host = globalThis.acquireVsCodeApi?.();
page.addEventListener('click', ({ target }) => {
  const pressed = target.closest('[data-action]');
  if (pressed && !pressed.disabled) host?.postMessage({ ...pressed.dataset });
});
addEventListener('message', ({ data }) => {
  if (typeof data !== 'string') return;
  // Many are called Numbers: they are told apart by what they are of.
  const key = (each) => [each.closest('figure')?.querySelector('figcaption'), each.closest('section')?.querySelector('h2'), each.querySelector('summary')].map((part) => part?.textContent).join();
  const open = new Map([...page.querySelectorAll('details')].map((each) => [key(each), each.open]));
  const name = (each) => each && JSON.stringify({ ...each.dataset });
  const focusable = '[data-action], [data-setting]';
  const active = document.activeElement;
  const focused = active?.matches(focusable) ? name(active) : undefined;
  const typed = active?.dataset.setting === undefined ? undefined : active.value;
  const top = scrollY;
  page.innerHTML = data;
  for (const each of page.querySelectorAll('details')) if (open.has(key(each))) each.open = open.get(key(each));
  turnable();
  scrollTo(0, top);
  const again = focused && [...page.querySelectorAll(focusable)].find((each) => name(each) === focused);
  if (again && typed !== undefined) again.value = typed;
  again?.focus({ preventScroll: true });
});
function turnable() {
  for (const table of page.querySelectorAll('table[data-at-once]')) {
    const rows = [...table.tBodies[0].rows];
    const size = Number(table.dataset.atOnce);
    if (rows.length <= size) continue;
    let from = 0;
    const said = Object.assign(document.createElement('span'), { className: 'unit' });
    said.setAttribute('aria-live', 'polite');
    const button = (text, name, by) => {
      const made = Object.assign(document.createElement('button'), { textContent: text, title: name });
      made.setAttribute('aria-label', name);
      made.addEventListener('click', () => show(from + by));
      return made;
    };
    const [back, on] = [button('‹', 'Examples before', -size), button('›', 'Next examples', size)];
    const show = (place) => {
      from = Math.max(0, Math.min(place, Math.floor((rows.length - 1) / size) * size));
      rows.forEach((row, k) => { row.hidden = k < from || k >= from + size; });
      said.textContent = (from + 1) + ' to ' + Math.min(rows.length, from + size) + ' of ' + rows.length;
      back.disabled = from === 0;
      on.disabled = from + size >= rows.length;
    };
    const bar = Object.assign(document.createElement('div'), { className: 'tools' });
    bar.append(back, on, said);
    table.closest('.scroll').before(bar);
    show(0);
  }
}
page.addEventListener('input', ({ target }) => {
  const details = target.closest('details');
  const body = details?.querySelector('table.classes')?.tBodies[0];
  if (!body) return;
  const rows = [...body.rows];
  if (target.matches('[data-order]')) {
    const order = target.value === 'count' ? (a, b) => b.dataset.count - a.dataset.count : (a, b) => a.dataset.token.localeCompare(b.dataset.token);
    body.append(...rows.sort(order));
  }
  const sought = details.querySelector('[data-find]').value.toLowerCase();
  for (const row of rows) row.hidden = !row.dataset.token.toLowerCase().includes(sought) && !row.textContent.includes(sought);
  details.querySelector('[data-none]').hidden = rows.some((row) => !row.hidden);
});
turnable();`;

const style = `
${chartStyle}body { padding: 8px 20px 40px; font-family: var(--vscode-font-family); font-size: var(--vscode-font-size); color: var(--vscode-foreground); line-height: 1.5; }
h1 { font-size: 1.5em; font-weight: 600; margin: 12px 0 4px; }
h2 { font-size: 1.15em; font-weight: 600; margin: 22px 0 6px; }
p { margin: 4px 0 8px; max-width: 80ch; }
table { border-collapse: collapse; margin: 4px 0 10px; }
caption { text-align: left; color: var(--vscode-descriptionForeground); padding-bottom: 2px; }
th, td { padding: 2px 14px 2px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--vscode-editorWidget-border, rgba(128, 128, 128, 0.35)); font-variant-numeric: tabular-nums; }
th { font-weight: 600; }
code, pre, .chip, .token { font-family: var(--vscode-editor-font-family); font-size: var(--vscode-editor-font-size); }
pre { white-space: pre-wrap; background: var(--vscode-textCodeBlock-background); padding: 8px 12px; margin: 4px 0 10px; max-width: 100ch; }
summary { cursor: pointer; padding: 2px 0; }
summary:focus-visible { outline: 1px solid var(--vscode-focusBorder); }
figure { margin: 0; }
figcaption { font-weight: 600; margin-bottom: 2px; }
svg { width: 100%; max-width: 720px; display: block; overflow: visible; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(430px, 100%), 1fr)); gap: 18px 28px; margin: 16px 0; }
.side { display: flex; align-items: flex-start; flex-wrap: wrap; gap: 8px 48px; }
.scroll { overflow-x: auto; }
.unit { color: var(--vscode-descriptionForeground); font-weight: 400; }
.bar { fill: var(--vscode-charts-blue); }
.best { font-weight: 700; }
.wrong td:last-child { color: var(--vscode-errorForeground); }
.failed { color: var(--vscode-errorForeground); }
.note { font-style: italic; }
.empty { color: var(--vscode-descriptionForeground); }
.remarks li { max-width: 80ch; }
.chip { border: 1px solid var(--vscode-editorWidget-border, rgba(128, 128, 128, 0.35)); border-radius: 3px; padding: 0 3px; margin: 0 1px; display: inline-block; line-height: 1.35; }
.count { position: relative; min-width: 180px; }
.share { display: inline-block; height: 0.7em; width: calc(110px * var(--share)); background: var(--vscode-charts-blue); margin-right: 8px; }
.number, .right td, .right th { text-align: right; }
.numbers { font-variant-numeric: tabular-nums; white-space: pre-wrap; }
.course { display: flex; align-items: center; gap: 8px; white-space: nowrap; }
.spark { width: 220px; flex: none; }
.shades { fill: var(--vscode-foreground); }
.shades .frame { fill: none; stroke: var(--vscode-editorWidget-border, rgba(128, 128, 128, 0.35)); }
.values summary { color: var(--vscode-descriptionForeground); }
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px; margin: 4px 0; }
.tools input, .tools select { font: inherit; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border: 1px solid var(--vscode-input-border, var(--vscode-editorWidget-border, rgba(128, 128, 128, 0.35))); border-radius: 2px; padding: 1px 6px; }
.tools select { color: var(--vscode-dropdown-foreground); background: var(--vscode-dropdown-background); }
.tools button { font: inherit; min-width: 26px; color: var(--vscode-button-secondaryForeground); background: var(--vscode-button-secondaryBackground); border: 1px solid var(--vscode-button-border, var(--vscode-contrastBorder, transparent)); border-radius: 2px; cursor: pointer; }
.tools button:disabled { opacity: 0.45; cursor: default; }
.actions { display: flex; flex-wrap: wrap; gap: 8px; margin: 12px 0; }
.actions button { font: inherit; padding: 4px 12px; color: var(--vscode-button-secondaryForeground); background: var(--vscode-button-secondaryBackground); border: 1px solid var(--vscode-button-border, var(--vscode-contrastBorder, transparent)); border-radius: 2px; cursor: pointer; }
.actions button:hover { background: var(--vscode-button-secondaryHoverBackground); }
.actions button.primary { color: var(--vscode-button-foreground); background: var(--vscode-button-background); }
.actions button.primary:hover { background: var(--vscode-button-hoverBackground); }
.actions button[aria-pressed="true"] { font-weight: 700; }
.vscode-high-contrast .actions button[aria-pressed="true"], .vscode-high-contrast-light .actions button[aria-pressed="true"] { outline: 2px solid var(--vscode-contrastActiveBorder); outline-offset: -3px; }
.actions button:disabled { opacity: 0.5; cursor: default; }
.actions button:focus-visible, .link:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: 2px; }
.link { font: inherit; padding: 0; border: 0; background: none; color: var(--vscode-textLink-foreground); cursor: pointer; text-align: left; }
.link:hover { color: var(--vscode-textLink-activeForeground); text-decoration: underline; }
.warning { border-left: 3px solid var(--vscode-editorWarning-foreground); padding: 4px 12px; margin: 8px 0; background: var(--vscode-textBlockQuote-background, transparent); max-width: 100ch; }
.warning strong::before { content: "⚠ "; color: var(--vscode-editorWarning-foreground); }
.warning ul { margin: 2px 0; padding-left: 20px; }
table.parts code, table.parts th { white-space: nowrap; }
.good { color: var(--vscode-testing-iconPassed, var(--vscode-charts-green)); }
.tools :focus-visible { outline: 1px solid var(--vscode-focusBorder); }
.beam { position: relative; margin: 8px 0 12px; }
.beam svg path { fill: none; stroke: var(--vscode-descriptionForeground); stroke-width: 1; opacity: 0.6; }
.beam svg path.best { stroke: var(--vscode-foreground); stroke-width: 2.5; opacity: 1; }
.beam svg path.dropped { stroke-dasharray: 3 3; }
.node { position: absolute; box-sizing: border-box; width: 52px; height: 34px; padding: 1px 2px; font: inherit; font-size: 11px; line-height: 15px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; color: var(--vscode-foreground); background: var(--vscode-editor-background); border: 1px solid var(--vscode-descriptionForeground); border-radius: 4px; cursor: pointer; }
.node b { display: block; font-family: var(--vscode-editor-font-family); overflow: hidden; text-overflow: ellipsis; }
.node span { color: var(--vscode-descriptionForeground); font-variant-numeric: tabular-nums; }
.node.best { border: 2px solid var(--vscode-foreground); padding: 0 1px; }
.node.dropped { border-style: dashed; }
.node.dropped b { font-weight: 400; }
.node.forced { border-bottom-style: double; border-bottom-width: 4px; }
.node:hover:not(:disabled) { background: var(--vscode-list-hoverBackground); outline: 1px dashed var(--vscode-contrastActiveBorder, transparent); }
.node:disabled { cursor: default; }
.node:focus-visible { outline: 2px solid var(--vscode-focusBorder); outline-offset: 1px; }
[hidden] { display: none !important; }
.confusion td, .confusion th { padding: 2px 6px; border: 1px solid var(--vscode-editorWidget-border, rgba(128, 128, 128, 0.35)); text-align: right; }
.confusion thead span { writing-mode: vertical-rl; transform: rotate(180deg); }
.confusion .right { background: color-mix(in srgb, var(--vscode-charts-green) calc(var(--share) * 60%), transparent); }
.confusion .cell { background: color-mix(in srgb, var(--vscode-charts-red) calc(var(--share) * 60%), transparent); }
.vscode-high-contrast .confusion td { background: none; }
.vscode-high-contrast .confusion .right { outline: 1px dashed var(--vscode-contrastActiveBorder, currentColor); outline-offset: -3px; }
`;

/** What a page has besides, for itself: its script may use `page` and `host`. */
export interface Own {
  readonly script: string;
  readonly style: string;
}

/** A whole document: styles stand in it, its one script is known by a nonce, nothing is loaded. */
export function documentOf(content: string, own: Own = { script: '', style: '' }): string {
  const nonce = randomBytes(18).toString('hex');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'nonce-${nonce}'">
<style>${style}${own.style}</style>
</head>
<body><main id="page">${content}</main><script nonce="${nonce}">${script}${own.script}</script></body>
</html>`;
}
