// Models side by side: each as it is alone, and whatever makes them unlike besides is said.

import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { warningsOf } from '../../src/analysis/alike.ts';
import { analyseModel } from '../../src/engine/analysing.ts';
import { compareCells, compareModels } from '../../src/engine/comparing.ts';
import { runTraining } from '../../src/engine/training.ts';
import { comparisonPage, comparisonTable, comparisonText } from '../../src/report/compare.ts';
import { comparisonDocument } from '../../src/report/document.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Analysis, Comparison } from '../../src/shared/analysis.ts';

const runtime = createRuntime();
let folder: string;
const path = (name: string): string => join(folder, name);

const source = (cell: string, more = ''): string => `${more}model Copy(input: [T] of Symbol, output: [T] of Symbol) {
  h      = ${cell}
  logits = linear(h, Symbol)
  loss   = cross_entropy(logits, output)
}

data task = copying(symbols: 4, length: 2, delay: 10, seed: 1)

train Copy on task { steps: 6, batch: 4, report: [accuracy, by_length] }
`;
const OWN = `cell own(x: [I], size H) {
  state h: [H]
  param W: [H, I], U: [H, H] = orthogonal, b: [H]

  h' = tanh(W @ x + U @ h + b)
}

`;
const settings = { sequences: 6, needs: 10 };
const curves = ({ layers }: Analysis) => layers.map((layer) => layer.curves);

