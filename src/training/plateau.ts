// When a loss has stopped falling: what early stopping and the plateau schedule wait for.

/** Plain data, kept in checkpoints: a training that is taken up again waits on as if it had not stopped. */
export interface Waiting {
  /** The least loss so far; absent before the first. */
  readonly best?: number;
  /** Validations since. */
  readonly since: number;
}

export const fresh: Waiting = { since: 0 };

/** One more validation. A loss that is no finite number has not fallen. */
export function heard({ best, since }: Waiting, loss: number): Waiting {
  if (Number.isFinite(loss) && (best === undefined || loss < best)) return { best: loss, since: 0 };
  return { ...(best === undefined ? {} : { best }), since: since + 1 };
}
