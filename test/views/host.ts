// A views' model without an editor, and a webview without a page.

import { Bridge } from '../../src/shared/bridge.ts';
import type { HostRequests, Numbers, ViewState, WebviewRequests } from '../../src/shared/messages.ts';
import { unpack } from '../../src/shared/packed.ts';
import type { ExportedFile } from '../../src/views/export.ts';
import { ViewModel } from '../../src/views/model.ts';
import { ports } from './gallery/ports.ts';
import { formulaRun } from './gallery/runs.ts';
import { FormulaTrace, textOf } from './gallery/traces.ts';

export interface Fixture {
  readonly model: ViewModel;
  readonly went: number[];
  readonly saved: ExportedFile[];
}

export function fixture(format: ExportedFile['format'] = 'csv', go?: (t: number) => Promise<void>): Fixture {
  const went: number[] = [];
  const saved: ExportedFile[] = [];
  const model = new ViewModel(
    {
      go: async (t) => {
        went.push(t);
        await go?.(t);
      },
      action: async () => {},
      training: async () => {},
      records: async (run) => (run.name === 'old' ? formulaRun('old', '', 1, 40, 40, { kind: 'done' }, 1).records : []),
      save: async (_title, file) => {
        saved.push(await file(format));
        return 'file';
      },
    },
    true,
  );
  return { model, went, saved };
}

/** A webview without a page: keeps what it is told. */
export async function webview(model: ViewModel, view: 'panel' | 'gates' = 'panel') {
  const [host, page] = ports();
  const detach = model.attach(host);
  const numbers = new Map<Numbers['part'], Numbers>();
  const parts: Numbers['part'][] = [];
  let state: ViewState | undefined;
  const bridge = new Bridge<WebviewRequests, HostRequests>(page, {
    change: (change) => {
      state = { ...state!, ...change };
      return {};
    },
    numbers: (part) => {
      parts.push(part.part);
      numbers.set(part.part, part);
      return {};
    },
    picture: () => new TextEncoder().encode('<svg/>').buffer as ArrayBuffer,
  });
  state = await bridge.request('ready', { view });
  return {
    bridge,
    detach,
    parts,
    state: () => state!,
    numbers: <Part extends Numbers['part']>(part: Part) => numbers.get(part) as Extract<Numbers, { part: Part }>,
    array: (part: Numbers['part'], name: string) => unpack((numbers.get(part) as Numbers).values)[name],
    settled: async () => {
      await model.settled();
      await new Promise((resolve) => setTimeout(resolve, 10));
    },
  };
}

export const kindOf = (model: ViewModel): string => model.state.status.kind;

export const lstm = (steps = 400, units = 16) =>
  new FormulaTrace({ cell: 'lstm', units, text: textOf(steps), seed: 7, objective: { kind: 'lossAt', t: 52 } });
