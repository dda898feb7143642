// The page as a file that needs nothing beside it.

import type { Analysis, Comparison } from '../shared/analysis.ts';
import { escaped } from '../shared/chart.ts';
import { chartStyle } from '../shared/chart-style.ts';
import { comparisonPage } from './compare.ts';
import { analysisPage } from './page.ts';
import { analysisStyle } from './style.ts';

/** Colours for a browser in the names that charts know them by: of Okabe and Ito's palette, which colour-blind eyes tell apart. */
const STYLE = `
:root { color-scheme: light dark; --vscode-foreground: #1f1f1f; --vscode-descriptionForeground: #595959; --vscode-editorWidget-border: #c8c8c8; --background: #fff;
  --vscode-charts-blue: #0072b2; --vscode-charts-yellow: #b86e00; --vscode-charts-green: #00795a; --vscode-charts-purple: #9c4f7f; --vscode-charts-red: #b34700; --vscode-charts-foreground: #1f1f1f; --vscode-charts-lines: #767676; }
@media (prefers-color-scheme: dark) { :root { --vscode-foreground: #e4e4e4; --vscode-descriptionForeground: #ababab; --vscode-editorWidget-border: #4a4a4a; --background: #1e1e1e;
  --vscode-charts-blue: #56b4e9; --vscode-charts-yellow: #e69f00; --vscode-charts-green: #26b894; --vscode-charts-purple: #d690b8; --vscode-charts-red: #ee7d3b; --vscode-charts-foreground: #e4e4e4; --vscode-charts-lines: #9a9a9a; } }
body { font: 14px/1.5 system-ui, sans-serif; color: var(--vscode-foreground); background: var(--background); max-width: 900px; margin: 24px auto; padding: 0 16px; }
h1 { font-size: 22px; } h2 { font-size: 18px; margin-top: 32px; } small, .unit, caption, details { color: var(--vscode-descriptionForeground); font-weight: 400; }
table { border-collapse: collapse; margin: 12px 0; font-variant-numeric: tabular-nums; } caption { text-align: left; } th, td { text-align: left; padding: 3px 12px 3px 0; vertical-align: top; border-bottom: 1px solid var(--vscode-editorWidget-border); }
figure { margin: 16px 0; } svg { width: 100%; max-width: 760px; display: block; overflow: visible; } code { font-family: ui-monospace, monospace; font-size: 12.5px; }
${chartStyle}${analysisStyle}`;

/** A page as a file of its own: nothing is loaded, no script runs. */
export const reportDocument = (title: string, page: string): string => `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title><style>${STYLE}</style></head><body><main>${page}</main></body></html>
`;

export const analysisDocument = (analysis: Analysis): string => reportDocument(`Memory of ${analysis.title}`, analysisPage(analysis));
export const comparisonDocument = (comparison: Comparison): string =>
  reportDocument(`Memory compared: ${comparison.title}`, comparisonPage(comparison));
