import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { Workbench } from './workbench.ts';

/** The text example, with a model and a training of seconds. */
const small = (source: string): string =>
  source
    .replace('embed(input, 32)', 'embed(input, 8)')
    .replace('lstm(x, 96)', 'lstm(x, 16)')
    .replace(/steps: +1500/, 'steps:     300')
    .replace(/batch: +32/, 'batch:     8')
    .replace(/window: +100/, 'window:    50');

describe('training and debugging in the workbench', () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open();
    workbench.edit('text.rnn', small);
    await workbench.openFile('text.rnn');
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  /** The panel, once it says this of the forget gate (or of the row `h`, which every cell has). */
  const panelAt = async (t: number): Promise<Frame> => {
    const panel = await workbench.webview('[role="img"][aria-label^="Forget gate"]');
    await panel.locator(`[role="img"][aria-label^="Forget gate"][aria-label*=" at t ${t},"]`).waitFor();
    return panel;
  };

  it('trains from the line above the statement, with progress, and shows the run', async () => {
    await workbench.lens('Train').click();
    await workbench.told(/step \d+ of 300 · loss .* · gradient .* · .* steps\/s/).waitFor();
    await workbench.screenshot('training');
    await workbench.told(/Village-1 is trained: validation loss [\d.]+ after step 300/).waitFor({ timeout: 60_000 });
    await workbench.command('Unroll: Show Runs');
    await workbench.rows('[id="workbench.view.extension.unroll"]').filter({ hasText: 'Village-1' }).waitFor();
    const panel = await workbench.webview('[role="progressbar"][aria-label="step 300 of 300"]');
    await panel.locator('text=Debug this checkpoint').waitFor();
    await workbench.screenshot('runs');
    await workbench.command('Notifications: Clear All Notifications');
  });

  it('starts at the first timestep of a chosen sequence', async () => {
    await workbench.openDebugViews();
    await workbench.startDebugging('There was a');
    assert.equal(await workbench.highlighted(), 4);
    await panelAt(0);
    await workbench.screenshot('entry');
  });

  it('steps over a timestep, into the equations, from one to the next, and out', async () => {
    const { page } = workbench;
    await page.keyboard.press('F10');
    await workbench.stopped(/Village\.h {2}t = 1 of/);
    await panelAt(1);
    await page.keyboard.press('F11');
    await workbench.stopped(/lstm\.f {2}t = 1 of/);
    await page.locator('.tab.active', { hasText: 'recurrent.rnn' }).waitFor();
    const first = await workbench.highlighted();
    await page.keyboard.press('F10');
    await workbench.stopped(/lstm\.i {2}t = 1 of/);
    assert.equal(await workbench.highlighted(), first + 1);
    await workbench.variable(/^f =\[16\] mean \.\d+, .*> \.9/).waitFor();
    assert.match(await workbench.lineValue('f  = sigmoid'), /^ [.1]\d* [▁▂▃▄▅▆▇█]+ $/);
    await workbench.screenshot('equations');
    await page.keyboard.press('Shift+F11');
    await workbench.stopped(/Village\.h {2}t = 2 of/);
    await page.locator('.tab.active', { hasText: 'text.rnn' }).waitFor();
  });

  it('steps back in time', async () => {
    await workbench.command('Unroll: Step Back');
    await workbench.stopped(/Village\.h {2}t = 1 of/);
    await workbench.page.keyboard.press('Alt+F10');
    await workbench.stopped(/Village\.h {2}t = 0 of/);
    await panelAt(0);
  });

  it('stops at a breakpoint when its condition holds, and runs back to the start', async () => {
    const { page } = workbench;
    await workbench.line('lstm(x, 16)').click();
    await workbench.command('Debug: Add Conditional Breakpoint...');
    await page.locator('.breakpoint-widget .view-lines').click();
    await page.keyboard.type('t == 40');
    await page.keyboard.press('Enter');
    await page.keyboard.press('F5');
    await workbench.stopped(/Village\.h {2}t = 40 of/);
    await panelAt(40);
    await workbench.page.keyboard.press('Alt+F5');
    await workbench.stopped(/t = 0 of/);
  });

  it('evaluates in the console, in a watch, and under the mouse', async () => {
    const { page } = workbench;
    await page.keyboard.press('Control+Shift+Y');
    await page.locator('.repl-input-wrapper .view-line').first().click();
    await page.keyboard.type('norm(h)');
    await page.keyboard.press('Enter');
    await page
      .locator('.repl .output.expression, .repl .evaluation-result', { hasText: /^[\d.]+$/ })
      .first()
      .waitFor();
    await page.keyboard.press('Control+J');
    await page.locator('.pane-header', { hasText: 'Watch' }).hover();
    await page.locator('.pane-header [aria-label^="Add Expression"]').click();
    await page.keyboard.type('mean(h)');
    await page.keyboard.press('Enter');
    await workbench
      .rows('.debug-watch')
      .filter({ hasText: /mean\(h\):?\s*=?\s*−?\.\d+/ })
      .waitFor();
    await workbench.line('lstm(x, 16)').locator('span span', { hasText: /^h/ }).first().hover();
    await page.locator('.debug-hover-widget', { hasText: /\[16\] mean/ }).waitFor();
    await workbench.screenshot('hover');
  });

  it('is moved by a click in the panel', async () => {
    const panel = await panelAt(0);
    const { x, y, width, height } = (await panel.locator('[role="img"][aria-label^="Forget gate"]').first().boundingBox())!;
    await workbench.page.mouse.click(x + width / 2, y + height / 3);
    const name = await workbench.stopped(/Village\.h {2}t = [1-9]\d* of/);
    const t = Number(/t = (\d+)/.exec(name)![1]);
    await panelAt(t);
    assert.ok(t > 10, name);
    // Not what it said of the stop before, at the beginning.
    await workbench.page.locator('.call-stack-state-message', { hasText: 'Paused on goto' }).waitFor();
  });

  it('shows all of it in light and in high contrast', async () => {
    for (const theme of ['Light Modern', 'Dark High Contrast']) {
      await workbench.setTheme(theme);
      await workbench.page.waitForTimeout(1000);
      await workbench.screenshot(theme.toLowerCase().replace(' ', '-'));
    }
    const panel = await workbench.webview('[role="img"][aria-label^="Forget gate"]');
    assert.match((await panel.locator('body').getAttribute('class')) ?? '', /vscode-high-contrast/);
    await workbench.setTheme('Dark Modern');
  });

  it('shows the cell with its values, and the gates in the side bar', async () => {
    await workbench.command('Unroll: Show Cell');
    const panel = await workbench.webview('[role="tab"][aria-selected="true"]:has-text("Cell")');
    await panel.locator('[role="img"]').first().waitFor();
    await workbench.page.locator('.pane-header', { hasText: 'Gates' }).click();
    const gates = await workbench.webview('body:not(:has([role="tab"])) [role="img"]');
    await gates.locator('[role="img"]').first().waitFor();
    await workbench.screenshot('cell');
  });

  it('draws the trajectory of the states, follows the debugger, and leads it', async () => {
    const { page } = workbench;
    await workbench.command('Unroll: Show Trajectory');
    const panel = await workbench.webview('[role="tab"][aria-selected="true"]:has-text("Trajectory")');
    const picture = panel.locator('[role="img"][aria-label^="Trajectory of the states over"]');
    await picture.waitFor();
    const standsAt = async (t: number): Promise<void> =>
      panel.locator(`[role="img"][aria-label^="Trajectory of the states"][aria-label*="At t ${t} ("]`).waitFor();
    const timestepOf = (name: string): number => Number(/t = (\d+)/.exec(name)![1]);
    const start = timestepOf(await workbench.stopped(/Village\.h {2}t = \d+ of/));
    await standsAt(start);
    // The debugger steps, and the mark goes along.
    await page.keyboard.press('F10');
    await workbench.stopped(new RegExp(`Village\\.h {2}t = ${start + 1} of`));
    await standsAt(start + 1);
    // A point that is looked at tells its timestep and token; Enter moves the debugger there.
    await picture.focus();
    await picture.press('Shift+ArrowDown');
    const tip = panel.locator('.stage.trajectory .tip');
    await tip.locator(`text=/^t ${start + 11} ‘.*’/`).waitFor();
    await workbench.screenshot('trajectory');
    await picture.press('Enter');
    await workbench.stopped(new RegExp(`Village\\.h {2}t = ${start + 11} of`));
    await standsAt(start + 11);
    // A click on a point that the pointer finds does the same.
    const { x, y, width, height } = (await picture.boundingBox())!;
    let there: RegExpExecArray | null = null;
    for (let k = 1; there === null && k < 400; k++) {
      await page.mouse.move(x + 56 + ((k % 20) / 20) * (width - 72), y + 40 + (Math.floor(k / 20) / 20) * (height - 110));
      if (await tip.isVisible()) there = /^t ([\d,]+) /.exec((await tip.textContent()) ?? '');
    }
    assert.ok(there !== null, 'no point was found under the pointer');
    await page.mouse.down();
    await page.mouse.up();
    await workbench.stopped(new RegExp(`Village\\.h {2}t = ${there[1]!.replace(',', '')} of`));
    for (const theme of ['Light Modern', 'Dark High Contrast', 'Dark Modern']) {
      await workbench.setTheme(theme);
      await page.waitForTimeout(1000);
      await workbench.screenshot(`trajectory-${theme.toLowerCase().replaceAll(' ', '-')}`);
    }
  });

  it('ends, and leaves the panel with what to do next', async () => {
    await workbench.stopDebugging();
    const panel = await workbench.webview('text=Debug sequence');
    await panel.locator('text=Debug sequence').first().waitFor();
  });

  it('says when the process that trains was killed, and resumes', async () => {
    workbench.edit('text.rnn', (source) => source.replace(/steps: +300/, 'steps:     100000'));
    await workbench.command('Unroll: Train');
    await workbench.told(/step \d{2,} of 100,000/).waitFor();
    const lock = JSON.parse(readFileSync(join(workbench.folder, 'runs', 'Village-2', 'lock'), 'utf8')) as { process: number };
    process.kill(lock.process, 'SIGKILL');
    await workbench.told(/Village-2 stopped: .*killed|Village-2 stopped: .*SIGKILL/).waitFor();
    await workbench.screenshot('killed');
    await workbench.page.locator('.notifications-toasts .monaco-button', { hasText: 'Resume' }).click();
    await workbench.told(/step \d{2,} of 100,000/).waitFor();
    await workbench.page.locator('.notifications-toasts .monaco-button', { hasText: 'Cancel' }).click();
    await workbench.told(/Village-2 was cancelled after step \d+; its checkpoint is kept/).waitFor();
  });
});
