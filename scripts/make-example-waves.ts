// Writes examples/waves.csv: the equation of Mackey & Glass (1977), in which what is produced answers to what there was 17 days ago. It swings, and never twice
// the same way: to say what comes next one has to remember.

import { chanceOf, writeExample } from './examples/chance.ts';

const DELAY = 17;
/** Steps of the integration in a day, days between two rows, rows. */
const FINE = 10;
const EVERY = 2;
const ROWS = 3000;

const chance = chanceOf('waves');
const past = Array.from({ length: DELAY * FINE + 1 }, () => 1.2 + 0.02 * chance.normal());
const rows: string[] = [];
for (let step = 1; rows.length < ROWS; step += 1) {
  const now = past.at(-1)!;
  const then = past[past.length - 1 - DELAY * FINE]!;
  past.push(now + ((0.2 * then) / (1 + then ** 10) - 0.1 * now) / FINE);
  // The first swings still show where it began.
  const day = step / FINE - 300;
  if (day >= 0 && day % EVERY === 0) rows.push(`${day},${(past.at(-1)! + 0.004 * chance.normal()).toFixed(3)}`);
}
writeExample('waves.csv', `day,level\n${rows.join('\n')}\n`);
