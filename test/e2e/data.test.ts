// Data that is no running text, in the real editor: a table is previewed, two cells are trained on it one after the other, compared, and an example is
// stepped through.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { random } from '../../src/shared/random.ts';
import { Workbench } from './workbench.ts';

const model = `/// Which of two made-up languages is a word of?
model Words(word: [T] of Letter, language: one of Language, unit: cell = lstm) {
  x      = embed(word, 8)
  h      = unit(x, 16)
  logits = linear(last(h), Language)
  loss   = cross_entropy(logits, language)
}

data words = table("two.csv", by: char, test: 0.2)

train Words(unit: [lstm, gru]) on words {
  epochs:    8
  batch:     16
  optimizer: adam(0.01)
  report:    [accuracy, f1, confusion]
}
`;

/** Words of two languages that end otherwise. */
function table(): string {
  const chance = random(4);
  const pick = (letters: string): string => letters[Math.floor(chance.uniform() * letters.length)]!;
  const rows = Array.from({ length: 400 }, (_, k) => {
    const stem = Array.from({ length: 2 + Math.floor(3 * chance.uniform()) }, () => pick('bdgkmnrst') + pick('aeiou')).join('');
    return `${stem}${k % 2 === 0 ? 'o' : 'en'},${k % 2 === 0 ? 'Southern' : 'Northern'}`;
  });
  return `word,language\n${rows.join('\n')}\n`;
}

describe('a table in the workbench', () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open();
    writeFileSync(join(workbench.folder, 'two.csv'), table());
    writeFileSync(join(workbench.folder, 'two.rnn'), model);
    await workbench.openFile('two.rnn');
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  it('shows the shape of each line at its end', async () => {
    await workbench.line('embed(word').filter({ hasText: '[T, 8]' }).waitFor();
    await workbench.line('unit(x, 16)').filter({ hasText: '↻ T' }).waitFor();
  });

  it('is previewed as the model will see it', async () => {
    await workbench.lens('Preview Data').click();
    const page = await workbench.webview('h1:text("two.csv")');
    await page.locator('text=column "word", by character').waitFor();
    await page.locator('h2:text("Language: 2 labels")').waitFor();
    await page.locator('.examples .chip').first().waitFor();
    await workbench.screenshot('preview-data');
    for (const theme of ['Light Modern', 'Dark High Contrast', 'Dark Modern']) {
      await workbench.setTheme(theme);
      await workbench.screenshot(`preview-data ${theme}`);
    }
  });

  it('trains one cell of a list after the other, and compares them', async () => {
    await workbench.openFile('two.rnn');
    await workbench.lens('Train All').click();
    await workbench.told(/Words-1 is trained/).waitFor({ timeout: 60_000 });
    await workbench.told(/Words-2 is trained/).waitFor({ timeout: 60_000 });
    await workbench.command('Notifications: Clear All Notifications');
    await workbench.command('Unroll: Show Runs');
    await workbench
      .rows('[id="workbench.view.extension.unroll"]')
      .filter({ hasText: /Words-2.*accuracy \d+\.\d %/ })
      .waitFor();
    await workbench.openFile('two.rnn');
    await workbench.lens('Compare').click();
    const page = await workbench.webview('h1:text("2 runs")');
    await page.locator('th:text("accuracy (test)")').waitFor();
    await page.locator('td:text("unit: gru")').waitFor();
    await page.locator('figure', { hasText: 'Validation accuracy' }).first().waitFor();
    await workbench.screenshot('compare');
  });

  it('shows a run whole: curves, confusion, answers', async () => {
    await workbench.openFile('two.rnn');
    await workbench.command('Unroll: Open Run Report');
    await workbench.rows('.quick-input-list').filter({ hasText: 'Words-1' }).first().click();
    const page = await workbench.webview('h1:text("Words-1")');
    await page.locator('.confusion').waitFor();
    await page.locator('figure', { hasText: 'Update over weights' }).first().waitFor();
    await page.locator('h2:text("What it answers")').waitFor();
    await workbench.screenshot('run-page');
  });

  it('steps through an example, letter by letter, to the answer', async () => {
    await workbench.openFile('two.rnn');
    await workbench.openDebugViews();
    await workbench.startDebugging(/Southern · \d+ steps/);
    await workbench.page.keyboard.press('F10');
    await workbench.stopped(/Words\.x {2}t = 1 of|Words\.h {2}t = 1 of|Words\.x {2}t = 0/);
    await workbench.screenshot('debug-example');
    const name = await workbench.stopped(/t = \d+ of \d+, '[a-z]'/);
    assert.match(name, /Words/);
    await workbench.stopDebugging();
  });
});
