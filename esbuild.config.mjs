// Bundles what VS Code and Node run into dist/. `--watch` builds again on every change.

import { cpSync, existsSync, globSync } from 'node:fs';
import { basename } from 'node:path';
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
    'training-part': 'src/training/parts/worker.ts',
    'memory-watch': 'src/engine/memory-watch.ts',
    'image-decoder': 'src/foreign/inputs/image-worker.ts',
    'language-server': 'src/language/server.ts',
    'debug-adapter': 'src/debug-adapter.ts',
    cli: 'src/cli/main.ts',
  }),
};

/** What the extension imports dynamically is a file of its own, read when it is needed: activation stays short. */
const later = ['src/views/debug-session.ts', 'src/views/language-client.ts', 'src/views/new-model.ts', 'src/data/columns.ts'];
const laterFiles = {
  name: 'later-files',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\.ts$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' && later.some((file) => basename(file) === basename(path))
        ? { path: `./${basename(path, '.ts')}.cjs`, external: true }
        : undefined,
    ),
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
  entryPoints: ['src/extension.ts', ...later],
  entryNames: '[name]',
  plugins: [laterFiles],
};

/** The suites for the extension host. Mocha is the one of node_modules. */
const extensionTests = {
  ...extension,
  outdir: 'out/test/extension',
  plugins: [],
  define: {},
  banner: {},
  external: ['vscode', 'mocha'],
  entryPoints: ['test/extension/index.ts', ...globSync('test/extension/*.test.ts')],
};

/** Shown in a webview. */
const webview = {
  bundle: true,
  platform: 'browser',
  target: 'chrome130',
  format: 'esm',
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
if (existsSync('src/cli/bench/peer.py')) cpSync('src/cli/bench/peer.py', 'dist/peer.py');

const watch = process.argv.includes('--watch');
for (const options of [extension, extensionTests, webview, programs]) {
  if (Object.keys(options.entryPoints).length === 0) continue;
  const build = await context(options);
  if (watch) {
    await build.watch();
    continue;
  }
  // esbuild has said what is wrong.
  await build.rebuild().catch(() => {
    process.exitCode = 1;
  });
  await build.dispose();
}
