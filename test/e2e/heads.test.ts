import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Workbench } from './workbench.ts';

/** A transformer of a block (Vaswani et al. 2017), two heads each way. */
const HEADS = `model Dates(written: [S] of Letter, date: [T] of Digit) {
  memory = embed(written, 16) + sinusoids(S, 16)
  y      = embed(date, 16) + sinusoids(T, 16)
  own    = y + linear(attend(y, y, 8, heads: 2, causal: true), 16)
  seen   = own + linear(attend(own, memory, 8, heads: 2), 16)
  logits = linear(layer_norm(seen), Digit)
  loss   = cross_entropy(logits, next(date))
}

data dates = dates(1_000, seed: 1, test: 100)

train Dates on dates {
  epochs:    2
  batch:     50
  optimizer: adam(0.01)
}
`;

describe('attention of several heads', () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open();
    writeFileSync(join(workbench.folder, 'heads.rnn'), HEADS);
    await workbench.openFile('heads.rnn');
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  it('has a layer for each head, with what was written at its places', async () => {
    const { page } = workbench;
    await workbench.lens('Train').click();
    await workbench.told(/Dates-1 is trained/).waitFor({ timeout: 90_000 });
    await workbench.command('Notifications: Clear All Notifications');
    await workbench.openDebugViews();
    await page.keyboard.press('F5');
    const row = page.locator('.quick-input-list .monaco-list-row', { hasText: ' → ' }).first();
    await row.waitFor();
    await row.click();
    await workbench.stopped(/Dates\.memory/);
    const panel = await workbench.webview('[role="img"][aria-label^="Attention"]');
    const layers = panel.locator('label.choice', { hasText: 'layer' }).locator('select');
    await layers.waitFor();
    const labels = await layers.locator('option').allTextContents();
    assert.deepEqual(labels, ['own.attend[0] · attend', 'own.attend[1] · attend', 'seen.attend[0] · attend', 'seen.attend[1] · attend']);
    // The source has timesteps of its own: those of what is written stay.
    await page.keyboard.press('F10');
    await workbench.stopped(/Dates\.memory {2}t = 1 of/);
    await panel.locator('[role="img"][aria-label*="At t 0, ‘‹begin›’ at place 0"]').first().waitFor();
    await layers.selectOption((await layers.locator('option', { hasText: 'seen.attend[1]' }).getAttribute('value'))!);
    // Its places are those of what is read.
    await panel.locator('[role="img"][aria-label^="Attention"]:not([aria-label*="‹begin›"])').first().waitFor();
    await page.locator('.pane-header', { hasText: /^Gates$/ }).click();
    const gates = await workbench.webview('body.gates [role="img"]');
    await gates.locator('[role="img"][aria-label*="Attention"][aria-label*="at place"]').waitFor();
    await workbench.screenshot('heads');
    for (const theme of ['Light Modern', 'Dark High Contrast']) {
      await workbench.setTheme(theme);
      await page.waitForTimeout(800);
      await workbench.screenshot(`heads-${theme.toLowerCase().replaceAll(' ', '-')}`);
    }
  });
});
