// A conversation with a model in the real editor: by keyboard, over a hidden page and a window that is loaded anew, into the debugger, in all themes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { root } from '../../scripts/root.ts';
import { chatSource, writeChat } from '../engine/talk.ts';
import { Workbench } from './workbench.ts';

/** All replies that it has read are so long that it writes none that ends. */
const laughing = chatSource
  .replace(/Chat/g, 'Laugh')
  .replace('talk.txt', 'jokes.txt')
  .replace('epochs: 60', 'epochs: 12')
  .replace(/search: .*, length: 12/, 'search: greedy, length: 10000');

const repeating = `model Repeat(source: [S] of Symbol, target: [T] of Symbol) {
  encoder = bidirectional(gru, embed(source, 8), 12)
  decoder = attending_decoder(embed(target, 8), encoder, 16)
  logits  = linear(decoder, Symbol)
  loss    = cross_entropy(logits, next(target))
}

data repeating = repeating(200, symbols: 5, length: [2, 4], seed: 1)

train Repeat on repeating { device: cpu, steps: 60, batch: 20, optimizer: adam(0.02) }

generate Repeat { search: greedy, length: 8 }
`;

describe('a conversation in the workbench', () => {
  let workbench: Workbench;
  let chat: Frame;
  const folder = (): string => workbench.folder;
  const field = () => chat.locator('#say');
  const turn = (k: number) => chat.locator('#log article').nth(k);
  const reply = (k: number) => turn(k).locator('.reply .text');
  /** Above the source that is in front: others stand beside it. */
  const lens = (title: string) => workbench.page.locator('.editor-group-container.active .codelens-decoration a', { hasText: title });
  const idle = () => chat.locator('#send:visible').waitFor();
  /** Says something as a person does, and waits for the whole reply. */
  const say = async (text: string): Promise<string> => {
    const before = await chat.locator('#log article').count();
    await field().fill(text);
    await field().press('Enter');
    await turn(before).waitFor();
    await idle();
    return (await reply(before).textContent()) ?? '';
  };

  before(async () => {
    workbench = await Workbench.open();
    writeChat(folder());
    writeFileSync(join(folder(), 'laugh.rnn'), laughing);
    writeFileSync(join(folder(), 'jokes.txt'), Array.from({ length: 24 }, (_, k) => `joke ${k % 4}\t${'ha '.repeat(70 + k)}`).join('\n'));
    writeFileSync(join(folder(), 'repeat.rnn'), repeating);
    for (const file of ['chat.rnn', 'laugh.rnn', 'repeat.rnn'])
      execFileSync(process.execPath, [join(root, 'dist', 'cli.mjs'), 'train', join(folder(), file)]);
  });
  afterEach(function () {
    return workbench.pictureOf(this.currentTest);
  });
  after(() => workbench.close());

  it('opens above the generate statement, and offers something to say', async () => {
    await workbench.openFile('chat.rnn');
    await workbench.lens('Chat').click();
    chat = await workbench.webview('h1:has-text("Chat with Chat-1")');
    const offers = chat.locator('.empty button');
    await offers.first().waitFor();
    assert.match(
      (await chat.locator('#settings summary').textContent()) ?? '',
      /sample\(temperature: 0\.5, top_k: 10\), at most 12 tokens/,
    );
    await workbench.screenshot('chat-empty');
    const offered = await offers.first().textContent();
    await offers.first().click();
    await turn(0).waitFor();
    await idle();
    assert.equal(await turn(0).locator('.said .text').textContent(), offered);
    assert.match((await chat.locator('#said').textContent()) ?? '', /\w/);
  });

  it('answers what is said, marks what it does not know, and brings back what was said', async () => {
    assert.equal(await say('Do you have a red cat?'), 'yes, i have a red cat.');
    await say('Where is the purple dog?');
    assert.equal(await turn(2).locator('.said .text .unknown').textContent(), 'purple');
    await field().fill('not yet');
    await field().press('ArrowUp');
    assert.equal(await field().inputValue(), 'Where is the purple dog?');
    await field().press('Home');
    await field().press('ArrowUp');
    assert.equal(await field().inputValue(), 'Do you have a red cat?');
    await field().press('ArrowDown');
    await field().press('ArrowDown');
    assert.equal(await field().inputValue(), 'not yet');
    await field().fill('Do you have');
    await field().press('Shift+Enter');
    await field().pressSequentially('a blue bird?');
    assert.equal(await field().inputValue(), 'Do you have\na blue bird?');
    assert.equal(await chat.locator('#log article').count(), 3);
    await field().press('Enter');
    await turn(3).waitFor();
    await idle();
    assert.equal(await reply(3).textContent(), 'yes, i have a blue bird.');
  });

  it('writes as its fields say', async () => {
    await chat.locator('#settings summary').click();
    const input = (name: string) => chat.locator(`#settings [name=${name}]`);
    await input('temperature').fill('warm');
    await input('temperature').press('Tab');
    await chat.locator('#fault', { hasText: 'The temperature is a number above 0, not warm.' }).waitFor();
    await input('temperature').fill('0.5');
    await input('temperature').press('Tab');
    await input('length').fill('3');
    await input('length').press('Tab');
    await chat.locator('summary', { hasText: 'at most 3 tokens (changed here)' }).waitFor();
    assert.equal(await say('Do you have a red cat?'), 'yes, i');
    await turn(4).getByText('Cut at its length, 3 tokens.').waitFor();
    await input('search').selectOption('beam');
    await chat.locator('summary', { hasText: 'beam(5), at most 3 tokens' }).waitFor();
    assert.equal(await input('temperature').isVisible(), false);
    await workbench.screenshot('chat-settings');
    await chat.locator('[data-action=reset]').click();
    await chat.locator('summary', { hasText: 'sample(temperature: 0.5, top_k: 10), at most 12 tokens' }).waitFor();
    assert.equal(await input('length').inputValue(), '12');
    await chat.locator('#settings summary').click();
  });

  it('is there again when it was hidden, and when the window was loaded anew', async () => {
    await field().fill('half a tho');
    const said = (await chat.locator('#log .said .text').allTextContents()).length;
    await workbench.openFile('text.rnn');
    await workbench.page.locator('.tab', { hasText: 'Chat: Chat-1' }).click();
    chat = await workbench.webview('h1:has-text("Chat with Chat-1")');
    await turn(said - 1).waitFor();
    assert.equal(await field().inputValue(), 'half a tho');
    // What was typed is handed to the workbench in its own time.
    await workbench.page.waitForTimeout(2000);
    await workbench.page.reload();
    await workbench.page.locator('.monaco-workbench .part.statusbar').waitFor();
    await workbench.page.locator('.tab', { hasText: 'Chat: Chat-1' }).click();
    chat = await workbench.webview('h1:has-text("Chat with Chat-1")', 60_000);
    await turn(said - 1).waitFor();
    assert.equal(await chat.locator('#log article').count(), said);
    assert.equal(await field().inputValue(), 'half a tho');
    await field().fill('');
  });

  it('looks as the theme says', async () => {
    await turn(1).locator('details summary').click();
    await turn(1).locator('th', { hasText: 'red' }).waitFor();
    await turn(1).scrollIntoViewIfNeeded();
    await workbench.screenshot('chat-dark');
    for (const [theme, name] of [
      ['Light Modern', 'light'],
      ['Dark High Contrast', 'contrast'],
    ] as const) {
      await workbench.setTheme(theme);
      await chat.locator(`body.${name === 'light' ? 'vscode-light' : 'vscode-high-contrast'}`).waitFor();
      await workbench.screenshot(`chat-${name}`);
    }
    await workbench.setTheme('Dark Modern');
  });

  it('opens a reply in the debugger, token by token, with where it looked', async () => {
    await workbench.openDebugViews().catch(() => undefined);
    await turn(1).locator('[data-action=debug]').click();
    // What was said is read first; the layer that writes has the reply, and the weights of what was said at each of its tokens.
    await workbench.stopped(/t = 0 of 7, 'do'/);
    const timeline = await workbench.webview('label.choice:has-text("layer")');
    const layers = timeline.locator('label.choice', { hasText: 'layer' }).locator('select');
    await layers.selectOption((await layers.locator('option', { hasText: 'decoder' }).first().getAttribute('value'))!);
    await timeline.locator('[role="img"][aria-label*="of the weight"]').waitFor();
    await workbench.page.keyboard.press('F10');
    await workbench.stopped(/t = 1 of 7, 'you'/);
    await workbench.screenshot('chat-debug');
    const read = await workbench.lineValue('= embed(said');
    assert.ok(read !== '');
    await workbench.stopDebugging();
  });

  it('is saved as a text, and cleared', async () => {
    const input = workbench.page.locator('.quick-input-widget:visible input').first();
    const path = join(folder(), 'said.txt');
    // The dialog looks at what is typed before it takes it; one that a busy workbench has closed is opened once more.
    for (let tries = 0; tries < 20 && !existsSync(path); tries += 1) {
      if (!(await input.isVisible())) await chat.locator('[data-action=save]').click();
      await input.fill(path);
      await workbench.page.waitForTimeout(300);
      await input.press('Enter', { timeout: 2000 }).catch(() => undefined);
      await workbench.page.waitForTimeout(700);
    }
    const text = readFileSync(path, 'utf8');
    assert.match(text, /You: Do you have a red cat\?\nChat-1: yes, i have a red cat\.\n/);
    assert.match(text, /\[Unknown to the model: purple\.\]/);
    await chat.locator('[data-action=clear]').click();
    await chat.locator('.empty').waitFor();
    assert.equal(await chat.locator('#log article').count(), 0);
    assert.equal(await chat.locator('[data-action=save]').isDisabled(), true);
  });

  it('stops a reply that never ends', async () => {
    await workbench.openFile('laugh.rnn');
    await lens('Chat').click();
    chat = await workbench.webview('h1:has-text("Chat with Laugh-1")');
    await field().fill('joke 3');
    await field().press('Enter');
    await reply(0).getByText('ha ha ha').waitFor();
    await workbench.screenshot('chat-writing');
    await field().press('Escape');
    await turn(0).getByText('Stopped.').waitFor();
    assert.match((await reply(0).textContent()) ?? '', /^ha ha ha/);
    await idle();
    await turn(0).locator('[data-action=debug]').waitFor();
  });

  it('translates', async () => {
    await workbench.openFile('repeat.rnn');
    await lens('Translate').click();
    chat = await workbench.webview('h1:has-text("Translate with Repeat-1")');
    assert.match(await say('a b'), /^[a-e]( [a-e])*$/);
    assert.deepEqual(await turn(0).locator('h2').allTextContents(), ['Source', 'Translation']);
    await field().fill('a z');
    await field().press('Enter');
    await turn(1).getByText('has never seen "z"').waitFor();
    await workbench.screenshot('chat-translation');
  });
});
