// Writes examples/translations.tsv: English sentences of a small grammar, the same in French, and which words say the same. French puts most adjectives behind the noun,
// makes articles and adjectives agree with it, wraps the verb in its negation, and has one verb where English has two words.

import { chanceOf, writeExample } from './examples/chance.ts';

const PAIRS = 2400;
const chance = chanceOf('translations');

/** Words of one side, with the number of what they say: words with a number in common say the same. `loose`: people may disagree. */
interface Word {
  readonly text: string;
  readonly says: readonly number[];
  readonly loose?: boolean;
}
interface Phrase {
  readonly english: readonly Word[];
  readonly french: readonly Word[];
}

interface Noun {
  readonly english: string;
  readonly plural?: string;
  readonly french: string;
  readonly plurals?: string;
  readonly feminine?: boolean;
}
/** Masculine, and feminine where it is another; `before` a vowel, where that is another. */
interface Adjective {
  readonly english: string;
  readonly french: string;
  readonly feminine?: string;
  readonly before?: string;
}
/** I see, he sees; je vois, il voit, nous voyons, ils voient. */
interface Verb {
  readonly english: readonly [plain: string, third: string];
  readonly french: readonly [first: string, third: string, we: string, they: string];
}

const beings: readonly Noun[] = [
  { english: 'cat', french: 'chat' },
  { english: 'dog', french: 'chien' },
  { english: 'girl', french: 'fille', feminine: true },
  { english: 'boy', french: 'garçon' },
  { english: 'queen', french: 'reine', feminine: true },
  { english: 'sailor', french: 'marin' },
  { english: 'baker', french: 'boulanger' },
  { english: 'child', plural: 'children', french: 'enfant' },
  { english: 'cow', french: 'vache', feminine: true },
  { english: 'goat', french: 'chèvre', feminine: true },
  { english: 'bird', french: 'oiseau', plurals: 'oiseaux' },
  { english: 'horse', french: 'cheval', plurals: 'chevaux' },
];
const things: readonly Noun[] = [
  { english: 'house', french: 'maison', feminine: true },
  { english: 'book', french: 'livre' },
  { english: 'boat', french: 'bateau', plurals: 'bateaux' },
  { english: 'flower', french: 'fleur', feminine: true },
  { english: 'apple', french: 'pomme', feminine: true },
  { english: 'letter', french: 'lettre', feminine: true },
  { english: 'hat', french: 'chapeau', plurals: 'chapeaux' },
  { english: 'tree', french: 'arbre' },
  { english: 'door', french: 'porte', feminine: true },
  { english: 'key', french: 'clé', feminine: true },
  { english: 'bridge', french: 'pont' },
  { english: 'lamp', french: 'lampe', feminine: true },
  { english: 'ladder', french: 'échelle', feminine: true },
  { english: 'basket', french: 'panier' },
];
const places: readonly Noun[] = [
  { english: 'garden', french: 'jardin' },
  { english: 'street', french: 'rue', feminine: true },
  { english: 'kitchen', french: 'cuisine', feminine: true },
  { english: 'inn', french: 'auberge', feminine: true },
  { english: 'forest', french: 'forêt', feminine: true },
  { english: 'village', french: 'village' },
  { english: 'church', plural: 'churches', french: 'église', feminine: true },
];
/** Adjectives that stand behind their noun in French, and those that stand before it. */
const behind: readonly Adjective[] = [
  { english: 'red', french: 'rouge' },
  { english: 'yellow', french: 'jaune' },
  { english: 'black', french: 'noir', feminine: 'noire' },
  { english: 'white', french: 'blanc', feminine: 'blanche' },
  { english: 'green', french: 'vert', feminine: 'verte' },
  { english: 'blue', french: 'bleu', feminine: 'bleue' },
  { english: 'strange', french: 'étrange' },
  { english: 'quiet', french: 'tranquille' },
  { english: 'heavy', french: 'lourd', feminine: 'lourde' },
];
const ahead: readonly Adjective[] = [
  { english: 'small', french: 'petit', feminine: 'petite' },
  { english: 'big', french: 'grand', feminine: 'grande' },
  { english: 'pretty', french: 'joli', feminine: 'jolie' },
  { english: 'young', french: 'jeune' },
  { english: 'old', french: 'vieux', feminine: 'vieille', before: 'vieil' },
];
const verbs: readonly Verb[] = [
  { english: ['see', 'sees'], french: ['vois', 'voit', 'voyons', 'voient'] },
  { english: ['find', 'finds'], french: ['trouve', 'trouve', 'trouvons', 'trouvent'] },
  { english: ['carry', 'carries'], french: ['porte', 'porte', 'portons', 'portent'] },
  { english: ['sell', 'sells'], french: ['vends', 'vend', 'vendons', 'vendent'] },
  { english: ['draw', 'draws'], french: ['dessine', 'dessine', 'dessinons', 'dessinent'] },
  { english: ['look for', 'looks for'], french: ['cherche', 'cherche', 'cherchons', 'cherchent'] },
  { english: ['wait for', 'waits for'], french: ['attends', 'attend', 'attendons', 'attendent'] },
  { english: ['love', 'loves'], french: ['aime', 'aime', 'aimons', 'aiment'] },
];
const where: readonly (readonly [english: string, french: string])[] = [
  ['in', 'dans'],
  ['behind', 'derrière'],
  ['in front of', 'devant'],
];

