// Pictures of the gallery: `node test/views/gallery/shoot.ts FOLDER [WORD...]` draws all states whose picture's name has one of the words.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Gallery, type Sight } from './browser.ts';
import { STATES } from './states.ts';
import type { ThemeName } from './themes.ts';

const [folder, ...words] = process.argv.slice(2);
if (folder === undefined) throw new Error('Say into which folder the pictures go.');
await mkdir(folder, { recursive: true });
const gallery = await Gallery.open();
for (const sight of sights()) {
  const name = `${sight.state}-${sight.width}-${sight.theme}`;
  if (words.length > 0 && !words.some((word) => name.includes(word))) continue;
  const page = await gallery.show(sight);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.close();
}
await gallery.close();
for (const error of gallery.errors) console.error(error);
process.exitCode = gallery.errors.length > 0 ? 1 : 0;

/** Every state dark at the common width; the main ones in all themes, narrow and wide. */
function* sights(): Generator<Sight> {
  const themes: readonly ThemeName[] = ['dark', 'light', 'contrast'];
  const main = ['timeline-lstm', 'cell-lstm', 'cell-gru', 'cell-own', 'trajectory-lstm', 'training-running'];
  for (const [state, { view }] of Object.entries(STATES)) {
    const sizes = view === 'gates' ? [[300, 740] as const] : [[680, state === 'timeline-8-units' ? 880 : 808] as const];
    for (const [width, height] of sizes) {
      for (const theme of themes) if (theme === 'dark' || main.includes(state) || view === 'gates') yield { state, theme, width, height };
    }
    if (main.includes(state)) for (const width of [420, 1100]) yield { state, theme: 'dark', width, height: 860 };
  }
  yield { state: 'timeline-lstm', theme: 'dark', width: 300, height: 700 };
  yield { state: 'gates-lstm', theme: 'dark', width: 301, height: 420 };
  yield { state: 'timeline-lstm', theme: 'dark', width: 681, height: 460 };
}
