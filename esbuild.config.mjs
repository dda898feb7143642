// Bundles what VS Code and Node run into dist/. `--watch` builds again on every change.

import { cpSync, existsSync } from 'node:fs';
import { context } from 'esbuild';

const node = {
  bundle: true,
  platform: 'node',
  target: 'node22',
  sourcemap: true,
  logLevel: 'warning',
  legalComments: 'none',
};

/** Programs of their own: ES modules, with `require` for the CommonJS packages among their dependencies. */
const programs = {
  ...node,
  format: 'esm',
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  external: ['onnxruntime-node'],
  banner: {
    js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
  },
  entryPoints: existing({
    engine: 'src/engine/process.ts',
    'language-server': 'src/language/server.ts',
    'debug-adapter': 'src/debug/stdio.ts',
    cli: 'src/cli/main.ts',
  }),
};

/** Loaded by the extension host. */
const extension = {
  ...node,
  format: 'cjs',
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  external: ['vscode'],
  define: { 'import.meta.url': 'urlOfBundle' },
  banner: { js: "const urlOfBundle = require('node:url').pathToFileURL(__filename).href;" },
  entryPoints: existing({ extension: 'src/extension.ts' }),
};

/** The suite for the extension host. Mocha is the one of node_modules, as the tests' `describe` is that one's. */
const extensionTests = {
  ...extension,
  outdir: 'out/test',
  external: ['vscode', 'mocha'],
  entryPoints: existing({ extension: 'test/extension/index.ts' }),
};

/** Shown in a webview. */
const webview = {
  bundle: true,
  platform: 'browser',
  target: 'chrome130',
  format: 'iife',
  outdir: 'dist/webview',
  sourcemap: true,
  logLevel: 'warning',
  legalComments: 'none',
  loader: { '.ttf': 'dataurl' },
  entryPoints: existing({ panel: 'webview/panel.ts', gates: 'webview/gates.ts', gallery: 'webview/gallery/gallery.ts' }),
};

function existing(entries) {
  return Object.fromEntries(Object.entries(entries).filter(([, path]) => existsSync(path)));
}

if (existsSync('src/language/std')) cpSync('src/language/std', 'dist/std', { recursive: true });

const watch = process.argv.includes('--watch');
for (const options of [programs, extension, extensionTests, webview]) {
  if (Object.keys(options.entryPoints).length === 0) continue;
  const build = await context(options);
  if (watch) await build.watch();
  else {
    await build.rebuild();
    await build.dispose();
  }
}
