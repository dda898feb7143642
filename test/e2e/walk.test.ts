// The README's first walk, taken as it is written: the example is trained, and a unit that remembers is found with the debugger.
// UPDATE_PICTURE=1 writes the README's picture.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { root } from '../../scripts/root.ts';
import { Workbench } from './workbench.ts';

describe('the first walk', function () {
  this.timeout(240_000);
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open({
      size: { width: 1720, height: 1040 },
      settings: { 'breadcrumbs.enabled': false, 'editor.minimap.enabled': false },
    });
    await workbench.openFile('text.rnn');
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  const evaluate = async (expression: string): Promise<string> => {
    const { page } = workbench;
    await page.locator('.repl-input-wrapper .view-line').first().click();
    await page.keyboard.type(expression);
    await page.keyboard.press('Enter');
    const results = page.locator('.repl .evaluation-result, .repl .output.expression');
    const before = await results.count();
    await page.waitForFunction(
      (count) => document.querySelectorAll('.repl .evaluation-result, .repl .output.expression').length >= count,
      before,
    );
    await page.waitForTimeout(500);
    return (await results.last().textContent()) ?? '';
  };

  it('finds a unit that remembers that a quotation is open', async () => {
    const { page } = workbench;
    await workbench.lens('Train').click();
    await workbench.told(/Village-1 is trained: validation loss/).waitFor({ timeout: 200_000 });
    await workbench.command('Notifications: Clear All Notifications');
    await workbench.openDebugViews();
    await workbench.startDebugging('There was a');
    await page.keyboard.press('F11');
    await workbench.stopped(/lstm\.f {2}t = 0 of/);
    await workbench.line("c' = f * c + i * g").click();
    await workbench.command('Debug: Add Conditional Breakpoint...');
    await page.locator('.breakpoint-widget .view-lines').click();
    await page.keyboard.insertText('token == "\\""');
    await page.keyboard.press('Enter');
    await page.keyboard.press('F5');
    const at = await workbench.stopped(/lstm\.c. {2}t = [1-9]\d* of \d+/);
    assert.ok(at.includes(`, '"'`), at);

    await page.keyboard.press('Control+Shift+Y');
    const unit = Number(await evaluate("argmax(abs(at(c', t + 5) - c))"));
    assert.ok(Number.isInteger(unit) && unit >= 0 && unit < 96, `unit ${unit}`);
    const change = Number((await evaluate("max(abs(at(c', t + 5) - c))")).replace('−', '-'));
    assert.ok(change > 5, `its cell changes by ${change}`);
    console.log(`      ${at}: unit ${unit} changes by ${change}`);
    await page.keyboard.press('Control+J');

    await workbench.command('Unroll: Show Cell');
    const panel = await workbench.webview('[role="tab"][aria-selected="true"]:has-text("Cell")');
    const chosen = panel.locator('label.choice:has(span:text-is("unit")) input');
    await chosen.fill(String(unit));
    await chosen.press('Enter');
    await workbench.command('Unroll: Show Timeline');
    await panel.locator(`[role="img"][aria-label*="nit ${unit} "], [role="img"][aria-label*="nit ${unit},"]`).first().waitFor();
    await page.mouse.move(5, 5);
    await workbench.screenshot('walk');
    if (process.env.UPDATE_PICTURE === '1') await page.screenshot({ path: join(root, 'media', 'unroll.png') });
  });
});
