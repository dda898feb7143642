// npm run latency: from the press of a key to what it changes on the screen, in the real workbench. An untrained LSTM of 512 units reads 1,000
// characters; 60 presses of F10 step over timesteps, then 60 of F11 from equation to equation, inside the cell and out.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame } from 'playwright-core';
import { Workbench } from './workbench.ts';

const PRESSES = 60;
const STEPS = 1000;

/** What is watched, by a name for the report. */
type Watched = Readonly<Record<string, string>>;

interface Watcher {
  /** Milliseconds since the epoch, as `Date.now` but finer, at which each first changed. */
  readonly changed: Map<string, number>;
  pressed: number;
  /** What each was when the key went down. */
  readonly before: Map<string, string>;
}

declare const window: { watcher: Watcher };

/** Notes when each of `watched` (elements, by selectors) next differs from what it was. */
function watch(watched: Watched): void {
  const watcher: Watcher = { changed: new Map(), pressed: 0, before: new Map() };
  window.watcher = watcher;
  const now = (): number => performance.timeOrigin + performance.now();
  const look = (selector: string): string =>
    [...document.querySelectorAll(selector)]
      .map(
        (each) =>
          `${each.className} ${each.getAttribute('aria-label') ?? each.textContent} ${(each.parentElement as HTMLElement | null)?.style.top}`,
      )
      .join();
  const begin = (): void => {
    watcher.changed.clear();
    for (const [name, selector] of Object.entries(watched)) watcher.before.set(name, look(selector));
    watcher.pressed = now();
  };
  new MutationObserver(() => {
    const time = now();
    for (const [name, selector] of Object.entries(watched)) {
      if (watcher.changed.has(name)) continue;
      const seen = look(selector);
      if (seen !== '' && seen !== watcher.before.get(name)) watcher.changed.set(name, time);
    }
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  addEventListener('keydown', begin, { capture: true });
  addEventListener('watch', begin);
}

const inWorkbench = {
  'highlighted line': '.editor-group-container.active .debug-top-stack-frame-line',
  'values at the lines': '.editor-group-container.active .view-line span[class*="ced-"]',
  'call stack': '.debug-call-stack .stack-frame .label',
};
const inPanel = { panel: '[role="img"][aria-label^="Forget gate"]' };

const workbench = await Workbench.open();
try {
  const { page, folder } = workbench;
  workbench.edit('text.rnn', (source) => source.replace('lstm(x, 96)', 'lstm(x, 512)'));
  mkdirSync(join(folder, '.vscode'), { recursive: true });
  const launch = { name: 'Step', type: 'unroll', request: 'launch', program: join(folder, 'text.rnn'), run: 'untrained' };
  writeFileSync(
    join(folder, '.vscode', 'launch.json'),
    JSON.stringify({ configurations: [{ ...launch, data: { part: 'training', length: STEPS } }] }),
  );
  await workbench.openFile('text.rnn');
  await workbench.openDebugViews();
  await page.keyboard.press('F5');
  await workbench.stopped(/t = 0 of 1000/);
  const panel = await workbench.webview(inPanel.panel);
  await page.evaluate(watch, inWorkbench);
  await panel.evaluate(watch, inPanel);
  await page.waitForTimeout(3000);
  report('F10, over a timestep', await presses('F10', panel, ['values at the lines', 'call stack', 'panel']));
  report('F11, to the next equation', await presses('F11', panel, ['highlighted line', 'call stack']));
} finally {
  await workbench.close();
}

/** Presses a key; for each of `names`, the milliseconds until it changed. */
async function presses(key: string, panel: Frame, names: readonly string[]): Promise<ReadonlyMap<string, number[]>> {
  const { page } = workbench;
  const found = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let press = 0; press < PRESSES; press++) {
    await panel.evaluate(() => dispatchEvent(new Event('watch')));
    await page.keyboard.press(key);
    for (let wait = 0; wait < 20; wait++) {
      await page.waitForTimeout(150);
      const pressed = await page.evaluate(() => window.watcher.pressed);
      const changed = new Map(
        [...(await page.evaluate(() => [...window.watcher.changed])), ...(await panel.evaluate(() => [...window.watcher.changed]))].filter(
          ([name]) => names.includes(name),
        ),
      );
      if (changed.size < names.length && wait < 19) continue;
      for (const [name, time] of changed) found.get(name)!.push(time - pressed);
      break;
    }
    await page.waitForTimeout(150);
  }
  return found;
}

function report(what: string, found: ReadonlyMap<string, number[]>): void {
  console.log(`${what}, ${PRESSES} presses:`);
  for (const [name, times] of found) {
    times.sort((a, b) => a - b);
    const at = (quantile: number): string => `${times[Math.min(times.length - 1, Math.floor(times.length * quantile))]?.toFixed(0)} ms`;
    console.log(`  ${name}: p50 ${at(0.5)}, p95 ${at(0.95)}${times.length < PRESSES ? `; changed ${times.length} times` : ''}`);
  }
}
