// Conversations: what is kept of them, what their panel says and how its fields are read.

import assert from 'node:assert/strict';
import type { WrittenRow } from '../../src/training/decoding/write.ts';
import {
  begun,
  type Conversation,
  cleared,
  fieldsOf,
  lookedAt,
  MOST_TURNS,
  nothingSaid,
  replied,
  restored,
  settingsOf,
  transcript,
} from '../../src/views/conversation.ts';
import { conversesIn } from '../../src/views/converses.ts';
import { chatDocument } from '../../src/views/pages/chat-document.ts';
import { settingsText } from '../../src/views/pages/chat-page.ts';
import { chat } from './pages.ts';

const usual = { search: { kind: 'sample', temperature: 0.7, topK: 40 }, length: 12 } as const;
const textOf = (html: string): string =>
  html
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();

describe('a conversation that is kept', () => {
  it('goes on turn by turn, and from where it was left', () => {
    let talk: Conversation = begun(nothingSaid, 'hi', usual);
    talk = replied(talk, 0, { text: 'hello', ids: [3], ended: true, state: 'done' });
    talk = begun(talk, 'and?', { ...usual, length: 3 });
    talk = replied(talk, 1, { text: 'so', ids: [4] });
    const again = restored(JSON.parse(JSON.stringify(talk)));
    assert.deepEqual(
      again.turns.map(({ said, reply: { text, state, length } }) => [said, text, state, length]),
      [
        ['hi', 'hello', 'done', 12],
        ['and?', 'so', 'stopped', 3],
      ],
    );
    assert.equal(
      transcript(again, 'chat', 'Chat-1'),
      '[Chat-1: sample(temperature: 0.7, top_k: 40), at most 12 tokens]\n\nYou: hi\nChat-1: hello\n\n' +
        '[Chat-1: sample(temperature: 0.7, top_k: 40), at most 3 tokens]\n\nYou: and?\nChat-1: so\n[Stopped.]\n',
    );
    assert.match(transcript(again, 'translation', 'French-2'), /\nSource: hi\nTranslation: hello\n/);
    assert.deepEqual(cleared({ ...again, own: usual }), { turns: [], count: 0, own: usual });
    assert.deepEqual(restored(undefined), nothingSaid);
  });

  it('keeps the last turns only, each under its own number', () => {
    let talk: Conversation = nothingSaid;
    for (let k = 0; k < MOST_TURNS + 5; k += 1) talk = begun(talk, `${k}`, usual);
    assert.deepEqual([talk.turns.length, talk.turns[0]!.id, talk.turns.at(-1)!.id], [MOST_TURNS, 5, MOST_TURNS + 4]);
  });

  it('says where a reply looked, over all heads', () => {
    const row = { tokens: ['ja'], source: ['do', 'you', 'see', '?'], attention: { w: { shape: [2, 2, 4], data: new Float32Array(16) } } };
    row.attention.w.data.set([1, 0, 0, 0, 0, 0.5, 0.5, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
    const [first, end] = lookedAt(row as unknown as WrittenRow);
    assert.deepEqual(first, {
      token: 'ja',
      at: [
        { word: 'do', weight: 0.5 },
        { word: 'you', weight: 0.25 },
        { word: 'see', weight: 0.25 },
      ],
    });
    assert.deepEqual([end!.token, end!.at[0]], ['‹end›', { word: '?', weight: 1 }]);
    assert.deepEqual(lookedAt({ ...row, attention: {} } as unknown as WrittenRow), []);
  });

  it('reads the fields of its panel as it fills them, and says what is wrong with one', () => {
    for (const settings of [
      usual,
      { search: { kind: 'greedy' }, length: 3 },
      { search: { kind: 'beam', width: 4, penalty: 0.6 }, length: 9 },
      { search: { kind: 'sample', temperature: 1.5, topP: 0.9 }, length: 1 },
    ] as const)
      assert.deepEqual(settingsOf(fieldsOf(settings)), settings);
    assert.deepEqual(settingsOf({ search: 'sample', temperature: '', topK: ' ', length: '' }), {
      search: { kind: 'sample', temperature: 1 },
      length: 200,
    });
    const fault = (fields: object): string => (settingsOf({ search: 'sample', ...fields }) as { fault: string }).fault;
    assert.match(fault({ temperature: '0' }), /temperature is a number above 0, not 0/);
    assert.match(fault({ topP: '1.2' }), /top_p is .* at most 1, not 1\.2/);
    assert.match(fault({ topK: '1.5' }), /top_k is a whole number/);
    assert.match(fault({ length: 'x' }), /length is a whole number from 1 to 10000, not x/);
    assert.match(fault({ search: 'beam', width: '101' }), /width of a beam .* 100, not 101/);
    // What stands in a field that is not shown does no harm.
    assert.deepEqual(settingsOf({ search: 'greedy', temperature: 'warm', length: '5' }), { search: { kind: 'greedy' }, length: 5 });
    assert.equal(settingsText(usual, usual), 'sample(temperature: 0.7, top_k: 40), at most 12 tokens');
    assert.match(settingsText({ ...usual, length: 5 }, usual), /at most 5 tokens \(changed here\)$/);
  });
});

describe('the panel of a conversation', () => {
  const [whole, cut, failed, stopped, writing] = chat.turns.map(({ html }) => html);

  it('shows each turn as what it is', () => {
    assert.equal(
      textOf(whole!),
      'You Do you have a red cat? Chat-1 yes, i have a red cat. Debug this reply Where it looked yes you 61 % do 30 % &lt;red&gt; red 97 % a 2 % sample(temperature: 0.7, top_k: 40), at most 12 tokens',
    );
    assert.match(textOf(cut!), /Cut at its length, 12 tokens\. Debug this reply/);
    assert.match(textOf(failed!), /The model has never seen &quot;well&quot;\.$/);
    assert.match(textOf(stopped!), /the Stopped\. Debug this reply/);
    assert.match(writing!, /the cat<span class="caret"/);
    assert.ok([failed, writing].every((html) => !html!.includes('data-action="debug"')));
  });

  it('marks what is unknown, and nothing else; takes nothing for markup', () => {
    assert.match(textOf(cut!), /And a purplecat\? Unknown to the model: purple , &lt;/);
    assert.equal(
      cut!.match(/title="Unknown to the model">([^<]*)</g)?.join(),
      ['&lt;', 'Purple'].map((word) => `title="Unknown to the model">${word}<`).join(),
    );
    assert.ok(chat.empty.includes('data-text="Where is the &lt;dog&gt;?"'));
  });

  it('loads nothing, and has one script', () => {
    const document = chatDocument(chat.frame);
    assert.match(document, /default-src 'none'/);
    assert.equal(document.match(/<script/g)?.length, 1);
    const script = /<script nonce="[0-9a-f]+">([\s\S]*)<\/script>/.exec(document)![1]!;
    assert.doesNotThrow(() => new Function(script));
    assert.ok(!/https?:|fetch\(|XMLHttpRequest|WebSocket/.test(document));
  });
});

describe('models that one talks to', () => {
  it('are told by their data', () => {
    const source = `/* train A on talk */
data talk = dialogue("a.txt", by: word)  // data fr = dialogue(
data fr = pairs(
  "eng-fra.tsv")
data when = dates(100)
data book = text("b.txt", by: char)
train A on talk { epochs: 1 }
train B on fr { }
train C(unit: [gru, lstm]) on when {}
train D on book {}
train D on talk {}
`;
    const kinds = ['A', 'B', 'C', 'D', 'E'].map((model) => conversesIn(source, model));
    assert.deepEqual(kinds, ['chat', 'translation', 'translation', 'chat', undefined]);
  });
});
