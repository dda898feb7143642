// Printed graphs of small models: how lines become operations. UPDATE_GOLDEN=1 writes the files anew.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { print } from '../../src/graph/print.ts';
import { buildModel } from '../../src/language/index.ts';
import { programOf } from './load.ts';

const models: Readonly<Record<string, string>> = {
  lstm: 'model M(input: [T] of Char) {\n  x = embed(input, 4)\n  h = lstm(x, 5)\n  logits = linear(h, Char)\n  loss = cross_entropy(logits, next(input))\n}\n',
  bidirectional: 'model M(x: [T, 3], y: [T, 4]) {\n  h = bidirectional(rnn, x, 2)\n  loss = mse(h, y)\n}\n',
  nested:
    'cell two(x: [I], size H) {\n  fast = rnn(x, H)\n  gate = sigmoid(linear(fast, 1))\n  slow = gru(gate * fast, H)\n  both = [fast; slow]\n}\nmodel M(x: [T, 3], y: [T, 4]) {\n  h = two(x, 2)\n  loss = mse(h, y)\n}\n',
};

describe('printed graphs', () => {
  for (const [name, text] of Object.entries(models))
    it(name, async () => {
      const program = await programOf(text);
      const printed = `${print(buildModel(program, { model: 'M', classes: { Char: 7 } }).graph)}\n`;
      const file = new URL(`./${name}.golden.txt`, import.meta.url);
      if (process.env.UPDATE_GOLDEN === '1' || !existsSync(file)) writeFileSync(file, printed);
      assert.equal(printed, readFileSync(file, 'utf8'));
    });
});
