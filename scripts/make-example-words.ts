// Writes examples/words.csv: words of seven invented languages, named after colours. Each has its own sounds, its own way to build a syllable and its own
// endings; neighbours share some of them, and a few words are loans that keep their old sound. So a word can be placed from its letters, but not always.

import { chanceOf, writeExample } from './examples/chance.ts';

/** Sounds are separated by spaces; what stands there twice is twice as likely. `_` is no sound. */
interface Language {
  readonly name: string;
  readonly onsets: string;
  readonly vowels: string;
  readonly codas: string;
  /** Endings of whole words. */
  readonly endings: string;
  readonly syllables: readonly [least: number, most: number];
}

const languages: readonly Language[] = [
  {
    name: 'Amber',
    onsets: 'b d g l m n r r s t v br dr tr',
    vowels: 'a a e i o o u ia',
    codas: '_ _ _ n l r s',
    endings: 'o a io ella ino ante _',
    syllables: [1, 3],
  },
  {
    name: 'Cobalt',
    onsets: 'k t h m n r s sh y ts _',
    vowels: 'a i u e o aa oo',
    codas: '_ _ _ _ n k',
    endings: 'ko ki mi ra _ _ zu',
    syllables: [1, 3],
  },
  {
    name: 'Indigo',
    onsets: 'sk st kr gr fj h l b v hj t s',
    vowels: 'a e i o u y ei au',
    codas: 'r l n rk ld st nd _ g',
    endings: 'ur ir en heim dal _ _ sson',
    syllables: [1, 2],
  },
  {
    name: 'Olive',
    onsets: 'p t k m n l s x ch tl hu _',
    vowels: 'a i o e u a',
    codas: '_ _ l c n x z',
    endings: 'tl tzin can li pa _ _',
    syllables: [2, 3],
  },
  {
    name: 'Ruby',
    onsets: 'b d g k l m n p r s v z zh dr vl pr',
    vowels: 'a e i o u o',
    codas: '_ _ v k l n r sk',
    endings: 'ov ina ski ko ets a _ ich',
    syllables: [1, 3],
  },
  {
    name: 'Slate',
    onsets: 'b c d f g l m n r s t br cr gl th st w',
    vowels: 'a e i o u ea oo ai',
    codas: '_ n r l t ck nd th sh ll',
    endings: 'er ton ley ing _ _ wick ford',
    syllables: [1, 2],
  },
  {
    name: 'Teal',
    onsets: 'k l m n p t h v w _ _',
    vowels: 'a e i o u ua ai ei aa',
    codas: '_ _ _ _ _ _',
    endings: '_ _ na le lani nui ka',
    syllables: [2, 4],
  },
];

const ROWS = 4200;
/** Share of words that one language has from another. */
const LOANS = 0.04;

const chance = chanceOf('words');
const sound = (sounds: string): string => {
  const chosen = chance.pick(sounds.split(' '));
  return chosen === '_' ? '' : chosen;
};

function word({ onsets, vowels, codas, endings, syllables }: Language): string {
  const count = chance.between(...syllables);
  let text = '';
  for (let k = 0; k < count; k += 1) text += sound(onsets) + sound(vowels) + (k === count - 1 || chance.happens(0.4) ? sound(codas) : '');
  const ending = sound(endings);
  // Two vowels do not meet at the seam.
  return /[aeiouy]$/.test(text) && /^[aeiouy]/.test(ending) ? text.slice(0, -1) + ending : text + ending;
}

const rows: string[] = [];
const seen = new Set<string>();
while (rows.length < ROWS) {
  const language = chance.pick(languages);
  const origin = chance.happens(LOANS) ? chance.pick(languages) : language;
  const text = word(origin);
  if (text.length < 3 || text.length > 14 || seen.has(text)) continue;
  seen.add(text);
  rows.push(`${text},${language.name}`);
}
writeExample('words.csv', `word,language\n${rows.join('\n')}\n`);
