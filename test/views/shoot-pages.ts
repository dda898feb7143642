// Pictures of the pages in all themes: `node test/views/shoot-pages.ts FOLDER`.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { getBrowser } from '../../scripts/vscode/browser.ts';
import { ownOfAnalysis } from '../../src/views/pages/analysis-page.ts';
import { documentOf } from '../../src/views/pages/document.ts';
import { analysisPages } from './analysis-pages.ts';
import { THEMES, type ThemeName } from './gallery/themes.ts';
import { pages } from './pages.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Say into which folder the pictures go.');
await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: getBrowser(), args: ['--no-sandbox', '--disable-gpu'] });
const charts = {
  'charts-blue': '#3794ff',
  'charts-orange': '#d18616',
  'charts-green': '#89d185',
  'charts-purple': '#b180d7',
  'charts-red': '#f14c4c',
  'charts-yellow': '#cca700',
  'charts-foreground': '#cccccc',
  'charts-lines': '#808080',
};
const analyses = await analysisPages();
for (const theme of ['dark', 'light', 'contrast'] as const satisfies readonly ThemeName[]) {
  const { className, variables } = THEMES[theme];
  const declared = Object.entries({ ...charts, 'font-size': '13px', 'editor-font-size': '13px', ...variables })
    .map(([name, value]) => `--vscode-${name}: ${value};`)
    .join(' ');
  for (const [name, content] of Object.entries({ ...pages, ...analyses })) {
    if (theme !== 'dark' && !['run', 'compare', 'preview', 'onnx', 'analysis'].includes(name)) continue;
    for (const width of ['run', 'analysis'].includes(name) && theme === 'dark' ? [1100, 380] : [1000]) {
      const page = await browser.newPage({ viewport: { width, height: 900 } });
      const document = documentOf(content, name in analyses ? ownOfAnalysis : undefined)
        .replace('<style>', `<style>:root { ${declared} background: var(--vscode-editor-background); } `)
        .replace('<body>', `<body class="${className}">`);
      await page.setContent(document);
      await page.screenshot({ path: join(folder, `${name}-${theme}-${width}.png`), fullPage: true });
      await page.close();
    }
  }
}
await browser.close();
