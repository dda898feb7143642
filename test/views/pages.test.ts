// What the pages say: figures with their units, best ones marked, nothing of a person's data taken for markup.

import assert from 'node:assert/strict';
import { lineChart, ticksOf } from '../../src/shared/chart.ts';
import { type ComparedRun, comparePage, flattened } from '../../src/views/pages/compare-page.ts';
import { documentOf } from '../../src/views/pages/document.ts';
import { previewPage } from '../../src/views/pages/preview-page.ts';
import { runPage } from '../../src/views/pages/run-page.ts';
import { pages, records, report, summary } from './pages.ts';

/** The text of a page, tags left out. */
const textOf = (html: string): string =>
  html
    .replace(/<svg[\s\S]*?<\/svg>/g, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
const titles = (html: string): string[] =>
  Array.from(html.matchAll(/<figcaption>(.*?)<\/figcaption>/g), (match) => textOf(match[1]!).trim());

describe('pages', () => {
  it('a run: every figure that was logged has its chart, with its unit', () => {
    assert.deepEqual(titles(pages.run!), [
      'Loss',
      'Validation accuracy %',
      'Validation F1 (macro) %',
      'Gradient norm before clipping logarithmic',
      'Steps that were clipped %',
      ...[0, 1].flatMap((layer) => [
        ...['h', 'c'].map((state) => `Gradient left by lag, ${state} of h[${layer}]: 8 sequences of up to 200 steps logarithmic`),
        `Units of h[${layer}] that stand still, or at an end at nine of ten steps %`,
      ]),
      'Update over weights, by block logarithmic',
      'Learning rate',
      'Throughput timesteps a second',
      'Speed steps a second',
    ]);
    const text = textOf(pages.run!);
    assert.match(
      text,
      /On the test part, after step 400 .* accuracy 82\.5 % F1 \(macro\) 51\.0 % Without learning most frequent class 47\.8 %/,
    );
    assert.match(text, /German taken for English: 51 times/);
    assert.match(pages.run!, /aria-label="Loss\. training: [\d.]+ at step 1, [\d.]+ at step 400; validation:/);
  });

  it('a run that writes shows what it writes, and one without steps says so', () => {
    assert.match(pages['run-text']!, /<pre>There was a king\.\n&quot;WHO &amp; WHAT\?&quot;<\/pre>/);
    assert.match(textOf(pages['run-new']!), /No step has been logged yet/);
    assert.match(pages['run-failed']!, /role="alert">The loss became NaN at step 14/);
  });

  it('a comparison marks the best, and lists only what differs', () => {
    const text = textOf(pages.compare!);
    assert.match(text, /accuracy \(test\) 82\.5 % ★ 81\.8 % 76\.1 %/);
    assert.match(
      text,
      /Settings that differ lstm, lstm gru, gru rnn, rnn optimizer\.rate 0\.002 0\.01 0\.01 with unit: lstm unit: gru unit: rnn/,
    );
    assert.ok(!text.includes('batch'));
    assert.match(text, /validation loss 0\.6 0\.6 0\.6/);
  });

  it('figures by length are charts of their own, along the answers of a row, beside each other in a comparison', () => {
    const withLengths = (name: string, last: number): ComparedRun => ({
      summary: summary({ name }),
      records: records(1, 40),
      report: {
        ...report,
        byLength: [
          { from: 11, to: 15, rows: 120, accuracy: 1, exact: 0.95 },
          { from: 16, to: 20, rows: 130, accuracy: last, exact: last / 2 },
        ],
      },
      settings: {},
    });
    const compared = comparePage([withLengths('Looking-1', 0.99), withLengths('Remembering-1', 0.4)]);
    assert.ok(
      compared.includes(
        'aria-label="Accuracy by length in %. Looking-1: 100 at answers in the row 13, 99 at answers in the row 18; Remembering-1: 100 at answers in the row 13, 40 at answers in the row 18.',
      ),
    );
    assert.ok(titles(compared).includes('Rows all right, by length %'));
    assert.match(
      runPage(withLengths('Looking-1', 0.4)),
      /"Right by length in %\. answers: 100 at [^;]*; rows: 95 at answers in the row 13, 20 at/,
    );
    assert.ok(!titles(pages.compare!).some((title) => title.includes('length')));
  });

  it('a model of others: what is wrong stands first, then its parts, and how near their replay is', () => {
    const text = textOf(pages.onnx!);
    assert.match(
      text,
      /^ ?Something is wrong in this file The model keeps &lt;W&gt; in speech\.onnx\.data.* &lt;speech&gt;\.onnx graph main_graph · pytorch 2\.13\.0 · opset 20 · com\.microsoft 1 · 1\.5 MB · 363,457 parameters/,
    );
    assert.match(text, /The replay is not what the model computes rnn_2: gates and states/);
    assert.match(text, /Random input with time = 12\. rnn equal to 2e-7 rnn_2 differs by 3e-2 gate no values: its branch did not run/);
    assert.match(text, /rnn rnn_2 LSTM 2 both 257 → 128 operator f i g c&#39; o h&#39; net\.py:12/);
    assert.match(text, /gate cell 1 reverse \? → \? scan If &quot;check&quot;, then_branch/);
    assert.match(text, /Recurrent, but not replayed what where why Loop_3 its condition depends/);
    assert.match(text, /frame float32 \[1, time, 257\] state float32 any rank/);
    assert.match(text, /3 operators of 2 kinds LSTM 2 Add 1/);
    assert.match(pages.onnx!, /<button type="button" class="link" data-action="python" data-part="rnn" title="The line has moved/);
  });

  it('a model of others that is replayed exactly, only looked at, or broken', () => {
    const good = textOf(pages['onnx-good']!);
    assert.match(good, /✓ The replay equals the model: the largest relative difference is 2e-7/);
    assert.match(good, /gate the model gives nothing to compare it with/);
    assert.ok(!/class="warning"/.test(pages['onnx-good']!));
    // The file's own word, where the workspace has no such line.
    assert.match(good, /net\.py:11/);
    assert.match(pages['onnx-looked-at']!, /data-action="debug" class="primary" disabled title="This folder is in restricted mode/);
    assert.match(textOf(pages['onnx-looked-at']!), /No LSTM, GRU or RNN, and no loop over time, was found/);
    assert.match(
      textOf(pages['onnx-broken']!),
      /cannot be shown\. broken\.onnx is cut short: &lt;graph&gt; ends after 12 bytes\. Read Again/,
    );
  });

  it('a preview shows what cannot be seen, counts and unknowns', () => {
    const text = textOf(pages.preview!);
    assert.match(text, /Training 11,549 82,310/);
    assert.match(text, /age \[1\] column &quot;age&quot;, normalised 1 41\.3 99 17\.3 3/);
    assert.match(text, /Unknown: 0\.040 % of test/);
    assert.match(pages.preview!, /<span class="chip">␣<\/span>/);
    assert.match(pages.preview!, /⏎/);
  });

  it('a preview draws numbers: lines over time, images in shades, few as they are', () => {
    const numbers = (type: string, cells: readonly string[], features?: readonly string[]): string =>
      previewPage({
        title: 'x',
        parts: [],
        inputs: [
          {
            name: 'x',
            type,
            from: 'columns',
            ...(features === undefined
              ? {}
              : { features: features.map((name) => ({ name, least: 0, mean: 1, most: 2, deviation: 1, missing: 0 })) }),
          },
        ],
        lengths: [],
        vocabularies: [],
        examples: [{ part: 'training', index: 0, cells: { x: cells } }],
        remarks: [],
      });
    const course = numbers('[T, Measure]', ['1 −.50', '2 missing', '3 1,200', '4 .25', '5 0'], ['demand', 'sun']);
    assert.match(course, /aria-label="demand: 5 steps, 1 to 5"/);
    assert.match(course, /aria-label="sun: 5 steps, −0\.5 to 1,200"/);
    assert.match(course, /d="M1\.0 [\d.]+M110\.0 /, 'a gap where a number is missing');
    assert.match(numbers('[24]', ['1 2 3 4 5']), /aria-label="5 steps, 1 to 5"/);
    const image = numbers('[8, 7]', [Array.from({ length: 56 }, (_, k) => (k === 8 ? '1' : '0')).join(' ')]);
    assert.match(image, /aria-label="x: 8 steps downwards, 7 features across, 0 to 1"/);
    assert.match(image, /<rect x="8" y="8" width="8" height="8" opacity="1\.00"\/><\/svg>/);
    assert.match(
      numbers('[3, 2, 2]', ['data:image/png;base64,AA==']),
      /<td><img class="picture" src="data:image\/png;base64,AA==" alt="x" [^>]*><\/td>/,
    );
    assert.match(numbers('[2]', ['3 4']), /<span class="numbers">3 {2}4<\/span>/);
  });

  it('data is never markup', () => {
    for (const [name, html] of Object.entries(pages)) assert.ok(!/<b>|<PyTorch>|<Egger>/.test(html), name);
    assert.match(documentOf(''), /default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'nonce-\w+'/);
  });

  it('charts leave out what is no number, and what no logarithm has', () => {
    const chart = lineChart({
      title: 'x',
      log: true,
      series: [
        {
          name: 'a',
          points: [
            [1, 0],
            [2, Number.NaN],
            [3, 10],
            [4, 100],
          ],
        },
      ],
    });
    assert.match(chart, /a: 10 at step 3, 100 at step 4/);
    assert.ok(!/NaN|Infinity/.test(chart));
    assert.equal(lineChart({ title: 'x', series: [{ name: 'a', points: [] }] }), '');
    assert.ok(!/NaN/.test(lineChart({ title: 'one', series: [{ name: 'a', points: [[5, 3]] }] })));
  });

  it('charts of equal distances show all of a band', () => {
    const points = [[0, 1] as const, [1, 1.1] as const];
    const chart = lineChart({ title: 'x', series: [{ name: 'a', points, spread: [[0, 0.2, 4] as const, [1, 1, 1.2] as const] }] });
    const [, band] = /class="spread" d="M([^"]*)Z"/.exec(chart)!;
    const heights = band!.split('L').map((each) => Number(each.split(' ')[1]));
    // The first interval is 19 times as wide as the second, and so is its picture.
    const [first, second, below, lowest] = heights as [number, number, number, number];
    assert.ok(Math.abs((lowest - first) / (below - second) - 19) < 0.3, heights.join(' '));
  });

  it('charts end at a floor, and mark lags that are needed and places on their lines', () => {
    const points = Array.from({ length: 9 }, (_, k) => [k, 10 ** (-2 * k)] as const);
    const chart = lineChart({
      title: 'g',
      along: 'lag',
      log: true,
      floor: 1e-9,
      series: [{ name: 'c', points }],
      stops: [
        { x: 6, label: 'needed:' },
        { x: 90, label: 'beyond' },
      ],
      spots: [
        { series: 'c', x: 2, label: 'horizon of c' },
        { series: 'c', x: 8, label: 'below the floor' },
      ],
    });
    // The line ends where it crosses 1e-9, half way between 4 and 5, at the chart's foot.
    const end = /L([\d.]+) ([\d.]+)" fill="none"/.exec(chart)!;
    assert.deepEqual(
      [Number(end[1]), Number(end[2])],
      [62 + (4.5 / 8) * (640 - 62 - 118), 170].map((each) => Number(each.toFixed(1))),
    );
    assert.match(chart, />needed: 6</);
    assert.doesNotMatch(chart, /beyond|below the floor/);
    assert.match(chart, /<circle class="spot"[^>]*><title>horizon of c</);
    // What is not drawn is in the numbers.
    assert.match(chart, /<td>8<\/td><td>1e-16<\/td>/);
  });

  it('axes have round numbers', () => {
    assert.deepEqual(ticksOf(0, 1, false), [0, 0.2, 0.4, 0.6, 0.8, 1]);
    assert.deepEqual(ticksOf(3, 97, false), [20, 40, 60, 80]);
    assert.deepEqual(ticksOf(0.0005, 2, true), [0.001, 0.01, 0.1, 1]);
    assert.deepEqual(ticksOf(0.19, 2.5, true), [0.2, 0.5, 1, 2]);
  });

  it('settings by their paths', () => {
    assert.deepEqual(flattened({ optimizer: { kind: 'adam', rate: 0.1 }, report: ['a'], seed: 1 }), {
      'optimizer.kind': 'adam',
      'optimizer.rate': '0.1',
      report: '["a"]',
      seed: '1',
    });
  });
});
