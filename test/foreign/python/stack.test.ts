// Frames and modules, read from every form that the exporters write.

import assert from 'node:assert/strict';
import { scopesOf } from '../../../src/foreign/python/scopes.ts';
import { type PythonFrame, stackOf, userFrame } from '../../../src/foreign/python/stack.ts';
import { node } from './nodes.ts';

const traced = (stack: string) => stackOf(node({ stack }));
const documented = (doc: string) => stackOf(node({ doc }));
/** `library!file:line function | text` */
const told = (frames: readonly PythonFrame[]): string[] =>
  frames.map(
    (frame) =>
      `${frame.library === undefined ? '' : `${frame.library}!`}${frame.file}:${frame.line} ${frame.function ?? '-'}${frame.text === undefined ? '' : ` | ${frame.text}`}`,
  );

describe('foreign/python: frames', () => {
  it('of a traceback come innermost first, with their text', () => {
    assert.deepEqual(
      told(
        traced(
          'File "/home/ada/net/models.py", line 11, in forward\n    y, _ = self.rnn(e)\n  File "/usr/lib/python3/site-packages/torch/nn/modules/rnn.py", line 745, in forward\n    result = _VF.rnn_tanh(',
        ),
      ),
      [
        'torch!/usr/lib/python3/site-packages/torch/nn/modules/rnn.py:745 forward | result = _VF.rnn_tanh(',
        '/home/ada/net/models.py:11 forward | y, _ = self.rnn(e)',
      ],
    );
  });

  it('of a traceback without text, with carets, with a heading, from Windows', () => {
    assert.deepEqual(
      told(
        traced(
          'Traceback (most recent call last):\n  File "C:\\Users\\Ada\\net\\a(1)\\models.py", line 3, in Net.forward\r\n  File "C:\\Python311\\Lib\\contextlib.py", line 80, in inner\n    return func(*args)\n           ^^^^^^^^^^^\n  [Previous line repeated 3 more times]\n  File "D:\\pkg\\cell.py", line 7, in step',
        ),
      ),
      [
        'D:\\pkg\\cell.py:7 step',
        'python!C:\\Python311\\Lib\\contextlib.py:80 inner | return func(*args)',
        'C:\\Users\\Ada\\net\\a(1)\\models.py:3 Net.forward',
      ],
    );
  });

  it('of the older exporter stay innermost first', () => {
    assert.deepEqual(
      told(
        documented(
          '/venv/lib/python3.11/site-packages/torch/nn/modules/rnn.py(1164): forward\nC:\\a (2)\\net.py(22): forward\n/project/run.py(61): <module>\n',
        ),
      ),
      [
        'torch!/venv/lib/python3.11/site-packages/torch/nn/modules/rnn.py:1164 forward',
        'C:\\a (2)\\net.py:22 forward',
        '/project/run.py:61 <module>',
      ],
    );
  });

  it('of a scripted module: the text is the first underlined line', () => {
    assert.deepEqual(
      told(
        documented(
          '  File "/project/top.py", line 8\ndef scripted(x: torch.Tensor):\n    out = []\n    for t in range(x.size(1)):\n    ~~~~~~~~~~~~~~~~~~~~~~~~~~\n        out.append(torch.tanh(x[:, t]))\n        ~~~~~~~~~~~~~~~~ <--- HERE\n    return torch.stack(out, 1)\n',
        ),
      ),
      ['/project/top.py:8 - | for t in range(x.size(1)):'],
    );
  });

  it('of graphs as they are printed', () => {
    assert.deepEqual(told(documented('# File: /w/net.py:12 in forward, code: h = self.cell(x, h)')), [
      '/w/net.py:12 forward | h = self.cell(x, h)',
    ]);
    assert.deepEqual(told(documented('# /w/net.py:12:0')), ['/w/net.py:12 -']);
  });

  it('metadata goes before doc_string; what is no trace gives nothing', () => {
    assert.deepEqual(told(stackOf(node({ stack: 'File "/a.py", line 1, in f', doc: '/b.py(2): g' }))), ['/a.py:1 f']);
    assert.deepEqual(told(stackOf(node({ stack: 'nothing', doc: '/b.py(2): g' }))), ['/b.py:2 g']);
    for (const odd of [
      '',
      'An LSTM over frames.',
      'File "/a.py", line',
      'File "',
      '\u0000\uffff\n\n',
      'f(x): y',
      `File "${'a'.repeat(5000)}", line 1, in f`,
    ])
      assert.deepEqual(traced(odd), []);
  });

  it('of a trace that was cut keep what is whole', () => {
    assert.deepEqual(told(traced('File "/a.py", line 1, in f\n    x = g(y)\n  File "/b.py", li')), ['/a.py:1 f | x = g(y)']);
  });

  it('ten thousand of them, and megabytes of rubbish, are read at once', () => {
    const many = Array.from({ length: 10_000 }, (_, k) => `  File "/w/f${k}.py", line ${k + 1}, in f\n    y = f(${k})`).join('\n');
    const start = performance.now();
    const frames = traced(many);
    assert.equal(frames.length, 10_000);
    assert.equal(frames[0]!.file, '/w/f9999.py');
    for (const piece of ['(1', ' ', '~', 'File "', '# ', '\\', "'"]) traced(`${piece.repeat(2000)}\n`.repeat(200));
    assert.ok(performance.now() - start < 2000, `took ${Math.round(performance.now() - start)} ms`);
  });

  it('tell the user from packages', () => {
    const library = (file: string) => documented(`${file}(1): f`)[0]!.library;
    assert.deepEqual(
      [
        '/x/site-packages/torch/nn/modules/rnn.py',
        'C:\\x\\Lib\\site-packages\\torch\\nn\\modules\\rnn.py',
        '/home/ada/pytorch/torch/nn/modules/rnn.py',
        'torch/fx/passes/runtime_assert.py',
        '<eval_with_key>.12',
        '/usr/lib/python3.11/contextlib.py',
        '<frozen importlib._bootstrap>',
        '/usr/lib/python3/dist-packages/speechbrain/nnet/RNN.py',
      ].map(library),
      ['torch', 'torch', 'torch', 'torch', 'torch', 'python', 'python', 'speechbrain'],
    );
    assert.deepEqual(
      ['/home/ada/torch/model.py', '/home/ada/torch/onnx/net.py', 'models.py', '<stdin>', '/lib/net.py'].map(library),
      Array(5).fill(undefined),
    );
    const speech = documented(
      '/s/site-packages/torch/nn/a.py(1): f\n/s/site-packages/speechbrain/b.py(2): g\n/s/site-packages/onnx/c.py(3): h',
    );
    assert.equal(userFrame(speech)?.line, 2);
    assert.equal(userFrame([]), undefined);
  });
});

