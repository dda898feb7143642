// The reproductions by the names that `unroll reproduce` knows them by.

import { adding } from './adding.ts';
import { copying } from './copying.ts';
import { flipFlop } from './flip-flop.ts';
import { horizon } from './horizon.ts';
import { initialisation } from './initialisation.ts';
import type { Reproduction } from './reproduction.ts';
import { temporalOrder } from './temporal-order.ts';
import { timescale } from './timescale.ts';

export const reproductions: Readonly<Record<string, Reproduction>> = {
  timescale,
  initialisation,
  horizon,
  adding,
  copy: copying,
  'temporal-order': temporalOrder,
  'flip-flop': flipFlop,
};
