import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Workbench } from './workbench.ts';

const CAPTIONS = `cell looking(y: [E], regions: [R, C], size H) {
  state s: [H] = tanh(linear(mean(regions, over: R), H))
  param W: [H, H], U: [C, H], v: [H]

  scores  = tanh(W @ s + regions @ U) @ v
  weights = softmax(scores, over: R)
  context = weights @ regions
  s'      = gru([y; context], from: s)
}

model Captions(image: [3, 32, 32], caption: [T] of Word) {
  a       = conv_block(image, 6)
  b       = conv_block(a, 8)
  regions = places(b)
  decoder = looking(embed(caption, 12), regions, 24)
  logits  = linear(decoder, Word)
  loss    = cross_entropy(logits, next(caption))
}

data shapes = shapes(400, size: 32, seed: 1)

train Captions on shapes {
  epochs:    3
  batch:     20
  optimizer: adam(0.01)
}
`;

describe('captions with the image that they are of', () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open();
    writeFileSync(join(workbench.folder, 'captions.rnn'), CAPTIONS);
    await workbench.openFile('captions.rnn');
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  it('shows where the model looked for each word', async () => {
    const { page } = workbench;
    await workbench.lens('Train').click();
    await workbench.told(/Captions-1 is trained/).waitFor({ timeout: 90_000 });
    await workbench.command('Notifications: Clear All Notifications');
    await workbench.openDebugViews();
    await page.keyboard.press('F5');
    const row = page.locator('.quick-input-list .monaco-list-row', { hasText: /steps · validation/ }).first();
    await row.waitFor();
    await row.click();
    await workbench.stopped(/Captions\.a/);
    for (const line of ['b', 'regions', 'decoder']) {
      await page.keyboard.press('F10');
      await workbench.stopped(new RegExp(`Captions\\.${line}`));
    }
    await page.keyboard.press('F10');
    await page.keyboard.press('F10');
    await workbench.stopped(/Captions\.decoder {2}t = 2 of/);
    const panel = await workbench.webview('[role="img"][aria-label^="Attention"]');
    const attention = panel.locator('[role="img"][aria-label^="Attention"][aria-label*="At t 2, row"]');
    await attention.waitFor();
    await workbench.screenshot('captions');
    const { x, y, width } = (await attention.boundingBox())!;
    await page.mouse.move(x + width / 2, y + 12);
    await panel.locator('.tip', { hasText: /row \d, column \d/ }).waitFor();
    await workbench.screenshot('captions-hover');
    for (const theme of ['Light Modern', 'Dark High Contrast']) {
      await workbench.setTheme(theme);
      await page.waitForTimeout(800);
      await workbench.screenshot(`captions-${theme.toLowerCase().replaceAll(' ', '-')}`);
    }
  });
});
