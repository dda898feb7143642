// The training on the page: the last values large, the curves, the runs, and the buttons.

import { count, duration, durationParts, fixed, percent } from '../src/shared/figures.ts';
import type { TrainingAction, TrainingState } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import type { RunSummary } from '../src/shared/training.ts';
import type { Host } from './channel.ts';
import { button, element } from './controls.ts';
import { trainingSentence } from './sentences.ts';
import type { Shown } from './shown.ts';
import { Stage } from './stage.ts';
import type { Surface } from './surface.ts';
import type { Theme } from './theme.ts';
import { drawTraining, endingOf, trainingPlot } from './training-drawing.ts';

const SIGNS: Readonly<Record<RunSummary['status']['kind'], string>> = { running: '↻', paused: '‖', done: '✓', cancelled: '□', failed: '⊗' };

export class TrainingView {
  readonly element = element('div', 'training');
  private readonly figures = element('dl', 'figures');
  private readonly progress = element('div', 'progress', element('div', ''));
  private readonly stage = new Stage('curves');
  private readonly runs = element('div', 'runs');
  private readonly buttons = element('div', 'buttons');
  private readonly host: Host;
  private pointer: number | undefined;
  private drawnRuns = '';
  private drawnButtons = '';
  private told = 0;

  constructor(host: Host, redraw: () => void) {
    this.host = host;
    this.element.append(this.figures, this.progress, this.stage.element, this.runs, this.buttons);
    this.stage.canvas.addEventListener('pointermove', (event) => {
      this.pointer = this.stage.at(event).x;
      redraw();
    });
    this.stage.canvas.addEventListener('pointerleave', () => {
      this.pointer = undefined;
      redraw();
    });
  }

  get size(): { readonly width: number; readonly height: number } {
    return { width: this.stage.width, height: this.stage.height };
  }

  draw(shown: Shown, theme: Theme): void {
    const { training, trusted } = shown.state;
    this.drawFigures(training);
    this.drawRuns(training);
    this.drawButtons(training, trusted);
    const { width, height } = this.size;
    const surface = this.stage.surface(height, theme);
    drawTraining(surface, shown, width, height, this.pointer);
    this.stage.place([{ id: 'training', x: 2, y: 2, width: width - 4, height: height - 4, label: trainingSentence(shown) }]);
    const pixels = Math.max(1, Math.round(trainingPlot(width).width * surface.ratio));
    if (pixels === this.told) return;
    this.told = pixels;
    this.host.request('size', { training: pixels }).catch(() => {});
  }

  picture(surface: Surface, shown: Shown): void {
    drawTraining(surface, shown, this.stage.width, this.stage.height, undefined);
  }

  private drawFigures({ figures, chosen, runs, lossUnit }: TrainingState): void {
    const run = runs.find(({ folder }) => folder === chosen);
    this.progress.hidden = figures === undefined;
    if (figures === undefined) {
      this.figures.replaceChildren();
      return;
    }
    const entry = (name: string, figure: string, unit: string) =>
      element('div', '', element('dt', '', name), element('dd', '', figure, element('span', '', unit)));
    const [left, unit] = figures.secondsLeft === undefined ? ['–', ''] : durationParts(figures.secondsLeft);
    const last =
      figures.secondsLeft === undefined && run !== undefined ? entry('took', ...durationParts(run.seconds)) : entry('left', left, unit);
    this.figures.replaceChildren(
      entry('loss', fixed(figures.loss, 2), lossUnit === '' ? 'last 50' : `${lossUnit}, last 50`),
      entry(
        'validation',
        figures.validation === undefined ? '–' : fixed(figures.validation.loss, 2),
        figures.validation === undefined ? '' : `step ${count(figures.validation.step)}`,
      ),
      entry('speed', numberText(figures.stepsPerSecond), 'steps/s'),
      last,
      entry('clipped', percent(figures.clipped), 'last 100'),
    );
    const share = figures.steps > 0 ? Math.min(1, figures.step / figures.steps) : 0;
    (this.progress.firstElementChild as HTMLElement).style.width = `${100 * share}%`;
    this.progress.setAttribute('role', 'progressbar');
    this.progress.setAttribute('aria-valuenow', String(Math.round(100 * share)));
    this.progress.setAttribute('aria-label', `step ${count(figures.step)} of ${count(figures.steps)}`);
  }

