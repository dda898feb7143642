// From a trace to a line of the workspace: paths by suffix, lines by text, and guesses without a trace.

import assert from 'node:assert/strict';
import { matchFile } from '../../../src/foreign/python/files.ts';
import { findLine } from '../../../src/foreign/python/lines.ts';
import { type PythonPlace, pythonSources } from '../../../src/foreign/python/places.ts';
import { node } from './nodes.ts';

describe('foreign/python: files', () => {
  const match = (traced: string, ...files: string[]): string => {
    const found = matchFile(traced, files);
    return found.kind === 'none' ? 'none' : `${found.kind === 'one' ? found.path : found.paths.join(' or ')} (${found.common})`;
  };

  it('are matched by the longest common suffix', () => {
    assert.equal(match('/home/ada/net/pkg/enc.py', '/w/enc.py', '/w/pkg/enc.py', '/w/pkg/dec.py'), '/w/pkg/enc.py (2)');
    assert.equal(match('/home/ada/net/models.py', '/w/other/models.py'), '/w/other/models.py (1)');
    assert.equal(match('models.py', '/w/mymodels.py', '/w/models.pyc'), 'none');
    assert.equal(match('/a/b.py'), 'none');
  });

  it('that fit equally well are all told', () => {
    assert.equal(match('/x/net.py', '/w/a/net.py', '/w/b/net.py', '/w/a/net.py'), '/w/a/net.py or /w/b/net.py (1)');
  });

  it('are matched across separators, drives and roots', () => {
    assert.equal(match('C:\\Users\\Ada\\Pkg\\Enc.py', '/w/pkg/enc.py', '/w/other/Enc.py'), '/w/pkg/enc.py (2)');
    assert.equal(match('/home/ada/pkg/enc.py', 'D:\\w\\pkg\\enc.py'), 'D:\\w\\pkg\\enc.py (2)');
    assert.equal(match('./src/../pkg/./enc.py', 'file:///w/pkg/enc.py', '/w/src/enc.py'), 'file:///w/pkg/enc.py (2)');
    assert.equal(match('\\\\server\\share\\enc.py', 'enc.py'), 'enc.py (1)');
  });

  it('keep their letter case where that decides', () => {
    assert.equal(match('/x/Net.py', '/w/net.py', '/w/Net.py'), '/w/Net.py (1)');
    assert.equal(match('/x/Net.py', '/w/net.py'), '/w/net.py (1)');
  });
});

describe('foreign/python: lines', () => {
  const source = ['def a(x):', '    y = f(x)', '    return y', '', 'def b(x):', '    z = 1', '    y  =  f(x)', '    return y'].join('\n');
  const find = (line: number, text?: string, name?: string): string => {
    const found = findLine({ line, ...(text === undefined ? {} : { text }), ...(name === undefined ? {} : { function: name }) }, source);
    return found.kind === 'gone' ? 'gone' : `${found.kind} ${found.line}`;
  };

  it('stand, have moved, or are gone', () => {
    assert.equal(find(2, 'y = f(x)'), 'same 2');
    assert.equal(find(7, 'y = f(x)'), 'same 7');
    assert.equal(find(4, 'y = f(x)'), 'moved 2');
    assert.equal(find(4, 'y = f(x)', 'b'), 'moved 7');
    assert.equal(find(4, 'y = f(x)', 'Net.b'), 'moved 7');
    assert.equal(find(400, 'z = 1'), 'moved 6');
    assert.equal(find(2, 'y = g(x)'), 'gone');
  });

  it('of a text that was cut are found by its beginning', () => {
    assert.equal(find(1, 'return y', 'b'), 'moved 8');
    assert.equal(findLine({ line: 1, text: 'y = torch.sig' }, 'def f():\n    y = torch.sigmoid(x)').kind, 'moved');
  });

  it('without text are only counted', () => {
    assert.equal(find(8), 'unchecked 8');
    assert.equal(find(9), 'gone');
    assert.equal(find(0), 'gone');
  });

  it('in a large file of equal lines are found in time', () => {
    const start = performance.now();
    assert.equal(findLine({ line: 7, text: 'y = f(x)', function: 'b' }, '    y = f(x)\n'.repeat(100_000) + source).kind, 'same');
    assert.equal(findLine({ line: 200_000, text: 'y = f(x)', function: 'b' }, '    y = f(x)\n'.repeat(100_000)).kind, 'moved');
    assert.ok(performance.now() - start < 2000);
  });
});

