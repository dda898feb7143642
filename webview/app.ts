// The panel: tabs, choices, the view of the chosen tab, and what lies over it. It keeps nothing that the host does not know.

import './style.css';
import type { Port } from '../src/shared/bridge.ts';
import { count, visibleToken } from '../src/shared/figures.ts';
import type { Tab, Tint, TraceState, UnitOrder, ViewState } from '../src/shared/messages.ts';
import { CanvasSurface } from './canvas-surface.ts';
import { CellView } from './cell-view.ts';
import { connect, type Host } from './channel.ts';
import { Choice, element, iconButton } from './controls.ts';
import { pressKey } from './keyboard.ts';
import { objectivesOf } from './objectives.ts';
import { Painter } from './painter.ts';
import { parityBanner, parityLine } from './parity.ts';
import { cellSentence, stepSentence, trainingSentence, trajectorySentence } from './sentences.ts';
import { type AllNumbers, opened, type Shown } from './shown.ts';
import { type Doing, faultBanner, loading, message, noRuns } from './states.ts';
import type { Surface } from './surface.ts';
import { SvgSurface } from './svg-surface.ts';
import { tableOf } from './table.ts';
import { readTheme } from './theme.ts';
import { TimelineView } from './timeline-view.ts';
import { TrainingView } from './training-view.ts';
import { TrajectoryView } from './trajectory-view.ts';

/** At the end of the list of objectives. */
const OTHER: [string, string] = ['other', 'another …'];

const TABS: readonly (readonly [Tab, string])[] = [
  ['timeline', 'Timeline'],
  ['cell', 'Cell'],
  ['trajectory', 'Trajectory'],
  ['training', 'Training'],
];
/** What each view says of itself. */
const SENTENCES: Readonly<Record<Tab, (shown: Shown) => string>> = {
  timeline: stepSentence,
  cell: cellSentence,
  trajectory: trajectorySentence,
  training: trainingSentence,
};
/** The live region speaks at most once in this time. */
const SPEAK = 500;

interface View {
  readonly element: HTMLElement;
  readonly size: { readonly width: number; readonly height: number };
  draw(shown: Shown, theme: ReturnType<typeof readTheme>): void;
  picture(surface: Surface, shown: Shown): void;
}

export async function startPanel(root: HTMLElement, port: Port): Promise<void> {
  const panel = new PanelPage(root, port);
  await panel.start();
}

class PanelPage {
  private readonly host: Host;
  private readonly painter = new Painter(() => this.draw());
  private readonly views: Readonly<Record<Tab, View>>;
  private readonly timeline: TimelineView;
  private readonly trajectory: TrajectoryView;
  private readonly tabs = new Map<Tab, HTMLElement>();
  private readonly context = element('div', 'context');
  private readonly body = element('div', 'body');
  private readonly over = element('div', 'over');
  private readonly foot = element('div', 'foot');
  private readonly spoken = element('div', 'spoken');
  private readonly layer = new Choice<string>();
  private readonly order = new Choice<UnitOrder>();
  private readonly tint = new Choice<Tint>();
  private readonly objective = new Choice<string>();
  private readonly states = new Choice<string>();
  private readonly run = new Choice<string>();
  private readonly unit = element('label', 'choice', element('span', '', 'unit'));
  private readonly unitField = document.createElement('input');
  private readonly note = element('span', 'note');
  private state: ViewState | undefined;
  private numbers: AllNumbers = {};
  private theme = readTheme();
  private drawnBody = '';
  private drawnOver = '';
  private drawnFoot = '';
  private table: HTMLElement | undefined;
  private spokenAt = 0;
  private said = '';
  private speaking: ReturnType<typeof setTimeout> | undefined;

  constructor(root: HTMLElement, port: Port) {
    this.host = connect(port, {
      change: (change) => {
        if (this.state === undefined) return {};
        this.state = { ...this.state, ...change };
        if (change.trace === null) this.numbers = { ...(this.numbers.training === undefined ? {} : { training: this.numbers.training }) };
        void this.painter.ask();
        return {};
      },
      numbers: async (numbers) => {
        this.numbers = { ...this.numbers, [numbers.part]: opened(numbers) };
        await this.painter.ask();
        return {};
      },
      picture: ({ format }) => this.picture(format),
    });
    const redraw = () => void this.painter.ask();
    this.timeline = new TimelineView(this.host, redraw);
    this.trajectory = new TrajectoryView(this.host, redraw);
    this.views = {
      timeline: this.timeline,
      cell: new CellView(this.host, redraw),
      trajectory: this.trajectory,
      training: new TrainingView(this.host, redraw),
    };
    this.build(root);
    new ResizeObserver(redraw).observe(root);
    new MutationObserver(() => {
      this.theme = readTheme();
      redraw();
    }).observe(document.body, { attributes: true, attributeFilter: ['class', 'style'] });
    document.addEventListener('keydown', (event) => this.key(event));
  }

