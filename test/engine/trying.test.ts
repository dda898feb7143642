// Repairs on trial: what is said of them is what the numbers say, on both sides of a change that is known to help or to harm.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { analyseModel } from '../../src/engine/analysing.ts';
import { openModelJob, openRewritable } from '../../src/engine/job.ts';
import { tryRepairs } from '../../src/engine/trying.ts';
import { rewritten } from '../../src/language/rewrite/rewrite.ts';
import { triedHtml, triedText } from '../../src/report/repair.ts';
import { createRuntime } from '../../src/runtime/onnxruntime.ts';
import type { Change, Repair, Tried, Verdict } from '../../src/shared/analysis.ts';
import { lineEdits } from '../../src/shared/edits.ts';

const runtime = createRuntime();
let folder: string;
const path = (name: string): string => join(folder, name);

const cell = (start: string, activation = 'tanh'): string => `cell keeps(x: [I], size H) {
  state h: [H]
  param W: [H, I], U: [H, H]${start.startsWith('U') ? ` = ${start.slice(2)}` : ''}, b: [H]${start.startsWith('U') ? '' : ` = ${start}`}

  ${start.startsWith('U') ? `h' = ${activation}(W @ x + U @ h + b)` : "z  = sigmoid(W @ x + U @ h + b)\n  h' = z * h + (1 - z) * tanh(W @ x)"}
}

model Sum(x: [T, 2], total: [1]) {
  h    = keeps(x, 12)
  y    = linear(last(h), 1)
  loss = mse(y, total)
}

data sums = adding(length: 40, seed: 1)

