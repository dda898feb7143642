// A training run's records as curves and figures, pooled to the pixels that show them.

import type { TrainingFigures, TrainingNumbers } from '../shared/messages.ts';
import { pack } from '../shared/packed.ts';
import type { LayerLook, RunSummary, StepRecord } from '../shared/training.ts';
import { columnOf } from './pooling.ts';

/** A run with what it has said so far. */
export interface RunRecords {
  readonly summary: RunSummary;
  readonly records: readonly StepRecord[];
  /** The norm at which gradients are clipped, where it is known. */
  readonly clip?: number;
}

/** Bars of the clip rate and points of the speed. */
const BARS = 60;

/** The last values: loss over 50 steps, clip rate over 100. */
export function figuresOf({ summary, records }: RunRecords): TrainingFigures | undefined {
  const last = records.at(-1);
  if (last === undefined) return undefined;
  // Records may be a choice of the steps.
  const newest = (steps: number) => records.slice(-steps).filter(({ step }) => step > last.step - steps);
  const mean = (numbers: readonly number[]) => numbers.reduce((sum, v) => sum + v, 0) / Math.max(1, numbers.length);
  const measured = records.findLast((record) => record.validationLoss !== undefined);
  return {
    step: last.step,
    steps: summary.steps,
    loss: mean(newest(50).map((record) => record.loss)),
    ...(measured === undefined ? {} : { validation: { loss: measured.validationLoss!, step: measured.step } }),
    stepsPerSecond: mean(newest(50).map((record) => record.stepsPerSecond)),
    ...(last.secondsLeft === undefined || summary.status.kind !== 'running' ? {} : { secondsLeft: last.secondsLeft }),
    clipped: mean(newest(100).map((record) => Number(record.clipped))),
  };
}

/** The norm of clipping: as given, else between what was clipped and what was not. */
export function clipOf({ records, clip }: RunRecords): number | undefined {
  if (clip !== undefined) return clip;
  const clipped = records.filter((record) => record.clipped).map((record) => record.gradientNorm);
  return clipped.length > 0 ? Math.min(...clipped) : undefined;
}

/** Arrays as TrainingNumbers names them, with at most two points a pixel. */
export function trainingNumbers(run: RunRecords, overlays: readonly RunRecords[], width: number): TrainingNumbers {
  const { records } = run;
  const columns = Math.max(1, Math.min(records.length, width));
  const step = new Float32Array(columns);
  const low = new Float32Array(columns).fill(Infinity);
  const high = new Float32Array(columns).fill(-Infinity);
  const smooth = new Float32Array(columns);
  const averages = smoothed(records);
  records.forEach((record, index) => {
    const column = columnOf(index, records.length, columns);
    step[column] = record.step;
    low[column] = Math.min(low[column]!, record.loss);
    high[column] = Math.max(high[column]!, record.loss);
    smooth[column] = averages[index]!;
  });
  const validated = records.filter((record) => record.validationLoss !== undefined);
  const norms = thinned(records, Math.max(1, Math.floor(width)));
  const bars = barsOf(records);
  return {
    part: 'training',
    run: run.summary.folder,
    values: pack({
      step,
      low,
      high,
      smooth,
      validationStep: validated.map((record) => record.step),
      validation: validated.map((record) => record.validationLoss!),
      normStep: norms.map((record) => record.step),
      norm: norms.map((record) => record.gradientNorm),
      normClipped: norms.map((record) => Number(record.clipped)),
      clipStep: bars.map((bar) => bar.step),
      clipRate: bars.map((bar) => bar.clipped),
      ...memoryCurves(records),
      speedStep: bars.map((bar) => bar.step),
      speed: bars.map((bar) => bar.speed),
      ...Object.fromEntries(overlays.flatMap((overlay) => overlayCurve(overlay, columns))),
    }),
  };
}

