// Writes examples/village.txt: short stories made by chance, whose structure reaches over long ranges. A quotation that was opened is
// closed, and is in the first person and the present, while the story around it is in the third person and the past; asides in brackets
// nest and close in order; whoever was introduced at the start of a story is called by that name to its end.

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
const told = ['carried', 'found', 'sold', 'lost', 'mended', 'painted', 'wanted', 'brought'];
const spoken = ['carry', 'find', 'sell', 'lose', 'mend', 'paint', 'want', 'bring'];

function story(): string {
  const name = pick(names);
  const friend = pick(names.filter((other) => other !== name));
  const sentences = [`There was a ${pick(trades)} named ${name} who lived by ${pick(places)}.`];
  for (let count = 4 + below(5); count > 0; count--) sentences.push(chance(0.45) ? saying(name, friend) : happening(name, friend));
  sentences.push(`So ended the day of ${name}.`);
  return sentences.join(' ');
}

function happening(name: string, friend: string): string {
  const kind = uniform();
  if (kind < 0.35) return `In the ${pick(weathers)} ${name} ${pick(told)} ${pick(things)}${aside(0)}.`;
  if (kind < 0.7) return `${name} went to ${pick(places)}${aside(0)} and ${pick(told)} ${pick(things)}.`;
  return `Then ${friend} came to ${pick(places)} and ${pick(told)} ${pick(things)} with ${name}${aside(0)}.`;
}

/** An aside in brackets: a round one may hold a square one, and that a round one again. */
function aside(depth: number): string {
  if (!chance(depth === 0 ? 0.45 : 0.6) || depth > 2) return '';
  const inside = depth % 2 === 0 ? `so they ${pick(['say', 'tell', 'sing'])} by ${pick(places)}` : `${number()} and ${number()} more`;
  return depth % 2 === 0 ? ` (${inside}${aside(depth + 1)})` : ` [${inside}${aside(depth + 1)}]`;
}

const number = (): number => 1 + below(99);

function saying(name: string, friend: string): string {
  const [speaker, listener] = chance(0.7) ? [name, friend] : [friend, name];
  const phrases = Array.from({ length: 1 + below(4) }, () => phrase(listener));
  return `${speaker} ${pick(['said', 'asked', 'called'])}, "${phrases.join(' ')}"`;
}

function phrase(listener: string): string {
  const kind = uniform();
  if (kind < 0.4) return `I ${pick(spoken)} ${pick(things)} and you ${pick(spoken)} ${pick(things)}.`;
  if (kind < 0.7) return `Do we ${pick(spoken)} ${pick(things)} in the ${pick(weathers)}, my ${listener}?`;
  return `We ${pick(spoken)} ${pick(things)} at ${pick(places)}!`;
}

let text = '';
while (text.length < size) text += `${story()}\n\n`;
writeFileSync(join(root, 'examples', 'village.txt'), text);
