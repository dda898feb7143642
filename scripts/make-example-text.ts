// Writes examples/village.txt: short stories made by chance, whose structure reaches over long ranges. A quotation that was opened is
// closed, and whatever is said in it is shouted, in capitals: so one has to remember at each letter. Asides in brackets nest and close in
// order. The two people who are introduced at the start of a story are spoken of to its end.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { random } from '../src/shared/random.ts';
import { root } from './root.ts';

const size = 300_000;
const { uniform } = random('village');

const below = (count: number): number => Math.floor(uniform() * count);
const pick = <T>(values: readonly T[]): T => values[below(values.length)]!;
const chance = (share: number): boolean => uniform() < share;

const names = [
  'Ada',
  'Bram',
  'Cora',
  'Dario',
  'Edda',
  'Falk',
  'Greta',
  'Hugo',
  'Ines',
  'Jonas',
  'Kaya',
  'Lorenz',
  'Mira',
  'Nils',
  'Olga',
  'Piet',
];
const trades = ['baker', 'miller', 'weaver', 'potter', 'sailor', 'gardener', 'teacher', 'painter'];
const places = ['the river', 'the old mill', 'the harbour', 'the market', 'the stone bridge', 'the long wall', 'the north gate'];
const things = ['bread', 'a blue jar', 'the lantern', 'a letter', 'the boat', 'a basket of pears', 'the red cloth', 'a clock', 'the map'];
const weathers = ['rain', 'snow', 'wind', 'sun', 'fog'];
const deeds = ['carried', 'found', 'sold', 'lost', 'mended', 'painted', 'wanted', 'brought'];

/** Who is spoken of, to the end of a story. */
interface Cast {
  readonly hero: string;
  readonly friend: string;
}

function story(): string {
  const hero = pick(names);
  const friend = pick(names.filter((other) => other !== hero));
  const sentences = [`There was a ${pick(trades)} named ${hero}, who had a friend, ${friend}.`];
  for (let count = 5 + below(5); count > 0; count--)
    sentences.push(chance(0.45) ? saying({ hero, friend }) : `${sentence({ hero, friend })}.`);
  sentences.push(`So ended the day of ${hero} and ${friend}.`);
  return sentences.join(' ');
}

/** Without the mark that ends it. */
function sentence(cast: Cast): string {
  const deed = `${pick(deeds)} ${pick(things)}`;
  const start = chance(0.3) ? `In the ${pick(weathers)} ${who(cast)}` : capital(who(cast));
  return `${start} ${deed}${chance(0.6) ? ` at ${pick(places)}` : ''}${aside(cast, 0)}`;
}

const who = ({ hero, friend }: Cast): string => (chance(0.5) ? hero : chance(0.5) ? friend : `the ${pick(trades)}`);
const capital = (words: string): string => words[0]!.toUpperCase() + words.slice(1);

function saying(cast: Cast): string {
  const sentences = Array.from({ length: 1 + below(4) }, () => `${sentence(cast)}!`.toUpperCase());
  return `${chance(0.5) ? cast.hero : cast.friend} ${pick(['said', 'told', 'called'])}, "${sentences.join(' ')}"`;
}

/** An aside in brackets: a round one may hold a square one, and that a round one again. */
function aside(cast: Cast, depth: number): string {
  if (depth > 2 || !chance(depth === 0 ? 0.3 : 0.5)) return '';
  const inside = `${who(cast)} ${pick(deeds)} ${pick(things)}${aside(cast, depth + 1)}`;
  return depth % 2 === 0 ? ` (${inside})` : ` [${inside}]`;
}

let text = '';
while (text.length < size) text += `${story()}\n\n`;
writeFileSync(join(root, 'examples', 'village.txt'), text);
