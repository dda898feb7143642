// The gradient laboratory in the workbench: of a text model as it starts and trained, and of an ONNX model.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame, Locator } from 'playwright-core';
import { encodeModel } from '../../src/onnx/proto.ts';
import { stackedLstm } from './onnx-models.ts';
import { Workbench } from './workbench.ts';

/** The example of a first text model, for half a page of the play. */
const SHAKESPEARE = `/// Learns to write like Shakespeare, one character at a time.
model Shakespeare(input: [T] of Char) {
  x      = embed(input, 32)
  h      = lstm(x, 64)
  logits = linear(h, Char)
  loss   = cross_entropy(logits, next(input))
}

data play = text("play.txt", by: char)

train Shakespeare on play { steps: 60, batch: 16, window: 50, optimizer: adam(0.004), clip: 1 }
`;
const PLAY = `First Citizen:
Before we proceed any further, hear me speak.

All:
Speak, speak.

First Citizen:
You are all resolved rather to die than to famish?

All:
Resolved. resolved.

First Citizen:
First, you know Caius Marcius is chief enemy to the people.
`;

describe('the gradient laboratory in the workbench', function () {
  this.timeout(240_000);
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open({ settings: { 'workbench.editorAssociations': {} } });
    writeFileSync(join(workbench.folder, 'shakespeare.rnn'), SHAKESPEARE);
    writeFileSync(join(workbench.folder, 'play.txt'), PLAY.repeat(1500));
    writeFileSync(join(workbench.folder, 'speech.onnx'), encodeModel(stackedLstm()));
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  const page = (text: string): Promise<Frame> => workbench.webview(`main#page:has-text("${text}")`, 60_000);
  const wordsOf = async (locator: Locator): Promise<string> => (await locator.allInnerTexts()).join(' ').replace(/\s+/g, ' ');
  const inThemes = async (name: string): Promise<void> => {
    for (const [theme, title] of [
      ['light', 'Light Modern'],
      ['contrast', 'Dark High Contrast'],
      ['dark', 'Dark Modern'],
    ] as const) {
      await workbench.setTheme(title);
      await workbench.page.waitForTimeout(700);
      await workbench.screenshot(`analyse-${name}-${theme}`);
    }
  };

  it('opens on a source as it starts: the verdict first, then charts and tables', async () => {
    await workbench.openFile('shakespeare.rnn');
    await workbench.command('Unroll: Analyse Memory');
    const shown = await page('Gradient by lag in h');
    await workbench.page.locator('.tab.active', { hasText: 'Memory: shakespeare.rnn, untrained' }).waitFor();
    const text = await wordsOf(shown.locator('main'));
    assert.match(text, /Memory of Shakespeare · untrained Verdict ⚠ Mean of h\.b_f/);
    assert.match(text, /Where it is lost Timescale of c by f/);
    assert.match(text, /Jacobian of a step/);
    await inThemes('untrained');
  });

  it('is led by the keyboard: a setting that is changed computes it anew, in place', async () => {
    const shown = await page('Gradient by lag in h');
    await shown.locator('.settings').click({ position: { x: 3, y: 3 } });
    const reached: string[] = [];
    for (let k = 0; k < 6; k += 1) {
      await workbench.page.keyboard.press('Tab');
      reached.push(await shown.evaluate(() => document.activeElement?.closest('label, button')?.textContent?.trim() ?? ''));
    }
    assert.deepEqual(reached, ['sequences', 'steps', 'needed lag', 'forgotten below', 'Recompute', 'Save Report…']);
    await workbench.screenshot('analyse-focus');
    for (let k = 0; k < 3; k += 1) await workbench.page.keyboard.press('Shift+Tab');
    await workbench.page.keyboard.type('forty');
    await workbench.page.keyboard.press('Enter');
    await shown.locator('[role="alert"]', { hasText: 'Needed lag: a whole number of steps, or nothing, not “forty”.' }).waitFor();
    await workbench.page.keyboard.press('Control+A');
    await workbench.page.keyboard.type('40');
    await workbench.page.keyboard.press('Enter');
    await shown.locator('.verdict', { hasText: 'and 40 are needed' }).waitFor();
    // What was focused still is.
    assert.equal(await shown.evaluate(() => document.activeElement?.getAttribute('data-setting')), 'needs');
    assert.equal(await shown.locator('[role="alert"]').count(), 0);
  });

  it('is given up with Escape, and says that what is below is of other settings', async () => {
    const shown = await page('and 40 are needed');
    const sets = async (setting: string, value: string): Promise<void> => {
      await shown.locator(`[data-setting="${setting}"]`).fill(value);
      await workbench.page.keyboard.press('Enter');
    };
    // So many take long enough to be given up on any machine.
    await sets('sequences', '400');
    await shown.locator('progress').waitFor();
    await workbench.page.keyboard.press('Escape');
    await shown.locator('.note', { hasText: 'was computed with other settings' }).waitFor();
    assert.match(await wordsOf(shown.locator('main')), /16 sequences of up to 100 steps/);
    await sets('sequences', '16');
    await sets('length', '80');
    await shown.locator('text=16 sequences of up to 80 steps').waitFor();
  });

  it('leads to the line of the factor, and to its timestep in the debugger', async () => {
    const shown = await page('sequences of up to 80 steps');
    await shown.locator('.verdict button.link', { hasText: 'recurrent.rnn, line' }).press('Enter');
    await workbench.page.locator('.tab.active', { hasText: 'recurrent.rnn' }).waitFor();
    await workbench.page.locator('.statusbar-item', { hasText: /Ln 26/ }).waitFor();
    const step = shown.locator('.killer button.link[data-action="step"]');
    const t = await step.getAttribute('data-t');
    await workbench.page.keyboard.press('Control+Shift+D');
    await step.press('Enter');
    await workbench.stopped(new RegExp(`t = ${t} of 80`));
    await workbench.stopDebugging();
    await workbench.page.keyboard.press('Control+Shift+E');
  });

  it('is saved as a report, with its numbers beside it', async () => {
    const shown = await page('sequences of up to 80 steps');
    await shown.locator('button', { hasText: 'Save Report…' }).press('Enter');
    const field = workbench.page.locator('.quick-input-widget:visible input').first();
    // The dialog proposes a name a while after it has opened.
    await workbench.page.waitForFunction(() =>
      [...document.querySelectorAll<HTMLInputElement>('.quick-input-widget input')].some(({ value }) => value.includes('memory-of-')),
    );
    await field.fill(join(workbench.folder, 'memory.html'));
    await workbench.page.keyboard.press('Enter');
    await workbench.told(/The report is saved: memory\.html/).waitFor();
    assert.match(readFileSync(join(workbench.folder, 'memory.html'), 'utf8'), /Memory of Shakespeare/);
    for (const ending of ['csv', 'npz']) assert.ok(existsSync(join(workbench.folder, `memory.${ending}`)), ending);
    await workbench.command('Notifications: Clear All Notifications');
  });

  it('is of a run that is chosen, and of its weights before training', async () => {
    await workbench.openFile('shakespeare.rnn');
    await workbench.lens('Train').click();
    await workbench.told(/done|ended|trained/i).waitFor({ timeout: 60_000 });
    await workbench.command('Notifications: Clear All Notifications');
    await workbench.openFile('shakespeare.rnn');
    await workbench.lens('Analyse Memory').click();
    const row = workbench.page.locator('.quick-input-list .monaco-list-row', { hasText: 'Shakespeare-1' });
    await row.waitFor();
    await workbench.screenshot('analyse-choose');
    await row.click();
    const shown = await page('Memory of Shakespeare · step 60');
    await shown.locator('[data-setting="weights"]').selectOption('start');
    await shown.locator('h1', { hasText: 'Shakespeare · untrained' }).waitFor();
    await shown.locator('[data-setting="weights"]').selectOption('last');
    await shown.locator('h1', { hasText: 'step 60' }).waitFor();
    await shown.locator('.factors, h3', { hasText: 'Where it is lost' }).first().scrollIntoViewIfNeeded();
    await inThemes('run');
  });

  it('looks at a run that is being trained, and says how far that has gone on', async () => {
    writeFileSync(join(workbench.folder, 'long.rnn'), SHAKESPEARE.replaceAll('Shakespeare', 'Long').replace('steps: 60', 'steps: 20000'));
    await workbench.openFile('long.rnn');
    // Another source stands beside it, with the same words above its statement.
    await workbench.page.locator('.editor-group-container.active .codelens-decoration a', { hasText: 'Train' }).click();
    await workbench.page.locator('.statusbar-item', { hasText: /Long-1 [\d,]+/ }).waitFor({ timeout: 60_000 });
    await workbench.openFile('long.rnn');
    await workbench.command('Unroll: Analyse Memory');
    await workbench.page.locator('.quick-input-list .monaco-list-row', { hasText: 'Long-1' }).click();
    const shown = await page('Memory of Long · step');
    await shown
      .locator('.note', { hasText: /It is being trained, and is at step [\d,]+\. Its newest checkpoint is that of step/ })
      .waitFor();
    await workbench.screenshot('analyse-training');
    await workbench.command('Unroll: Cancel Training');
    await shown.locator('.note').waitFor({ state: 'detached' });
    await workbench.command('Notifications: Clear All Notifications');
  });

  it('says what is missing where there is no recurrent layer', async () => {
    writeFileSync(join(workbench.folder, 'flat.rnn'), SHAKESPEARE.replace('lstm(x, 64)', 'linear(x, 64)'));
    await workbench.openFile('flat.rnn');
    await workbench.command('Unroll: Analyse Memory');
    const shown = await page('has no recurrent layer whose states could be followed');
    assert.match(
      await wordsOf(shown.locator('main')),
      /The memory of flat\.rnn, untrained could not be computed .* Give it one, such as h = lstm/,
    );
    await workbench.screenshot('analyse-empty');
  });

  it('opens on an ONNX model from its page, on an input that is chosen', async () => {
    await workbench.page.keyboard.press('Control+K');
    await workbench.page.keyboard.press('Control+W');
    await workbench.openFile('speech.onnx', false);
    const model = await page('Recurrent parts');
    await model.locator('button', { hasText: 'Analyse Memory' }).press('Enter');
    const first = workbench.page.locator('.quick-input-list .monaco-list-row', { hasText: 'Random numbers' }).first();
    await first.click();
    for (const title of ['Random numbers', 'sizes that the model leaves open']) {
      await workbench.page.locator('.quick-input-widget:visible .quick-input-title', { hasText: title }).waitFor();
      if (title !== 'Random numbers') await workbench.page.locator('.quick-input-widget:visible input').first().fill('T = 40, B = 4');
      await workbench.page.keyboard.press('Enter');
    }
    const shown = await page('Gradient by lag in lstm_1');
    const text = await wordsOf(shown.locator('main'));
    assert.match(text, /4 sequences of up to 40 steps/);
    assert.deepEqual(
      await shown
        .locator('main h2')
        .allInnerTexts()
        .then((all) => all.filter((each) => /steps/.test(each)).map((each) => each.split(' ')[0])),
      ['lstm', 'lstm_1'],
    );
    await inThemes('onnx');
    await shown.locator('button.link', { hasText: 'speech.onnx.rnn, line' }).first().press('Enter');
    await workbench.page.locator('.tab.active', { hasText: 'speech.onnx.rnn' }).waitFor();
  });
});
