// What stands in a view without a picture, and what lies over one: empty, loading, failed, faulty, not trusted.

import { count, duration, percent } from '../src/shared/figures.ts';
import type { Action, Fault, Status } from '../src/shared/messages.ts';
import { button, element } from './controls.ts';

export interface Doing {
  readonly act: (id: string) => void;
  readonly cancel: () => void;
  readonly trusted: boolean;
}

const UNTRUSTED = 'This workspace is not trusted: it can be looked at, but not trained or debugged.';

function buttons(actions: readonly Action[], { act, trusted }: Doing): HTMLElement {
  const made = actions.map(({ id, label, key }, index) =>
    button({
      label,
      primary: index === 0,
      ...(key === undefined ? {} : { key }),
      ...(trusted || id === 'fault' || id === 'log' || id === 'example' ? {} : { disabled: UNTRUSTED }),
      press: () => act(id),
    }),
  );
  return element('div', 'buttons', ...made);
}

/** In place of a picture. */
export function message(status: Status, doing: Doing): HTMLElement {
  if (status.kind === 'loading') return element('div', 'message', loading(status, doing));
  if (status.kind === 'error')
    return element('div', 'message error', heading(status.title), element('p', '', status.text), buttons(status.actions, doing));
  const actions = status.kind === 'empty' ? status.actions : [];
  const text = 'Debug a model and choose a sequence. The timeline shows every gate and state of it, and the gradient of a loss you pick.';
  const box = element('div', 'message', heading('No sequence yet'), element('p', '', text), buttons(actions, doing));
  if (!doing.trusted) box.append(element('p', '', UNTRUSTED));
  return box;
}

/** Over a picture that stays: what is read, how far it is, and a way to stop it. */
export function loading(status: Extract<Status, { kind: 'loading' }>, { cancel }: Doing): HTMLElement {
  const { what, detail, share, since } = status;
  const title = element('div', '', element('b', '', what), element('span', 'second', ` ${detail}`));
  const bar = element('div', share === undefined ? 'progress unknown' : 'progress', element('div', ''));
  bar.setAttribute('role', 'progressbar');
  bar.setAttribute('aria-label', what);
  const seconds = share === undefined || share <= 0 ? undefined : ((Date.now() - since) / 1000) * (1 / share - 1);
  if (share !== undefined) {
    (bar.firstElementChild as HTMLElement).style.width = `${100 * share}%`;
    bar.setAttribute('aria-valuenow', String(Math.round(100 * share)));
  }
  const left = seconds === undefined || share === undefined ? '' : `${percent(share)} · about ${duration(Math.max(1, seconds))} left`;
  const stop = button({ label: 'Cancel', key: 'Esc', press: cancel });
  return element('div', 'loading', title, bar, element('div', 'second', left), element('div', 'buttons', stop));
}

/** Above a picture: the first value that is no number. */
export function faultBanner(fault: Fault, letter: string, doing: Doing): HTMLElement {
  const title = element(
    'strong',
    '',
    `First value that is no number: t ${count(fault.t)}, ${letter} of ${fault.layer}, unit ${fault.unit}`,
  );
  const box = element('div', 'banner', element('div', 'text', title, element('div', 'second', fault.text)), buttons(fault.actions, doing));
  box.setAttribute('role', 'alert');
  return box;
}

/** In the training view before there is a run. */
export function noRuns(doing: Doing): HTMLElement {
  const text = 'Press Train above a train statement of a model. Loss, gradient norm and speed appear here while it learns.';
  return element(
    'div',
    'message',
    heading('No run yet'),
    element('p', '', text),
    buttons([{ id: 'train', label: 'Train the open model' }], doing),
  );
}

const heading = (text: string): HTMLElement => element('h2', '', text);