const startsWithVowel = (word: string): boolean => /^[aeiouéêîh]/.test(word);
let meanings = 0;
const meaning = (): number => meanings++;
const words = (text: string, ...says: number[]): Word[] => text.split(' ').map((each) => ({ text: each, says }));

/** An article, an adjective perhaps, and a noun. `isDefinite`: not "a", which a negation turns into another word in French. */
function thing(nouns: readonly Noun[], plural: boolean, isDefinite = false): Phrase {
  const noun = chance.pick(nouns);
  const isFeminine = noun.feminine === true;
  const kind = chance.uniform();
  const adjective = kind < 0.45 ? chance.pick(behind) : kind < 0.65 ? chance.pick(ahead) : undefined;
  const isBehind = kind < 0.45;
  const [what, which, how] = [meaning(), meaning(), meaning()];
  const frenchNoun = plural ? (noun.plurals ?? `${noun.french}s`) : noun.french;
  const next = adjective !== undefined && !isBehind ? adjective.french : frenchNoun;
  const [article, french] = articles(isFeminine, plural, startsWithVowel(next), isDefinite);
  const englishNoun = plural ? (noun.plural ?? `${noun.english}s`) : noun.english;
  const spoken = adjective?.english ?? englishNoun;
  const own = adjective === undefined ? [] : words(agreeing(adjective, isFeminine, plural, !isBehind && startsWithVowel(frenchNoun)), how);
  const named = words(frenchNoun, what);
  const inOrder = isBehind ? [...named, ...own] : [...own, ...named];
  const [first, ...rest] = inOrder as [Word, ...Word[]];
  return {
    english: [
      ...words(article === 'a' && startsWithVowel(spoken) ? 'an' : article, which),
      ...(adjective === undefined ? [] : words(adjective.english, how)),
      ...words(englishNoun, what),
    ],
    french: french.endsWith("'")
      ? [{ text: `${french}${first.text}`, says: [which, ...first.says], loose: true }, ...rest]
      : [...words(french, which), ...inOrder],
  };
}