  async start(): Promise<void> {
    this.state = await this.host.request('ready', { view: 'panel' });
    await this.painter.ask();
  }

  private build(root: HTMLElement): void {
    const list = element('div', '');
    list.setAttribute('role', 'tablist');
    for (const [tab, name] of TABS) {
      const made = element('button', '', name);
      made.setAttribute('role', 'tab');
      made.id = `tab-${tab}`;
      made.setAttribute('aria-controls', 'view');
      made.addEventListener('click', () => this.choose({ kind: 'tab', tab }));
      made.addEventListener('keydown', (event) => this.tabKey(event, tab));
      this.tabs.set(tab, made);
      list.append(made);
    }
    const out = iconButton('M8 10V2.5M5 5l3-3l3 3M3 9v4.5h10V9', 'Export (E)', () => this.export());
    const bar = element('div', 'tabs', list, element('div', 'space'), out);
    this.body.id = 'view';
    this.body.setAttribute('role', 'tabpanel');
    this.spoken.setAttribute('aria-live', 'polite');
    this.unitField.type = 'number';
    this.unitField.min = '0';
    this.unitField.addEventListener('change', () => this.host.request('go', { unit: Number(this.unitField.value) }).catch(() => {}));
    this.unit.append(this.unitField);
    root.replaceChildren(bar, this.context, this.body, this.foot, this.spoken);
  }

  private get shown(): Shown | undefined {
    return this.state === undefined ? undefined : { state: this.state, numbers: this.numbers };
  }

  private draw(): void {
    const { shown } = this;
    if (shown === undefined) return;
    const { state } = shown;
    for (const [tab, made] of this.tabs) {
      made.setAttribute('aria-selected', String(tab === state.tab));
      made.tabIndex = tab === state.tab ? 0 : -1;
    }
    this.body.setAttribute('aria-labelledby', `tab-${state.tab}`);
    this.drawContext(state);
    this.drawFoot(state);
    const view = this.drawBody(state);
    view?.draw(shown, this.theme);
    this.drawOver(state, view !== undefined);
    this.speak(shown);
  }

  /** Puts the right view, or what stands in its place, into the body. */
  private drawBody(state: ViewState): View | undefined {
    const { tab, trace, status, training, trusted } = state;
    const empty = tab === 'training' ? training.runs.length === 0 : trace === null;
    const view = empty ? undefined : this.views[tab];
    const key = view === undefined ? JSON.stringify([tab === 'training' ? 'runs' : status, trusted]) : tab;
    if (key !== this.drawnBody) {
      this.drawnBody = key;
      const content = view?.element ?? (tab === 'training' ? noRuns(this.doing(state)) : message(status, this.doing(state)));
      this.body.replaceChildren(this.over, content);
      this.drawnOver = '';
    }
    return view;
  }

  /** How near the replay is to the model, below the picture. */
  private drawFoot({ tab, trace }: ViewState): void {
    const line = tab === 'training' || trace === null ? undefined : parityLine(trace);
    const key = line?.getAttribute('aria-label') ?? '';
    if (key === this.drawnFoot) return;
    this.drawnFoot = key;
    this.foot.replaceChildren(...(line === undefined ? [] : [line]));
  }

  /** The first fault above the picture, and what is loading over it. */
  private drawOver(state: ViewState, picture: boolean): void {
    const { status, trace, tab, trusted } = state;
    const key = JSON.stringify([picture && tab !== 'training', status.kind === 'ready' ? '' : status, trace?.fault, trace?.parts, trusted]);
    if (key === this.drawnOver) return;
    this.drawnOver = key;
    this.over.replaceChildren();
    if (!picture || tab === 'training') return;
    const doing = this.doing(state);
    const banner = trace === null ? undefined : parityBanner(trace);
    if (banner !== undefined) this.over.append(banner);
    if (trace?.fault !== undefined) {
      const { line } = trace.fault;
      this.over.append(faultBanner(trace.fault, trace.rows.find((row) => row.line === line)?.letter ?? line, doing));
    }
    if (status.kind === 'loading') this.over.append(loading(status, doing));
    if (status.kind === 'error') {
      const box = element('div', 'loading', message(status, doing));
      this.over.append(box);
    }
    void this.painter.ask();
  }

