// The gallery in a plain Chromium: bundled, served on 127.0.0.1, opened at a state, a theme and a size.

import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { ThemeName } from './themes.ts';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const HTML =
  '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,"><link rel="stylesheet" href="page.css"></head><body><div id="app"></div><script type="module" src="page.js"></script></body></html>';

export interface Sight {
  readonly state: string;
  readonly theme: ThemeName;
  readonly width: number;
  readonly height: number;
  /** Device pixels a pixel. */
  readonly ratio?: number;
  readonly reducedMotion?: boolean;
  /** More of the page's query. */
  readonly query?: Readonly<Record<string, string>>;
}

export class Gallery {
  private readonly server: Server;
  private readonly browser: Browser;
  /** What pages have thrown. */
  readonly errors: string[] = [];

  private constructor(server: Server, browser: Browser) {
    this.server = server;
    this.browser = browser;
  }

  static async open(): Promise<Gallery> {
    const bundle = await build({
      entryPoints: [join(import.meta.dirname, 'page.ts')],
      bundle: true,
      write: false,
      outdir: 'out',
      format: 'esm',
      target: 'chrome110',
      legalComments: 'none',
      logLevel: 'warning',
    });
    const files = new Map(bundle.outputFiles.map(({ path, contents }) => [path.endsWith('.css') ? '/page.css' : '/page.js', contents]));
    const server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
      const file = files.get(path);
      response.setHeader('content-type', path.endsWith('.css') ? 'text/css' : path.endsWith('.js') ? 'text/javascript' : 'text/html');
      response.end(file ?? HTML);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Gallery(server, await chromium.launch({ executablePath: await chromiumPath(), args: FLAGS }));
  }

  /** A page that shows the state, when all its numbers are drawn. */
  async show({ state, theme, width, height, ratio = 1, reducedMotion = false, query = {} }: Sight): Promise<Page> {
    const page = await this.browser.newPage({
      viewport: { width, height },
      deviceScaleFactor: ratio,
      reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
    });
    page.on('pageerror', (error) => this.errors.push(`${state}: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(`${state}: ${message.text()}`);
    });
    const { port } = this.server.address() as AddressInfo;
    await page.goto(`http://127.0.0.1:${port}/?${new URLSearchParams({ ...query, state, theme })}`);
    await page.waitForFunction('window.done === true', undefined, { timeout: 60_000 });
    return page;
  }

  async close(): Promise<void> {
    await this.browser.close();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** The browser of the machine; CHROMIUM names another. */
async function chromiumPath(): Promise<string> {
  const paths = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  for (const path of paths) {
    if (path === undefined) continue;
    const there = await readFile(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  throw new Error('The gallery needs Chromium: install Debian\'s package "chromium", or set CHROMIUM to a browser.');
}
