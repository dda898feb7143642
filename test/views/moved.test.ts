import assert from 'node:assert/strict';
import { edited, lineEdits, lineStarts, replaced } from '../../src/shared/edits.ts';
import { random } from '../../src/shared/random.ts';
import { moved } from '../../src/views/moved.ts';

const range = (a: number, b: number, c: number, d: number) => ({ uri: 'm', start: { line: a, column: b }, end: { line: c, column: d } });
const change = (a: number, b: number, c: number, d: number, text: string) => ({
  start: { line: a, column: b },
  end: { line: c, column: d },
  text,
});

describe('a place in a text that changes', () => {
  it('moves with lines above, stays with lines below, and is gone where its own are touched', () => {
    const place = range(5, 2, 6, 4);
    assert.deepEqual(moved(place, change(1, 0, 1, 0, 'one\ntwo\n')), range(7, 2, 8, 4));
    assert.deepEqual(moved(place, change(1, 0, 3, 0, '')), range(3, 2, 4, 4));
    assert.deepEqual(moved(place, change(5, 0, 5, 0, 'above\n')), range(6, 2, 7, 4));
    assert.deepEqual(moved(place, change(7, 0, 9, 1, 'x')), place);
    for (const touching of [change(5, 9, 5, 9, ' // x'), change(6, 0, 6, 1, ''), change(4, 3, 5, 0, ''), change(0, 0, 9, 0, 'all\n')])
      assert.equal(moved(place, touching), undefined);
    // Whole lines end where the next begins.
    assert.deepEqual(moved(range(5, 0, 6, 0), change(6, 0, 6, 3, 'next')), range(5, 0, 6, 0));
    // Between two characters.
    assert.deepEqual(moved(range(5, 0, 5, 0), change(5, 0, 5, 0, 'x\n')), range(5, 0, 5, 0));
    assert.deepEqual(moved(range(5, 0, 5, 0), change(4, 0, 4, 0, 'x\n')), range(6, 0, 6, 0));
    assert.equal(moved(range(5, 0, 5, 0), change(4, 0, 6, 0, '')), undefined);
  });

  it('holds, wherever it moves to, the same text: of many random changes', () => {
    const chance = random(1, 'moved');
    const whole = (most: number): number => Math.floor(chance.uniform() * most);
    const textOf = (lines: number): string => Array.from({ length: lines }, () => 'abc'.slice(0, whole(4))).join('\n');
    let kept = 0;
    for (let k = 0; k < 3000; k += 1) {
      const before = textOf(8);
      const starts = lineStarts(before);
      const at = (offset: number) => {
        const line = starts.findLastIndex((start) => start <= offset);
        return { line, column: offset - starts[line]! };
      };
      const pair = (): [number, number] => [whole(before.length + 1), whole(before.length + 1)].sort((a, b) => a - b) as [number, number];
      const [[from, to], [a, b]] = [pair(), pair()];
      const text = textOf(whole(4));
      const after = replaced(before, [{ from, to, text }]);
      const place = moved({ uri: 'm', start: at(a), end: at(b) }, { start: at(from), end: at(to), text });
      if (place === undefined) continue;
      const now = lineStarts(after);
      const offset = ({ line, column }: { line: number; column: number }): number => now[line]! + column;
      assert.equal(
        after.slice(offset(place.start), offset(place.end)),
        before.slice(a, b),
        JSON.stringify({ before, from, to, text, a, b }),
      );
      kept += 1;
    }
    assert.ok(kept > 300, String(kept));
  });
});

describe('the lines in which texts differ', () => {
  it('are edits that make the one of the other, of few lines', () => {
    const chance = random(2, 'lines');
    const lines = (): string[] => Array.from({ length: Math.floor(chance.uniform() * 12) }, () => 'ab'[Math.floor(chance.uniform() * 2)]!);
    for (let k = 0; k < 2000; k += 1) {
      const end = (): string => (chance.uniform() < 0.5 ? '\n' : '');
      const [before, after] = [lines().join('\n') + end(), lines().join('\n') + end()];
      assert.equal(edited(before, 'm', lineEdits(before, after, 'm')), after, JSON.stringify([before, after]));
    }
    assert.deepEqual(lineEdits('a\nb\nc\n', 'a\nx\nb\nc\n', 'm'), [{ range: range(1, 0, 1, 0), was: '', text: 'x\n' }]);
    assert.deepEqual(lineEdits('a\nb\nc\n', 'a\nc\n', 'm'), [{ range: range(1, 0, 2, 0), was: 'b\n', text: '' }]);
    assert.deepEqual(lineEdits('a\n', 'a\n', 'm'), []);
  });
});