  private doing({ trusted }: ViewState): Doing {
    return {
      trusted,
      act: (id) => void this.host.request('action', { id }).catch((error) => this.say(String(error))),
      cancel: () => void this.host.request('cancel', {}).catch(() => {}),
    };
  }

  private drawContext(state: ViewState): void {
    const { tab, trace, training } = state;
    const parts: HTMLElement[] = [];
    if (tab === 'training') {
      if (training.runs.length > 0) {
        this.run.update({
          label: 'run',
          options: training.runs.map((run) => [run.folder, `${run.name} · ${run.status.kind}`]),
          chosen: training.chosen ?? '',
          choose: (run) => void this.host.request('training', { action: 'choose', run }).catch(() => {}),
        });
        parts.push(this.run.element);
      }
    } else if (trace !== null) parts.push(...this.traceChoices(tab, trace));
    const same = parts.length === this.context.children.length && parts.every((part, index) => part === this.context.children[index]);
    if (!same) this.context.replaceChildren(...parts);
    this.context.hidden = parts.length === 0;
  }

  private traceChoices(tab: Tab, trace: TraceState): HTMLElement[] {
    this.layer.update({
      label: 'layer',
      options: trace.layers.map(({ path, label }) => [path, label]),
      chosen: trace.layer,
      choose: (layer) => this.choose({ kind: 'layer', layer }),
    });
    const at = this.numbers.column?.t === trace.t ? ` · ‘${visibleToken(this.numbers.column.token)}’` : '';
    if (tab === 'cell') {
      this.unitField.max = String(trace.units - 1);
      if (document.activeElement !== this.unitField) this.unitField.value = String(trace.unit);
      this.note.hidden = false;
      this.note.textContent = `t ${count(trace.t)} of ${count(trace.steps)}${at}`;
      return [this.layer.element, this.unit, this.note];
    }
    if (tab === 'trajectory') {
      const letter = (line: string): string => trace.rows.find((row) => row.line === line)?.letter ?? line;
      this.states.update({
        label: 'of',
        options: trace.trajectories.map((of) => [of, of === 'all' ? 'all states' : letter(of)]),
        chosen: trace.trajectory,
        choose: (of) => this.choose({ kind: 'trajectory', of }),
      });
      this.note.hidden = this.body.clientWidth < 480;
      this.note.textContent = trace.title;
      return [this.layer.element, ...(trace.trajectories.length > 1 ? [this.states.element] : []), this.note];
    }
    this.order.update({
      label: 'units',
      options: [
        ['timescale', 'by timescale'],
        ['similarity', 'by similarity'],
        ['index', 'by index'],
      ],
      chosen: trace.order,
      choose: (order) => this.choose({ kind: 'order', order }),
    });
    const choices = [this.layer.element, this.order.element];
    if (trace.tints.length > 1 && this.body.clientWidth >= 480) {
      this.tint.update({
        label: 'tokens',
        options: trace.tints.map((tint) => [tint, tint]),
        chosen: trace.tint,
        choose: (tint) => this.choose({ kind: 'tint', tint }),
      });
      choices.push(this.tint.element);
    }
    if (trace.gradient) {
      const { objective } = trace;
      const options = objectivesOf(trace, this.body.clientWidth < 560);
      this.objective.update({
        label: '∂ of',
        options: [...options.map(({ text }, k): [string, string] => [String(k), text]), ...(trace.outputs === undefined ? [] : [OTHER])],
        chosen: String(options.findIndex((option) => JSON.stringify(option.objective) === JSON.stringify(objective))),
        choose: (value) => {
          const option = options[Number(value)];
          if (option !== undefined) this.choose({ kind: 'objective', objective: option.objective });
          else this.askObjective();
        },
      });
      choices.push(this.objective.element);
    }
    const pooled = this.numbers.window;
    const perPixel = pooled === undefined ? 0 : (pooled.to - pooled.from) / pooled.columns;
    this.note.textContent = perPixel > 1 ? `${perPixel.toFixed(perPixel < 10 ? 1 : 0)} steps per px` : trace.title;
    this.note.hidden = this.body.clientWidth < 480;
    return [...choices, this.note];
  }

