// Figures of the views beside plain numbers: shares, signs, counts, times, tokens.

import { numberText } from './numbers.ts';

const minus = (text: string): string => text.replaceAll('-', '−');

/** A fixed number of decimals without leading zero: for columns of figures. */
export function fixed(number: number, decimals: number): string {
  if (!Number.isFinite(number)) return numberText(number);
  return minus(number.toFixed(decimals).replace(/^(-?)0\./, '$1.'));
}

/** `59 %` of a share 0 .. 1. A share that is not quite nothing or all says so. */
export function percent(share: number, decimals = 0): string {
  if (!Number.isFinite(share)) return numberText(share);
  const text = (share * 100).toFixed(decimals);
  if (share > 0 && Number(text) === 0) return `< ${decimals === 0 ? '1' : '.1'} %`;
  if (share < 1 && Number(text) === 100) return `> ${decimals === 0 ? '99' : '99.9'} %`;
  return `${minus(text.replace(/^(-?)0\./, '$1.'))} %`;
}

/** Two decimals at most, however small: for means beside a picture. */
export const short = (number: number): string => (Math.abs(number) < 9.995 ? fixed(number, 2) : numberText(number));

/** With its sign: `+.51`, `−5.04`. */
export const signed = (number: number): string => (number > 0 ? `+${numberText(number)}` : numberText(number));

/** `10,000`. */
export const count = (number: number): string => minus(Math.round(number).toLocaleString('en-US'));

/** `18 s`, `1:03 min`, `2:05 h`. */
export function duration(seconds: number): string {
  const [figure, unit] = durationParts(seconds);
  return `${figure} ${unit}`;
}

export function durationParts(seconds: number): readonly [figure: string, unit: 's' | 'min' | 'h'] {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return [String(whole), 's'];
  const two = (part: number) => String(part).padStart(2, '0');
  if (whole < 3600) return [`${Math.floor(whole / 60)}:${two(whole % 60)}`, 'min'];
  const minutes = Math.round(whole / 60);
  return [`${Math.floor(minutes / 60)}:${two(minutes % 60)}`, 'h'];
}

/** A token as it is shown: blanks and line ends have signs of their own. */
export function visibleToken(token: string): string {
  return token.replaceAll(' ', '␣').replaceAll('\n', '⏎').replaceAll('\t', '⇥').replaceAll('\r', '␍');
}
