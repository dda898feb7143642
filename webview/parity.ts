// How near the replay of a model of others is to the model, always in sight: a line below the picture, and a banner where it is not near enough.

import { lostText, type PartParity, parityLimit, wrongParts } from '../src/shared/foreign.ts';
import type { TraceState } from '../src/shared/messages.ts';
import { element } from './controls.ts';

/** The line below the picture; undefined for models of one's own. */
export function parityLine({ parts, idle = [] }: TraceState): HTMLElement | undefined {
  if (parts === undefined) return undefined;
  const wrong = wrongParts(parts);
  const lost = parts.filter((each) => each.lost !== undefined).map(lostText);
  const details = [...parts.map(partText), ...lost, ...idle.map(({ part, why }) => `${part}: no values, ${why}`)];
  const line = element('div', `parity${wrong.length > 0 ? ' wrong' : ''}`);
  const first = element('span', 'verdict', summary(parts));
  line.append(first);
  if (idle.length > 0) line.append(element('span', 'idle', idle.map(({ part, why }) => `${part} has no values: ${why}`).join('; ')));
  if (lost.length > 0) line.append(element('span', 'idle', lost.join(' ')));
  line.title = details.join('\n');
  line.tabIndex = 0;
  line.setAttribute('role', 'note');
  line.setAttribute('aria-label', [summary(parts), ...details].join('. '));
  return line;
}

/** Above the picture, where values are not those of the model; undefined where they are. */
export function parityBanner({ parts = [] }: TraceState): HTMLElement | undefined {
  const wrong = wrongParts(parts);
  if (wrong.length === 0) return undefined;
  const names = wrong.map(({ part, value }) => `${part} (by ${exponent(value!)})`).join(', ');
  const title = element('strong', '', `The replay differs from the model: ${names}`);
  const text = `Above ${exponent(Math.min(...wrong.map(parityLimit)))}, what is shown of ${wrong.length === 1 ? 'this part' : 'these parts'} is not what the model computed.`;
  const box = element('div', 'banner', element('div', 'text', title, element('div', 'second', text)));
  box.setAttribute('role', 'alert');
  return box;
}

/** `replay equals the model to 2e−7` */
function summary(parts: readonly PartParity[]): string {
  const measured = parts.flatMap(({ value }) => value ?? []);
  if (parts.length === 0) return 'no part of the model was replayed';
  if (measured.length === 0) return 'the model gives nothing to compare the replay with';
  const worst = Math.max(...measured);
  const open = parts.length - measured.length;
  const rest = open === 0 ? '' : `, ${open} of ${parts.length} parts not compared`;
  if (wrongParts(parts).length > 0) return `replay differs from the model by ${exponent(worst)}${rest}`;
  const rounding = parts.some(({ halves }) => halves) ? ', which rounds to halves' : '';
  return `replay equals the model${worst === 0 ? ' to the last bit' : ` to ${exponent(worst)}`}${rounding}${rest}`;
}

const partText = ({ part, value }: PartParity): string =>
  value === undefined ? `${part}: nothing in the model to compare with` : `${part}: ${value === 0 ? 'to the last bit' : exponent(value)}`;

const exponent = (value: number): string => (Number.isFinite(value) ? value.toExponential(0).replace('-', '−') : 'NaN');
