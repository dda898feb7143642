// Redraws once a frame, however often it is asked; who asks can wait until it is drawn.

export class Painter {
  private readonly draw: () => void;
  private waiting: (() => void)[] | undefined;

  constructor(draw: () => void) {
    this.draw = draw;
  }

  /** Settles after the next frame. */
  ask(): Promise<void> {
    if (this.waiting === undefined) {
      this.waiting = [];
      requestAnimationFrame(() => this.frame());
    }
    return new Promise((resolve) => this.waiting!.push(resolve));
  }

  private frame(): void {
    const waiting = this.waiting ?? [];
    this.waiting = undefined;
    this.draw();
    for (const resolve of waiting) resolve();
  }
}
