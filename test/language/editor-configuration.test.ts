// What the editor does of itself: words, brackets, indentation, lines that go on; and that the grammar of colours knows every function.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { functionNames } from '../../src/language/check/core.ts';

const read = <Content>(name: string): Content =>
  JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'syntaxes', name), 'utf8')) as Content;

const configuration = read<{
  autoClosingPairs: { open: string }[];
  wordPattern: { pattern: string; flags: string };
  indentationRules: { increaseIndentPattern: string; decreaseIndentPattern: string };
  onEnterRules: { beforeText: string; action: { indent: string; appendText?: string } }[];
}>('language-configuration.json');

describe('the configuration of the language', () => {
  it('words are names in any script, with their prime', () => {
    const { pattern, flags } = configuration.wordPattern;
    const words = "größe' = W₁ @ σ + h' * 3.5".match(new RegExp(pattern, `g${flags}`));
    assert.deepEqual(words, ["größe'", 'W₁', 'σ', "h'", '3.5']);
  });
  it('a prime closes nothing', () => assert.ok(configuration.autoClosingPairs.every(({ open }) => open !== "'")));

  const indents = (line: string): boolean => new RegExp(configuration.indentationRules.increaseIndentPattern).test(line);
  for (const line of ['cell a(x: [I]) {', 'data d = series("a.csv",', '  y = lstm(', '  a = [b; (c'])
    it(`goes in behind ${line}`, () => assert.ok(indents(line)));
  for (const line of ['  y = f(x)', '}', '  y = x // (', 'data d = text("(")', '  state h: [H]'])
    it(`stays behind ${line}`, () => assert.ok(!indents(line)));

  const entered = (line: string): string | undefined => {
    const rule = configuration.onEnterRules.find(({ beforeText }) => new RegExp(beforeText).test(line));
    return rule === undefined ? undefined : (rule.action.appendText ?? rule.action.indent);
  };
  it('doc comments go on, and lines that end with an operator', () => {
    assert.equal(entered('/// One gate'), '/// ');
    assert.equal(entered('  y = x +'), 'indent');
    assert.equal(entered('  y = x'), undefined);
    assert.equal(entered('  y = x // and -'), undefined);
  });

  it('the grammar of colours knows every function', () => {
    const text = JSON.stringify(read('unroll.tmLanguage.json'));
    for (const name of functionNames) assert.match(text, new RegExp(`[|(]${name}[|)]`));
  });
});
