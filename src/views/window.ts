// Which timesteps are in view.

import type { Window } from '../shared/messages.ts';

/** A window of `length` timesteps with t in it. */
export function windowAround(t: number, length: number, steps: number): Window {
  const from = Math.max(0, Math.min(t < length ? 0 : Math.round(t - length / 2), steps - length));
  return { from, to: from + length };
}

/** The window that shows t: scrolled by three quarters of itself until it does. */
export function scrolled(window: Window, t: number, steps: number): Window {
  const length = window.to - window.from;
  const stride = Math.max(1, Math.floor(length * 0.75));
  let { from } = window;
  if (t >= from + length) from += Math.ceil((t - (from + length) + 1) / stride) * stride;
  if (t < from) from -= Math.ceil((from - t) / stride) * stride;
  from = Math.max(0, Math.min(from, steps - length));
  return { from, to: from + length };
}

/** What is asked for, whole and inside the sequence, at least two timesteps long. */
export function inside({ from, to }: Window, steps: number): Window {
  const length = Math.max(Math.min(2, steps), Math.min(Math.round(to - from), steps));
  const start = Math.max(0, Math.min(Math.round(from), steps - length));
  return { from: start, to: start + length };
}
