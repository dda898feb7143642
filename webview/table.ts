// The window as a real table: for reading, copying, and for those who hear the page.

import { count, visibleToken } from '../src/shared/figures.ts';
import type { Table } from '../src/shared/messages.ts';
import { numberText } from '../src/shared/numbers.ts';
import { unpack } from '../src/shared/packed.ts';
import { element } from './controls.ts';

/** A table that can be scrolled and has the focus; `current` is the timestep of the cursor. */
export function tableOf({ title, columns, from, tokens, values, cut }: Table, current: number): HTMLElement {
  const arrays = unpack(values);
  const header = (name: string) => {
    const cell = element('th', '', name);
    cell.setAttribute('scope', 'col');
    return cell;
  };
  const heads = [header('t'), header('token'), ...columns.map(({ name, unit }) => header(unit === '' ? name : `${name}, ${unit}`))];
  const lines = tokens.map((token, index) => {
    const t = element('th', '', count(from + index));
    t.setAttribute('scope', 'row');
    const cells = columns.map((_, column) => element('td', '', cellText(arrays[String(column)]?.[index])));
    const line = element('tr', '', t, element('td', 'mono', visibleToken(token)), ...cells);
    if (from + index === current) line.setAttribute('aria-current', 'true');
    return line;
  });
  const shown = cut === undefined ? '' : ` · the first ${count(tokens.length)} of ${count(cut)} timesteps`;
  const caption = element('caption', '', `${title} · t ${count(from)} to ${count(from + tokens.length)}${shown} · Esc closes`);
  const box = element(
    'div',
    'table',
    element('table', '', caption, element('thead', '', element('tr', '', ...heads)), element('tbody', '', ...lines)),
  );
  box.tabIndex = 0;
  box.setAttribute('role', 'region');
  box.setAttribute('aria-label', 'The window as a table');
  return box;
}

const cellText = (value: number | undefined): string => (value === undefined || Number.isNaN(value) ? '–' : numberText(value));
