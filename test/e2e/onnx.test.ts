// A model of others in the workbench: opened, verified, run on an input, stepped through.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame, Locator } from 'playwright-core';
import { encodeModel } from '../../src/onnx/proto.ts';
import { overBands, PYTHON, stackedLstm, streamingLstm, translator } from './onnx-models.ts';
import { Workbench } from './workbench.ts';

describe('ONNX models of others in the workbench', function () {
  this.timeout(240_000);
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open({ settings: { 'workbench.editorAssociations': {} } });
    const bytes = encodeModel(stackedLstm());
    writeFileSync(join(workbench.folder, 'speech.onnx'), bytes);
    writeFileSync(join(workbench.folder, 'net.py'), PYTHON);
    writeFileSync(join(workbench.folder, 'stream.onnx'), encodeModel(streamingLstm()));
    writeFileSync(join(workbench.folder, 'bands.onnx'), encodeModel(overBands()));
    writeFileSync(join(workbench.folder, 'translator.onnx'), encodeModel(translator()));
    const rows = Array.from({ length: 40 }, (_, t) => [0, 1, 2].map((k) => Math.sin(t / (3 + k)).toFixed(4)).join(','));
    writeFileSync(join(workbench.folder, 'sensor.csv'), `a,b,c\n${rows.join('\n')}\n`);
    writeFileSync(join(workbench.folder, 'broken.onnx'), bytes.subarray(0, bytes.length >> 1));
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  const page = (text: string): Promise<Frame> => workbench.webview(`main#page:has-text("${text}")`);
  const wordsOf = async (locator: Locator): Promise<string> => (await locator.allInnerTexts()).join(' ').replace(/\s+/g, ' ');
  const row = (text: string | RegExp): Locator => workbench.page.locator('.quick-input-list .monaco-list-row', { hasText: text }).first();
  const enter = async (title: string): Promise<void> => {
    await workbench.page.locator('.quick-input-widget:visible .quick-input-title', { hasText: title }).waitFor();
    await workbench.page.keyboard.press('Enter');
  };

  it('opens as a page: what it takes and gives, and its recurrent parts', async () => {
    await workbench.openFile('speech.onnx', false);
    const shown = await page('Recurrent parts');
    const text = await wordsOf(shown.locator('main'));
    assert.match(text, /opset 17/);
    assert.match(text, /LSTM 2 forward 3 → 5 operator/);
    assert.match(text, /x float32 \[T, B, 3\]/);
    await shown.locator('button.link', { hasText: 'net.py:6' }).waitFor();
    await workbench.screenshot('onnx-page-dark');
  });

  it('is verified, and the page says how near the replay is', async () => {
    const shown = await page('Recurrent parts');
    await shown.locator('button', { hasText: 'Verify' }).focus();
    await workbench.page.keyboard.press('Enter');
    await shown.locator('text=The replay equals the model').waitFor();
    assert.equal(await shown.locator('.verification tbody tr').count(), 2);
    await workbench.screenshot('onnx-verified-dark');
    for (const [name, theme] of [
      ['light', 'Light Modern'],
      ['contrast', 'Dark High Contrast'],
    ] as const) {
      await workbench.setTheme(theme);
      await workbench.page.waitForTimeout(700);
      await workbench.screenshot(`onnx-page-${name}`);
    }
    await workbench.setTheme('Dark Modern');
  });

  it('leads to the Python line that made a part', async () => {
    const shown = await page('Recurrent parts');
    await shown.locator('button.link', { hasText: 'net.py:6' }).click();
    await workbench.page.locator('.tab.active', { hasText: 'net.py' }).waitFor();
    await workbench.page.locator('.statusbar-item', { hasText: 'Ln 6' }).waitFor();
    await workbench.page.keyboard.press('Control+F4');
  });

  it('F5 asks what it runs on, and stops at the first timestep', async () => {
    await workbench.page.keyboard.press('Control+Shift+D');
    await workbench.openFile('speech.onnx', false);
    await page('Recurrent parts');
    await workbench.page.keyboard.press('F5');
    await row('Random numbers').waitFor();
    await workbench.page.waitForTimeout(400);
    await workbench.screenshot('onnx-choose');
    await row('Random numbers').click();
    await enter('Random numbers');
    const title = workbench.page.locator('.quick-input-widget:visible .quick-input-title', { hasText: 'sizes that the model leaves open' });
    await title.waitFor();
    const field = workbench.page.locator('.quick-input-widget:visible input').first();
    assert.equal(await field.inputValue(), 'T = 12, B = 1');
    await field.fill('T = 12, B = 0');
    await workbench.page.locator('.quick-input-message', { hasText: 'How large is B?' }).waitFor();
    await workbench.screenshot('onnx-sizes');
    await field.fill('T = 12, B = 2');
    await workbench.page.keyboard.press('Enter');
    await workbench.stopped(/speech\.lstm {2}t = 0 of 12/);
    await workbench.page.locator('.tab.active', { hasText: 'speech.onnx.rnn' }).waitFor();
    const panel = await workbench.webview('.parity');
    assert.match(await wordsOf(panel.locator('.parity .verdict')), /replay equals the model to (the last bit|\de−\d)/);
    await workbench.screenshot('onnx-entry');
  });

  it('steps over a timestep and into the equations, with the Python line below', async () => {
    const { page: keys } = workbench;
    await keys.keyboard.press('F10');
    await workbench.stopped(/speech\.lstm {2}t = 1 of 12/);
    await keys.keyboard.press('F11');
    await workbench.stopped(/lstm_cell\.f {2}t = 1 of 12/);
    await workbench.variable(/^f =\[5\] mean/).waitFor();
    await workbench.page.locator('.debug-call-stack .stack-frame', { hasText: 'net.py:6' }).waitFor();
    const panel = await workbench.webview('[role="img"][aria-label^="Forget gate"]');
    await panel.locator('[role="img"][aria-label^="Forget gate"][aria-label*=" at t 1,"]').waitFor();
    await workbench.screenshot('onnx-equations');
  });

  it('stops at a breakpoint in the generated source', async () => {
    const { page: keys } = workbench;
    await workbench.line('g  = tanh').click();
    await keys.keyboard.press('F9');
    await keys.keyboard.press('F5');
    await workbench.stopped(/lstm_cell\.g {2}t = 1 of 12/);
    await keys.keyboard.press('F5');
    await workbench.stopped(/lstm_cell\.g {2}t = 2 of 12/);
  });

  it('lights up the Python line beside the equations', async () => {
    await workbench.command('Unroll: Show Python Source');
    await workbench.page.locator('.tab', { hasText: 'net.py' }).waitFor();
    await workbench.page.waitForTimeout(800);
    await workbench.screenshot('onnx-python');
  });

  it('shows all of it in light and in high contrast', async () => {
    await workbench.command('Unroll: Show Timeline');
    for (const [name, theme] of [
      ['light', 'Light Modern'],
      ['contrast', 'Dark High Contrast'],
    ] as const) {
      await workbench.setTheme(theme);
      await workbench.page.waitForTimeout(1000);
      await workbench.screenshot(`onnx-debug-${name}`);
    }
    await workbench.setTheme('Dark Modern');
  });

  it('takes gradients of an element, chosen in the list of objectives', async () => {
    await workbench.command('Unroll: Show Timeline');
    const panel = await workbench.webview('label.choice:has-text("∂ of")');
    await panel.locator('label.choice', { hasText: '∂ of' }).locator('select').selectOption('other');
    await row('An element or a part').waitFor();
    await workbench.page.waitForTimeout(400);
    await workbench.screenshot('onnx-objective');
    await row('An element or a part').click();
    await workbench.page.locator('.quick-input-title', { hasText: 'a part of an output' }).waitFor();
    const field = workbench.page.locator('.quick-input-widget:visible input').first();
    const name = (await field.inputValue()).replace(/\[.*/, '');
    await field.fill(`${name}[99, 0, 0]`);
    await workbench.page.locator('.quick-input-message', { hasText: 'along axis 0 there is no 99' }).waitFor();
    await field.fill(`${name}[-1, 0, 0]`);
    await workbench.page.keyboard.press('Enter');
    const chosen = panel.locator('label.choice', { hasText: '∂ of' }).locator('select option:checked');
    await chosen.filter({ hasText: `${name}[-1, 0, 0]` }).waitFor({ state: 'attached' });
    await workbench.page.waitForTimeout(700);
    await workbench.screenshot('onnx-element');
  });

  it('takes another sequence of the batch', async () => {
    await workbench.command('Unroll: Step Through Another Sequence');
    await row('Sequence 1').click();
    await workbench.stopped(/speech\.lstm {2}t = 0 of 12/);
    await workbench.command('Unroll: Show Timeline');
    await workbench.webview('.note:has-text("sequence 1 of 2")');
    await workbench.stopDebugging();
  });

  it('runs as the last time with one key', async () => {
    await workbench.openFile('speech.onnx', false);
    await page('Recurrent parts');
    await workbench.page.keyboard.press('F5');
    await row('as last time').waitFor();
    await workbench.page.keyboard.press('Enter');
    await workbench.stopped(/t = 0 of 12/);
    await workbench.stopDebugging();
  });

  it('streams a model that is made for one frame a call, over the rows of a table', async () => {
    await workbench.openFile('stream.onnx', false);
    const shown = await page('a timestep can be a call');
    await workbench.screenshot('onnx-stream-page');
    await shown.locator('button', { hasText: 'Debug' }).click();
    await row('Streamed as proposed').waitFor();
    await row('Choose a file').click();
    await workbench.page.locator('.quick-input-title', { hasText: 'An input for stream.onnx' }).waitFor();
    await row(/^sensor\.csv/).click();
    await workbench.stopped(/stream\.lstm {2}t = 0 of 40/);
    await workbench.screenshot('onnx-stream');
    await workbench.stopDebugging();
  });

  it('asks for each input by itself', async () => {
    await workbench.openFile('stream.onnx', false);
    const shown = await page('a timestep can be a call');
    await shown.locator('button', { hasText: 'Debug' }).click();
    await row('Streamed as proposed').click();
    await row('One call').waitFor();
    await workbench.page.waitForTimeout(400);
    await workbench.screenshot('onnx-how');
    await row('One call').click();
    await row('Each input by itself').click();
    await row(/^x/).waitFor();
    await row(/^x/).click();
    await row('A ramp').click();
    await row('a ramp').waitFor();
    await workbench.page.waitForTimeout(400);
    await workbench.screenshot('onnx-inputs');
    await row('Run').click();
    await workbench.stopped(/stream\.lstm {2}t = 0 of 1/);
    await workbench.stopDebugging();
  });

  it('opens the streaming rule to be edited, and takes it from then on', async () => {
    await workbench.openFile('stream.onnx', false);
    const shown = await page('a timestep can be a call');
    await shown.locator('button', { hasText: 'Debug' }).click();
    await row('One call').click();
    await row('Edit the rule').click();
    await workbench.page.locator('.tab.active', { hasText: 'stream.onnx.stream.json' }).waitFor();
    await workbench.line('"h_in"').waitFor();
    await workbench.openFile('stream.onnx', false);
    await workbench.command('Unroll: Debug');
    await row('Streamed by your rule').waitFor();
    await workbench.page.keyboard.press('Escape');
  });

  it('shows the generated source without debugging; F5 there means the model', async () => {
    await workbench.openFile('stream.onnx', false);
    const shown = await page('a timestep can be a call');
    await shown.locator('button', { hasText: 'Generated Source' }).click();
    await workbench.page.locator('.tab.active', { hasText: 'stream.onnx.rnn' }).waitFor();
    await workbench.line('model stream').waitFor();
    await workbench.page.keyboard.press('F5');
    await row('as last time').waitFor();
    await workbench.page.keyboard.press('Escape');
  });

  it('shows where a decoder looks at each timestep: places by timesteps, and as a scope', async () => {
    await workbench.page.keyboard.press('Control+Shift+D');
    await workbench.page.keyboard.press('Control+1');
    await workbench.openFile('translator.onnx', false);
    const shown = await page('graph translator');
    assert.match(await wordsOf(shown.locator('table.attention')), /attention\/weights axis -1 of weights/);
    await shown.locator('button', { hasText: 'Debug' }).click();
    await row('Random numbers').click();
    await enter('Random numbers');
    const field = workbench.page.locator('.quick-input-widget:visible input').first();
    await workbench.page.locator('.quick-input-widget:visible .quick-input-title', { hasText: 'sizes that the model' }).waitFor();
    await field.fill('S = 9, T = 14');
    await workbench.page.keyboard.press('Enter');
    await workbench.stopped(/translator\.decoder {2}t = 0 of 14/);
    const { page: keys } = workbench;
    for (const place of [/translator\.decoder {2}t = 1/, /translator\.decoder {2}t = 2/]) {
      await keys.keyboard.press('F10');
      await workbench.stopped(place);
    }
    // Out of the rows of the decoder, into the attention's.
    await workbench.line('weights  = softmax').click();
    await keys.keyboard.press('F9');
    await keys.keyboard.press('F5');
    await workbench.stopped(/attention_cell\.weights {2}t = 2 of 14/);
    await keys.keyboard.press('F5');
    await workbench.stopped(/attention_cell\.weights {2}t = 3 of 14/);
    await keys.locator('.monaco-list-row', { hasText: /^Attention$/ }).waitFor();
    await workbench.command('Unroll: Show Timeline');
    const panel = await workbench.webview('[role="img"][aria-label^="Attention, 9 places"]');
    await panel.locator('[role="img"][aria-label^="Attention, 9 places"][aria-label*="At t 3, place "]').waitFor();
    await workbench.page.locator('.pane-header', { hasText: 'Gates' }).click();
    for (const other of ['Watch', 'Breakpoints']) await workbench.page.locator('.pane-header', { hasText: other }).first().click();
    const gates = await workbench.webview('body:not(:has([role="tab"])) [role="img"]');
    await gates.locator('[role="img"][aria-label*="Attention, 9 places"]').waitFor();
    const scope = keys.locator('.debug-variables .monaco-list-row', { hasText: /^Attention$/ });
    await scope.click();
    await keys.keyboard.press('ArrowRight');
    await workbench.variable(/^weights =\[9\]/).waitFor();
    for (const [name, theme] of [
      ['light', 'Light Modern'],
      ['contrast', 'Dark High Contrast'],
      ['dark', 'Dark Modern'],
    ] as const) {
      await workbench.setTheme(theme);
      await workbench.page.waitForTimeout(1000);
      await workbench.screenshot(`onnx-attention-${name}`);
    }
    await workbench.stopDebugging();
  });

  it('steps over frames where the recurrence goes over the bands of each', async () => {
    await workbench.page.keyboard.press('Control+1');
    await workbench.openFile('bands.onnx', false);
    const shown = await page('graph bands');
    assert.match(await wordsOf(shown.locator('table.parts')), /axis 2 of x \(bands\) axis 0 of x \(B\) axis 1 of x \(frames\)/);
    await workbench.screenshot('onnx-axes-page');
    await shown.locator('button', { hasText: 'Debug' }).click();
    await row('A timestep is a step of the recurrence').click();
    await row('A timestep is one of frames').waitFor();
    await workbench.page.waitForTimeout(400);
    await workbench.screenshot('onnx-over');
    await row('A timestep is one of frames').click();
    await row('Random numbers').click();
    await enter('Random numbers');
    await workbench.page.locator('.quick-input-widget:visible .quick-input-title', { hasText: 'sizes that the model' }).waitFor();
    await workbench.page.locator('.quick-input-widget:visible input').first().fill('B = 1, x[1] = 10');
    await workbench.page.keyboard.press('Enter');
    await workbench.stopped(/bands\.intra {2}t = 0 of 10/);
    await workbench.command('Unroll: Show Timeline');
    const panel = await workbench.webview('.note:has-text("steps over frames · bands 0")');
    await panel.locator('[role="img"][aria-label^="Forget gate"][aria-label*=" at t 0,"]').waitFor();
    await workbench.page.waitForTimeout(1000);
    await workbench.screenshot('onnx-frames');
    await workbench.stopDebugging();
  });

  it('opens the layers as a model of one’s own, with a run', async () => {
    await workbench.openFile('speech.onnx', false);
    const shown = await page('graph speech');
    await shown.locator('button', { hasText: 'Open as Model' }).click();
    await row('as last time').click();
    await workbench.page.locator('.quick-input-title', { hasText: 'in which folder?' }).waitFor();
    await workbench.page.locator('.quick-input-widget:visible a', { hasText: 'Write Here' }).first().click();
    await workbench.page.locator('.tab.active', { hasText: 'speech.rnn' }).waitFor();
    await workbench.told(/speech\.rnn has the layers and their weights/).waitFor();
    await workbench.lens('Train').waitFor();
    await workbench.screenshot('onnx-as-model');
    await workbench.command('Notifications: Clear All Notifications');
  });

  it('says what is wrong with a broken file, and reads it again when it is whole', async () => {
    await workbench.openFile('broken.onnx', false);
    const shown = await page('This model cannot be shown');
    assert.match(await wordsOf(shown.locator('main')), /cut short/);
    assert.doesNotMatch(await wordsOf(shown.locator('main')), /\bat \w+ \(|node:internal/);
    await workbench.screenshot('onnx-broken');
    writeFileSync(join(workbench.folder, 'broken.onnx'), readFileSync(join(workbench.folder, 'speech.onnx')));
    await page('broken.onnx').then((frame) => frame.locator('text=Recurrent parts').waitFor());
  });
});
