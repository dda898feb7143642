// The document of a conversation: what it does by itself (keys, fields, what was typed and not sent), and how it looks.

import { documentOf } from './document.ts';

/** The host sends what has changed: `turns` are all, `turn` is one of them. What was typed stays when the page is hidden or the window is loaded anew. */
const script = `
{
  const at = (id) => document.getElementById(id);
  const [log, say, settings] = [at('log'), at('say'), at('settings')];
  const shown = new Map();
  let [busy, place, draft] = [false, undefined, ''];
  const kept = host?.getState() ?? {};
  const keep = (change) => host?.setState(Object.assign(kept, change));
  say.value = kept.draft ?? '';
  const post = (message) => host?.postMessage(message);
  const fields = () => [...settings.querySelectorAll('[name]')];
  const fit = () => {
    const { value } = settings.querySelector('select');
    for (const each of settings.querySelectorAll('[data-for]')) each.hidden = each.dataset.for !== value;
  };
  const put = ({ id, html }) => {
    if (shown.get(id)?.html === html) return;
    const element = shown.get(id)?.element ?? log.appendChild(document.createElement('article'));
    const open = element.querySelector('details')?.open;
    element.innerHTML = html;
    if (open) element.querySelector('details').open = true;
    shown.set(id, { html, element });
  };
  const send = () => {
    const text = say.value;
    if (text.trim() === '') return;
    if (busy) {
      at('said').textContent = 'A reply is being written: Esc stops it.';
      return;
    }
    say.value = '';
    place = undefined;
    keep({ draft: '' });
    at('said').textContent = '';
    busy = true;
    post({ action: 'say', text });
  };
  /** What was said before, by its place from the end; below the last is what is being typed. */
  const recall = (by) => {
    const before = [...log.querySelectorAll('.said .text')].map((each) => each.textContent);
    const next = (place ?? before.length) + by;
    if (next < 0 || next > before.length) return false;
    if (place === undefined || place === before.length) draft = say.value;
    place = next;
    say.value = next === before.length ? draft : before[next];
    keep({ draft: say.value });
    return true;
  };
  say.addEventListener('keydown', (event) => {
    if (event.isComposing) return;
    const { selectionStart: from, selectionEnd: to, value } = say;
    if (event.key === 'Enter' && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      send();
    } else if (event.key === 'ArrowUp' && from === to && !value.slice(0, from).includes('\\n')) {
      if (recall(-1)) event.preventDefault();
    } else if (event.key === 'ArrowDown' && place !== undefined && from === to && !value.slice(to).includes('\\n')) {
      if (recall(1)) event.preventDefault();
    }
  });
  addEventListener('keydown', ({ key }) => {
    if (key === 'Escape' && busy) post({ action: 'stop' });
  });
  say.addEventListener('input', () => keep({ draft: say.value }));
  at('composer').addEventListener('submit', (event) => {
    event.preventDefault();
    send();
  });
  settings.addEventListener('change', () => {
    fit();
    post({ action: 'settings', ...Object.fromEntries(fields().map((each) => [each.name, each.value])) });
  });
  page.addEventListener('click', ({ target }) => {
    // Others open something that has the focus from then on.
    if (target.closest('[data-action=say], [data-action=stop], [data-action=clear], [data-action=reset]')) say.focus();
  });
  addEventListener('message', ({ data }) => {
    if (typeof data !== 'object') return;
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    if (data.run !== undefined) keep({ run: data.run });
    if (data.empty !== undefined || data.turns !== undefined) log.querySelector(':scope > .empty')?.remove();
    if (data.turns !== undefined) {
      const ids = new Set(data.turns.map(({ id }) => id));
      for (const [id, { element }] of [...shown]) if (!ids.has(id)) element.remove(), shown.delete(id);
      data.turns.forEach(put);
    }
    if (data.turn !== undefined) put(data.turn);
    if (data.empty) log.insertAdjacentHTML('afterbegin', data.empty);
    if (data.busy !== undefined) {
      busy = data.busy;
      at('send').hidden = busy;
      at('stop').hidden = !busy;
    }
    for (const action of ['copy', 'save', 'clear']) page.querySelector('header [data-action=' + action + ']').disabled = shown.size === 0;
    if (data.fields !== undefined) for (const each of fields()) each.value = data.fields[each.name] ?? '';
    if (data.fields !== undefined) fit();
    if (data.summary !== undefined) settings.querySelector('summary').textContent = data.summary;
    if (data.fault !== undefined) at('fault').textContent = data.fault;
    if (data.announce !== undefined) at('said').textContent = data.announce;
    if (isAtEnd || data.toEnd) log.scrollTop = log.scrollHeight;
  });
  fit();
  post({ action: 'ready' });
  say.focus();
}`;

const line = 'var(--vscode-editorWidget-border, rgba(128, 128, 128, 0.35))';
const style = `
html, body, #page { height: 100%; box-sizing: border-box; margin: 0; }
body { padding: 0; }
.chat { display: flex; flex-direction: column; height: 100%; box-sizing: border-box; padding: 8px 20px 8px; }
.chat header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: flex-start; gap: 0 16px; border-bottom: 1px solid ${line}; }
.chat header h1 { margin: 4px 0; }
.chat .actions { margin: 4px 0; flex-wrap: nowrap; }
#log { flex: 1; min-height: 60px; overflow-y: auto; padding: 8px 2px; }
#log:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: -1px; }
#log article { padding: 6px 0 10px; border-bottom: 1px solid ${line}; }
#log article:last-child { border-bottom: 0; }
#log h2 { font-size: 0.85em; margin: 4px 0 0; color: var(--vscode-descriptionForeground); }
#log .text { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 2px; }
#log .reply { border-left: 3px solid var(--vscode-textLink-foreground); padding-left: 10px; margin-top: 4px; }
#log .reply .text { font-size: 1.08em; }
#log .unit { margin: 0; font-size: 0.9em; }
.under { display: flex; flex-wrap: wrap; gap: 2px 18px; align-items: baseline; }
.under details[open] { order: 1; flex-basis: 100%; }
.under summary { padding: 0; color: var(--vscode-textLink-foreground); }
.under td { padding-right: 18px; white-space: nowrap; }
.under .share { width: calc(60px * var(--share)); margin-right: 4px; }
.unknown { text-decoration: underline dotted var(--vscode-editorWarning-foreground); text-underline-offset: 3px; }
.caret { display: inline-block; width: 0.5em; height: 1em; vertical-align: text-bottom; background: var(--vscode-descriptionForeground); }
.aside { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
#settings summary::before { content: "How it writes: "; color: var(--vscode-descriptionForeground); }
#settings input { width: 5em; }
#fault { margin: 2px 0; }
#composer { display: flex; gap: 10px; align-items: stretch; margin-top: 6px; }
#composer .actions { align-items: flex-end; }
#say { flex: 1; min-width: 0; resize: vertical; font: inherit; padding: 4px 8px; box-sizing: border-box; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border: 1px solid var(--vscode-input-border, ${line}); border-radius: 2px; }
#say::placeholder { color: var(--vscode-input-placeholderForeground); }
#say:focus { outline: 1px solid var(--vscode-focusBorder); outline-offset: -1px; }
#keys { margin: 2px 0 0; font-size: 0.85em; max-width: none; }
`;

/** `frame`: what stands still. */
export const chatDocument = (frame: string): string => documentOf(frame, { script, style });
