// Runs that write stay open between two requests, so that a conversation builds its model, reads its weights and opens its sessions once.

import type { Model } from '../graph/model.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { GenerateSettings } from '../shared/settings.ts';
import { checkpointStamp } from '../training/checkpoint.ts';
import { RowWriter } from '../training/decoding/write.ts';
import { checkpointsOf } from '../training/run.ts';
import type { TrainerState } from '../training/trainer.ts';
import { checkpointOf } from './chosen-weights.ts';
import { loadData } from './features.ts';
import { openRunModel, type RunModel } from './job.ts';
import type { Reader } from './sequence.ts';

/** A run with its weights, as its newest sound checkpoint has them. */
export interface OpenRun extends RunModel {
  readonly reader: Reader;
  readonly weights: TrainerState;
  /** What writes rows; search and length of the settings are said anew for each row. Throws RunError. */
  writer(settings: GenerateSettings, attention?: boolean): Promise<RowWriter>;
}

interface Kept {
  /** Of the checkpoint that it was opened with. */
  readonly stamp: string;
  readonly run: Promise<ClosableRun>;
  users: number;
  timer?: NodeJS.Timeout;
}

interface ClosableRun extends OpenRun {
  close(): Promise<void>;
}

/** Runs that are open at once. */
const MOST = 2;
/** Milliseconds after which a run is closed that nobody has asked anything. */
const IDLE = 10 * 60_000;

export class OpenRuns {
  readonly #runtime: Runtime;
  readonly #idle: number;
  /** By their folders, that which was used last at the end. */
  readonly #kept = new Map<string, Kept>();

  constructor(runtime: Runtime, idle = IDLE) {
    this.#runtime = runtime;
    this.#idle = idle;
  }

  /** How many are open. */
  get size(): number {
    return this.#kept.size;
  }

  /** The run stays open at least until `action` is done. A run that has a newer checkpoint is opened anew. */
  async use<Done>(folder: string, action: (run: OpenRun) => Promise<Done>): Promise<Done> {
    const stamp = await checkpointStamp(checkpointsOf(folder));
    let kept = this.#kept.get(folder);
    if (kept?.stamp !== stamp) {
      if (kept !== undefined) this.#drop(folder, kept);
      kept = { stamp, run: open(folder, this.#runtime), users: 0 };
    }
    clearTimeout(kept.timer);
    this.#kept.delete(folder);
    this.#kept.set(folder, kept);
    kept.users += 1;
    for (const [oldest, each] of this.#kept) if (this.#kept.size > MOST) this.#drop(oldest, each);
    try {
      return await action(await kept.run);
    } catch (error) {
      // What could not be opened is tried again.
      await kept.run.catch(() => this.#drop(folder, kept));
      throw error;
    } finally {
      kept.users -= 1;
      this.#rest(folder, kept);
    }
  }

  #rest(folder: string, kept: Kept): void {
    if (kept.users > 0) return;
    if (this.#kept.get(folder) !== kept) {
      closed(kept);
      return;
    }
    clearTimeout(kept.timer);
    kept.timer = setTimeout(() => this.#drop(folder, kept), this.#idle);
    kept.timer.unref();
  }

  #drop(folder: string, kept: Kept): void {
    clearTimeout(kept.timer);
    if (this.#kept.get(folder) === kept) this.#kept.delete(folder);
    if (kept.users === 0) closed(kept);
  }
}

/** What could not be opened has nothing to close. */
function closed({ run }: Kept): void {
  run.then((each) => each.close()).catch(() => undefined);
}

async function open(folder: string, runtime: Runtime): Promise<ClosableRun> {
  const opened = await openRunModel(folder);
  const { run, model, shapes } = opened;
  const reader: Reader = { model, shapes, kept: run.data, dataset: () => loadData(run.record.data, shapes, run.data) };
  const { state: weights } = await checkpointOf(run);
  const writers = new Map<string, Promise<RowWriter>>();
  let padded: Model | undefined;
  return {
    ...opened,
    reader,
    weights,
    writer(settings, attention = false) {
      const key = JSON.stringify([settings.copy, settings.prompt, attention]);
      let writer = writers.get(key);
      if (writer === undefined) {
        padded ??= opened.padded();
        writer = RowWriter.open({ ...reader, model: padded }, weights, settings, runtime, attention);
        writers.set(key, writer);
        writer.catch(() => writers.delete(key));
      }
      return writer;
    },
    async close() {
      for (const writer of writers.values()) await (await writer).close();
    },
  };
}
