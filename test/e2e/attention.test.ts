import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame, Locator } from 'playwright-core';
import { Workbench } from './workbench.ts';

const DATES = `model Dates(written: [S] of Letter, date: [T] of Digit) {
  encoder = bidirectional(lstm, embed(written, 16), 16)
  decoder = attending_decoder(embed(date, 16), encoder, 32, unit: lstm)
  logits  = linear(decoder, Digit)
  loss    = cross_entropy(logits, next(date))
}

data dates = dates(4_000, seed: 1, test: 400)

train Dates on dates {
  epochs:    4
  batch:     50
  optimizer: adam(0.01)
  report:    [accuracy, exact]
}

generate Dates { search: greedy, length: 12 }
`;

describe('an encoder-decoder with its attention in sight', () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open();
    writeFileSync(join(workbench.folder, 'dates.rnn'), DATES);
    await workbench.openFile('dates.rnn');
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  const map = async (said: string): Promise<Frame> => {
    const panel = await workbench.webview('[role="img"][aria-label^="Attention"]');
    await panel.locator(`[role="img"][aria-label^="Attention"][aria-label*="${said}"]`).waitFor();
    return panel;
  };

  /** Opens a scope of Variables. The list is filled again at each stop: a click on what goes away is lost. */
  const opened = async (scope: string, row: Locator): Promise<void> => {
    for (let attempt = 0; attempt < 5 && !(await row.isVisible()); attempt++) {
      await workbench.variable(new RegExp(`^${scope}$`)).click();
      await row.waitFor({ timeout: 4000 }).catch(() => {});
    }
    await row.waitFor();
  };

  it('steps through what is read, then through what is written, each with its own timesteps', async () => {
    await workbench.lens('Train').click();
    await workbench.told(/Dates-1 is trained/).waitFor({ timeout: 90_000 });
    await workbench.command('Notifications: Clear All Notifications');
    await workbench.openDebugViews();
    const { page } = workbench;
    await page.keyboard.press('F5');
    const row = page.locator('.quick-input-list .monaco-list-row', { hasText: ' → ' }).first();
    await row.waitFor();
    await workbench.screenshot('attention-choose');
    await row.click();
    await workbench.stopped(/Dates\.encoder/);
    const panel = await workbench.webview('[role="img"][aria-label^="Forget gate"]');
    await panel.locator('[role="img"][aria-label^="Forget gate"]').first().waitFor();
    await workbench.screenshot('attention-encoder');
    await page.keyboard.press('F10');
    await workbench.stopped(/Dates\.decoder {2}t = 0 of 12/);
    await map('at place');
    await page.keyboard.press('F10');
    await workbench.stopped(/Dates\.decoder {2}t = 1 of 12/);
    await page.keyboard.press('F11');
    await workbench.stopped(/embed\.vector .*t = 1 of 12/);
    await page.keyboard.press('F10');
    await workbench.stopped(/attending_decoder\.scores {2}t = 1 of 12/);
    await page.keyboard.press('F10');
    await workbench.stopped(/attending_decoder\.weights {2}t = 1 of 12/);
    await opened('Attention', workbench.variable(/^uniformity\(weights\) =/));
    await map('At t 1,');
    await workbench.screenshot('attention-decoder');
  });

  it('stops where the attention is spread out', async () => {
    const { page } = workbench;
    // The cursor stands on the line of the stop.
    await workbench.command('Debug: Add Conditional Breakpoint...');
    await page.locator('.breakpoint-widget .view-lines').click();
    await page.keyboard.type('entropy(weights) > 0.05 * ln(S) and t > 2');
    await page.keyboard.press('Enter');
    await page.keyboard.press('F5');
    const name = await workbench.stopped(/attending_decoder\.weights {2}t = ([3-9]|1\d) of 12/);
    assert.ok(Number(/t = (\d+)/.exec(name)![1]) > 2, name);
    await workbench.screenshot('attention-breakpoint');
  });

  it('steps through what the model writes itself, chosen by a typed source', async () => {
    const { page } = workbench;
    await workbench.stopDebugging();
    await workbench.openFile('dates.rnn');
    await page.keyboard.press('F5');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'What the model writes' }).first().waitFor();
    await page.keyboard.type('5 may 1998');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Read “5 may 1998”' }).first().click();
    // Left empty, what it writes is its own.
    await page.locator('.quick-input-widget:visible', { hasText: 'Leave it empty to see what it writes by itself' }).waitFor();
    await page.keyboard.press('Enter');
    await workbench.stopped(/Dates\.encoder/);
    await page.keyboard.press('F10');
    await workbench.stopped(/Dates\.decoder {2}t = 0 of \d+, '‹begin›'/);
    await map('At t 0,');
    await workbench.screenshot('attention-written');
  });

  it('shows the beam as a tree, and goes on from another branch', async () => {
    await workbench.command('Unroll: Show Beam');
    const { page } = workbench;
    const source = page.locator('.quick-input-widget:visible', { hasText: 'writes: from what?' });
    await source.waitFor();
    await page.keyboard.type('12/5/1998');
    await page.locator('.quick-input-list .monaco-list-row', { hasText: '12/5/1998' }).first().click();
    const beam = await workbench.webview('.beam .node');
    await workbench.screenshot('beam');
    const other = beam.locator('.node.kept, .node.dropped').and(beam.locator(':not(:disabled)')).first();
    await other.click();
    await beam.locator('text=Goes on from').waitFor();
    assert.ok((await beam.locator('.node.forced').count()) > 0);
    await workbench.screenshot('beam-on');
  });

  it('shows it in light and in high contrast', async () => {
    for (const theme of ['Light Modern', 'Dark High Contrast']) {
      await workbench.setTheme(theme);
      await workbench.page.waitForTimeout(800);
      await workbench.page.locator('.tab', { hasText: 'Unroll: Dates' }).first().click();
      await workbench.page.waitForTimeout(500);
      await workbench.screenshot(`attention-${theme.toLowerCase().replaceAll(' ', '-')}`);
      await workbench.page.locator('.tab', { hasText: 'Beam: ' }).first().click();
      await workbench.page.waitForTimeout(500);
      await workbench.screenshot(`beam-${theme.toLowerCase().replaceAll(' ', '-')}`);
    }
    await workbench.setTheme('Dark Modern');
  });
});
