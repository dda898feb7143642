// Words of sentences: punctuation by itself, and cut at apostrophes, so that `l'homme` and `l'eau` have the article in common, `don't` and `can't` the
// negation. What was cut is known by its apostrophe, and is put together again without a space.

/** Numbers with their points and commas; words with hyphens and apostrophes in them; points that belong together; every other visible character. */
const WORDS = /\p{N}+(?:[.,:]\p{N}+)+|[\p{L}\p{M}\p{N}]+(?:['’_-][\p{L}\p{M}\p{N}]+)*['’]?|\.{2,}|[^\s]/gu;

/** What English puts behind a word: its apostrophe belongs to what follows. */
const BEHIND = /^(?:n['’]t|['’](?:s|m|d|t|re|ve|ll))$/iu;
const NEGATED = /^(.+)(n['’]t)$/iu;
const PARTS = /[^'’]+['’]?|['’]/gu;

/** Hands on the words of a text. */
export function visitWords(text: string, visit: (word: string) => void): void {
  for (const [found] of text.matchAll(WORDS)) {
    if (!/['’]/u.test(found) || found.length === 1) visit(found);
    else for (const part of partsOf(found)) visit(part);
  }
}

/** `l'homme` is l' homme, `don't` do n't, `it's` it 's, `qu'est-ce` qu' est-ce; an apostrophe at the end (`dogs'`) is a mark of its own. */
function partsOf(word: string): string[] {
  const quoted = /^(.+)(['’])$/u.exec(word);
  if (quoted !== null) return [...partsOf(quoted[1]!), quoted[2]!];
  const negated = NEGATED.exec(word);
  if (negated !== null) return [...partsOf(negated[1]!), negated[2]!];
  const behind = /^(.+)(['’][^'’]+)$/u.exec(word);
  if (behind !== null && BEHIND.test(behind[2]!)) return [...partsOf(behind[1]!), behind[2]!];
  return word.match(PARTS) ?? [word];
}

/** What follows stands without a space: `l'`. */
export const joinsNext = (word: string): boolean => word.length > 1 && /['’]$/u.test(word);
/** It stands behind the word before it without a space: `n't`, `'s`, `...`. */
export const joinsPrevious = (word: string): boolean => BEHIND.test(word) || /^\.{2,}$/u.test(word);
