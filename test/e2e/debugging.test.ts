import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Workbench } from './workbench.ts';

/** The text example, with a model and a training of seconds. */
function small(source: string): string {
  return source
    .replace('embed(input, 32)', 'embed(input, 8)')
    .replace('lstm(x, 96)', 'lstm(x, 16)')
    .replace(/steps: +1500/, 'steps:     400')
    .replace(/batch: +32/, 'batch:     8');
}

describe('training and debugging in the workbench', () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open();
    const file = join(workbench.folder, 'text.rnn');
    writeFileSync(file, small(readFileSync(file, 'utf8')));
    await workbench.openFile('text.rnn');
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  it('trains from the line above the statement, with progress, and shows the run', async () => {
    const { page } = workbench;
    await page.locator('.codelens-decoration a', { hasText: 'Train' }).click();
    const toast = page.locator('.notifications-toasts .notification-list-item-message');
    await toast.filter({ hasText: /step \d+ of 400 · loss .* · gradient .* · .* steps\/s/ }).waitFor();
    await workbench.screenshot('training');
    await toast.filter({ hasText: /Village-1 is trained: validation loss [\d.]+ after step 400/ }).waitFor();
    await workbench.command('Unroll: Show Runs');
    await page.locator('[id="workbench.view.extension.unroll"] .monaco-list-row', { hasText: 'Village-1' }).waitFor();
    await workbench.screenshot('runs');
    await workbench.command('Notifications: Clear All Notifications');
  });

  it('starts at the first timestep of a chosen sequence', async () => {
    await workbench.openDebugViews();
    await workbench.startDebugging('There was a');
    await workbench.screenshot('entry');
  });
});
