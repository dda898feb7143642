// Pages with made-up runs and data: what tests look at, and what `node test/views/shoot-pages.ts FOLDER` makes pictures of.

import type { DataPreview } from '../../src/shared/dataset.ts';
import type { ForeignInfo } from '../../src/shared/foreign.ts';
import { random } from '../../src/shared/random.ts';
import type { RunReport, RunSummary, StepRecord } from '../../src/shared/training.ts';
import type { Reply, Turn } from '../../src/views/conversation.ts';
import { chatFrame, emptyChat, turnHtml } from '../../src/views/pages/chat-page.ts';
import { comparePage } from '../../src/views/pages/compare-page.ts';
import { onnxPage, unreadable } from '../../src/views/pages/onnx-page.ts';
import { previewPage } from '../../src/views/pages/preview-page.ts';
import { runPage } from '../../src/views/pages/run-page.ts';
import { memoryAt } from './gallery/runs.ts';

export const summary = (more: Partial<RunSummary> = {}): RunSummary => ({
  name: 'Names-1',
  folder: '/runs/Names-1',
  model: 'Names',
  settings: 'lstm 128 · adam .002 · batch 64',
  status: { kind: 'done' },
  step: 400,
  steps: 400,
  loss: 0.4,
  validationLoss: 0.6,
  device: 'cpu',
  parameters: 87_314,
  seconds: 13,
  ...more,
});

/** A training that gets better; `seed` decides how. */
export function records(seed: number, steps = 400): StepRecord[] {
  const chance = random(seed);
  return Array.from({ length: steps }, (_, k): StepRecord => {
    const step = k + 1;
    const fall = 2.8 * Math.exp(-step / 90) + 0.35;
    const validated = step % 40 === 0;
    return {
      kind: 'step',
      step,
      epoch: 1 + Math.floor(k / 100),
      loss: fall * (0.85 + 0.3 * chance.uniform()),
      gradientNorm: Math.exp(chance.normal() * 0.4 - 0.5),
      clipped: chance.uniform() < 0.2,
      learningRate: 0.002 * Math.min(1, step / 40) * (0.5 + 0.5 * Math.cos((Math.PI * step) / steps)),
      stepsPerSecond: 150 + 20 * chance.normal(),
      stepsOfDataPerSecond: 75_000 + 9000 * chance.normal(),
      ...(validated
        ? { validationLoss: fall + 0.2, metrics: { accuracy: 0.83 - 0.5 * Math.exp(-step / 100), f1: 0.5 - 0.4 * Math.exp(-step / 120) } }
        : {}),
      ...(step % 20 === 1
        ? {
            memory: memoryAt(step),
            updateRatios: Object.fromEntries(
              ['x', 'h.f', 'h.i', 'h.g', 'h.o', 'logits'].map((block, n) => [
                block,
                1e-3 * (1 + n) * Math.exp(0.3 * chance.normal() - step / 300),
              ]),
            ),
          }
        : {}),
      ...(step % 200 === 0
        ? {
            sample: {
              kind: 'examples',
              rows: [
                { input: 'Yukhotsky', truth: 'Russian', predicted: 'Russian' },
                { input: '<Egger> & Söhne', truth: 'German', predicted: 'English' },
              ],
            },
          }
        : {}),
    };
  });
}

export const report: RunReport = {
  part: 'test',
  step: 400,
  loss: 0.61,
  metrics: { accuracy: 0.825, f1: 0.51 },
  baselines: { majority: 0.478 },
  confusion: {
    classes: ['Arabic', 'English', 'German', 'Russian'],
    counts: [
      [320, 2, 1, 0],
      [4, 610, 45, 12],
      [1, 51, 88, 3],
      [0, 30, 6, 1840],
    ],
  },
  classes: [
    { name: 'Arabic', precision: 0.98, recall: 0.99, f1: 0.985, count: 323 },
    { name: 'English', precision: 0.88, recall: 0.91, f1: 0.895, count: 671 },
  ],
};

