// Which runs the tree shows, and in which order.

import { basename, dirname, relative } from 'node:path';
import type { RunSummary } from '../shared/training.ts';
import { isGain, nameOf } from './pages/figures.ts';

/** `metric:accuracy` puts the best first; so does `loss`, by the validation loss. */
export type RunOrder = 'newest' | 'name' | 'loss' | `metric:${string}`;

/** Runs of one source. */
export interface RunGroup {
  readonly kind: 'source';
  /** Absolute; '' where it is not known. */
  readonly file: string;
  readonly label: string;
  /** Its folder, from the root; '' for the root itself. */
  readonly place: string;
  readonly runs: readonly RunSummary[];
}

/** The runs that fit the filter, in order. Every word of it stands somewhere in the name, model, settings, state, device or note. */
export function arranged(runs: readonly RunSummary[], order: RunOrder, filter = ''): RunSummary[] {
  const words = folded(filter).split(/\s+/).filter(Boolean);
  const fitting = runs.filter((run) => words.every((word) => textOf(run).includes(word)));
  return fitting.sort(comparisons(order));
}

/** The runs by their sources, in the order of the sources' paths; the order within a source stays. */
export function grouped(runs: readonly RunSummary[], root = ''): RunGroup[] {
  return [...Map.groupBy(runs, ({ file }) => file ?? '')]
    .map(([file, own]) => {
      const place = file === '' ? '' : root === '' ? dirname(file) : relative(root, dirname(file));
      return { kind: 'source', file, label: file === '' ? 'unknown source' : basename(file), place, runs: own } as const;
    })
    .sort((a, b) => a.file.localeCompare(b.file));
}

export interface OrderChoice {
  readonly order: RunOrder;
  readonly label: string;
}

/** The orders that make sense for these runs. */
export function ordersOf(runs: readonly RunSummary[]): OrderChoice[] {
  const metrics = [...new Set(runs.flatMap(({ metrics }) => Object.keys(metrics ?? {})))].sort();
  const orders: RunOrder[] = [
    'newest',
    'name',
    ...(runs.some(({ validationLoss }) => validationLoss !== undefined) ? (['loss'] as const) : []),
    ...metrics.map((metric) => `metric:${metric}` as const),
  ];
  return orders.map((order) => ({ order, label: orderText(order) }));
}

/** `newest first`, `by accuracy, best first`. */
export function orderText(order: RunOrder): string {
  if (order === 'newest') return 'newest first';
  if (order === 'name') return 'by name';
  return `by ${order === 'loss' ? 'validation loss' : nameOf(metricOf(order))}, best first`;
}

function comparisons(order: RunOrder): (a: RunSummary, b: RunSummary) => number {
  // `started` is missing only where a run was made by hand; what has none keeps its place behind.
  if (order === 'newest') return (a, b) => compared(b.started ?? '', a.started ?? '');
  if (order === 'name') return (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true });
  if (order === 'loss') return (a, b) => best(a.validationLoss, b.validationLoss, false);
  const metric = metricOf(order);
  return (a, b) => best(a.metrics?.[metric], b.metrics?.[metric], isGain(metric));
}

const metricOf = (order: `metric:${string}`): string => order.slice('metric:'.length);

const compared = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** What was not measured, or is no number, comes last. */
function best(a: number | undefined, b: number | undefined, more: boolean): number {
  const [known, other] = [Number.isFinite(a), Number.isFinite(b)];
  if (!known || !other) return Number(other) - Number(known);
  return more ? b! - a! : a! - b!;
}

const folded = (text: string): string => text.normalize('NFC').toLowerCase();

const textOf = ({ name, model, settings, status, device, note = '' }: RunSummary): string =>
  folded([name, model, settings, status.kind, device, note].join(' '));
