// The gallery's page: the model of the host and the page of the webview in one browser, joined by a port that copies messages as VS Code does.
// Query: state, theme (dark, light, contrast).

import type { Port } from '../../../src/shared/bridge.ts';
import { ViewModel } from '../../../src/views/model.ts';
import { startPanel } from '../../../webview/app.ts';
import { startGates } from '../../../webview/gates-app.ts';
import { STATES } from './states.ts';
import { THEMES, type ThemeName } from './themes.ts';

const query = new URLSearchParams(location.search);
const theme = (query.get('theme') ?? 'dark') as ThemeName;
document.body.className = THEMES[theme].className;
for (const [name, value] of Object.entries(THEMES[theme].variables)) document.documentElement.style.setProperty(`--vscode-${name}`, value);

const calls: { readonly name: string; readonly value: unknown }[] = [];
const model = new ViewModel(
  {
    go: async (t) => void calls.push({ name: 'go', value: t }),
    action: async (id) => void calls.push({ name: 'action', value: id }),
    training: async (action, run) => void calls.push({ name: 'training', value: [action, run.name] }),
    records: async () => [],
    save: async (_title, file) => {
      const { name, format, bytes } = await file((query.get('format') ?? 'svg') as 'svg');
      calls.push({ name: 'save', value: { name, format, size: bytes.length, text: new TextDecoder().decode(bytes.slice(0, 400)) } });
      return `${name}.${format}`;
    },
  },
  true,
);

/** Messages are JSON save for their buffers, and arrive later. */
function ports(): readonly [Port, Port] {
  const heard: [Set<(message: unknown) => void>, Set<(message: unknown) => void>] = [new Set(), new Set()];
  const port = (own: 0 | 1): Port => ({
    post: (message) => {
      const copy = copied(message);
      setTimeout(() => {
        for (const receive of heard[own === 0 ? 1 : 0]) receive(copy);
      });
    },
    listen: (receive) => {
      heard[own].add(receive);
      return () => void heard[own].delete(receive);
    },
  });
  return [port(0), port(1)];
}

function copied(message: unknown): unknown {
  if (message instanceof ArrayBuffer) return message.slice(0);
  if (Array.isArray(message)) return message.map(copied);
  if (message !== null && typeof message === 'object')
    return Object.fromEntries(
      Object.entries(message)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [key, copied(value)]),
    );
  return typeof message === 'number' && !Number.isFinite(message) ? null : message;
}

const state = STATES[query.get('state') ?? '']!;
const [host, page] = ports();
model.attach(host);
const root = document.querySelector<HTMLElement>('#app')!;
await (state.view === 'gates' ? startGates(root, page) : startPanel(root, page));
await state.set(model);
await model.settled();
await new Promise((resolve) => setTimeout(resolve, 60));
await model.settled();
await new Promise((resolve) => setTimeout(resolve, 260));
Object.assign(window, { model, calls, done: true });
