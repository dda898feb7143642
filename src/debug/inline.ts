// What stands at the ends of source lines while stopped: each line's value in a few characters.

import type { SourceRange } from '../shared/source.ts';
import type { SequenceDescription } from '../shared/trace.ts';
import { readTensor } from './evaluate.ts';
import { Names } from './names.ts';
import type { Position, Stepper } from './stepper.ts';
import { quoted, shortText } from './tensor.ts';
import { describeValue, type TraceValues } from './values.ts';

export interface InlineValue {
  readonly range: SourceRange;
  /** `.76 ▁▂▂▅`; of the timestep before where the line comes later: `.71 ▁▂▃▅ (t − 1)`. */
  readonly text: string;
  readonly past: boolean;
}

/** The texts of all lines of the cells on the stack. Where two frames are in one cell, the inner one's. Values over a whole sequence are
 *  left out. */
export const inlineValues = async (stepper: Stepper, position: Position, values: TraceValues): Promise<readonly InlineValue[]> => {
  const frames = stepper.frames(position);
  const taken = new Set<string>();
  const wanted = frames.flatMap((frame, index) => {
    const { instance } = frame.site;
    const place = `${instance.definition.uri} ${instance.definition.start.line}`;
    if (taken.has(place)) return [];
    taken.add(place);
    const names = new Names(stepper, position, index);
    return instance.lines.map((line) => ({ line, names, instance }));
  });
  const texts = await Promise.all(
    wanted.map(async ({ line, names, instance }): Promise<InlineValue | undefined> => {
      const moment = names.momentOf(instance, line.name);
      if (moment.kind === 'notYet' || moment.kind === 'all') return undefined;
      const tensor = await readTensor(values, describeValue(instance, line.name)!, moment.kind === 'at' ? moment.t : 'once', false);
      const past = moment.kind === 'at' && moment.past;
      return { range: line.range, text: `${shortText(tensor)}${past ? ` (t = ${moment.t})` : ''}`, past };
    }),
  );
  return texts.filter((text) => text !== undefined);
};

/** `t = 17 of 100, 'e'`. */
export const timeText = ({ steps, tokens }: SequenceDescription, t: number): string =>
  `t = ${t} of ${steps}${tokens[t] === undefined ? '' : `, ${quoted(tokens[t])}`}`;