function articles(isFeminine: boolean, plural: boolean, vowel: boolean, isDefinite: boolean): readonly [english: string, french: string] {
  const kind = chance.below(plural ? 4 : isDefinite ? 2 : 3);
  if (plural)
    return (
      [
        ['the', 'les'],
        ['my', 'mes'],
        ['two', 'deux'],
        ['three', 'trois'],
      ] as const
    )[kind]!;
  const singular = [
    ['the', vowel ? "l'" : isFeminine ? 'la' : 'le'],
    ['my', isFeminine && !vowel ? 'ma' : 'mon'],
    ['a', isFeminine ? 'une' : 'un'],
  ] as const;
  return singular[kind]!;
}

function agreeing({ french, feminine = french, before = french }: Adjective, isFeminine: boolean, plural: boolean, vowel: boolean): string {
  const own = isFeminine ? feminine : vowel && !plural ? before : french;
  return plural && !/[sx]$/.test(own) ? `${own}s` : own;
}

/** Who does it, and in which of the four forms of the verb. */
function subject(): Phrase & { readonly form: 0 | 1 | 2 | 3 } {
  if (chance.happens(0.35)) {
    const [english, french, form] = chance.pick([
      ['I', 'je', 0],
      ['he', 'il', 1],
      ['she', 'elle', 1],
      ['we', 'nous', 2],
      ['they', 'ils', 3],
    ] as const);
    const who = meaning();
    return { english: words(english, who), french: words(french, who), form };
  }
  const plural = chance.happens(0.3);
  return { ...thing(beings, plural), form: plural ? 3 : 1 };
}

function sentence(): Phrase {
  const { form, ...who } = subject();
  const verb = chance.pick(verbs);
  const [does, not] = [meaning(), meaning()];
  const french = verb.french[form];
  const isNegated = chance.happens(0.2);
  const english = isNegated
    ? [
        ...words(form === 1 ? 'does' : 'do', not, does).map((word) => ({ ...word, loose: true })),
        ...words('not', not),
        ...words(verb.english[0], does),
      ]
    : words(verb.english[form === 1 ? 1 : 0], does);
  const done = isNegated ? negated(french, does, not) : words(french, does);
  const what = thing(chance.happens(0.3) ? beings : things, chance.happens(0.25), isNegated);
  const place = chance.happens(0.35) ? placed() : { english: [], french: [] };
  const joined = elided(who.french, done);
  return { english: [...who.english, ...english, ...what.english, ...place.english], french: [...joined, ...what.french, ...place.french] };
}

const negated = (verb: string, does: number, not: number): Word[] =>
  startsWithVowel(verb)
    ? [{ text: `n'${verb}`, says: [not, does], loose: true }, ...words('pas', not)]
    : [...words('ne', not), ...words(verb, does), ...words('pas', not)];

/** je aime: j'aime. */
function elided(who: readonly Word[], [first, ...rest]: readonly Word[]): readonly Word[] {
  const last = who.at(-1)!;
  if (last.text !== 'je' || !startsWithVowel(first!.text)) return [...who, first!, ...rest];
  return [...who.slice(0, -1), { text: `j'${first!.text}`, says: [...last.says, ...first!.says], loose: true }, ...rest];
}

function placed(): Phrase {
  const [english, french] = chance.pick(where);
  const [side, place] = [meaning(), thing(places, false)];
  return { english: [...words(english, side), ...place.english], french: [...words(french, side), ...place.french] };
}

const textOf = (side: readonly Word[]): string => side.map(({ text }) => text).join(' ');

function alignmentOf({ english, french }: Phrase): string {
  return english
    .flatMap((own, from) =>
      french.flatMap((other, to) =>
        own.says.some((each) => other.says.includes(each)) ? [`${from}${own.loose || other.loose ? '?' : '-'}${to}`] : [],
      ),
    )
    .join(' ');
}

const lines = new Map<string, string>();
while (lines.size < PAIRS) {
  const phrase = sentence();
  const english = textOf(phrase.english);
  lines.set(english, `${english}\t${textOf(phrase.french)}\t${alignmentOf(phrase)}`);
}
writeExample('translations.tsv', `${[...lines.values()].join('\n')}\n`);
