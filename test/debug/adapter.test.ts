import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { connect, spawnAdapter } from './client.ts';
import { breakAt, F, lineOf, open, SOURCE } from './session.ts';
import { LSTM, LSTM_CALLS } from './sources.ts';
import { described, type Formula, FormulaTrace, waves } from './traces.ts';

describe('debug adapter', () => {
  it('stops at the first timestep, on the line that runs the LSTM', async () => {
    const { client } = await open();
    assert.equal(await client.start(), `entry: Shakespeare.h  t = 0 of 100, 'r' @ ${lineOf(LSTM, 'h      = lstm')}`);
    assert.equal(client.output(), 'Shakespeare · a formula: 100 timesteps\n');
  });

  it('steps over timesteps, into equations, out, and back', async () => {
    const { client } = await open();
    await client.start();
    const at = (stop: string): string => stop.replace(/ of 100, '.*/, '');
    const walk: string[] = [];
    for (const move of ['next', 'next', 'stepIn', 'next', 'next', 'stepBack', 'stepOut', 'stepBack', 'stepIn'])
      walk.push(at(await client.go(move)));
    assert.deepEqual(walk, [
      'Shakespeare.h  t = 1',
      'Shakespeare.h  t = 2',
      'lstm.f  t = 2',
      'lstm.i  t = 2',
      'lstm.g  t = 2',
      'lstm.i  t = 2',
      'Shakespeare.h  t = 3',
      'Shakespeare.h  t = 2',
      'lstm.f  t = 2',
    ]);
    assert.deepEqual((await client.frames()).map(at), ['lstm.f  t = 2', 'Shakespeare.h  t = 2']);
  });

  it('continues to the end, goes back to the beginning, and stays there', async () => {
    const { client } = await open();
    await client.start();
    assert.match(await client.go('continue'), /^The end of the sequence: Shakespeare\.loss {2}t = 99 of 100/);
    assert.match(await client.go('continue'), /^The end of the sequence: Shakespeare\.loss {2}t = 99/);
    assert.match(await client.go('reverseContinue'), /^The beginning of the sequence: Shakespeare\.h {2}t = 0/);
    assert.match(await client.go('stepBack'), /^The beginning of the sequence: Shakespeare\.x {2}t = 0/);
    assert.match(await client.go('reverseContinue'), /^The beginning of the sequence: Shakespeare\.x {2}t = 0/);
  });

  it('shows gates, states, inputs, gradients and parameters', async () => {
    const { client } = await open();
    await client.start();
    await client.go('unroll/goto', { t: 17 });
    for (const move of ['stepIn', 'next', 'next']) await client.go(move);
    const { scopes } = await client.ask('scopes', { frameId: 1 });
    assert.deepEqual(
      scopes.map(({ name }: DebugProtocol.Scope) => name),
      ['Gates', 'State', 'Inputs', 'Gradients', 'Parameters'],
    );
    const gates = await client.scope('Gates');
    assert.deepEqual(
      gates.map(({ name }) => name),
      ['f', 'i', 'g', 'o'],
    );
    const f = [0, 1, 2, 3].map((unit) => waves({ instance: 'h', line: 'f' }, 17, unit));
    const mean = f.reduce((sum, value) => sum + value, 0) / 4;
    assert.match(
      gates[0]!.value,
      new RegExp(`^\\[4\\] mean ${mean.toFixed(2).replace(/^0/, '')}, \\.\\d+ … \\.\\d+, \\d+ % < \\.1, \\d+ % > \\.9 [▁▂▃▄▅▆▇█]{6}$`),
    );
    assert.equal(gates[0]!.type, 'forget gate');
    assert.match(gates[3]!.value, /\(of t = 16, not yet computed\)$/);
    assert.deepEqual(
      (await client.scope('State')).map(({ name }) => name),
      ['h', "h'", 'c', "c'"],
    );
    assert.deepEqual(
      (await client.scope('Inputs')).map(({ name }) => name),
      ['x'],
    );
    assert.deepEqual(
      (await client.scope('Gradients')).slice(0, 2).map(({ name }) => name),
      ['grad(f)', 'grad(i)'],
    );
    const [weight] = await client.scope('Parameters');
    assert.match(weight!.value, /^\[4, 4\] mean \.47, 0 … \.94 /);
    const { variables: rows } = await client.ask('variables', {
      variablesReference: weight!.variablesReference,
      filter: 'indexed',
      start: 1,
      count: 2,
    });
    assert.deepEqual(
      rows.map(({ name, indexedVariables }: DebugProtocol.Variable) => [name, indexedVariables]),
      [
        ['[1]', 4],
        ['[2]', 4],
      ],
    );
    const { variables } = await client.ask('variables', {
      variablesReference: gates[0]!.variablesReference,
      filter: 'indexed',
      start: 2,
      count: 1,
    });
    assert.deepEqual(
      variables.map(({ name, value, evaluateName }: DebugProtocol.Variable) => [name, Number(value), evaluateName]),
      [['[2]', Number(f[2]!.toFixed(2)), 'f[2]']],
    );
    const [input] = await client.scope('Inputs', 2);
    assert.match(input!.value, /^'.?', class -?[\d.]+$/);
    assert.deepEqual(
      (await client.scope('Values', 2)).map(({ name, value }) => `${name}: ${/not yet computed/.test(value)}`),
      ['x: false', 'h: true', 'logits: true', 'loss: true'],
    );
  });

  it('says what scores predict, and names their elements', async () => {
    const scores: Formula = (address, t, unit) => (address.line === 'logits' ? Math.log([1, 2, 10, 4, 3][unit]!) : waves(address, t, unit));
    const { client } = await open({ made: { calls: LSTM_CALLS, size: 5 }, formula: scores });
    await client.start();
    await client.go('continue');
    const logits = (await client.scope('Values')).find(({ name }) => name === 'logits')!;
    assert.match(logits.value, / → 'c' 50 %, 'd' 20 %, 'e' 15 %$/);
    assert.match(await client.evaluate('logits'), / → 'c' 50 %, 'd' 20 %, 'e' 15 %$/);
    const { variables } = await client.ask('variables', { variablesReference: logits.variablesReference });
    assert.deepEqual(
      variables.map(({ name, value }: DebugProtocol.Variable) => `${name} ${value}`),
      ["[0] 'a' 0", "[1] 'b' .69", "[2] 'c' 2.30", "[3] 'd' 1.39", "[4] 'e' 1.10"],
    );
    const { values } = await client.ask('unroll/inlineValues');
    const line = lineOf(LSTM, 'logits = linear') - 1;
    assert.match(
      values.find(({ range }: { range: { start: { line: number } } }) => range.start.line === line).text,
      /^[\d.]+ [▁-█]{4} → 'c' 50 %$/,
    );
  });

  it('pages the elements of a large tensor', async () => {
    const { client } = await open({ made: { calls: LSTM_CALLS, size: 250 } });
    await client.start();
    const [, h] = await client.scope('Values');
    assert.equal(h!.indexedVariables, 250);
    const page = async (start: number): Promise<string[]> =>
      (await client.ask('variables', { variablesReference: h!.variablesReference, filter: 'indexed', start, count: 100 })).variables.map(
        ({ name }: DebugProtocol.Variable) => name,
      );
    assert.deepEqual(
      [(await page(0)).length, (await page(100))[0], (await page(200)).length, (await page(200)).at(-1)],
      [100, '[100]', 50, '[249]'],
    );
  });

  it('hover and watch evaluate expressions; what is wrong is said in place', async () => {
    const { client } = await open();
    await client.start();
    await client.go('unroll/goto', { t: 5 });
    await client.go('stepIn');
    assert.match(await client.evaluate('f', 1, 'hover'), /^\[4\] mean /);
    assert.match(await client.evaluate("c'", 1, 'hover'), /\(of t = 4, not yet computed\)$/);
    assert.equal(await client.evaluate('t'), '5');
    assert.equal(await client.evaluate('token'), 'r');
    assert.equal(await client.evaluate('at(h.f, 3)[1] == h.f[1]', 2), '0');
    const refused = async (expression: string): Promise<string> =>
      (await client.request('evaluate', { expression, frameId: 1, context: 'watch' })).body.error.variables.message;
    assert.equal(await refused('ff'), 'Nothing is called ff here.');
    assert.equal(await refused('logit'), 'Nothing is called logit here. Did you mean logits?');
    assert.match(await refused('mean(f'), /\S/);
    assert.equal(
      await refused('linear(f, 3)'),
      'linear cannot be called here: a watch computes with values of the trace, and calls no cells.',
    );
    assert.equal(await refused('at(f, 100)'), 'There is no timestep 100: t goes from 0 to 99.');
  });

  it('a hover means the cell that it is in, whichever frame is chosen', async () => {
    const { client } = await open();
    await client.start();
    for (const move of ['next', 'stepIn', 'next']) await client.go(move);
    const hover = async (expression: string, line: number): Promise<string> =>
      (await client.ask('evaluate', { expression, frameId: 1, context: 'hover', source: SOURCE, line })).result;
    assert.match(await hover('h', lineOf(LSTM, 'h      = lstm')), /\(of t = 0, not yet computed\)$/);
    assert.doesNotMatch(await hover('h', F), /not yet computed/);
    assert.match(await hover('y', lineOf(LSTM, 'y = W @ x')), /\(of t = 0, not yet computed\)$/);
  });

  it('starts again, from the beginning of a frame or of the sequence', async () => {
    const { client } = await open();
    await client.start();
    for (const move of ['next', 'stepIn', 'next', 'next']) await client.go(move);
    assert.match(await client.go('restartFrame', { frameId: 1 }), /^goto: lstm\.f {2}t = 1/);
    assert.match(await client.go('restart'), /^entry: Shakespeare\.h {2}t = 0/);
    const { sources } = await client.ask('loadedSources');
    assert.deepEqual(sources, [{ name: 'model.rnn', path: '/m/model.rnn' }]);
  });

  it('a pause ends a search where it began', async () => {
    const { client } = await open({ steps: 50_000, made: { calls: LSTM_CALLS, size: 16 } });
    await breakAt(client, [{ line: F, condition: 'mean(f) > 2' }]);
    await client.start();
    await client.ask('continue', { threadId: 1 });
    await client.ask('pause', { threadId: 1 });
    assert.match(await client.stopped(), /^pause: Shakespeare\.h {2}t = 0/);
  });

  it('completes names, fields and functions', async () => {
    const { client } = await open();
    await client.start();
    const complete = async (text: string): Promise<string[]> =>
      (await client.ask('completions', { text, column: text.length + 1, frameId: 1 })).targets.map(
        ({ label }: DebugProtocol.CompletionItem) => label,
      );
    assert.deepEqual(await complete('mean(lo'), ['logits', 'loss', 'log']);
    assert.deepEqual(await complete('h.'), ['f', 'i', 'g', 'o', "c'", "h'", 'x', 'W_f']);
  });

  it('jumps to a line and a timestep', async () => {
    const { client } = await open();
    await client.start();
    await client.go('unroll/goto', { t: 30 });
    const { targets } = await client.ask('gotoTargets', { source: SOURCE, line: F });
    assert.deepEqual(
      targets.map(({ label }: { label: string }) => label),
      ['lstm.f at t = 30', 'lstm.f at t = 0', 'lstm.f at t = 99'],
    );
    assert.match(await client.go('goto', { targetId: 2 }), /^goto: lstm\.f {2}t = 99/);
    assert.match(await client.go('restartFrame', { frameId: 2 }), /^goto: Shakespeare\.x {2}t = 0/);
  });

  it('tells views where it stands, and goes where they say', async () => {
    const { client, session } = await open();
    const seen: string[] = [];
    const forget = session.onDidStop(({ t, instance, line, reason }) => seen.push(`${reason} ${instance}/${line} ${t}`));
    await client.start();
    await session.goto(40);
    await client.stopped();
    forget();
    await client.go('next');
    assert.deepEqual(seen, ['entry /h 0', 'goto /h 40']);
    assert.deepEqual([session.standing?.t, session.trace?.description.steps], [41, 100]);
    const positions = client.events.filter(({ event }) => event === 'unroll/position').map(({ body }) => body.t);
    assert.deepEqual(positions, [0, 40, 41]);
    const states = client.events.map(({ event }) => event).filter((event) => event === 'stopped' || event === 'continued');
    assert.deepEqual(states, ['stopped', 'continued', 'stopped', 'continued', 'stopped']);
  });

  it('gives a short text for each line of the cells on the stack', async () => {
    const { client } = await open();
    await client.start();
    for (const move of ['next', 'stepIn', 'next']) await client.go(move);
    const { values } = await client.ask('unroll/inlineValues');
    const shown = values.map(({ range, text }: { range: { start: { line: number } }; text: string }) => `${range.start.line + 1} ${text}`);
    assert.equal(shown.length, 10);
    assert.match(shown[0], new RegExp(`^${F} [−\\d.]+ [▁-█]{4}$`));
    assert.match(shown[2], new RegExp(`^${F + 2} [−\\d.]+ [▁-█]{4} \\(t = 0\\)$`));
  });

  it('stops at the first value that is not finite', async () => {
    const broken: Formula = (address, t, unit) =>
      t >= 7 && address.instance === 'h' && /[gch]/.test(address.line) && unit === 2 ? Number.NaN : waves(address, t, unit);
    const { client } = await open({ formula: broken });
    await client.ask('setExceptionBreakpoints', { filters: ['nonFinite'] });
    await client.start();
    assert.match(await client.go('continue'), /^h\.g\[2\] is NaN at t = 7\.: lstm\.g {2}t = 7/);
    assert.equal((await client.ask('exceptionInfo', { threadId: 1 })).description, 'h.g[2] is NaN at t = 7.');
  });

  it('stops where the gradient has vanished, and where a gate saturates', async () => {
    const shut: Formula = (address, t, unit) => (address.line === 'f' ? (t > 20 ? 0.01 : 0.5) : waves(address, t, unit));
    const { client } = await open({ formula: shut });
    await client.start();
    await client.ask('setExceptionBreakpoints', { filters: ['saturated'] });
    assert.match(
      await client.go('continue'),
      /^h\.f is saturated at t = 21: 100 % of its units are below \.1, 0 % above \.9\.: lstm\.f {2}t = 21/,
    );
    await client.ask('setExceptionBreakpoints', { filters: ['vanished'] });
    assert.match(await client.go('continue'), /^The gradient with respect to h\.[hc]' has vanished: \d.*e−\d+ at t = 3\d/);
  });

  it('shows other gradients when their objective changes, whoever changes it', async () => {
    const { client, session } = await open();
    const asked: unknown[] = [];
    session.onDidChangeObjective((objective) => asked.push(objective));
    await client.start();
    await client.go('continue');
    const gradient = async (): Promise<number> => Math.round(Number(await client.evaluate('grad(h)[0] - h[0]')));
    assert.equal(await gradient(), 0);
    await client.ask('unroll/objective', { objective: { kind: 'lossAt', t: 3 } });
    assert.deepEqual((await client.event('invalidated')).areas, ['variables']);
    assert.equal(await gradient(), 3);
    await session.trace!.differentiate({ kind: 'lossAt', t: 5 });
    assert.deepEqual((await client.event('invalidated')).areas, ['variables']);
    assert.equal(await gradient(), 5);
    assert.deepEqual(asked, [{ kind: 'lossAt', t: 3 }]);
    await assert.rejects(client.ask('unroll/objective'), /takes \{ objective \}/);
  });

  it('asks the trace once a window, not once a step', async () => {
    const { client, trace } = await open({ steps: 4000, made: { calls: LSTM_CALLS, size: 16 } });
    await breakAt(client, [{ line: F, condition: 'mean(f) > 2' }]);
    await client.start();
    await client.go('continue');
    assert.ok(trace.requests.length < 20, String(trace.requests.length));
  });

  it('has the line that made a part below its frames, without values', async () => {
    const trace = new FormulaTrace(described(LSTM, 100, { calls: LSTM_CALLS }), waves);
    const asked: string[] = [];
    const { client } = connect({
      openTrace: async () => trace,
      readSource: async () => '',
      origin: (instance) => {
        asked.push(instance);
        return { name: 'net.py:6', uri: 'file:///w/net.py', line: 5 };
      },
    });
    await client.launch();
    await client.start();
    await client.go('stepIn');
    const { stackFrames, totalFrames } = await client.ask('stackTrace', { threadId: 1 });
    assert.equal(totalFrames, stackFrames.length);
    const { id, name, line, source } = stackFrames.at(-1);
    assert.deepEqual([name, line, source.path], ['net.py:6', 6, '/w/net.py']);
    assert.ok(
      asked.every((path) => path === asked[0]),
      asked.join(),
    );
    assert.deepEqual((await client.ask('scopes', { frameId: id })).scopes, []);
    // What is watched is seen from the model then.
    const { result } = await client.ask('evaluate', { expression: 't', frameId: id, context: 'watch' });
    assert.equal(result, '0');
  });

  describe('what goes wrong', () => {
    it('a launch without a model, or with words that mean nothing, is refused with what to change', async () => {
      const { client } = connect({ openTrace: async () => assert.fail(), readSource: async () => '' });
      await client.ask('initialize', { adapterID: 'unroll', pathFormat: 'path' });
      await assert.rejects(client.ask('launch', {}), /names no model: set "program" to a \.rnn or an \.onnx file/);
      await assert.rejects(client.ask('launch', { program: 'm.rnn', data: { part: 'test' } }), /"data" in the launch configuration is/);
      await assert.rejects(client.ask('next', { threadId: 1 }), /No sequence is being debugged/);
    });

    it('a trace that cannot be opened says why', async () => {
      const { client } = connect({
        openTrace: async () => {
          throw new Error('No run of Shakespeare yet: train it first.');
        },
        readSource: async () => '',
      });
      await client.ask('initialize', { adapterID: 'unroll', pathFormat: 'path' });
      await assert.rejects(client.ask('launch', { program: 'm.rnn' }), /^Error: No run of Shakespeare yet: train it first\.$/);
    });

    it('a trace that is lost ends the session, and says so', async () => {
      const { client, trace } = await open({ steps: 5000, made: { calls: LSTM_CALLS, size: 64 } });
      await client.start();
      trace.fail = Object.assign(new Error('The tracing process was ended by signal SIGKILL.'), { code: 'engine-died' });
      await breakAt(client, [{ line: F, condition: 'at(f, 4000)[0] > 2' }]);
      await client.event('terminated');
      assert.equal(
        client.output('stderr'),
        'The tracing process was ended by signal SIGKILL.\nThe session ends here. Start it again to go on.\n',
      );
      assert.equal(trace.closed, true);
      await assert.rejects(client.ask('next', { threadId: 1 }), /No sequence is being debugged/);
    });

    it('a value that cannot be read is said in place, and the session goes on', async () => {
      const { client, trace } = await open({ steps: 5000, made: { calls: LSTM_CALLS, size: 64 } });
      await client.start();
      trace.fail = new Error('No memory is left.');
      await assert.rejects(client.evaluate('at(h.f, 4000)'), /^Error: No memory is left\.$/);
      await breakAt(client, [{ line: F, condition: 'at(f, 3000)[0] > 2' }]);
      assert.equal((await client.event('breakpoint')).breakpoint.message, 'No memory is left.');
      assert.match(await client.go('continue'), /^No memory is left\.: Shakespeare\.h {2}t = 0/);
      trace.fail = undefined;
      assert.match(await client.evaluate('at(h.f, 4000)'), /^\[64\] mean /);
    });

    it('a frame that is gone is refused', async () => {
      const { client } = await open();
      await client.start();
      await assert.rejects(client.ask('scopes', { frameId: 7 }), /This frame is gone/);
    });
  });

  it('ends its process when the client disconnects', async function () {
    this.timeout(20_000);
    const { client, ended } = spawnAdapter(fileURLToPath(new URL('formula-adapter.ts', import.meta.url)));
    await client.launch();
    assert.match(await client.start(), /^entry: Shakespeare\.h/);
    assert.match(await client.go('next'), /^Shakespeare\.h {2}t = 1/);
    await client.ask('disconnect');
    assert.equal(await ended, 0);
  });
});
