import assert from 'node:assert/strict';
import type { Client } from './client.ts';
import { breakAt, F, lineOf, open, SOURCE } from './session.ts';
import { BOTH_WAYS, BOTH_WAYS_CALLS, LSTM } from './sources.ts';
import { waves } from './traces.ts';

describe('breakpoints', () => {
  const stops = async (client: Client, move = 'continue'): Promise<string[]> => {
    const found: string[] = [];
    for (let k = 0; k < 50; k++) {
      const stop = await client.go(move);
      if (/^The (end|beginning)/.test(stop)) return found;
      found.push(stop.replace(/^breakpoint: (.*) of \d+, .*$/, '$1'));
    }
    throw new Error('no end');
  };

  it('on a line of a cell stop at each timestep, forwards and backwards', async () => {
    const { client } = await open({ steps: 3 });
    const [breakpoint] = await breakAt(client, [{ line: F }]);
    assert.deepEqual([breakpoint!.verified, breakpoint!.line], [true, F]);
    await client.start();
    assert.deepEqual(await stops(client), ['lstm.f  t = 0', 'lstm.f  t = 1', 'lstm.f  t = 2']);
    assert.deepEqual(await stops(client, 'reverseContinue'), ['lstm.f  t = 2', 'lstm.f  t = 1', 'lstm.f  t = 0']);
  });

  it('stop a step over a timestep', async () => {
    const { client } = await open({ steps: 3 });
    await breakAt(client, [{ line: F }]);
    await client.start();
    assert.match(await client.go('next'), /^breakpoint: lstm\.f {2}t = 0/);
  });

  it('without a stop at the entry the first breakpoint stops, even on the very first line', async () => {
    const { client } = await open({ steps: 3 }, { stopOnEntry: false });
    await breakAt(client, [{ line: lineOf(LSTM, 'x      = embed') }]);
    assert.match(await client.start(), /^breakpoint: Shakespeare\.x {2}t = 0/);
  });

  it('move to the next equation of their cell, and are refused where there is none', async () => {
    const { client } = await open();
    const [onState, onClose, nowhere] = await breakAt(client, [
      { line: lineOf(LSTM, 'state h, c') },
      { line: 1 },
      { line: lineOf(LSTM, 'model') + 5 },
    ]);
    assert.deepEqual([onState!.verified, onState!.line], [true, F]);
    assert.deepEqual([onClose!.verified, onClose!.line], [true, lineOf(LSTM, 'vector')]);
    assert.deepEqual([nowhere!.verified, nowhere!.message], [false, 'No equation of the model that is debugged stands here.']);
    const { breakpoints } = await client.ask('breakpointLocations', { source: SOURCE, line: F - 3, endLine: F + 1 });
    assert.deepEqual(
      breakpoints.map(({ line }: { line: number }) => line),
      [F, F + 1],
    );
  });

  const conditions: [condition: string, holds: (t: number) => boolean][] = [
    ['t == 40', (t) => t === 40],
    ['mean(f) < 0.2', (t) => [0, 1, 2, 3].reduce((sum, unit) => sum + waves({ instance: 'h', line: 'f' }, t, unit), 0) / 4 < 0.2],
    ['token == "n" and t > 50', (t) => t % 10 === 7 && t > 50],
    [
      '0.5 < max(f) < 0.9',
      (t) => {
        const most = Math.max(...[0, 1, 2, 3].map((unit) => waves({ instance: 'h', line: 'f' }, t, unit)));
        return 0.5 < most && most < 0.9;
      },
    ],
    [
      'sum(f - previous(f)) > 0.4 and t > 0',
      (t) =>
        t > 0 &&
        [0, 1, 2, 3].reduce(
          (sum, unit) => sum + waves({ instance: 'h', line: 'f' }, t, unit) - waves({ instance: 'h', line: 'f' }, t - 1, unit),
          0,
        ) > 0.4,
    ],
  ];
  for (const [condition, holds] of conditions)
    it(`hold where ${condition}`, async () => {
      const { client } = await open();
      await breakAt(client, [{ line: F, condition }]);
      await client.start();
      const expected = Array.from({ length: 100 }, (_, t) => t)
        .filter(holds)
        .map((t) => `lstm.f  t = ${t}`);
      assert.ok(expected.length > 0 && expected.length < 50);
      const found = await stops(client);
      assert.deepEqual(
        found.filter((stop) => !stop.includes('Condition')),
        expected,
      );
      assert.deepEqual(await stops(client, 'reverseContinue'), expected.toReversed());
    });

  for (const [hitCondition, expected] of Object.entries({ '3': [2], '= 2': [1], '> 7': [7, 8, 9], '% 4': [3, 7], '>= 9': [8, 9] }))
    it(`are counted: ${hitCondition}`, async () => {
      const { client } = await open({ steps: 10 });
      await breakAt(client, [{ line: F, hitCondition }]);
      await client.start();
      assert.deepEqual(
        await stops(client),
        expected.map((t) => `lstm.f  t = ${t}`),
      );
      assert.deepEqual(
        await stops(client, 'reverseContinue'),
        expected.toReversed().map((t) => `lstm.f  t = ${t}`),
      );
    });

  it('count only where the condition holds', async () => {
    const { client } = await open({ steps: 30 });
    await breakAt(client, [{ line: F, condition: 't % 3 == 0', hitCondition: '% 2' }]);
    await client.start();
    assert.deepEqual(
      await stops(client),
      [3, 9, 15, 21, 27].map((t) => `lstm.f  t = ${t}`),
    );
  });

  it('that only log write what they pass, in order, and do not stop', async () => {
    const { client } = await open({ steps: 3 });
    await breakAt(client, [
      { line: F, logMessage: 'f is {mean(f)} at \\{{t}\\}' },
      { line: F + 1, logMessage: 'i' },
    ]);
    await client.start();
    await client.go('continue');
    const mean = (t: number): string => {
      const value = [0, 1, 2, 3].reduce((sum, unit) => sum + Math.fround(waves({ instance: 'h', line: 'f' }, t, unit)), 0) / 4;
      return value.toFixed(2).replace(/^0/, '');
    };
    assert.equal(client.output().split('\n').slice(1).join('|'), [0, 1, 2].map((t) => `f is ${mean(t)} at {${t}}|i|`).join(''));
  });

  it('with a faulty condition say so, and do not stop', async () => {
    const { client } = await open();
    const [syntax, hits, log] = await breakAt(client, [
      { line: F, condition: 'mean(f' },
      { line: F, hitCondition: 'often' },
      { line: F, logMessage: '{f' },
    ]);
    assert.equal(syntax!.verified, false);
    assert.match(syntax!.message!, /^Condition mean\(f: \S/);
    assert.equal(hits!.message, 'Hit count often: a number, or one after =, >, >= or %, as in > 3.');
    assert.equal(log!.message, 'Log message: the brace at column 1 is never closed.');
    await breakAt(client, [{ line: F, condition: 'f < 0.1' }]);
    const { breakpoint } = await client.event('breakpoint');
    assert.deepEqual(
      [breakpoint.verified, breakpoint.message],
      [false, 'The condition has the shape [4]: say any(...) or all(...) of it.'],
    );
    await client.start();
    assert.match(await client.go('continue'), /^The end/);
  });

  it('in a library cell work by its source reference, whose text can be read', async () => {
    const { client } = await open({ steps: 3, uri: 'library:/recurrent.rnn' });
    await client.start();
    const { stackFrames } = await client.ask('stackTrace', { threadId: 1 });
    const { source } = stackFrames[0];
    assert.equal(source.name, 'recurrent.rnn');
    assert.equal(
      (await client.ask('source', { source, sourceReference: source.sourceReference })).content,
      'source of library:/recurrent.rnn',
    );
    const [breakpoint] = await breakAt(client, [{ line: F, condition: 't == 1' }], source);
    assert.equal(breakpoint!.verified, true);
    assert.match(await client.go('continue'), /^breakpoint: lstm\.f {2}t = 1/);
  });

  it('in a cell of two layers stop in each, and one layer can be chosen to step into', async () => {
    const { client } = await open({ steps: 2, made: { calls: ['x = embed', 'h[0] = lstm', 'h[1] = lstm', 'logits = linear'] } });
    await breakAt(client, [{ line: F }]);
    await client.start();
    assert.deepEqual(await stops(client), [
      'lstm.f in h[0]  t = 0',
      'lstm.f in h[1]  t = 0',
      'lstm.f in h[0]  t = 1',
      'lstm.f in h[1]  t = 1',
    ]);
    assert.deepEqual(await stops(client, 'reverseContinue'), [
      'lstm.f in h[1]  t = 1',
      'lstm.f in h[0]  t = 1',
      'lstm.f in h[1]  t = 0',
      'lstm.f in h[0]  t = 0',
    ]);
    await breakAt(client, []);
    const { targets } = await client.ask('stepInTargets', { frameId: 1 });
    assert.deepEqual(
      targets.map(({ label }: { label: string }) => label),
      ['h[0]: lstm', 'h[1]: lstm'].slice(0, targets.length),
    );
    await client.go('unroll/goto', { t: 1 });
    await client.go('stepOut');
    await client.go('reverseContinue');
    assert.match(await client.go('stepIn', { targetId: 1 }), /^lstm\.f in h\[1\] {2}t = 0/);
    const value = await client.evaluate('h[1].f[2]');
    assert.ok(Math.abs(Number(value) - waves({ instance: 'h[1]', line: 'f' }, 0, 2)) < 0.006, value);
  });

  it('in both directions of a bidirectional layer', async () => {
    const { client } = await open({ source: BOTH_WAYS, steps: 2, made: { calls: BOTH_WAYS_CALLS, once: ['total'] } });
    await breakAt(client, [{ line: lineOf(BOTH_WAYS, 'z  =') }]);
    await client.start();
    assert.deepEqual(await stops(client), [
      'gru.z in h.forward  t = 0',
      'gru.z in h.forward  t = 1',
      'gru.z in h.backward  t = 1',
      'gru.z in h.backward  t = 0',
    ]);
  });
});
