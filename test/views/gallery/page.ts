// The gallery's page: the model of the host and the page of the webview in one browser, joined by a port that copies messages as VS Code does.
// Query: state, theme (dark, light, contrast).

import { ViewModel } from '../../../src/views/model.ts';
import { startPanel } from '../../../webview/app.ts';
import { startGates } from '../../../webview/gates-app.ts';
import { ports } from './ports.ts';
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

const state = STATES[query.get('state') ?? '']!;
const [host, page] = ports();
model.attach(host);
const root = document.querySelector<HTMLElement>('#app')!;
await (state.view === 'gates' ? startGates(root, page) : startPanel(root, page));
await state.set(model);
await model.settled();
await new Promise((resolve) => setTimeout(resolve, 50));
await model.settled();
// The flow of the cell has stopped moving.
await new Promise((resolve) => setTimeout(resolve, 150));
Object.assign(window, { model, calls, done: true });
