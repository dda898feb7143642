// Each snippet, with its default text, is a piece of a file without faults.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/root.ts';
import { programOf } from '../language/load.ts';

interface Snippet {
  readonly prefix: string | readonly string[];
  readonly description: string;
  readonly body: readonly string[];
}

const snippets = JSON.parse(readFileSync(join(root, 'snippets', 'unroll.code-snippets'), 'utf8')) as Record<string, Snippet>;

/** The text that VS Code inserts before anything is typed: the first choice, the default, the same again. */
function inserted({ body }: Snippet): string {
  const told = new Map<string, string>();
  return body
    .join('\n')
    .replace(/\$\{(\d+)\|([^,|]*)[^|]*\|\}/g, (_, place: string, first: string) => {
      told.set(place, first);
      return first;
    })
    .replace(/\$\{(\d+):([^}]*)\}/g, (_, place: string, text: string) => {
      told.set(place, text);
      return text;
    })
    .replace(/\$(\d+)/g, (_, place: string) => told.get(place) ?? '');
}

const writer = `model Model(input: [T] of Char, unit: cell = lstm) {
  h      = unit(embed(input, 8), 8)
  logits = linear(h, Char)
  loss   = cross_entropy(logits, next(input))
}
data data = text("text.txt", by: char)
`;
const used = (data: string, model: string): string => `${data}\n${model}`;
const trained = (model: string, data: string): string => `\ntrain ${model} on ${data} { epochs: 1 }\n`;
const inModel = (line: string): string => `model Model(input: [T] of Char) {
  x      = embed(input, 8)
  h      = gru(x, 8)
  ${line.replace(/^h = /, 'k = ')}
  logits = linear(${line.split(' ')[0]!.replace(/^h$/, 'k')}, Char)
  loss   = cross_entropy(logits, input)
}
`;

/** A file in which the snippet stands where it belongs. */
const around: Readonly<Record<string, (text: string) => string>> = {
  Cell: (text) => text,
  'Gated cell': (text) => text,
  Gate: (text) => {
    const [params, , line] = text.split('\n');
    return `cell own(x: [I], size H) {\n  state h: [H]\n  ${params}\n\n  ${line}\n  h' = f * h + (1 - f) * tanh(h)\n}\n`;
  },
  'Model: next step': (text) => used('data d = text("a.txt", by: char)', text) + trained('Writer', 'd'),
  'Model: many to one': (text) => used('data d = table("a.csv", by: char)', text) + trained('Classifier', 'd'),
  'Model: many to many': (text) => used('data d = table("a.csv", by: word)', text) + trained('Tagger', 'd'),
  'Model: forecast': (text) =>
    used('data d = series("a.csv", past: columns("a", "b"), ahead: following("a", 24))', text) + trained('Forecaster', 'd'),
  'Data: text': (text) => text + writer + trained('Model', 'story'),
  'Data: table': (text) =>
    `${text}model M(text: [T] of Letter, answer: one of Answer) {\n  loss = cross_entropy(linear(last(lstm(embed(text, 8), 8)), Answer), answer)\n}\n${trained('M', 'rows')}`,
  'Data: series': (text) =>
    `${text}model M(past: [T, Measure], ahead: [24]) {\n  loss = mse(linear(last(gru(past, 8)), 24), ahead)\n}\n${trained('M', 'measurements')}`,
  'Data: arrays': (text) =>
    `${text}model M(x: [T, 12], y: one of Digit) {\n  loss = cross_entropy(linear(last(gru(x, 8)), Digit), y)\n}\n${trained('M', 'arrays')}`,
  'Data: generated task': (text) =>
    `${text}model M(x: [T, 2], total: [1]) {\n  loss = mse(linear(last(gru(x, 8)), 1), total)\n}\n${trained('M', 'task')}`,
  Train: (text) => writer + text,
  'Train several cells': (text) => writer + text,
  Generate: (text) => writer + text,
  Bidirectional: inModel,
  Attention: inModel,
};

describe('snippets', function () {
  // The first reads the library.
  this.timeout(20_000);
  for (const [name, snippet] of Object.entries(snippets))
    it(`${name} stands where it belongs without faults`, async () => {
      const text = inserted(snippet);
      assert.ok(!/\$\{|\$\d/.test(text), text);
      const source = around[name]!(text);
      const { faults } = await programOf(source);
      assert.deepEqual(
        faults.filter(({ severity }) => severity !== 'hint').map(({ message }) => message),
        [],
        source,
      );
    });
});
