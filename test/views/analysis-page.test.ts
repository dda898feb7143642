// The page of an analysis: what stands first, what leads where, what is said where there is nothing.

import assert from 'node:assert/strict';
import { requested, settingFault, usualSettings } from '../../src/views/analysis-settings.ts';
import { progressText } from '../../src/views/pages/analysis-page.ts';
import { analysisPages } from './analysis-pages.ts';

const textOf = (html: string): string =>
  html
    .replace(/<svg[\s\S]*?<\/svg>/g, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();

describe('the page of an analysis', function () {
  this.timeout(30_000);
  let pages: Readonly<Record<string, string>>;
  before(async () => {
    pages = await analysisPages();
  });

  it('has settings, then the verdict, then what it stands on', () => {
    const text = textOf(pages.analysis!);
    assert.match(text, /^weights the newest: step 60 before training sequences steps needed lag forgotten below Recompute Save Report…/);
    assert.match(
      text,
      /Memory of Model · step &lt;60&gt; Verdict ⚠ .* Gradient by lag in h .* Where it is lost .* Jacobian of a step .* Gates and units/,
    );
    assert.match(
      text,
      /To study besides .* What the state still tells Compute .* It has no &lt;loss&gt;\. .*How this was measured 6 sequences of up to 40 steps/,
    );
    assert.match(text, /It is being trained, and is at step 80\./);
  });

  it('leads to lines and timesteps, with data that says which', () => {
    const places = [
      ...pages.analysis!.matchAll(/data-action="place" data-uri="([^"]*)" data-line="(\d+)" data-column="\d+"[^>]*>([^<]*)</g),
    ];
    assert.ok(places.length > 4);
    for (const [, uri, line, text] of places)
      assert.ok(uri!.endsWith('recurrent.rnn') && text === `recurrent.rnn, line ${Number(line) + 1}`, text);
    const steps = [...pages.analysis!.matchAll(/data-action="step" data-layer="h" data-t="(\d+)"[^>]*>t = (\d+)</g)];
    assert.ok(steps.length > 4 && steps.every(([, t, text]) => t === text));
    assert.doesNotMatch(pages.analysis!, /<script|<60>|Model-<1>|<loss>/);
  });

  it('of several layers has a section for each', () => {
    assert.match(textOf(pages['analysis-layers']!), /h\[0\] gru: .* h\[1\] gru: /);
  });

  it('says that it computes, with a way to give it up, above what was there before', () => {
    const busy = pages['analysis-busy']!;
    assert.match(textOf(busy), /The memory of Model-&lt;1&gt; is computed … Cancel .*Verdict/);
    assert.match(busy, /<progress max="1" value="0" aria-label="The memory of Model-&lt;1&gt; is computed">/);
    assert.match(busy, /class="stale" aria-busy="true"/);
    // What would disturb it is off.
    assert.match(busy, /data-action="save" disabled/);
    assert.match(busy, /data-study="probes"[^>]* disabled/);
    assert.match(textOf(pages['analysis-new']!), /Cancel Memory of Model-&lt;1&gt;$/);
  });

  it('says what to do where there is nothing to show', () => {
    assert.match(
      textOf(pages['analysis-cancelled']!),
      /Compute Save Report… Memory of Model-&lt;1&gt; Nothing has been computed yet: press Compute\.$/,
    );
    assert.match(
      textOf(pages['analysis-failed']!),
      /Memory of Model-&lt;1&gt; The memory of Model-&lt;1&gt; could not be computed &lt;Model&gt; has no checkpoint\. Look at It as It Started$/,
    );
    const untrusted = pages['analysis-untrusted']!;
    assert.match(textOf(untrusted), /restricted mode .* trust the folder/);
    assert.match(untrusted, /data-action="again" disabled/);
    const fault = pages['analysis-fault']!;
    assert.match(fault, /data-setting="length" value="1" placeholder="" aria-invalid="true"/);
    assert.match(fault, /role="alert">Steps: from 2 on, not “1”\./);
    assert.match(pages['analysis-onnx']!, /data-action="input" title="It ran on random numbers"/);
  });

  it('says how far it is, and how long it takes once that can be told', () => {
    assert.equal(progressText(0.02, 3), '2 %');
    assert.equal(progressText(0.25, 10), '25 %, 30 s left');
    assert.equal(progressText(0.9, 0.5), '90 %');
  });
});

describe('settings of an analysis', () => {
  it('are judged as they are typed', () => {
    const wrong = [
      ['sequences', '0'],
      ['sequences', 'x'],
      ['length', '1'],
      ['length', ''],
      ['needs', '-3'],
      ['threshold', '1'],
      ['threshold', 'e'],
    ] as const;
    for (const [name, text] of wrong) assert.match(settingFault(name, text) ?? '', /not “/, `${name} ${text}`);
    for (const [name, text] of Object.entries(usualSettings))
      assert.equal(settingFault(name as keyof typeof usualSettings, text), undefined);
  });

  it('become a request, without the lag where none is given', () => {
    assert.deepEqual(requested(usualSettings), { sequences: 16, length: 100, threshold: 0.001 });
    assert.deepEqual(requested({ ...usualSettings, needs: ' 40 ', threshold: '1e-2' }), {
      sequences: 16,
      length: 100,
      threshold: 0.01,
      needs: 40,
    });
  });
});
