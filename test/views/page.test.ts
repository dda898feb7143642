// The pages of the views in a plain Chromium: what keys and pointer do, what is spoken, and that no label lies on another.

import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import type { ViewState } from '../../src/shared/messages.ts';
import { Gallery, type Sight } from './gallery/browser.ts';
import { STATES } from './gallery/states.ts';

/** What the gallery's page lays open. */
interface Laid {
  readonly model: { readonly state: ViewState };
  readonly calls: readonly { readonly name: string; readonly value: unknown }[];
}

describe('pages of the views', function () {
  this.timeout(90_000);
  let gallery: Gallery;
  before(async () => {
    gallery = await Gallery.open();
  });
  after(async () => {
    await gallery.close();
  });
  afterEach(() => {
    assert.deepEqual(gallery.errors.splice(0), []);
  });

  const show = (state: string, sight: Partial<Sight> = {}): Promise<Page> =>
    gallery.show({ state, theme: 'dark', width: 680, height: 808, ...sight });
  const trace = (page: Page) => page.evaluate(() => (globalThis as unknown as Laid).model.state.trace!);
  const press = async (page: Page, key: string) => {
    await page.keyboard.press(key);
    await page.waitForTimeout(60);
    return trace(page);
  };

  it('say how near a replay is, and warn where it is not near', async () => {
    const near = await show('timeline-replay');
    assert.equal(await near.locator('.parity .verdict').textContent(), 'replay equals the model to 2e−7, 1 of 2 parts not compared');
    assert.match((await near.locator('.parity').getAttribute('title')) ?? '', /^lstm: 2e−7\nlstm_1: nothing in the model to compare with$/);
    assert.equal(await near.locator('.banner').count(), 0);
    await near.close();
    const far = await show('timeline-replay-wrong');
    assert.match((await far.locator('.banner[role="alert"]').textContent()) ?? '', /The replay differs from the model: lstm_1 \(by 3e−2\)/);
    assert.equal(await far.locator('.parity .idle').textContent(), 'gru has no values: its branch did not run');
    await far.close();
    const own = await show('timeline-lstm');
    assert.equal(await own.locator('.parity').count(), 0);
    await own.close();
  });

  it('move by keyboard', async () => {
    const page = await show('timeline-lstm');
    const start = await trace(page);
    assert.equal((await press(page, 'ArrowRight')).t, start.t + 1);
    assert.equal((await press(page, 'Shift+ArrowRight')).t, start.t + 11);
    assert.equal((await press(page, 'ArrowLeft')).t, start.t + 10);
    const below = await press(page, 'ArrowDown');
    assert.notEqual(below.unit, start.unit);
    assert.equal((await press(page, 'ArrowUp')).unit, start.unit);
    assert.notEqual((await press(page, ']')).unit, start.unit);
    assert.equal((await press(page, 'Home')).t, 0);
    const end = await press(page, 'End');
    assert.deepEqual([end.t, end.window.to], [399, 400]);
    const n = end.window.to - end.window.from;
    assert.deepEqual((await press(page, 'Control+ArrowLeft')).window, { from: 400 - 2 * n, to: 400 - n });
    assert.deepEqual((await press(page, '0')).window, { from: 0, to: 400 });
    const near = await press(page, '+');
    assert.equal(near.window.to - near.window.from, 200);
    assert.deepEqual((await press(page, '-')).window, { from: 0, to: 400 });
    const goes = await page.evaluate(() =>
      (globalThis as unknown as Laid).calls.filter(({ name }) => name === 'go').map(({ value }) => value),
    );
    assert.deepEqual(goes.at(-1), 399);
    await page.close();
  });

  it('choose by keyboard: order, tint, loss, event, row, table, export', async () => {
    const page = await show('timeline-nan');
    assert.equal((await press(page, 'o')).order, 'similarity');
    assert.equal((await press(page, 'o')).order, 'index');
    assert.equal((await press(page, 'c')).tint, 'gradient');
    assert.deepEqual((await press(page, 'l')).objective, { kind: 'lossAt', t: 38 });
    assert.deepEqual((await press(page, 'l')).objective, { kind: 'loss' });
    assert.equal((await press(page, 'n')).t, 41);
    assert.match((await page.locator('[aria-live]').textContent()) ?? '', /t 41: c is not a number|t 41/);
    await page.locator('[data-region="row:f"]').focus();
    assert.equal((await press(page, 'Enter')).open, 'f');
    assert.equal((await press(page, 'Escape')).open, undefined);
    await press(page, 't');
    const { window } = await trace(page);
    assert.equal(await page.locator('.table tbody tr').count(), window.to - window.from);
    assert.equal(await page.locator('.table tr[aria-current]').locator('th').textContent(), '41');
    await press(page, 'Escape');
    assert.equal(await page.locator('.table').count(), 0);
    await press(page, 'e');
    const saved = await page.evaluate(() => (globalThis as unknown as Laid).calls.find(({ name }) => name === 'save')?.value);
    assert.match(JSON.stringify(saved), /"format":"svg".*<svg xmlns=/);
    await page.close();
  });

  it('are reached with Tab in reading order, row by row, and speak for their pictures', async () => {
    const page = await show('timeline-lstm');
    await page.evaluate(() => document.querySelector<HTMLElement>('[data-region]')!.focus());
    const seen: string[] = [];
    for (let index = 0; index < 9; index++) {
      seen.push(await page.evaluate(() => (document.activeElement as HTMLElement).dataset.region ?? ''));
      await page.keyboard.press('Tab');
    }
    assert.deepEqual(seen, ['overview', 'row:f', 'row:i', 'row:g', 'row:o', "row:c'", "row:h'", 'unit', 'gradient']);
    const forget = (await page.locator('[data-region="row:f"]').getAttribute('aria-label')) ?? '';
    assert.match(
      forget,
      /^Forget gate, 256 units, t 0 to \d+\. Mean \.\d\d at t 28, \d+ % below \.1, \d+ % above \.9\. Unit \d+ (rises to|drops to|stays at) \.\d+\.$/,
    );
    assert.match(
      (await page.locator('[data-region="gradient"]').getAttribute('aria-label')) ?? '',
      /loss at t 52 .* log scale\. At t 28: c \.\d+, h \.\d+\.$/,
    );
    await page.locator('[data-region="row:o"]').focus();
    await press(page, 'ArrowRight');
    assert.equal(await page.evaluate(() => (document.activeElement as HTMLElement).dataset.region), 'row:o', 'redrawing keeps the focus');
    await page.waitForTimeout(600);
    assert.match((await page.locator('[aria-live]').textContent()) ?? '', /^t 29 ‘.’\. Means: f \.\d\d, i/);
    await page.close();
  });

  it('take a timestep and a unit from a click in a heatmap, and pin with Ctrl', async () => {
    const page = await show('timeline-lstm');
    const row = (await page.locator('[data-region="row:i"]').boundingBox())!;
    const cell = 488 / (await trace(page)).window.to;
    const [x, y] = [104 + 17.5 * cell, row.y + row.height * 0.5];
    await page.mouse.click(x, y);
    await page.waitForTimeout(80);
    const clicked = await trace(page);
    assert.equal(clicked.t, 17);
    const calls = await page.evaluate(() => (globalThis as unknown as Laid).calls.map(({ name, value }) => `${name} ${value}`));
    assert.deepEqual(calls, ['go 17']);
    await page.mouse.move(x + 7 * cell, y + 10);
    await page.waitForTimeout(60);
    assert.match((await page.locator('.tip').textContent()) ?? '', /^unit \d+ τ .* t 24 ‘.’c′ = f · c \+ i · g.* = .*forgets .* % here$/);
    await page.keyboard.down('Control');
    await page.mouse.click(x + 7 * cell, y + 10);
    await page.keyboard.up('Control');
    await page.waitForTimeout(80);
    const pinned = await trace(page);
    assert.deepEqual([pinned.t, pinned.unit, pinned.pins.length], [17, clicked.unit, 1]);
    await page.close();
  });

  it('pan, resize and zoom the window in the overview and with the wheel', async () => {
    const page = await show('timeline-lstm');
    const box = (await page.locator('[data-region="overview"]').boundingBox())!;
    const y = box.y + box.height / 2;
    const perStep = 488 / 400;
    const n = (await trace(page)).window.to;
    await page.mouse.move(104 + 30 * perStep, y);
    await page.mouse.down();
    await page.mouse.move(104 + 130 * perStep, y, { steps: 4 });
    await page.mouse.up();
    await page.waitForTimeout(80);
    assert.deepEqual((await trace(page)).window, { from: 100, to: 100 + n });
    await page.mouse.move(104 + (100 + n) * perStep, y);
    await page.mouse.down();
    await page.mouse.move(104 + 200 * perStep, y, { steps: 4 });
    await page.mouse.up();
    await page.waitForTimeout(80);
    assert.deepEqual((await trace(page)).window, { from: 100, to: 200 });
    await page.mouse.move(350, 300);
    await page.keyboard.down('Control');
    await page.mouse.wheel(0, -200);
    await page.keyboard.up('Control');
    await page.waitForTimeout(80);
    const { window } = await trace(page);
    assert.ok(window.to - window.from < 60 && window.from > 100 && window.to < 200, JSON.stringify(window));
    await page.mouse.dblclick(300, y);
    await page.waitForTimeout(80);
    assert.deepEqual((await trace(page)).window, { from: 0, to: 400 });
    await page.close();
  });

  it('change tabs by keyboard, and take a unit in the cell', async () => {
    const page = await show('timeline-lstm');
    await page.locator('#tab-timeline').focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForTimeout(80);
    assert.equal(await page.locator('#tab-cell').getAttribute('aria-selected'), 'true');
    const label = (await page.locator('[data-region="cell"]').getAttribute('aria-label')) ?? '';
    assert.match(label, /^Cell at t 28, .* keeps .* forgets .* stores .* cancel\./);
    await page.locator('input[type=number]').fill('9');
    await page.keyboard.press('Enter');
    await page.waitForTimeout(80);
    assert.equal((await trace(page)).unit, 9);
    await page.close();
  });

  it('lead along a trajectory: stepping moves the mark, a point is looked at by keyboard and pointer, and gone to', async () => {
    const page = await show('trajectory-lstm');
    const stage = page.locator('.stage.trajectory .region');
    const sentence = () => stage.getAttribute('aria-label');
    assert.match(
      (await sentence()) ?? '',
      /^Trajectory of the states over 400 timesteps .* explain \d+ % and \d+ % of the variance\. From .* to .*\. At t 28 \(/,
    );
    assert.equal((await press(page, 'ArrowRight')).t, 29);
    assert.match((await sentence()) ?? '', /At t 29 \(/);
    // Looking along it moves nothing; Enter goes there.
    assert.equal((await press(page, 'ArrowDown')).t, 29);
    const tip = page.locator('.stage.trajectory .tip');
    assert.match((await tip.textContent()) ?? '', /^t 30 ‘.’\(/);
    await press(page, 'Shift+ArrowDown');
    assert.match((await tip.textContent()) ?? '', /^t 40 ‘.’/);
    assert.equal((await press(page, 'Enter')).t, 40);
    assert.equal(await tip.isVisible(), false);
    await press(page, 'ArrowUp');
    assert.match((await tip.textContent()) ?? '', /^t 39 /);
    await press(page, 'Escape');
    assert.equal(await tip.isVisible(), false);
    assert.equal((await trace(page)).t, 40);
    // The end of the sequence is the square: the pointer finds it, and a click goes there.
    const place = await page.evaluate(() => {
      const native = Path2D.prototype.rect;
      let found = { x: 0, y: 0 };
      Path2D.prototype.rect = function (x, y, width, height) {
        native.call(this, x, y, width, height);
        if (width === 8 && height === 8) found = { x: x + 4, y: y + 4 };
      };
      const laid = globalThis as unknown as { model: { setTrusted(trusted: boolean): void } };
      laid.model.setTrusted(true);
      return new Promise<typeof found>((resolve) => setTimeout(() => resolve(found), 150));
    });
    const box = (await page.locator('.stage.trajectory canvas').boundingBox())!;
    await page.mouse.move(box.x + place.x, box.y + place.y);
    await page.waitForTimeout(60);
    assert.match((await tip.textContent()) ?? '', /^t 399 /);
    await page.mouse.down();
    await page.mouse.up();
    await page.waitForTimeout(60);
    assert.equal((await trace(page)).t, 399);
    const goes = await page.evaluate(() =>
      (globalThis as unknown as Laid).calls.filter(({ name }) => name === 'go').map(({ value }) => value),
    );
    assert.deepEqual(goes.slice(-2), [40, 399]);
    // Of one state alone, which stays chosen.
    await page.locator('select').nth(1).selectOption("c'");
    await page.waitForTimeout(100);
    assert.equal((await trace(page)).trajectory, "c'");
    assert.match((await sentence()) ?? '', /^Trajectory of c′ /);
    await press(page, 't');
    assert.match((await page.locator('.table caption').textContent()) ?? '', /principal components/);
    await page.close();
  });

  it('end a trajectory where its states are no numbers any more', async () => {
    const page = await show('trajectory-nan');
    const label = (await page.locator('.stage.trajectory .region').getAttribute('aria-label')) ?? '';
    assert.match(label, /explain [1-9]\d* % and/);
    assert.doesNotMatch(label, /NaN/);
    await press(page, 'Shift+ArrowDown');
    assert.match((await page.locator('.stage.trajectory .tip').textContent()) ?? '', /^t 40 /);
    await page.close();
  });

  it('pause, resume and overlay in the training view', async () => {
    const page = await show('training-running');
    await page.locator('vscode-button', { hasText: 'Pause' }).click();
    await page.locator('tr[data-run="runs/gru 128"]').focus();
    await page.keyboard.press('Enter');
    await page.waitForTimeout(80);
    const { training } = await page.evaluate(() => (globalThis as unknown as Laid).model.state);
    assert.equal(training.chosen, 'runs/gru 128');
    const calls = await page.evaluate(() => (globalThis as unknown as Laid).calls.map(({ value }) => value));
    assert.deepEqual(calls, [['pause', 'lstm 256']]);
    assert.equal(await page.locator('tr[aria-selected="true"]').getAttribute('data-run'), 'runs/gru 128');
    await page.close();
  });

  it('switch off what an untrusted workspace may not do, with the reason', async () => {
    const page = await show('untrusted');
    const debug = page.locator('vscode-button', { hasText: 'Debug sequence' });
    assert.notEqual(await debug.getAttribute('disabled'), null);
    assert.match((await debug.getAttribute('title')) ?? '', /not trusted/);
    await page.close();
  });

  it('make a PNG of twice the size, and an SVG with readable text', async () => {
    const page = await show('cell-lstm', { query: { format: 'png' } });
    await press(page, 'e');
    await page.waitForTimeout(300);
    const saved = await page.evaluate(
      () => (globalThis as unknown as Laid).calls.find(({ name }) => name === 'save')?.value as { size: number; text: string },
    );
    assert.ok(saved.size > 20_000 && saved.text.slice(1, 4) === 'PNG');
    await page.close();
  });

  for (const [state, what, from, to] of [
    ['timeline-1024-units', '60 timesteps x 6 rows x 1,024 units take', 30, 50],
    ['trajectory-10000-steps', 'a trajectory of 10,000 steps takes', 5000, 5010],
  ] as const)
    it(`redraw once a step at least, and tell what ${what}`, async () => {
      const page = await show(state);
      const times = await framesOf(page, from, to);
      const median = times[Math.floor(times.length / 2)]!;
      console.log(`      median ${median.toFixed(1)} ms of ${times.length} frames, longest ${times.at(-1)?.toFixed(1)} ms`);
      assert.ok(times.length >= to - from, `${times.length} frames for ${to - from} steps`);
      await page.close();
    });

  const rarer = [
    'timeline-gru',
    'timeline-rnn',
    'timeline-words',
    'timeline-8-units',
    'timeline-row-alone',
    'timeline-nan',
    'trajectory-nan',
    'trajectory-rnn',
    'cell-start',
    'gates-lstm',
    'training-paused',
  ];
  const main = [
    'timeline-lstm',
    'timeline-own-cell',
    'cell-lstm',
    'cell-gru',
    'cell-own',
    'trajectory-lstm',
    'trajectory-own',
    'training-running',
  ];
  for (const [width, height, shown] of [
    [680, 808, rarer],
    [420, 860, main],
    [1100, 860, main],
  ] as const) {
    it(`draw no label over another or beyond the edge at ${width} pixels`, async () => {
      const faults: string[] = [];
      for (const state of shown) {
        const page = await show(state, { width: STATES[state]!.view === 'gates' ? 300 : width, height, theme: 'light' });
        faults.push(...(await page.evaluate(labelFaults)).map((fault) => `${state}: ${fault}`));
        await page.close();
      }
      assert.deepEqual(faults, []);
    });
  }
});

/** Goes from timestep to timestep, and gives the milliseconds of each frame, the shortest first. */
const framesOf = (page: Page, from: number, to: number): Promise<number[]> =>
  page.evaluate(
    async ([from, to]) => {
      const laid = globalThis as unknown as {
        model: { request(name: string, parameters: unknown): Promise<unknown>; settled(): Promise<void> };
      };
      const spent: number[] = [];
      const native = window.requestAnimationFrame.bind(window);
      window.requestAnimationFrame = (callback) =>
        native((now) => {
          const start = performance.now();
          callback(now);
          spent.push(performance.now() - start);
        });
      for (let t = from; t < to; t++) {
        await laid.model.request('go', { t });
        await laid.model.settled();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return spent.sort((a, b) => a - b);
    },
    [from, to] as const,
  );

/** In the page: draws once more and compares the boxes of all texts of a frame; a busy machine may draw the page in several. */
async function labelFaults(): Promise<string[]> {
  const faults: string[] = [];
  const boxes: { frame: unknown; text: string; left: number; right: number; top: number; bottom: number }[] = [];
  const native = CanvasRenderingContext2D.prototype.fillText;
  let last = '';
  CanvasRenderingContext2D.prototype.fillText = function (text: string, x: number, y: number) {
    native.call(this, text, x, y);
    const size = Number.parseFloat(/(\d+(\.\d+)?)px/.exec(this.font)![1]!);
    const width = this.measureText(text).width;
    last = text;
    if (text.trim() !== '')
      boxes.push({ frame: document.timeline.currentTime, text, left: x, right: x + width, top: y - size * 0.72, bottom: y });
    if (this.canvas.isConnected && (x < -0.5 || x + width > this.canvas.clientWidth + 0.5)) faults.push(`‘${text}’ leaves the picture`);
  };
  const laid = globalThis as unknown as { model: { setTrusted(trusted: boolean): void; state: { trusted: boolean } } };
  laid.model.setTrusted(laid.model.state.trusted);
  await new Promise((resolve) => setTimeout(resolve, 150));
  boxes.forEach((one, index) => {
    for (const other of boxes.slice(index + 1)) {
      if (one.frame !== other.frame) continue;
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      // Tokens one beside the other may touch.
      if (across > 2 && down > 2 && one.text.length + other.text.length > 2) faults.push(`‘${one.text}’ over ‘${other.text}’`);
    }
  });
  const visible = [...document.querySelectorAll('canvas')].some((canvas) => canvas.offsetParent !== null);
  return last === '' && visible ? ['nothing was drawn'] : faults;
}
