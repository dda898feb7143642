// Repairs as edits of sources: for every recurrent layer of every example and of every cell of the library, each change is written, checked by the
// language, and looked at in the model that is built of it.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withEdits } from '../../src/analysis/repairs/edits.ts';
import { openModelJob, openRewritable } from '../../src/engine/job.ts';
import type { Model } from '../../src/graph/model.ts';
import { buildModel, loadProgram, type Program } from '../../src/language/index.ts';
import { formatting } from '../../src/language/lsp/format.ts';
import type { Rewritable } from '../../src/language/rewrite/chosen.ts';
import { readOver, rewritten } from '../../src/language/rewrite/rewrite.ts';
import type { Change, Repair, Verdict } from '../../src/shared/analysis.ts';
import type { KeptData } from '../../src/shared/dataset.ts';
import { edited, lineEdits } from '../../src/shared/edits.ts';

const examples = join(import.meta.dirname, '..', '..', 'examples');
const read = (path: string): Promise<string> => readFile(path, 'utf8');

interface Case {
  readonly name: string;
  readonly source: Rewritable;
  readonly kept: Pick<KeptData, 'vocabularies' | 'sizes'>;
}

/** The model of a changed source, and its program. */
async function rebuilt({ source, kept }: Case, texts: ReadonlyMap<string, string>): Promise<{ model: Model; program: Program }> {
  const all = source.program.files.filter(({ isLibrary }) => !isLibrary).map(({ uri, text }) => [uri, text] as const);
  const program = await loadProgram(source.program.path, readOver(new Map([...all, ...texts]), read));
  assert.deepEqual(
    program.faults.filter(({ severity }) => severity === 'error').map(({ message }) => message),
    [],
  );
  const statement = source.program.statements.trains.indexOf(source.train);
  const { arguments: given, model } = program.statements.trains[statement]!;
  const counts = Object.entries(kept.vocabularies).map(([name, { tokens }]) => [name, tokens.length] as const);
  return { program, model: buildModel(program, { model, arguments: given, classes: { ...kept.sizes, ...Object.fromEntries(counts) } }) };
}

async function changed(each: Case, change: Change): Promise<{ model: Model; texts: ReadonlyMap<string, string> } | undefined> {
  const texts = await rewritten(each.source, change);
  if (texts === undefined) return undefined;
  for (const [uri, text] of texts) {
    const before = each.source.program.files.find((file) => file.uri === uri)!;
    assert.equal(before.isLibrary, false);
    assert.deepEqual(formatting(text), [], `${each.name} is not laid out:\n${text}`);
    // Edits of lines make the same text, and are refused where the text is another by now.
    const edits = lineEdits(before.text, text, uri);
    assert.equal(edited(before.text, uri, edits), text);
    assert.equal(edited(`// new\n${before.text}`, uri, edits), undefined);
  }
  return { model: (await rebuilt(each, texts)).model, texts };
}

const initials = (model: Model): ReadonlyMap<string, string> =>
  new Map(model.weights.map(({ name, initial }) => [name, JSON.stringify(initial)]));

/** Every weight of a recurrent layer that one starts otherwise: biases and square matrices of gates and states. */
const weightsOf = ({ model }: Rewritable): string[] =>
  model.instances.filter(({ states }) => states.length > 0).flatMap(({ weights }) => weights.map(({ weight }) => weight));

async function casesOf(file: string): Promise<Case[]> {
  const path = join(examples, file);
  const first = await openModelJob(path);
  const { trains } = (await loadProgram(path, read)).statements;
  return Promise.all(
    trains.map(async ({ model, label }, statement) => {
      const kept = trains.length === 1 ? first.data : (await openModelJob(path, { statement })).data;
      return { name: [file, label ?? model].join(' '), source: await openRewritable(path, { statement }, kept), kept };
    }),
  );
}

const STD = ['rnn', 'irnn', 'lstm', 'peephole_lstm', 'gru', 'gru_2014', 'normed_lstm'] as const;
async function caseOf(call: string, cells = '', settings = ' steps: 4 '): Promise<Case> {
  const path = '/one.rnn';
  const text = `${cells}model One(x: [T, 3], y: [1]) {
  h    = ${call}
  z    = linear(last(h), 1)
  loss = mse(z, y)
}

data sums = adding(length: 10)

train One on sums {${settings}}
`;
  const program = await loadProgram(path, (file) => (file === path ? Promise.resolve(text) : read(file)));
  const [train] = program.statements.trains;
  return {
    name: call,
    source: { program, train: train!, model: buildModel(program, { model: 'One', classes: {} }) },
    kept: { vocabularies: {}, sizes: {} },
  };
}

