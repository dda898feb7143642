// Work that is only worth doing for the newest state: asked for again while it runs, it runs once more afterwards, and earlier runs learn that they are stale.

export class Latest {
  private readonly work: (stale: () => boolean) => Promise<void>;
  private readonly failed: (error: unknown) => void;
  private generation = 0;
  private stopped = 0;
  private running: Promise<void> | undefined;

  constructor(work: (stale: () => boolean) => Promise<void>, failed: (error: unknown) => void) {
    this.work = work;
    this.failed = failed;
  }

  /** Settles when no run is left. */
  ask(): Promise<void> {
    this.generation++;
    this.running ??= this.run().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  /** Tells a run that it is stale, without another. */
  stop(): void {
    this.generation++;
    this.stopped = this.generation;
  }

  /** Settles when nothing runs. */
  async idle(): Promise<void> {
    await this.running;
  }

  private async run(): Promise<void> {
    // Askers of the same turn are answered by one run.
    await Promise.resolve();
    for (let done = 0; done !== this.generation && this.generation !== this.stopped; ) {
      const generation = this.generation;
      try {
        await this.work(() => generation !== this.generation);
      } catch (error) {
        if (generation === this.generation) this.failed(error);
      }
      done = generation;
    }
  }
}