describe('foreign/python: places', () => {
  const net = [
    'import torch.nn as nn',
    'class Gate(nn.Module):',
    '    def __init__(self, n):',
    '        self.rnn = nn.Linear(n, n)',
    '    def forward(self, x):',
    '        return self.rnn(x)',
    'class Encoder(nn.Module):',
    '    def __init__(self):',
    '        # self.rnn = nn.GRU(8, 16)',
    '        self.rnn = nn.LSTM(8, 16)',
    '        self.layers = nn.ModuleList([Gate(16)])',
    '    def forward(self, x):',
    '        y, _ = self.rnn(x)',
    '        return self.layers[0](y)',
  ].join('\n');
  const files: Readonly<Record<string, string>> = {
    '/w/pkg/net.py': net,
    '/w/main.py': 'import pkg\nmodel = make()\n',
    '/w/readme.md': net,
  };

  const sources = (given: Readonly<Record<string, string>> = files) =>
    pythonSources({ files: Object.keys(given), read: async (path) => given[path] });
  /** `kind path:line` */
  const place = async (given: Parameters<typeof node>[0], among = files): Promise<string> => told(await sources(among).place(node(given)));
  const told = (found: PythonPlace): string =>
    found.kind === 'none'
      ? `none: ${found.note}`
      : found.kind === 'ambiguous'
        ? `ambiguous ${found.places.map(({ path, line }) => `${path}:${line}`).join(' ')}`
        : `${found.kind === 'line' ? found.found : found.kind} ${found.path}:${found.line}`;

  const torch = '\n  File "/s/site-packages/torch/nn/modules/rnn.py", line 1, in forward\n    result = _VF.lstm(';

  it('is the innermost frame of the user', async () => {
    const stack = `File "/home/ada/main.py", line 2, in <module>\n    model = make()\n  File "/home/ada/pkg/net.py", line 13, in forward\n    y, _ = self.rnn(x)${torch}`;
    assert.equal(await place({ stack }), 'same /w/pkg/net.py:13');
  });

  it('is told to have moved', async () => {
    const found = await sources().place(node({ stack: `File "/ada/net.py", line 3, in forward\n    y, _ = self.rnn(x)${torch}` }));
    assert.equal(told(found), 'moved /w/pkg/net.py:13');
    assert.match('note' in found ? found.note! : '', /moved from 3 to 13/);
  });

  it('is unchecked where the trace has no text', async () => {
    assert.equal(
      await place({
        doc: '/s/site-packages/torch/nn/modules/rnn.py(9): forward\nC:\\ada\\pkg\\net.py(13): forward\nC:\\ada\\main.py(2): <module>',
      }),
      'unchecked /w/pkg/net.py:13',
    );
  });

  it('is an outer frame where the inner one is not in the workspace', async () => {
    const stack = 'File "/ada/main.py", line 2, in run\n    model = make()\n  File "/ada/elsewhere.py", line 5, in forward\n    y = x';
    assert.equal(await place({ stack }), 'same /w/main.py:2');
  });

  it('may be in a package that lies here', async () => {
    assert.equal(
      await place({ stack: 'File "/s/site-packages/pkg/net.py", line 13, in forward\n    y, _ = self.rnn(x)' }),
      'same /w/pkg/net.py:13',
    );
    assert.match(await place({ stack: 'File "/s/site-packages/other/net.py", line 13, in forward\n    y, _ = self.rnn(x)' }), /^none/);
  });

  it('among files that fit equally well is told by the text, else ambiguous', async () => {
    const stack = 'File "/ada/net.py", line 2, in forward\n    y = f(x)';
    assert.equal(
      await place({ stack }, { '/w/a/net.py': 'def f():\n  y = g(x)', '/w/b/net.py': 'def f():\n  y = f(x)' }),
      'same /w/b/net.py:2',
    );
    assert.equal(
      await place({ stack }, { '/w/a/net.py': '\n y = f(x)', '/w/b/net.py': '\n y = f(x)' }),
      'ambiguous /w/a/net.py:2 /w/b/net.py:2',
    );
  });

  it('is none, and says why', async () => {
    assert.match(await place({}), /^none: The model says nothing/);
    assert.match(
      await place({ stack: 'File "/ada/gone.py", line 2, in f\n    y = 1' }),
      /^none: \/ada\/gone\.py:2 is no file of this workspace\./,
    );
    assert.match(
      await place({ stack: 'File "/ada/net.py", line 2, in f\n    y = never()' }),
      /^none: \/w\/pkg\/net\.py has the line "y = never\(\)" no more/,
    );
  });

  it('without a trace is guessed from the scopes', async () => {
    const props = { namespace: ': __main__.Top/encoder: pkg.net.Encoder/encoder.rnn: torch.nn.modules.rnn.LSTM/lstm: aten.lstm.input' };
    assert.equal(await place({ op: 'LSTM', props }), 'guess /w/pkg/net.py:10');
    const list = { namespace: ': pkg.net.Encoder/layers.0: pkg.net.Gate/mul: aten.mul.Tensor' };
    assert.equal(await place({ props: list }), 'guess /w/pkg/net.py:11');
    assert.equal(await place({ props: { namespace: ': pkg.net.Encoder/mul: aten.mul.Tensor' } }), 'guess /w/pkg/net.py:7');
    assert.equal(await place({ op: 'LSTM', name: '/encoder/rnn/LSTM' }), 'guess /w/pkg/net.py:10');
    assert.equal(await place({ name: '/encoder/rnn/MatMul' }), 'ambiguous /w/pkg/net.py:4 /w/pkg/net.py:10');
    const found = await sources().place(node({ op: 'LSTM', props }));
    assert.match('note' in found ? found.note! : '', /^A guess: .*encoder\.rnn.*self\.rnn = LSTM\( in class Encoder/);
  });

  it('asks for each file once, and outlives one that cannot be read', async () => {
    const asked: string[] = [];
    const read = async (path: string) => {
      asked.push(path);
      if (path.endsWith('bad.py')) throw new Error('no');
      return net;
    };
    const given = pythonSources({ files: ['/w/bad.py', '/w/net.py'], read });
    const traced = { stack: 'File "/x/net.py", line 13, in forward\n    y, _ = self.rnn(x)' };
    for (let k = 0; k < 3; k++) await given.place(node(traced));
    assert.deepEqual(asked, ['/w/net.py']);
    assert.match(told(await given.place(node({ stack: 'File "/x/bad.py", line 1, in f\n    y' }))), /^none/);
  });

  it('of a part is where most of its nodes come from', async () => {
    const at = (line: number, text: string) => node({ stack: `File "/ada/pkg/net.py", line ${line}, in forward\n    ${text}` });
    const part = [
      node({}),
      node({}),
      node({}),
      at(14, 'return self.layers[0](y)'),
      at(13, 'y, _ = self.rnn(x)'),
      at(13, 'y, _ = self.rnn(x)'),
    ];
    assert.equal(told(await sources().placeOfAll(part)), 'same /w/pkg/net.py:13');
    assert.match(told(await sources().placeOfAll([node({})])), /^none/);
    assert.match(told(await sources().placeOfAll([])), /^none/);
  });

  it('every frame can be asked for', async () => {
    const stack = `File "/ada/main.py", line 2, in <module>\n    model = make()\n  File "/ada/pkg/net.py", line 13, in forward\n    y, _ = self.rnn(x)${torch}`;
    const frames = await sources().frames(node({ stack }));
    assert.deepEqual(
      frames.map(({ place: found }) => told(found).replace(/:? .*rnn\.py.*/, '')),
      ['none', 'same /w/pkg/net.py:13', 'same /w/main.py:2'],
    );
  });
});
