// A file loaded again after an edit: what is taken over is what a fresh load finds.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AstUtils } from 'langium';
import { showType } from '../../src/language/check/scope.ts';
import { parseFile } from '../../src/language/parser/parser.ts';
import type { Pieces } from '../../src/language/parser/pieces.ts';
import { parsePieces } from '../../src/language/parser/pieces.ts';
import { loadProgram, type Program } from '../../src/language/program.ts';
import { random } from '../../src/shared/random.ts';
import { samples } from './samples.ts';

const root = join(import.meta.dirname, '..', '..');
const library = globSync('src/language/std/*.rnn', { cwd: root }).map((path) => readFileSync(join(root, path), 'utf8'));
const texts = [...Object.values(samples), ...library];

const load = (text: string, pieces?: Pieces): Promise<Program> =>
  loadProgram(
    '/m/main.rnn',
    async (path) => (path === '/m/main.rnn' ? text : readFile(path, 'utf8')),
    pieces === undefined ? {} : { pieces },
  );

/** Every node with its place and its type. */
const found = ({ main, notes }: Program): string[] =>
  [...AstUtils.streamAst(main.tree)].slice(1).map((node) => {
    const { offset, range } = node.$cstNode ?? {};
    const type = notes.types.get(node);
    return `${node.$type} ${offset} ${range?.start.line}:${range?.start.character} ${node.$cstNode?.text} ${type === undefined ? '' : showType(type)}`;
  });

describe('a file parsed item by item', () => {
  it('has the tree of the file parsed whole', () => {
    const shown = (tree: Parameters<typeof AstUtils.streamAst>[0]): string[] =>
      [...AstUtils.streamAst(tree)]
        .slice(1)
        .map(({ $type, $cstNode }) => `${$type} ${$cstNode?.offset} ${$cstNode?.range.end.line} ${$cstNode?.text}`);
    for (const text of texts) assert.deepEqual(shown(parsePieces(text, 'x').tree), shown(parseFile(text, 'x').tree));
  }).timeout(20_000);

  it('tells a fault once, and not what is an echo in the next item', () => {
    const { faults } = parsePieces('cell a(x: [I]) {\n  y = x @\n\ndata d = text("a")\n', 'x');
    assert.deepEqual(
      faults.map(({ range, message }) => [range.start.line, message]),
      [
        [0, 'This `{` is not closed: `}` is missing before line 4.'],
        [1, '`@` needs a value after it, but the line ends.'],
      ],
    );
  });

  it('loads after an edit as it loads afresh', async () => {
    const chance = random(11);
    const parts = [
      '',
      ' ',
      '\n',
      '{',
      '}',
      '(',
      ')',
      '"',
      '//',
      '/*',
      '=',
      "'",
      'x',
      'h',
      '2',
      '+ 1',
      '\n\n',
      '\ncell b(x: [I]) {\n  y = x\n}\n',
    ];
    for (let k = 0; k < 14; k += 1) {
      const pieces: Pieces = new Map();
      let text = `${texts[k % texts.length]!}\n${texts[(k * 7 + 3) % texts.length]!}`;
      for (let edit = 0; edit < 5; edit += 1) {
        const [again, fresh] = [await load(text, pieces), await load(text)];
        assert.deepEqual(again.faults, fresh.faults, text);
        assert.deepEqual(found(again), found(fresh), text);
        const at = Math.floor(chance.uniform() * text.length);
        const part = parts[Math.floor(chance.uniform() * parts.length)]!;
        text = text.slice(0, at) + part + text.slice(at + Math.floor(chance.uniform() * 3));
      }
    }
  }).timeout(60_000);
});