describe('a comparison', function () {
  this.timeout(120_000);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-comparing-'));
    await writeFile(path('a.rnn'), source('lstm(embed(input, 4), 8)', OWN));
    await writeFile(path('b.rnn'), source('gru(embed(input, 4), 8)'));
    await writeFile(
      path('c.rnn'),
      source('gru(embed(input, 4), 8)').replace('seed: 1', 'seed: 2').replace('steps: 6', 'steps: 4, seed: 3'),
    );
    for (const name of ['a', 'b', 'c']) await runTraining({ file: path(`${name}.rnn`), out: path(name), device: 'cpu' }, {});
  });
  after(() => rm(folder, { recursive: true }));

  it('has each model as it is alone, its training up to the weights that are looked at, its cost', async () => {
    const found = await compareModels(
      {
        sources: [
          { kind: 'run', folder: path('a'), checkpoint: 'start' },
          { kind: 'run', folder: path('a') },
          { kind: 'run', folder: path('b') },
          { kind: 'file', file: path('b.rnn') },
        ],
        ...settings,
      },
      runtime,
    );
    const [start, a, b, untrained] = found.compared as [Comparison['compared'][number], ...Comparison['compared'][number][]];
    assert.deepEqual(
      found.compared.map(({ name }) => name),
      ['a@start', 'a', 'b', 'b.rnn'],
    );
    for (const [side, alone] of [
      [a, { kind: 'run', folder: path('a') }],
      [b, { kind: 'run', folder: path('b') }],
      [start, { kind: 'file', file: path('a.rnn') }],
      [untrained, { kind: 'file', file: path('b.rnn') }],
    ] as const)
      assert.deepEqual(curves(side!.analysis), curves(await analyseModel({ source: alone, ...settings }, runtime)), side!.name);
    assert.deepEqual(
      found.compared.map(({ training }) => training?.loss.length),
      [undefined, 6, 6, undefined],
    );
    const record = JSON.parse(await readFile(join(path('a'), 'run.json'), 'utf8'));
    assert.equal(a!.parameters, record.parameters);
    assert.ok(a!.byLength!.length > 0 && start.byLength === undefined);
    assert.deepEqual(found.warnings, []);
  });

  it('says in what they are not alike besides themselves', async () => {
    const { warnings } = await compareModels(
      {
        sources: [
          { kind: 'run', folder: path('b') },
          { kind: 'run', folder: path('c') },
        ],
        ...settings,
      },
      runtime,
    );
    const said = warnings.join('\n');
    assert.match(
      said,
      /^They read different data: b copying \(\w{8}\), c copying \(\w{8}\)\. What they remember is of different sequences\./m,
    );
    assert.match(said, /^Their seeds differ: b 1, c 3\./m);
    assert.match(said, /^They were trained for different times: b 6 steps, c 4 steps\./m);
    const facts = { name: 'x', digest: '1', seed: 1, steps: 0, length: 9, sequences: 8 };
    const text = { kind: 'text', path: '/t.txt', by: 'char', lower: false, minimum: 1, validation: 0.1 } as never;
    assert.deepEqual(
      warningsOf([
        { ...facts, data: text },
        { ...facts, name: 'y', data: { ...(text as object), validation: 0.2 } as never },
      ]),
      ['Their data differs in `validation`: x 0.1, y 0.2. They are not looked at on the same sequences.'],
    );
    assert.match(warningsOf([{ ...facts, sequences: 1, data: text }]).join(), /Of few held-out sequences .*: x has 1\./);
    assert.match(warningsOf([{ ...facts, kept: '2', data: text }]).join(), /The data of x has changed since it was trained\./);
  });

  it('puts cells in the place of the model’s own, untrained as they would be written', async () => {
    const found = await compareCells({ source: { file: path('a.rnn') }, cells: ['rnn', 'gru', 'own', 'lstm'], ...settings }, runtime);
    assert.deepEqual(
      found.compared.map(({ name, analysis }) => [name, analysis.layers[0]!.cell]),
      ['rnn', 'gru', 'own', 'lstm'].map((name) => [name, name]),
    );
    for (const [k, file] of [
      [1, 'b.rnn'],
      [3, 'a.rnn'],
    ] as const) {
      const alone = await analyseModel({ source: { kind: 'file', file: path(file) }, ...settings }, runtime);
      assert.deepEqual(curves(found.compared[k]!.analysis), curves(alone), file);
    }
    assert.deepEqual(found.warnings, []);
    assert.equal(await readFile(path('a.rnn'), 'utf8'), source('lstm(embed(input, 4), 8)', OWN));
  });

  it('trains each with the same data and seed, as a run of its own would be', async () => {
    const shares: number[] = [];
    const found = await compareCells({ source: { file: path('a.rnn') }, cells: ['gru', 'lstm'], train: 6, ...settings }, runtime, {
      progress: (share) => shares.push(share),
    });
    const trained = async (name: string) =>
      (await readFile(join(path(name), 'log.jsonl'), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { step: number; loss: number })
        .map(({ step, loss }) => [step, loss]);
    assert.deepEqual(found.compared[0]!.training!.loss, await trained('b'));
    assert.deepEqual(found.compared[1]!.training!.loss, await trained('a'));
    assert.ok(found.compared.every(({ byLength }) => byLength !== undefined && byLength.length > 0));
    assert.deepEqual(
      shares,
      shares.toSorted((a, b) => a - b),
    );
  });

  it('says which cells there are, and which do not fit', async () => {
    const compare = (cells: readonly string[]) => compareCells({ source: { file: path('a.rnn') }, cells, ...settings }, runtime);
    await assert.rejects(compare(['lstm', 'lsmt']), /a\.rnn knows no cell lsmt\. It knows .*lstm.*own/);
    await assert.rejects(compare(['lstm', 'additive']), /The cell additive cannot take the place of the model's own in a\.rnn/);
    await assert.rejects(compareModels({ sources: [{ kind: 'file', file: path('a.rnn') }] }, runtime), /Choose two models or more/);
    await assert.rejects(
      compareModels(
        {
          sources: [
            { kind: 'file', file: path('a.rnn') },
            { kind: 'file', file: path('b.rnn') },
          ],
        },
        runtime,
        {
          signal: AbortSignal.abort(new Error('no longer')),
        },
      ),
      /no longer/,
    );
  });

  it('is a page that loads nothing, a text and a table', async () => {
    await cp(path('c'), path('c <b>'), { recursive: true });
    const sources = ['a', 'b', 'c <b>'].map((name) => ({ kind: 'run' as const, folder: path(name) }));
    const found = await compareModels({ sources, ...settings }, runtime);
    const page = comparisonPage(found);
    for (const part of ['Gradient by lag', 'Memory horizon at 0.001', 'Training loss', 'Accuracy by length', 'parameters', 'Not alike'])
      assert.ok(page.includes(part), part);
    assert.doesNotMatch(comparisonDocument(found), /<script|https?:|<b>/);
    // One line and one legend for each, told apart without colour.
    const [chart] = page.match(/<figure>[\s\S]*?<\/figure>/)!;
    assert.equal(new Set(chart.match(/stroke-width="1\.6" stroke-dasharray="[^"]*"/g)).size, 3);
    const text = comparisonText(found);
    assert.match(text, /^Not alike: They read different data/m);
    assert.match(text, /^ {2}a +\S.* by [hc]; .* leaves .* a step$/m);
    assert.match(text, /^ {2}parameters +[\d,]+ +[\d,]+ +[\d,]+$/m);
    const rows = comparisonTable(found).trim().split('\n');
    assert.equal(rows.filter((row) => row.startsWith('a,h,gradient by lag,c,')).length, found.compared[0]!.analysis.steps);
  });
});