/** Exponential mean over about 25 steps, fewer at the start; applied twice and extrapolated (Mulloy 1994), so that it does not lag behind a falling loss. */
function smoothed(records: readonly StepRecord[]): number[] {
  let once = records[0]?.loss ?? Number.NaN;
  let twice = once;
  let before = 0;
  return records.map(({ loss, step }) => {
    const take = 1 - Math.min(0.96, step / (step + 4)) ** (step - before);
    before = step;
    if (Number.isFinite(loss)) {
      once += take * (loss - once);
      twice += take * (once - twice);
    }
    return 2 * once - twice;
  });
}

/** The record with the largest norm of each of `columns` stretches: peaks stay. */
function thinned(records: readonly StepRecord[], columns: number): readonly StepRecord[] {
  if (records.length <= columns) return records;
  const largest: StepRecord[] = [];
  records.forEach((record, index) => {
    const column = columnOf(index, records.length, columns);
    if (!(largest[column] !== undefined && largest[column].gradientNorm >= record.gradientNorm)) largest[column] = record;
  });
  return largest;
}

/** Lags that are drawn. */
const LAGS = 4;

/** Gradients by lag over the training: of the layer that forgets soonest by the last look, its state that lasts longest. */
function memoryCurves(records: readonly StepRecord[]): Record<string, number[]> {
  const looks = records.flatMap(({ step, memory }) => (memory === undefined ? [] : [{ step, layers: memory.layers }]));
  const left = ({ gradient }: LayerLook): number => Math.max(...Object.values(gradient).map((values) => values.at(-1) ?? 0));
  const told = (looks.at(-1)?.layers ?? []).filter(({ gradient, lags }) => lags.length > 0 && Object.keys(gradient).length > 0);
  if (told.length === 0) return {};
  const { layer, lags, gradient } = told.reduce((worst, each) => (left(each) < left(worst) ? each : worst));
  const [state] = Object.entries(gradient).reduce((best, each) => (each[1].at(-1)! > best[1].at(-1)! ? each : best));
  const chosen =
    lags.length <= LAGS ? lags : Array.from({ length: LAGS }, (_, k) => lags[Math.round(((k + 1) * (lags.length - 1)) / LAGS)]!);
  const at = (layers: readonly LayerLook[], lag: number): number => {
    const own = layers.find((each) => each.layer === layer);
    return own?.gradient[state]?.[own.lags.indexOf(lag)] ?? Number.NaN;
  };
  return {
    memoryStep: looks.map(({ step }) => step),
    ...Object.fromEntries(chosen.map((lag) => [`memory:${layer}:${state}:${lag}`, looks.map(({ layers }) => at(layers, lag))])),
  };
}

function barsOf(records: readonly StepRecord[]): readonly { readonly step: number; readonly clipped: number; readonly speed: number }[] {
  const columns = Math.min(BARS, records.length);
  const bars = Array.from({ length: columns }, () => ({ n: 0, step: 0, clipped: 0, speed: 0 }));
  records.forEach((record, index) => {
    const bar = bars[columnOf(index, records.length, columns)]!;
    bar.n++;
    bar.step = record.step;
    bar.clipped += Number(record.clipped);
    bar.speed += record.stepsPerSecond;
  });
  return bars.map(({ n, step, clipped, speed }) => ({ step, clipped: clipped / n, speed: speed / n }));
}

function overlayCurve({ summary, records }: RunRecords, columns: number): readonly (readonly [name: string, values: readonly number[]])[] {
  const validated = records.filter((record) => record.validationLoss !== undefined);
  const averages = smoothed(records);
  const points =
    validated.length > 1
      ? validated.map((record) => [record.step, record.validationLoss!] as const)
      : records
          .map((record, index) => [record.step, averages[index]!] as const)
          .filter(
            (_, index) =>
              index === records.length - 1 || columnOf(index, records.length, columns) !== columnOf(index + 1, records.length, columns),
          );
  return [
    [`overlayStep:${summary.folder}`, points.map(([step]) => step)],
    [`overlay:${summary.folder}`, points.map(([, loss]) => loss)],
  ];
}
