// Writes examples/shop.txt: conversations between a stranger and the keeper of a village shop, a turn a line. What the keeper says follows from what was said: the name, the
// thing or the place is in it, and prices and ways are always the same.

import { chanceOf, writeExample } from './examples/chance.ts';

const CONVERSATIONS = 700;
const chance = chanceOf('dialogue');

const names = [
  'anna',
  'bela',
  'carlo',
  'dora',
  'emil',
  'frida',
  'gustav',
  'hanna',
  'ivo',
  'jana',
  'karl',
  'lena',
  'mira',
  'nils',
  'olga',
  'pavel',
];
/** What one of them costs. */
const prices: Readonly<Record<string, string>> = {
  apples: 'two',
  bread: 'three',
  candles: 'five',
  cheese: 'nine',
  eggs: 'four',
  honey: 'eight',
  lamps: 'twenty',
  milk: 'two',
  paper: 'six',
  rope: 'seven',
  salt: 'one',
  soap: 'three',
};
const missing = ['boats', 'gold', 'clocks', 'maps', 'silk', 'tea'];
/** Where it stands, and how many minutes one walks. */
const ways: Readonly<Record<string, readonly [where: string, minutes: string]>> = {
  church: ['behind the old bridge', 'ten'],
  harbour: ['at the end of this street', 'five'],
  inn: ['beside the church', 'eleven'],
  mill: ['up the river', 'thirty'],
  school: ['across the square', 'two'],
  station: ['beyond the mill', 'forty'],
  tower: ['on the hill', 'twenty'],
};
const things = Object.keys(prices);
const places = Object.keys(ways);

type Exchange = readonly [said: string, reply: string];

function asked(): readonly Exchange[] {
  const thing = chance.pick(things);
  const question = chance.pick([`do you have ${thing}?`, `i am looking for ${thing}.`, `have you any ${thing}?`]);
  const price = prices[thing]!;
  return [
    [question, `yes, the ${thing} ${thing.endsWith('s') ? 'are' : 'is'} over there.`],
    [`how much for the ${thing}?`, `${price} ${price === 'one' ? 'crown' : 'crowns'} for the ${thing}.`],
  ];
}

function missed(): readonly Exchange[] {
  const thing = chance.pick(missing);
  return [[chance.pick([`do you have ${thing}?`, `i am looking for ${thing}.`]), `no, we have no ${thing} here.`]];
}

function way(): readonly Exchange[] {
  const place = chance.pick(places);
  const [where, minutes] = ways[place]!;
  return [
    [chance.pick([`where is the ${place}?`, `how do i find the ${place}?`]), `the ${place} is ${where}.`],
    [`is it far to the ${place}?`, `it is ${minutes} minutes on foot.`],
  ];
}

function conversation(): string {
  const name = chance.pick(names);
  const greeting: Exchange = [
    chance.pick([`hello, i am ${name}.`, `good day, my name is ${name}.`]),
    `welcome, ${name}. what can i do for you?`,
  ];
  const middle = Array.from({ length: chance.between(1, 2) }, () => chance.pick([asked, asked, missed, way])()).flat();
  const end: Exchange = [chance.pick(['thank you, goodbye.', 'that is all, thank you.']), 'goodbye, and come again.'];
  return [greeting, ...middle, end].flat().join('\n');
}

writeExample('shop.txt', `${Array.from({ length: CONVERSATIONS }, conversation).join('\n\n')}\n`);
