// Conversations with a run: replies as they grow, given up, by another search; and what was written as a sequence to step through.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEngine } from '../../src/engine/client.ts';
import { OpenRuns } from '../../src/engine/open-runs.ts';
import type { GenerateRequest } from '../../src/engine/requests.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { writeChat } from './talk.ts';

describe('a conversation', function () {
  this.timeout(60_000);
  const engine = createEngine({ entry: fileURLToPath(new URL('../../src/engine/process.ts', import.meta.url)) });
  let folder: string;
  let run: string;
  const said = (text: string): Pick<GenerateRequest, 'sources'> => ({ sources: [{ kind: 'text', text }] });
  const written = async (request: Omit<GenerateRequest, 'run'>) => {
    const texts: string[] = [];
    const { rows } = await engine.request('generate', { run, ...request }, (event) => {
      if (event.name === 'written') texts.push(event.data.text);
    });
    return { row: rows[0]!, texts };
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'unroll-chat-'));
    run = (await engine.request('train', { file: writeChat(folder) })).folder;
  });
  after(async () => {
    await engine.dispose();
    rmSync(folder, { recursive: true });
  });

  it('says a reply as it grows, which is the reply that comes at once', async () => {
    const asked = said('Do you have a red cat?');
    const { row, texts } = await written({ ...asked, search: { kind: 'greedy' }, stream: true });
    assert.equal(row.text, 'yes, i have a red cat.');
    assert.ok(row.ended);
    assert.equal(texts[0], 'yes');
    assert.equal(texts.at(-1), row.text);
    assert.ok(texts.every((text, k) => k === 0 || text.startsWith(texts[k - 1]!)));
    const { row: atOnce, texts: none } = await written({ ...asked, search: { kind: 'greedy' } });
    assert.deepEqual([atOnce.text, none], [row.text, []]);
    const beam = await written({ ...asked, search: { kind: 'beam', width: 3, penalty: 0.6 }, stream: true });
    assert.equal(beam.row.text, row.text);
    assert.ok(beam.row.beam !== undefined && beam.texts.length > 3);
  });

  it('searches as it is told, the same by the same seed', async () => {
    const asked = { ...said('Where is the dog?'), search: { kind: 'sample', temperature: 8 } } as const;
    const replies = await Promise.all([1, 2, 3, 1].map(async (seed) => (await written({ ...asked, seed })).row.text));
    assert.equal(replies[0], replies[3]);
    assert.equal(new Set(replies).size, 3);
    const sure = await Promise.all(
      [1, 2, 3].map((seed) => written({ ...asked, search: { kind: 'sample', temperature: 8, topK: 1 }, seed })),
    );
    assert.equal(new Set(sure.map(({ row }) => row.text)).size, 1);
  });

  it('ends at its length', async () => {
    const asked = said('Do you have a red cat?');
    const { row } = await written({ ...asked, search: { kind: 'greedy' }, length: 3, stream: true });
    assert.deepEqual([row.text, row.ended], ['yes, i', false]);
  });

  it('tells what of a text is unknown, and what settings the source has', async () => {
    const { row } = await written(said('Do you have a purple cat, or a purple yak?'));
    assert.deepEqual(row.unknown, ['purple', 'or', 'yak']);
    assert.deepEqual((await written(said('Where is the dog?'))).row.unknown, []);
    const { name, settings, examples, isClass } = await engine.request('sourceOf', { run, examples: false });
    assert.deepEqual([name, isClass, examples], ['said', undefined, []]);
    assert.deepEqual(settings, { search: { kind: 'sample', temperature: 0.5, topK: 10 }, length: 12, prompt: '' });
    assert.ok((await engine.request('sourceOf', { run })).examples.length > 0);
  });

  it('is stepped through along the reply, with where it looked', async () => {
    const source = { kind: 'run', folder: run } as const;
    const typed = { kind: 'text', text: 'Where is the dog?', writes: 'The dog is by the door.' } as const;
    const trace = await engine.openTrace({ source, sequence: typed });
    const tokens = ['‹begin›', 'the', 'dog', 'is', 'by', 'the', 'door', '.', '‹end›'];
    assert.deepEqual(trace.description.tokens, tokens);
    const lines = trace.description.instances.flatMap(({ path, lines: own }) => own.map((line) => ({ path, ...line })));
    const [looked] = lines.filter(({ attention }) => attention === true);
    assert.deepEqual([looked!.path, looked!.name, looked!.perStep, looked!.shape], ['decoder', 'weights', true, [5]]);
    const address = { instance: 'decoder', line: 'weights' };
    const [weights] = await trace.read({ addresses: [address], from: 0, to: tokens.length });
    for (let t = 0; t < tokens.length; t += 1)
      assert.ok(Math.abs(weights!.subarray(t * 5, (t + 1) * 5).reduce((sum, each) => sum + each, 0) - 1) < 1e-5);
    // The debugger sees what the model did as it wrote: at each step what came to the reply's next token, the last of them ‹end›.
    const { row } = await written({ ...said(typed.text), search: { kind: 'greedy' }, attention: true });
    const same = await engine.openTrace({ source, sequence: { ...typed, writes: { ids: row.ids, ended: row.ended } } });
    const [again] = await same.read({ addresses: [address], from: 0, to: row.ids.length + 1 });
    const told = row.attention['decoder.weights']!.data;
    assert.equal(again!.length, told.length);
    assert.ok(again!.every((weight, k) => Math.abs(weight - told[k]!) < 1e-5));
    const cut = await engine.openTrace({ source, sequence: { ...typed, writes: { ids: row.ids.slice(0, 2), ended: false } } });
    assert.equal(cut.description.tokens.length, 3);
    for (const each of [trace, same, cut]) await each.close();
    await assert.rejects(engine.openTrace({ source, sequence: { ...typed, text: '' } }), /empty/);
  });
});

