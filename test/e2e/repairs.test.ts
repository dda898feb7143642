// Repairs of memory in the real editor: found, tried, made and taken back.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Workbench } from './workbench.ts';

const SOURCE = `cell keeps(x: [I], size H) {
  state h: [H]
  param W: [H, I], U: [H, H], b: [H] = 0

  z  = sigmoid(W @ x + U @ h + b)
  h' = z * h + (1 - z) * tanh(W @ x)
}

model Sum(x: [T, 2], total: [1]) {
  h    = keeps(x, 12)
  y    = linear(last(h), 1)
  loss = mse(y, total)
}

data sums = adding(length: 40, seed: 1)

train Sum on sums { steps: 10, batch: 8 }
`;
const STARTS = /Start b at 3\.65 \(half-life \d/;

describe('repairs in the workbench', () => {
  let workbench: Workbench;
  const onDisk = (): string => readFileSync(join(workbench.folder, 'keeps.rnn'), 'utf8');
  const squiggle = () => workbench.page.locator('.squiggly-info').first();
  const page = () => workbench.webview('h3:has-text("Start b at 3.65")', 60_000);
  const actions = async (): Promise<void> => {
    await workbench.line('z  = sigmoid').click();
    await workbench.page.keyboard.press('Control+.');
    await workbench.page.locator('.action-widget').first().waitFor();
  };

  before(async () => {
    workbench = await Workbench.open();
    writeFileSync(join(workbench.folder, 'keeps.rnn'), SOURCE);
    await workbench.openFile('keeps.rnn');
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  it('tries one of the palette, and shows before and after', async () => {
    await workbench.command('Unroll: Try Repair of Memory...');
    const row = workbench.rows('.quick-input-list').filter({ hasText: STARTS }).first();
    await row.waitFor({ timeout: 60_000 });
    await workbench.screenshot('repairs-choice');
    await workbench.page.keyboard.press('Enter');
    const frame = await page();
    await frame.locator('strong', { hasText: /^✓ Helps: the memory of h grows from .* to at least 39 steps/ }).waitFor();
    await frame.locator('pre', { hasText: 'b: [H] = 3.65' }).waitFor();
    assert.equal(onDisk(), SOURCE);
    for (const [theme, name] of [
      ['Light Modern', 'light'],
      ['Dark High Contrast', 'contrast'],
      ['Dark Modern', 'dark'],
    ] as const) {
      await workbench.setTheme(theme);
      await workbench.page.waitForTimeout(500);
      await workbench.screenshot(`repairs-page-${name}`);
    }
    await workbench.page.locator('.tab', { hasText: 'Before and After' }).click();
    await workbench.command('View: Close Editor');
    await workbench.page.locator('.tab', { hasText: 'Before and After' }).waitFor({ state: 'detached' });
  });

  it('says in the source what was found, and makes the change as a quick fix, which is undone', async () => {
    await workbench.page.keyboard.press('Control+1');
    await squiggle().waitFor();
    await actions();
    await workbench.page.locator('.action-widget', { hasText: STARTS }).first().waitFor();
    await workbench.screenshot('repairs-actions');
    await workbench.page.locator('.action-widget .action', { hasText: STARTS }).first().click();
    await workbench.line('b: [H] = 3.65').waitFor();
    await workbench.page.keyboard.press('Control+Z');
    await workbench.line('b: [H] = 0').waitFor();
  });

  it('is made from the page, and no longer said of lines that are others', async () => {
    await workbench.command('Unroll: Try Repair of Memory...');
    await workbench.rows('.quick-input-list').filter({ hasText: STARTS }).first().waitFor({ timeout: 60_000 });
    await workbench.page.keyboard.press('Enter');
    const frame = await workbench.webview('button[data-action="apply"]', 60_000);
    await squiggle().waitFor();
    await frame.locator('button[data-action="apply"]').click();
    await workbench.line('b: [H] = 3.65').waitFor();
    await squiggle().waitFor({ state: 'detached' });
    await (await workbench.webview('p[role=status]:has-text("Undo takes it back")')).locator('p[role=status]').waitFor();
  });

  it('tries one from the page of an analysis, which says in the source what it found', async () => {
    await workbench.command('View: Close All Editors');
    writeFileSync(join(workbench.folder, 'again.rnn'), SOURCE);
    await workbench.openFile('again.rnn');
    await workbench.command('Unroll: Analyse Memory');
    const analysis = await workbench.webview('button[data-action="try"]', 60_000);
    await squiggle().waitFor();
    await workbench.screenshot('repairs-analysis');
    await analysis.locator('button[data-action="try"]').first().click();
    const frame = await page();
    await frame.locator('strong', { hasText: /^✓ Helps: the memory of h grows/ }).waitFor();
  });
});
