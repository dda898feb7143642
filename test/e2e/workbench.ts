// The real workbench, driven through its page. Every wait is for something that can be seen.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Frame, Locator, Page } from 'playwright-core';
import { root } from '../../scripts/root.ts';
import { startBrowser } from '../../scripts/vscode/browser.ts';
import { type Server, startServer } from '../../scripts/vscode/server.ts';

const shots = join(root, '.cache', 'shots');

export interface WorkbenchOptions {
  readonly theme?: string;
  readonly trust?: boolean;
  readonly size?: { readonly width: number; readonly height: number };
  readonly settings?: Readonly<Record<string, unknown>>;
}

/** A workspace of its own with the examples, in a VS Code of its own. */
export class Workbench {
  readonly folder: string;
  readonly page: Page;
  readonly #server: Server;
  readonly #browser: Browser;

  private constructor(folder: string, page: Page, server: Server, browser: Browser) {
    this.folder = folder;
    this.page = page;
    this.#server = server;
    this.#browser = browser;
  }

  static async open(options: WorkbenchOptions = {}): Promise<Workbench> {
    const folder = mkdtempSync(join(tmpdir(), 'unroll-examples-'));
    cpSync(join(root, 'examples'), folder, { recursive: true, filter: (path) => !path.includes('runs') });
    const server = await startServer({
      install: true,
      trust: options.trust ?? false,
      settings: {
        'workbench.colorTheme': options.theme ?? 'Default Dark Modern',
        'window.commandCenter': false,
        'files.simpleDialog.enable': true,
        'editor.fontSize': 13,
        ...options.settings,
      },
    });
    const browser = await startBrowser();
    const context = await browser.newContext({ viewport: options.size ?? { width: 1500, height: 950 } });
    const page = await context.newPage();
    // A machine that does other things besides takes its time to open a workbench.
    page.setDefaultNavigationTimeout(120_000);
    const workbench = new Workbench(folder, page, server, browser);
    await page.goto(server.address(folder));
    await page.locator('.monaco-workbench .part.statusbar').waitFor();
    // A contribution of the extension: the palette's list is not refreshed once it is open.
    await page.locator('.activitybar .action-label[aria-label="Unroll"]').waitFor();
    return workbench;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.stop();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Runs a command of the palette by its full title. */
  async command(title: string): Promise<void> {
    await this.#pick('F1', `>${title}`, this.page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first());
  }

  /** Opens a file of the workspace in the editor. */
  async openFile(name: string, isText = true): Promise<void> {
    const exactly = new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
    // The list is put in order while one looks at it, so nothing is clicked: a whole path has one line, and Enter takes it.
    const first = this.page
      .locator('.quick-input-list .monaco-list-row.focused')
      .filter({ has: this.page.locator('.label-name', { hasText: exactly }) });
    const enter = (row: Locator): Promise<void> => row.waitFor({ timeout: 4000 }).then(() => this.page.keyboard.press('Enter'));
    await this.#pick('Control+P', join(this.folder, name), first, enter);
    await this.page.locator('.tab.active .tab-label', { hasText: exactly }).first().waitFor();
    if (isText) await this.editor.waitFor();
  }

  /** A line of the quick input, which is opened with a key and filtered by a text. A busy workbench may take the key for another place: then once more. */
  async #pick(key: string, text: string, row: Locator, take = (found: Locator) => found.click({ timeout: 4000 })): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      await this.page.keyboard.press(key);
      const input = this.page.locator('.quick-input-widget:visible input').first();
      try {
        await input.fill(text, { timeout: 4000 });
        await take(row);
        return;
      } catch (error) {
        if (attempt === 4) throw error;
        await this.page.keyboard.press('Escape');
      }
    }
  }

  /** Changes a file of the workspace on the disk. */
  edit(name: string, change: (source: string) => string): void {
    const file = join(this.folder, name);
    writeFileSync(file, change(readFileSync(file, 'utf8')));
  }

  /** One of the words above a statement. */
  lens(title: string): Locator {
    return this.page.locator('.codelens-decoration a', { hasText: title }).first();
  }

  /** A notification with this text. */
  told(text: RegExp): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item-message').filter({ hasText: text }).first();
  }

  async setTheme(name: string): Promise<void> {
    await this.command('Preferences: Color Theme');
    const input = this.page.locator('.quick-input-widget:visible input').first();
    await input.fill(name);
    await this.page.locator('.quick-input-list .monaco-list-row', { hasText: name }).first().waitFor();
    await this.page.keyboard.press('Enter');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  get editor(): Locator {
    return this.page.locator('.editor-instance .view-lines').first();
  }

  /** The visible line of the editor with this text. */
  line(text: string): Locator {
    return this.page.locator('.editor-instance .view-line', { hasText: text }).first();
  }

  /** The value that stands at the end of the equation with this text. */
  async lineValue(text: string): Promise<string> {
    const spans = this.line(text).locator('span[class*="ced-"]');
    await spans.first().waitFor({ state: 'attached' });
    const contents = await spans.evaluateAll((all) => all.map((span) => getComputedStyle(span, '::after').content));
    return contents.find((content) => content.startsWith('"'))?.slice(1, -1) ?? '';
  }

  rows(list: string): Locator {
    return this.page.locator(`${list} .monaco-list-row`);
  }

  /** The frame of the webview that holds `probe`. */
  async webview(probe: string, timeout = 20_000): Promise<Frame> {
    const end = Date.now() + timeout;
    while (Date.now() < end) {
      for (const frame of this.page.frames()) {
        const found = await frame
          .locator(probe)
          .count()
          .catch(() => 0);
        if (found > 0) return frame;
      }
      await this.page.waitForTimeout(100);
    }
    throw new Error(`No webview shows ${probe}.`);
  }

  // Debugging

  /** Opens Run and Debug, so that its views are filled from the first stop on, and goes back to the editor. */
  async openDebugViews(): Promise<void> {
    await this.page.keyboard.press('Control+Shift+D');
    await this.page.locator('[id="workbench.view.debug"]').waitFor();
    await this.editor.click();
  }

  /** Starts debugging the open source, and takes the entry of the list with this text. */
  async startDebugging(choice: string | RegExp): Promise<void> {
    await this.page.keyboard.press('F5');
    const row = this.page.locator('.quick-input-list .monaco-list-row', { hasText: choice }).first();
    await row.waitFor();
    await row.click();
    await this.stopped(/t = 0/);
  }

  /** Waits until the debugger stands in a frame whose name fits; resolves to the name. */
  async stopped(name: RegExp): Promise<string> {
    const frame = this.page.locator('.debug-call-stack .stack-frame').filter({ hasText: name }).first();
    await frame.waitFor({ timeout: 20_000 });
    return (await frame.textContent()) ?? '';
  }

  /** The line number that is highlighted in the active editor. */
  async highlighted(): Promise<number> {
    const found = await this.page.waitForFunction(() => {
      const line = document.querySelector('.editor-group-container.active .debug-top-stack-frame-line');
      const top = line?.getBoundingClientRect().top;
      if (top === undefined) return undefined;
      const numbers = [...document.querySelectorAll('.editor-group-container.active .line-numbers')];
      return Number(numbers.find((each) => Math.abs(each.getBoundingClientRect().top - top) < 3)?.textContent);
    });
    return Number(await found.jsonValue());
  }

  /** The row of Variables with this text. */
  variable(text: RegExp): Locator {
    return this.rows('.debug-variables').filter({ hasText: text }).first();
  }

  async stopDebugging(): Promise<void> {
    await this.page.keyboard.press('Shift+F5');
    await this.page.locator('.debug-toolbar').waitFor({ state: 'hidden' });
  }

  async screenshot(name: string): Promise<void> {
    mkdirSync(shots, { recursive: true });
    await this.page.screenshot({ path: join(shots, `${name}.png`) });
  }

  /** A picture of how a test failed. To be called after each test. */
  async pictureOf(test: Mocha.Test | undefined): Promise<void> {
    if (test?.isFailed()) await this.screenshot(`failed ${test.title.slice(0, 40)}`);
  }

  /** What the server and the extension host wrote. */
  get log(): string {
    return this.#server.log;
  }
}
