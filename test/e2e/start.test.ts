// From nothing to a model: the templates, the walkthrough, the examples.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Locator } from 'playwright-core';
import { Workbench } from './workbench.ts';

const themes = [
  ['dark', 'Dark Modern'],
  ['light', 'Light Modern'],
  ['contrast', 'Dark High Contrast'],
] as const;

describe('starting from nothing', function () {
  this.timeout(240_000);
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open();
    writeFileSync(
      join(workbench.folder, 'letters.csv'),
      `Subject,Who wrote,Length\n${Array.from({ length: 60 }, (_, k) => `about the matter ${k % 7},${k % 2 === 0 ? 'Ada' : 'Bram'},${k}`).join('\n')}\n`,
    );
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  const input = (): Locator => workbench.page.locator('.quick-input-widget:visible input:not([type="checkbox"])').first();
  const row = (text: string | RegExp): Locator => workbench.page.locator('.quick-input-list .monaco-list-row', { hasText: text }).first();
  const asked = (placeholder: string): Promise<void> =>
    workbench.page.locator(`.quick-input-widget:visible input[placeholder*="${placeholder}"]`).first().waitFor();
  const choose = async (text: string | RegExp): Promise<void> => {
    await row(text).waitFor();
    await row(text).click();
  };
  const named = (): Promise<void> => workbench.page.locator('.quick-input-message', { hasText: 'The name of the file' }).waitFor();
  /** The text of the file, once it stands in the editor without an error. */
  const soundModel = async (name: string): Promise<string> => {
    await workbench.page.locator('.tab.active', { hasText: name }).waitFor();
    await workbench.lens('Train').waitFor();
    await workbench.page.waitForTimeout(1500);
    assert.equal(await workbench.page.locator('.editor-instance .squiggly-error').count(), 0, `${name} has a fault`);
    return readFileSync(join(workbench.folder, name), 'utf8');
  };
  /** New Model up to the question after the template. */
  const begin = async (template: string): Promise<void> => {
    await workbench.command('Unroll: New Model');
    await asked('What shall it do?');
    await input().fill(template);
    await choose(template);
  };
  const finish = async (name: string): Promise<void> => {
    await asked('Where shall the model stand?');
    await choose(basename(workbench.folder));
    await named();
    await input().fill(name);
    await workbench.page.keyboard.press('Enter');
  };

  for (const template of ['Text generation', 'Sequence classification', 'Forecasting', 'Tagging', 'Custom cell'])
    it(`${template}: a model on the sample, without faults`, async () => {
      const name = `new ${template.split(' ')[0]!.toLowerCase()}`;
      await begin(template);
      await choose('Sample data');
      await finish(name);
      const text = await soundModel(`${name}.rnn`);
      assert.match(text, new RegExp(`^model New${template.split(' ')[0]}\\(`, 'm'));
      await workbench.screenshot(`new-${template.split(' ')[0]!.toLowerCase()}`);
    });

  it('Generated task: every task', async () => {
    for (const task of ['Adding', 'Copying', 'Temporal order', 'Parity', 'Flip-flop', 'Embedded Reber grammar']) {
      await begin('Generated task');
      await asked('Which task?');
      await choose(task);
      await finish(`task ${task}`);
      await soundModel(`task ${task}.rnn`);
    }
  });

  it('a table of one’s own: its columns are asked for, with a way back, and nothing is overwritten', async () => {
    const { page } = workbench;
    await begin('Sequence classification');
    await choose('letters.csv');
    await asked('Which column is read?');
    await workbench.screenshot('new-columns');
    assert.equal(await row('Length').count(), 0, 'a number is no sequence');
    await choose('Subject');
    await asked('Which column is the answer?');
    await page.locator('.quick-input-titlebar a[aria-label="Back"], .quick-input-titlebar .codicon-quick-input-back').first().click();
    await asked('Which column is read?');
    await choose('Subject');
    await asked('Which column is the answer?');
    await choose('Who wrote');
    await finish('letters');
    const text = await soundModel('letters.rnn');
    assert.match(
      text,
      /table\("letters\.csv", by: word, minimum: 2,\n {2}text: {3}column\("Subject"\),\n {2}answer: column\("Who wrote"\),/,
    );
    await begin('Sequence classification');
    await choose('letters.csv');
    await asked('Which column is read?');
    await choose('Subject');
    await asked('Which column is the answer?');
    await choose('Who wrote');
    await asked('Where shall the model stand?');
    await choose(basename(workbench.folder));
    await named();
    await page.waitForFunction(() => {
      const field = document.querySelector<HTMLInputElement>('.quick-input-widget .quick-input-box input');
      return field?.value === 'letters-2';
    });
    await input().fill('letters');
    await page.locator('.quick-input-message', { hasText: 'There is a letters.rnn already. letters-2 is free.' }).waitFor();
    await page.keyboard.press('Escape');
    assert.ok(!existsSync(join(workbench.folder, 'letters-2.rnn')));
  });

  it('the questions in all themes', async () => {
    for (const [name, theme] of themes) {
      await workbench.setTheme(theme);
      await workbench.command('Unroll: New Model');
      await asked('What shall it do?');
      await workbench.page.waitForTimeout(400);
      await workbench.screenshot(`new-model-${name}`);
      await workbench.page.keyboard.press('Escape');
    }
    await workbench.setTheme('Dark Modern');
  });

  it('the walkthrough: its steps and pictures, checked off by what they ask for', async () => {
    const { page } = workbench;
    await workbench.command('Unroll: Getting Started');
    await page.locator('.getting-started-step', { hasText: 'Open a model' }).first().waitFor();
    const titles = (await page.locator('.getting-started-step .step-title').allTextContents()).filter((title) => title !== '');
    assert.equal(titles.length, 8, titles.join());
    for (const [name, theme] of themes) {
      await workbench.setTheme(theme);
      await workbench.command('Unroll: Getting Started');
      await page.locator('.getting-started-step', { hasText: 'Open a model' }).first().waitFor();
      await page.waitForTimeout(800);
      await workbench.screenshot(`walkthrough-${name}`);
    }
    await workbench.setTheme('Dark Modern');
    for (const title of titles) {
      await page.locator('.getting-started-step', { hasText: title }).first().click();
      const picture = page.locator('.gettingStartedContainer .getting-started-media img').first();
      await picture.waitFor();
      await page.waitForFunction(() => {
        const image = document.querySelector<HTMLImageElement>('.gettingStartedContainer .getting-started-media img');
        return image?.complete === true && image.naturalWidth > 0;
      });
    }
    await page.locator('.getting-started-step', { hasText: 'Open a model' }).first().click();
    await page.locator('.getting-started-step.expanded .monaco-button', { hasText: 'Open text.rnn' }).click();
    await page.locator('.tab.active', { hasText: 'text.rnn' }).waitFor();
    await workbench.command('Unroll: Getting Started');
    await page
      .locator('.getting-started-step:has(.codicon-getting-started-step-checked.complete)', { hasText: 'Open a model' })
      .first()
      .waitFor();
  });

  it('every example opens without faults', async () => {
    const names = [
      'adding',
      'cells',
      'classify',
      'copying',
      'digits',
      'flip-flop',
      'forecast',
      'gestures',
      'order',
      'own-cell',
      'parity',
      'reber',
      'tagging',
      'text-gru',
      'text-rnn',
      'text',
      'waves',
    ];
    for (const name of names) {
      await workbench.openFile(`${name}.rnn`);
      if (name !== 'cells') await workbench.lens('Train').waitFor();
      await workbench.page.waitForTimeout(600);
      assert.equal(await workbench.page.locator('.editor-instance .squiggly-error').count(), 0, name);
      await workbench.command('View: Close Editor');
    }
  });

  it('data is previewed, in all themes', async () => {
    for (const [example, data] of [
      ['classify', 'words'],
      ['forecast', 'town'],
      ['tagging', 'sentences'],
      ['adding', 'adding'],
      ['digits', 'digits'],
    ] as const) {
      await workbench.openFile(`${example}.rnn`);
      await workbench.command('Unroll: Preview Data');
      const page = await workbench.webview(`h1:has-text("${data === 'adding' ? 'adding' : data}")`);
      await page.locator('table').first().waitFor();
      await workbench.screenshot(`preview-${example}`);
      if (example === 'classify')
        for (const [name, theme] of themes) {
          await workbench.setTheme(theme);
          await workbench.page.waitForTimeout(600);
          await workbench.screenshot(`preview-${example}-${name}`);
        }
      await workbench.setTheme('Dark Modern');
      await workbench.command('View: Close All Editors');
    }
  });
});
