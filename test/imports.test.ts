// Which stage may know which: the map in src/README.md, enforced.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

const root = join(import.meta.dirname, '..');

/** What each folder of src may import besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  graph: ['shared'],
  data: ['shared'],
  language: ['graph', 'data', 'onnx', 'shared'],
  onnx: ['graph', 'shared'],
  weights: ['onnx', 'graph', 'shared'],
  pytorch: ['language', 'graph', 'shared'],
  runtime: ['onnx', 'shared'],
  foreign: ['onnx', 'runtime', 'graph', 'tracing', 'data', 'weights', 'language', 'shared'],
  training: ['runtime', 'graph', 'data', 'onnx', 'shared'],
  tracing: ['runtime', 'graph', 'onnx', 'shared'],
  report: ['shared'],
  analysis: ['report', 'tracing', 'training', 'language', 'graph', 'shared'],
  engine: ['analysis', 'foreign', 'training', 'weights', 'tracing', 'runtime', 'onnx', 'pytorch', 'language', 'graph', 'data', 'shared'],
  debug: ['language', 'graph', 'tracing', 'shared'],
  templates: ['data'],
  views: ['report', 'training', 'tracing', 'debug', 'engine', 'templates', 'foreign', 'shared'],
};

/** Packages that few files may import, by the files that may. */
const fenced: Readonly<Record<string, RegExp>> = {
  vscode: /^src\/(extension\.ts|views\/)/,
  'onnxruntime-node': /^src\/runtime\/onnxruntime\.ts$/,
  '@vscode/webview-ui-toolkit': /^webview\/[\w-]+\.ts$/,
};

const sources = globSync('{src,webview}/**/*.ts', { cwd: root })
  .map((path) => path.replaceAll('\\', '/'))
  .sort();

describe('imports', () => {
  it('follow the order of the stages', () => {
    const faults: string[] = [];
    for (const path of sources) {
      const folder = folderOf(path);
      for (const target of importsOf(path)) {
        if (!target.startsWith('.')) {
          const fence = fenced[target];
          if (fence !== undefined && !fence.test(path)) faults.push(`${path} imports ${target}`);
          continue;
        }
        const other = folderOf(posix.join(posix.dirname(path), target));
        const may = folder === 'webview' ? ['shared'] : allowed[folder];
        if (other !== folder && may !== undefined && !may.includes(other)) faults.push(`${path} imports ${target}`);
      }
    }
    assert.deepEqual(faults, []);
  });

  it('name every folder of src', () => {
    const folders = new Set(sources.filter((path) => /^src\/[^/]+\//.test(path)).map(folderOf));
    assert.deepEqual(
      [...folders].filter((folder) => allowed[folder] === undefined && folder !== 'cli'),
      [],
    );
  });
});

/** `graph` of `src/graph/shapes.ts`; '' of a file of src itself; `webview`. */
function folderOf(path: string): string {
  const [top, folder, ...rest] = path.split('/');
  if (top === 'webview') return 'webview';
  return rest.length > 0 ? folder! : '';
}

/** What a file imports, statically or dynamically. */
function importsOf(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  return Array.from(text.matchAll(/(?:^(?:import|export)\s[^'"]*?from\s+|^import\s+|\bimport\()['"]([^'"]+)['"]/gm), (match) => match[1]!);
}
