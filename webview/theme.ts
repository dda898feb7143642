// The editor's colours and fonts, read from the variables that VS Code sets, once for each theme.

import type { Identity } from '../src/shared/messages.ts';
import { type Appearance, HUES } from './colour.ts';

export interface Theme {
  readonly appearance: Appearance;
  readonly foreground: string;
  /** For what is second: units, explanations. */
  readonly description: string;
  /** Axes and outlines. */
  readonly dim: string;
  readonly grid: string;
  readonly background: string;
  /** Boxes on the background. */
  readonly raised: string;
  readonly border: string;
  readonly focus: string;
  readonly link: string;
  readonly error: string;
  readonly selection: string;
  readonly selectionText: string;
  readonly cursor: string;
  /** Around the cursor, so that it is seen on any colour. */
  readonly halo: string;
  readonly font: string;
  readonly mono: string;
  readonly highContrast: boolean;
  readonly hue: Readonly<Record<Identity, string>>;
}

export function readTheme(body: HTMLElement = document.body): Theme {
  const style = getComputedStyle(body);
  const highContrast = body.classList.contains('vscode-high-contrast') || body.classList.contains('vscode-high-contrast-light');
  const light = body.classList.contains('vscode-light') || body.classList.contains('vscode-high-contrast-light');
  const appearance: Appearance = light ? 'light' : highContrast ? 'contrast' : 'dark';
  const variable = (name: string, otherwise: string): string => style.getPropertyValue(`--vscode-${name}`).trim() || otherwise;
  const foreground = variable('foreground', light ? '#3b3b3b' : '#cccccc');
  const background = variable('editor-background', light ? '#ffffff' : '#1f1f1f');
  const faint = (share: number) => `color-mix(in srgb, ${foreground} ${share}%, ${background})`;
  return {
    appearance,
    foreground,
    description: highContrast ? foreground : variable('descriptionForeground', faint(70)),
    dim: resolved(body, faint(highContrast ? 80 : 46)),
    grid: resolved(body, faint(highContrast ? 38 : 13)),
    background,
    raised: variable('editorWidget-background', background),
    border: variable('editorWidget-border', faint(20)),
    focus: variable('focusBorder', '#0078d4'),
    link: variable('textLink-foreground', '#4daafc'),
    error: variable('editorError-foreground', '#f85149'),
    selection: variable('list-activeSelectionBackground', faint(20)),
    selectionText: variable('list-activeSelectionForeground', foreground),
    cursor: appearance === 'contrast' ? '#ffff00' : light ? '#000000' : '#ffffff',
    halo: light ? '#ffffff' : '#000000',
    font: variable('font-family', 'system-ui, sans-serif'),
    mono: variable('editor-font-family', 'monospace'),
    highContrast,
    hue: HUES[appearance],
  };
}

/** A computed colour: canvases and SVG files know no mixtures. */
function resolved(body: HTMLElement, colour: string): string {
  const probe = document.createElement('span');
  probe.style.color = colour;
  body.append(probe);
  const result = getComputedStyle(probe).color;
  probe.remove();
  const channels = /^color\(srgb ([\d.]+) ([\d.]+) ([\d.]+)/.exec(result);
  if (channels === null) return result;
  return `rgb(${channels
    .slice(1)
    .map((channel) => Math.round(Number(channel) * 255))
    .join(' ')})`;
}
