// Runs are compared by their memory in the real editor.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/root.ts';
import { Workbench } from './workbench.ts';

const source = (model: string, cell: string, seed: number): string => `model ${model}(input: [T] of Char) {
  h      = ${cell}(embed(input, 4), 8)
  logits = linear(h, Char)
  loss   = cross_entropy(logits, next(input))
}

data some = text("some.txt", by: char)

train ${model} on some { steps: 8, batch: 2, window: 16, seed: ${seed} }
`;

describe('memory compared in the workbench', () => {
  let workbench: Workbench;
  const row = (text: string) => workbench.rows('.quick-input-list').filter({ hasText: text }).first();

  before(async () => {
    workbench = await Workbench.open();
    const folder = join(workbench.folder, 'short');
    mkdirSync(folder);
    writeFileSync(join(folder, 'some.txt'), 'the cat sat on the mat, and the dog sat by the door. '.repeat(20));
    for (const [name, cell, seed] of [
      ['One', 'lstm', 1],
      ['Two', 'rnn', 2],
    ] as const) {
      const file = join(folder, `${name.toLowerCase()}.rnn`);
      writeFileSync(file, source(name, cell, seed));
      const out = join(folder, 'runs', `${name}-1`);
      execFileSync(process.execPath, [join(root, 'dist', 'cli.mjs'), 'train', file, '--device', 'cpu', '--out', out]);
    }
    await workbench.command('Unroll: Refresh Runs');
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  it('lays the gradients of the chosen runs over each other, and says in what else they differ', async () => {
    await workbench.command('Unroll: Compare Memory');
    await row('One-1').waitFor();
    for (const name of ['One-1', 'Two-1']) await row(name).locator('.label-name').click();
    await workbench.page.locator('.quick-input-widget', { hasText: '2 Selected' }).waitFor();
    await workbench.page.locator('.quick-input-widget .monaco-button', { hasText: 'OK' }).click();
    const frame = await workbench.webview('h1:has-text("Memory compared: Two-1 | One-1")', 60_000);
    assert.match((await frame.locator('[role=alert]').textContent()) ?? '', /Their seeds differ: Two-1 2, One-1 1\./);
    assert.match(
      (await frame.locator('svg[aria-label^="Gradient by lag"]').getAttribute('aria-label')) ?? '',
      /Two-1 \(h\): 1 at lag.*One-1 \(c\): 1 at lag/,
    );
    for (const [theme, name] of [
      ['Light Modern', 'light'],
      ['Dark High Contrast', 'contrast'],
      ['Dark Modern', 'dark'],
    ] as const) {
      await workbench.setTheme(theme);
      await workbench.page.waitForTimeout(500);
      await workbench.screenshot(`compare-memory-${name}`);
    }
  });
});