  private drawRuns({ runs, chosen, overlays }: TrainingState): void {
    const state = JSON.stringify([runs, chosen, overlays]);
    if (state === this.drawnRuns) return;
    this.drawnRuns = state;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.run : undefined;
    const head = element(
      'tr',
      '',
      ...['runs', '', 'validation', 'step', ''].map((name, index) => element('th', index === 1 ? 'wide' : '', name)),
    );
    const lines = runs.map((run) => this.runLine(run, run.folder === chosen, overlays.includes(run.folder)));
    const table = element('table', '', element('thead', '', head), element('tbody', '', ...lines));
    table.setAttribute('aria-label', 'runs: Enter chooses one, Space lays its curve behind the chosen one');
    this.runs.replaceChildren(table);
    if (focused !== undefined) lines.find((line) => line.dataset.run === focused)?.focus();
  }

  private runLine(run: RunSummary, chosen: boolean, overlaid: boolean): HTMLElement {
    const validation = run.validationLoss ?? run.loss;
    const sign = element('span', 'sign', SIGNS[run.status.kind]);
    const ending = run.status.kind === 'done' ? `done, ${duration(run.seconds)}` : endingOf(run);
    const end = element('td', '', overlaid ? `┄ ${ending}` : ending);
    end.title = ending;
    const settings = element('td', 'wide second', run.settings);
    settings.title = run.settings;
    const line = element(
      'tr',
      run.status.kind,
      element('td', '', sign, run.name),
      settings,
      element('td', '', validation == null ? '–' : fixed(validation, 2)),
      element('td', '', count(run.step)),
      end,
    );
    line.tabIndex = 0;
    line.dataset.run = run.folder;
    line.setAttribute('aria-selected', String(chosen));
    const act = (action: TrainingAction) => this.host.request('training', { action, run: run.folder }).catch(() => {});
    line.addEventListener('click', (event) => void act(event.ctrlKey || event.metaKey ? 'overlay' : 'choose'));
    line.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      event.stopPropagation();
      void act(event.key === ' ' ? 'overlay' : 'choose');
    });
    return line;
  }

  private drawButtons({ runs, chosen }: TrainingState, trusted: boolean): void {
    const run = runs.find(({ folder }) => folder === chosen);
    const state = JSON.stringify([run?.folder, run?.status.kind, trusted]);
    if (state === this.drawnButtons) return;
    this.drawnButtons = state;
    if (run === undefined) {
      this.buttons.replaceChildren();
      return;
    }
    const disabled = trusted ? {} : { disabled: 'This workspace is not trusted: it can be looked at, but not trained or debugged.' };
    const make = (label: string, action: TrainingAction, primary = false) =>
      button({ label, primary, ...disabled, press: () => void this.host.request('training', { action, run: run.folder }).catch(() => {}) });
    const own: Readonly<Record<RunSummary['status']['kind'], readonly HTMLElement[]>> = {
      running: [make('Pause', 'pause', true), make('Cancel', 'cancel')],
      paused: [make('Resume', 'resume', true)],
      cancelled: [make('Resume', 'resume', true)],
      failed: [make('Resume from last checkpoint', 'resume', true)],
      done: [],
    };
    this.buttons.replaceChildren(
      ...own[run.status.kind],
      make('Debug this checkpoint', 'debug', run.status.kind === 'done'),
      make('All figures and samples', 'page'),
    );
    if (!trusted) this.buttons.append(element('span', 'second', 'Restricted mode: a trusted workspace can train and debug.'));
  }
}