describe('foreign/python: scopes', () => {
  const modules = (given: Parameters<typeof node>[0]) => {
    const scopes = scopesOf(node(given));
    return scopes && [scopes.from, scopes.path, ...scopes.modules.map((each) => `${each.path}:${each.class ?? ''}`)];
  };
  const props = (entries: Record<string, string>) => ({ props: entries });

  it('are read from the lists of paths and classes', () => {
    assert.deepEqual(
      modules(
        props({
          'pkg.torch.onnx.name_scopes': "['', 'encoder', 'encoder.rnn', 'lstm']",
          'pkg.torch.onnx.class_hierarchy': "['top.Top', 'pkg.encoder.Encoder', 'torch.nn.modules.rnn.LSTM', 'aten.lstm.input']",
        }),
      ),
      ['metadata', 'encoder.rnn', ':top.Top', 'encoder:pkg.encoder.Encoder', 'encoder.rnn:torch.nn.modules.rnn.LSTM'],
    );
  });

  it('are read from the namespace', () => {
    assert.deepEqual(
      modules(props({ namespace: ': models.Net/emb: torch.nn.modules.sparse.Embedding/embedding: aten.embedding.default' })),
      ['metadata', 'emb', ':models.Net', 'emb:torch.nn.modules.sparse.Embedding'],
    );
  });

  it('of what the exporter made itself are none', () => {
    const own = '_empty_nn_module_stack_from_metadata_hook';
    assert.equal(modules(props({ namespace: `${own}: ${own}/sym_size_int_1: aten.sym_size.int` })), undefined);
  });

  it('follow from node names, and from the names of weights', () => {
    const path = (name: string, input: string[] = []) => modules({ name, input })?.slice(0, 2);
    assert.deepEqual(path('/encoder/layers.0/lin/MatMul_1'), ['node name', 'encoder.layers.0.lin']);
    assert.deepEqual(path('/encoder/seq/seq.0/Tanh'), ['node name', 'encoder.seq.0']);
    assert.deepEqual(path('/Softmax'), ['node name', '']);
    assert.deepEqual(path('node_linear_1', ['x', 'cell.weight_ih', 'cell.bias_ih']), ['weights', 'cell']);
    assert.deepEqual(path('node_linear_1', ['x', 'val_3']), undefined);
    assert.deepEqual(path(''), undefined);
  });

  it('of rubbish are none', () => {
    for (const odd of ['', '[', "['", '\u0000', "[''''''", '/'.repeat(1000)])
      assert.equal(
        modules(props({ 'pkg.torch.onnx.name_scopes': odd, 'pkg.torch.onnx.class_hierarchy': odd.slice(1), namespace: odd })),
        undefined,
      );
  });
});
