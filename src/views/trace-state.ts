// What of the views' state a trace and a layer tell by themselves.

import type { TraceState } from '../shared/messages.ts';
import { alongOf, type InstanceDescription, type Trace } from '../shared/trace.ts';
import type { Layer } from './layer.ts';
import { trajectoriesOf } from './trajectory.ts';

/** Timesteps that are shown at first. */
export const FIRST_WINDOW = 60;

/** What is shown as a layer: cells that run and remember, then attention that stands within them, as each head of several does. */
export function layersOf({ description: { instances } }: Trace): InstanceDescription[] {
  const running = instances.filter((instance) => instance.runs && instance.states.length > 0);
  const looking = instances.filter(({ lines }) => lines.some(({ attention, perStep }) => attention === true && perStep));
  return [...new Set([...running, ...looking])];
}

/** What of the state is the trace's and the layer's own. */
export function describe(trace: Trace, layer: Layer): Omit<TraceState, 't' | 'unit' | 'tint' | 'tints'> {
  const { model, title, objective, parity, outputs, parts, idle } = trace.description;
  const { steps, by } = layer.sequence;
  return {
    model,
    title,
    steps,
    by,
    layers: layersOf(trace).map((instance) => {
      const { path, cell, reverse } = instance;
      const along = alongOf(instance);
      const over = along === undefined ? '' : ` · ${along}`;
      return { path, cell, label: `${path} · ${cell}${over}${reverse ? ' ←' : ''}`, ...(along === undefined ? {} : { along }) };
    }),
    ...(layer.along === undefined ? {} : { along: layer.along }),
    layer: layer.instance.path,
    rows: layer.rows,
    structure: layer.structure,
    inputs: layer.instance.inputs.map(({ name, shape }) => ({ name, shape })),
    units: layer.units,
    pins: [],
    order: 'timescale',
    window: { from: 0, to: Math.min(FIRST_WINDOW, steps) },
    objective,
    parity,
    ...(outputs === undefined ? {} : { outputs }),
    ...(parts === undefined ? {} : { parts }),
    ...(idle === undefined ? {} : { idle }),
    trajectory: trajectoriesOf(layer)[0] ?? '',
    trajectories: trajectoriesOf(layer),
    gradient: hasGradient(trace),
    gradientWaits: hasGradient(trace) && layer.long,
  };
}

/** A model without a loss has no gradients, unless they are of outputs. */
const hasGradient = ({ description }: Trace): boolean =>
  description.outputs !== undefined || description.instances.some(({ lines }) => lines.some(({ role }) => role === 'loss'));

/** Surprise is there where a model predicts its own input; where it does not, asking for it fails. */
export async function tintsOf(trace: Trace, { along, stateRows }: Layer): Promise<TraceState['tints']> {
  const surprise = along === undefined && (await surpriseOf(trace));
  return [...(surprise ? (['surprise'] as const) : []), ...(hasGradient(trace) && stateRows.length > 0 ? (['gradient'] as const) : [])];
}

function surpriseOf(trace: Trace): Promise<boolean> {
  return trace.summary({ kind: 'surprise' }).then(
    (values) => values.some(Number.isFinite),
    () => false,
  );
}