train Sum on sums { steps: 10, batch: 8, optimizer: sgd(0.01) }
`;

/** A change of a file as a repair. */
async function repairOf(name: string, kind: Repair['kind'], change: Change): Promise<Repair> {
  const file = path(name);
  const source = await openRewritable(file, {}, (await openModelJob(file)).data);
  const texts = (await rewritten(source, change))!;
  return {
    kind,
    text: kind,
    title: kind,
    change,
    edits: [...texts].flatMap(([uri, text]) => lineEdits(source.program.main.text, text, uri)),
  };
}

const start = (weight: string, value: string): Change => ({ kind: 'start', weight, start: value, comment: '' });

async function tried(
  name: string,
  repair: Repair,
  more: { readonly against?: Verdict['kind']; readonly sequences?: number; readonly train?: number } = {},
): Promise<Tried> {
  const { against = 'vanishing', ...options } = more;
  const [found] = await tryRepairs(
    { source: { kind: 'file', file: path(name) }, repairs: [{ repair, against, layer: 'h' }], needs: 20, length: 40, ...options },
    runtime,
  );
  return found!;
}

describe('a repair on trial', function () {
  this.timeout(120_000);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unroll-trying-'));
    await writeFile(path('gate.rnn'), cell('0'));
    await writeFile(path('loud.rnn'), cell('U normal(0.5)', 'relu'));
    await writeFile(path('some.txt'), 'the cat sat on the mat, and the dog on the log. '.repeat(60));
    await writeFile(
      path('text.rnn'),
      `model Text(input: [T] of Char) {\n  h      = rnn(embed(input, 8), 12)\n  logits = linear(h, Char)\n  loss   = cross_entropy(logits, next(input))\n}\n\ndata some = text("some.txt", by: char)\n\ntrain Text on some { steps: 30, batch: 4, window: 64, optimizer: adam(0.01) }\n`,
    );
  });
  after(() => rm(folder, { recursive: true }));

  it('helps where the horizon grows beyond its interval, and leaves the file alone', async () => {
    const analysis = await analyseModel({ source: { kind: 'file', file: path('gate.rnn') }, needs: 20, length: 40 }, runtime);
    const [verdict] = analysis.verdicts;
    const [repair] = verdict!.repairs;
    assert.deepEqual([verdict!.kind, repair!.kind], ['vanishing', 'forget bias']);
    // The half-lives of the title: of the mean gate that was measured, and of sigmoid(b) = exp(-1/20).
    assert.match(repair!.title!, /^Start b at 2\.97 \(half-life \d\.\d+ → 13\.9 steps\)$/);
    const found = await tried('gate.rnn', repair!);
    assert.equal(found.outcome, 'helps', found.text);
    assert.match(found.text, /^Helps: the memory of h grows from \d+ steps .* to at least 39 steps, and 20 are needed\.$/);
    assert.equal(found.after.verdicts[0]!.kind, 'sound');
    assert.deepEqual([found.before.sequences, found.before.seed], [found.after.sequences, found.after.seed]);
    assert.equal(await readFile(path('gate.rnn'), 'utf8'), cell('0'));
    // What was analysed first is what stands before.
    assert.deepEqual(found.before.layers[0]!.curves[0]!.mean, analysis.layers[0]!.curves[0]!.mean);
  });

  it('does not help where it harms, and is unclear of few sequences', async () => {
    const shuts = await repairOf('gate.rnn', 'forget bias', start('h.b', '-3'));
    const harmed = await tried('gate.rnn', shuts);
    assert.equal(harmed.outcome, 'does not help', harmed.text);
    assert.match(harmed.text, /^Does not help: the memory of h goes from /);
    const opens = await repairOf('gate.rnn', 'forget bias', start('h.b', '3'));
    const few = await tried('gate.rnn', opens, { sequences: 1 });
    assert.equal(few.outcome, 'unclear', few.text);
  });

  it('of an exploding gradient is judged by the gradient, with what comes instead', async () => {
    const found = await tried('loud.rnn', await repairOf('loud.rnn', 'orthogonal', start('h.U', 'orthogonal')), { against: 'exploding' });
    assert.equal(found.outcome, 'helps', found.text);
    assert.match(found.text, /^Helps: the largest gradient of h falls from \S+ .*; but it vanishes now, within /);
    const louder = await tried('loud.rnn', await repairOf('loud.rnn', 'orthogonal', start('h.U', 'normal(0.9)')), { against: 'exploding' });
    assert.equal(louder.outcome, 'does not help', louder.text);
  });

  it('of clipping trains both sides, and says where nothing was clipped', async () => {
    const clips = await tried('loud.rnn', await repairOf('loud.rnn', 'clipping', { kind: 'setting', name: 'clip', value: '1' }), {
      against: 'exploding',
      train: 12,
    });
    assert.equal(clips.outcome, 'helps', clips.text);
    assert.match(clips.training!.before.failed!, /NaN|infinite|Inf/);
    assert.equal(clips.training!.after.steps, 12);
    const never = await tried('gate.rnn', await repairOf('gate.rnn', 'clipping', { kind: 'setting', name: 'clip', value: '1e6' as '1' }), {
      train: 6,
    });
    assert.match(never.text, /^Does not help: in 6 steps nothing was clipped\./);
    // Without a clipped step both are the same training.
    assert.deepEqual(never.training!.before.loss, never.training!.after.loss);
  });

  it('of a window compares losses and times', async () => {
    const { verdicts } = await analyseModel({ source: { kind: 'file', file: path('text.rnn') }, needs: 40 }, runtime);
    const repair = verdicts[0]!.repairs.find(({ kind }) => kind === 'window')!;
    const { training, text, outcome } = await tried('text.rnn', repair, { train: 20 });
    const [before, after] = [training!.before, training!.after].map(({ validationLoss }) => validationLoss.at(-1)![1]) as [number, number];
    assert.match(text, /the validation loss after 20 steps goes from .* \(one seed\); a step takes /);
    if (after > 1.01 * before) assert.equal(outcome, 'does not help');
    else assert.notEqual(outcome, 'does not help');
  });

  it('is refused where the file has changed, or where there is nothing to try', async () => {
    const repair = await repairOf('gate.rnn', 'forget bias', start('h.b', '3'));
    await writeFile(path('gate.rnn'), cell('0').replace('b: [H] = 0', 'b: [H] = 0.5'));
    await assert.rejects(tried('gate.rnn', repair), /gate\.rnn has changed since it was analysed\. Analyse it again\./);
    await writeFile(path('gate.rnn'), cell('0'));
    await assert.rejects(tried('gate.rnn', { kind: 'advice', text: 'Look.' }), /cannot be tried, as it is no change of the source: Look\./);
    await assert.rejects(
      tryRepairs({ source: { kind: 'file', file: path('gate.rnn') }, repairs: [{ repair, against: 'vanishing' }] }, runtime, {
        signal: AbortSignal.abort(new Error('no longer')),
      }),
      /no longer/,
    );
  });

  it('stands on the page and in the text with both sides', async () => {
    const found = await tried('gate.rnn', await repairOf('gate.rnn', 'forget bias', start('h.b', '3')));
    const page = triedHtml([{ ...found, repair: { ...found.repair, title: '<b>' } }]);
    assert.doesNotMatch(page, /<b>|<script/);
    assert.match(page, /<h2>Before and after<\/h2>/);
    assert.match(page, /- {3}param W: \[H, I\], U: \[H, H\], b: \[H\] = 0\n\+ {3}param W: \[H, I\], U: \[H, H\], b: \[H\] = 3/);
    assert.match(page, /before, h[\s\S]*after, h/);
    assert.match(triedText([found]), /before g\(k\) of h: 1: .*horizon [\s\S]*after {2}g\(k\) of h: 1: .*horizon at least 39 steps/);
    assert.equal(triedHtml([]), '');
  });
});
