// The page of a conversation. What changes is made here as text, turn by turn; fields and keys stand still (chat-document.ts).

import { escaped } from '../../shared/chart.ts';
import { type GenerateSettings, searchText } from '../../shared/settings.ts';
import type { Converses } from '../../training/conversation.ts';
import { endingOf, type Looked, type Reply, type ReplySettings, sidesOf, type Turn } from '../conversation.ts';

/** Whom the conversation is with. */
export interface Partner {
  readonly kind: Converses;
  /** The run's name, and its model's. */
  readonly run: string;
  readonly model: string;
}

/** What stands still: header, fields, buttons. */
export function chatFrame({ kind, run, model }: Partner): string {
  const isChat = kind === 'chat';
  const title = `${isChat ? 'Chat' : 'Translate'} with ${run}`;
  const reads = isChat
    ? 'It reads what you say last, and nothing before that. All of this stays on this machine.'
    : 'Each text is read by itself. All of this stays on this machine.';
  const keys = 'Enter sends, Shift+Enter begins a line, Esc stops, ↑ and ↓ bring back what was said.';
  const number = (name: string, label: string, owner: string, attributes: string): string =>
    `<label${owner === '' ? '' : ` data-for="${owner}"`}>${label} <input name="${name}" inputmode="decimal" autocomplete="off" size="6" ${attributes}></label>`;
  return `<div class="chat">
<header><div><h1>${escaped(title)}</h1><p class="unit">${model === run ? '' : `Model ${escaped(model)}. `}${reads}</p></div>
<div class="actions" role="toolbar" aria-label="Conversation"><button type="button" data-action="copy">Copy</button><button type="button" data-action="save">Save…</button><button type="button" data-action="clear">Clear</button></div></header>
<div id="log" role="log" aria-live="off" aria-label="Conversation" tabindex="0"></div>
<p id="said" class="aside" role="status"></p>
<details id="settings"><summary></summary><div class="tools">
<label>Words are <select name="search"><option value="greedy">the likeliest (greedy)</option><option value="beam">searched (beam)</option><option value="sample">drawn (sample)</option></select></label>
${number('temperature', 'temperature', 'sample', 'placeholder="1"')}
${number('topK', 'top_k', 'sample', 'placeholder="all"')}
${number('topP', 'top_p', 'sample', 'placeholder="1"')}
${number('width', 'width', 'beam', 'placeholder="5"')}
${number('penalty', 'length penalty', 'beam', 'placeholder="0"')}
${number('length', 'at most tokens', '', 'placeholder="200"')}
<button type="button" data-action="reset">As the Source Says</button></div>
<p id="fault" class="failed" role="alert"></p></details>
<form id="composer"><textarea id="say" rows="2" aria-label="${isChat ? `What you say to ${escaped(run)}` : 'Text to translate'}" aria-describedby="keys" placeholder="${isChat ? 'Say something' : 'Type a text to translate'}"></textarea>
<div class="actions"><button type="submit" id="send" class="primary">${isChat ? 'Send' : 'Translate'}</button><button type="button" id="stop" data-action="stop" hidden>Stop</button></div></form>
<p id="keys" class="unit">${keys}</p></div>`;
}

/** What a conversation shows in which nothing has been said. */
export function emptyChat({ kind, run }: Partner, examples: readonly string[]): string {
  const what = kind === 'chat' ? `Nothing has been said to ${escaped(run)} yet.` : `Nothing has been translated by ${escaped(run)} yet.`;
  const list = examples
    .map((text) => `<li><button type="button" class="link" data-action="say" data-text="${escaped(text)}">${escaped(text)}</button></li>`)
    .join('');
  const offer = list === '' ? '' : `<p>From the data that it has not learned from:</p><ul>${list}</ul>`;
  return `<div class="empty"><p>${what} Words that it does not know are marked; every reply can be stepped through in the debugger.</p>${offer}</div>`;
}

/** A turn: what was said above, the reply below. */
export function turnHtml({ id, said, reply }: Turn, { kind, run }: Partner): string {
  const sides = sidesOf(kind, run);
  const unknown = reply.unknown.map((word) => `<span class="unknown">${escaped(word)}</span>`).join(', ');
  const strange = unknown === '' ? '' : `<p class="unit">Unknown to the model: ${unknown}</p>`;
  return `<section class="said"><h2>${escaped(sides.said)}</h2><p class="text">${marked(said, reply.unknown)}</p>${strange}</section>
<section class="reply"><h2>${escaped(sides.reply)}</h2>${replyText(reply)}${tools(id, reply, kind)}</section>`;
}

function replyText(reply: Reply): string {
  const { text, state } = reply;
  const shown = text === '' && state === 'done' ? '<span class="unit">(nothing)</span>' : escaped(text);
  const more = state === 'writing' ? '<span class="caret" aria-hidden="true"></span>' : '';
  const ending = endingOf(reply);
  const remark = ending === undefined ? '' : `<p class="${state === 'failed' ? 'failed' : 'unit'}">${escaped(ending)}</p>`;
  return `${text === '' && state === 'failed' ? '' : `<p class="text">${shown}${more}</p>`}${remark}`;
}

function tools(id: number, { state, ids, ended, looked, search, length }: Reply, kind: Converses): string {
  if (state === 'writing' || (ids.length === 0 && !ended)) return '';
  const how = escaped(`${searchText(search)}, at most ${length} tokens`);
  return `<div class="under"><button type="button" class="link" data-action="debug" data-turn="${id}" title="Step through it token by token">Debug this ${kind === 'chat' ? 'reply' : 'translation'}</button>${looked.length === 0 ? '' : where(id, looked)}<span class="unit">${how}</span></div>`;
}

/** A row for each token: the words that it looked at. */
function where(id: number, looked: readonly Looked[]): string {
  const rows = looked.map(({ token, at }) => {
    const words = at.map(
      ({ word, weight }) =>
        `<td><span class="share" style="--share:${weight.toFixed(3)}"></span>${escaped(word)} <span class="unit">${Math.round(100 * weight)} %</span></td>`,
    );
    return `<tr><th scope="row" class="token">${escaped(token)}</th>${words.join('')}</tr>`;
  });
  return `<details data-turn="${id}"><summary>Where it looked</summary><div class="scroll"><table><tbody>${rows.join('')}</tbody></table></div></details>`;
}

/** A text in which some words are marked, however they are cased. */
function marked(text: string, words: readonly string[]): string {
  if (words.length === 0) return escaped(text);
  const whole = '[\\p{L}\\p{N}]';
  const literal = [...words]
    .sort((a, b) => b.length - a.length)
    .map((word) => {
      const own = word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      return /^[\p{L}\p{N}]/u.test(word) ? `(?<!${whole})${own}(?!${whole})` : own;
    });
  const sought = new RegExp(`(${literal.join('|')})`, 'giu');
  return text
    .split(sought)
    .map((part, k) => (k % 2 === 1 ? `<span class="unknown" title="Unknown to the model">${escaped(part)}</span>` : escaped(part)))
    .join('');
}

/** The line above the fields. */
export const settingsText = ({ search, length }: ReplySettings, source: Pick<GenerateSettings, 'search' | 'length'>): string => {
  const isOwn = searchText(search) !== searchText(source.search) || length !== source.length;
  return `${searchText(search)}, at most ${length} tokens${isOwn ? ' (changed here)' : ''}`;
};
