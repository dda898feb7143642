// Seeded mutations of sound files: no crash, and each fault has a place within its file.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { Fault } from '../../src/shared/source.ts';
import { chance } from '../graph/numeric.ts';
import { programOf } from './load.ts';
import { samples } from './samples.ts';

const library = new URL('../../src/language/std/', import.meta.url);
const examples = new URL('../../examples/', import.meta.url);
const filesOf = (folder: URL): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.rnn'))
    .map((name) => readFileSync(new URL(name, folder), 'utf8'));
const texts = [...Object.values(samples), ...filesOf(library), ...filesOf(examples)];
const bits = [
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '=',
  '\n',
  ',',
  ':',
  ';',
  '@',
  '*',
  '-',
  '.',
  ' x ',
  ' h ',
  ' 3 ',
  'cell ',
  'param ',
  'state ',
];
const more = [
  ' of ',
  ' or ',
  'size ',
  ' lstm(',
  'heads: 2',
  'sinusoids(T, 4)',
  'layers: 2',
  'from: h',
  'weights: x',
  '⊙',
  '\0',
  '//',
  '/*',
  'for ',
  '1e999',
  'T',
  '\u{1F600}',
];
const pieces = [...bits, ...more];

describe('mutations of files', () => {
  it('10,000 of them are answered with faults that have a place', async () => {
    const next = chance(1);
    const random = (n: number): number => Math.floor(next() * n);
    let sound = 0;
    for (let k = 0; k < 10_000; k += 1) {
      let text = texts[random(texts.length)]!;
      for (let n = 1 + random(3); n > 0; n -= 1) {
        const at = random(text.length);
        text = text.slice(0, at) + (random(2) === 0 ? '' : pieces[random(pieces.length)]!) + text.slice(at + random(8));
      }
      const { faults } = await programOf(text).catch((error: unknown) => {
        throw new Error(`mutation ${k}:\n${text}`, { cause: error });
      });
      if (faults.every(({ severity }) => severity !== 'error')) sound += 1;
      for (const fault of faults) assertPlace(fault, text, k);
    }
    assert.ok(sound > 100 && sound < 9500, `${sound} of the mutations are still sound`);
  }).timeout(600_000);

  it('what is nested too deeply, or without end, is said where it is', async () => {
    const many = 20_000;
    const texts = {
      [`${'('.repeat(many)}x${')'.repeat(many)}`]: /^This is nested too deeply/,
      [`${'-'.repeat(many)}x`]: /^This is nested too deeply/,
      [`x${' + x'.repeat(many)}`]: /^This line is too long/,
      [`x${' ** x'.repeat(many)}`]: /^This line is too long/,
    };
    for (const [value, message] of Object.entries(texts)) {
      const { faults } = await programOf(`cell a(x: [I]) {\n  y = ${value}\n}\n`);
      assert.equal(faults.length, 1);
      assert.match(faults[0]!.message, message);
      assert.equal(faults[0]!.range.start.line, 1);
    }
    for (const value of [`${'('.repeat(90)}x${')'.repeat(90)}`, `${'-'.repeat(90)}x`, `x${' + x'.repeat(240)}`, `x${' ** x'.repeat(240)}`])
      assert.deepEqual((await programOf(`cell a(x: [I]) {\n  y = ${value}\n}\n`)).faults, []);
  }).timeout(20_000);
});

function assertPlace({ range, message }: Fault, text: string, mutation: number): void {
  assert.equal(range.uri, '/models/main.rnn', `mutation ${mutation}: ${message}`);
  const lines = text.split('\n');
  const { start, end } = range;
  const isInside = start.line < lines.length && start.column <= lines[start.line]!.length && end.line >= start.line && message.length > 0;
  assert.ok(isInside, `mutation ${mutation}, ${start.line}:${start.column}: ${message}`);
}
