// Reads the values of one layer of a trace in stretches of timesteps, and keeps those read last: only what is visible is ever asked for.

import type { SequenceDescription, Trace } from '../shared/trace.ts';

/** Timesteps that are read and kept together. */
const STRETCH = 64;
/** Numbers of one request, and numbers that are kept. */
const AT_ONCE = 2 ** 22;
const KEPT = 2 ** 24;

export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** By name of the line: [to - from, units]. */
  readonly values: ReadonlyMap<string, Float32Array>;
}

export class Reader {
  private readonly trace: Trace;
  private readonly layer: string;
  private readonly sequence: SequenceDescription;
  /** Numbers a timestep of each line or state. */
  private readonly widths: ReadonlyMap<string, number>;
  /** By `line:stretch`, oldest first. */
  private readonly kept = new Map<string, Float32Array>();
  private size = 0;

  constructor(trace: Trace, layer: string, sequence: SequenceDescription, widths: ReadonlyMap<string, number>) {
    this.trace = trace;
    this.layer = layer;
    this.sequence = sequence;
    this.widths = widths;
  }

  /** Timesteps from .. to-1, in stretches that one request can carry. */
  async *read(lines: readonly string[], from: number, to: number): AsyncGenerator<Stretch> {
    const width = lines.reduce((sum, line) => sum + this.widths.get(line)!, 0);
    const many = Math.max(1, Math.floor(AT_ONCE / Math.max(1, width) / STRETCH)) * STRETCH;
    for (let start = Math.floor(from / STRETCH) * STRETCH; start < to; start += many) {
      const end = Math.min(start + many, Math.ceil(to / STRETCH) * STRETCH, this.sequence.steps);
      const whole = await this.stretches(lines, start, end);
      const first = Math.max(from, start);
      const last = Math.min(to, end);
      const cut = new Map(
        [...whole].map(([line, values]) => {
          const width = this.widths.get(line)!;
          return [line, values.subarray((first - start) * width, (last - start) * width)];
        }),
      );
      yield { from: first, to: last, values: cut };
    }
  }

  /** All of from .. to-1 at once: for windows that are known to be small. */
  async all(lines: readonly string[], from: number, to: number): Promise<ReadonlyMap<string, Float32Array>> {
    const whole = new Map(lines.map((line) => [line, new Float32Array((to - from) * this.widths.get(line)!)]));
    for await (const stretch of this.read(lines, from, to))
      for (const [line, values] of stretch.values) whole.get(line)!.set(values, (stretch.from - from) * this.widths.get(line)!);
    return whole;
  }

  private async stretches(lines: readonly string[], start: number, end: number): Promise<Map<string, Float32Array>> {
    const places: number[] = [];
    for (let at = start; at < end; at += STRETCH) places.push(at);
    const missing = lines.filter((line) => places.some((at) => !this.kept.has(`${line}:${at}`)));
    const read = missing.length > 0 ? await this.request(missing, start, end) : [];
    return new Map(
      lines.map((line) => {
        const fresh = read[missing.indexOf(line)];
        return [line, fresh === undefined ? this.join(line, places, start, end) : this.keep(line, fresh, places, start)];
      }),
    );
  }

  private request(lines: readonly string[], from: number, to: number): Promise<readonly Float32Array[]> {
    return this.trace.read({ addresses: lines.map((line) => ({ instance: this.layer, line })), from, to });
  }

  private join(line: string, places: readonly number[], start: number, end: number): Float32Array {
    const width = this.widths.get(line)!;
    const whole = new Float32Array((end - start) * width);
    for (const at of places) {
      const key = `${line}:${at}`;
      const values = this.kept.get(key)!;
      this.kept.delete(key);
      this.kept.set(key, values);
      whole.set(values, (at - start) * width);
    }
    return whole;
  }

  private keep(line: string, values: Float32Array, places: readonly number[], start: number): Float32Array {
    const width = this.widths.get(line)!;
    for (const at of places) {
      const key = `${line}:${at}`;
      this.size -= this.kept.get(key)?.length ?? 0;
      const part = values.slice((at - start) * width, (at - start + STRETCH) * width);
      this.kept.delete(key);
      this.kept.set(key, part);
      this.size += part.length;
    }
    for (const [key, oldest] of this.kept) {
      if (this.size <= KEPT) break;
      this.kept.delete(key);
      this.size -= oldest.length;
    }
    return values;
  }
}