const textSource = `model Lines(input: [T] of Char) {
  logits = linear(gru(embed(input, 8), 8), Char)
  loss   = cross_entropy(logits, next(input))
}
data lines = text("talk.txt", by: char)
train Lines on lines { device: cpu, steps: 1, batch: 2, window: 8 }
`;

describe('runs that stay open', function () {
  this.timeout(60_000);
  const engine = createEngine({ entry: fileURLToPath(new URL('../../src/engine/process.ts', import.meta.url)) });
  let folder: string;
  const runs: string[] = [];
  let [opened, closed] = [0, 0];
  const counting = (): Runtime => {
    const runtime = createRuntime();
    return {
      ...runtime,
      devices: () => runtime.devices(),
      open: async (...given) => {
        const session = await runtime.open(...given);
        opened += 1;
        const release = session.release.bind(session);
        session.release = async () => {
          closed += 1;
          await release();
        };
        return session;
      },
    };
  };
  const settings = { search: { kind: 'greedy' }, length: 5, prompt: '' } as const;
  const write = (open: OpenRuns, run: string): Promise<unknown> => open.use(run, async (each) => each.writer(settings));

  const until = async (wanted: () => boolean): Promise<void> => {
    for (let tries = 0; tries < 200 && !wanted(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(wanted());
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'unroll-open-'));
    const first = (await engine.request('train', { file: writeChat(folder), epochs: 1 })).folder;
    for (const name of ['b', 'c']) cpSync(first, join(folder, 'runs', name), { recursive: true });
    runs.push(first, join(folder, 'runs', 'b'), join(folder, 'runs', 'c'));
  });
  beforeEach(() => {
    [opened, closed] = [0, 0];
  });
  after(async () => {
    await engine.dispose();
    rmSync(folder, { recursive: true });
  });

  it('open once, and anew with another checkpoint', async () => {
    const open = new OpenRuns(counting());
    await write(open, runs[0]!);
    const once = opened;
    assert.ok(once > 0);
    await write(open, runs[0]!);
    assert.equal(opened, once);
    const checkpoints = join(runs[0]!, 'checkpoints');
    const newest = (await readdir(checkpoints)).sort().at(-1)!;
    utimesSync(join(checkpoints, newest), new Date(), new Date(Date.now() + 5000));
    await write(open, runs[0]!);
    assert.deepEqual([opened, open.size], [2 * once, 1]);
    await until(() => closed === once);
  });

  it('are told to stop at any token', async () => {
    // A text has no end of its own.
    const { folder: run } = await engine.request('train', { file: writeChat(folder, textSource) });
    const request = { run, stream: true, length: 5000, search: { kind: 'greedy' } } as const;
    const abort = new AbortController();
    let heard = 0;
    const hear = (): void => {
      heard += 1;
      abort.abort();
    };
    await assert.rejects(engine.request('generate', request, hear, abort.signal), { code: 'cancelled' });
    assert.ok(heard > 0 && heard < 2500, `it went on for ${heard} tokens`);
  });

  it('close where there are others, but none that is at work', async () => {
    const open = new OpenRuns(counting());
    let done: () => void = () => undefined;
    let isAtWork = false;
    const work = open.use(runs[0]!, async (run) => {
      await run.writer(settings);
      isAtWork = true;
      await new Promise<void>((resolve) => {
        done = resolve;
      });
    });
    await until(() => isAtWork);
    for (const run of runs.slice(1)) await write(open, run);
    assert.deepEqual([open.size, closed], [2, 0]);
    done();
    await work;
    await until(() => closed === opened / 3);
    assert.equal(open.size, 2);
  });

  it('close after a while', async () => {
    const open = new OpenRuns(counting(), 50);
    await write(open, runs[0]!);
    await until(() => closed === opened && open.size === 0);
  });

  it('are not kept where they cannot be opened', async () => {
    const open = new OpenRuns(counting());
    await assert.rejects(write(open, join(folder, 'runs', 'none')), /is no run/);
    assert.equal(open.size, 0);
  });
});