describe('a repair', function () {
  this.timeout(120_000);

  async function startsOtherwise(each: Case): Promise<number> {
    const before = initials(each.source.model);
    let count = 0;
    for (const weight of weightsOf(each.source)) {
      const isMatrix = each.source.model.weights.find(({ name }) => name === weight)!.value.type.axes.length === 2;
      for (const start of isMatrix ? ['orthogonal'] : [count % 2 === 0 ? '3.68' : 'chrono(40)']) {
        const found = await changed(each, { kind: 'start', weight, start, comment: 'at first otherwise' });
        assert.ok(found !== undefined, `${each.name}: ${weight} could not be written`);
        const after = initials(found.model);
        const expected = isMatrix
          ? { kind: 'orthogonal' }
          : start === '3.68'
            ? { kind: 'constant', value: 3.68 }
            : { kind: 'chrono', steps: 40 };
        assert.deepEqual(JSON.parse(after.get(weight)!), expected, `${each.name}: ${weight}`);
        assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort(), 'weights keep their names, with which runs are opened');
        // A person's own cell is changed wherever it is used; of the library's the one call is.
        const own = weight.slice(weight.lastIndexOf('.') + 1);
        for (const [name, initial] of after)
          if (name !== weight && initial !== before.get(name))
            assert.equal(name.slice(name.lastIndexOf('.') + 1), own, `${each.name}: ${name}`);
        count += 1;
      }
    }
    return count;
  }

  it('of a start holds for every recurrent weight of every example', async () => {
    let count = 0;
    for (const file of readdirSync(examples).filter((name) => name.endsWith('.rnn') && !['cells.rnn', 'my-text.rnn'].includes(name)))
      for (const each of await casesOf(file)) count += await startsOtherwise(each);
    assert.ok(count > 150, `${count} starts`);
  });

  for (const cell of STD)
    it(`of a start holds for the library's ${cell}, called alone, in layers, in heads, handed on, and in a cell of one's own`, async () => {
      const own = `cell deep(x: [I], size H) {\n  low  = ${cell}(x, H)\n  high = ${cell}(low, H)\n}\n\n`;
      for (const [call, cells] of [
        [`${cell}(x, 4)`],
        [`${cell}(x, 4, layers: 2, dropout: 0.1)`],
        [`${cell}(x, 4, heads: 2)`],
        [`bidirectional(${cell}, x, 4)`],
        [`residual(${cell}, x)`],
        [`deep(x, 4)`, own],
      ] as const)
        assert.ok((await startsOtherwise(await caseOf(call, cells))) > 0, call);
    });

  it('of a start leaves the other call of a library cell alone', async () => {
    const one = (await changed(await caseOf('lstm(lstm(x, 4), 4)'), { kind: 'start', weight: 'h.b_f', start: '5', comment: '' }))!;
    assert.deepEqual(
      one.model.weights.flatMap(({ name, initial }) => (name.endsWith('b_f') ? [[name, initial]] : [])),
      [
        ['h.lstm.b_f', { kind: 'constant', value: 1 }],
        ['h.b_f', { kind: 'constant', value: 5 }],
      ],
    );
  });

  it('rewrites a comment that cites the old start, and no other', async () => {
    const own = (comment: string): string =>
      `cell mine(x: [I], size H) {\n  state h: [H]\n  param W: [H, I], U: [H, H], b: [H] = 2  // ${comment}\n\n  z  = sigmoid(W @ x + U @ h + b)\n  h' = z * h + (1 - z) * tanh(W @ x)\n}\n\n`;
    const change: Change = { kind: 'start', weight: 'h.b', start: '4', comment: 'at first 55 steps' };
    const text = async (comment: string): Promise<string> =>
      [...(await changed(await caseOf('mine(x, 4)', own(comment)), change))!.texts.values()][0]!;
    assert.match(await text('2: remember at first'), /b: \[H\] = 4 {2}\/\/ at first 55 steps\n/);
    assert.match(await text('of the 12 gates'), /b: \[H\] = 4 {2}\/\/ of the 12 gates\n/);
  });

  it('of one among several names splits their group', async () => {
    const own = `cell mine(x: [I], size H) {\n  state h: [H]\n  param W: [H, I], U: [H, H], a, b, c: [H] = 1\n\n  z  = sigmoid(W @ x + U @ h + b)\n  h' = z * h + (1 - z) * tanh(W @ x + a + c)\n}\n\n`;
    for (const [name, expected] of [
      ['a', 'a: [H] = 4, b, c: [H] = 1'],
      ['b', 'a, c: [H] = 1, b: [H] = 4'],
    ]) {
      const found = await changed(await caseOf('mine(x, 4)', own), { kind: 'start', weight: `h.${name}`, start: '4', comment: '' });
      assert.ok([...found!.texts.values()][0]!.includes(`U: [H, H], ${expected}\n`));
    }
  });

  it('gives a gate a bias that has none', async () => {
    const each = await caseOf('normed_lstm(x, 4)');
    const found = (await changed(each, { kind: 'bias', instance: 'h', line: 'f', state: 'c', start: '2.7' }))!;
    assert.deepEqual(found.model.weights.find(({ name }) => name === 'h.b_f')?.initial, { kind: 'constant', value: 2.7 });
    assert.match([...found.texts.values()][0]!, /f {2}= sigmoid\(layer_norm\(W_f @ x \+ U_f @ h\) \+ 1 \+ b_f\)\n/);
  });

  it('of a cell puts a gated one in its place, without arguments that it does not know', async () => {
    const found = (await changed(await caseOf('rnn(x, 4, activation: relu, layers: 2)'), { kind: 'cell', layer: 'h[0]', cell: 'lstm' }))!;
    assert.match([...found.texts.values()][0]!, /h {4}= lstm\(x, 4, layers: 2\)/);
    assert.deepEqual(
      found.model.instances.filter(({ states }) => states.length > 0).map(({ cell, path }) => `${path} ${cell}`),
      ['h[0] lstm', 'h[1] lstm'],
    );
  });

  it('of a setting changes it, or adds it where settings stand', async () => {
    for (const [settings, expected] of [
      [' steps: 4 ', 'train One on sums { steps: 4, clip: 1 }'],
      [' steps: 4, clip: 5 ', 'train One on sums { steps: 4, clip: 1 }'],
      ['', 'train One on sums { clip: 1 }'],
      ['\n  steps: 4  // few\n', 'train One on sums {\n  steps: 4  // few\n  clip:  1\n}'],
    ] as const) {
      const texts = (await rewritten((await caseOf('lstm(x, 4)', '', settings)).source, { kind: 'setting', name: 'clip', value: '1' }))!;
      assert.ok([...texts.values()][0]!.includes(expected), [...texts.values()][0]!);
    }
  });

  it('is left out where the source says it already, or where it would mean nothing', async () => {
    const repair = (kind: Repair['kind'], change: Change): Repair => ({ kind, text: kind, title: kind, change });
    const verdict: Verdict = {
      kind: 'vanishing',
      layer: 'h',
      text: '',
      evidence: [],
      repairs: [
        repair('forget bias', { kind: 'start', weight: 'h.b_f', start: '1', comment: '' }),
        repair('chrono', { kind: 'start', weight: 'h.b_f', start: 'chrono(9)', comment: '' }),
        repair('window', { kind: 'setting', name: 'window', value: '5' }),
        repair('clipping', { kind: 'setting', name: 'clip', value: '1' }),
        repair('gated cell', { kind: 'cell', layer: 'h', cell: 'nothing' }),
        { kind: 'advice', text: 'Look.' },
      ],
    };
    // The forget bias of the library starts at 1; the data is no running text; the threshold is lower.
    const [found] = await withEdits([verdict], (await caseOf('lstm(x, 4)', '', ' steps: 4, clip: 0.5 ')).source);
    assert.deepEqual(
      found!.repairs.map(({ kind, edits }) => [kind, edits !== undefined]),
      [
        ['chrono', true],
        ['gated cell', false],
        ['advice', false],
      ],
    );
    assert.deepEqual([found!.called?.uri, found!.called?.start.line], ['/one.rnn', 1]);
  });

  it('takes a GRU where an LSTM would not fit the state that is handed on, and no cell twice in a list', async () => {
    const [verdict] = [
      {
        kind: 'vanishing',
        layer: 'decoder',
        text: '',
        evidence: [],
        repairs: [
          { kind: 'gated cell', text: '', title: 'Take lstm instead of rnn', change: { kind: 'cell', layer: 'h.s', cell: 'lstm' } },
        ],
      },
    ] as const satisfies readonly Verdict[];
    const cells = `cell first(x: [I], size H) {\n  state s: [H]\n  param U: [H, H]\n\n  s' = rnn(x, from: U @ s)\n}\n\n`;
    const [found] = await withEdits([verdict], (await caseOf('first(x, 4)', cells)).source);
    assert.equal(found!.repairs[0]?.title, 'Take gru instead of rnn');
    const [, rnn] = await casesOf('adding.rnn');
    const [repair] = verdict.repairs;
    const own = { ...verdict, repairs: [{ ...repair, change: { ...repair.change, layer: 'h' } }] };
    const [twice] = await withEdits([own], rnn!.source);
    assert.equal(twice!.repairs[0]?.title, 'Take gru instead of rnn');
    assert.match(twice!.repairs[0]!.edits![0]!.text, /unit: \[lstm, gru\]/);
    assert.match(readFileSync(rnn!.source.program.path, 'utf8'), /unit: \[lstm, rnn\]/);
  });
});
