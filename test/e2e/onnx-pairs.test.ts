// An encoder and a decoder of two files in the workbench: chosen, fed, stepped through as one.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { encodeModel } from '../../src/onnx/proto.ts';
import { additive } from '../foreign/pairs/models.ts';
import { Workbench } from './workbench.ts';

describe('an encoder and a decoder in the workbench', function () {
  this.timeout(240_000);
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open({ settings: { 'workbench.editorAssociations': {} } });
    const { encoder, decoder } = additive();
    writeFileSync(join(workbench.folder, 'encoder.onnx'), encodeModel(encoder));
    writeFileSync(join(workbench.folder, 'decoder.onnx'), encodeModel(decoder));
    writeFileSync(join(workbench.folder, 'source.json'), '[[4, 8, 0, 3, 3]]');
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  const row = (text: string | RegExp): Locator => workbench.page.locator('.quick-input-list .monaco-list-row', { hasText: text }).first();
  const answer = async (question: string, text: string): Promise<void> => {
    await workbench.page.locator('.quick-input-widget:visible .quick-input-message', { hasText: question }).waitFor();
    await workbench.page.locator('.quick-input-widget:visible input').first().fill(text);
    await workbench.page.keyboard.press('Enter');
  };
  const file = async (title: string, name: RegExp): Promise<void> => {
    await workbench.page.locator('.quick-input-title', { hasText: title }).waitFor();
    await row(name).click();
  };

  it('are stepped through as one: a timestep is a call of the decoder, with its attention', async () => {
    await workbench.page.keyboard.press('Control+Shift+D');
    await workbench.openFile('encoder.onnx', false);
    await workbench.webview('main#page:has-text("Recurrent parts")');
    await workbench.command('Unroll: Debug Encoder and Decoder Together');
    await file('The decoder of encoder.onnx', /^decoder\.onnx/);
    await row('hidden_out feeds hidden of the next call').waitFor();
    await workbench.screenshot('onnx-pair-rule');
    await row('As the two files propose it').click();
    await answer('reads first', '1');
    await answer('a row is over', '');
    await answer('at most', '6');
    await answer('instead of its own choices', '');
    await row('Choose a file').click();
    await file('An input for encoder.onnx', /^source\.json/);
    await workbench.stopped(/decoder {2}t = 0 of 6/);
    await workbench.page.keyboard.press('F10');
    await workbench.stopped(/decoder {2}t = 1 of 6/);
    await workbench.page.keyboard.press('F11');
    await workbench.stopped(/decoder_cell\.attention {2}t = 1 of 6/);
    await workbench.page.locator('.debug-variables .monaco-list-row', { hasText: /^Attention$/ }).waitFor();
    await workbench.screenshot('onnx-pair');
    await workbench.stopDebugging();
  });
});