export const preview: DataPreview = {
  title: 'names.csv',
  parts: [
    { name: 'training', examples: 11_549, steps: 82_310 },
    { name: 'validation', examples: 1283, steps: 9120 },
    { name: 'test', examples: 3208, steps: 22_871 },
  ],
  inputs: [
    { name: 'name', type: '[T] of Letter', from: 'column "name", by character' },
    {
      name: 'age',
      type: '[1]',
      from: 'column "age", normalised',
      numbers: { least: 1, mean: 41.25, most: 99, deviation: 17.3, missing: 3 },
    },
    { name: 'language', type: 'one of Language', from: 'column "language", as a label' },
  ],
  lengths: [
    {
      dimension: 'T',
      least: 2,
      mean: 7.1,
      most: 19,
      bars: Array.from({ length: 18 }, (_, k) => ({ from: k + 2, to: k + 2, count: Math.round(1500 * Math.exp(-(((k - 5) / 3) ** 2))) })),
    },
  ],
  vocabularies: [
    {
      dimension: 'Letter',
      by: 'char',
      size: 80,
      classes: ['a', 'o', 'i', ' ', '\n', 'é'].map((token, k) => ({ token, count: 9000 - 1500 * k })),
      unknown: { training: 0, test: 0.0004 },
    },
    {
      dimension: 'Language',
      by: 'label',
      size: 2,
      classes: [
        { token: 'Russian', count: 6000 },
        { token: 'German', count: 500 },
      ],
      unknown: { training: 0 },
    },
  ],
  examples: [
    { part: 'training', index: 0, cells: { name: [...'Yukhotsky'], age: ['38'], language: ['Russian'] } },
    { part: 'training', index: 1, cells: { name: [...'de Boer'], age: ['missing'], language: ['German'] } },
    { part: 'test', index: 0, cells: { name: [...'<b>'], age: ['7'], language: ['Russian'] } },
  ],
  remarks: ['1 Letter is in held-out rows only, and ‹unknown› to the model.'],
};

const run = (name: string, seed: number, accuracy: number) => ({
  summary: summary({ name, seconds: 10 + seed }),
  records: records(seed),
  report: { ...report, metrics: { accuracy, f1: accuracy / 2 } },
  settings: { 'optimizer.rate': seed === 1 ? '0.002' : '0.01', batch: '64', with: `unit: ${name}` },
});

/** Each page by its name. */
export const foreign: ForeignInfo = {
  path: '/models/<speech>.onnx',
  name: 'main_graph',
  producer: 'pytorch 2.13.0',
  opsets: { 'ai.onnx': 20, 'com.microsoft': 1 },
  inputs: [
    { name: 'frame', type: 'float32', shape: [1, 'time', 257] },
    { name: 'state', type: 'float32' },
  ],
  outputs: [{ name: 'mask', type: 'float32', shape: [1, 'time', 257] }],
  parts: [
    {
      name: 'rnn',
      names: ['rnn', 'rnn_2'],
      kind: 'lstm',
      layers: 2,
      directions: 2,
      reverse: false,
      hidden: 128,
      input: 257,
      form: 'operator',
      title: 'node_LSTM_114',
      where: '',
      values: ['f', 'i', 'g', "c'", 'o', "h'"],
      source: [{ file: '/home/someone/net.py', line: 11, function: 'forward' }],
      sources: [[{ file: '/home/someone/net.py', line: 11, function: 'forward' }], []],
    },
    {
      name: 'gate',
      names: ['gate'],
      kind: 'cell',
      layers: 1,
      directions: 1,
      reverse: true,
      form: 'scan',
      title: 'Scan_7',
      where: 'If "check", then_branch',
      values: ["s'"],
      source: [],
      sources: [[]],
    },
  ],
  attention: [
    {
      name: 'decoder_attn/weights',
      line: 'weights',
      title: '/decoder/attn/Softmax',
      where: '',
      value: 'weights',
      axis: -1,
      shape: ['?', 4, '?', '?'],
      heads: 4,
      source: [],
    },
  ],
  refused: [{ title: 'Loop_3', where: '', why: 'its condition depends on what it computes' }],
  remarks: ['The model keeps <W> in speech.onnx.data, which is not there. Copy it beside the model.'],
  operators: { Add: 1, LSTM: 2 },
  functions: [],
  parameters: 363_457,
  bytes: 1_458_237,
  metadata: { author: 'someone <x@y>' },
  proposal: { frames: [{ input: 'frame', axis: 1 }], state: [], constants: {}, reasons: ['mask feeds state.'], confidence: 'names' },
  usual: {},
};