  /** What is chosen stands in the list again until there is an answer. */
  private askObjective(): void {
    this.draw();
    void this.host.request('action', { id: 'objective' }).catch((error) => this.say(String(error)));
  }

  private choose(choice: Parameters<Host['request']>[1] & object): void {
    this.host.request('choose', choice as never).catch(() => {});
  }

  private tabKey(event: KeyboardEvent, tab: Tab): void {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const at = TABS.findIndex(([name]) => name === tab);
    const next = TABS[(at + by + TABS.length) % TABS.length]![0];
    this.choose({ kind: 'tab', tab: next });
    this.tabs.get(next)?.focus();
  }

  private key(event: KeyboardEvent): void {
    const { shown } = this;
    const own = event.target instanceof HTMLElement && event.target.closest('select, input, vscode-button, button[role="tab"]') !== null;
    if (shown === undefined || (own && event.key !== 'Escape')) return;
    const used = pressKey(event, shown, this.host, {
      openRow: () => this.openRow(shown),
      showTable: () => void this.toggleTable(),
      exportView: () => this.export(),
      escape: () => this.escape(shown),
      say: (text) => this.say(text),
      lookAlong: (by) => {
        const text = this.trajectory.lookAlong(by);
        if (text !== undefined) this.say(text);
      },
    });
    if (used) event.preventDefault();
  }

  /** The focused row alone at full height, or all again; of a trajectory, to the point that is looked at. */
  private openRow({ state }: Shown): void {
    if (state.tab === 'trajectory') {
      this.trajectory.goThere();
      return;
    }
    const line = this.timeline.row;
    const open = state.trace?.open;
    if (state.tab !== 'timeline' || (line === undefined && open === undefined)) return;
    this.choose(open === undefined && line !== undefined ? { kind: 'open', line } : { kind: 'open' });
  }

  private escape({ state }: Shown): void {
    if (this.table !== undefined) this.closeTable();
    else if (state.tab === 'trajectory' && this.trajectory.lookAway()) return;
    else if (state.status.kind === 'loading') this.host.request('cancel', {}).catch(() => {});
    else if (state.trace?.open !== undefined) this.choose({ kind: 'open' });
  }

  private async toggleTable(): Promise<void> {
    if (this.table !== undefined) {
      this.closeTable();
      return;
    }
    try {
      const table = await this.host.request('table', {});
      this.table = tableOf(table, this.state?.trace?.t ?? -1);
      this.body.append(this.table);
      this.table.focus();
      this.table.querySelector('[aria-current]')?.scrollIntoView({ block: 'center' });
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error));
    }
  }

  private closeTable(): void {
    this.table?.remove();
    this.table = undefined;
    this.body.querySelector<HTMLElement>('.region')?.focus();
  }

  private export(): void {
    const line = this.timeline.row;
    this.host
      .request('export', line === undefined ? {} : { line })
      .then(({ saved }) => {
        if (saved !== undefined) this.say(`Saved ${saved}`);
      })
      .catch((error) => this.say(error instanceof Error ? error.message : String(error)));
  }

  private async picture(format: 'svg' | 'png'): Promise<ArrayBuffer> {
    const { shown } = this;
    if (shown === undefined) throw new Error('There is nothing to draw yet.');
    const view = this.views[shown.state.tab];
    const { width, height } = view.size;
    if (format === 'svg') {
      const surface = new SvgSurface(width, height, this.theme);
      view.picture(surface, shown);
      return new TextEncoder().encode(surface.file(SENTENCES[shown.state.tab](shown))).buffer as ArrayBuffer;
    }
    const canvas = document.createElement('canvas');
    const surface = new CanvasSurface(canvas, width, height, this.theme, 2);
    surface.rect(0, 0, width, height, { fill: this.theme.background });
    view.picture(surface, shown);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (blob === null) throw new Error('The picture is too large for a PNG; SVG has no limit.');
    return blob.arrayBuffer();
  }

  /** Speaks the step when it changes, not more often than it can be heard. */
  private speak(shown: Shown): void {
    const { trace, tab } = shown.state;
    if (trace === null || tab === 'training' || this.numbers.column?.t !== trace.t) return;
    const text = stepSentence(shown);
    if (text === this.said) return;
    this.said = text;
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => this.say(text), Math.max(0, this.spokenAt + SPEAK - Date.now()));
  }

  private say(text: string): void {
    this.spokenAt = Date.now();
    this.spoken.textContent = text;
  }
}
