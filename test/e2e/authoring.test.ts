import assert from 'node:assert/strict';
import { Workbench } from './workbench.ts';

describe('a model in the editor', () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open();
    await workbench.openFile('text.rnn');
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  it('is coloured, and offers Train, Debug, Export and Generate above its statements', async () => {
    const lenses = workbench.page.locator('.codelens-decoration a');
    await lenses.filter({ hasText: 'Train' }).waitFor();
    const titles = (await lenses.allTextContents()).map((text) => text.replace(/[^\w ]/g, '').trim());
    assert.deepEqual(titles.toSorted(), ['Analyse Memory', 'Debug', 'Export', 'Generate', 'Preview Data', 'Train']);
    await workbench.screenshot('authoring');
    const colours = await workbench
      .line('model Village')
      .locator('span span')
      .evaluateAll((spans) => new Set(spans.map((span) => getComputedStyle(span).color)).size);
    assert.ok(colours >= 3, `only ${colours} colours`);
  });
});