const partner = { kind: 'chat', run: 'Chat-1', model: 'Chat' } as const;

const reply = (change: Partial<Reply>): Reply => ({
  ...{
    search: { kind: 'sample', temperature: 0.7, topK: 40 },
    length: 12,
    text: 'yes, i have a red cat.',
    ids: [4, 5],
    state: 'done',
    ended: true,
  },
  ...{ unknown: [], looked: [] },
  ...change,
});

/** A conversation with a reply of each kind. */
const turns: readonly Turn[] = [
  {
    id: 0,
    said: 'Do you have a red cat?',
    reply: reply({
      looked: [
        {
          token: 'yes',
          at: [
            { word: 'you', weight: 0.61 },
            { word: 'do', weight: 0.3 },
          ],
        },
        {
          token: '<red>',
          at: [
            { word: 'red', weight: 0.97 },
            { word: 'a', weight: 0.02 },
          ],
        },
      ],
    }),
  },
  {
    id: 1,
    said: 'Where is the <Purple> cat?\nAnd a purplecat?',
    reply: reply({ text: 'the cat is & the cat is', ended: false, unknown: ['purple', '<'] }),
  },
  { id: 2, said: 'Well?', reply: reply({ state: 'failed', text: '', ids: [], ended: false, failure: 'The model has never seen "well".' }) },
  { id: 3, said: 'Where is it?', reply: reply({ state: 'stopped', text: 'the', ids: [7], ended: false }) },
  { id: 4, said: 'Where is it now?', reply: reply({ state: 'writing', text: 'the cat', ids: [7, 8], ended: false }) },
];

/** The conversation, and before anything has been said. */
export const chat = {
  frame: chatFrame(partner),
  turns: turns.map((turn) => ({ id: turn.id, html: turnHtml(turn, partner) })),
  empty: emptyChat(partner, ['Where is the <dog>?', 'Do you have a cat?']),
};

export const pages: Readonly<Record<string, string>> = {
  run: runPage({ summary: summary({ note: 'The first that beats <PyTorch>.' }), records: records(1), report, clip: 1 }),
  'run-text': runPage({
    summary: summary({ status: { kind: 'running', process: 1 }, step: 200 }),
    records: records(2, 200).map(({ sample: _, metrics: __, ...each }) =>
      each.step % 60 === 0 ? { ...each, sample: { kind: 'text', text: 'There was a king.\n"WHO & WHAT?"' } } : each,
    ),
  }),
  'run-new': runPage({ summary: summary({ step: 0 }), records: [] }),
  'run-failed': runPage({
    summary: summary({ status: { kind: 'failed', what: 'The loss became NaN at step 14. Set a smaller rate than 0.1.' } }),
    records: records(3, 13),
  }),
  compare: comparePage([run('lstm', 1, 0.825), run('gru', 2, 0.818), run('rnn', 3, 0.761)]),
  preview: previewPage(preview),
  onnx: onnxPage({
    info: foreign,
    trusted: true,
    places: new Map([['rnn', [{ path: '/project/net.py', line: 12, note: 'The line has moved from 11 to 12 since the export.' }]]]),
    verified: {
      kind: 'done',
      parity: [
        { part: 'rnn', value: 2.1e-7 },
        { part: 'rnn_2', value: 0.031 },
      ],
      idle: [{ part: 'gate', why: 'its branch did not run' }],
      dimensions: { time: 12 },
      remarks: [],
    },
  }),
  'onnx-good': onnxPage({
    info: { ...foreign, remarks: [], refused: [] },
    trusted: true,
    verified: { kind: 'done', parity: [{ part: 'rnn', value: 2.1e-7 }, { part: 'gate' }], idle: [], dimensions: {}, remarks: [] },
  }),
  'onnx-looked-at': onnxPage({ info: { ...foreign, parts: [], remarks: [] }, trusted: false }),
  'onnx-broken': unreadable('/models/broken.onnx', 'broken.onnx is cut short: <graph> ends after 12 bytes.'),
};
