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
    writeFileSync(join(workbench.folder, 'play.txt'), PLAY.repeat(60));
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
    await inThemes('untrained');
  });
});
