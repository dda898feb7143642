// Writes examples/sentences.tsv: sentences of a small grammar with the kind of each word. Many words are of two kinds, and what they are is told by what stands
// before them ("the paint", "they paint"), or only by what comes after: "the old paint dries", "the old paint the fence"; "the light boat", "the light falls".

import { chanceOf, writeExample } from './examples/chance.ts';

const SENTENCES = 2200;
const chance = chanceOf('sentences');

/** A word and its kind. */
type Tagged = readonly [word: string, tag: string];

const words = {
  /** Nouns that are verbs too: they stand in both lists. */
  both: ['watch', 'plant', 'paint', 'fish', 'walk', 'guard', 'cook', 'ship', 'store', 'dream', 'answer', 'visit'],
  nouns: [
    'boat',
    'fence',
    'river',
    'harbour',
    'baker',
    'miller',
    'lantern',
    'garden',
    'bridge',
    'clock',
    'wagon',
    'child',
    'tower',
    'field',
  ],
  verbs: ['carry', 'mend', 'find', 'follow', 'sell', 'remember', 'lose', 'bring'],
  resting: ['sleep', 'wait', 'sing', 'laugh', 'return', 'stop'],
  /** Adjectives that are nouns too. */
  things: ['light', 'orange', 'iron', 'square', 'cold', 'glass'],
  /** Adjectives that stand for people: the old. */
  people: ['old', 'young', 'brave', 'poor', 'strong', 'quiet'],
  adjectives: ['red', 'small', 'wide', 'heavy', 'early', 'broken', 'blue'],
  adverbs: ['often', 'slowly', 'never', 'soon', 'gladly', 'well'],
  determiners: ['the', 'the', 'the', 'a', 'this', 'that', 'some', 'her'],
  prepositions: ['in', 'near', 'behind', 'over', 'before', 'to'],
};

const syllables = ['mi', 'ra', 'to', 'len', 'ka', 'bo', 'dri', 'sol', 'va', 'nu', 'er', 'tis'];
const names = Array.from({ length: 700 }, () => {
  const name = Array.from({ length: chance.between(2, 3) }, () => chance.pick(syllables)).join('');
  return name[0]!.toUpperCase() + name.slice(1);
});

const noun = (): Tagged => {
  const list = chance.happens(0.45) ? words.both : chance.happens(0.15) ? words.things : words.nouns;
  return [chance.pick(list), 'noun'];
};
const adjective = (): Tagged => {
  const list = chance.happens(0.3) ? words.things : chance.happens(0.4) ? words.people : words.adjectives;
  return [chance.pick(list), 'adjective'];
};
const verb = (): Tagged => [chance.pick(chance.happens(0.6) ? words.both : words.verbs), 'verb'];

/** Somebody or something. */
function subject(): Tagged[] {
  const kind = chance.uniform();
  if (kind < 0.16) return [[chance.pick(names), 'name']];
  if (kind < 0.3) return [[chance.pick(['they', 'we', 'you', 'I']), 'pronoun']];
  if (kind < 0.48)
    return [
      ['the', 'determiner'],
      [chance.pick(words.people), 'noun'],
    ];
  return thing(true);
}

function object(): Tagged[] {
  const kind = chance.uniform();
  if (kind < 0.15) return [[chance.pick(['her', 'them', 'us', 'it']), 'pronoun']];
  if (kind < 0.25) return [[chance.pick(names), 'name']];
  return thing(false);
}

function thing(mayBeLong: boolean): Tagged[] {
  const adjectives = chance.happens(0.5) ? (chance.happens(0.2) ? [adjective(), adjective()] : [adjective()]) : [];
  const own: Tagged[] = [[chance.pick(words.determiners), 'determiner'], ...adjectives, noun()];
  if (mayBeLong && chance.happens(0.12)) return [...own, ['that', 'pronoun'], ...subject(), verb()];
  return own;
}

function clause(): Tagged[] {
  const often: Tagged[] = chance.happens(0.18) ? [[chance.pick(words.adverbs), 'adverb']] : [];
  const kind = chance.uniform();
  const where: Tagged[] = chance.happens(0.4) ? [[chance.pick(words.prepositions), 'preposition'], ...thing(false)] : [];
  if (kind < 0.35) return [...subject(), ...often, [chance.pick(words.resting), 'verb'], ...where];
  if (kind < 0.5)
    return [...subject(), ...often, [chance.pick(['want', 'hope', 'begin']), 'verb'], ['to', 'particle'], verb(), ...object()];
  return [...subject(), ...often, verb(), ...object(), ...where];
}

function sentence(): Tagged[] {
  const kind = chance.uniform();
  if (kind < 0.12)
    return [[chance.pick(names), 'name'], [chance.pick(['says', 'knows', 'sees']), 'verb'], ['that', 'conjunction'], ...clause()];
  if (kind < 0.2) return [['before', 'conjunction'], ...clause(), ...clause()];
  if (kind < 0.34) return [...clause(), [chance.pick(['and', 'but', 'while']), 'conjunction'], ...clause()];
  return clause();
}

const rows = Array.from({ length: SENTENCES }, () => {
  const own = [...sentence(), ['.', 'stop'] as const];
  return `${own.map(([word]) => word).join(' ')}\t${own.map(([, tag]) => tag).join(' ')}`;
});
writeExample('sentences.tsv', `words\ttags\n${rows.join('\n')}\n`);
