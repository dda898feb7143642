// The tree of runs in the real editor: by keyboard and by commands, on runs that were trained by the command line.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/root.ts';
import { Workbench } from './workbench.ts';

const source = (model: string, cell: string): string => `model ${model}(input: [T] of Char) {
  h      = ${cell}(embed(input, 4), 4)
  logits = linear(h, Char)
  loss   = cross_entropy(logits, next(input))
}

data some = text("some.txt", by: char)

train ${model} on some {
  epochs: 1
  batch:  2
  window: 8
}
`;

describe('the tree of runs in the workbench', () => {
  let workbench: Workbench;
  const tree = '[id="workbench.view.extension.unroll"]';
  const row = (text: string | RegExp) => workbench.rows(tree).filter({ hasText: text }).first();
  const field = () => workbench.page.locator('.quick-input-widget:visible input').first();
  const runs = () => readdirSync(join(workbench.folder, 'short', 'runs')).sort();

  before(async () => {
    workbench = await Workbench.open();
    const folder = join(workbench.folder, 'short');
    mkdirSync(folder);
    writeFileSync(join(folder, 'some.txt'), 'the cat sat on the mat, and the dog sat by the door. '.repeat(4));
    const train = (file: string, out: string) =>
      execFileSync(process.execPath, [join(root, 'dist', 'cli.mjs'), 'train', join(folder, file), '--out', join(folder, 'runs', out)]);
    for (const [file, model, cell] of [
      ['one.rnn', 'One', 'lstm'],
      ['two.rnn', 'Two', 'gru'],
    ] as const)
      writeFileSync(join(folder, file), source(model, cell));
    train('one.rnn', 'One-1');
    train('two.rnn', 'Two-1');
    // A run can be copied like any folder.
    for (const name of ['One-2', 'One-3']) cpSync(join(folder, 'runs', 'One-1'), join(folder, 'runs', name), { recursive: true });
    await workbench.command('Unroll: Show Runs');
    await workbench.command('Unroll: Refresh Runs');
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  it('shows them by their sources', async () => {
    await row(/^\s*one\.rnn.*3 runs/).waitFor();
    await row(/^\s*two\.rnn.*1 run/).waitFor();
    for (const name of ['One-1', 'One-2', 'One-3', 'Two-1']) await row(name).waitFor();
    await workbench.screenshot('runs-tree');
  });

  it('renames one with F2, and says why a name cannot be', async () => {
    await row('One-2').click();
    await workbench.page.locator(`${tree} .monaco-list-row.focused`, { hasText: 'One-2' }).waitFor();
    await row('One-2').focus();
    await workbench.page.keyboard.press('F2');
    await field().fill('One-3');
    await workbench.page.locator('.quick-input-message', { hasText: 'There is a folder or file One-3 already' }).waitFor();
    await workbench.screenshot('runs-rename');
    await field().fill('smaller batch');
    await workbench.page.keyboard.press('Enter');
    await row('smaller batch').waitFor();
    assert.deepEqual(runs(), ['One-1', 'One-3', 'Two-1', 'smaller batch']);
  });

  it('keeps a note beside it', async () => {
    await row('smaller batch').click();
    await workbench.command('Unroll: Edit Note on Run');
    await field().fill('forgets the door');
    await workbench.page.keyboard.press('Enter');
    await row('smaller batch').waitFor();
    const path = join(workbench.folder, 'short', 'runs', 'smaller batch', 'note.md');
    for (let tries = 0; tries < 100 && !existsSync(path); tries++) await workbench.page.waitForTimeout(50);
    assert.equal(readFileSync(path, 'utf8'), 'forgets the door\n');
  });

  it('is filtered as one types, and sorted', async () => {
    await workbench.command('Unroll: Filter Runs');
    await field().fill('door');
    await row('One-1').waitFor({ state: 'detached' });
    await row('smaller batch').waitFor();
    await workbench.page.keyboard.press('Enter');
    await workbench.page.locator('.pane', { hasText: '“door”: 1 of 4 runs' }).waitFor();
    await workbench.screenshot('runs-filtered');
    await workbench.command('Unroll: Clear Filter of Runs');
    await row('One-1').waitFor();
    await workbench.command('Unroll: Sort Runs');
    await workbench.rows('.quick-input-list').filter({ hasText: 'by validation loss, best first' }).click();
    // The only view of its container: VS Code says what stands beside its name, and hides it.
    await workbench.page.locator('.pane-header', { hasText: 'by validation loss, best first' }).waitFor({ state: 'attached' });
  });

  it('trains one for longer', async () => {
    await row('Two-1').click();
    await workbench.command('Unroll: Train Run for Longer');
    await field().fill('none');
    await workbench.page.locator('.quick-input-message', { hasText: 'Write how many epochs more' }).waitFor();
    await field().fill('2');
    await workbench.page.keyboard.press('Enter');
    await workbench.told(/Two-1 is trained/).waitFor({ timeout: 60_000 });
    const record = JSON.parse(readFileSync(join(workbench.folder, 'short', 'runs', 'Two-1', 'run.json'), 'utf8'));
    assert.deepEqual([record.settings.epochs, record.status.kind, record.step === record.steps], [3, 'done', true]);
    await workbench.command('Notifications: Clear All Notifications');
  });

  it('deletes several at once, after it has asked', async () => {
    await workbench.command('Unroll: Show Runs');
    await row('One-1').click();
    await row('One-3').click({ modifiers: ['Control'] });
    await row('One-3').focus();
    await workbench.page.keyboard.press('Delete');
    const dialog = workbench.page.locator('.monaco-dialog-box');
    await dialog.filter({ hasText: 'Delete 2 runs?' }).waitFor();
    await workbench.screenshot('runs-delete');
    await dialog.locator('.monaco-button', { hasText: 'Move to Trash' }).click();
    const forEver = dialog.locator('.monaco-button', { hasText: 'Delete Permanently' });
    await Promise.race([forEver.waitFor(), row('One-1').waitFor({ state: 'detached' })]);
    if (await forEver.isVisible()) await forEver.click();
    await row('One-1').waitFor({ state: 'detached' });
    await row('One-3').waitFor({ state: 'detached' });
    assert.deepEqual(runs(), ['Two-1', 'smaller batch']);
  });
});
