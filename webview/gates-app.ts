// The side panel: the gates of the current timestep, and a way to the next unit.

import './style.css';
import type { Port } from '../src/shared/bridge.ts';
import type { ViewState } from '../src/shared/messages.ts';
import { connect, type Host } from './channel.ts';
import { element } from './controls.ts';
import { drawGates, layOutGates } from './gates-drawing.ts';
import { pressKey } from './keyboard.ts';
import { Painter } from './painter.ts';
import { gatesSentence } from './sentences.ts';
import { type AllNumbers, opened } from './shown.ts';
import { Stage } from './stage.ts';
import { readTheme } from './theme.ts';

export async function startGates(root: HTMLElement, port: Port): Promise<void> {
  const page = new GatesPage(root, port);
  await page.start();
}

class GatesPage {
  private readonly host: Host;
  private readonly painter = new Painter(() => this.draw());
  private readonly stage = new Stage('gates');
  private readonly empty = element(
    'div',
    'message',
    element('p', '', 'The gates of the current timestep stand here while a model is debugged.'),
  );
  private state: ViewState | undefined;
  private numbers: AllNumbers = {};

  constructor(root: HTMLElement, port: Port) {
    document.body.classList.add('gates');
    this.host = connect(port, {
      change: (change) => {
        if (this.state !== undefined) this.state = { ...this.state, ...change };
        void this.painter.ask();
        return {};
      },
      numbers: async (numbers) => {
        this.numbers = { ...this.numbers, [numbers.part]: opened(numbers) };
        await this.painter.ask();
        return {};
      },
      picture: () => {
        throw new Error('Pictures are made by the panel.');
      },
    });
    root.replaceChildren(this.empty, this.stage.element);
    const redraw = () => void this.painter.ask();
    new ResizeObserver(redraw).observe(root);
    new MutationObserver(redraw).observe(document.body, { attributes: true, attributeFilter: ['class', 'style'] });
    document.addEventListener('keydown', (event) => this.key(event));
  }

  async start(): Promise<void> {
    this.state = await this.host.request('ready', { view: 'gates' });
    await this.painter.ask();
  }

  private draw(): void {
    const trace = this.state?.trace ?? null;
    this.empty.hidden = trace !== null;
    this.stage.element.hidden = trace === null;
    if (this.state === undefined || trace === null) return;
    const shown = { state: this.state, numbers: this.numbers };
    const theme = readTheme();
    const layout = layOutGates(trace.rows.length, this.stage.width, this.stage.height);
    const side = getComputedStyle(document.body).getPropertyValue('--vscode-sideBar-background').trim();
    const surface = this.stage.surface(layout.height, side === '' ? theme : { ...theme, background: side });
    drawGates(surface, shown, layout);
    this.stage.place([{ id: 'gates', x: 2, y: 2, width: layout.width - 4, height: layout.height - 4, label: gatesSentence(shown) }]);
  }

  private key(event: KeyboardEvent): void {
    if (this.state === undefined || event.key === 'Tab') return;
    const nothing = () => {};
    const page = { openRow: nothing, showTable: nothing, exportView: nothing, escape: nothing, say: nothing, lookAlong: nothing };
    if (pressKey(event, { state: this.state, numbers: this.numbers }, this.host, page)) event.preventDefault();
  }
}
