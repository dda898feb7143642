// The reproductions by the names that `unroll reproduce` knows them by.

import { flipFlop } from './flip-flop.ts';
import { initialisation } from './initialisation.ts';
import type { Reproduction } from './reproduction.ts';
import { timescale } from './timescale.ts';

export const reproductions: Readonly<Record<string, Reproduction>> = { timescale, initialisation, 'flip-flop': flipFlop };
