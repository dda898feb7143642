// Which words of a pair say the same, as people have marked them: `0-0 1-2`, the place of a word of the source and that of a word of the target, from 0;
// `1?2` and `1p2` where they were not sure (Och & Ney 2003).

import type { Vocabulary } from '../shared/dataset.ts';
import type { Link } from '../shared/trace.ts';
import { coderOf, visitTokens } from './vocabulary.ts';

const FORM = /^(?:\d+[-?p]\d+(?:\s+|$))*$/;

export const isAlignment = (text: string): boolean => FORM.test(text.trim());

/** Undefined where the text is no alignment, or has a place that the pair does not have. Words are what white space sets apart. */
export function parseAlignment(text: string, source: string, target: string): readonly Link[] | undefined {
  if (!isAlignment(text)) return undefined;
  const [most, mostOther] = [wordsOf(source).length, wordsOf(target).length];
  const links = Array.from(text.matchAll(/(\d+)([-?p])(\d+)/g), ([, from, mark, to]) => ({
    source: Number(from),
    target: Number(to),
    sure: mark === '-',
  }));
  return links.every((link) => link.source < most && link.target < mostOther) ? links : undefined;
}

/** The same links between steps: every token of a word with every token of the other. Sides that stand between ‹begin› and ‹end› begin at step 1. */
export function stepsOfLinks(
  links: readonly Link[],
  source: { readonly text: string; readonly vocabulary: Vocabulary; readonly framed: boolean },
  target: typeof source,
): readonly Link[] {
  const [from, to] = [spansOf(source), spansOf(target)];
  return links.flatMap(({ source: a, target: b, sure }) =>
    from[a]!.flatMap((own) => to[b]!.map((other) => ({ source: own, target: other, sure }))),
  );
}

const wordsOf = (text: string): readonly string[] => text.match(/\S+/g) ?? [];

/** The steps of each word. No token goes beyond a word; a piece takes the space before it along. */
function spansOf({
  text,
  vocabulary,
  framed,
}: {
  readonly text: string;
  readonly vocabulary: Vocabulary;
  readonly framed: boolean;
}): number[][] {
  const coder = coderOf(vocabulary);
  let step = framed ? 1 : 0;
  return Array.from(text.matchAll(/(\s*)(\S+)(\s*$)?/g), ([, before = '', word = '', after = '']) => {
    const steps: number[] = [];
    const take = (part: string, isWord: boolean): void =>
      visitTokens(part, vocabulary, (token) => {
        for (let k = coder(token).length; k > 0; k -= 1) {
          if (isWord) steps.push(step);
          step += 1;
        }
      });
    // The last space before a word is the word's own where texts are cut into pieces; the others are steps of no word.
    const own = vocabulary.by === 'pieces' && before.endsWith(' ') ? ' ' : '';
    take(before.slice(0, before.length - own.length), false);
    take(own + word, true);
    take(after, false);
    return steps;
  });
}
