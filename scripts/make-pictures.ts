// Takes the pictures of the walkthrough in the real workbench, in three themes: media/walkthrough/STEP-THEME.png. Names of steps as arguments take only these.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Workbench } from '../test/e2e/workbench.ts';
import { build } from './build.ts';
import { root } from './root.ts';

const folder = join(root, 'media', 'walkthrough');
const themes = [
  ['light', 'Light Modern'],
  ['contrast', 'Dark High Contrast'],
  ['dark', 'Dark Modern'],
] as const;

/** Without the bars of the window. */
const clip = { x: 50, y: 30, width: 950, height: 580 };

const asked = process.argv.slice(2);
const wanted = (step: string): boolean => asked.length === 0 || asked.includes(step);

mkdirSync(folder, { recursive: true });
build();
const workbench = await Workbench.open({
  size: { width: 1000, height: 640 },
  settings: {
    'breadcrumbs.enabled': false,
    'editor.minimap.enabled': false,
    'editor.stickyScroll.enabled': false,
    'debug.toolBarLocation': 'commandCenter',
    'debug.openDebug': 'neverOpen',
  },
});
const { page } = workbench;
try {
  await take();
} catch (error) {
  await page.screenshot({ path: join(root, '.cache', 'shots', 'pictures-failed.png') });
  throw error;
} finally {
  await workbench.close();
}

/** The picture of a step in each theme. `settle`: what changing the theme has closed is opened again. */
async function shoot(step: string, settle: () => Promise<void> = async () => {}): Promise<void> {
  for (const [name, theme] of themes) {
    await workbench.setTheme(theme);
    await settle();
    await page.mouse.move(960, 600);
    await page.waitForTimeout(1200);
    await page.screenshot({ path: join(folder, `${step}-${name}.png`), clip });
  }
  console.log(step);
}

async function take(): Promise<void> {
  await workbench.command('View: Close Primary Side Bar');
  if (wanted('open') || wanted('fault')) {
    await workbench.openFile('text.rnn');
    await workbench.lens('Train').waitFor();
  }
  if (wanted('open')) await shoot('open');
  if (wanted('fault')) {
    const right = 'h      = lstm(x, 96)';
    workbench.edit('text.rnn', (source) => source.replace(right, 'h      = lstn(x, 96)'));
    await page.locator('.squiggly-error').first().waitFor();
    await shoot('fault', async () => {
      await workbench.line('lstn').click();
      await workbench.command('Go to Next Problem (Error, Warning, Info)');
      await page.locator('.peekview-widget, .marker-widget').first().waitFor();
    });
    await page.keyboard.press('Escape');
    workbench.edit('text.rnn', (source) => source.replace('lstn', 'lstm'));
    await workbench.command('View: Close All Editors');
  }
  if (wanted('own'))
    await shoot('own', async () => {
      await page.keyboard.press('Escape');
      await workbench.command('Unroll: New Model');
      await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Generated task' }).waitFor();
    });
  await page.keyboard.press('Escape');
  if (wanted('data')) {
    await workbench.openFile('classify.rnn');
    await workbench.command('Unroll: Preview Data');
    await (await workbench.webview('h1:has-text("words.csv")')).locator('table').first().waitFor();
    await workbench.command('View: Close Other Editors in Group').catch(() => {});
    await shoot('data');
    await workbench.command('View: Close All Editors');
  }
  if (wanted('compare')) await compare();
  if (wanted('train') || wanted('step') || wanted('gates')) await trained();
}

async function compare(): Promise<void> {
  workbench.edit('adding.rnn', (source) => source.replace('length: 100', 'length: 50'));
  await workbench.openFile('adding.rnn');
  await workbench.lens('Train').click();
  await workbench.told(/Adding-2 is trained/).waitFor({ timeout: 280_000 });
  await workbench.command('Notifications: Clear All Notifications');
  await workbench.command('View: Close All Editors');
  await workbench.openFile('adding.rnn');
  await workbench.lens('Compare').click();
  await (await workbench.webview('h1:has-text("2 runs")')).locator('svg').first().waitFor();
  await shoot('compare');
  await workbench.command('View: Close All Editors');
}

async function trained(): Promise<void> {
  await workbench.openFile('text.rnn');
  await workbench.lens('Train').click();
  await workbench.told(/Village-1 is trained/).waitFor({ timeout: 280_000 });
  await workbench.command('Notifications: Clear All Notifications');
  await workbench.webview('[role="progressbar"]');
  if (wanted('train')) await shoot('train');
  if (!wanted('step') && !wanted('gates')) return;
  await page.keyboard.press('Control+Shift+D');
  await page.locator('[id="workbench.view.debug"]').waitFor();
  await workbench.openFile('text.rnn');
  await workbench.startDebugging('There was a');
  await workbench.command('View: Close Primary Side Bar');
  for (let k = 0; k < 12; k += 1) await page.keyboard.press('F10');
  if (wanted('gates')) {
    await workbench.command('Unroll: Show Timeline');
    await workbench.webview('[role="img"][aria-label^="Forget gate"]');
    await shoot('gates');
  }
  if (wanted('step')) {
    await workbench.openFile('text.rnn');
    await page.keyboard.press('F11');
    await page.locator('.tab.active', { hasText: 'recurrent.rnn' }).waitFor();
    await page.keyboard.press('F10');
    await shoot('step');
  }
  await page.keyboard.press('Shift+F5');
}
